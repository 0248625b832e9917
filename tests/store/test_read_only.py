"""A PostgreSQL that takes no writes for a while: nodes say so unasked, and go on by themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
import pytest

from answerdesk.store.attendance import Attendance
from answerdesk.store.postgres import PostgresStore
from answerdesk.store.schema import migrations
from tests.fakes import Clock
from tests.postgres import server
from tests.store.driver import Desk

KNOWN = migrations("postgres")


@pytest.fixture
def url() -> Iterator[str]:
    made = server().database()
    yield made
    server().drop(made)


def say(url: str, statement: str) -> None:
    """Change the database's settings, as whoever keeps it does when its disk is full."""
    name = url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(server().url("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} {statement}")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


def allow(url: str) -> None:
    """Allow writes to those who come from now on; who is connected is left as they are."""
    name = url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(server().url("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")


async def test_a_node_that_nobody_calls_says_that_nothing_can_be_written(url: str) -> None:
    async with contextlib.aclosing(PostgresStore(url, Clock())) as store:
        here = Attendance(url, store.node, KNOWN, store._rows, [])  # noqa: SLF001 - as the store
        await here.beat(on_duty=False)
        before = here.trouble
        say(url, "SET default_transaction_read_only = on")
        await here.beat(on_duty=False)
        told = here.trouble
        allow(url)
        await here.beat(on_duty=False)

        assert before is None
        assert told == "the database takes no writes: cannot execute INSERT in a read-only transaction"
        assert here.trouble is None


async def test_tasks_are_taken_again_though_nobody_ended_the_connections(url: str) -> None:
    async with contextlib.aclosing(PostgresStore(url, Clock(), block=1)) as store:
        desk = Desk(store, Clock())
        account, _ = await desk.open_account(), await desk.person()
        say(url, "SET default_transaction_read_only = on")
        for _ in range(3):
            with pytest.raises(Exception, match="read-only transaction"):
                await desk.submit(account)
        allow(url)

        assert await desk.submit(account)
