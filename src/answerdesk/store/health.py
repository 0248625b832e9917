"""How a desk's database is: its file, its schema and its settings, as one value.
Rule: looking changes nothing a server would not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from answerdesk.store.database import connect
from answerdesk.store.schema import migrations

#: The version of the library.
SQLITE: Final = sqlite3.sqlite_version
#: What SQLite's numbers for `synchronous` mean.
_SYNCHRONOUS: Final = ("off", "normal", "full", "extra")


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What was found."""

    journal: str
    synchronous: str
    #: "ok", or the first thing that is damaged.
    integrity: str
    #: How many migrations the file has had, and how many this version knows.
    schema: int
    known: int


def examine(path: Path) -> Health:
    """Look a database over, whole; raises ValueError when it is none."""
    if not path.exists():
        msg = f"there is no database {path}"
        raise ValueError(msg)
    try:
        with closing(connect(str(path))) as connection:
            return Health(
                journal=_said(connection, "journal_mode"),
                synchronous=_SYNCHRONOUS[int(_said(connection, "synchronous"))],
                integrity=_said(connection, "integrity_check"),
                schema=int(_said(connection, "user_version")),
                known=len(migrations("sqlite")),
            )
    except sqlite3.Error as error:
        msg = f"{path} is damaged or no database: {error}"
        raise ValueError(msg) from error


def _said(connection: sqlite3.Connection, pragma: str) -> str:
    return str(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
