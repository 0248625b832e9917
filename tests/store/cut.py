"""A wire to PostgreSQL that is cut as told: before a commit reaches the server, after it did, or altogether."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from pathlib import Path
from typing import Self

#: What a commit looks like on the wire: a statement of its own.
COMMIT = b"\0COMMIT\0"
NAME = ".s.PGSQL.5432"


class Cut:
    """Listens where clients think the server is, and passes on what they say until it is told not to."""

    def __init__(self, url: str) -> None:
        """Stand before the server of a URL that names a socket's folder."""
        database, _, self._folder = url.partition("?host=")
        self._here = tempfile.TemporaryDirectory(prefix="cut-", dir="/tmp")
        self.url = f"{database}?host={self._here.name}"
        self._listening: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        #: How many commits from now on never reach the server, and how many do but nobody hears of it.
        self.before = 0
        self.after = 0
        #: Whether no connection is taken once such a commit came.
        self.closes = False
        #: How many commits were passed on.
        self.commits = 0

    def __enter__(self) -> Self:
        """Take connections."""
        self.mend()
        return self

    def __exit__(self, *_: object) -> None:
        """Cut all and go."""
        self.cut()
        for thread in self._threads:
            thread.join(20)
        self._here.cleanup()

    def mend(self) -> None:
        """Take connections again."""
        path = Path(self._here.name, NAME)
        path.unlink(missing_ok=True)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._start(self._accept, self._listening)

    def cut(self) -> None:
        """End every connection, and take none."""
        self._close()
        for each in list(self._open):
            _end(each)

    def _close(self) -> None:
        """Take no connection any more."""
        listening, self._listening = self._listening, None
        if listening is not None:
            _end(listening)

    def _start(self, run, *args: object) -> None:
        thread = threading.Thread(target=run, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(Path(self._folder, NAME)))
                self._open |= {client, server}
                self._start(self._pass_on, client, server)
                self._start(self._pass_back, server, client)
        listening.close()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while said := client.recv(65536):
                if COMMIT in said:
                    self.commits += 1
                    if self.before:
                        self.before -= 1
                        break
                    if self.after:
                        self.after -= 1
                        if self.closes:
                            self._close()
                        # Its reply goes nowhere, but the server has all it needs.
                        _end(client)
                server.sendall(said)
        self._hang_up(client, server)

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while told := server.recv(65536):
                client.sendall(told)
        self._hang_up(client, server)

    def _hang_up(self, *ends: socket.socket) -> None:
        for end in ends:
            _end(end)
            self._open.discard(end)
            end.close()


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
