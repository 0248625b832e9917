"""Trips to PostgreSQL: what is asked together is answered together, and what goes wrong is told as it was."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from answerdesk.store import columns
from answerdesk.store.cluster import configure, open_connection
from answerdesk.store.columns import Blob, Text, Whole
from answerdesk.store.trips import Connection, Trips, numbered
from tests.postgres import server
from tests.store.cut import Cut

PREPARED = "SELECT count(*) FROM pg_prepared_statements"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    made = server().database()
    with closing(open_connection(made)) as connection:
        connection.execute("CREATE TABLE said (n bigint PRIMARY KEY)")
    yield made
    server().drop(made)


async def connected(url: str) -> Connection:
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
    await configure(connection)
    columns.adapt(connection)
    return connection


@pytest.fixture
async def connection(url) -> AsyncIterator[Connection]:
    opened = await connected(url)
    await opened.execute("TRUNCATE said")
    yield opened
    await opened.close()


@pytest.fixture
def trips(connection) -> Trips:
    return Trips(connection)


def say(n: int) -> tuple[str, tuple[int]]:
    return "INSERT INTO said VALUES (%s)", (n,)


async def ask(trips: Trips, statement: str, *values: Any) -> list[Any]:
    (found,) = await trips.ask((statement, values))
    return found


async def test_each_statement_finds_its_own(trips):
    found = await trips.ask(say(1), ("", ()), say(2), ("SELECT n, n %% 2 = 0 FROM said ORDER BY n", ()))

    assert found == [[], [], [], [(1, False), (2, True)]]


@pytest.mark.parametrize("value", [None, True, 0, -(2**63), 1.5, "tëxt", b"\0\xff", [1, 2], ["a", "b"]], ids=repr)
async def test_a_value_comes_back_as_it_went(trips, value):
    kind = {type(None): "text", float: "float8", list: "text[]" if value == ["a", "b"] else "bigint[]"}
    marked = f"%s::{kind[type(value)]}" if type(value) in kind else "%s"

    assert await ask(trips, f"SELECT {marked}", value) == [(value,)]


async def test_columns_go_as_arrays(trips):
    assert await ask(trips, "SELECT %s, %s, %s", Whole((1, None)), Text(("a", "a")), Blob((b"\0",))) == [
        ([1, None], ["a", "a"], [b"\0"])
    ]


async def test_values_with_names_are_said_once_wherever_they_stand(trips):
    assert numbered("%(b)s + %(a)s + %(b)s %% 2") == (b"$1 + $2 + $1 % 2", ("b", "a"))
    values = {"a": 1, "b": 10, "unasked": 100}

    assert await trips.ask(("SELECT %(a)s - %(b)s, %(a)s", values)) == [[(-9, 1)]]


async def test_a_statement_is_prepared_once_for_values_of_the_same_types(trips):
    await trips.ask(say(1), say(2))
    await trips.ask(say(3))
    assert await ask(trips, PREPARED) == [(2,)]

    assert await trips.ask(("SELECT %s", (1,)), ("SELECT %s", ("one",))) == [[(1,)], [("one",)]]
    assert await ask(trips, PREPARED) == [(4,)]


async def test_what_fails_is_told_with_its_code_and_nothing_after_it_is_done(trips, connection):
    with pytest.raises(psycopg.errors.UniqueViolation) as told:
        await trips.ask(("BEGIN", ()), say(1), say(1), say(2), ("COMMIT", ()))

    assert (told.value.sqlstate, told.value.diag.constraint_name) == ("23505", "said_pkey")
    assert not connection.closed
    await connection.rollback()
    assert await ask(trips, "SELECT count(*) FROM said") == [(0,)]


async def test_what_was_prepared_before_and_after_a_failure_can_be_asked_again(trips):
    fails, before, after = ("SELECT 1 / %s", (0,)), ("SELECT %s + 1", (1,)), ("SELECT %s + 2", (1,))
    with pytest.raises(psycopg.errors.DivisionByZero):
        await trips.ask(before, fails, after)

    assert await trips.ask(before, after, ("SELECT 1 / %s", (1,))) == [[(2,)], [(3,)], [(1,)]]


@pytest.mark.parametrize("statement", ["SELEKT 1", "SELECT nothing FROM said"])
async def test_what_cannot_be_prepared_is_told_as_well(trips, statement):
    with pytest.raises((psycopg.errors.SyntaxError, psycopg.errors.UndefinedColumn)):
        await trips.ask(say(1), (statement, ()), say(2))

    assert await ask(trips, "SELECT n FROM said") == []


@pytest.mark.parametrize("value", [2**200, object(), Whole((2**64,))], ids=["a number", "a thing", "a column"])
async def test_of_what_cannot_be_said_nothing_is_sent(trips, value):
    with pytest.raises(Exception, match=r"object|number|int|range"):
        await trips.ask(say(1), ("SELECT %s::bigint", (value,)))

    assert await ask(trips, "SELECT count(*) FROM said") == [(0,)]


async def test_much_goes_and_comes_at_once(trips):
    blobs = [os.urandom(2_000_000) for _ in range(4)]

    async with asyncio.timeout(20):
        found = await trips.ask(*(("SELECT %s", (blob,)) for blob in blobs))

    assert found == [[(blob,)] for blob in blobs]


async def test_notices_are_heard(trips, connection):
    heard: list[str | None] = []
    connection.add_notice_handler(lambda notice: heard.append(notice.message_primary))

    await trips.ask(say(1), ("DO $$ BEGIN RAISE NOTICE 'by the way'; END $$", ()), say(2))

    assert heard == ["by the way"]


async def test_a_server_that_ends_the_connection_is_quoted(trips, connection):
    with pytest.raises(psycopg.errors.AdminShutdown) as told:
        await trips.ask(say(1), ("SELECT pg_terminate_backend(pg_backend_pid())", ()), say(2))

    assert told.value.sqlstate == "57P01"
    assert connection.closed
    with pytest.raises(psycopg.OperationalError):
        await trips.ask(say(3))


async def test_a_connection_that_is_cut_is_noticed(url):
    with Cut(url) as cut:
        connection = await connected(cut.url)
        asking = asyncio.create_task(Trips(connection).ask(("SELECT pg_sleep(60)", ())))
        await asyncio.sleep(0.05)
        cut.cut()

        with pytest.raises(psycopg.OperationalError):
            await asking

        assert connection.closed


async def test_who_asks_no_longer_stops_the_server_and_leaves_no_connection_halfway(trips, connection, url):
    asking = asyncio.create_task(trips.ask(("BEGIN", ()), say(1), ("SELECT pg_sleep(60)", ()), ("COMMIT", ())))
    await asyncio.sleep(0.05)
    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking

    assert connection.closed
    other = await connected(url)
    async with asyncio.timeout(20):
        # Whoever waits for the row gets it as soon as the unit is gone.
        await Trips(other).ask(say(1))
    await other.close()
