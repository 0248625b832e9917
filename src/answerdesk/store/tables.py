"""How values lie in rows: for each table its columns, and the way there and back.
Rule: SQL names every column once, here; nothing else knows a column's place."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator
from typing import Any, Final, TypeVar

import msgspec

from answerdesk.desk.ports import Price, Replay
from answerdesk.model.account import Account, AccountId, Key, Millis, Purse
from answerdesk.model.answer import Lease, Outcome, Verdict
from answerdesk.model.callback import Attempt, Callback, Delivery
from answerdesk.model.fair import Flow, Line
from answerdesk.model.judge import UNREAD, Rules
from answerdesk.model.money import Entry, Move
from answerdesk.model.question import Kind
from answerdesk.model.solver import Solver
from answerdesk.model.task import Cause, Route, State, Task, Trail

T = TypeVar("T")

Row = tuple[Any, ...]
#: A statement and the rows it is run with, one after the other.
Statement = tuple[str, Iterable[Row]]
#: Work that asks a database and goes on with what it is told; each database answers in its own way.
Asking = Generator[tuple[str, Row], list[Row], T]

_encode = msgspec.json.Encoder().encode
_ACCOUNT = msgspec.json.Decoder(Account)
_SOLVER = msgspec.json.Decoder(Solver)
_VERDICT = msgspec.json.Decoder(Verdict)
_RULES = msgspec.json.Decoder(Rules)

#: A task's columns in the order of its fields; the struct's own order is the row's.
TASK: Final = ", ".join('"group"' if name == "group" else name for name in Task.__struct_fields__)
LEASE: Final = (
    "token, n, account, solver, machine, given, until, pay, outcome, said, confidence, verdict, ended, shown, extended"
)
LINE: Final = 'kind, "group", route, reached, served'
FLOW: Final = 'account, kind, "group", route, turn, weight, active'
PURSE: Final = "id, balance, held, open_tasks, day, spent"

_KINDS = {str(kind): kind for kind in Kind}
_STATES = {int(state): state for state in State}
_ROUTES = {int(route): route for route in (Route.NOBODY, Route.MACHINES, Route.PEOPLE, Route.EITHER)}


def task_row(task: Task) -> Row:
    """Lay a task out for its columns."""
    return msgspec.structs.astuple(task)


def task_from(row: Row) -> Task:
    """Read a task from its columns."""
    values = dict(zip(Task.__struct_fields__, row, strict=True))
    values["kind"] = _KINDS[values["kind"]]
    values["state"] = _STATES[values["state"]]
    values["route"] = _ROUTES[values["route"]]
    values["cause"] = Cause(values["cause"]) if values["cause"] else None
    values["trail"] = Trail(values["trail"]) if values["trail"] else None
    values["refunded"] = bool(values["refunded"])
    return Task(**values)


def tasks_from(rows: Iterable[Row]) -> Iterator[Task]:
    """Read tasks; one in words that this version does not know is as if it were not there, and spoils no other."""
    for row in rows:
        try:
            yield task_from(row)
        except (KeyError, ValueError):
            import structlog  # noqa: PLC0415 - the command line is quick because it logs nothing

            structlog.get_logger().exception("task_unreadable", n=row[0])


#: The columns of a task that change after its creation; all others are as created.
CHANGING: Final = (
    "state", "cause", "route", "slots", "free_at", "review_at", "ended", "solution", "solve_count", "trail", "place",
    "report", "report_reason", "refunded",
)  # fmt: skip


def task_change(task: Task) -> Row:
    """Lay out what may have changed of a task, and its number."""
    return (
        task.state, task.cause, task.route, task.slots, task.free_at, task.review_at, task.ended, task.solution,
        task.solve_count, task.trail, task.place, task.report, task.report_reason, task.refunded, task.n,
    )  # fmt: skip


def lease_row(lease: Lease) -> Row:
    """Lay a lease out for its columns."""
    verdict = _encode(lease.verdict) if lease.verdict else None
    return (
        lease.token, lease.task, lease.account, lease.solver, lease.machine, lease.given, lease.until, lease.pay,
        lease.outcome, lease.said, lease.confidence, verdict, lease.ended, lease.shown, lease.extended,
    )  # fmt: skip


def lease_from(row: Row) -> Lease:
    """Read a lease from its columns."""
    (
        token, n, account, solver, machine, given, until, pay, outcome, said, confidence, verdict, ended, shown,
        extended,
    ) = row  # fmt: skip
    return Lease(
        token=token,
        task=n,
        account=account,
        solver=solver,
        machine=bool(machine),
        given=given,
        until=until,
        pay=pay,
        outcome=Outcome(outcome) if outcome else None,
        said=said,
        confidence=confidence,
        verdict=_VERDICT.decode(verdict) if verdict else None,
        ended=ended,
        shown=shown,
        extended=bool(extended),
    )


def line_row(line: Line) -> Row:
    """Lay a line out."""
    return line.kind, line.group, line.route, line.reached, line.served


def line_from(row: Row) -> Line:
    """Read a line."""
    kind, group, route, reached, at = row
    return Line(kind=_KINDS[kind], group=group, route=_ROUTES[route], reached=reached, served=at)


def flow_row(flow: Flow) -> Row:
    """Lay a flow out."""
    return flow.account, flow.kind, flow.group, flow.route, flow.turn, flow.weight, flow.active


def flow_from(row: Row) -> Flow:
    """Read a flow."""
    account, kind, group, route, turn, weight, active = row
    return Flow(
        account=account, kind=_KINDS[kind], group=group, route=_ROUTES[route], turn=turn, weight=weight,
        active=bool(active),
    )  # fmt: skip


def purse_from(row: Row) -> Purse:
    """Read a purse from its columns."""
    account, balance, held, open_tasks, day, spent = row
    return Purse(account=account, balance=balance, held=held, open_tasks=open_tasks, day=day, spent=spent)


def purse_change(purse: Purse) -> Row:
    """Lay a purse out for an update by id."""
    return purse.balance, purse.held, purse.open_tasks, purse.day, purse.spent, purse.account


def account_row(account: Account) -> Row:
    """Lay an account's settings out."""
    return account.id, account.name, _encode(account)


