"""Nodes of two versions on one PostgreSQL: the older one works on while the schema moves on, until it would harm it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from answerdesk.desk.ports import Unavailable
from answerdesk.model.database import DatabaseUrl
from answerdesk.store.attendance import Attendance
from answerdesk.store.checkup import check_up
from answerdesk.store.cluster import open_connection
from answerdesk.store.postgres import PostgresStore
from answerdesk.store.schema import Migrations, migrations
from answerdesk.store.upgrade import ENTERING, GONE_MS, put_off, state, upgrade
from tests.fakes import Clock, Names
from tests.postgres import server
from tests.serving import wait_until
from tests.store.driver import Desk
from tests.store.test_migrations import QUICK, grow

OLD = migrations("postgres")
KNOWN = len(OLD)
WIDER = "-- expand\nALTER TABLE tasks ADD COLUMN origin TEXT;\nALTER TABLE accounts ADD COLUMN nick TEXT;"
INDEXED = "-- online\nCREATE INDEX CONCURRENTLY tasks_origin ON tasks (origin, n);"
FILLED = (
    "-- backfill\nUPDATE accounts SET nick = name\n"
    "WHERE id IN (SELECT id FROM accounts WHERE nick IS NULL ORDER BY id LIMIT 2);"
)
NARROWER = f"-- contract {KNOWN + 1}\nALTER TABLE tasks ALTER COLUMN ip DROP NOT NULL, DROP COLUMN report_reason;"


@pytest.fixture
def url() -> Iterator[str]:
    made = server().database()
    yield made
    server().drop(made)


@pytest.fixture
def new(tmp_path: Path) -> Migrations:
    return grow(tmp_path, "postgres", WIDER, INDEXED, FILLED, NARROWER)


def had(url: str) -> set[int]:
    with closing(open_connection(url)) as connection:
        return set(state(connection).done)


def attendance(store: PostgresStore, url: str, known: Migrations) -> Attendance:
    with closing(open_connection(url)) as connection:
        return Attendance(url, store.node, known, store._rows, put_off(connection, known))  # noqa: SLF001 - as the store


async def work(desk: Desk, until: asyncio.Event) -> int:
    """Create, claim and answer, again and again."""
    account, person = await desk.open_account(), await desk.person()
    done = 0
    while not until.is_set() or not done:
        n = await desk.submit(account)
        (lease,) = await desk.claim(person)
        await desk.answer(person, lease)
        assert (await desk.store.task(n)).settled
        done += 1
    return done


async def test_a_node_of_the_version_before_serves_while_the_schema_moves_on_under_it(
    url: str, new: Migrations
) -> None:
    old, migrated, names = PostgresStore(url, Clock(), known=OLD), asyncio.Event(), Names()
    await attendance(old, url, OLD).beat(on_duty=False)
    working = asyncio.create_task(work(Desk(old, Clock(), names), migrated))
    newer = await asyncio.to_thread(PostgresStore, url, Clock(), known=new)
    migrated.set()

    assert await working > 0
    # What it could not bear waits, and whoever asks is told for whom; what comes after it does not wait.
    assert had(url) == set(range(1, KNOWN + 4))
    waits = f"{new[-1].name} waits for nodes of an older version to end: {old.node}"
    assert check_up(DatabaseUrl(url), Clock().now, new).put_off == (waits,)
    # One of its version that is restarted meanwhile comes back.
    again = PostgresStore(url, Clock(), known=OLD)
    nodes = [Desk(store, Clock(), names, first=first) for store, first in ((old, 10), (newer, 20), (again, 30))]
    assert [await work(desk, migrated) for desk in nodes] == [1, 1, 1]
    for store in (old, newer, again):
        await store.aclose()


async def test_what_waited_is_made_by_the_node_on_duty_once_the_others_have_left(url: str, new: Migrations) -> None:
    old = PostgresStore(url, Clock(), known=OLD)
    old.look_around()
    await attendance(old, url, OLD).beat(on_duty=False)
    newer = PostgresStore(url, Clock(), known=new)
    here = attendance(newer, url, new)
    await here.beat(on_duty=True)
    before = had(url)
    await old.aclose()
    await here.beat(on_duty=False)
    on_no_duty = had(url)
    await here.beat(on_duty=True)

    assert before == on_no_duty == set(range(1, KNOWN + 4))
    assert had(url) == set(range(1, KNOWN + 5))
    # One that was cut off meanwhile is told when it comes back; none of its version starts any more.
    survivor = PostgresStore(url, Clock(), known=new)
    late = attendance(survivor, url, OLD)
    await late.beat(on_duty=False)
    said = f"this database is of a newer answerdesk (schema {KNOWN + 1}, this one knows {KNOWN}); upgrade answerdesk"
    assert late.trouble == said
    with pytest.raises(Unavailable, match="newer answerdesk"):
        PostgresStore(url, Clock(), known=OLD)
    assert check_up(DatabaseUrl(url), Clock().now).oldest == KNOWN + 1
    for store in (newer, survivor):
        await store.aclose()


def test_a_node_that_died_is_not_waited_for_longer_than_it_is_missed(url: str, new: Migrations) -> None:
    with closing(open_connection(url)) as connection:
        arrive = "INSERT INTO nodes (name, unit, seen, schema) VALUES ('dead', 1, %s, %s)"
        ((now,),) = connection.execute("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint").fetchall()
        connection.execute(arrive, (now - GONE_MS // 2, KNOWN))
        waiting = upgrade(connection, new, QUICK)
        connection.execute("UPDATE nodes SET seen = %s", (now - GONE_MS,))

        assert [step.nodes for step in waiting] == [("dead",)]
        assert upgrade(connection, new, QUICK) == []


def test_commands_and_nodes_that_know_enough_are_not_waited_for(url: str, new: Migrations) -> None:
    with closing(open_connection(url)) as connection:
        now = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
        connection.execute(f"INSERT INTO nodes (name, unit, seen) VALUES ('command', 1, {now})")
        connection.execute(f"INSERT INTO nodes (name, unit, seen, schema) VALUES ('node', 1, {now}, {KNOWN + 1})")

        assert upgrade(connection, new, QUICK) == []


async def test_no_node_comes_in_between_the_look_for_nodes_and_what_it_cannot_bear(url: str) -> None:
    old = PostgresStore(url, Clock(), known=OLD)
    coming = attendance(old, url, OLD)
    with closing(open_connection(url)) as contracting, closing(open_connection(url)) as looking:
        contracting.execute("BEGIN")
        contracting.execute("SELECT pg_advisory_xact_lock(%s)", (ENTERING,))
        contracting.execute("INSERT INTO migrations (number, name, oldest) VALUES (99, 'later', 99)")
        beat = asyncio.create_task(coming.beat(on_duty=False))
        await asyncio.to_thread(wait_until, lambda: waits(looking), "the node waits")
        contracting.execute("COMMIT")
        await beat

    assert coming.trouble is not None
    await old.aclose()


def waits(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    return (
        connection.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone() is not None
    )


async def test_a_node_that_cannot_bear_the_schema_is_not_ready(url: str) -> None:
    old = PostgresStore(url, Clock(), known=OLD)
    with closing(open_connection(url)) as connection:
        connection.execute("INSERT INTO migrations (number, name, oldest) VALUES (99, 'later', 99)")
    for _ in range(1000):
        old.look_around()
        if old.trouble:
            break
        await asyncio.sleep(0.01)

    assert "newer answerdesk" in (old.trouble or "")
    await old.aclose()
