"""How a desk's PostgreSQL server is: its version, what a commit promises there, its clock and its room, as one value.
Rule: looking changes nothing; what is wrong is said with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, Final

import msgspec
import psycopg

from answerdesk.desk.ports import Unavailable
from answerdesk.model.account import Millis
from answerdesk.model.database import DatabaseUrl
from answerdesk.store.cluster import HALF_A_DESK, UNFINISHED, open_connection
from answerdesk.store.ground import NO_DESK, check_ground, told
from answerdesk.store.schema import Migrations, migrations
from answerdesk.store.upgrade import State, put_off, state

#: How far the server's clock may be from this machine's, in milliseconds.
MOST_APART_MS: Final = 2_000
#: A node takes about so many connections.
LEAST_ROOM: Final = 12

_ASKED: Final = """
SELECT current_setting('server_version'), current_setting('fsync') = 'on',
  current_setting('full_page_writes') = 'on', current_setting('synchronous_commit'),
  current_setting('synchronous_standby_names'), (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
  (SELECT least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
      - coalesce(current_setting('reserved_connections', true), '0')::int - count(*),
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user)
      - count(*) FILTER (WHERE usename = current_user),
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())
      - count(*) FILTER (WHERE datname = current_database()))
    FROM pg_stat_activity WHERE backend_type = 'client backend')::int,
  current_setting('max_locks_per_transaction')::int * current_setting('max_connections')::int
"""
#: Who is sent the log, the ones that commits wait for first. A user without pg_monitor is not told how they are.
_STANDBYS: Final = """
SELECT application_name, sync_state FROM pg_stat_replication
WHERE coalesce(state, 'streaming') = 'streaming' ORDER BY sync_state IS DISTINCT FROM 'sync', application_name
"""
#: The nodes that were there lately, and the partitions there are.
_SPREAD: Final = "SELECT (SELECT count(*) FROM nodes WHERE seen > %s), (SELECT count(*) FROM ranges)"
_LATELY_MS: Final = 600_000
#: What a connection may lock of each range of partitions.
LOCKS_EACH: Final = 25


class Checkup(msgspec.Struct, frozen=True, kw_only=True):
    """What was found."""

    version: str
    #: Why no desk can work there, None where one can.
    flaw: str | None
    fsync: bool
    full_pages: bool
    synchronous: str
    #: Which standbys a commit waits for, empty for none.
    standbys: str
    #: Which standbys are sent what is written, and how a commit waits for each, None where the user is not told.
    attached: tuple[tuple[str, str | None], ...]
    now: Millis
    #: Connections that are left.
    room: int
    #: How many locks there is room for, and how many the desk's nodes may want at once.
    locks: int
    wanted: int
    #: The last migration the database has had, 0 for no desk, the least that code has to know, and what this one knows.
    schema: int
    oldest: int
    known: int
    #: Migrations that wait for nodes of an older version to end.
    put_off: tuple[str, ...]
    #: Whether no copy into it was begun and not finished.
    whole: bool
    #: The time of this machine.
    here: Millis

    @property
    def promise(self) -> str:
        """What a commit promises."""
        waits = f"and on standbys {self.standbys}" if self.standbys else "on this server alone"
        sent = ", ".join(f"{name}{f' ({how})' * bool(how)}" for name, how in self.attached) or "none"
        return f"commits are on disk (synchronous_commit {self.synchronous}) {waits}, standbys attached: {sent}"

    @property
    def waited_for(self) -> bool:
        """Whether a standby is there that commits may wait for; one of which nothing is told may be it."""
        return any(how in {"sync", "quorum", None} for _, how in self.attached)

    @property
    def wrong(self) -> tuple[str, ...]:
        """Everything that is wrong, each with what to do."""
        return (*self._lost(), *self._wrong())

    def _lost(self) -> Iterator[str]:
        """Say why less is promised than a desk promises."""
        if self.flaw:
            yield self.flaw
        if not self.fsync:
            yield "fsync is off: a machine that stops loses what was acknowledged; set fsync = on"
        if not self.full_pages:
            yield "full_page_writes is off: a machine that stops may tear pages; set full_page_writes = on"
        if self.synchronous == "off":
            yield "synchronous_commit is off: a server that stops loses what was acknowledged; set it to on"
        if self.standbys and self.synchronous == "local":
            yield f"synchronous_commit is local: no commit waits for standbys {self.standbys}; set it to on"
        elif self.standbys and self.synchronous != "off" and not self.waited_for:
            yield (
                f"every commit waits for standbys {self.standbys}, and none of them is attached; start one, or empty"
                " synchronous_standby_names"
            )

    def _wrong(self) -> Iterator[str]:
        """Say what else is wrong."""
        if abs(self.now - self.here) > MOST_APART_MS:
            yield f"its clock is {abs(self.now - self.here) / 1000:.1f} s from this machine's; synchronise both"
        if self.room < LEAST_ROOM:
            yield (
                f"{self.room} connections are left, a node takes {LEAST_ROOM}; raise max_connections, or the limit of"
                " the role or database"
            )
        if self.locks < self.wanted:
            yield f"it has room for {self.locks} locks, {self.wanted} may be wanted; raise max_locks_per_transaction"
        if self.oldest > self.known:
            yield f"of a newer answerdesk (schema {self.oldest}, this one knows {self.known}); upgrade answerdesk"
        if not self.schema and not self.flaw:
            yield NO_DESK
        if not self.whole:
            yield f"{HALF_A_DESK}; give the same `answerdesk copy` again"


def check_up(database: DatabaseUrl, clock: Callable[[], Millis], known: Migrations | None = None) -> Checkup:
    """Look a database's server over, for code that knows so much; raises Unavailable when it cannot be asked."""
    known = migrations("postgres") if known is None else known
    try:
        with closing(open_connection(database.reveal())) as connection:
            flaw = _flaw(connection)
            before = clock()
            row: Any = connection.execute(_ASKED).fetchone()
            here = Millis((before + clock()) // 2)
            attached = tuple(connection.execute(_STANDBYS).fetchall())
            # A table of that name may be somebody else's.
            had = State(done=frozenset(), oldest=0) if flaw else state(connection)
            waits = tuple(map(str, put_off(connection, known))) if had.done else ()
            nodes, ranges = _spread(connection, here) if had.done else (0, 0)
            copying = had.done and connection.execute("SELECT 1 FROM facts WHERE name = %s", (UNFINISHED,)).fetchone()
    except (psycopg.Error, Unavailable) as error:
        msg = f"{database}: {told(error) if isinstance(error, psycopg.Error) else error}"
        raise Unavailable(msg) from None
    names = ("version", "fsync", "full_pages", "synchronous", "standbys", "now", "room", "locks")
    found = dict(zip(names, row, strict=True))
    return Checkup(
        **found, flaw=flaw, attached=attached, schema=had.schema, oldest=had.oldest, known=len(known), put_off=waits,
        whole=not copying, here=here, wanted=max(nodes, 1) * LEAST_ROOM * ranges * LOCKS_EACH,
    )  # fmt: skip


def _flaw(connection: psycopg.Connection[Any]) -> str | None:
    try:
        check_ground(connection)
    except Unavailable as error:
        return str(error)
    return None


def _spread(connection: psycopg.Connection[Any], here: Millis) -> tuple[int, int]:
    """Count nodes and ranges."""
    nodes, ranges = connection.execute(_SPREAD, (here - _LATELY_MS,)).fetchone() or (0, 0)
    return nodes, ranges
