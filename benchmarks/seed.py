"""Data folders with any number of stored tasks, written through the store's own units.
Rule: what is seeded is what the service itself would have written: rows, leases, ledger and balances agree."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from answerdesk.desk.ports import Changes, House, Needs, Rows
from answerdesk.main import FIRST_ACCOUNT
from answerdesk.model.account import Account, AccountId, Key, Millis, Purse, Sequence, digest
from answerdesk.model.answer import Lease, Outcome, Verdict
from answerdesk.model.fair import Flow, Line
from answerdesk.model.money import Entry, Micros, Move
from answerdesk.model.question import Kind, Medium, Question
from answerdesk.model.solver import Solver, SolverId
from answerdesk.model.task import Cause, Permutation, Route, State, Task, TaskId
from answerdesk.store.database import PERMUTATION_KEY_BYTES, connect, migrate
from answerdesk.store.folder import DATABASE
from answerdesk.store.units import Unit

TOKEN: Final = f"{0:032x}"
WORKER: Final = SolverId(1)
RICH: Final = Micros(900_000_000_000_000)
PRICE: Final = Micros(1_000)
PAY: Final = Micros(600)
SOLUTION: Final = "W9H5K"
#: How long ago the first task was made: within every retention.
_AGE_MS: Final = 3_600_000
_CHUNK: Final = 10_000

_encode = msgspec.json.Encoder().encode
_QUESTION: Final = _encode(Question(kind=Kind.TEXT, media=(Medium(type="image/png", width=64, height=62),)))


def token_of(worker: int) -> str:
    """Give the token of a seeded worker, counted from 1."""
    return f"{worker - 1:032x}"


def key_of(account: int) -> str:
    """Give the key of a seeded account, counted from 1."""
    return f"{account:032x}"


@dataclass(frozen=True, kw_only=True)
class Seed:
    """What a folder holds; tasks are numbered from 1, the open ones last."""

    accounts: int = 1
    settled: int = 0
    open: int = 0
    content: int = 100
    workers: int = 1

    def account_of(self, n: int) -> int:
        """Give whose task a number is: the accounts take turns."""
        return 1 + n % self.accounts


class _Sown:
    """A verb that was decided before."""

    needs = Needs()

    def __init__(self, changes: Changes) -> None:
        """Take what it writes."""
        self._changes = changes

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, None]:
        """Say it."""
        del rows, now
        return self._changes, None


def write(db: sqlite3.Connection, changes: Changes, now: Millis) -> None:
    """Write in a unit of its own what nobody decides."""
    db.execute("BEGIN IMMEDIATE")
    unit = Unit(db, House(), now)
    # In company, so that one that crashes is heard of.
    unit.decide(_Sown(changes), alone=False)
    unit.flush()
    db.execute("COMMIT")


def sow(folder: Path, seed: Seed) -> Permutation:
    """Make a data folder; gives the permutation of its ids."""
    folder.mkdir(parents=True)
    with closing(connect(str(folder / DATABASE))) as db:
        migrate(db, lambda: os.urandom(PERMUTATION_KEY_BYTES))
        for faster in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -524288"):
            db.execute(f"PRAGMA {faster}")
        now = Millis(time.time_ns() // 1_000_000)
        for changes in _all(seed, now):
            write(db, changes, now)
        db.execute("PRAGMA journal_mode = WAL")
        # What was sown goes to the disk now, not beneath the commits that are measured.
        os.sync()
        return _permutation(db)


def found(folder: Path) -> Permutation | None:
    """Give the permutation of a folder made before, None if there is none."""
    if not (folder / DATABASE).exists():
        return None
    with closing(connect(str(folder / DATABASE))) as db:
        return _permutation(db)


def _permutation(db: sqlite3.Connection) -> Permutation:
    return Permutation(bytes(db.execute("SELECT value FROM facts WHERE name = 'permutation'").fetchone()[0]))


def _all(seed: Seed, now: Millis) -> Iterator[Changes]:
    accounts = range(1, seed.accounts + 1)
    numbers = range(1, seed.settled + seed.open + 1)
    workers = tuple(_worker(number, now) for number in range(1, seed.workers + 1))
    yield Changes(
        accounts=tuple(_account(number) for number in accounts),
        keys=tuple(
            Key(digest=digest(key_of(number)), account=AccountId(number), tail="", created=now) for number in accounts
        ),
        solvers=workers,
        tokens=tuple((solver.id, digest(token_of(solver.id))) for solver in workers),
        lines=(Line(kind=Kind.TEXT, group="", route=Route.PEOPLE),) if seed.open else (),
        flows=tuple(_flow(number) for number in accounts) if seed.open else (),
        purses=tuple(_purse(seed, number) for number in accounts),
        entries=tuple(Entry(move=Move.TOPUP, amount=RICH, account=number, note="seed") for number in accounts),
        next=(Sequence(max(len(accounts), len(numbers), seed.workers) + 1),),
        settled=seed.settled,
    )
    for first in range(0, len(numbers), _CHUNK):
        yield _tasks(seed, numbers[first : first + _CHUNK], now)


def _worker(number: int, now: Millis) -> Solver:
    name = "worker" if number == 1 else f"worker {number}"
    return Solver(id=SolverId(number), name=name, machine=False, kinds=frozenset({Kind.TEXT}), seen=now, created=now)


def _flow(account: int) -> Flow:
    return Flow(account=AccountId(account), kind=Kind.TEXT, group="", route=Route.PEOPLE, active=True)


def _account(number: int) -> Account:
    # A rate nobody reaches, so that the limit is looked at and never hit.
    name = FIRST_ACCOUNT if number == 1 else f"account {number}"
    return Account(id=AccountId(number), name=name, max_open=0, requests_per_second=10_000_000)


def _purse(seed: Seed, number: int) -> Purse:
    settled = sum(seed.account_of(n) == number for n in range(1, seed.settled + 1))
    waiting = sum(seed.account_of(n) == number for n in range(seed.settled + 1, seed.settled + seed.open + 1))
    return Purse(
        account=AccountId(number),
        balance=Micros(RICH - (settled + waiting) * PRICE),
        held=Micros(waiting * PRICE),
        open_tasks=waiting,
    )


def _tasks(seed: Seed, numbers: range, now: Millis) -> Changes:
    tasks = [_task(seed, n, now) for n in numbers]
    settled = [task for task in tasks if task.settled]
    entries = [Entry(move=Move.HOLD, amount=PRICE, account=task.account, task=task.n) for task in tasks]
    entries += [Entry(move=Move.CHARGE, amount=PRICE, account=task.account, task=task.n) for task in settled]
    entries += [Entry(move=Move.PAY, amount=PAY, solver=WORKER, account=task.account, task=task.n) for task in settled]
    return Changes(
        created=tuple((task, (os.urandom(seed.content),)) for task in tasks),
        leases=tuple(_lease(task) for task in settled),
        entries=tuple(entries),
    )


def _task(seed: Seed, n: int, now: Millis) -> Task:
    made = Millis(now - _AGE_MS + n * _AGE_MS // (seed.settled + seed.open + 1))
    ready = n <= seed.settled
    deadline = Millis(now + 86_400_000)
    return Task(
        n=Sequence(n),
        account=AccountId(seed.account_of(n)),
        type="ImageToTextTask",
        kind=Kind.TEXT,
        state=State.READY if ready else State.OPEN,
        cause=Cause.SOLVED if ready else None,
        price=PRICE,
        question=_QUESTION,
        ip="127.0.0.1",
        created=made,
        deadline=deadline,
        rank=made,
        route=Route.NOBODY if ready else Route.PEOPLE,
        slots=0 if ready else 1,
        review_at=deadline,
        place=n if ready else 0,
        ended=Millis(made + 2_000) if ready else Millis(0),
        solution=_encode(SOLUTION) if ready else b"",
        solve_count=int(ready),
    )


def _lease(task: Task) -> Lease:
    return Lease(
        token=f"{task.created:012x}{os.urandom(10).hex()}",
        task=task.n,
        account=task.account,
        solver=WORKER,
        machine=False,
        given=task.created,
        until=Millis(task.created + 60_000),
        pay=PAY,
        outcome=Outcome.ANSWERED,
        said=task.solution,
        verdict=Verdict(accepted=True, paid=PAY),
        ended=task.ended,
    )


def ids(permutation: Permutation, numbers: range) -> list[TaskId]:
    """Give the public ids of sequence numbers."""
    return [permutation.show(Sequence(n)) for n in numbers]
