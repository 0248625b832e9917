"""Group commit on SQLite: the event loop runs a batch of verbs inline, and only the COMMIT goes to a thread.
Rule: a caller hears of its verb after the commit is durable, or hears that nothing was written."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from answerdesk.desk.ports import NO_CHANGES, Changes, Clock, Heard, House, Unavailable, Verb
from answerdesk.model.task import Task
from answerdesk.store.units import Unit, read_house

#: Verbs in one commit: more would only lengthen the wait of the first.
BATCH: Final = 64
#: Verbs waiting beyond which new ones are turned away rather than kept waiting.
MOST_WAITING: Final = 20_000
#: How long to wait for another process to let go of the write lock.
BUSY_SECONDS: Final = 0.002
#: Past this size of the write-ahead log the queue pauses until it is folded back.
WAL_PAUSE: Final = 64 * 2**20
#: From this size on it is folded back beside the work.
WAL_FOLD: Final = 4 * 2**20

Waiting = tuple[Verb[Any], "asyncio.Future[Any]"]


class GroupCommit:
    """One writer connection, its queue of verbs, and the thread that commits."""

    def __init__(self, connection: sqlite3.Connection, path: str, clock: Clock) -> None:
        """Take the writer's own connection; `path` is the database file, empty where there is none."""
        self._db = connection
        self._path = path
        self._clock = clock
        self._waiting: deque[Waiting] = deque()
        #: Verbs of a batch that the driver refused, to be run alone.
        self._alone: deque[Waiting] = deque()
        self._busy = False
        self._folding = False
        self._version = 0
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="commit")
        self.house: House = read_house(self._db)
        self.hearers: list[Callable[[Heard], None]] = []
        #: Why the last commit failed, None when it did not.
        self.trouble: str | None = None
        self._version = self._data_version()

    async def run(self, verb: Verb[Any]) -> Any:
        """Queue a verb and wait until it is durable."""
        if len(self._waiting) >= MOST_WAITING:
            msg = "too many writes are waiting for the disk"
            raise Unavailable(msg)
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((verb, outcome))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._step)
        return await outcome

    def look_around(self) -> None:
        """Notice what other processes wrote; costs microseconds, and waits while a commit is under way."""
        if not self._busy and (version := self._data_version()) != self._version:
            self._version = version
            self.house = read_house(self._db)
            self._tell(Heard(settings=True))

    def close(self) -> None:
        """Finish the commit under way and close."""
        self._threads.shutdown()
        for _, outcome in self._waiting:
            if not outcome.done():
                outcome.set_exception(Unavailable("the store is closing"))
        self._waiting.clear()
        self._db.close()

    def _data_version(self) -> int:
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def _step(self) -> None:
        """Run the verbs that wait, or go idle."""
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        batch = [waiting for waiting in batch if not waiting[1].done()]
        if not batch:
            self._busy = bool(self._waiting)
            if self._busy:
                asyncio.get_running_loop().call_soon(self._step)
            return
        self._attempt(batch)

    def _attempt(self, batch: list[Waiting]) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if _is_busy(error):
                asyncio.get_running_loop().call_later(BUSY_SECONDS, self._attempt, batch)
            else:
                self._fail(batch, error)
            return
        except sqlite3.Error as error:
            self._fail(batch, error)
            return
        try:
            self._refresh()
            unit, outcomes = self._decide(batch)
            unit.flush()
        except sqlite3.Error as error:
            self._roll_back()
            if len(batch) == 1:
                self._fail(batch, error)
            else:
                self._one_by_one(batch)
            return
        if not unit.changes:
            self._roll_back()
            self._finish(batch, unit, outcomes)
            return
        commit = asyncio.get_running_loop().run_in_executor(self._threads, self._db.commit)
        commit.add_done_callback(lambda done: self._committed(done, batch, unit, outcomes))

    def _refresh(self) -> None:
        """Take in what another process wrote since the last unit."""
        if (version := self._data_version()) != self._version:
            self._version = version
            self.house = read_house(self._db)
            asyncio.get_running_loop().call_soon(self._tell, Heard(settings=True))

    def _decide(self, batch: list[Waiting]) -> tuple[Unit, list[Any]]:
        """Decide each verb on the rows as the verbs before it leave them."""
        unit = Unit(self._db, self.house, self._clock.now())
        needs = [verb.needs for verb, _ in batch]
        unit.gather(needs)
        outcomes: list[Any] = []
        for (verb, _), need in zip(batch, needs, strict=True):
            if need.hunt:
                unit.hunt(need.hunt)
            try:
                changes, outcome = verb.decide(unit.rows, unit.now)
            except Exception as refusal:  # noqa: BLE001 - handed to the caller whole; nothing of this verb was written
                outcomes.append(refusal)
                continue
            if changes != NO_CHANGES:
                unit.take(changes)
            outcomes.append(outcome)
        return unit, outcomes

    def _committed(self, done: asyncio.Future[None], batch: list[Waiting], unit: Unit, outcomes: list[Any]) -> None:
        error = done.exception()
        if error is not None:
            self._roll_back()
            self._fail(batch, error)
            return
        self.trouble = None
        self.house = unit.rows.house
        self._finish(batch, unit, outcomes)

    def _finish(self, batch: list[Waiting], unit: Unit, outcomes: list[Any]) -> None:
        if unit.changes:
            tasks = [task for change in unit.changes for task in _tasks_of(change)]
            settings = any(change.accounts or change.keys or change.solvers or change.tokens for change in unit.changes)
            if any(change.prices or change.rules for change in unit.changes):
                self.house, settings = read_house(self._db), True
            self._tell(Heard(tasks=tasks, settings=settings))
        for (_, caller), outcome in zip(batch, outcomes, strict=True):
            if caller.done():
                continue
            if isinstance(outcome, Exception):
                caller.set_exception(outcome)
            else:
                caller.set_result(outcome)
        self._fold()

    def _tell(self, heard: Heard) -> None:
        for hearer in self.hearers:
            hearer(heard)

    def _fail(self, batch: list[Waiting], error: BaseException) -> None:
        self.trouble = str(error) or type(error).__name__
        for _, caller in batch:
            if not caller.done():
                caller.set_exception(Unavailable(f"the store could not commit: {self.trouble}"))
        self._next()

    def _one_by_one(self, batch: list[Waiting]) -> None:
        """Run a batch that the driver refused again, each verb alone, so that one cannot fail the others."""
        self._alone.extend(batch)
        self._attempt([self._alone.popleft()])

    def _next(self) -> None:
        loop = asyncio.get_running_loop()
        if self._alone:
            loop.call_soon(self._attempt, [self._alone.popleft()])
        else:
            loop.call_soon(self._step)

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.rollback()

    def _fold(self) -> None:
        """Fold the write-ahead log back beside the work, or, when it has grown too long, before any more of it."""
        size = self._wal_size()
        if size < WAL_FOLD or self._folding:
            self._next()
            return
        self._folding = True
        pause = size > WAL_PAUSE
        folded = asyncio.get_running_loop().run_in_executor(self._threads, self._checkpoint, pause)
        folded.add_done_callback(lambda done: self._folded(done, resume=pause))
        if not pause:
            self._next()

    def _folded(self, done: asyncio.Future[None], *, resume: bool) -> None:
        self._folding = False
        if (error := done.exception()) is not None:
            self.trouble = f"checkpoint: {error}"
        if resume:
            self._next()

    def _checkpoint(self, truncate: bool) -> None:  # noqa: FBT001 - called through an executor
        connection = sqlite3.connect(self._path, timeout=2)
        try:
            connection.execute(f"PRAGMA wal_checkpoint({'TRUNCATE' if truncate else 'PASSIVE'})")
        finally:
            connection.close()

    def _wal_size(self) -> int:
        if not self._path:
            return 0
        try:
            return Path(f"{self._path}-wal").stat().st_size
        except OSError:
            return 0


def _tasks_of(changes: Changes) -> list[Task]:
    return [task for task, _ in changes.created] + list(changes.tasks)


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_LOCKED}
