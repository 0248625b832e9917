"""Group commit on SQLite: the event loop runs a batch of verbs inline, and only the COMMIT goes to a thread.
Rule: a caller hears of its verb after the commit is durable, or hears that nothing was written."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sqlite3
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from answerdesk.desk.ports import Clock, Heard, House, Unavailable, Verb
from answerdesk.store.callers import LINGER, TURNS, Callers, Waiting, give, refuse
from answerdesk.store.units import Unit, read_house

#: Verbs in one commit: more would only lengthen the wait of the first.
BATCH: Final = 64
#: No version of the data: whatever it is, it is news.
_UNKNOWN: Final = -1
#: How long to wait for another process to let go of the write lock.
BUSY_SECONDS: Final = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long the queue bears with others, and how long its log may grow."""

    #: How long another process may hold the write lock before callers are turned away, in seconds.
    patience: float = 5.0
    #: From this size on the write-ahead log is folded back beside the work.
    fold: int = 4 * 2**20
    #: How long after one folding the next may begin, in seconds.
    every: float = 0.2
    #: Past this size the queue pauses until it is folded back.
    pause: int = 64 * 2**20
    #: How long such a pause waits for readers, and how long the next one is put off when they stayed, in seconds.
    wait: float = 2.0
    rest: float = 30.0


