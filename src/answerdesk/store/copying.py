"""Moving a desk from SQLite to PostgreSQL: each table in the order of its key, until both say the same.
Rule: what differs is written, what is the same is left; so a copy that broke off is gone on with by copying again."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg
from psycopg.sql import SQL, Composed, Identifier

from answerdesk.desk.ports import Unavailable
from answerdesk.store.cluster import UNFINISHED, open_connection
from answerdesk.store.cluster import migrate as migrate_target
from answerdesk.store.database import PERMUTATION_KEY_BYTES, connect
from answerdesk.store.database import migrate as migrate_source
from answerdesk.store.tables import Row

_encode = msgspec.msgpack.Encoder().encode
#: Of a place that settled tasks have in a unit, these low bits count within the unit.
_PLACE_BITS: Final = 12


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table as it is walked: by a key that both databases have an index on, so many rows at a time."""

    name: str
    key: tuple[str, ...]
    stretch: int = 5_000
    #: What tells its rows apart on PostgreSQL, where that is not the key.
    unique: tuple[str, ...] = ()
    #: Whether it grows with every task, and is worth copying ahead.
    long: bool = False


#: Every table but the facts; what others refer to comes before them.
TABLES: Final = (
    Table(name="accounts", key=("id",)),
    Table(name="keys", key=("digest",)),
    Table(name="tasks", key=("n",), stretch=2_000, unique=("n", "account"), long=True),
    Table(name="contents", key=("n",), stretch=50, unique=("n", "account"), long=True),
    Table(name="lines", key=("kind", "group", "route")),
    Table(name="flows", key=("account", "kind", "group", "route")),
    Table(name="leases", key=("n", "account", "token"), long=True),
    Table(name="entries", key=("account", "id"), long=True),
    Table(name="replays", key=("account", "key", "n"), long=True),
    Table(name="callbacks", key=("n", "account"), long=True),
    Table(name="attempts", key=("n", "account", "id"), long=True),
    Table(name="solvers", key=("id",)),
    Table(name="wages", key=("solver", "day")),
    Table(name="standings", key=("solver",)),
    Table(name="comparisons", key=("type", "profile", "solver", "day", "permille")),
    Table(name="people", key=("id",)),
    Table(name="sessions", key=("digest",)),
    Table(name="links", key=("digest",)),
    Table(name="prices", key=("account", "type")),
    Table(name="rules", key=("type",)),
)


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """A table that is the same on both sides: its rows, and a digest over all of them in order."""

    table: str
    rows: int
    digest: str
    #: How many rows had to be written this time.
    written: int


class OtherDesk(RuntimeError):
    """The target holds a desk already; the message says so."""


#: Hears of each stretch: the table, the rows gone through of it, and how many it has.
Hearer = Callable[[str, int, int], None]


def copy_desk(source: Path, url: str, hear: Hearer) -> list[Copied]:
    """Copy a desk nobody serves into an empty database, or into what an earlier try left of it, and check it.

    Raises OtherDesk, Unavailable, and ValueError where the source is no desk or the URL no URL.
    """
    with _standing_still(source) as desk, _taking(url) as target:
        _begin(desk, target)
        walks = [_Walk(table, desk, target) for table in TABLES]
        written = [_level(walk, hear) for walk in walks]
        checked = [_check(walk, wrote) for walk, wrote in zip(walks, written, strict=True)]
        _finish(desk, target)
    return checked


def copy_ahead(source: Path, url: str, hear: Hearer) -> dict[str, int]:
    """Copy what is long of a desk while it is served, as far as it has got; gives how many rows of what were written.

    The target is no desk before the rest has followed. Raises what `copy_desk` raises.
    """
    with _opened(source) as desk, _taking(url) as target:
        _begin(desk, target)
        return {table.name: _level(_Walk(table, desk, target), hear) for table in TABLES if table.long}


@contextmanager
def _taking(url: str) -> Iterator[psycopg.Connection[Row]]:
    with closing(open_connection(url)) as target:
        try:
            yield target
        except psycopg.Error as error:
            raise Unavailable(f"the database could not take the copy: {error}; copy again to go on") from error


