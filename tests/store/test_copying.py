"""A desk moved to PostgreSQL is the same desk there: every row, the money, the ids; a copy that broke off goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from answerdesk.desk.callbacks import Tried
from answerdesk.desk.people import Enrol, MakeLink
from answerdesk.desk.ports import Listing, Unavailable
from answerdesk.model.account import Millis, digest
from answerdesk.model.answer import Decline
from answerdesk.model.callback import Attempt
from answerdesk.model.database import DatabaseUrl
from answerdesk.model.judge import Rules
from answerdesk.model.person import Link, Person, PersonId, Purpose, Role
from answerdesk.model.solver import SolverId
from answerdesk.store.checkup import check_up
from answerdesk.store.cluster import UNFINISHED, open_connection
from answerdesk.store.copying import TABLES, OtherDesk, copy_ahead, copy_desk, rows_after
from answerdesk.store.database import PERMUTATION_KEY_BYTES, connect, migrate
from answerdesk.store.postgres import PostgresStore
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock
from tests.postgres import server
from tests.store.driver import Desk, draft


@pytest.fixture
def url() -> Iterator[str]:
    made = server().empty_database()
    yield made
    server().drop(made)


@pytest.fixture
async def source(tmp_path: Path) -> Path:
    """A desk with something in every table."""
    path = tmp_path / "desk.db"
    desk = Desk(SqliteStore(str(path), Clock()), Clock())
    account, other = await desk.open_account("first"), await desk.open_account("sécond", weight=3)
    await desk.add_key(account, "secret")
    anna, ben = await desk.person("anna", languages=frozenset({"de"})), await desk.person("ben")
    await desk.set_price(2_000, account=other.id)
    await desk.set_rules(Rules(declines=3))
    for number in range(8):
        await desk.solved(account, anna, f"wörd {number}")
    called = replace(draft(), callback="https://example.org/heard")
    n = await desk.solved(account, anna, question=called)
    await desk.submit(account, replay=("order 1", b"digest"))
    for _ in range(5):
        await desk.submit(other, draft(b"\x89PNG one", b"\0\xff two"))
    tried = Attempt(n=n, account=account.id, at=Millis(2), status=500, detail="no", milliseconds=4)
    await desk.store.run(Tried(attempt=tried))
    [lease] = await desk.claim(ben)
    await desk.give_back(ben, lease, Decline.UNREADABLE)
    await desk.cancel(await desk.submit(other))
    await desk.store.run(Enrol(person=Person(id=PersonId(91), name="Zoë", role=Role.VIEWER)))
    await desk.store.run(MakeLink(link=Link(digest=digest("x"), person=PersonId(91), purpose=Purpose.INVITE)))
    desk.store.close()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO sessions VALUES (x'00ff', 91, 1, 2, 3, 'a browser')")
        database.execute("INSERT OR REPLACE INTO standings VALUES (77, 1, 2, 3, 4, 5, 6)")
        database.execute("INSERT INTO comparisons VALUES ('ImageToTextTask', 'meter', 77, 1, 990, 3, 2)")
    return path


def quiet(table: str, done: int, count: int) -> None:
    assert table
    assert done <= count


def rows_of(path: Path, table: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(f"SELECT * FROM {table}").fetchall()


def test_every_table_of_a_desk_is_walked(source: Path) -> None:
    with closing(sqlite3.connect(source)) as database:
        named = {row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}

    assert {table.name for table in TABLES} == named - {"facts"}
    assert [table.name for table in TABLES if not rows_of(source, table.name)] == []


async def test_the_desk_is_the_same_one_there(source: Path, url: str) -> None:
    copied = copy_desk(source, url, quiet)

    assert {each.table: each.rows for each in copied} == {t.name: len(rows_of(source, t.name)) for t in TABLES}
    assert all(each.written == each.rows and len(each.digest) == 64 for each in copied)
    with closing(open_connection(url)) as target:
        for table in TABLES:
            (there,) = target.execute(f"SELECT count(*) FROM {table.name}").fetchone() or (0,)
            assert there == len(rows_of(source, table.name))
        secret = target.execute("SELECT value FROM secrets WHERE name = 'permutation'").fetchone()
        sums = target.execute("SELECT sum(balance), sum(held), sum(open_tasks) FROM accounts").fetchone()
    with closing(sqlite3.connect(source)) as database:
        assert secret == database.execute("SELECT value FROM facts WHERE name = 'permutation'").fetchone()
        assert sums == database.execute("SELECT sum(balance), sum(held), sum(open_tasks) FROM accounts").fetchone()


async def test_the_desk_lives_on_there(source: Path, url: str) -> None:
    clock = Clock()
    before = SqliteStore(str(source), clock)
    tasks, standing = await before.tasks(Listing(most=50)), await before.standing(SolverId(3))
    secret, first = before.permutation_key, (await before.accounts())[0]
    before.close()
    copy_desk(source, url, quiet)

    store = PostgresStore(url, clock)
    desk = Desk(store, clock)
    assert store.permutation_key == secret
    assert await store.tasks(Listing(most=50)) == tasks
    assert (await store.accounts())[0] == first
    assert await store.standing(SolverId(3)) == standing
    assert (await store.sums()).drifting == ()
    waiting = await desk.claim(await desk.person("zoe"))
    await desk.answer(store.house().solvers[-1], waiting[0], "word")
    assert (await store.sums()).drifting == ()
    await store.aclose()


async def test_a_copy_that_broke_off_goes_on_where_it_was(source: Path, url: str) -> None:
    def broken(table: str, done: int, count: int) -> None:
        if table == "leases":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_desk(source, url, broken)
    with closing(open_connection(url)) as target:
        assert target.execute("SELECT value FROM facts WHERE name = %s", (UNFINISHED,)).fetchone() == (1,)
    with pytest.raises(Unavailable, match="a copy into this database was begun and not finished"):
        PostgresStore(url)
    assert "begun and not finished" in check_up(DatabaseUrl(url), Clock().now).wrong[-1]

    copied = {each.table: each for each in copy_desk(source, url, quiet)}

    assert (copied["tasks"].written, copied["leases"].written) == (0, 0)
    assert copied["entries"].written == copied["entries"].rows > 0
    with closing(open_connection(url)) as target:
        assert target.execute("SELECT value FROM facts WHERE name = %s", (UNFINISHED,)).fetchone() is None


async def test_what_the_source_did_between_two_tries_is_taken_along(source: Path, url: str) -> None:
    def broken(table: str, done: int, count: int) -> None:
        if table == "entries":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_desk(source, url, broken)
    with closing(sqlite3.connect(source)) as database, database:
        database.execute("DELETE FROM tasks WHERE n = (SELECT max(n) FROM tasks)")
        database.execute("DELETE FROM leases WHERE token = (SELECT min(token) FROM leases)")
        database.execute("UPDATE accounts SET spent = 5")

    copied = {each.table: each for each in copy_desk(source, url, quiet)}

    assert copied["tasks"].rows == len(rows_of(source, "tasks"))
    assert copied["leases"].rows == len(rows_of(source, "leases"))
    assert copied["accounts"].written == 2


async def test_a_desk_that_is_served_is_copied_ahead_and_its_rest_when_it_stands_still(source: Path, url: str) -> None:
    store = SqliteStore(str(source), Clock())
    desk = Desk(store, Clock())
    account = (await store.accounts())[0][0]

    def hear(table: str, done: int, count: int) -> None:
        if table == "contents":
            # What is copied already changes, and more comes, while the rest is on its way.
            with closing(sqlite3.connect(source)) as other, other:
                other.execute("UPDATE tasks SET report = 'correct' WHERE n = 1")

    ahead = copy_ahead(source, url, hear)
    await desk.submit(account)
    again = copy_ahead(source, url, quiet)
    with pytest.raises(Unavailable, match="a copy into this database was begun and not finished"):
        PostgresStore(url)
    await desk.submit(account)
    await store.aclose()
    copied = {each.table: each for each in copy_desk(source, url, quiet)}

    assert ahead.keys() == {table.name for table in TABLES if table.long}
    assert ahead["tasks"] > 0
    assert again["tasks"] > 0
    assert copied["tasks"].written > 0
    for table in TABLES:
        assert copied[table.name].rows == len(rows_of(source, table.name))
    with closing(open_connection(url)) as target:
        assert target.execute("SELECT report FROM tasks WHERE n = 1").fetchone() == ("correct",)


def take(source: Path, url: str) -> None:
    with pytest.raises(OtherDesk) as told:
        copy_desk(source, url, quiet)
    assert str(told.value).startswith("the database holds")


async def test_a_database_that_holds_a_desk_is_not_copied_over(source: Path, url: str, tmp_path: Path) -> None:
    copy_desk(source, url, quiet)
    other = tmp_path / "other.db"
    desk = Desk(SqliteStore(str(other), Clock()), Clock())
    await desk.open_account()
    desk.store.close()

    take(source, url)
    take(other, url)


async def test_a_file_that_is_no_desk_is_refused_and_left_alone(url: str, tmp_path: Path) -> None:
    for name, content in (("none.db", None), ("text.db", b"not a database, but long enough to be looked at" * 100)):
        path = tmp_path / name
        if content:
            path.write_bytes(content)
        with pytest.raises(ValueError, match=name):
            copy_desk(path, url, quiet)
        assert (path.read_bytes() if path.exists() else None) == content


async def test_a_database_that_is_away_is_told_and_nothing_of_the_source_is_locked_on(source: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        copy_desk(source, "postgresql://desk@127.0.0.1:1/desk", quiet)
    with closing(connect(str(source))) as database:
        database.execute("BEGIN IMMEDIATE")


async def test_numbers_go_on_where_they_stood(source: Path, url: str) -> None:
    with closing(sqlite3.connect(source)) as database, database:
        database.execute("UPDATE facts SET value = 70000000 WHERE name = 'next'")
        database.execute("UPDATE facts SET value = 123456 WHERE name = 'settled'")
        (last,) = database.execute("SELECT max(id) FROM entries").fetchone()
    copy_desk(source, url, quiet)

    with closing(open_connection(url)) as target:
        assert target.execute("SELECT take_block(10)").fetchone() == (70_000_000,)
        drawn = target.execute("SELECT nextval('units')").fetchone()
        assert drawn is not None
        assert drawn[0] << 12 > 123_456
        insert = (
            "INSERT INTO entries (at, move, amount, account, solver, n, note) VALUES (1, 'pay', 1, 1, 1, 1, '')"
            " RETURNING id"
        )
        assert target.execute(insert).fetchone() == (last + 1,)
        assert target.execute("SELECT count(*) FROM ranges WHERE past <= 70000000").fetchone() == (3,)


async def test_long_tables_are_walked_in_stretches(source: Path, url: str) -> None:
    with closing(sqlite3.connect(source)) as database, database:
        for number in range(12_345):
            database.execute("INSERT INTO wages VALUES (?, ?, 1, 0)", (5_000 + number % 7, number))
    heard: list[tuple[str, int, int]] = []

    copied = {each.table: each for each in copy_desk(source, url, lambda *said: heard.append(said))}

    (wages,) = (len(rows_of(source, "wages")),)
    assert [said for said in heard if said[0] == "wages"] == [("wages", at, wages) for at in (5_000, 10_000, wages)]
    assert copied["wages"].rows == wages


def test_a_stretch_costs_the_same_wherever_it_lies(tmp_path: Path) -> None:
    """A ledger has millions of lines, and most may be one account's."""
    entries = next(table for table in TABLES if table.name == "entries")
    with closing(connect(str(tmp_path / "desk.db"))) as desk:
        migrate(desk, lambda: bytes(PERMUTATION_KEY_BYTES))
        line = "INSERT INTO entries (at, move, amount, account, solver, n, note) VALUES (0, 'hold', 1, ?, 0, 1, '')"
        desk.execute("BEGIN")
        desk.executemany(line, [(account,) for account in (1, 2) for _ in range(20_000)])
        desk.execute("COMMIT")
        steps = 0

        def count() -> None:
            nonlocal steps
            steps += 1

        def cost(after: tuple[int, int]) -> int:
            nonlocal steps
            steps = 0
            desk.set_progress_handler(count, 100)
            rows = rows_after(desk, entries, entries.key, after)
            desk.set_progress_handler(None, 0)
            first = after[1] + 1
            assert [row[1] for row in rows] == [*range(first, first + entries.stretch)]
            return steps

        early, late, across = cost((1, 100)), cost((1, 14_000)), cost((1, 18_000))
    assert late <= 1.1 * early
    assert across <= 1.1 * early
