"""How the schema of a PostgreSQL database moves on under nodes that serve from it, of this version and the one before.
Rule: no step keeps others waiting but for the moment it tries for a lock, and none is made that a node cannot bear."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import psycopg
import structlog

from answerdesk.desk.ports import Unavailable
from answerdesk.store.dialect import CLOCK
from answerdesk.store.ground import told
from answerdesk.store.online import build, read
from answerdesk.store.schema import Migration, Migrations, Phase, newer

#: What a command does on its way is not printed among what it was asked for.
log = structlog.wrap_logger(logging.getLogger(__name__))

Connection = psycopg.Connection[tuple[Any, ...]]

#: Whoever migrates holds the first; the second is shared by nodes that come in, and whoever contracts holds it alone.
MIGRATING: Final = 0x616E_7377_0001
ENTERING: Final = 0x616E_7377_0004
#: A node that was not heard of for so long is gone.
GONE_MS: Final = 60_000
#: A lock somebody else held for too long, and a deadlock: another time all is well.
BY_CHANCE: Final = frozenset({"55P03", "40P01"})
NOT_UP: Final = "the database cannot be brought up to date"

_MADE: Final = "CREATE TABLE migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL, oldest BIGINT NOT NULL)"
_BEHIND: Final = f"SELECT name FROM nodes WHERE schema BETWEEN 1 AND %s AND seen > {CLOCK} - %s ORDER BY name"


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How long an upgrade waits, in milliseconds, and how often it tries."""

    #: For a lock: whoever wants the same one waits behind it.
    lock: int = 200
    #: Between one try and the next, at most.
    pause: int = 1_000
    tries: int = 60
    #: For another node that is at it.
    other: int = 600_000


PACE: Final = Pace()


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What a database has had."""

    done: frozenset[int]
    #: The least schema that code must know to work on it.
    oldest: int

    @property
    def schema(self) -> int:
        """The number of its last migration, 0 for none."""
        return max(self.done, default=0)

    def missing(self, known: Migrations) -> list[Migration]:
        """List what it has not had."""
        return [step for step in known if step.number not in self.done]


class PutOff(msgspec.Struct, frozen=True, kw_only=True):
    """A step that waits, and the nodes of older code for which it does."""

    step: str
    nodes: tuple[str, ...]

    def __str__(self) -> str:
        """Say so."""
        return f"{self.step} waits for nodes of an older version to end: {', '.join(self.nodes)}"


def _tell(step: Migration, error: psycopg.Error) -> None:
    log.info("migration_tried_again", step=step.name, why=str(error).strip())


Hearer = Callable[[Migration, psycopg.Error], None]


def state(connection: Connection) -> State:
    """Read what a database has had; one that is no desk has had nothing."""
    if connection.execute("SELECT to_regclass('migrations')").fetchone() == (None,):
        return State(done=frozenset(), oldest=0)
    rows = connection.execute("SELECT number, oldest FROM migrations").fetchall()
    return State(done=frozenset(number for number, _ in rows), oldest=max((oldest for _, oldest in rows), default=0))


def put_off(connection: Connection, known: Migrations) -> list[PutOff]:
    """List the steps that wait for nodes to end."""
    return [
        PutOff(step=step.name, nodes=_behind(connection, step))
        for step in state(connection).missing(known)
        if step.phase is Phase.CONTRACT
    ]


def upgrade(connection: Connection, known: Migrations, pace: Pace = PACE, hear: Hearer = _tell) -> list[PutOff]:
    """Make the steps that are missing, but those that nodes here could not bear; raises Unavailable."""
    found = _bearable(connection, known)
    if not found.missing(known):
        return []
    waiting: list[PutOff] = []
    with _one_at_a_time(connection, pace):
        # Whoever waited finds them made.
        steps = _bearable(connection, known).missing(known)
        for step in steps:
            if step.phase is Phase.ONLINE:
                read(step)
        for step in steps:
            nodes = _patiently(connection, step, pace, hear)
            if nodes:
                waiting.append(PutOff(step=step.name, nodes=nodes))
            else:
                log.info("migration_made", step=step.name)
    return waiting


def _bearable(connection: Connection, known: Migrations) -> State:
    """Read what a database has had, unless this code cannot work on it any more; raises Unavailable."""
    found = state(connection)
    if found.oldest > len(known):
        raise newer(found.oldest, len(known))
    return found


@contextmanager
def _one_at_a_time(connection: Connection, pace: Pace) -> Iterator[None]:
    """Hold the lock of whoever migrates.

    It is asked for again and again: a statement that waits for it would be one whose end an index that is being built
    waits for.
    """
    end = time.monotonic() + pace.other / 1000
    while connection.execute("SELECT pg_try_advisory_lock(%s)", (MIGRATING,)).fetchone() != (True,):
        if time.monotonic() > end:
            raise Unavailable("another node is bringing the database up to date; start again once it has")
        _rest(pace)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", (MIGRATING,))


def _rest(pace: Pace) -> None:
    time.sleep(random.uniform(0.2, 1.0) * pace.pause / 1000)  # noqa: S311 - only spreads tries


def _patiently(connection: Connection, step: Migration, pace: Pace, hear: Hearer) -> tuple[str, ...]:
    """Make a step, trying again where a lock was not to be had; gives the nodes it waits for instead."""
    for tries in range(1, pace.tries + 1):
        try:
            if step.phase in {Phase.EXPAND, Phase.CONTRACT}:
                return _at_once(connection, step, pace)
            _piece_by_piece(connection, step, pace)
        except psycopg.Error as error:
            if error.sqlstate not in BY_CHANCE or tries == pace.tries:
                raise Unavailable(f"{NOT_UP}: {told(error)} ({step.name})") from error
            hear(step, error)
            _rest(pace)
        else:
            break
    return ()


def _at_once(connection: Connection, step: Migration, pace: Pace) -> tuple[str, ...]:
    """Make a step in a transaction, unless nodes are there that could not bear it; gives those."""
    with connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout = {pace.lock}")
        if step.phase is Phase.CONTRACT:
            # No node comes in between the look and the commit.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (ENTERING,))
            if nodes := _behind(connection, step):
                return nodes
        connection.execute(step.sql)
        _record(connection, step)
    return ()


def _piece_by_piece(connection: Connection, step: Migration, pace: Pace) -> None:
    """Make a step that commits as it goes; one that broke off goes on where it stood."""
    if step.phase is Phase.BACKFILL:
        while connection.execute(step.statements[0]).rowcount:
            pass
    else:
        build(connection, step, pace.lock)
    _record(connection, step)


def _record(connection: Connection, step: Migration) -> None:
    if connection.execute("SELECT to_regclass('migrations')").fetchone() == (None,):
        connection.execute(_MADE)
    connection.execute(
        "INSERT INTO migrations (number, name, oldest) VALUES (%s, %s, %s)", (step.number, step.name, step.oldest)
    )


def _behind(connection: Connection, step: Migration) -> tuple[str, ...]:
    """Name the nodes whose code knows less than a step wants."""
    return tuple(name for (name,) in connection.execute(_BEHIND, (step.oldest - 1, GONE_MS)).fetchall())
