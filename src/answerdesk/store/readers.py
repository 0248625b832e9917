"""The connections that read on PostgreSQL, beside the event loop.
Rule: a read waits for the database once and for a bounded time; while it is away the next ones are told at once."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import psycopg

from answerdesk.desk.ports import Unavailable
from answerdesk.store.cluster import configure, conninfo
from answerdesk.store.crew import CrewReads
from answerdesk.store.dialect import postgres
from answerdesk.store.records import RecordReads
from answerdesk.store.tables import Row

#: Connections that read at once; more would only wait for the same processors.
MOST: Final = 8
#: How long a read waits for a connection, and how long it is known after one waited in vain that there is none.
PATIENCE: Final = 2.0
AWAY: Final = 1.0
#: How long whoever watches may read at one thing.
LONG_SECONDS: Final = 600
#: Planned for these values and these partitions each time, a lookup would cost twice as much.
_PLANNED_ONCE: Final = "SET plan_cache_mode = force_generic_plan"
_PATIENT: Final = "SET statement_timeout = '{}s'"

Connection = psycopg.AsyncConnection[Row]


class Readers:
    """Connections opened as they are needed, the last used first; without tasks of its own, it closes from anywhere."""

    def __init__(self, url: str, *, most: int = MOST, bears: int | None = None) -> None:
        """Take the database's URL, and for how many seconds a read may go on; nothing is opened yet."""
        self._conninfo = conninfo(url)
        self._most = most
        self._bears = bears
        self._loop: asyncio.AbstractEventLoop | None = None
        self._places = asyncio.Semaphore(most)
        self._idle: list[Connection] = []
        #: Every connection there is, idle or in use.
        self._all: set[Connection] = set()
        self._away_until = 0.0
        self._closed = False
        #: Why the last read found no database, None when it did.
        self.trouble: str | None = None

    async def rows(self, select: str, values: tuple[Any, ...]) -> list[Row]:
        """Run one statement; once more on a new connection when the one it had turned out to be dead."""
        if self._closed:
            raise Unavailable("the store is closed")
        if time.monotonic() < self._away_until:
            raise Unavailable(f"the database is away: {self.trouble}")
        self._belong()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._places.acquire()
        except TimeoutError:
            raise Unavailable("too many reads are waiting for the database") from None
        try:
            return await self._ask(postgres(select), values)
        finally:
            self._places.release()

    def _belong(self) -> None:
        """Move to the loop that runs: what another one left behind is of no use in it."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._drop()
            self._loop, self._places = loop, asyncio.Semaphore(self._most)

    async def _ask(self, statement: str, values: tuple[Any, ...]) -> list[Row]:
        while True:
            used = bool(self._idle)
            connection = self._idle.pop() if used else await self._connect()
            try:
                rows = await _fetch(connection, statement, values)
            except psycopg.Error as error:
                if connection.closed and used:
                    # The server went and came back, or ended the session: the other idle ones may be dead too.
                    self._discard(connection)
                    continue
                if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
                    # A session stays what it was when it began; a new one may be let write again.
                    self._discard(connection)
                else:
                    self._put_back(connection)
                if isinstance(error, psycopg.DataError) and error.sqlstate in {None, "22021"}:
                    # A text that PostgreSQL cannot hold is nowhere in it.
                    return []
                raise Unavailable(f"the store could not be read: {error}") from error
            except UnicodeEncodeError:
                self._put_back(connection)
                return []
            except BaseException:
                # Given up in the middle: what its reply would be is not known any more.
                self._discard(connection)
                raise
            self._put_back(connection)
            # Whatever kept another connection from the database.
            self.trouble, self._away_until = None, 0.0
            return rows

    async def _connect(self) -> Connection:
        connection = None
        try:
            async with asyncio.timeout(PATIENCE):
                connection = await psycopg.AsyncConnection.connect(self._conninfo)
                self._all.add(connection)
                await configure(connection)
                await connection.execute(_PLANNED_ONCE if self._bears is None else _PATIENT.format(self._bears))
        except (psycopg.Error, TimeoutError) as error:
            if connection is not None:
                self._discard(connection)
            self.trouble = str(error) or f"no connection within {PATIENCE:.0f} s"
            self._away_until = time.monotonic() + AWAY
            raise Unavailable(f"the database is away: {self.trouble}") from error
        return connection

    def _put_back(self, connection: Connection) -> None:
        if self._closed or connection.closed:
            self._discard(connection)
        else:
            self._idle.append(connection)

    def _discard(self, connection: Connection) -> None:
        connection.pgconn.finish()
        self._all.discard(connection)

    def _drop(self) -> None:
        for connection in self._all:
            connection.pgconn.finish()
        self._all.clear()
        self._idle.clear()

    def close(self) -> None:
        """Let go of all connections; it needs no loop, for theirs may be gone."""
        self._closed = True
        self._drop()


class PostgresGlance(RecordReads, CrewReads):
    """Reads a desk for whoever watches it, by a connection of its own: the whole ledger takes its time."""

    def __init__(self, url: str) -> None:
        """Take the database's URL; nothing is opened yet."""
        self._readers = Readers(url, most=1, bears=LONG_SECONDS)

    async def _rows(self, select: str, *values: Any) -> list[Row]:
        return await self._readers.rows(select, values)

    async def aclose(self) -> None:
        """Let go of the connection."""
        self._readers.close()


async def _fetch(connection: Connection, statement: str, values: tuple[Any, ...]) -> list[Row]:
    cursor = connection.cursor(binary=True)
    await cursor.execute(statement, values, prepare=True)
    return await cursor.fetchall()
