"""Plumbing of raw ASGI: bodies in, replies out, and whose address a request came from.
Rule: every reply carries Content-Length and a request id, and no body is read past its cap."""

from __future__ import annotations

import itertools
import os
import re
from asyncio import Future
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextvars import ContextVar
from ipaddress import ip_address, ip_network
from typing import Any, Final, NamedTuple

import msgspec

from answerdesk.api.budget import Budget, Share

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

#: The largest body read (PROTOCOL §2.2).
MOST_BODY: Final = 8 * 2**20
#: How much of a larger one is taken in and thrown away before it is refused.
MOST_DISCARDED: Final = 16 * 2**20

JSON: Final = b"application/json; charset=utf-8"
TEXT: Final = b"text/plain; charset=utf-8"

#: The ASGI message, and the extension that says it is taken, by which a whole Answer is sent at once.
WHOLE: Final = "answerdesk.answer"
#: Where a request keeps its headers by name, once one was looked up, and its id.
_BY_NAME: Final = "answerdesk.headers"
_ID: Final = "answerdesk.request"
#: Where whatever serves a request says what it was: method, dialect and fault, each a word of a short list.
CALLED: Final = "answerdesk.called"
#: The fault of a request that has none.
NO_FAULT: Final = "none"
#: The ids that callers may give their requests.
_GIVEN_ID: Final = re.compile(rb"[0-9A-Za-z][0-9A-Za-z._:=+/@-]{0,127}")

#: For whoever sets no budget.
_ENDLESS: Final = Budget(2**62)

#: Ids drawn for requests: from here on each number has twelve hexadecimal digits, and none needs filling up.
_requests = itertools.count(2**47 + int.from_bytes(os.urandom(6), "big") // 4)
_current: ContextVar[Scope | None] = ContextVar("request", default=None)


class Answer(msgspec.Struct, frozen=True):
    """A whole HTTP response."""

    body: bytes
    status: int = 200
    type: bytes = JSON
    headers: tuple[Header, ...] = ()


class Coming(NamedTuple):
    """A response that is made of what something comes to."""

    outcome: Future[Any]
    answer: Callable[[Future[Any]], Answer]


class TooBig(Exception):
    """The body is over its cap."""


class Gone(Exception):
    """The client left before its body was whole."""


async def read_body(scope: Scope, receive: Receive, budget: Budget | None = None) -> bytes:
    """Read a request's body; raises TooBig past the cap, Crowded where the budget has no room for it, and Gone.

    Gone is a client who left before it was whole. How long a body may take is the connection's matter, see `patience`.
    """
    declared = header(scope, b"content-length")
    if declared.isdigit() and int(declared) > MOST_BODY:
        await _discard(scope, receive)
        raise TooBig
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        return bytes(message.get("body", b""))
    body, share, budget = bytearray(), Share(), budget or _ENDLESS
    try:
        while True:
            if message["type"] != "http.request":
                raise Gone
            body += message.get("body", b"")
            if len(body) > MOST_BODY:
                body.clear()
                budget.release(share)
                await _discard(scope, receive)
                raise TooBig
            if not message.get("more_body", False):
                return bytes(body)
            await budget.grow(share, len(body))
            message = await receive()
    finally:
        budget.release(share)


async def _discard(scope: Scope, receive: Receive) -> None:
    """Take in more of a body that is too big: most clients look for a reply only when they have sent everything."""
    left = 0 if header(scope, b"expect") else MOST_DISCARDED
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if not message.get("more_body", False):
            return


async def send_answer(send: Send, answer: Answer, scope: Scope | None = None) -> None:
    """Send a whole response, in one message where the server of this request takes it so."""
    if scope is not None and WHOLE in scope.get("extensions", ()):
        await send({"type": WHOLE, "answer": answer})
        return
    headers = [
        (b"content-type", answer.type),
        (b"content-length", b"%d" % len(answer.body)),
        request_id({"headers": ()} if scope is None else scope),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def request_id(scope: Scope) -> Header:
    """Name a request by a header of its reply."""
    return (b"x-request-id", id_of(scope))


def id_of(scope: Scope) -> bytes:
    """Give a request's id: the well-formed one it came with, else a number drawn for it."""
    found: bytes | None = scope.get(_ID)
    if found is None:
        given = header(scope, b"x-request-id")
        found = given if given and _GIVEN_ID.fullmatch(given) else b"%x" % next(_requests)
        scope[_ID] = found
    return found


def begin(scope: Scope) -> None:
    """Take note that what is done from now on, in this task, is done for a request."""
    _current.set(scope)


def current_id() -> str | None:
    """Give the id of the request that is being served here, None where there is none."""
    scope = _current.get()
    return None if scope is None else id_of(scope).decode("ascii")


def header(scope: Scope, name: bytes) -> bytes:
    """Give a header's value, the first where there are several; empty when it was not sent."""
    by_name: dict[bytes, bytes] | None = scope.get(_BY_NAME)
    if by_name is None:
        by_name = scope[_BY_NAME] = dict(reversed(scope["headers"]))
    return by_name.get(name, b"")


def text_header(scope: Scope, name: bytes) -> str:
    """Give a header's value as text."""
    return header(scope, name).decode("latin-1")


def bearer(scope: Scope) -> str:
    """Give the token of ``Authorization: Bearer TOKEN``, empty when there is none."""
    scheme, _, token = text_header(scope, b"authorization").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class Peers:
    """Tells the caller's address: the peer's own, or what a named proxy forwarded."""

    def __init__(self, proxies: Iterable[str]) -> None:
        """Take the addresses or networks of the proxies that may be believed."""
        self._proxies = tuple(ip_network(proxy, strict=False) for proxy in proxies)

    def ip(self, scope: Scope) -> str:
        """Give the nearest address in the chain that is not one of our proxies."""
        client = scope.get("client")
        peer = str(client[0]) if client else ""
        if not self._proxies or not self._is_proxy(peer):
            return peer
        # A proxy may add a line of its own below the client's; together they are one list, nearest last.
        lines = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        forwarded = ",".join(lines).split(",")
        for hop in reversed([hop.strip() for hop in forwarded if hop.strip()]):
            if not _is_address(hop):
                return peer
            if not self._is_proxy(hop):
                return hop
            peer = hop
        return peer

    def scheme(self, scope: Scope) -> str:
        """Give http or https as the caller spoke it, to this server or to the nearest of our proxies, which says so."""
        client = scope.get("client")
        forwarded = text_header(scope, b"x-forwarded-proto") if self._is_proxy(str(client[0]) if client else "") else ""
        nearest = forwarded.rpartition(",")[2].strip().lower()
        return nearest if nearest in {"http", "https"} else str(scope.get("scheme", "http"))

    def _is_proxy(self, address: str) -> bool:
        return _is_address(address) and any(ip_address(address) in network for network in self._proxies)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
