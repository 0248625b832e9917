"""What is built beside the nodes that read and write: indexes without a lock on their table, constraints looked over.
Rule: each statement is known to stop nobody, whatever time it takes, and may be given again after it broke off."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
import psycopg

from answerdesk.desk.ports import Unavailable
from answerdesk.store.schema import Migration

Connection = psycopg.Connection[tuple[Any, ...]]

_INDEX: Final = re.compile(
    r"CREATE (?P<sort>(?:UNIQUE )?INDEX) CONCURRENTLY (?P<name>\w+) ON (?P<table>\w+) (?P<rest>.+)", re.DOTALL
)
_VALIDATE: Final = re.compile(r"ALTER TABLE \w+ VALIDATE CONSTRAINT \w+")
#: The partitions of a table that have no part of an index yet; no row for a table without partitions.
_BARE: Final = """
SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass AND NOT EXISTS (
  SELECT 1 FROM pg_inherits AS part JOIN pg_index ON indexrelid = part.inhrelid
  WHERE part.inhparent = %s::regclass AND indrelid = pg_inherits.inhrelid
) ORDER BY 1
"""


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """An index to build: what it is, on which table, and how it goes on."""

    sort: str
    name: str
    table: str
    rest: str

    def on(self, table: str, name: str, *, how: str = "CONCURRENTLY") -> str:
        """Say how it is built on a table or partition."""
        return f"CREATE {self.sort} {how} {name} ON {table} {self.rest}"


def read(step: Migration) -> list[Index | str]:
    """Read a step's statements; raises Unavailable for one that might stop others."""
    found: list[Index | str] = []
    for statement in step.statements:
        if index := _INDEX.fullmatch(statement):
            found.append(Index(**index.groupdict()))
        elif _VALIDATE.fullmatch(statement):
            found.append(statement)
        else:
            raise Unavailable(
                f"migration {step.name}: an online step is CREATE INDEX CONCURRENTLY name ON table (...) or"
                f" ALTER TABLE table VALIDATE CONSTRAINT name, not {statement[:60]!r}"
            )
    return found


def build(connection: Connection, step: Migration, lock: int) -> None:
    """Run a step's statements, however long each takes; where a lock would stop others, it is waited for so long."""
    pieces = read(step)
    before = connection.execute(
        "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')"
    ).fetchone()
    _wait(connection, "0", "0")
    try:
        for piece in pieces:
            if isinstance(piece, str):
                connection.execute(piece)
            else:
                _build(connection, piece, lock)
    finally:
        if not connection.closed:
            _wait(connection, *(before or ()))


def _wait(connection: Connection, statement: str, lock: str) -> None:
    connection.execute(
        "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)", (statement, lock)
    )


def _build(connection: Connection, index: Index, lock: int) -> None:
    kind = connection.execute("SELECT relkind::text FROM pg_class WHERE oid = %s::regclass", (index.table,)).fetchone()
    if kind != ("p",):
        _one(connection, index, index.table, index.name)
        return
    # Partitions that are made from now on have it from the start.
    if connection.execute("SELECT to_regclass(%s)", (index.name,)).fetchone() == (None,):
        _shortly(connection, index.on(f"ONLY {index.table}", index.name, how=""), lock)
    while bare := connection.execute(_BARE, (index.table, index.name)).fetchall():
        for (part,) in bare:
            name = f"{part}_{index.name}"
            _one(connection, index, part, name)
            _shortly(connection, f"ALTER INDEX {index.name} ATTACH PARTITION {name}", lock)


def _one(connection: Connection, index: Index, table: str, name: str) -> None:
    """Build an index without stopping those who write; what an earlier try left unfinished is dropped first."""
    valid = connection.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", (name,)).fetchone()
    if valid == (False,):
        connection.execute(f"DROP INDEX CONCURRENTLY {name}")
    if valid != (True,):
        connection.execute(index.on(table, name))


def _shortly(connection: Connection, statement: str, lock: int) -> None:
    """Run a statement that is done at once and needs a lock others wait for."""
    with connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout = {lock}")
        connection.execute(statement)
