"""The numbered migrations of each database: SQL files whose first line says how one is run and which code bears it.
Rule: names no driver; a file that is not understood is refused with a sentence before any of them is run."""

from __future__ import annotations

import functools
import re
from enum import StrEnum
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final, Literal

import msgspec

from answerdesk.desk.ports import Unavailable


class Phase(StrEnum):
    """How a migration is run: first what older code bears, at last what it does not."""

    #: In one transaction; code that does not know it works on.
    EXPAND = "expand"
    #: Statement by statement outside transactions, for what takes long and stops nobody; older code works on.
    ONLINE = "online"
    #: One statement that writes a batch, again and again until there is nothing left to write; older code works on.
    BACKFILL = "backfill"
    #: In one transaction, once no node is there whose code knows less than the number it names.
    CONTRACT = "contract"


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One step from a schema to the next."""

    number: int
    name: str
    phase: Phase
    #: The least schema that code must know to work on what this leaves, 0 for any.
    oldest: int = 0
    sql: str

    @property
    def statements(self) -> tuple[str, ...]:
        """What is run one by one: statements end with a semicolon at the end of a line."""
        code = "\n".join(line for line in self.sql.splitlines() if not line.lstrip().startswith("--"))
        return tuple(part.strip() for part in re.split(r";[ \t]*(?:\n|$)", code) if part.strip())


#: All migrations that a version of the code knows; their count is the schema it knows.
Migrations = tuple[Migration, ...]

_NAME: Final = re.compile(r"(?P<number>\d{4})_\w+\.sql")
_HEADER: Final = re.compile(r"-- (?:(?P<phase>expand|online|backfill)|contract (?P<oldest>[1-9]\d*))")
_WRITES: Final = re.compile(r"(UPDATE|INSERT|DELETE)\b")


@functools.cache
def migrations(database: Literal["sqlite", "postgres"]) -> Migrations:
    """Give a database's own migrations."""
    return read_migrations(resources.files("answerdesk.store") / "migrations" / database)


def read_migrations(folder: Traversable) -> Migrations:
    """Read a folder's migrations in order; raises ValueError saying which file is wrong, and what is accepted."""
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda file: file.name)
    return tuple(_read(file.name, file.read_text("utf-8"), number) for number, file in enumerate(files, 1))


def _read(name: str, sql: str, number: int) -> Migration:
    named = _NAME.fullmatch(name)
    if named is None or int(named["number"]) != number:
        raise ValueError(
            f"migration {name}: {number:04}_name.sql is the next one; none is left out and none comes twice"
        )
    first = sql.partition("\n")[0].rstrip()
    header = _HEADER.fullmatch(first)
    oldest = int(header["oldest"] or 0) if header else 0
    if header is None or oldest > number:
        raise ValueError(
            f"migration {name}: its first line is {first!r}; `-- expand`, `-- online`, `-- backfill` and"
            f" `-- contract N` are accepted, N being the least schema, {number} at most, whose code works on it then"
        )
    made = Migration(number=number, name=name, phase=Phase(header["phase"] or "contract"), oldest=oldest, sql=sql)
    if made.phase is Phase.BACKFILL and not (len(made.statements) == 1 and _WRITES.match(made.statements[0])):
        raise ValueError(f"migration {name}: a backfill is one UPDATE, INSERT or DELETE of a batch")
    return made


def newer(schema: int, known: int) -> Unavailable:
    """Say that a database has had migrations that this version does not bear."""
    return Unavailable(
        f"this database is of a newer answerdesk (schema {schema}, this one knows {known}); upgrade answerdesk"
    )
