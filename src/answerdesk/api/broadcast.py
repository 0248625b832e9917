"""One piece of a body written to many connections: framed once, and without a turn of each connection's task.
Rule: a connection that does not keep up is left alone; its own task sends on when it can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from answerdesk.api.http import Scope, Send

#: Under what a server offers this in a scope's extensions: what makes a `Pour` of the call's `send`.
EXTENSION: Final = "answerdesk.broadcast"

#: Writes a framed piece at once; False when the connection does not take it now.
Pour = Callable[[bytes], bool]


def pour_of(scope: Scope, send: Send) -> Pour | None:
    """Give how to write to a call's connection once its response has begun, None where its server does not offer it."""
    offered: Callable[[Send], Pour] | None = (scope.get("extensions") or {}).get(EXTENSION)
    return offered(send) if offered else None


def framed(piece: bytes) -> bytes:
    """Frame a piece of a body whose length was not told."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def _pour_of_uvicorn(send: Any) -> Pour:
    """Write to the transport of a uvicorn cycle, whose method `send` is."""
    cycle = send.__self__
    flow, transport = cycle.flow, cycle.transport

    def pour(piece: bytes) -> bool:
        if flow.write_paused or cycle.response_complete or transport.is_closing():
            return False
        transport.write(piece)
        return True

    return pour


#: One for all requests, so that none pays for it.
OFFERED: Final[dict[str, Any]] = {EXTENSION: _pour_of_uvicorn}
