"""The database file of the embedded store: opened, brought up to date, copied and put back.
Rule: migrations are numbered and recorded; a file of a newer version is refused with a sentence."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from answerdesk.desk.ports import Unavailable
from answerdesk.store.group import is_busy
from answerdesk.store.reading import Reading
from answerdesk.store.schema import Migration, Migrations, Phase, migrations, newer
from answerdesk.store.tables import Row

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

# A list is one value of a statement: its JSON, which json_each() takes apart.
sqlite3.register_adapter(list, json.dumps)


class SqliteReading(Reading):
    """Reads by single short statements, on the event loop itself."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take the connection that reads."""
        self._read = connection

    async def _rows(self, select: str, *values: Any) -> list[Row]:
        try:
            return self._read.execute(select, values).fetchall()
        except sqlite3.Error as error:
            raise Unavailable(f"the store could not be read: {error}") from error


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


def migrate(connection: sqlite3.Connection, fresh_key: Callable[[], bytes], known: Migrations | None = None) -> None:
    """Bring a database to this version, step by step; a newer one is refused, for one server at most uses a file."""
    known = migrations("sqlite") if known is None else known
    while (done := _schema(connection)) < len(known):
        try:
            _make(connection, known[done])
        except sqlite3.Error:
            if connection.in_transaction:
                connection.rollback()
            # Another process may have made this very step while this one waited.
            if _schema(connection) == done:
                raise
    if done > len(known):
        raise newer(done, len(known))
    connection.execute("INSERT OR IGNORE INTO facts (name, value) VALUES ('permutation', ?)", (fresh_key(),))
    connection.execute("INSERT OR IGNORE INTO facts (name, value) VALUES ('next', 1), ('settled', 0)")


def _make(connection: sqlite3.Connection, step: Migration) -> None:
    """Make a step in a transaction; only a back-fill commits batch by batch before it."""
    sql = step.sql
    if step.phase is Phase.BACKFILL:
        while connection.execute(*step.statements).rowcount:
            pass
        sql = ""
    connection.executescript(f"BEGIN IMMEDIATE;{sql}\n;PRAGMA user_version = {step.number};COMMIT;")


def _schema(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


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
