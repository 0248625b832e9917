"""A desk on PostgreSQL is put back from what the database's own tools wrote, as the page on backups says."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from answerdesk.store.database import SKIP
from answerdesk.store.postgres import PostgresStore
from tests.fakes import Clock
from tests.postgres import server
from tests.store.driver import Desk


@pytest.fixture
def url() -> Iterator[str]:
    made = server().database()
    yield made
    server().drop(made)


@pytest.fixture
def empty() -> Iterator[str]:
    made = server().empty_database()
    yield made
    server().drop(made)


async def test_a_dump_that_is_restored_has_its_tasks_and_issues_no_number_again(
    url: str, empty: str, tmp_path: Path
) -> None:
    def run(tool: str, *words: str | Path) -> None:
        subprocess.run([server().programs / tool, *words], check=True, capture_output=True)

    desk = Desk(PostgresStore(url), Clock())
    account, _ = await desk.open_account(), await desk.person()
    kept = await desk.submit(account)
    run("pg_dump", "-Fc", "-f", tmp_path / "desk.dump", url)
    since = await desk.submit(account)
    await desk.store.aclose()

    run("pg_restore", "--no-owner", "-d", empty, tmp_path / "desk.dump")
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute(f"SELECT take_block({SKIP})")

    store = PostgresStore(empty)
    back = Desk(store, Clock())
    assert await store.task(kept) is not None
    assert await store.task(since) is None
    assert await back.submit(account) > SKIP
    assert (await store.sums()).drifting == ()
    await store.aclose()
