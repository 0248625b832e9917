"""The customer's calls, over the server's own API under /v1; pure, like every call."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from answerdesk_client._calls import Call, Reply, accept, decode, finite
from answerdesk_client._errors import AnswerdeskError, Refused, Unavailable, Unsolvable
from answerdesk_client._orders import Order
from answerdesk_client._values import Event, LedgerLine, Problem, Solution, Task, TaskId

T = TypeVar("T")
S = TypeVar("S", bound=Struct)

LONGEST_HOLD = 60
"""The most seconds a server keeps a reply back for."""

MOST_BATCH = 1_000
"""The most tasks of one batch."""

MOST_BYTES = 7 * 2**20
"""The most bytes of one batch, a little below what a server reads."""

LONGEST_SILENCE = 20
"""Seconds after which a stream that says nothing at all is taken for dead."""

_PAGE = 200
_CONFLICT = 409
_GIVEN_UP = frozenset({"ERROR_CAPTCHA_UNSOLVABLE", "ERROR_BAD_DUPLICATES"})


class Page(Struct, Generic[T], frozen=True):
    """Rows, and where the next page begins."""

    rows: list[T]
    next: int | None


class _Tasks(Struct):
    tasks: list[Task]
    next: int | None = None


class _Lines(Struct):
    lines: list[LedgerLine]
    next: int | None = None


class _Outcome(Struct):
    task: Task | None = None
    error: Problem | None = None


class _Outcomes(Struct):
    outcomes: list[_Outcome]


class _Balance(Struct):
    balance: Decimal


_TASK = msgspec.json.Decoder(Task, strict=False)
_TASKS = msgspec.json.Decoder(_Tasks, strict=False)
_LINES = msgspec.json.Decoder(_Lines, strict=False)
_OUTCOMES = msgspec.json.Decoder(_Outcomes, strict=False)
_BALANCE = msgspec.json.Decoder(_Balance, strict=False)
_PROBLEM = msgspec.json.Decoder(Problem)


def create(order: Order, idempotency_key: str, wait: int = 0) -> Call[Task]:
    """Make a task, and wait a while for its answer. Sent twice with one key it is one task, charged once."""
    headers = {"Idempotency-Key": idempotency_key} | ({"Prefer": f"wait={wait}"} if wait else {})
    return Call(path="/v1/tasks", body=encoded(order), headers=headers, hold=wait, parse=_task)


def create_batch(encoded_orders: Iterable[bytes], idempotency_key: str) -> Call[list["Task | Refused"]]:
    """Make up to a thousand tasks, each taken or refused by itself."""
    orders = list(encoded_orders)
    body = b'{"tasks":[' + b",".join(orders) + b"]}"

    def outcomes(reply: Reply) -> list[Task | Refused]:
        found = [_taken(each) for each in _read(_OUTCOMES, reply).outcomes]
        if len(found) != len(orders):
            raise Unavailable(f"the reply tells of {len(found)} tasks, and {len(orders)} were sent")
        return found

    return Call(path="/v1/tasks/batch", body=body, headers={"Idempotency-Key": idempotency_key}, parse=outcomes)


def encoded(order: Order) -> bytes:
    """An order as bytes."""
    return msgspec.json.encode(order.ask())


def show(task: TaskId, wait: int = 0) -> Call[Task]:
    """Show a task, waiting for its answer up to `wait` seconds."""
    return Call(method="GET", path=f"/v1/tasks/{int(task)}?wait={wait}", hold=wait, parse=_task)


def cancel(task: TaskId) -> Call[bool]:
    """Give an open task up. Sent again after a lost reply it may say that the task was settled already."""

    def cancelled(reply: Reply) -> bool:
        if reply.status == _CONFLICT:
            return False
        _task(reply)
        return True

    return Call(method="DELETE", path=f"/v1/tasks/{int(task)}", parse=cancelled)


def report(task: TaskId, *, correct: bool, reason: str) -> Call[None]:
    """Say whether an answer was right, and why not; the last word counts."""
    body = msgspec.json.encode({"correct": correct, "reason": reason})

    def done(reply: Reply) -> None:
        _task(reply)

    return Call(path=f"/v1/tasks/{int(task)}/report", body=body, parse=done)


def balance() -> Call[Decimal]:
    """Ask what the account can spend."""

    def amount(reply: Reply) -> Decimal:
        return finite(_read(_BALANCE, reply).balance, "balance")

    return Call(method="GET", path="/v1/balance", parse=amount)


def tasks(status: str | None, before: int | None) -> Call[Page[Task]]:
    """A page of tasks, newest first."""

    def page(reply: Reply) -> Page[Task]:
        found = _read(_TASKS, reply)
        return Page(found.tasks, found.next)

    return Call(method="GET", path=_paged("/v1/tasks", before, {"status": status} if status else {}), parse=page)


def ledger(before: int | None) -> Call[Page[LedgerLine]]:
    """A page of the ledger, newest first."""

    def page(reply: Reply) -> Page[LedgerLine]:
        found = _read(_LINES, reply)
        return Page(found.lines, found.next)

    return Call(method="GET", path=_paged("/v1/ledger", before, {}), parse=page)


def events(last: str | None) -> Call[None]:
    """Open the stream of settled tasks, after a place."""
    headers = {"Accept": "text/event-stream"} | ({} if last is None else {"Last-Event-ID": quote(last)})
    return Call(method="GET", path="/v1/events", headers=headers, hold=LONGEST_SILENCE, parse=accepted)


def accepted(reply: Reply) -> None:
    """Raise for a status that says no."""
    if reply.status in {200, 201}:
        return
    problem = _problem(reply)
    if problem is not None:
        raise refusal(problem)
    accept(reply)


def solution(task: Task) -> Solution | None:
    """The answer of a task, None while it is open; raises for one that failed."""
    if task.status == "failed":
        raise refusal(task.error or Problem(code="ERROR_CAPTCHA_UNSOLVABLE", status=422, detail=""))
    if task.status != "ready":
        return None
    return Solution(
        task=task.id,
        value=task.answer,
        text=task.answer if isinstance(task.answer, str) else "",
        type=task.type or "",
        kind=task.kind or "",
        cost=None if task.cost is None else finite(task.cost, "cost"),
        created=task.created,
        ended=task.ended,
        solve_count=task.solve_count,
    )


def outcome(task: Task) -> "Solution | AnswerdeskError | None":
    """The same as a value, whatever became of it."""
    try:
        return solution(task)
    except AnswerdeskError as error:
        return error


def refusal(problem: Problem) -> Refused:
    """A problem as an exception."""
    kind = Unsolvable if problem.code in _GIVEN_UP else Refused
    return kind(problem.code, problem.status, problem.detail)


class Lines:
    """Reads events out of a stream's bytes, however they are cut into pieces."""

    def __init__(self, last: str | None = None) -> None:
        self.last = last
        self._left = b""
        self._data: list[bytes] = []
        self._name = last

    def feed(self, piece: bytes) -> list[Event]:
        """The events that a piece completes."""
        *lines, self._left = (self._left + piece).split(b"\n")
        found = []
        for line in lines:
            name, _, value = line.removesuffix(b"\r").partition(b":")
            value = value.removeprefix(b" ")
            if name == b"id":
                self._name = value.decode(errors="replace")
            elif name == b"data":
                self._data.append(value)
            elif not line.strip():
                # A blank line ends an event, and only then does its place count.
                self.last = self._name
                if self._data:
                    task = decode(_TASK, Reply(status=200, body=b"\n".join(self._data)))
                    found.append(Event(id=self.last or "", task=task))
                    self._data = []
        return found


def _task(reply: Reply) -> Task:
    return _read(_TASK, reply)


def _taken(each: _Outcome) -> "Task | Refused":
    if each.error is not None:
        return refusal(each.error)
    if each.task is None:
        raise Unavailable("the reply is not of this protocol: an outcome has neither task nor error")
    return each.task


def _read(decoder: msgspec.json.Decoder[S], reply: Reply) -> S:
    accepted(reply)
    return decode(decoder, reply)


def _problem(reply: Reply) -> Problem | None:
    try:
        return _PROBLEM.decode(reply.body)
    except (ValueError, RecursionError):
        return None


def _paged(path: str, before: int | None, more: Mapping[str, str]) -> str:
    place = {} if before is None else {"before": str(before)}
    return f"{path}?{urlencode({'limit': str(_PAGE), **more, **place})}"
