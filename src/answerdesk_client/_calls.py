"""The protocol as pure code: each function builds a `Call`, whose `parse` turns the server's `Reply` into a value or
raises an `AnswerdeskError`."""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from answerdesk_client._errors import Refused, Unavailable, Unsolvable
from answerdesk_client._values import Claim, Lease, Picture, Solution, TaskId, TextOptions, Verdict

T = TypeVar("T")
S = TypeVar("S", bound=Struct)

LONGEST_HOLD = 60
"""The most seconds a server holds a getTaskResult for (PROTOCOL T16)."""


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


# --- customers: the 2captcha JSON dialect (PROTOCOL §2 to §4) ---------------------------------------------------------

_IN_TASK = {
    "phrase": "phrase",
    "case": "case",
    "numeric": "numeric",
    "math": "math",
    "min_length": "minLength",
    "max_length": "maxLength",
    "comment": "comment",
    "img_instructions": "imgInstructions",
    "cap_monster_module": "capMonsterModule",
    "recognizing_threshold": "recognizingThreshold",
    "website_url": "websiteURL",
}
_IN_ENVELOPE = {"language_pool": "languagePool"}
_OPTIONS = frozenset(_IN_TASK | _IN_ENVELOPE)
_GIVEN_UP = frozenset({"ERROR_CAPTCHA_UNSOLVABLE", "ERROR_BAD_DUPLICATES"})


def create(key: str, picture: Picture, options: TextOptions, idempotency_key: str) -> Call[TaskId]:
    """Order the text of a picture. Sent twice with one idempotency key it is one task, charged once (PROTOCOL §2.4)."""
    if unknown := options.keys() - _OPTIONS:
        raise TypeError(f"unknown option {', '.join(sorted(unknown))}; known are {', '.join(sorted(_OPTIONS))}")
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    if "img_instructions" in given:
        given["img_instructions"] = base64_of(given["img_instructions"])
    task = {"type": "ImageToTextTask", "body": base64_of(picture)}
    task |= {wire: given[name] for name, wire in _IN_TASK.items() if name in given}
    envelope = {wire: given[name] for name, wire in _IN_ENVELOPE.items() if name in given}
    return _post(
        "/createTask", {"clientKey": key, "task": task, **envelope}, _task_id, {"Idempotency-Key": idempotency_key}
    )


def result(key: str, task: TaskId, hold: int | None = None) -> Call[Solution | None]:
    """Ask for an answer; with `hold`, a server that knows the header keeps the reply back until there is one."""
    headers = {} if hold is None else {"Prefer": f"wait={hold}"}
    return _post("/getTaskResult", {"clientKey": key, "taskId": task}, _solution, headers, hold or 0)


def balance(key: str) -> Call[Decimal]:
    """Ask what is left on the account."""
    return _post("/getBalance", {"clientKey": key}, _balance)


def report(key: str, task: TaskId, *, correct: bool) -> Call[None]:
    """Say whether an answer was right; the last word counts (PROTOCOL §4.2)."""
    path = "/reportCorrect" if correct else "/reportIncorrect"
    return _post(path, {"clientKey": key, "taskId": task}, _done)


def base64_of(picture: Picture) -> str:
    """The picture as the wire wants it."""
    if isinstance(picture, PathLike):
        picture = Path(picture).read_bytes()
    if not isinstance(picture, str):
        return b64encode(picture).decode()
    if "." in picture.rpartition(",")[2]:
        raise ValueError(f"a picture given as str must be base64; for a file pass pathlib.Path({picture[:80]!r})")
    return picture


class _Envelope(Struct, rename="camel"):
    """The union of every reply's fields (PROTOCOL §1.1, T10)."""

    error_id: int = 0
    error_code: str | None = None
    error_description: str | None = None
    task_id: int | None = None
    status: str | None = None
    solution: dict[str, Any] | None = None
    cost: Decimal | None = None
    create_time: datetime | None = None
    end_time: datetime | None = None
    solve_count: int | None = None
    balance: Decimal | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope, strict=False)


def _task_id(reply: Reply) -> TaskId:
    return TaskId(_present(_open(reply).task_id, "taskId"))


def _balance(reply: Reply) -> Decimal:
    return _finite(_present(_open(reply).balance, "balance"), "balance")


def _done(reply: Reply) -> None:
    _open(reply)


def _solution(reply: Reply) -> Solution | None:
    said = _open(reply)
    if _present(said.status, "status") != "ready":
        return None
    raw = _present(said.solution, "solution")
    text = raw.get("text")
    return Solution(
        text=text if isinstance(text, str) else "",
        raw=raw,
        cost=None if said.cost is None else _finite(said.cost, "cost"),
        created=said.create_time,
        ended=said.end_time,
        solve_count=said.solve_count,
    )


