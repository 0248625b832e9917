"""Trips to PostgreSQL: statements that belong together are sent at once, and what all of them found comes back at once.
Rule: libpq's pipeline is spoken directly; a trip that broke off leaves no connection on which anybody could go on."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import psycopg
from psycopg import abc
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

from answerdesk.store.tables import Row

Connection = psycopg.AsyncConnection[Row]
#: A statement with the driver's marks, and its values.
Asked = tuple[str, "list[Any] | tuple[Any, ...] | dict[str, Any]"]

#: A statement with the types of its values.
_Key = tuple[str, tuple[int, ...]]

#: Too short to be worth preparing.
_PLAIN: Final = frozenset({"BEGIN", "COMMIT"})
_MARK: Final = re.compile(r"%%|%s|%\((\w+)\)s")


@functools.cache
def numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """Give a statement with the server's numbered marks, and what its values are called where they have names."""
    names: dict[str, int] = {}
    counted = itertools.count(1)

    def mark(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        return f"${names.setdefault(found[1], len(names) + 1) if found[1] else next(counted)}"

    return _MARK.sub(mark, statement).encode(), tuple(names)


class _Said:
    """A statement as it is said to the server."""

    __slots__ = ("formats", "key", "sql", "values")

    def __init__(self, transformer: abc.Transformer, statement: str, values: Any) -> None:
        self.sql, names = numbered(statement)
        if names:
            values = [values[name] for name in names]
        self.values = transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
        self.formats = transformer.formats
        #: What is prepared: the same words with values of other types are another statement.
        self.key: _Key = statement, tuple(transformer.types or ())


class Trips:
    """A connection's trips, one after the other, and the statements that are prepared on it."""

    def __init__(self, connection: Connection) -> None:
        """Take a connection over which nobody else speaks during a trip."""
        self._db = connection
        self._transformer: abc.Transformer = Transformer(connection)
        self._prepared: dict[_Key, bytes] = {}
        self._names = itertools.count(1)

    async def ask(self, *asked: Asked) -> list[list[Row]]:
        """Send statements at once, and give what each found; an empty one finds nothing.

        The first that fails is raised, and none after it was run.
        """
        # All is laid out before any of it is sent: what no column can hold stops no trip halfway.
        said = [_Said(self._transformer, *each) if each[0] else None for each in asked]
        pgconn = self._db.pgconn
        whole = False
        try:
            pgconn.enter_pipeline_mode()
            preparing = self._send(pgconn, said)
            pgconn.pipeline_sync()
            results = await self._db.wait(_results(pgconn))
            pgconn.exit_pipeline_mode()
            whole = True
        finally:
            if not whole:
                pgconn.finish()
        rows = self._rows(results, preparing)
        return [next(rows) if each else [] for each in said]

    def _send(self, pgconn: PGconn, said: Iterable[_Said | None]) -> dict[int, tuple[_Key, bytes]]:
        """Send statements, each prepared before its first time; gives which results tell of that."""
        fresh: dict[_Key, bytes] = {}
        preparing: dict[int, tuple[_Key, bytes]] = {}
        count = itertools.count()
        for each in filter(None, said):
            if each.key[0] in _PLAIN:
                pgconn.send_query_params(each.sql, None, result_format=Format.BINARY)
                next(count)
                continue
            name = self._prepared.get(each.key) or fresh.get(each.key)
            if name is None:
                name = fresh[each.key] = b"a%d" % next(self._names)
                preparing[next(count)] = each.key, name
                pgconn.send_prepare(name, each.sql, each.key[1])
            pgconn.send_query_prepared(name, each.values, each.formats, Format.BINARY)
            next(count)
        return preparing

    def _rows(self, results: list[PGresult], preparing: dict[int, tuple[_Key, bytes]]) -> Iterator[list[Row]]:
        """Read results; those of a statement that was prepared make it known."""
        for place, result in enumerate(results):
            if result.status == ExecStatus.FATAL_ERROR:
                raise error_from_result(result)
            if place in preparing:
                key, name = preparing[place]
                self._prepared[key] = name
            elif result.status == ExecStatus.TUPLES_OK:
                self._transformer.set_pgresult(result)
                yield self._transformer.load_rows(0, result.ntuples, tuple)
            else:
                yield []


def _results(pgconn: PGconn) -> abc.PQGen[list[PGresult]]:
    """Send what waits to be sent, and give one result for each statement once the last has come."""
    results: list[PGresult] = []
    while pgconn.flush():
        # Who does nothing but send to one who does the same waits forever.
        if (yield Wait.RW) & Ready.R:
            _consume(pgconn, results)
    ended = False
    while True:
        while pgconn.is_busy():
            if (yield Wait.R) & Ready.R:
                _consume(pgconn, results)
        result = pgconn.get_result()
        if result is not None:
            if result.status == ExecStatus.PIPELINE_SYNC:
                return results
            results.append(result)
        elif ended:
            msg = "the server was cut off in the middle of its reply"
            raise psycopg.OperationalError(msg)
        # After each statement's result comes one None.
        ended = result is None


def _consume(pgconn: PGconn, results: list[PGresult]) -> None:
    """Take in what has come; of a server that hung up its last word is told, if it said one."""
    try:
        pgconn.consume_input()
    except psycopg.OperationalError:
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                raise error_from_result(result) from None
        raise
