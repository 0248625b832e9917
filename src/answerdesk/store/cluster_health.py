"""How a PostgreSQL database is that nodes share: its version, what it promises at a commit, its standbys, its clock.
Rule: looking changes nothing; a figure that the server does not tell this user is None."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Final, LiteralString

import msgspec
import psycopg

from answerdesk.desk.ports import Unavailable
from answerdesk.store.cluster import open_connection
from answerdesk.store.copying import UNFINISHED
from answerdesk.store.schema import migrations
from answerdesk.store.tables import Row

#: The versions this store is made for, by their first number.
OLDEST: Final = 15
NEWEST: Final = 18


class ClusterHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What was found."""

    #: As the server names itself, and its first number.
    version: str
    major: int
    #: Whether a commit that was answered is on the disk: of the settings below, each is "on" where it is.
    fsync: str
    full_page_writes: str
    synchronous_commit: str
    #: Standbys by name, and whether a commit waits for each; empty where there are none, None where it is not told.
    standbys: dict[str, bool] | None
    #: Whether the server itself is a standby, which takes no writes.
    standby: bool
    #: How many migrations it has had, 0 for none, and how many this version knows.
    schema: int
    known: int
    #: Whether a copy into it was begun and not finished.
    unfinished: bool
    #: By how much the database's clock is ahead of this machine's, in milliseconds, give or take half the round trip.
    ahead_ms: int
    round_trip_ms: int
    #: Connections there may be, those kept back for administrators aside, and those there are.
    connections: int
    used: int


def examine_cluster(url: str) -> ClusterHealth:
    """Look a database over; raises Unavailable when it cannot be asked, ValueError for what is no URL."""
    try:
        with closing(open_connection(url)) as connection:
            settings = dict(connection.execute(_SETTINGS).fetchall())
            ahead, trip = _clock(connection)
            schema, unfinished = _desk(connection)
            (standby, used) = _row(connection, _SERVER)
            return ClusterHealth(
                version=settings["server_version"],
                major=connection.info.server_version // 10_000,
                fsync=settings["fsync"],
                full_page_writes=settings["full_page_writes"],
                synchronous_commit=settings["synchronous_commit"],
                standbys=_standbys(connection),
                standby=standby,
                schema=schema,
                known=len(migrations("postgres")),
                unfinished=unfinished,
                ahead_ms=ahead,
                round_trip_ms=trip,
                connections=int(settings["max_connections"]) - int(settings["superuser_reserved_connections"]),
                used=used,
            )
    except psycopg.Error as error:
        raise Unavailable(f"the database cannot be examined: {error}") from error


_SETTINGS: Final = (
    "SELECT name, setting FROM pg_settings WHERE name IN ('server_version', 'fsync', 'full_page_writes',"
    " 'synchronous_commit', 'max_connections', 'superuser_reserved_connections')"
)
_SERVER: Final = (
    "SELECT pg_is_in_recovery(), (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')"
)
_TRIPS: Final = 5


def _row(connection: psycopg.Connection[Row], select: LiteralString) -> Row:
    row = connection.execute(select).fetchone()
    assert row is not None, "a select of values gives one row"
    return row


def _clock(connection: psycopg.Connection[Row]) -> tuple[int, int]:
    """Ask for the time of day a few times; the shortest round trip tells it best."""
    told = []
    for _ in range(_TRIPS):
        asked = time.time()
        (there,) = _row(connection, "SELECT extract(epoch FROM clock_timestamp())::float8")
        trip = time.time() - asked
        told.append((trip, there - asked - trip / 2))
    trip, ahead = min(told)
    return round(ahead * 1000), round(trip * 1000)


def _desk(connection: psycopg.Connection[Row]) -> tuple[int, bool]:
    """Tell how far the schema is, and whether a copy was left half done."""
    if _row(connection, "SELECT to_regclass('facts')") == (None,):
        return 0, False
    facts: dict[str, int] = dict(connection.execute("SELECT name, value FROM facts").fetchall())
    return facts.get("schema", 0), UNFINISHED in facts


def _standbys(connection: psycopg.Connection[Row]) -> dict[str, bool] | None:
    """List who follows; only a server's administrators are told."""
    rows = connection.execute("SELECT application_name, sync_state FROM pg_stat_replication ORDER BY 1").fetchall()
    if any(state is None for _, state in rows):
        return None
    return {name: state in {"sync", "quorum"} for name, state in rows}
