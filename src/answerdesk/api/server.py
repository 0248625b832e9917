"""The HTTP server: uvicorn, told how HTTP and TLS are spoken, and to let those who wait go before it stops.
Rule: it knows nothing of what it serves."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from answerdesk.api.patience import PatientProtocol, ServerState

if TYPE_CHECKING:
    # What it imports costs a quarter of a second, and serves https alone.
    from answerdesk.api.certificates import Certificate

#: How long a stopping server waits for requests under way.
STOP_SECONDS: Final = 3
#: How many objects are made before the youngest are searched for cycles, and how many such searches go before one of
#: the older, and of all: next to nothing here is in a cycle, and to search what 10,000 held polls have takes 0.15 s.
#: What a few hundred calls under way have is not searched: it is gone before it would be worth it.
COLLECT: Final = (25_000, 4, 200)
#: How long a busy loop may keep a commit that is durable from being told of.
SWITCH_SECONDS: Final = 0.0001
#: The most files that are ever asked for.
MOST_FILES: Final = 65_536


def http_config(app: Any, certificate: Certificate | None = None) -> uvicorn.Config:
    """Say how HTTP is spoken."""
    files = (str(certificate.chain), str(certificate.key)) if certificate else (None, None)
    return uvicorn.Config(
        app, http=PatientProtocol, ws="none", lifespan="off", access_log=False, log_config=None,
        server_header=False, date_header=False, timeout_graceful_shutdown=STOP_SECONDS, proxy_headers=False,
        timeout_keep_alive=75, backlog=4096, ssl_certfile=files[0], ssl_keyfile=files[1],
    )  # fmt: skip


class Server(uvicorn.Server):
    """uvicorn, which lets waiting requests go before it waits for them."""

    def __init__(
        self, config: uvicorn.Config, leave: Callable[[], None], release: Callable[[], None], drain: float = 0.0
    ) -> None:
        """Take what to call when it is told to stop, and when it stops, `drain` seconds later."""
        super().__init__(config)
        self.server_state: ServerState = ServerState()
        self._leave = leave
        self._release = release
        self._drain = drain
        self._loop: asyncio.AbstractEventLoop | None = None
        #: Set once connections are taken.
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then say so."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets=sockets)
        self.up.set()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Leave, then stop; no signal is raised again at the end: what runs beside is taken down in order.

        Whoever sits before the server, or tells it twice, is not made to wait until others look elsewhere.
        """
        del frame
        self.force_exit = self.should_exit and sig == signal.SIGINT
        if self._loop is None or self._leaving or sig == signal.SIGINT or not self._drain:
            self.should_exit = True
        if self._loop is not None and not self._leaving:
            self._loop.call_soon_threadsafe(self.leave)

    @property
    def _leaving(self) -> bool:
        return self.server_state.leaving

    def leave(self) -> None:
        """Send those who wait on, keep no connection for a next request, and stop once that has been heard of."""
        if self._leaving:
            return
        self.server_state.leaving = True
        for connection in self.server_state.connections:
            if isinstance(connection, PatientProtocol):
                connection.leave()
        self._leave()
        if not self.should_exit:
            asyncio.get_running_loop().call_later(self._drain, self._stop)

    def _stop(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Leave and release, then stop as uvicorn does."""
        self.leave()
        self._release()
        await super().shutdown(sockets=sockets)


def run_smoothly() -> None:
    """Keep no call waiting for the collector or for another thread; what was made so far stays, and is not searched."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)
    sys.setswitchinterval(SWITCH_SECONDS)


def raise_file_limit() -> int:
    """Raise the soft limit of open files to the hard one; gives it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, MOST_FILES) if hard != resource.RLIM_INFINITY else MOST_FILES
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)