def account_from(settings: bytes) -> Account:
    """Read an account's settings."""
    return _ACCOUNT.decode(settings)


def key_row(key: Key) -> Row:
    """Lay a key out."""
    return key.digest, key.account, key.tail, key.created, key.revoked


def key_from(row: Row) -> Key:
    """Read a key."""
    digest, account, tail, created, revoked = row
    return Key(digest=digest, account=account, tail=tail, created=created, revoked=revoked)


def solver_row(solver: Solver) -> Row:
    """Lay a solver out."""
    return solver.id, solver.name, _encode(solver), solver.seen


def solver_from(row: Row) -> Solver:
    """Read a solver; when it was last seen lies beside its grants."""
    grants, seen = row
    return msgspec.structs.replace(_SOLVER.decode(grants), seen=seen)


def entry_row(entry: Entry, at: int) -> Row:
    """Lay a ledger entry out, booked at a time."""
    return at, entry.move, entry.amount, entry.account, entry.solver, entry.task, entry.note


def replay_row(replay: Replay) -> Row:
    """Lay a spent idempotency key out."""
    return replay.account, replay.key, replay.body, replay.n, replay.at


def replay_from(row: Row) -> Replay:
    """Read a spent idempotency key."""
    account, key, body, n, at = row
    return Replay(account=account, key=key, body=body, n=n, at=at)


CALLBACK: Final = "n, account, url, host, state, tries, due"
ATTEMPT: Final = "n, account, at, status, detail, milliseconds"


def callback_row(callback: Callback) -> Row:
    """Lay a callback out."""
    return callback.n, callback.account, callback.url, callback.host, str(callback.state), callback.tries, callback.due


def callback_from(row: Row) -> Callback:
    """Read a callback."""
    n, account, url, host, state, tries, due = row
    return Callback(n=n, account=account, url=url, host=host, state=Delivery(state), tries=tries, due=due)


def attempt_row(attempt: Attempt) -> Row:
    """Lay a try out."""
    return attempt.n, attempt.account, attempt.at, attempt.status, attempt.detail, attempt.milliseconds


def attempt_from(row: Row) -> Attempt:
    """Read a try."""
    n, account, at, status, detail, milliseconds = row
    return Attempt(n=n, account=account, at=at, status=status, detail=detail, milliseconds=milliseconds)


def entry_from(row: Row) -> tuple[int, Millis, Entry]:
    """Read a line of the ledger with its number and time."""
    line, at, move, amount, account, solver, n, note = row
    entry = Entry(move=Move(move), amount=amount, account=account, solver=solver, task=n, note=note)
    return line, at, entry


def price_row(price: Price) -> Row:
    """Lay a price out."""
    return price.account, price.type, price.price, price.pay


def prices_from(rows: Iterable[Row]) -> dict[tuple[AccountId, str], Price]:
    """Read all prices."""
    return {(row[0], row[1]): Price(account=row[0], type=row[1], price=row[2], pay=row[3]) for row in rows}


def rules_row(type_name: str, rules: Rules) -> Row:
    """Lay a type's rules out."""
    return type_name, _encode(rules)


def rules_from(rows: Iterable[Row]) -> dict[str, Rules]:
    """Read all rules; those that cannot be read cost their own type alone, and the desk opens to have them mended."""
    return {name: _rules_of(name, rules) for name, rules in rows}


def _rules_of(type_name: str, rules: bytes) -> Rules:
    try:
        return _RULES.decode(rules)
    except msgspec.DecodeError as error:
        import structlog  # noqa: PLC0415 - the command line is quick because it logs nothing

        # Not structlog's own logger: a verb that opens the desk prints nothing but what it was asked for.
        log = structlog.wrap_logger(logging.getLogger(__name__))
        log.warning("rules_unreadable", type=type_name, why=str(error), mend=f"answerdesk rules set {type_name} ...")
        return UNREAD


def contents_row(task: Task, blobs: tuple[bytes, ...]) -> Row:
    """Lay a task's media out, one after the other."""
    sizes = ",".join(str(len(blob)) for blob in blobs)
    return task.n, task.account, f"[{sizes}]", blobs[0] if len(blobs) == 1 else b"".join(blobs)