@contextmanager
def _opened(source: Path) -> Iterator[sqlite3.Connection]:
    """Open a desk's file; each read finds what is there by then, and keeps nobody from writing."""
    if not source.is_file():
        raise ValueError(f"there is no file {source}")
    try:
        with closing(connect(str(source))) as desk:
            yield desk
    except sqlite3.Error as error:
        raise ValueError(f"{source} cannot be read as a desk: {error}") from error


@contextmanager
def _standing_still(source: Path) -> Iterator[sqlite3.Connection]:
    """Open a desk's file so that nobody writes to it meanwhile."""
    with _opened(source) as desk:
        migrate_source(desk, lambda: os.urandom(PERMUTATION_KEY_BYTES))
        desk.execute("BEGIN IMMEDIATE")
        yield desk
        desk.rollback()


def _begin(desk: sqlite3.Connection, target: psycopg.Connection[Row]) -> None:
    """Make the target ready: it knows that it is not whole, and has room for every task."""
    key = _fact(desk, "permutation")
    migrate_target(target, lambda: key)
    secret = target.execute("SELECT value FROM secrets WHERE name = 'permutation'").fetchone()
    begun = target.execute("SELECT value FROM facts WHERE name = %s", (UNFINISHED,)).fetchone()
    empty = target.execute("SELECT NOT EXISTS (SELECT 1 FROM accounts)").fetchone() == (True,)
    if secret != (key,) and (begun or not empty):
        raise OtherDesk("the database holds another desk; name an empty one")
    if not (begun or empty):
        raise OtherDesk("the database holds this desk already; a desk that is in use is not copied over")
    with target.transaction():
        target.execute("UPDATE secrets SET value = %s WHERE name = 'permutation'", (key,))
        target.execute("INSERT INTO facts (name, value) VALUES (%s, 1) ON CONFLICT DO NOTHING", (UNFINISHED,))
        target.execute("SELECT make_partitions(%s)", (_fact(desk, "next"),))


def _fact(desk: sqlite3.Connection, name: str) -> Any:
    return desk.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()[0]


#: A stretch of a table: its rows, after a key (none: from the start) and up to one (none: to the end).
Stretch = tuple[Row | None, Row | None, list[Row]]


def rows_after(desk: sqlite3.Connection, table: Table, columns: Iterable[str], after: Row | None) -> list[Row]:
    """Read a stretch of a table in the order of its key, after a key (none: from the start).

    First those that share most of that key: asked for whole keys beyond it, SQLite looks at all that share its first.
    """
    select, order = f"SELECT {_quoted(columns)} FROM {table.name}", _quoted(table.key)
    if after is None:
        return desk.execute(f"{select} ORDER BY {order} LIMIT ?", (table.stretch,)).fetchall()
    rows: list[Row] = []
    for depth in range(len(table.key), 0, -1):
        *shared, beyond = table.key[:depth]
        where = " AND ".join([*(f'"{name}" = ?' for name in shared), f'"{beyond}" > ?'])
        asked = (*after[:depth], table.stretch - len(rows))
        rows += desk.execute(f"{select} WHERE {where} ORDER BY {order} LIMIT ?", asked)
        if len(rows) == table.stretch:
            break
    return rows


