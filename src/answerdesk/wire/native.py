"""The native dialect: the desk's own JSON under /v1, with what the vendors' lack.
Rule: tasks are named and read exactly as in createTask; replies and problems are documented from their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NotRequired, TypedDict

import msgspec

from answerdesk.model import money
from answerdesk.model.account import Millis, Purse
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.money import BOOKS, Book, Entry
from answerdesk.model.question import Kind
from answerdesk.model.talk import UNKNOWN_TASK, Call, Ready, Refused, Reply
from answerdesk.model.task import LARGEST_ID, TaskId, Trail
from answerdesk.wire.fields import SPRAWLING, is_sprawling

NAME: Final = "native"
MOST_BATCH: Final = 1_000
MOST_PAGE: Final = 500
#: The longest number in a path or query that is read.
LONGEST_NUMBER: Final = 19
#: The largest line of a ledger.
LARGEST_LINE: Final = 2**62

#: The HTTP status of each fault (RFC 9457 problems); its code is the vendors' own.
STATUSES: Final[Mapping[Fault, int]] = {
    Fault.KEY_DOES_NOT_EXIST: 401,
    Fault.NO_SLOT_AVAILABLE: 503,
    Fault.ZERO_CAPTCHA_FILESIZE: 400,
    Fault.TOO_BIG_CAPTCHA_FILESIZE: 413,
    Fault.PAGEURL: 400,
    Fault.ZERO_BALANCE: 402,
    Fault.IP_NOT_ALLOWED: 403,
    Fault.CAPTCHA_UNSOLVABLE: 422,
    Fault.BAD_DUPLICATES: 422,
    Fault.NO_SUCH_METHOD: 404,
    Fault.IMAGE_TYPE_NOT_SUPPORTED: 415,
    Fault.NO_SUCH_CAPCHA_ID: 404,
    Fault.EMPTY_COMMENT: 400,
    Fault.IP_BLOCKED: 429,
    Fault.TOO_MUCH_REQUESTS: 429,
    Fault.TASK_ABSENT: 400,
    Fault.TASK_NOT_SUPPORTED: 400,
    Fault.RECAPTCHA_INVALID_SITEKEY: 400,
    Fault.ACCOUNT_SUSPENDED: 403,
    Fault.BAD_PARAMETERS: 400,
    Fault.BAD_IMGINSTRUCTIONS: 400,
    Fault.UNAVAILABLE: 503,
}


class Problem(TypedDict):
    """Why a call was refused, or why a task failed."""

    type: Literal["about:blank"]
    title: str
    status: int
    detail: str
    #: The vendors' code, such as ERROR_ZERO_BALANCE.
    code: str


class TaskJson(TypedDict):
    """A task as it stands; the fields after `status` are there once it is settled."""

    id: int
    status: Literal["open", "ready", "failed"]
    type: NotRequired[str]
    kind: NotRequired[Kind]
    #: The answer in the normal form of its kind.
    answer: NotRequired[Any]
    cost: NotRequired[str]
    created: NotRequired[float]
    ended: NotRequired[float]
    solveCount: NotRequired[int]
    #: Who had something to say of it, in the order in which they came.
    settledBy: NotRequired[Trail]
    error: NotRequired[Problem]


class TasksJson(TypedDict):
    """A page of tasks, newest first, and from where to go on."""

    tasks: list[TaskJson]
    next: int | None


class OutcomeJson(TypedDict):
    """What became of one task of a batch: the task, or why it was refused."""

    task: NotRequired[TaskJson]
    error: NotRequired[Problem]


class BatchJson(TypedDict):
    """What became of each task of a batch, in the order sent."""

    outcomes: list[OutcomeJson]


class BalanceJson(TypedDict):
    """What the account can spend, and what its open tasks have set aside."""

    balance: str
    held: str


class LineJson(TypedDict):
    """One line of the ledger; `balance` is what it did to the balance."""

    line: int
    at: float
    move: str
    amount: str
    balance: str
    task: int | None
    note: str


class LedgerJson(TypedDict):
    """A page of the ledger, newest first, and from where to go on."""

    lines: list[LineJson]
    next: int | None


class ReportAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The client's verdict on an answer."""

    correct: bool
    reason: Annotated[str, msgspec.Meta(max_length=1_000)] = ""


class TaskAsk(msgspec.Struct, frozen=True, kw_only=True):
    """A task in the words of createTask, without the key."""

    task: dict[str, Any]
    callbackUrl: str | None = None  # noqa: N815 - the wire's name
    softId: int | str | None = None  # noqa: N815 - the wire's name
    languagePool: str | None = None  # noqa: N815 - the wire's name


class BatchAsk(msgspec.Struct, frozen=True, kw_only=True):
    """Up to a thousand tasks at once, each paid and refused by itself."""

    tasks: Annotated[list[TaskAsk], msgspec.Meta(min_length=1, max_length=MOST_BATCH)]


_encode = msgspec.json.Encoder().encode
_TASK: Final = msgspec.json.Decoder(TaskAsk)
_BATCH: Final = msgspec.json.Decoder(BatchAsk)
_REPORT: Final = msgspec.json.Decoder(ReportAsk)


def read_task(body: bytes) -> Call:
    """Read a task as one call."""
    ask: TaskAsk = _typed(_TASK, body, 'an object {"task": {...}} with the task as for createTask')
    return _call(ask)


