"""The embedded store: SQLite with a write-ahead log and synchronous=FULL.
Rule: reads are single short statements on the loop; every write goes through group commit."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from answerdesk.desk.ports import (
    Changes,
    Clock,
    Heard,
    House,
    Listing,
    Needs,
    Rows,
    Spending,
    Spent,
    Sums,
    Traffic,
    Unavailable,
    Verb,
)
from answerdesk.model.account import Account, AccountId, Key, Millis, Purse, Sequence
from answerdesk.model.answer import Lease
from answerdesk.model.callback import Attempt, Callback
from answerdesk.model.money import BOOKS, Book, Entry, Micros
from answerdesk.model.question import Kind
from answerdesk.model.solver import Solver
from answerdesk.model.task import State, Task
from answerdesk.store import tables
from answerdesk.store.group import GroupCommit, Pace, is_busy
from answerdesk.store.tables import CALLBACK, LEASE, PURSE, TASK

T = TypeVar("T")

#: How many sequence numbers a server takes at once; those unused at its end are never issued.
BLOCK: Final = 1_000
#: How far a restored desk skips, so that no id issued after the backup comes again.
SKIP: Final = 1_000_000
PERMUTATION_KEY_BYTES: Final = 24
#: How long opening waits for another process that is opening, migrating or recovering the same file.
OPENING_SECONDS: Final = 5
#: The last is how long a statement waits for a lock: not at all, for the event loop would wait with it.
PRAGMAS: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "wal_autocheckpoint = 0",
    "cache_size = -32768",
    "secure_delete = ON",
    "busy_timeout = 0",
)
DEFAULT_PACE: Final = Pace()


def connect(path: str) -> sqlite3.Connection:
    """Open a connection in autocommit; an empty path is a database in memory that only this connection sees."""
    connection = sqlite3.connect(
        path or ":memory:", timeout=OPENING_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        for pragma in PRAGMAS:
            _patiently(connection, f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _patiently(connection: sqlite3.Connection, statement: str) -> None:
    """Try a statement again while the file is locked: for a change of journal SQLite itself does not wait."""
    patience = time.monotonic() + OPENING_SECONDS
    while True:
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > patience:
                raise
            time.sleep(0.01)
        else:
            return


def migrations() -> list[tuple[str, str]]:
    """Give the numbered migrations in order, as (name, SQL)."""
    folder = resources.files("answerdesk.store") / "migrations"
    return sorted((entry.name, entry.read_text("utf-8")) for entry in folder.iterdir() if entry.name.endswith(".sql"))


def migrate(connection: sqlite3.Connection, fresh_key: Callable[[], bytes]) -> None:
    """Bring a database to this version, each migration in a transaction of its own; a newer one is refused."""
    known = migrations()
    while (done := _schema(connection)) < len(known):
        try:
            connection.executescript(f"BEGIN IMMEDIATE;{known[done][1]};PRAGMA user_version = {done + 1};COMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.rollback()
            # Another process may have made this very step while this one waited.
            if _schema(connection) == done:
                raise
    if done > len(known):
        msg = f"this database is of a newer answerdesk (schema {done}, this one knows {len(known)}); upgrade answerdesk"
        raise Unavailable(msg)
    connection.execute("INSERT OR IGNORE INTO facts (name, value) VALUES ('permutation', ?)", (fresh_key(),))
    connection.execute("INSERT OR IGNORE INTO facts (name, value) VALUES ('next', 1), ('settled', 0)")


def _schema(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


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


class SqliteStore:
    """The store port on one SQLite file; an empty path keeps everything in memory."""

    def __init__(self, path: str, clock: Clock, *, block: int = BLOCK, pace: Pace = DEFAULT_PACE) -> None:
        """Open, and bring the schema up to date."""
        self.path = path
        self._read = connect(path)
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

    async def run(self, verb: Verb[T]) -> T:
        """Run a verb in the next group."""
        outcome: T = await self._group.run(verb)
        return outcome

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

    def look_around(self) -> None:
        """Notice what other processes wrote."""
        self._group.look_around()

    def house(self) -> House:
        """Give the small tables."""
        return self._group.house

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

    async def leases(self, n: Sequence) -> list[Lease]:
        """Read by the index of tasks."""
        select = f"SELECT {LEASE} FROM leases WHERE n = ? ORDER BY given, token"
        return [tables.lease_from(row) for row in self._rows(select, n)]

    async def attempts(self, n: Sequence) -> tuple[Callback | None, list[Attempt]]:
        """Read both by task."""
        owed = self._rows(f"SELECT {CALLBACK} FROM callbacks WHERE n = ?", n)
        tries = self._rows("SELECT n, at, status, detail, milliseconds FROM attempts WHERE n = ? ORDER BY id", n)
        return (tables.callback_from(owed[0]) if owed else None), [tables.attempt_from(row) for row in tries]

    async def settled_after(self, account: AccountId, place: int, most: int) -> list[Task]:
        """Scan the index of settled ones."""
        where = "state > 0 AND account = ? AND place > ?"
        select = f"SELECT {TASK} FROM tasks WHERE {where} ORDER BY place LIMIT ?"
        return [tables.task_from(row) for row in self._rows(select, account, place, most)]

    async def last_settled(self) -> int:
        """Read the counter that settling units move on."""
        return int(self._rows("SELECT value FROM facts WHERE name = 'settled'")[0][0])

    async def entries(self, account: AccountId, before: int, most: int) -> list[tuple[int, Millis, Entry]]:
        """List from the end of the ledger."""
        select = (
            "SELECT id, at, move, amount, account, solver, n, note FROM entries"
            " WHERE account = ? AND id < ? ORDER BY id DESC LIMIT ?"
        )
        return [tables.entry_from(row) for row in self._rows(select, account, before, most)]

    async def spending(self, account: AccountId, since: Millis, till: Millis, filters: Spending) -> list[Spent]:
        """Add up charges by the hour they were booked in."""
        select = (
            "SELECT at / 3600000, count(*), sum(amount) FROM entries LEFT JOIN tasks USING (n)"
            " WHERE entries.account = ? AND move = 'charge' AND at >= ? AND at < ?"
            " AND (? = '[]' OR type IN (SELECT value FROM json_each(?)))"
            " AND (? IS NULL OR soft_id = ?) AND (? IS NULL OR ip = ?) GROUP BY 1 ORDER BY 1"
        )
        types = json.dumps(filters.types)
        values = (account, since, till, types, types, filters.soft_id, filters.soft_id, filters.ip, filters.ip)
        hours = self._rows(select, *values)
        return [Spent(hour=Millis(hour * 3_600_000), count=count, amount=amount) for hour, count, amount in hours]

    async def traffic(self, kinds: tuple[Kind, ...], lang: str | None, now: Millis) -> Traffic:
        """Look at live leases, and at the answered ones among the newest thousand tasks."""
        matches = "kind IN (SELECT value FROM json_each(?)) AND (? IS NULL OR coalesce(lang, 'en') = ?)"
        values = (json.dumps(kinds), lang, lang)
        held = (
            f"SELECT DISTINCT solver FROM leases JOIN tasks USING (n) WHERE outcome IS NULL AND until > ? AND {matches}"
        )
        recent = "SELECT kind, lang, state, created, tasks.ended, price FROM tasks ORDER BY n DESC LIMIT 1000"
        count, took, price = self._rows(
            f"SELECT count(*), avg(ended - created), avg(price) FROM ({recent}) WHERE state = 1 AND {matches}", *values
        )[0]
        return Traffic(
            busy=frozenset(row[0] for row in self._rows(held, now, *values)),
            count=count,
            milliseconds=round(took or 0),
            price=Micros(round(price or 0)),
        )

    async def accounts(self) -> list[tuple[Account, Purse]]:
        """List by id."""
        rows = self._rows(f"SELECT settings, {PURSE} FROM accounts ORDER BY id")
        return [(tables.account_from(row[0]), tables.purse_from(row[1:])) for row in rows]

    async def keys(self, account: AccountId | None) -> list[Key]:
        """List by age."""
        select = (
            "SELECT digest, account, tail, created, revoked FROM keys WHERE ? IS NULL OR account = ? ORDER BY created"
        )
        return [tables.key_from(row) for row in self._rows(select, account, account)]

    async def tasks(self, listing: Listing) -> list[Task]:
        """List from the high end of the sequence."""
        where, values = ["n < ?"], [listing.before or 2**62]
        if listing.account is not None:
            where.append("account = ?")
            values.append(listing.account)
        if listing.state is not None:
            where.append("state = ?")
            values.append(int(listing.state))
        select = f"SELECT {TASK} FROM tasks WHERE {' AND '.join(where)} ORDER BY n DESC LIMIT ?"
        return [tables.task_from(row) for row in self._rows(select, *values, listing.most)]

    async def sums(self) -> Sums:
        """Add the whole ledger up by move and account."""
        booked: dict[tuple[Book, int], int] = {}
        drifting, entries = [], 0
        # One statement sees one moment; the ledger's lines come before the accounts.
        for move, account, name, first, second in self._rows(
            "SELECT move, account, '', sum(amount), count(*) FROM entries GROUP BY move, account"
            " UNION ALL SELECT '', id, name, balance, held FROM accounts"
        ):
            if move:
                entries += second
                for book, sign in zip(BOOKS[move], (-1, 1), strict=True):
                    booked[book, account] = booked.get((book, account), 0) + sign * first
            elif (booked.get((Book.BALANCE, account), 0), booked.get((Book.HELD, account), 0)) != (first, second):
                drifting.append(name)
        return Sums(drifting=tuple(drifting), entries=entries)

    def close(self) -> None:
        """Finish what is under way and close."""
        self._group.close()
        self._read.close()

    def _rows(self, select: str, *values: Any) -> list[tables.Row]:
        try:
            return self._read.execute(select, values).fetchall()
        except sqlite3.Error as error:
            msg = f"the store could not be read: {error}"
            raise Unavailable(msg) from error


def backup(path: str, target: Path) -> None:
    """Copy a database in use into a file of its own, whole and consistent; raises ValueError where there is none."""
    with closing(_open(Path(path), "rw")) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


def restore(source: Path, path: Path) -> None:
    """Put a backup in the place of a database nobody uses, skipping the ids issued since; raises ValueError."""
    with (
        closing(_open(source, "ro")) as backed,
        closing(sqlite3.connect(path)) as fresh,
    ):
        check_is_desk(backed)
        backed.backup(fresh)
        fresh.execute("UPDATE facts SET value = value + ? WHERE name = 'next'", (SKIP,))
        fresh.commit()


def _open(path: Path, mode: str) -> sqlite3.Connection:
    """Open a file that must be there."""
    try:
        return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)
    except sqlite3.Error as error:
        msg = f"not a desk's database: {path}: {error}"
        raise ValueError(msg) from error


def check_is_desk(connection: sqlite3.Connection) -> None:
    """Tell whether a file is a sound desk; raises ValueError saying what is wrong with it."""
    try:
        sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
        connection.execute("SELECT value FROM facts WHERE name = 'next'").fetchone()
    except sqlite3.Error as error:
        msg = f"not a desk's database: {error}"
        raise ValueError(msg) from error
    if sound != "ok":
        msg = f"damaged: {sound}"
        raise ValueError(msg)
