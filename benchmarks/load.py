"""A load generator: raw connections, one request in flight on each, requests encoded beforehand.
Rule: it does as little as it can for each reply, so that the server's core is the one that is full."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import msgspec

#: Gives a connection's next request for the body of the last reply (empty at first), None when it is done.
Source = Callable[[bytes], bytes | None]

_LENGTH: Final = b"content-length: "


def post(path: str, body: object, **headers: str) -> bytes:
    """Encode a POST of JSON."""
    encoded = msgspec.json.encode(body)
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{more}"
    return f"{head}content-length: {len(encoded)}\r\n\r\n".encode() + encoded


def get(path: str, **headers: str) -> bytes:
    """Encode a GET."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{more}\r\n".encode()


@dataclass(slots=True)
class Tally:
    """What came of a load."""

    #: Part of every good reply.
    expect: bytes
    #: Seconds from a request's last byte to its reply's, in the order of the replies.
    waits: list[float] = field(default_factory=list)
    wrong: list[bytes] = field(default_factory=list)
    seconds: float = 0.0
    #: CPU seconds of the server meanwhile.
    cpu: float = 0.0

    def __post_init__(self) -> None:
        """Name what is expected."""
        if not self.expect:
            msg = "every reply contains nothing: say what a good one contains"
            raise ValueError(msg)

    def percentile(self, share: float) -> float:
        """Give the wait that a share of the requests did not exceed."""
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.waits) / self.seconds

    @property
    def cpu_rate(self) -> float:
        """Requests a second of the server's CPU time."""
        return len(self.waits) / self.cpu

    @property
    def busy(self) -> float:
        """How full the server kept its core."""
        return self.cpu / self.seconds

    def check(self) -> None:
        """Fail if any reply was not as expected."""
        if self.wrong:
            msg = f"{len(self.wrong)} of {len(self.waits)} replies were wrong, such as {self.wrong[0][:500]!r}"
            raise AssertionError(msg)


class Connection(asyncio.Protocol):
    """One connection, asking again as soon as it was answered."""

    __slots__ = ("_buffer", "_needed", "_sent", "_source", "_transport", "_until", "done", "heard", "tally")

    def __init__(self, source: Source, tally: Tally, until: float, done: asyncio.Future[None]) -> None:
        """Ask what `source` says until a time on the performance counter."""
        self._source = source
        self.tally = tally
        self._until = until
        self.done = done
        #: When the last reply was whole.
        self.heard = 0.0
        self._buffer = b""
        self._needed = 0
        self._sent = 0.0
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Ask first."""
        self._transport = transport
        self._ask(b"")

    def data_received(self, data: bytes) -> None:
        """Count a reply once it is whole."""
        if self._buffer:
            data = self._buffer + data
        if not self._needed:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = data
                return
            at = data.index(_LENGTH) + len(_LENGTH)
            self._needed = end + 4 + int(data[at : data.index(b"\r", at)])
        if len(data) < self._needed:
            self._buffer = data
            return
        self._buffer, self._needed = b"", 0
        tally = self.tally
        self.heard = now = time.perf_counter()
        tally.waits.append(now - self._sent)
        if tally.expect not in data:
            tally.wrong.append(data)
        if now >= self._until:
            self._finish()
        else:
            self._ask(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """End, whoever hung up."""
        if not self.done.done():
            self.tally.wrong.append(b"the connection was closed: %r" % exc)
            self.done.set_result(None)

    def _ask(self, reply: bytes) -> None:
        request = self._source(reply)
        if request is None:
            self._finish()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
        self._transport.close()


def each(requests: Iterator[bytes]) -> Source:
    """Ask one request after the other, whatever is replied; connections may share the iterator."""
    return lambda _: next(requests, None)


async def load(port: int, sources: list[Source], tally: Tally, seconds: float, cpu: Callable[[], float]) -> Tally:
    """Ask on one connection for each source until the time is up; `cpu` gives the server's CPU seconds."""
    loop = asyncio.get_running_loop()
    gc.collect()
    gc.disable()
    try:
        began, used = time.perf_counter(), cpu()
        connections = [Connection(source, tally, began + seconds, loop.create_future()) for source in sources]
        for connection in connections:
            await loop.create_connection(partial(_same, connection), "127.0.0.1", port)
        await asyncio.gather(*(connection.done for connection in connections))
        tally.seconds += time.perf_counter() - began
        tally.cpu += cpu() - used
    finally:
        gc.enable()
    return tally


def _same(connection: Connection) -> Connection:
    return connection


class Caller:
    """One connection for one who asks, waits, and asks according to the reply."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take an open connection."""
        self._reader = reader
        self._writer = writer

    @classmethod
    async def at(cls, port: int) -> Caller:
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**20))

    async def ask(self, request: bytes) -> Any:
        """Give the reply's JSON."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        at = head.index(_LENGTH) + len(_LENGTH)
        body = await self._reader.readexactly(int(head[at : head.index(b"\r", at)]))
        if b" 200 " not in head[:16]:
            msg = f"{head[:15]!r}: {body[:300]!r}"
            raise AssertionError(msg)
        return msgspec.json.decode(body)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()