def _open(reply: Reply) -> _Envelope:
    """The envelope of a success. A fault counts under any HTTP status, for some servers use one per fault (T4)."""
    try:
        said = _decode(_ENVELOPE, reply)
    except Unavailable:
        _accept(reply)
        raise
    if said.error_id != 0:
        code = said.error_code or ""
        kind = Unsolvable if code in _GIVEN_UP else Refused
        raise kind(code, said.error_id, said.error_description or "")
    _accept(reply)
    return said


# --- workers: the work API --------------------------------------------------------------------------------------------

_SERVER_PATH = re.compile(r"/(?!/)[!-~]*")


def claim(wish: Claim) -> Call[list[Lease]]:
    """Ask for work. When the reply is lost, leases it named run out by themselves, so asking again is safe."""
    return _post("/api/work/claim", wish, _leases, hold=wish.wait)


def answer(lease: Lease, value: object, confidence: float | None, then: Claim | None) -> Call[Verdict]:
    """Answer a lease and, in the same trip, claim what is next. The same answer again gets the same reply."""
    return _say("/api/work/answer", {"lease": lease.lease, "value": value, "confidence": confidence}, then)


def decline(lease: Lease, reason: str, then: Claim | None) -> Call[Verdict]:
    """Hand a lease back unanswered and, in the same trip, claim what is next."""
    return _say("/api/work/decline", {"lease": lease.lease, "reason": reason}, then)


def media(url: str) -> Call[bytes]:
    """Fetch a question's picture or sound. Only from the server that asked: the token goes along."""
    if not _SERVER_PATH.fullmatch(url):
        raise Unavailable(f"media URL {url[:80]!r} is no path on this server; it must begin with a single /")
    return Call(method="GET", path=url, parse=_bytes)


class _Leases(Struct):
    leases: list[Lease]


class _Complaint(Struct):
    error: str


_LEASES = msgspec.json.Decoder(_Leases, strict=False)
_VERDICT = msgspec.json.Decoder(Verdict, strict=False)
_COMPLAINT = msgspec.json.Decoder(_Complaint)


def _say(path: str, said: dict[str, object], then: Claim | None) -> Call[Verdict]:
    body = {name: value for name, value in (said | {"claim": then}).items() if value is not None}
    return _post(path, body, _verdict, hold=then.wait if then else 0)


def _leases(reply: Reply) -> list[Lease]:
    _accept(reply)
    return _decode(_LEASES, reply).leases


def _verdict(reply: Reply) -> Verdict:
    _accept(reply)
    verdict = _decode(_VERDICT, reply)
    _finite(verdict.paid, "paid")
    return verdict


def _bytes(reply: Reply) -> bytes:
    _accept(reply)
    return reply.body


# --- both -------------------------------------------------------------------------------------------------------------

_SERVER_TROUBLE = 500
_OK = 200


def _post(
    path: str, body: object, parse: Callable[[Reply], T], headers: Mapping[str, str] | None = None, hold: float = 0
) -> Call[T]:
    return Call(path=path, parse=parse, body=msgspec.json.encode(body), headers=headers or {}, hold=hold)


def _accept(reply: Reply) -> None:
    """Raise for an HTTP status that says no."""
    if reply.status == _OK:
        return
    try:
        description = _decode(_COMPLAINT, reply).error
    except Unavailable:
        description = _excerpt(reply)
    if reply.status >= _SERVER_TROUBLE:
        raise Unavailable(f"the server failed with HTTP status {reply.status}: {description}")
    raise Refused(f"HTTP_{reply.status}", reply.status, description)


def _decode(decoder: msgspec.json.Decoder[S], reply: Reply) -> S:
    try:
        return decoder.decode(reply.body)
    except (ValueError, RecursionError) as why:  # what msgspec raises is a ValueError, broken UTF-8 is another
        raise Unavailable(f"the reply is not of this protocol ({why}): {_excerpt(reply)}") from why


def _excerpt(reply: Reply) -> str:
    return reply.body[:200].decode(errors="replace")


def _present(value: T | None, name: str) -> T:
    if value is None:
        raise Unavailable(f"the reply is not of this protocol: it has no {name}")
    return value


def _finite(amount: Decimal, name: str) -> Decimal:
    if not amount.is_finite():
        raise Unavailable(f"the reply is not of this protocol: its {name} is {amount}")
    return amount
