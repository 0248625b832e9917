"""The embedded store: SQLite with a write-ahead log and synchronous=FULL.
Rule: reads are single short statements on the loop; every write goes through group commit."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from answerdesk.desk.elsewhere import Span
from answerdesk.desk.ports import (
    Changes,
    Clock,
    Heard,
    House,
    Needs,
    Rows,
    Verb,
)
from answerdesk.desk.watch import Watch
from answerdesk.model.account import Millis, Sequence
from answerdesk.store import database
from answerdesk.store.crew import CrewReads
from answerdesk.store.database import OPENING_SECONDS, PERMUTATION_KEY_BYTES, SqliteReading, migrate
from answerdesk.store.glance import SqliteGlance
from answerdesk.store.group import GroupCommit, Pace
from answerdesk.store.lookups import TaskReads
from answerdesk.store.records import RecordReads
from answerdesk.store.roll import RollReads

T = TypeVar("T")

#: How many sequence numbers a server takes at once; those unused at its end are never issued.
BLOCK: Final = 1_000
DEFAULT_PACE: Final = Pace()


class DrawBlock(msgspec.Struct, frozen=True):
    """Take the next sequence numbers; gives them as a range."""

    size: int

    @property
    def needs(self) -> Needs:
        """Where the last block ended."""
        return Needs(block=self.size)

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, range]:
        """Move the end on."""
        del now
        first = rows.next
        rows.next = Sequence(first + self.size)
        return Changes(next=(rows.next,)), range(first, rows.next)


class SqliteStore(SqliteReading, TaskReads, RecordReads, CrewReads, RollReads):
    """The store port on one SQLite file; an empty path keeps everything in memory."""

    def __init__(
        self, path: str, clock: Clock, *, block: int = BLOCK, pace: Pace = DEFAULT_PACE,
        connect: Callable[[str], sqlite3.Connection] = database.connect,
    ) -> None:  # fmt: skip
        """Open, and bring the schema up to date."""
        self.path = path
        super().__init__(connect(path))
        try:
            self._read.execute(f"PRAGMA busy_timeout = {OPENING_SECONDS * 1000}")
            migrate(self._read, lambda: os.urandom(PERMUTATION_KEY_BYTES))
            self._read.execute("PRAGMA busy_timeout = 0")
            self._group = GroupCommit(connect(path) if path else self._read, path, clock, pace)
        except BaseException:
            self._read.close()
            raise
        self._block = block
        self._drawn = iter(range(0))
        self._drawing = asyncio.Lock()

    @property
    def permutation_key(self) -> bytes:
        """The key of the public ids, made once for each desk."""
        return bytes(self._read.execute("SELECT value FROM facts WHERE name = 'permutation'").fetchone()[0])

    @property
    def trouble(self) -> str | None:
        """Why the last commit failed, None when it did not."""
        return self._group.trouble

    async def run(self, verb: Verb[T]) -> T:
        """Run a verb in the next group."""
        return await self.queue(verb)

    def queue(self, verb: Verb[T]) -> asyncio.Future[T]:
        """Have a verb run in the next group."""
        return self._group.queue(verb)

    async def draw(self) -> Sequence:
        """Draw from a block, which was taken durably before any of it is used."""
        if (n := self.drawn()) is not None:
            return n
        async with self._drawing:
            # Whoever waited here uses up what the one before took.
            while (n := self.drawn()) is None:
                self._drawn = iter(await self.run(DrawBlock(self._block)))
        return n

    def drawn(self) -> Sequence | None:
        """Draw from the block that is at hand."""
        n = next(self._drawn, None)
        return None if n is None else Sequence(n)

    def listen(self, hearer: Callable[[Heard], None]) -> None:
        """Tell after each commit."""
        self._group.hearers.append(hearer)

    @property
    def backlog(self) -> int:
        """How many verbs wait for a unit."""
        return len(self._group.callers)

    def watched_by(self, watch: Watch) -> None:
        """Tell of each unit."""
        self._group.callers.watch = watch

    def glance(self) -> SqliteGlance:
        """Read the file beside what is served from it."""
        return SqliteGlance(self.path)

    async def recover(self) -> None:
        """Try a write while the last one failed, so that the desk is ready again without waiting for a caller."""
        if self.trouble is not None:
            # One number is lost: to take none would be to write that none was ever taken.
            await self.run(DrawBlock(1))

    def look_around(self) -> None:
        """Notice what other processes wrote."""
        self._group.look_around()

    def house(self) -> House:
        """Give the small tables."""
        return self._group.house

    async def spans(self, lasting: int) -> list[Span]:
        """None: what is past is erased where it lies, row by row."""
        del lasting
        return []

    async def drop(self, span: Span, *, media: bool) -> bool:
        """Nothing lies in ranges here."""
        del span, media
        return False

    def duty(self) -> bool:
        """One server at most serves a folder."""
        return True

    def close(self) -> None:
        """Finish what is under way and close."""
        self._group.close()
        self._read.close()

    async def aclose(self) -> None:
        """Close, as every store can be closed."""
        self.close()
