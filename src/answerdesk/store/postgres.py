"""The store of many nodes: PostgreSQL, read through a pool and written through one pipelined connection.
Rule: nothing here waits inside the event loop but opening, which a process does once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final, TypeVar

import psycopg

from answerdesk.desk.elsewhere import Span
from answerdesk.desk.ports import Clock, Heard, House, Unavailable, Verb
from answerdesk.desk.watch import Watch
from answerdesk.model.account import Millis, Sequence
from answerdesk.model.answer import Lease, task_of
from answerdesk.model.task import Permutation
from answerdesk.store import tables
from answerdesk.store.attendance import Attendance
from answerdesk.store.cluster import check_whole, migrate, open_connection
from answerdesk.store.crew import CrewReads
from answerdesk.store.lookups import TaskReads
from answerdesk.store.notify import Neighbours
from answerdesk.store.pipeline import Pipeline
from answerdesk.store.readers import PostgresGlance, Readers
from answerdesk.store.records import RecordReads
from answerdesk.store.roll import RollReads
from answerdesk.store.schema import Migrations, migrations
from answerdesk.store.tables import LEASE, Row
from answerdesk.store.transaction import VERSION
from answerdesk.store.units import house_asked
from answerdesk.store.writer import Patience, Writer

T = TypeVar("T")

PERMUTATION_KEY_BYTES: Final = 24
#: How many sequence numbers a node takes at once; those unused at its end are never issued.
BLOCK: Final = 1_000
#: How long a node keeps a block, and after how long nothing of it is on its way to a table any more: the partitions of
#: older numbers may be gone.
BLOCK_SECONDS: Final = 900
CLOSED_MS: Final = (BLOCK_SECONDS + 300) * 1_000
#: What is dropped of a range: its media, and all that goes with its tasks. Locked in this order, as others mostly do.
MEDIA: Final = ("contents",)
WHOLE: Final = ("tasks", *MEDIA, "leases", "replays", "callbacks", "attempts")
#: How many tasks of a range may stay when the others are dropped.
MOST_STAYING: Final = 1_000
#: How often the house is looked at, whatever is heard of it.
LOOK_SECONDS: Final = 1.0
PATIENCE: Final = Patience()
_SPANS: Final = (
    "WITH said AS (UPDATE facts SET value = ? WHERE name = 'lasts' AND value <> ?)"
    " SELECT first, past, drawn, dropped, media FROM ranges WHERE drawn > 0 ORDER BY first"
)


def read_house(connection: psycopg.Connection[Row]) -> tuple[int, House]:
    """Read the house at opening, with its version, which is read first: a change in between is looked at again."""
    version = connection.execute(VERSION).fetchall()[0][0]
    asking = house_asked()
    statement, values = next(asking)
    while True:
        try:
            statement, values = asking.send(connection.execute(statement, values).fetchall())
        except StopIteration as read:
            return version, read.value


class PostgresStore(TaskReads, RecordReads, CrewReads, RollReads):
    """The store port on a PostgreSQL database; without a clock a unit's time is the database's own."""

    def __init__(
        self, url: str, clock: Clock | None = None, *, block: int = BLOCK, patience: Patience = PATIENCE,
        known: Migrations | None = None, make: bool = True,
    ) -> None:  # fmt: skip
        """Reach the database, and bring the schema, of which this code knows so many migrations, up to date there.

        Only with `make` is a desk made where there is none; raises Unavailable.
        """
        known = migrations("postgres") if known is None else known
        with closing(open_connection(url)) as connection:
            waiting = migrate(connection, lambda: os.urandom(PERMUTATION_KEY_BYTES), known, make=make)
            check_whole(connection)
            secret = connection.execute("SELECT value FROM secrets WHERE name = 'permutation'").fetchone()
            version, house = read_house(connection)
        assert secret is not None
        #: The key of the public ids, made once for each desk.
        self.permutation_key: bytes = secret[0]
        self._ids = Permutation(self.permutation_key)
        self._clock = clock
        self._block = block
        self._url = url
        self._readers = Readers(url)
        #: What nodes on one database are told apart by.
        self.node = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._pipeline = Pipeline(Writer(url, self.node, patience), house, version, clock, self._ids)
        self._neighbours = Neighbours(url, self.node, self.permutation_key, hear=self._hear_others)
        self._pipeline.announce = self._neighbours.tell
        self._attendance = Attendance(url, self.node, known, self._rows, waiting)
        self._drawn = iter(range(0))
        self._kept_until = 0.0
        self._drawing = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None
        self._looked = time.monotonic()

    async def _rows(self, select: str, *values: Any) -> list[Row]:
        return await self._readers.rows(select, values)

    @property
    def trouble(self) -> str | None:
        """Why nothing can be promised now, None where all is well."""
        return self._attendance.trouble or self._pipeline.trouble or self._readers.trouble

    @property
    def backlog(self) -> int:
        """How many verbs wait for a unit."""
        return len(self._pipeline.callers)

    def watched_by(self, watch: Watch) -> None:
        """Tell of each unit."""
        self._pipeline.callers.watch = watch

    def glance(self) -> PostgresGlance:
        """Read by a connection that no request waits for."""
        return PostgresGlance(self._url)

    async def run(self, verb: Verb[T]) -> T:
        """Run a verb in the next unit."""
        return await self.queue(verb)

    def queue(self, verb: Verb[T]) -> asyncio.Future[T]:
        """Have a verb run in the next unit."""
        return self._pipeline.queue(verb)

    async def draw(self) -> Sequence:
        """Draw from a block, which was taken durably before any of it is used, and not too long before."""
        if (n := self.drawn()) is not None:
            return n
        async with self._drawing:
            # Whoever waited here uses up what the one before took.
            while (n := self.drawn()) is None:
                self._drawn, self._kept_until = iter(range(0)), time.monotonic() + BLOCK_SECONDS
                ((first,),) = await self._rows(
                    "SELECT take_block(?, ?)", self._block, self._clock.now() if self._clock else None
                )
                self._drawn = iter(range(first, first + self._block))
        return n

    def drawn(self) -> Sequence | None:
        """Draw from the block that is at hand."""
        n = next(self._drawn, None)
        return None if n is None or time.monotonic() >= self._kept_until else Sequence(n)

    async def lease(self, token: str) -> Lease | None:
        """Look among the leases of the task that the token names."""
        task = task_of(token)
        select = f"SELECT {LEASE} FROM leases WHERE n = ? AND token = ?"
        rows = await self._rows(select, self._ids.find(task), token) if task else []
        return tables.lease_from(rows[0]) if rows else None

    async def spans(self, lasting: int) -> list[Span]:
        """Read which partitions were drawn to their ends."""
        rows = await self._rows(_SPANS, lasting, lasting)
        return [
            Span(first=first, past=past, closed=Millis(drawn + CLOSED_MS), whole=not dropped, media=bool(media))
            for first, past, drawn, dropped, media in rows
        ]

    async def drop(self, span: Span, *, media: bool) -> bool:
        """Drop partitions; nodes are told in the same transaction, for nobody would tell them should this one die."""
        heard = Heard() if media else Heard(dropped=(span,))
        told, *_ = (*self._neighbours.packed(heard), "")
        parts = list(MEDIA if media else WHOLE)
        gone = 1
        try:
            values = span.first, parts, not media, MOST_STAYING, self._neighbours.channel, told
            ((gone,),) = await self._rows("SELECT drop_range(?, CAST(? AS text[]), ?, ?, ?, ?)", *values)
        finally:
            # Also where nobody knows how it ended.
            if gone and heard.dropped:
                self._pipeline.callers.tell(heard)
        return bool(gone)

    def listen(self, hearer: Callable[[Heard], None]) -> None:
        """Tell after each commit, here or heard of."""
        self._pipeline.callers.hearers.append(hearer)

    def house(self) -> House:
        """Give the small tables."""
        return self._pipeline.house

    async def recover(self) -> None:
        """Try a write while the last one failed, so that the desk is ready again without waiting for a caller."""
        await self._pipeline.recover()
        if self._readers.trouble is not None:
            await self.look()

    def duty(self) -> bool:
        """Tell whether no other node serving here holds the lock of whoever does the chores."""
        return self._neighbours.on_duty

    def _hear_others(self, heard: Heard) -> None:
        if heard.settings:
            self._looked = 0.0
        self._pipeline.callers.tell(heard)

    def look_around(self) -> None:
        """Listen to other nodes, and look once a second at what they made of the house, should no word of it come."""
        self._neighbours.listen()
        self._attendance.look(on_duty=self.duty())
        if time.monotonic() - self._looked >= LOOK_SECONDS and (self._looking is None or self._looking.done()):
            self._looked = time.monotonic()
            self._looking = asyncio.get_running_loop().create_task(self.look())

    async def look(self) -> None:
        """Take in what other nodes made of the house; while the database is away there is nothing to see."""
        with contextlib.suppress(Unavailable):
            ((version,),) = await self._rows(VERSION)
            asking = house_asked()
            statement, values = next(asking)
            while True:
                try:
                    statement, values = asking.send(await self._rows(statement, *values))
                except StopIteration as read:
                    self._pipeline.learn(read.value, version)
                    return

    def close(self) -> None:
        """Let go of all connections at once."""
        self._neighbours.close()
        self._pipeline.close()
        self._readers.close()

    async def aclose(self) -> None:
        """Close, as every store can be closed."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._pipeline.aclose()
        await self._attendance.aclose()
        await self._neighbours.aclose()
        self.close()
