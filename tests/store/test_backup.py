"""Backups of a desk in use are whole, a restored desk issues no id twice, and foreign or newer files are refused."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from answerdesk.desk.chores import Forget
from answerdesk.desk.ports import Listing, Unavailable
from answerdesk.store.database import SKIP, backup, check_is_desk, restore
from answerdesk.store.schema import migrations
from answerdesk.store.sqlite import SqliteStore
from tests.store.driver import Desk, draft

SECRET = b"a face nobody should see again" * 20


@pytest.fixture
def desk(file, clock):
    return Desk(file.open(), clock)


async def test_a_backup_made_while_writing_is_a_whole_desk(desk, file, tmp_path, clock):
    account, _ = await desk.open_account(), await desk.person()
    target = tmp_path / "copy.db"

    async def keep_writing():
        for _ in range(20):
            await asyncio.gather(*(desk.submit(account) for _ in range(20)))

    await asyncio.gather(keep_writing(), asyncio.to_thread(backup, str(file.path), target))

    with closing(sqlite3.connect(target)) as copy:
        check_is_desk(copy)
    store = SqliteStore(str(target), clock)
    tasks = await store.tasks(Listing(most=1_000))
    balance, held, open_tasks = await Desk(store, clock).money(account)
    assert (await store.sums()).drifting == ()
    assert (open_tasks, held) == (len(tasks), 1_000 * len(tasks))
    assert balance + held == 1_000_000
    store.close()


async def test_a_restored_desk_knows_what_the_backup_knew_and_issues_no_id_again(desk, file, tmp_path, clock):
    account, person = await desk.open_account(), await desk.person()
    before = await desk.solved(account, person)
    copy = tmp_path / "copy.db"
    backup(str(file.path), copy)
    issued_after = [await desk.submit(account) for _ in range(5)]
    key = desk.store.permutation_key
    desk.store.close()

    restore(copy, file.path)

    again = Desk(file.open(), clock)
    assert again.store.permutation_key == key
    assert (await again.task(before)).solution == b'"word"'
    assert [await again.store.task(n) for n in issued_after] == [None] * 5
    fresh = await again.submit(account)
    assert fresh > max(issued_after) + SKIP - 10_000
    assert (await again.store.sums()).drifting == ()


async def test_a_backup_goes_to_a_fresh_place_too(desk, file, tmp_path, clock):
    account = await desk.open_account()
    copy, elsewhere = tmp_path / "copy.db", tmp_path / "elsewhere.db"
    backup(str(file.path), copy)

    restore(copy, elsewhere)

    store = SqliteStore(str(elsewhere), clock)
    assert [each for each, _ in await store.accounts()] == [account]
    store.close()


@pytest.mark.parametrize("name", ["a#1", "a?mode=rwc", "100%41", "two words", "ä"])
async def test_a_folder_may_have_any_name(desk, file, tmp_path, clock, name):
    await desk.open_account()
    folder = tmp_path / name
    folder.mkdir()

    backup(str(file.path), folder / "copy.db")
    restore(folder / "copy.db", folder / "desk.db")

    store = SqliteStore(str(folder / "desk.db"), clock)
    assert len(await store.accounts()) == 1
    store.close()


@pytest.mark.parametrize("content", [None, b"", b"no database", b"SQLite format 3\0" + bytes(5_000)])
async def test_what_is_no_desk_is_not_restored_and_the_old_one_stays(desk, file, tmp_path, clock, content):
    account = await desk.open_account()
    desk.store.close()
    source = tmp_path / "source.db"
    if content is not None:
        source.write_bytes(content)

    with pytest.raises(ValueError, match="not a desk's database"):
        restore(source, file.path)

    assert [each for each, _ in await file.open().accounts()] == [account]


async def test_a_damaged_backup_is_named_and_not_restored(desk, file, tmp_path):
    account, _ = await desk.open_account(), await desk.person()
    for _ in range(20):
        await desk.submit(account, draft(b"x" * 3_000))
    copy = tmp_path / "copy.db"
    backup(str(file.path), copy)
    desk.store.close()
    whole = bytearray(copy.read_bytes())
    whole[8_192 : 8_192 + 8_192] = b"\xa5" * 8_192
    copy.write_bytes(whole)

    with pytest.raises(ValueError, match=r"damaged|not a desk"):
        restore(copy, file.path)

    assert len(await file.open().accounts()) == 1


def test_there_is_no_backup_of_a_desk_that_is_not_there(tmp_path):
    missing = tmp_path / "missing.db"

    with pytest.raises(ValueError, match="not a desk's database"):
        backup(str(missing), tmp_path / "copy.db")

    assert list(tmp_path.iterdir()) == []


def test_a_database_of_a_newer_answerdesk_is_refused_and_left_alone(file, clock):
    file.open().close()
    with closing(sqlite3.connect(file.path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(migrations('sqlite')) + 1}")
        connection.commit()
    before = file.path.read_bytes()

    with pytest.raises(Unavailable, match=r"newer answerdesk.*upgrade"):
        file.open()

    assert file.path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(file):
    file.path.write_bytes(b"somebody's letters, not a database at all")

    with pytest.raises(sqlite3.DatabaseError):
        file.open()

    assert file.path.read_bytes() == b"somebody's letters, not a database at all"


def test_a_migration_that_stopped_half_way_left_nothing_and_is_made_at_the_next_start(file):
    """Each is one transaction: a crash before its end leaves an empty database."""
    crashed = sqlite3.connect(file.path, isolation_level=None)
    crashed.execute("PRAGMA journal_mode = WAL")
    crashed.execute("BEGIN IMMEDIATE")
    crashed.execute("CREATE TABLE facts (name TEXT)")
    crashed.close()

    assert file.open().permutation_key


async def test_what_is_forgotten_is_in_no_file(desk, file, tmp_path):
    account, person = await desk.open_account(), await desk.person()
    n = await desk.solved(
        account, person, value=SECRET.decode()[:100], question=draft(SECRET, text=SECRET.decode()[:90])
    )
    desk.store.close()
    assert SECRET[:90] in file.path.read_bytes()

    again = file.open()
    await again.run(Forget(whole=(n,)))
    backup(str(file.path), tmp_path / "copy.db")
    again.close()

    left = [path.name for path in tmp_path.iterdir() if SECRET[:90] in path.read_bytes()]
    assert left == []