class GroupCommit:
    """One writer connection, its queue of verbs, and the thread that commits."""

    def __init__(self, connection: sqlite3.Connection, path: str, clock: Clock, pace: Pace) -> None:
        """Take the writer's own connection; `path` is the database file, empty where there is none."""
        self._db = connection
        self._path = path
        self._log = f"{path}-wal"
        self._clock = clock
        self._pace = pace
        #: Until when, by the loop's clock, the queue is not paused: a reader kept the log from shrinking.
        self._rests_until = 0.0
        self.callers = Callers()
        self.hearers = self.callers.hearers
        #: Verbs of a batch that the driver refused, to be run alone.
        self._alone: deque[Waiting] = deque()
        self._busy = False
        self._closed = False
        #: Since when another process holds the write lock, by the loop's clock.
        self._locked_since: float | None = None
        self._folding = False
        #: Before this time of the loop's clock the log is folded only when it has grown too long.
        self._folds_from = 0.0
        #: Read before the house, so that what is written in between is noticed.
        self._version = self._data_version()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="commit")
        self.house: House = read_house(self._db)
        #: Why the last commit failed, None when it did not.
        self.trouble: str | None = None
        #: When the unit under way began, had gathered, and had decided.
        self._began = self._gathered = self._decided = 0.0
        #: A batch is nobody's own: what is logged of it names none of its callers.
        self._context = contextvars.Context()

    def queue(self, verb: Verb[Any]) -> asyncio.Future[Any]:
        """Queue a verb; what it comes to is told once it is durable."""
        if self._closed:
            msg = "the store is closed"
            raise Unavailable(msg)
        outcome = self.callers.add(verb)
        if not self._busy:
            self._busy = True
            asyncio.get_running_loop().call_soon(self._step, context=self._context)
        return outcome

    def look_around(self) -> None:
        """Notice what other processes wrote; costs microseconds, and waits while a commit is under way."""
        if not self._busy and (version := self._data_version()) != self._version:
            self._version = version
            self.house = read_house(self._db)
            self.callers.tell(Heard(settings=True))

    def close(self) -> None:
        """Finish the commit under way, turn away who waits, and close."""
        self._closed = True
        self._threads.shutdown()
        closing = Unavailable("the store is closing")
        refuse(list(self._alone), closing)
        self._alone.clear()
        self.callers.turn_away(closing)
        self._db.close()

    def _data_version(self) -> int:
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def _step(self, turns: int = TURNS, by: float | None = None) -> None:
        """Run the verbs that wait, so many turns of the loop later or `by` its time, or go idle."""
        loop = asyncio.get_running_loop()
        by = loop.time() + LINGER if by is None else by
        if turns and 0 < len(self.callers) < BATCH and loop.time() < by:
            loop.call_soon(self._step, turns - 1, by)
            return
        batch = self.callers.batch(BATCH)
        if not batch:
            self._busy = len(self.callers) > 0
            if self._busy:
                loop.call_soon(self._step)
            return
        self._attempt(batch)

    def _attempt(self, batch: list[Waiting]) -> None:
        loop = asyncio.get_running_loop()
        self._roll_back()
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if is_busy(error) and self._bears_with_the_lock(loop.time()):
                loop.call_later(BUSY_SECONDS, self._attempt, batch)
            else:
                self._fail(batch, error)
            return
        self._locked_since = None
        self._began = self._gathered = time.monotonic()
        try:
            self._refresh()
            unit, outcomes = self._decide(batch)
            unit.flush()
            self._decided = time.monotonic()
        except Exception as error:  # noqa: BLE001 - the driver's, or a value that no column can hold
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
        # Its future costs one more turn of the loop, in which others come: told sooner, batches are smaller and dearer.
        commit = loop.run_in_executor(self._threads, self._db.commit)
        commit.add_done_callback(lambda done: self._committed(done, batch, unit, outcomes))

    def _bears_with_the_lock(self, now: float) -> bool:
        """Tell whether to try again: not once the lock was held for longer than the pace allows."""
        if self._locked_since is None:
            self._locked_since = now
        return now - self._locked_since < self._pace.patience

    def _refresh(self) -> None:
        """Take in what another process wrote since the last unit."""
        if (version := self._data_version()) != self._version:
            self._version = version
            self.house = read_house(self._db)
            asyncio.get_running_loop().call_soon(self.callers.tell, Heard(settings=True))

    def _decide(self, batch: list[Waiting]) -> tuple[Unit, list[Any]]:
        """Decide each verb on the rows as the verbs before it leave them."""
        unit = Unit(self._db, self.house, self._clock.now())
        needs = [verb.needs for verb, _ in batch]
        unit.gather(needs)
        self._gathered = time.monotonic()
        outcomes: list[Any] = []
        for (verb, _), need in zip(batch, needs, strict=True):
            if need.hunt:
                unit.hunt(need.hunt)
            outcomes.append(unit.decide(verb, alone=len(batch) == 1))
        return unit, outcomes

    def _committed(self, done: asyncio.Future[None], batch: list[Waiting], unit: Unit, outcomes: list[Any]) -> None:
        error = done.exception()
        if error is not None:
            self._roll_back()
            self._doubt(unit)
            self._fail(batch, error)
            return
        self.trouble = None
        self.house = unit.rows.house
        self._tell_watch(batch, failed=False)
        self._finish(batch, unit, outcomes)

    def _doubt(self, unit: Unit) -> None:
        """Let nothing be remembered that may have been written over after all: it is read again."""
        if unit.others:
            self._version = _UNKNOWN
        if erased := unit.heard().erased:
            self.callers.tell(Heard(erased=erased))

    def _finish(self, batch: list[Waiting], unit: Unit, outcomes: list[Any]) -> None:
        if unit.changes:
            self.callers.tell(unit.heard())
        give(batch, outcomes)
        self._fold()

    def _tell_watch(self, batch: list[Waiting], *, failed: bool) -> None:
        self.callers.tell_watch(batch, self._began, self._gathered, self._decided, failed=failed)

    def _fail(self, batch: list[Waiting], error: BaseException) -> None:
        self._tell_watch(batch, failed=True)
        reason = str(error) or type(error).__name__
        if isinstance(error, sqlite3.Error):
            # A rule of the schema that one verb broke is that verb's trouble, not the store's.
            self.trouble = self.trouble if isinstance(error, sqlite3.IntegrityError) else reason
            error = Unavailable(f"the store could not commit: {reason}")
        refuse(batch, error)
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
        try:
            if self._db.in_transaction:
                self._db.rollback()
        except sqlite3.Error as error:
            # Tried again before the next BEGIN.
            self.trouble = str(error)

    def _fold(self) -> None:
        """Fold the write-ahead log back beside the work, or, when it has grown too long, before any more of it."""
        loop = asyncio.get_running_loop()
        size = self._wal_size()
        # The file does not shrink when it is folded, so its size alone would call for folding at every commit.
        early = size <= self._pace.pause and loop.time() < self._folds_from
        if size < self._pace.fold or early or self._folding or self._closed:
            self._next()
            return
        self._folding = True
        pause = size > self._pace.pause and loop.time() >= self._rests_until
        folded = loop.run_in_executor(self._threads, self._checkpoint, pause)
        folded.add_done_callback(lambda done: self._folded(done, resume=pause))
        if not pause:
            self._next()

    def _folded(self, done: asyncio.Future[None], *, resume: bool) -> None:
        self._folding = False
        self._folds_from = asyncio.get_running_loop().time() + self._pace.every
        if (error := done.exception()) is not None:
            self.trouble = f"checkpoint: {error}"
        if resume:
            if self._wal_size() > self._pace.pause:
                self._rests_until = asyncio.get_running_loop().time() + self._pace.rest
            self._next()

    def _checkpoint(self, truncate: bool) -> None:  # noqa: FBT001 - called through an executor
        connection = sqlite3.connect(self._path, timeout=self._pace.wait)
        try:
            connection.execute(f"PRAGMA wal_checkpoint({'TRUNCATE' if truncate else 'PASSIVE'})")
        finally:
            connection.close()

    def _wal_size(self) -> int:
        if not self._path:
            return 0
        try:
            return os.stat(self._log).st_size  # noqa: PTH116 - after every commit: a Path takes three times as long
        except OSError:
            return 0


def is_busy(error: sqlite3.Error) -> bool:
    """Whatever its reason: the low byte of an extended code is the plain one."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
