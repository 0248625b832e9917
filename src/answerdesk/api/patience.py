"""An HTTP protocol that does not wait for ever: connections whose request does not arrive whole are closed.
Rule: costs next to nothing per request; time is kept by one sweep every few seconds, size by a count of what came."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from answerdesk.api.broadcast import OFFERED

#: How long a client may take to send the head of a request, and then its body.
HEAD_SECONDS: Final = 15.0
BODY_SECONDS: Final = 30.0
#: The most bytes of a head, and of what follows it with all its framing; the piece either begins in is not counted.
MOST_HEAD: Final = 64 * 2**10
MOST_MESSAGE: Final = 32 * 2**20


class Line(list[Any]):
    """Requests sent ahead of their turn, the last one first: none for most, and an empty deque weighs 0.75 KB."""

    __slots__ = ()

    def appendleft(self, request: Any) -> None:
        """Add one at the end of the line."""
        self.insert(0, request)


class Bell(asyncio.Event):
    """An event without the deque of those who wait for it; here they are one."""

    def __init__(self, *, rung: bool = False) -> None:
        """Begin as asyncio's own does, but with a list."""
        self._waiters: list[asyncio.Future[Any]] = []  # type: ignore[assignment]
        self._value = rung


class Flow(FlowControl):
    """uvicorn's own flow control with a lighter event."""

    def __init__(self, transport: Any) -> None:
        """Begin with nothing paused."""
        super().__init__(transport)
        self._is_writable_event = Bell(rung=True)


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, remembering until when the rest of a request is awaited."""

    #: Apart from uvicorn's own attributes: with more than it has, each connection's dictionary weighs 1.2 KB more.
    __slots__ = ("due", "room")

    #: Monotonic time by which what is missing has to be here, 0 while nothing is.
    due: float
    #: How many more bytes may come before the head, or the message, has to be whole.
    room: int

    def connection_made(self, transport: Any) -> None:
        """Start the clock: a connection is opened to send something."""
        self.room = MOST_HEAD
        self.due = time.monotonic() + HEAD_SECONDS
        super().connection_made(transport)
        # Most of the thousands of connections held at a time wait for nothing else: each carries as little as it can.
        self.pipeline = Line()  # type: ignore[assignment]
        self.flow = Flow(transport)

    def data_received(self, data: bytes) -> None:
        """Count what comes; what comes between two requests is taken for the beginning of one."""
        if self.timeout_keep_alive_task is not None:
            self.due = time.monotonic() + HEAD_SECONDS
        self.room -= len(data)
        super().data_received(data)
        if self.room < 0:
            self.transport.close()

    def on_message_begin(self) -> None:
        """Start the clock: the first bytes of a request came."""
        self.room = MOST_HEAD
        self.due = time.monotonic() + HEAD_SECONDS
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Go on to the body: the head is whole."""
        self.room = MOST_MESSAGE
        self.due = time.monotonic() + BODY_SECONDS
        self.scope["extensions"] = OFFERED
        super().on_headers_complete()
        # Its task has not begun, so nobody waits for the event that this replaces.
        self.cycle.message_event = Bell()

    def on_message_complete(self) -> None:
        """Stop the clock: the request is whole."""
        self.room = MOST_HEAD
        self.due = 0.0
        super().on_message_complete()


def sweep(connections: set[Any], now: float) -> int:
    """Close the connections whose request is overdue; gives how many."""
    overdue = [
        connection
        for connection in connections
        if isinstance(connection, PatientProtocol) and connection.due and now > connection.due
    ]
    for connection in overdue:
        connection.transport.close()
    return len(overdue)
