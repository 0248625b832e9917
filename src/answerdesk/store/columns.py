"""Many rows to PostgreSQL as one statement: each column goes as one array, in the form the server reads fastest.
Rule: what to write is said once, a row at a time, for every database; here it is only said of all rows at once."""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import Any, ClassVar, Final

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

from answerdesk.store.dialect import postgres
from answerdesk.store.tables import Row

_HEAD: Final = struct.Struct("!iiIii")
_LENGTH: Final = struct.Struct("!i")
_NULL: Final = _LENGTH.pack(-1)
_WHOLE: Final = struct.Struct("!iq")
_REAL: Final = struct.Struct("!id")


class Whole(tuple[Any, ...]):
    """Whole numbers and flags, as bigint[]."""

    __slots__ = ()


class Text(tuple[Any, ...]):
    """Texts, as text[]."""

    __slots__ = ()


class Blob(tuple[Any, ...]):
    """Bytes, as bytea[]."""

    __slots__ = ()


class Real(tuple[Any, ...]):
    """Fractions, as double precision[]."""

    __slots__ = ()


class _Array(Dumper):
    """An array of one dimension in binary form: a head, then each value after its length."""

    format = Format.BINARY
    each: ClassVar[int]

    def dump(self, obj: Any) -> Buffer:
        """Write all of it."""
        if not obj:
            return _HEAD.pack(0, 0, self.each, 0, 1)[:12]
        gaps = None in obj
        body = b"".join([_NULL if value is None else self.pack(value) for value in obj]) if gaps else self.whole(obj)
        return _HEAD.pack(1, gaps, self.each, len(obj), 1) + body

    def whole(self, values: tuple[Any, ...]) -> bytes:
        """Write values none of which is missing."""
        return b"".join(map(self.pack, values))

    def pack(self, value: Any) -> bytes:
        """Write one value after its length."""
        raise NotImplementedError


class _WholeArray(_Array):
    oid, each = 1016, 20

    def whole(self, values: tuple[Any, ...]) -> bytes:
        """All in one go."""
        return struct.pack("!" + "iq" * len(values), *chain.from_iterable(zip(repeat(8), values)))

    def pack(self, value: Any) -> bytes:
        """Eight bytes."""
        return _WHOLE.pack(8, value)


class _TextArray(_Array):
    oid, each = 1009, 25

    def pack(self, value: Any) -> bytes:
        """In UTF-8."""
        text: bytes = value.encode()
        return _LENGTH.pack(len(text)) + text


class _BlobArray(_Array):
    oid, each = 1001, 17

    def pack(self, value: Any) -> bytes:
        """As they are."""
        return _LENGTH.pack(len(value)) + bytes(value)


class _RealArray(_Array):
    oid, each = 1022, 701

    def pack(self, value: Any) -> bytes:
        """Eight bytes."""
        return _REAL.pack(8, value)


#: What holds a column's values, by the name the server has for its type.
_HOLDS: Final[dict[str, type[Whole | Text | Blob | Real]]] = {
    "bigint": Whole, "text": Text, "bytea": Blob, "double precision": Real,
}  # fmt: skip
TYPES: Final = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"


def adapt(connection: psycopg.BaseConnection[Any]) -> None:
    """Let columns go to the server."""
    for kind, writer in ((Whole, _WholeArray), (Text, _TextArray), (Blob, _BlobArray), (Real, _RealArray)):
        connection.adapters.register_dumper(kind, writer)


class Columns:
    """The types of a database's columns, and with them statements about many rows."""

    def __init__(self, types: Iterable[Row]) -> None:
        """Take what TYPES found."""
        self._types = {(table, column): kind for table, column, kind in types}

    def at_once(self, statement: str, rows: Iterable[Row]) -> tuple[str, list[Any]]:
        """Give a statement that does for all rows what another does for each, and its columns."""
        text, table, names = _of_all(statement)
        kinds = [self._types[table, name] for name in names]
        marks = (f"%s::{kind}[]" for kind in kinds)
        columns = zip(*rows, strict=True)
        return text.format(", ".join(marks)), [
            _HOLDS[kind](column) for kind, column in zip(kinds, columns, strict=True)
        ]


_INSERT: Final = re.compile(r"(INSERT INTO (\w+) \(([^)]+)\)) VALUES \([?, ]+\)(.*)")
_UPDATE: Final = re.compile(r"UPDATE (\w+) SET ((?:\"?\w+\"? = \?(?:, )?)+) WHERE (\w+) = \?")
_DELETE: Final = re.compile(r"DELETE FROM (\w+) WHERE (\w+) = \?")


@functools.cache
def _of_all(statement: str) -> tuple[str, str, list[str]]:
    """Turn a statement about a row into one about many: with a gap for the columns' marks, its table and columns."""
    if found := _INSERT.fullmatch(statement):
        head, table, names, tail = found.groups()
        text = f"{head} SELECT * FROM unnest({{}}){tail}"
    elif found := _UPDATE.fullmatch(statement):
        table, assigned, key = found.groups()
        listed = list(_assigned(assigned))
        names = ", ".join([*listed, key])
        text = (
            f"UPDATE {table} SET {', '.join(f'{name} = new.{name}' for name in listed)}"
            f" FROM unnest({{}}) AS new ({names}) WHERE {table}.{key} = new.{key}"
        )
    elif found := _DELETE.fullmatch(statement):
        table, names = found.groups()
        text = f"DELETE FROM {table} WHERE {names} = ANY ({{}})"
    else:
        msg = f"this statement is said of no table by its key: {statement}"
        raise ValueError(msg)
    return postgres(text), table, [name.strip('"') for name in names.split(", ")]


def _assigned(text: str) -> Iterator[str]:
    return (part.removesuffix(" = ?") for part in text.split(", "))
