"""An HTTP protocol that does not wait for ever: connections whose request head never arrives are closed.
Rule: costs nothing per request; one sweep every few seconds looks at all connections."""

from __future__ import annotations

import time
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: How long a client may take to send the head of a request.
HEAD_SECONDS: Final = 15.0


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, remembering since when the head of a request is awaited."""

    #: Monotonic time since when a head is incomplete, 0 while none is.
    head_since = 0.0

    def connection_made(self, transport: Any) -> None:
        """Start the clock: a connection is opened to send something."""
        self.head_since = time.monotonic()
        super().connection_made(transport)

    def on_message_begin(self) -> None:
        """Start the clock: the first bytes of a request came."""
        self.head_since = time.monotonic()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop the clock: the head is whole."""
        self.head_since = 0.0
        super().on_headers_complete()


def sweep(connections: set[Any], now: float) -> int:
    """Close the connections whose head is overdue; gives how many."""
    overdue = [
        connection
        for connection in connections
        if isinstance(connection, PatientProtocol)
        and connection.head_since
        and now - connection.head_since > HEAD_SECONDS
    ]
    for connection in overdue:
        connection.transport.close()
    return len(overdue)
