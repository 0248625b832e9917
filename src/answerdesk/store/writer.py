"""The one connection a node writes through: opened with patience, and asked after a break how its last unit ended.
Rule: while the database is away nobody waits for it twice, and all goes on by itself once it is back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
import psycopg

from answerdesk.desk.ports import Unavailable
from answerdesk.store import columns
from answerdesk.store.cluster import configure, conninfo
from answerdesk.store.columns import Columns
from answerdesk.store.dialect import CLOCK
from answerdesk.store.trips import Connection, Trips

#: How a writer looks rows up: by their keys always, whatever the statistics of a young table say, and planned once.
_PLANS: Final = (
    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;"
    " SET plan_cache_mode = force_generic_plan"
)
#: How long the server bears a unit of which it hears nothing more, its locks held: one takes milliseconds to decide.
_HEARD_OF: Final = "SET idle_in_transaction_session_timeout = '3s'"
#: What is acknowledged is on the disk, whatever the server does by default; standbys that are waited for still are.
_DURABLE: Final = (
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)
_FORGOTTEN: Final = f"DELETE FROM nodes WHERE seen < {CLOCK} - 604800000"
#: There before its first unit, so that whoever asks how that one ended finds a row to wait for.
_NODE: Final = f"INSERT INTO nodes (name, unit, seen) VALUES (%s, 0, {CLOCK}) ON CONFLICT DO NOTHING"
#: Waits for the unit that holds the row, wherever its commit has got to.
_ENDED: Final = "SELECT unit FROM nodes WHERE name = %s FOR UPDATE"


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait for a database that is away, in seconds."""

    #: With verbs that can be turned away.
    verbs: float = 2.0
    #: To learn whether a unit was committed.
    outcome: float = 30.0
    #: For a unit to be durable: a statement that takes long is ended by the server before that, a commit that waits
    #: for a standby is not.
    unit: float = 15.0
    #: Between one try to connect and the next, at first and at most.
    first: float = 0.05
    most: float = 2.0


@contextmanager
def cut_after(connection: Connection, seconds: float, tell: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Cut a connection off that is not done in time.

    Whoever waits is not cancelled: the driver would have the server cancel, and a commit whose wait for a standby is
    cancelled counts, though no standby has it.
    """

    def cut() -> None:
        tell()
        with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    timer = asyncio.get_running_loop().call_later(seconds, cut)
    try:
        yield
    finally:
        timer.cancel()


class Doubt(Unavailable):
    """The store cannot tell whether something was written."""


class Writer:
    """A connection that comes back."""

    def __init__(self, url: str, node: str, patience: Patience) -> None:
        """Take the database's URL; nothing is opened yet."""
        self._conninfo = conninfo(url)
        self.node = node
        self.patience = patience
        self._db: Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._types: Columns | None = None
        self._trips: Trips | None = None
        self._returning: asyncio.Task[None] | None = None
        #: Why there is no connection, None while there is one or nobody asked.
        self.trouble: str | None = None
        #: Told when somebody waited in vain.
        self.left: Callable[[], None] = lambda: None

    @property
    def away(self) -> bool:
        """Whether somebody waited in vain, and nobody need wait again before it is back."""
        return self._returning is not None and not self._returning.done()

    @property
    def broken(self) -> bool:
        """Whether the connection there was is gone."""
        return self._db is None or self._db.closed

    @property
    def columns(self) -> Columns:
        """The types of the columns, known once there was a connection."""
        assert self._types is not None
        return self._types

    @property
    def trips(self) -> Trips:
        """How to ask over the connection that was given last."""
        assert self._trips is not None
        return self._trips

    async def connection(self) -> Connection:
        """Give the connection, a new one where the last broke; raises Unavailable after waiting for it."""
        if self._loop is not (loop := asyncio.get_running_loop()):
            self.drop()
            self._loop = loop
        if self._returning is not None and self.away:
            # One at a time tries to connect.
            await asyncio.wait([self._returning], timeout=self.patience.verbs)
            if self.broken:
                raise Unavailable(f"{self.trouble}")
        if self._db is None or self._db.closed:
            self._db = await self._patiently()
        return self._db

    async def ended(self, unit: int) -> bool:
        """Tell whether a unit whose end nobody heard of was committed; raises Doubt after asking in vain."""
        self.drop()
        end = time.monotonic() + self.patience.outcome
        while True:
            try:
                connection = await self.connection()
                with cut_after(connection, self.patience.unit):
                    cursor = await connection.execute(_ENDED, (self.node,))
                    return await cursor.fetchone() == (unit,)
            except (Unavailable, psycopg.OperationalError) as error:
                # Gone again, or the unit's own connection still holds its row.
                if time.monotonic() >= end:
                    raise Doubt(f"whether it was written is not known: {str(error).strip()}") from error
                await asyncio.sleep(self.patience.first)

    async def _patiently(self) -> Connection:
        end = time.monotonic() + self.patience.verbs
        pause = self.patience.first
        while True:
            try:
                return await self._open()
            except (psycopg.Error, OSError) as error:
                self.trouble = f"the database is away: {str(error).strip() or type(error).__name__}"
                if time.monotonic() + pause >= end:
                    self._await_return()
                    raise Unavailable(self.trouble) from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, self.patience.most)

    async def _open(self) -> Connection:
        connection: Connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        try:
            with cut_after(connection, self.patience.unit):
                await self._make_ready(connection)
        except BaseException:
            connection.pgconn.finish()
            raise
        self._trips = Trips(connection)
        self.trouble = None
        return connection

    async def _make_ready(self, connection: Connection) -> None:
        await configure(connection)
        columns.adapt(connection)
        await connection.execute(_PLANS)
        await connection.execute(_HEARD_OF)
        await connection.execute(_DURABLE)
        await connection.execute(_FORGOTTEN)
        await connection.execute(_NODE, (self.node,))
        self._types = Columns(await (await connection.execute(columns.TYPES)).fetchall())

    def _await_return(self) -> None:
        self._returning = asyncio.get_running_loop().create_task(self._return())
        self.left()

    async def _return(self) -> None:
        pause = self.patience.first
        while True:
            await asyncio.sleep(pause)
            try:
                self._db = await self._open()
            except (psycopg.Error, OSError):
                pause = min(pause * 2, self.patience.most)
            else:
                return

    def drop(self) -> None:
        """Let go of the connection at once."""
        if self._db is not None:
            self._db.pgconn.finish()
            self._db = None

    def close(self) -> None:
        """Let go, and wait for no return."""
        if self._returning is not None and not self._returning.get_loop().is_closed():
            self._returning.cancel()
        self.drop()