def read_batch(body: bytes) -> list[Call]:
    """Read a batch as one call a task."""
    batch: BatchAsk = _typed(_BATCH, body, f'an object {{"tasks": [...]}} of 1..{MOST_BATCH} tasks as for /v1/tasks')
    return [_call(ask) for ask in batch.tasks]


def _call(ask: TaskAsk) -> Call:
    return Call(key="", body=msgspec.to_builtins(ask))


def read_report(body: bytes) -> ReportAsk:
    """Read a verdict."""
    accepted = 'an object {"correct": true or false, "reason": a text of at most 1,000 characters}'
    report: ReportAsk = _typed(_REPORT, body, accepted)
    # PostgreSQL keeps every character but this one.
    return msgspec.structs.replace(report, reason=report.reason.replace("\0", "\N{REPLACEMENT CHARACTER}"))


def _typed(decoder: msgspec.json.Decoder[Any], body: bytes, accepted: str) -> Any:
    if is_sprawling(body):
        raise Refusal(Fault.BAD_PARAMETERS, SPRAWLING)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Refusal(Fault.BAD_PARAMETERS, f"the body must be {accepted}; {_quoted(str(error))}") from None
    except (ValueError, RecursionError):
        raise Refusal(Fault.BAD_PARAMETERS, f"the body must be {accepted}; it is not JSON in UTF-8") from None


def _quoted(complaint: str) -> str:
    """Take what the decoder says over into a sentence, within bounds."""
    return complaint[:1].lower() + complaint[1:200]


def read_id(text: str) -> TaskId:
    """Read a task's id out of a path."""
    number = _number(text)
    if not 1 <= number <= LARGEST_ID:
        raise Refusal(Fault.NO_SUCH_CAPCHA_ID, UNKNOWN_TASK)
    return TaskId(number)


def read_number(query: Mapping[str, str], name: str, default: int, most: int, *, least: int = 1) -> int:
    """Read a whole number out of a query."""
    if name not in query:
        return default
    number = _number(query[name])
    if not least <= number <= most:
        raise Refusal(Fault.BAD_PARAMETERS, f"{name} must be a whole number {least}..{most}")
    return number


def _number(text: str) -> int:
    """Read digits, -1 for anything else; more of them than any number here has are not looked at."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else -1


def problem(fault: Fault, detail: str, status: int | None = None) -> Problem:
    """Make a problem of a fault, with its own status unless another says more."""
    status = status or STATUSES[fault]
    title = fault.value.replace("_", " ").capitalize()
    return Problem(type="about:blank", title=title, status=status, detail=detail, code=f"ERROR_{fault}")


def problem_of(refusal: Refusal) -> Problem:
    """Make a problem of a refusal; here the key is no field of the body."""
    return problem(refusal.fault, refusal.detail.replace("clientKey", "the bearer key"))


def task_json(task: TaskId, reply: Reply) -> TaskJson:
    """Show a task and, once it is settled, its outcome."""
    match reply:
        case Ready():
            shown = TaskJson(
                id=task,
                status="ready",
                type=reply.type,
                kind=reply.kind,
                answer=reply.value,
                cost=money.show(reply.cost),
                created=_seconds(reply.created),
                ended=_seconds(reply.ended),
                solveCount=reply.solve_count,
            )
            if reply.trail is not None:
                shown["settledBy"] = reply.trail
            return shown
        case Refused():
            return TaskJson(id=task, status="failed", error=problem(reply.fault, reply.own or reply.detail))
        case _:
            return TaskJson(id=task, status="open")


def write_task(task: TaskId, reply: Reply) -> bytes:
    """Write a task."""
    return _encode(task_json(task, reply))


def write_tasks(tasks: list[TaskJson], following: int | None) -> bytes:
    """Write a page of tasks."""
    return _encode(TasksJson(tasks=tasks, next=following))


def write_batch(outcomes: list[OutcomeJson]) -> bytes:
    """Write what became of a batch."""
    return _encode(BatchJson(outcomes=outcomes))


def write_problem(made: Problem) -> bytes:
    """Write a problem."""
    return _encode(made)


def write_balance(purse: Purse) -> bytes:
    """Write what an account has."""
    return _encode(BalanceJson(balance=money.show(purse.balance), held=money.show(purse.held)))


def line_json(line: int, at: Millis, entry: Entry, task: TaskId | None) -> LineJson:
    """Show a line of the ledger from its account's side."""
    source, target = BOOKS[entry.move]
    effect = entry.amount * ((target is Book.BALANCE) - (source is Book.BALANCE))
    return LineJson(
        line=line,
        at=_seconds(at),
        move=entry.move,
        amount=money.show(entry.amount),
        balance=money.show(money.Micros(effect)),
        task=task,
        note=entry.note,
    )


def write_ledger(lines: list[LineJson], following: int | None) -> bytes:
    """Write a page of the ledger."""
    return _encode(LedgerJson(lines=lines, next=following))


def write_event(name: str, shown: TaskJson) -> bytes:
    """Write a settled task as one server-sent event; `name` is where a client resumes from."""
    return b"id: %b\nevent: settled\ndata: %b\n\n" % (name.encode(), _encode(shown))


def write_place(name: str) -> bytes:
    """Write where a stream stands: what a client resumes from before it has heard of anything."""
    return b"id: %b\n\n" % name.encode()


def write_farewell(retry_ms: int) -> bytes:
    """Write the end of a stream that goes on elsewhere, or here later: when to connect again."""
    return b"retry: %d\n: the server is stopping; connect again\n\n" % retry_ms


def _seconds(at: Millis) -> float:
    return at / 1000
