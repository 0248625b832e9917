"""A serving node's place among the nodes: that it is there, which schema its code knows, and whether that is enough.
Rule: a node is seen before it works and gone when it leaves, so that nobody takes away what it works with."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Final

import psycopg
import structlog

from answerdesk.desk.ports import Unavailable
from answerdesk.store.cluster import open_connection
from answerdesk.store.dialect import CLOCK
from answerdesk.store.ground import told
from answerdesk.store.schema import Migrations, newer
from answerdesk.store.tables import Row
from answerdesk.store.upgrade import ENTERING, NOT_UP, PutOff, upgrade

log = structlog.get_logger()

#: How often a node says that it is there.
BEAT_SECONDS: Final = 5.0
#: How often it tries to, while the database takes no writes.
RETRY_SECONDS: Final = 1.0
#: What a database says that can be read and takes no writes: it is a standby, was set so, or its disk is full.
_UNWRITABLE: Final = (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.DiskFull)
#: Whoever takes away what older code works with has this lock for itself: a node comes in before that, or after it.
_HERE: Final = (
    f"INSERT INTO nodes (name, unit, seen, schema) SELECT ?, 0, {CLOCK}, ? FROM"
    " (SELECT pg_advisory_xact_lock_shared(?)) AS entering"
    " ON CONFLICT (name) DO UPDATE SET seen = excluded.seen, schema = excluded.schema RETURNING seen"
)
_OLDEST: Final = "SELECT coalesce(max(oldest), 0) FROM migrations"
_GONE: Final = "UPDATE nodes SET schema = 0 WHERE name = ? RETURNING name"

Rows = Callable[..., Awaitable[list[Row]]]


class Attendance:
    """Says every few seconds that a node is there, and makes on duty what was put off until others had left."""

    def __init__(self, url: str, node: str, known: Migrations, rows: Rows, waiting: list[PutOff]) -> None:
        """Take the node's name, what its code knows, how a statement is run, and which steps wait."""
        self._url = url
        self._node = node
        self._known = known
        self._rows = rows
        self._waiting = waiting
        self._due = 0.0
        self._beating: asyncio.Task[None] | None = None
        self._outgrown: str | None = None
        self._unwritable: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why this code can work here no more, or why nothing can be written now; None where all is well."""
        return self._outgrown or self._unwritable

    def look(self, *, on_duty: bool) -> None:
        """Say that the node is there, where it is time to; returns at once."""
        if time.monotonic() >= self._due and (self._beating is None or self._beating.done()):
            self._due = time.monotonic() + (BEAT_SECONDS if self._unwritable is None else RETRY_SECONDS)
            if self._beating is None:
                for put_off in self._waiting:
                    log.warning("migration_put_off", step=put_off.step, nodes=put_off.nodes)
            self._beating = asyncio.get_running_loop().create_task(self.beat(on_duty=on_duty))

    async def beat(self, *, on_duty: bool) -> None:
        """Say that the node is there, and hear whether its code may go on; while the database is away nobody asks."""
        with contextlib.suppress(Unavailable):
            await self._enter()
            ((oldest,),) = await self._rows(_OLDEST)
            if oldest > len(self._known) and self._outgrown is None:
                self._outgrown = str(newer(oldest, len(self._known)))
                log.error("schema_outgrown", why=self._outgrown)
            if self._waiting and on_duty and self.trouble is None:
                self._waiting = await asyncio.to_thread(self._upgrade)

    async def _enter(self) -> None:
        """Write that the node is there, and so learn, whoever calls, whether anything can be written."""
        try:
            await self._rows(_HERE, self._node, len(self._known), ENTERING)
        except Unavailable as away:
            if isinstance(away.__cause__, _UNWRITABLE):
                self._refused(told(away.__cause__))
            raise
        self._unwritable = None

    def _refused(self, why: str) -> None:
        if self._unwritable is None:
            log.error("database_unwritable", why=why)
        self._unwritable = f"the database takes no writes: {why}"

    def _upgrade(self) -> list[PutOff]:
        try:
            with closing(open_connection(self._url)) as connection:
                return upgrade(connection, self._known)
        except psycopg.Error as error:
            raise Unavailable(f"{NOT_UP}: {told(error)}") from error

    async def aclose(self) -> None:
        """Say that the node leaves, where it was there."""
        if self._beating is None:
            return
        if self._beating.get_loop() is asyncio.get_running_loop():
            await asyncio.gather(self._beating, return_exceptions=True)
        with contextlib.suppress(Unavailable):
            await self._rows(_GONE, self._node)
