"""The embedded store: SQLite with a write-ahead log and synchronous=FULL.
Rule: reads are single short statements on the loop; every write goes through group commit."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

import msgspec

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
from answerdesk.model.account import Account, AccountId, Millis, Purse, Sequence
from answerdesk.model.answer import Lease
from answerdesk.model.callback import Callback
from answerdesk.model.solver import Solver
from answerdesk.model.task import State, Task
from answerdesk.store import database, tables
from answerdesk.store.crew import SqliteCrew
from answerdesk.store.database import OPENING_SECONDS, PERMUTATION_KEY_BYTES, migrate
from answerdesk.store.glance import SqliteGlance
from answerdesk.store.group import GroupCommit, Pace
from answerdesk.store.people import SqliteRoll
from answerdesk.store.tables import CALLBACK, LEASE, PURSE, TASK

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


#: Every host that something is owed to, by as many steps through the index.
_OWED_HOSTS: Final = (
    "hosts(host) AS (SELECT min(host) FROM callbacks WHERE state = 'owed' UNION ALL"
    " SELECT (SELECT min(host) FROM callbacks WHERE state = 'owed' AND host > hosts.host) FROM hosts"
    " WHERE hosts.host IS NOT NULL)"
)


class SqliteStore(SqliteCrew, SqliteRoll):
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
        return bytes(self._rows("SELECT value FROM facts WHERE name = 'permutation'")[0][0])

    @property
    def trouble(self) -> str | None:
        """Why the last commit failed, None when it did not."""
        return self._group.trouble

    def run(self, verb: Verb[T]) -> Coroutine[Any, Any, T]:
        """Run a verb in the next group."""
        return self._group.run(verb)

    async def draw(self) -> Sequence:
        """Draw from a block, which was taken durably before any of it is used."""
        if (n := next(self._drawn, None)) is not None:
            return Sequence(n)
        async with self._drawing:
            # Whoever waited here uses up what the one before took.
            while (n := next(self._drawn, None)) is None:
                self._drawn = iter(await self.run(DrawBlock(self._block)))
        return Sequence(n)

    def listen(self, hearer: Callable[[Heard], None]) -> None:
        """Tell after each commit."""
        self._group.hearers.append(hearer)

    @property
    def backlog(self) -> int:
        """How many verbs wait for a unit."""
        return self._group.waiting

    def watched_by(self, watch: Watch) -> None:
        """Tell of each unit."""
        self._group.watch = watch

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

    def duty(self) -> bool:
        """One server at most serves a folder."""
        return True

    async def account_by_key(self, key: bytes) -> Account | None:
        """Find by digest."""
        rows = self._rows(
            "SELECT settings FROM keys JOIN accounts ON accounts.id = keys.account"
            " WHERE digest = ? AND revoked IS NULL",
            key,
        )
        return tables.account_from(rows[0][0]) if rows else None

    async def solver_by_token(self, token: bytes) -> Solver | None:
        """Find by digest."""
        rows = self._rows("SELECT grants, seen FROM solvers WHERE token = ?", token)
        solver = tables.solver_from(rows[0]) if rows else None
        return solver if solver and solver.enabled else None

    async def purse(self, account: AccountId) -> Purse | None:
        """Read one purse."""
        rows = self._rows(f"SELECT {PURSE} FROM accounts WHERE id = ?", account)
        return tables.purse_from(rows[0]) if rows else None

    async def task(self, n: Sequence) -> Task | None:
        """Read one task."""
        rows = self._rows(f"SELECT {TASK} FROM tasks WHERE n = ?", n)
        return tables.task_from(rows[0]) if rows else None

    async def settled_among(self, numbers: Iterable[Sequence]) -> list[Task]:
        """Read the final ones in one statement."""
        listed = json.dumps(list(numbers))
        select = f"SELECT {TASK} FROM tasks WHERE n IN (SELECT value FROM json_each(?)) AND state <> 0"
        return [tables.task_from(row) for row in self._rows(select, listed)]

    async def lease(self, token: str) -> Lease | None:
        """Read one lease."""
        rows = self._rows(f"SELECT {LEASE} FROM leases WHERE token = ?", token)
        return tables.lease_from(rows[0]) if rows else None

    async def content(self, n: Sequence, index: int) -> bytes | None:
        """Read one medium out of the value that holds them all."""
        rows = self._rows("SELECT sizes FROM contents WHERE n = ?", n)
        sizes = json.loads(rows[0][0]) if rows else []
        if not 0 <= index < len(sizes):
            return None
        found = self._rows(
            "SELECT substr(data, ?, ?) FROM contents WHERE n = ?", sum(sizes[:index]) + 1, sizes[index], n
        )
        return bytes(found[0][0]) if found else None

    async def due(self, now: Millis, most: int) -> list[Sequence]:
        """Scan the review index."""
        select = "SELECT n FROM tasks WHERE state = 0 AND review_at <= ? ORDER BY review_at LIMIT ?"
        return [row[0] for row in self._rows(select, now, most)]

    async def oldest(self, most: int, *, media: bool) -> list[tuple[Sequence, Millis, State]]:
        """Read from the low end of the sequence."""
        owed = "SELECT 1 FROM callbacks WHERE callbacks.n = tasks.n AND callbacks.state = 'owed'"
        # A callback that is owed needs its task, but none of its media.
        kept = "contents JOIN tasks USING (n)" if media else f"tasks WHERE NOT EXISTS ({owed})"
        rows = self._rows(f"SELECT n, created, state FROM {kept} ORDER BY n LIMIT ?", most)
        return [(n, created, State(state)) for n, created, state in rows]

    async def account(self, account: AccountId) -> Account | None:
        """Read one account."""
        rows = self._rows("SELECT settings FROM accounts WHERE id = ?", account)
        return tables.account_from(rows[0][0]) if rows else None

    async def reported(self, account: AccountId, among: int) -> tuple[int, int]:
        """Read back along the index of settled ones."""
        last = "SELECT state, report FROM tasks WHERE state > 0 AND account = ? ORDER BY place DESC LIMIT ?"
        select = f"SELECT count(*), coalesce(sum(report = 'incorrect'), 0) FROM ({last}) WHERE state = 1"
        answered, wrong = self._rows(select, account, among)[0]
        return answered, wrong

    async def callbacks_due(
        self, now: Millis, most: int, *, each: int, among: tuple[str, ...] | None = None, but: tuple[str, ...] = ()
    ) -> list[Callback]:
        """Step from host to host through the index of owed ones."""
        hosts = _OWED_HOSTS if among is None else "hosts(host) AS (SELECT value FROM json_each(?))"
        where = " WHERE hosts.host NOT IN (SELECT value FROM json_each(?))" if among is None else ""
        select = (
            f"WITH RECURSIVE {hosts} SELECT {CALLBACK} FROM callbacks WHERE n IN (SELECT first.n FROM hosts"
            " JOIN callbacks AS first ON first.n IN (SELECT n FROM callbacks AS one WHERE one.state = 'owed'"
            " AND one.host = hosts.host AND one.due <= ? ORDER BY one.due LIMIT ?)"
            f"{where}) ORDER BY due LIMIT ?"
        )
        values = (now, each, json.dumps(but)) if among is None else (json.dumps(among), now, each)
        return [tables.callback_from(row) for row in self._rows(select, *values, most)]

    def close(self) -> None:
        """Finish what is under way and close."""
        self._group.close()
        self._read.close()

    async def aclose(self) -> None:
        """Close, as every store can be closed."""
        self.close()
