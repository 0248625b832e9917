"""The HTTP server: uvicorn, told how HTTP and TLS are spoken, and to let those who wait go before it stops.
Rule: it knows nothing of what it serves."""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Final

import uvicorn

from answerdesk.api.app import App
from answerdesk.api.patience import PatientProtocol

if TYPE_CHECKING:
    # What it imports costs a quarter of a second, and serves https alone.
    from answerdesk.api.certificates import Certificate

#: How long a stopping server waits for requests under way.
STOP_SECONDS: Final = 3
#: The most files that are ever asked for.
MOST_FILES: Final = 65_536


def http_config(app: App, certificate: Certificate | None = None) -> uvicorn.Config:
    """Say how HTTP is spoken."""
    files = (str(certificate.chain), str(certificate.key)) if certificate else (None, None)
    return uvicorn.Config(
        app, http=PatientProtocol, ws="none", lifespan="off", access_log=False, log_config=None,
        server_header=False, date_header=False, timeout_graceful_shutdown=STOP_SECONDS, proxy_headers=False,
        timeout_keep_alive=75, backlog=4096, ssl_certfile=files[0], ssl_keyfile=files[1],
    )  # fmt: skip


class Server(uvicorn.Server):
    """uvicorn, which lets waiting requests go before it waits for them."""

    def __init__(self, config: uvicorn.Config, release: Callable[[], None]) -> None:
        """Take what to call when stopping begins."""
        super().__init__(config)
        self._release = release
        #: Set once connections are taken.
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then say so."""
        await super().startup(sockets=sockets)
        self.up.set()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop as uvicorn does, but raise no signal again at the end: what runs beside is taken down in order."""
        del frame
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Release, then stop as uvicorn does."""
        self._release()
        await super().shutdown(sockets=sockets)


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one; gives it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, MOST_FILES) if hard != resource.RLIM_INFINITY else MOST_FILES
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)
