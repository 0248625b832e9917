"""The PostgreSQL database that many nodes share: how connections to it are made, and how it is brought up to date.
Rule: every connection speaks the same way: whole numbers as bigint, flags as 0 and 1, bounded waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Format
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg.types.string import StrBinaryDumper, StrDumper

from answerdesk.desk.ports import Unavailable
from answerdesk.store.ground import check_ground, told
from answerdesk.store.schema import Migrations, migrations
from answerdesk.store.upgrade import NOT_UP, PutOff, upgrade

#: The fact that stands in a database for as long as it holds less than the whole of a desk that is copied into it.
UNFINISHED: Final = "copying"
HALF_A_DESK: Final = "a copy into this database was begun and not finished"
#: How a connection is made where the URL does not say otherwise: a server that is gone is noticed within seconds.
DEFAULTS: Final = {
    "application_name": "answerdesk",
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "15000",
}
#: What is set on every connection: no statement, and no lock, may keep its caller for long.
SETTINGS: Final = {
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
    "TimeZone": "UTC",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
}
SET: Final = "; ".join(f"SET {name} = '{value}'" for name, value in SETTINGS.items())


class _Flag(Dumper):
    """A flag lies in a column of whole numbers."""

    oid = Int8Dumper.oid

    def dump(self, obj: bool) -> Buffer:  # noqa: FBT001 - the driver's signature
        """Write 0 or 1."""
        return b"1" if obj else b"0"


class _BinaryFlag(Dumper):
    oid = Int8Dumper.oid
    format = Format.BINARY

    def dump(self, obj: bool) -> Buffer:  # noqa: FBT001 - the driver's signature
        """Write 0 or 1."""
        return b"\0\0\0\0\0\0\0\1" if obj else bytes(8)


def adapt(connection: psycopg.BaseConnection[Any]) -> None:
    """Let values go to the server with the types their columns have, so that one statement is prepared once."""
    known = connection.adapters
    # Of a type's writers the last is the one taken where a statement does not ask for a form.
    for kind, writers in (
        (int, (Int8Dumper, Int8BinaryDumper)),
        (bool, (_Flag, _BinaryFlag)),
        (str, (StrDumper, StrBinaryDumper)),
    ):
        for writer in writers:
            known.register_dumper(kind, writer)


def conninfo(url: str) -> str:
    """Complete a URL; raises ValueError where it is none."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ValueError(f"not a database URL: {error}") from error
    return make_conninfo(url, **{name: value for name, value in DEFAULTS.items() if name not in given})


def open_connection(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    """Open a connection in autocommit that waits for its replies: for opening and for commands."""
    connection = None
    try:
        connection = psycopg.connect(conninfo(url), autocommit=True)
        adapt(connection)
        connection.execute(SET)
    except psycopg.Error as error:
        if connection is not None:
            connection.close()
        raise Unavailable(f"the database cannot be reached: {told(error)}") from error
    return connection


async def configure(connection: psycopg.AsyncConnection[Any]) -> None:
    """Make a new connection speak like every other."""
    await connection.set_autocommit(True)
    adapt(connection)
    await connection.execute(SET)


def migrate(
    connection: psycopg.Connection[tuple[Any, ...]], fresh_key: Callable[[], bytes], known: Migrations | None = None,
    *, make: bool = True,
) -> list[PutOff]:  # fmt: skip
    """Bring a database to this version; one that this version cannot work on, or without `make` no desk, is refused.

    Gives the steps that wait until nodes of an older version have ended.
    """
    try:
        check_ground(connection, make=make)
        waiting = upgrade(connection, migrations("postgres") if known is None else known)
        connection.execute(
            "INSERT INTO secrets (name, value) VALUES ('permutation', %s) ON CONFLICT DO NOTHING", (fresh_key(),)
        )
    except psycopg.Error as error:
        raise Unavailable(f"{NOT_UP}: {told(error)}") from error
    return waiting


def check_whole(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Refuse a database into which a desk was copied in part; raises Unavailable."""
    if connection.execute("SELECT value FROM facts WHERE name = %s", (UNFINISHED,)).fetchone():
        raise Unavailable(f"{HALF_A_DESK}; give the same `answerdesk copy` again")
