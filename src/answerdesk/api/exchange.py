"""One request on a connection and its reply: uvicorn's cycle, with a short way for what comes and goes in one piece.
Rule: whatever is streamed or arrives in pieces goes uvicorn's own way; the bytes on the line are the same."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from answerdesk.api.http import WHOLE, Answer, id_of


class Bell(asyncio.Event):
    """An event without the deque of those who wait for it; here they are one."""

    def __init__(self, *, rung: bool = False) -> None:
        """Begin as asyncio's own does, but with a list."""
        self._waiters: list[asyncio.Future[Any]] = []  # type: ignore[assignment]
        self._value = rung


class Exchange(RequestResponseCycle):
    """A request and its reply; what most requests never change is the class's, so that making one costs little."""

    logger = logging.getLogger("uvicorn.error")
    access_logger = logging.getLogger("uvicorn.access")
    access_log = False
    default_headers = []  # noqa: RUF012 - uvicorn copies it
    disconnected = False
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding = None
    expected_content_length = 0
    #: What came of the body and nobody has taken yet.
    body: Any = b""
    _event: asyncio.Event | None = None

    def __init__(self, connection: HttpToolsProtocol, scope: dict[str, Any], *, keep_alive: bool) -> None:
        """Begin with a request whose head is whole."""
        self.scope = scope  # type: ignore[assignment]  # uvicorn's type has none of our extensions
        self.transport = connection.transport
        self.flow = connection.flow
        self.on_response = connection.on_response_complete
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = connection.expect_100_continue

    @property
    def message_event(self) -> asyncio.Event:  # type: ignore[override]  # uvicorn makes one for every request
        """Tells who waits for more of the body, or for its client to leave; made for the first who waits."""
        if self._event is None:
            self._event = Bell(rung=bool(self.body) or not self.more_body)
        return self._event

    def take(self, piece: bytes) -> None:
        """Take in a piece of the body; most bodies are one."""
        if not self.body:
            self.body = piece
        elif type(self.body) is bytes:
            self.body = bytearray(self.body) + piece
        else:
            self.body += piece
        if self._event is not None:
            self._event.set()

    def complete(self) -> None:
        """Take note that the body is whole."""
        self.more_body = False
        if self._event is not None:
            self._event.set()

    async def receive(self) -> Any:
        """Give the body at once if it came whole before anybody asked for it."""
        if self._event is None and not (self.more_body or self.disconnected or self.response_complete):
            # From now on only the client's leaving is left to wait for.
            self._event = Bell()
            body, self.body = bytes(self.body), b""
            return {"type": "http.request", "body": body, "more_body": False}
        return await super().receive()

    async def send(self, message: Any) -> None:
        """Send a whole reply at once, anything else as uvicorn does."""
        if message["type"] != WHOLE:
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if not self.disconnected:
            self.reply(message["answer"])

    def reply(self, answer: Answer) -> None:
        """Write a whole reply and end the exchange."""
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        if answer.headers and (b"connection", b"close") in answer.headers:
            self.keep_alive = False
        head = head_of(answer, id_of(self.scope), keep_alive=self.keep_alive)  # type: ignore[arg-type]  # its extensions
        self.transport.write(head if self.scope["method"] == "HEAD" else head + answer.body)
        if self._event is not None:
            self._event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


_CLOSE = (b"connection", b"close")
#: The beginnings of heads by status and content type; there are few of either.
_BEGINNINGS: dict[tuple[int, bytes], bytes] = {}


def head_of(answer: Answer, name: bytes, *, keep_alive: bool) -> bytes:
    """Encode the head of a whole reply, with its length and its request's id."""
    beginning = _BEGINNINGS.get((answer.status, answer.type))
    if beginning is None:
        beginning = b"%bcontent-type: %b\r\ncontent-length: " % (STATUS_LINE[answer.status], answer.type)
        _BEGINNINGS[answer.status, answer.type] = beginning
    more = b""
    if answer.headers or not keep_alive:
        closes = () if keep_alive or _CLOSE in answer.headers else (_CLOSE,)
        more = b"".join(_line(name, value) for name, value in (*answer.headers, *closes))
    return b"%b%d\r\nx-request-id: %b\r\n%b\r\n" % (beginning, len(answer.body), name, more)


def _line(name: bytes, value: bytes) -> bytes:
    if HEADER_VALUE_RE.search(value):
        msg = f"the header {name!r} has a value that no header may have"
        raise ValueError(msg)
    return b"%b: %b\r\n" % (name, value)
