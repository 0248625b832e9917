"""Calls as pure code, and those of the work API: each function builds a `Call`, whose `parse` turns the server's
`Reply` into a value or raises an `AnswerdeskError`."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from answerdesk_client._errors import Refused, Unavailable
from answerdesk_client._values import Claim, Held, Lease, Me, Undone, Verdict

T = TypeVar("T")
S = TypeVar("S", bound=Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, before anybody made sense of it."""

    status: int
    body: bytes
    retry_after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One request and the meaning of its reply. Every call may be sent again: none does more harm twice than once.

    `hold` is how many seconds the server may rightly keep it waiting.
    """

    path: str
    parse: Callable[[Reply], T]
    method: str = "POST"
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hold: float = 0.0


# --- workers: the work API --------------------------------------------------------------------------------------------

_SERVER_PATH = re.compile(r"/(?!/)[!-~]*")


def claim(wish: Claim) -> Call[list[Lease]]:
    """Ask for work. When the reply is lost, leases it named run out by themselves, so asking again is safe."""
    return post("/api/work/claim", wish, _leases, hold=wish.wait)


def answer(
    lease: Lease, value: object, confidence: float | None, then: Claim | None, shown: Lease | None = None
) -> Call[Verdict]:
    """Answer a lease and, in the same trip, claim what is next. The same answer again gets the same reply."""
    return _say("/api/work/answer", {"lease": lease.lease, "value": value, "confidence": confidence}, then, shown)


def decline(lease: Lease, reason: str, then: Claim | None, shown: Lease | None = None) -> Call[Verdict]:
    """Hand a lease back unanswered and, in the same trip, claim what is next."""
    return _say("/api/work/decline", {"lease": lease.lease, "reason": reason}, then, shown)


def hold(verb: str, lease: Lease) -> Call[Held]:
    """Show, keep or extend a lease."""
    return post(f"/api/work/{verb}", {"lease": lease.lease}, lambda reply: _typed(_HELD, reply))


def release(leases: Iterable[Lease]) -> Call[int]:
    """Give leases up without a word."""
    named = {"leases": [lease.lease for lease in leases]}
    return post("/api/work/release", named, lambda reply: _typed(_RELEASED, reply).released)


def undo(lease: Lease) -> Call[Undone]:
    """Withdraw what was said under a lease."""
    return post("/api/work/undo", {"lease": lease.lease}, lambda reply: _typed(_UNDONE, reply))


def me() -> Call[Me]:
    """Ask who the token is."""
    return Call(method="GET", path="/api/work/me", parse=_me)


def media(url: str) -> Call[bytes]:
    """Fetch a question's picture or sound. Only from the server that asked: the token goes along."""
    if not _SERVER_PATH.fullmatch(url):
        raise Unavailable(f"media URL {url[:80]!r} is no path on this server; it must begin with a single /")
    return Call(method="GET", path=url, parse=_bytes)


class _Leases(Struct):
    leases: list[Lease]


class _Released(Struct):
    released: int


class _Complaint(Struct):
    error: str


_LEASES = msgspec.json.Decoder(_Leases, strict=False)
_VERDICT = msgspec.json.Decoder(Verdict, strict=False)
_HELD = msgspec.json.Decoder(Held)
_RELEASED = msgspec.json.Decoder(_Released)
_UNDONE = msgspec.json.Decoder(Undone)
_ME = msgspec.json.Decoder(Me, strict=False)
_COMPLAINT = msgspec.json.Decoder(_Complaint)


def _say(path: str, said: dict[str, object], then: Claim | None, shown: Lease | None) -> Call[Verdict]:
    more = {"shown": shown.lease if shown else None, "claim": then}
    body = {name: value for name, value in (said | more).items() if value is not None}
    return post(path, body, _verdict, hold=then.wait if then else 0)


def _leases(reply: Reply) -> list[Lease]:
    accept(reply)
    return decode(_LEASES, reply).leases


def _verdict(reply: Reply) -> Verdict:
    accept(reply)
    verdict = decode(_VERDICT, reply)
    finite(verdict.paid, "paid")
    return verdict


def _me(reply: Reply) -> Me:
    told = _typed(_ME, reply)
    finite(told.earned, "earned")
    return told


def _typed(decoder: msgspec.json.Decoder[S], reply: Reply) -> S:
    accept(reply)
    return decode(decoder, reply)


def _bytes(reply: Reply) -> bytes:
    accept(reply)
    return reply.body


# --- both -------------------------------------------------------------------------------------------------------------

_SERVER_TROUBLE = 500
_GOOD = frozenset({200, 201})


def post(
    path: str, body: object, parse: Callable[[Reply], T], headers: Mapping[str, str] | None = None, hold: float = 0
) -> Call[T]:
    return Call(path=path, parse=parse, body=msgspec.json.encode(body), headers=headers or {}, hold=hold)


def accept(reply: Reply) -> None:
    """Raise for an HTTP status that says no, in the sentence of the work API or of whatever stands before it."""
    if reply.status in _GOOD:
        return
    try:
        description = decode(_COMPLAINT, reply).error
    except Unavailable:
        description = _excerpt(reply)
    if reply.status >= _SERVER_TROUBLE:
        raise Unavailable(f"the server failed with HTTP status {reply.status}: {description}")
    raise Refused(f"HTTP_{reply.status}", reply.status, description)


def decode(decoder: msgspec.json.Decoder[S], reply: Reply) -> S:
    try:
        return decoder.decode(reply.body)
    except (ValueError, RecursionError) as why:  # what msgspec raises is a ValueError, broken UTF-8 is another
        raise Unavailable(f"the reply is not of this protocol ({why}): {_excerpt(reply)}") from why


def _excerpt(reply: Reply) -> str:
    return reply.body[:200].decode(errors="replace")


def finite(amount: Decimal, name: str) -> Decimal:
    if not amount.is_finite():
        raise Unavailable(f"the reply is not of this protocol: its {name} is {amount}")
    return amount
