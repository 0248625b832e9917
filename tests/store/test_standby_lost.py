"""A commit that waits for a standby that is gone is not waited for for ever, and is found again once it is through."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import psycopg
import pytest

from answerdesk.desk.books import TopUp
from answerdesk.desk.ports import Unavailable
from answerdesk.model.account import AccountId
from answerdesk.model.money import Micros
from answerdesk.store.postgres import PostgresStore
from answerdesk.store.writer import Patience
from tests.fakes import Clock
from tests.postgres import LOOSE, Server
from tests.store.test_pipeline import open_account, top_up

BRIEF = Patience(verbs=0.2, outcome=0.5, unit=1.0, first=0.01, most=0.05)


@pytest.fixture
def own() -> Iterator[Server]:
    made = Server(**LOOSE | {"synchronous_commit": "on", "max_wal_senders": "2", "wal_level": "replica"}).start()
    yield made
    made.remove()


def wait_for(own: Server, standby: str) -> None:
    with psycopg.connect(own.url("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")
        connection.execute("SELECT pg_reload_conf()")


async def test_nobody_waits_for_ever_for_a_standby_that_is_gone(own: Server) -> None:
    url = own.database()
    store = PostgresStore(url, Clock(), patience=BRIEF)
    await open_account(store)
    wait_for(own, "nobody")
    await asyncio.sleep(0.3)

    async with asyncio.timeout(20):
        with pytest.raises(Unavailable):
            await store.run(top_up())
    assert store.trouble is not None

    wait_for(own, "")
    async with asyncio.timeout(20):
        while store.trouble is not None:
            with contextlib.suppress(Unavailable):
                await store.recover()
            await asyncio.sleep(0.05)
    # What the first call wrote was committed; it is told as in doubt, not as undone.
    assert (await store.run(top_up())).balance == 10
    await store.aclose()


async def test_nobody_waits_for_ever_for_a_first_connection(own: Server) -> None:
    url = own.database()
    wait_for(own, "nobody")
    await asyncio.sleep(0.3)
    store = PostgresStore(url, Clock(), patience=BRIEF)

    async with asyncio.timeout(20):
        with pytest.raises(Unavailable):
            await store.run(TopUp(account=AccountId(1), amount=Micros(1)))
    wait_for(own, "")
    await store.aclose()
