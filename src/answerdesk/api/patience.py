"""An HTTP protocol that does not wait for ever: connections whose request does not arrive whole are closed.
Rule: costs next to nothing per request; time is kept by one sweep every few seconds, size by a count of what came."""

from __future__ import annotations

import time
import urllib.parse
from asyncio import Future
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import httptools
import uvicorn.server
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from answerdesk.api.broadcast import OFFERED
from answerdesk.api.exchange import Bell, Exchange
from answerdesk.api.http import WHOLE, Answer, Coming

#: How long a client may take to send the head of a request, and then its body.
HEAD_SECONDS: Final = 15.0
BODY_SECONDS: Final = 30.0
#: The most bytes of a head, and of what follows it with all its framing; the piece either begins in is not counted.
MOST_HEAD: Final = 64 * 2**10
MOST_MESSAGE: Final = 32 * 2**20

#: What this server does beyond ASGI; one for all requests.
_EXTENSIONS: Final[dict[str, Any]] = {WHOLE: {}, **OFFERED}
#: What makes an address more than a path.
_PARTS: Final = frozenset(b"?#%")

#: Answers a request that needs no waiting, or says that it is none.
AtOnce = Callable[[Any, bytes], Answer | None]
#: Begins a request whose answer comes by itself, or says that it is none.
Begin = Callable[[Any, bytes], Coming | None]


class ServerState(uvicorn.server.ServerState):
    """What the connections of a server share, and whether it is leaving: then no connection is kept for a next one."""

    leaving = False


class Line(list[Any]):
    """Requests sent ahead of their turn, the last one first: none for most, and an empty deque weighs 0.75 KB."""

    __slots__ = ()

    def appendleft(self, request: Any) -> None:
        """Add one at the end of the line."""
        self.insert(0, request)


class Flow(FlowControl):
    """uvicorn's own flow control with a lighter event."""

    def __init__(self, transport: Any) -> None:
        """Begin with nothing paused."""
        super().__init__(transport)
        self._is_writable_event = Bell(rung=True)


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, remembering until when the rest of a request is awaited.

    A request that came whole is answered where it was read if the application can do so `at_once`, or when what it can
    `begin` there has come to something; others get a task.
    """

    #: Apart from uvicorn's own attributes: with more than it has, each connection's dictionary weighs 1.2 KB more.
    __slots__ = ("_at_once", "_begin", "_begins", "_first", "_idle", "due", "room")

    cycle: Exchange
    server_state: ServerState
    #: Monotonic time by which what is missing has to be here, 0 while nothing is.
    due: float
    #: How many more bytes may come before the head, or the message, has to be whole.
    room: int
    #: Whether a request whose head is whole has neither been answered nor given to a task.
    _begins: bool
    #: Whether nothing of what was just read was answered yet: those behind it let other connections go first.
    _first: bool
    #: Whether all that came was answered.
    _idle: bool

    def connection_made(self, transport: Any) -> None:
        """Start the clock: a connection is opened to send something."""
        self._at_once: AtOnce | None = getattr(self.app, "at_once", None)
        self._begin: Begin | None = getattr(self.app, "begin", None)
        self._begins = self._first = self._idle = False
        self.room = MOST_HEAD
        self.due = time.monotonic() + HEAD_SECONDS
        super().connection_made(transport)
        # Most of the thousands of connections held at a time wait for nothing else: each carries as little as it can.
        self.pipeline = Line()  # type: ignore[assignment]
        self.flow = Flow(transport)

    def data_received(self, data: bytes) -> None:
        """Count what comes; what comes between two requests is taken for the beginning of one."""
        if self._idle:
            self._idle = False
            self.due = time.monotonic() + HEAD_SECONDS
        self.room -= len(data)
        self._first = True
        super().data_received(data)
        if self.room < 0:
            self.transport.close()
        if self._begins and not self.transport.is_closing():
            # Its body is still on its way.
            self._begins = False
            self._start_asgi_task(self.cycle, self.app)

    def on_message_begin(self) -> None:
        """Start the clock: the first bytes of a request came."""
        self.room = MOST_HEAD
        self.due = time.monotonic() + HEAD_SECONDS
        self._idle = False
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """Go on to the body: the head is whole."""
        self.room = MOST_MESSAGE
        self.due = time.monotonic() + BODY_SECONDS
        before: Exchange | None = self.cycle
        self.cycle = self._exchange()
        if before is None or before.response_complete:
            self._begins = True
        else:
            # What is sent before the reply to the last request is answered after it.
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _exchange(self) -> Exchange:
        parser, url = self.parser, self.url
        version = parser.get_http_version()
        query = b""
        if url[:1] != b"/" or not _PARTS.isdisjoint(url):
            parsed = httptools.parse_url(url)
            url, query = parsed.path, parsed.query or b""
        path = url.decode("ascii")
        scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "method": parser.get_method().decode("ascii"),
            "scheme": self.scheme,
            "path": urllib.parse.unquote(path) if "%" in path else path,
            "raw_path": url,
            "query_string": query,
            "root_path": "",
            "headers": self.headers,
            "client": self.client,
            "server": self.server,
            "extensions": _EXTENSIONS,
        }
        keep_alive = version != "1.0" and parser.should_keep_alive() and not self.server_state.leaving
        return Exchange(self, scope, keep_alive=keep_alive)

    def leave(self) -> None:
        """Let the reply under way, and those to what was sent ahead, be the last of this connection."""
        for cycle in (self.cycle, *(cycle for cycle, _ in self.pipeline)):
            if cycle is not None:
                cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, unless the request was answered without it."""
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.take(body)
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()

    def on_message_complete(self) -> None:
        """Stop the clock: the request is whole."""
        self.room = MOST_HEAD
        self.due = 0.0
        cycle = self.cycle
        if cycle.response_complete:
            self._rest()
            return
        cycle.complete()
        if self._begins:
            self._begins = False
            self._answer(cycle)

    def _answer(self, cycle: Exchange) -> None:
        """Answer a whole request here and now if that takes no waiting, else in a task."""
        if self._first and self._at_once is not None and not self.flow.write_paused:
            self._first = False
            answer = self._at_once(cycle.scope, cycle.body)
            if answer is not None:
                cycle.reply(answer)
                return
            coming = None if self._begin is None else self._begin(cycle.scope, cycle.body)
            if coming is not None:
                cycle.body = b""
                coming.outcome.add_done_callback(partial(self._reply, cycle, coming.answer))
                return
        self._start_asgi_task(cycle, self.app)

    def _reply(self, cycle: Exchange, answer: Callable[[Future[Any]], Answer], outcome: Future[Any]) -> None:
        """Answer a request that was begun where it was read, now that its outcome is known."""
        if outcome.cancelled():
            self.transport.close()
            return
        made = answer(outcome)
        if not cycle.disconnected:
            cycle.reply(made)

    def on_response_complete(self) -> None:
        """Go on to what was sent meanwhile, or wait for the next request."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif not self.due:
            self._rest()

    def _rest(self) -> None:
        """Let the connection be for as long as connections are kept for a next request."""
        self._idle = True
        self.due = time.monotonic() + self.timeout_keep_alive


def sweep(connections: set[Any], now: float) -> int:
    """Close the connections whose request, or next request, is overdue; gives how many."""
    overdue = [
        connection
        for connection in connections
        if isinstance(connection, PatientProtocol) and connection.due and now > connection.due
    ]
    for connection in overdue:
        connection.transport.close()
    return len(overdue)