class _Walk:
    """One table on both sides, gone through in the order of its key."""

    def __init__(self, table: Table, desk: sqlite3.Connection, target: psycopg.Connection[Row]) -> None:
        self.table = table
        self._desk = desk
        self._target = target
        self._columns = [row[1] for row in desk.execute(f"PRAGMA table_info({table.name})")]
        (self.count,) = desk.execute(f"SELECT count(*) FROM {table.name}").fetchone()

    def __iter__(self) -> Iterator[Stretch]:
        """Read the source; the last stretch has no end, so that what lies beyond on the other side is seen."""
        places = [self._columns.index(name) for name in self.table.key]
        after: Row | None = None
        while True:
            rows = rows_after(self._desk, self.table, self._columns, after)
            upto = tuple(rows[-1][place] for place in places) if len(rows) == self.table.stretch else None
            yield after, upto, rows
            if upto is None:
                return
            after = upto

    def there(self, after: Row | None, upto: Row | None) -> list[Row]:
        """Read the same stretch of the target."""
        where, values = self._within(after, upto)
        select = SQL("SELECT {} FROM {} WHERE {} ORDER BY {}").format(
            self._names(self._columns), Identifier(self.table.name), where, self._names(self.table.key)
        )
        return self._target.execute(select, values).fetchall()

    def add(self, rows: list[Row]) -> None:
        """Write rows where there are none, as most stretches are found."""
        with self._target.transaction(), self._target.cursor() as cursor:
            self._send(cursor, Identifier(self.table.name), rows)

    def replace(self, after: Row | None, upto: Row | None, rows: list[Row]) -> None:
        """Let the target hold these rows in a stretch and no others."""
        table, arrived = Identifier(self.table.name), Identifier(f"arrived_{self.table.name}")
        columns, unique = self._names(self._columns), self.table.unique or self.table.key
        where, values = self._within(after, upto)
        same = SQL(" AND ").join(SQL("a.{0} = {1}.{0}").format(Identifier(name), table) for name in unique)
        rest = [name for name in self._columns if name not in unique]
        news = SQL(", ").join(SQL("{0} = excluded.{0}").format(Identifier(name)) for name in rest)
        with self._target.transaction(), self._target.cursor() as cursor:
            cursor.execute(SQL("CREATE TEMPORARY TABLE {} (LIKE {}) ON COMMIT DROP").format(arrived, table))
            self._send(cursor, arrived, rows)
            gone = SQL("DELETE FROM {} WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS a WHERE {})")
            cursor.execute(gone.format(table, where, arrived, same), values)
            save = SQL("INSERT INTO {0} ({1}) SELECT {1} FROM {2} ON CONFLICT ({3}) DO UPDATE SET {4}")
            cursor.execute(save.format(table, columns, arrived, self._names(unique), news))

    def _send(self, cursor: psycopg.Cursor[Row], table: Identifier, rows: list[Row]) -> None:
        with cursor.copy(SQL("COPY {} ({}) FROM STDIN").format(table, self._names(self._columns))) as sink:
            for row in rows:
                sink.write_row(row)

    def _within(self, after: Row | None, upto: Row | None) -> tuple[Composed, Row]:
        """Say that a row lies in a stretch."""
        key = self._names(self.table.key)
        marks = SQL(", ").join(SQL("%s") for _ in self.table.key)
        ends = [SQL(f"({{}}) {sign} ({{}})").format(key, marks) for sign, end in ((">", after), ("<=", upto)) if end]
        return SQL(" AND ").join([SQL("true"), *ends]), (after or ()) + (upto or ())

    @staticmethod
    def _names(columns: Iterable[str]) -> Composed:
        return SQL(", ").join(map(Identifier, columns))


def _quoted(columns: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _level(walk: _Walk, hear: Hearer) -> int:
    """Write the stretches that differ; gives how many rows were written."""
    done = written = 0
    for after, upto, rows in walk:
        if rows != (there := walk.there(after, upto)):
            if there:
                walk.replace(after, upto, rows)
            else:
                walk.add(rows)
            written += len(rows)
        done += len(rows)
        hear(walk.table.name, done, walk.count)
    return written


def _check(walk: _Walk, written: int) -> Copied:
    """Read both sides again from end to end, and digest what they say."""
    here, there = hashlib.sha256(), hashlib.sha256()
    for after, upto, rows in walk:
        here.update(_encode(rows))
        there.update(_encode(walk.there(after, upto)))
    if here.digest() != there.digest():
        raise Unavailable(f"the table {walk.table.name} was changed while it was copied; copy again")
    return Copied(table=walk.table.name, rows=walk.count, digest=here.hexdigest(), written=written)


def _finish(desk: sqlite3.Connection, target: psycopg.Connection[Row]) -> None:
    """Let numbers go on where they stood; from then on the target is a desk."""
    with target.transaction():
        target.execute("UPDATE facts SET value = %s WHERE name = 'next'", (_fact(desk, "next"),))
        target.execute("SELECT setval('units', %s)", ((_fact(desk, "settled") >> _PLACE_BITS) + 1,))
        for table in ("entries", "attempts"):
            target.execute(
                SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), (SELECT coalesce(max(id), 1) FROM {}))").format(
                    table, Identifier(table)
                )
            )
        target.execute("DELETE FROM facts WHERE name = %s", (UNFINISHED,))
