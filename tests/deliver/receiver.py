"""Receivers of callbacks on this machine, and a watch on every connection this process makes.
Rule: a receiver does what a test tells it, the bad things too, and remembers what came."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
#: A receiver that takes the request and says nothing.
SILENCE = b""
PATIENCE = 20.0


def status(number: int, *headers: str) -> bytes:
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {number} So\r\ncontent-length: 0\r\n{lines}\r\n".encode()


class Posted(NamedTuple):
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """A server on the loopback that answers what it is told, the last thing for ever."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers or (OK,))
        self.posts: list[Posted] = []
        self.connections = 0
        self.open = 0
        self.most_open = 0
        #: The names that were asked for over TLS.
        self.names: list[str | None] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            given = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in head[1:] if line}
            self.posts.append(Posted(head[0], given, body))
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            writer.write(answer)
            await writer.drain()
            if not answer:
                await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    def server_name(self, line: Any, name: str | None, context: ssl.SSLContext) -> None:
        del line, context
        self.names.append(name)


@contextlib.asynccontextmanager
async def receiving(receiver: Receiver, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Run a receiver for the length of a with-block."""
    if tls is not None:
        tls.sni_callback = receiver.server_name
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


async def so(true: Callable[[], Any], what: str = "it") -> None:
    """Wait until something holds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    while not true():
        if loop.time() > end:
            msg = f"{what}: not so after {PATIENCE:.0f} s"
            raise TimeoutError(msg)
        await asyncio.sleep(0.01)


class Names:
    """A name server that is handed in: what it says of a name, and what it was asked."""

    def __init__(self) -> None:
        self.said: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []

    def say(self, name: str, *answers: list[str]) -> None:
        """Answer a name with each of these in turn, the last for ever."""
        self.said[name] = list(answers)

    async def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        answers = self.said.get(host, [["127.0.0.1"]])
        return answers.pop(0) if len(answers) > 1 else answers[0]


class Watch:
    """Where this process connected to and which names it looked up itself, while it was watched."""

    def __init__(self) -> None:
        self.connected: list[Any] = []
        self.looked_up: list[Any] = []


_watches: list[Watch] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    for watch in _watches:
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            watch.connected.append(arguments[1][:2])
        elif event == "socket.getaddrinfo":
            watch.looked_up.append(arguments[0])


_hooked = False


@contextlib.contextmanager
def watching() -> Iterator[Watch]:
    """Watch this process's sockets; the interpreter itself tells."""
    global _hooked  # noqa: PLW0603 - an audit hook can be added once and never taken away
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked = True
    watch = Watch()
    _watches.append(watch)
    try:
        yield watch
    finally:
        _watches.remove(watch)
