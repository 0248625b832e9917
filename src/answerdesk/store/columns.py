"""Many rows to PostgreSQL as one statement: each column goes as one array, in the form the server reads fastest.
Rule: what to write is said once, a row at a time, for every database; here it is only said of all rows at once."""

from __future__ import annotations

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
    #: Whether values that are equal are written alike, and quickly compared.
    repeats: ClassVar[bool] = False

    def dump(self, obj: Any) -> Buffer:
        """Write all of it."""
        if not obj:
            return _HEAD.pack(0, 0, self.each, 0, 1)[:12]
        if self.repeats and obj.count(obj[0]) == len(obj):
            # As most columns of what is created together.
            return _HEAD.pack(1, obj[0] is None, self.each, len(obj), 1) + self._one(obj[0]) * len(obj)
        gaps = None in obj
        body = b"".join(map(self._one, obj)) if gaps else self.whole(obj)
        return _HEAD.pack(1, gaps, self.each, len(obj), 1) + body

    def whole(self, values: tuple[Any, ...]) -> bytes:
        """Write values none of which is missing."""
        return b"".join(map(self.pack, values))

    def _one(self, value: Any) -> bytes:
        return _NULL if value is None else self.pack(value)

    def pack(self, value: Any) -> bytes:
        """Write one value after its length."""
        raise NotImplementedError


class _WholeArray(_Array):
    oid, each, repeats = 1016, 20, True

    def whole(self, values: tuple[Any, ...]) -> bytes:
        """All in one go."""
        return struct.pack("!" + "iq" * len(values), *chain.from_iterable(zip(repeat(8), values)))

    def pack(self, value: Any) -> bytes:
        """Eight bytes."""
        return _WHOLE.pack(8, value)


class _TextArray(_Array):
    oid, each, repeats = 1009, 25, True

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
        #: For each statement what it is for many rows, what holds its columns, and whether it asks how many rows.
        self._known: dict[str, tuple[str, list[type[tuple[Any, ...]]], bool]] = {}

    def at_once(self, statement: str, rows: Iterable[Row]) -> tuple[str, list[Any]]:
        """Give a statement that does for all rows what another does for each, and its columns."""
        known = self._known.get(statement)
        if known is None:
            known = self._known[statement] = self._of_all(statement)
        text, holds, counted = known
        values: list[Any] = [hold(column) for hold, column in zip(holds, zip(*rows, strict=True), strict=True)]
        return text, [*values, len(values[0])] if counted else values

    def _of_all(self, statement: str) -> tuple[str, list[type[tuple[Any, ...]]], bool]:
        """Turn a statement about a row into one about many."""
        if found := _INSERT.fullmatch(statement):
            head, table, names, tail = found.groups()
            kinds = self._kinds(table, names)
            text = f"{head} {_rows(names, kinds)}{tail}"
        elif found := _UPDATE.fullmatch(statement):
            table, assigned, key = found.groups()
            listed = list(_assigned(assigned))
            kinds = self._kinds(table, names := ", ".join([*listed, key]))
            text = (
                f"UPDATE {table} SET {', '.join(f'{name} = new.{name}' for name in listed)}"
                f" FROM ({_rows(names, kinds)}) AS new WHERE {table}.{key} = new.{key}"
            )
        elif found := _DELETE.fullmatch(statement):
            table, key = found.groups()
            kinds = self._kinds(table, key)
            text = f"DELETE FROM {table} WHERE {key} = ANY (?::{kinds[0]}[])"
        else:
            msg = f"this statement is said of no table by its key: {statement}"
            raise ValueError(msg)
        return postgres(text), [_HOLDS[kind] for kind in kinds], not text.startswith("DELETE")

    def _kinds(self, table: str, names: str) -> list[str]:
        return [self._types[table, name.strip('"')] for name in names.split(", ")]


_INSERT: Final = re.compile(r"(INSERT INTO (\w+) \(([^)]+)\)) VALUES \([?, ]+\)(.*)")
_UPDATE: Final = re.compile(r"UPDATE (\w+) SET ((?:\"?\w+\"? = \?(?:, )?)+) WHERE (\w+) = \?")
_DELETE: Final = re.compile(r"DELETE FROM (\w+) WHERE (\w+) = \?")


def _rows(names: str, kinds: list[str]) -> str:
    """Select rows from columns: each picks its values by place, which costs a fraction of unnesting so many."""
    picked = (f"(?::{kind}[])[place] AS {name}" for name, kind in zip(names.split(", "), kinds, strict=True))
    return f"SELECT {', '.join(picked)} FROM generate_series(1, ?::int) AS place"


def _assigned(text: str) -> Iterator[str]:
    return (part.removesuffix(" = ?") for part in text.split(", "))
