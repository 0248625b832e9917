"""Migrations: what a file says of itself, and how each kind is made, on SQLite and on a PostgreSQL others work on."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib import resources
from pathlib import Path

import psycopg
import pytest

from answerdesk.desk.ports import Unavailable
from answerdesk.store.cluster import open_connection
from answerdesk.store.database import connect
from answerdesk.store.database import migrate as migrate_file
from answerdesk.store.schema import Migration, Migrations, migrations, read_migrations
from answerdesk.store.upgrade import Pace, state, upgrade
from tests.postgres import server

QUICK = Pace(lock=50, pause=2)
Grown = Callable[..., Migrations]


def grow(folder: Path, database: str, *files: str) -> Migrations:
    """The migrations there are and made-up ones after them."""
    for entry in (resources.files("answerdesk.store") / "migrations" / database).iterdir():
        (folder / entry.name).write_text(entry.read_text("utf-8"))
    known = len(list(folder.iterdir()))
    for number, sql in enumerate(files, known + 1):
        (folder / f"{number:04}_made_up.sql").write_text(sql)
    return read_migrations(folder)


@pytest.fixture
def url() -> Iterator[str]:
    made = server().database()
    yield made
    server().drop(made)


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with closing(open_connection(url)) as opened:
        yield opened


def valid(connection: psycopg.Connection[tuple[object, ...]], index: str) -> object:
    found = connection.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", (index,))
    return (found.fetchone() or (None,))[0]


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ("CREATE TABLE a (b);", "its first line is 'CREATE TABLE a (b);'; `-- expand`"),
        ("-- widen", "its first line is '-- widen'"),
        ("-- contract", "its first line is '-- contract'"),
        ("-- contract 0", "its first line is '-- contract 0'"),
        ("-- contract 3", "N being the least schema, 2 at most"),
        ("-- backfill\nUPDATE a SET b = 1;\nUPDATE a SET c = 1;", "a backfill is one UPDATE, INSERT or DELETE"),
        ("-- backfill\nSELECT fill();", "a backfill is one UPDATE, INSERT or DELETE"),
    ],
)
def test_a_migration_that_does_not_say_what_it_is_is_refused(tmp_path: Path, first: str, why: str) -> None:
    (tmp_path / "0001_a.sql").write_text("-- expand\n")
    (tmp_path / "0002_b.sql").write_text(first)

    with pytest.raises(ValueError, match=re.escape(why)) as refused:
        read_migrations(tmp_path)

    assert "migration 0002_b.sql: " in str(refused.value)


@pytest.mark.parametrize("name", ["0003_b.sql", "0001_b.sql", "2_b.sql", "0002-b.sql"])
def test_a_number_left_out_or_given_twice_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "0001_a.sql").write_text("-- expand\n")
    (tmp_path / name).write_text("-- expand\n")

    with pytest.raises(ValueError, match=r"0002_name.sql is the next one"):
        read_migrations(tmp_path)


def test_a_file_is_brought_up_to_date_by_steps_of_every_kind(tmp_path: Path) -> None:
    known = grow(
        tmp_path,
        "sqlite",
        "-- expand\nCREATE TABLE notes (n INTEGER, word TEXT);\nINSERT INTO notes (n) VALUES (1), (2), (3);",
        "-- online\nCREATE INDEX notes_n ON notes (n);",
        "-- backfill\nUPDATE notes SET word = 'w' WHERE n IN (SELECT n FROM notes WHERE word IS NULL LIMIT 2);",
        "-- contract 2\nCREATE UNIQUE INDEX notes_word ON notes (n, word);",
    )
    with closing(connect("")) as file:
        migrate_file(file, lambda: bytes(24), known)

        assert file.execute("SELECT n, word FROM notes").fetchall() == [(1, "w"), (2, "w"), (3, "w")]
        assert file.execute("PRAGMA user_version").fetchone() == (5,)


def test_a_step_that_fails_leaves_a_file_at_the_step_before(tmp_path: Path) -> None:
    known = grow(tmp_path, "sqlite", "-- expand\nCREATE TABLE notes (n);\nCREATE TABLE facts (n);")
    with closing(connect("")) as file:
        with pytest.raises(sqlite3.OperationalError, match="already exists"):
            migrate_file(file, lambda: bytes(24), known)

        assert file.execute("PRAGMA user_version").fetchone() == (1,)
        assert file.execute("SELECT 1 FROM sqlite_master WHERE name = 'notes'").fetchone() is None


def test_a_lock_that_is_not_to_be_had_is_tried_for_again_while_others_write(url: str, tmp_path: Path) -> None:
    known = grow(tmp_path, "postgres", "-- expand\nALTER TABLE solvers ADD COLUMN nick TEXT;")
    tried: list[str] = []
    wrote = 0
    done = threading.Event()
    with closing(open_connection(url)) as reader, closing(open_connection(url)) as other:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM solvers")
        # Behind a migration that waited for as long as the reader reads, this would fail.
        other.execute("SET lock_timeout = '2s'")

        def write() -> int:
            count = 0
            try:
                while not done.is_set():
                    other.execute("UPDATE solvers SET seen = seen + 1")
                    count += 1
            finally:
                reader.execute("COMMIT")
            return count

        def hear(step: Migration, error: psycopg.Error) -> None:
            tried.append(f"{step.name} {error.sqlstate}")
            if len(tried) == 3:
                done.set()

        with ThreadPoolExecutor(1) as beside, closing(open_connection(url)) as connection:
            writing = beside.submit(write)
            upgrade(connection, known, QUICK, hear)
            wrote = writing.result()
            found = connection.execute("SELECT nick FROM solvers").fetchall()

    assert tried[:3] == ["0002_made_up.sql 55P03"] * 3
    assert wrote > 0
    assert found == []


def test_a_lock_that_is_never_to_be_had_is_given_up_and_named(url: str, tmp_path: Path) -> None:
    known = grow(tmp_path, "postgres", "-- expand\nALTER TABLE solvers ADD COLUMN nick TEXT;")
    with closing(open_connection(url)) as reader, closing(open_connection(url)) as connection:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM solvers")
        with pytest.raises(Unavailable, match=r"up to date: canceling statement due to lock timeout.*0002_made_up.sql"):
            upgrade(connection, known, Pace(lock=10, pause=1, tries=2))

        assert state(connection).schema == 1


def test_an_index_is_built_beside_those_who_write_on_each_partition_and_on_those_to_come(
    connection: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    index = 'CREATE INDEX CONCURRENTLY tasks_origin ON tasks ("group", n) WHERE state = 0'
    known = grow(tmp_path, "postgres", f"-- online\n{index};")
    upgrade(connection, known, QUICK)
    connection.execute("SELECT make_partitions((SELECT max(past) FROM ranges))")
    parts = connection.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'tasks_origin'::regclass").fetchone()

    assert valid(connection, "tasks_origin") is True
    assert parts == connection.execute("SELECT count(*) FROM ranges").fetchone()
    # What is waited for elsewhere is waited for here as before.
    assert connection.execute("SHOW lock_timeout").fetchone() == ("5s",)


def test_an_index_that_broke_off_is_dropped_and_built_again(
    connection: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    known = grow(
        tmp_path,
        "postgres",
        "-- expand\nCREATE TABLE notes (n BIGINT);\nINSERT INTO notes VALUES (1), (1);",
        "-- online\nCREATE UNIQUE INDEX CONCURRENTLY notes_n ON notes (n);",
    )
    with pytest.raises(Unavailable, match="could not create unique index"):
        upgrade(connection, known, QUICK)
    broken = valid(connection, "notes_n")
    connection.execute("DELETE FROM notes")
    upgrade(connection, known, QUICK)

    assert (broken, valid(connection, "notes_n")) == (False, True)
    assert state(connection).schema == 3


def test_a_constraint_is_looked_over_beside_those_who_write(
    connection: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    known = grow(
        tmp_path,
        "postgres",
        "-- expand\nALTER TABLE solvers ADD CONSTRAINT seen_once CHECK (seen >= 0) NOT VALID;",
        "-- online\nALTER TABLE solvers VALIDATE CONSTRAINT seen_once;",
    )
    upgrade(connection, known, QUICK)

    assert connection.execute("SELECT convalidated FROM pg_constraint WHERE conname = 'seen_once'").fetchone() == (
        True,
    )


def test_what_would_stop_others_is_no_online_step_and_nothing_is_begun(
    connection: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    known = grow(
        tmp_path, "postgres", "-- expand\nCREATE TABLE notes (n BIGINT);", "-- online\nCREATE INDEX a ON notes (n);"
    )
    with pytest.raises(Unavailable, match=r"0003_made_up.sql: an online step is CREATE INDEX CONCURRENTLY"):
        upgrade(connection, known, QUICK)

    assert state(connection).schema == 1


def test_a_back_fill_commits_batch_by_batch_and_goes_on_where_it_broke_off(
    connection: psycopg.Connection[tuple[object, ...]], tmp_path: Path
) -> None:
    known = grow(
        tmp_path,
        "postgres",
        "-- expand\nCREATE TABLE notes (n BIGINT, half BIGINT CHECK (half < 5));\n"
        "INSERT INTO notes SELECT generate_series(1, 12);",
        "-- backfill\nUPDATE notes SET half = n / 2\n"
        "WHERE n IN (SELECT n FROM notes WHERE half IS NULL ORDER BY n LIMIT 4);",
    )
    with pytest.raises(Unavailable, match="violates check constraint"):
        upgrade(connection, known, QUICK)
    kept = connection.execute("SELECT count(half) FROM notes").fetchone()
    connection.execute("ALTER TABLE notes DROP CONSTRAINT notes_half_check")
    upgrade(connection, known, QUICK)

    assert kept == (8,)
    assert connection.execute("SELECT count(half), count(*) FROM notes").fetchone() == (12, 12)
    assert state(connection).schema == 3


def test_nodes_that_start_at_once_make_each_step_once(url: str, tmp_path: Path) -> None:
    known = grow(
        tmp_path,
        "postgres",
        "-- expand\nCREATE TABLE notes (n BIGINT);",
        "-- online\nCREATE INDEX CONCURRENTLY notes_n ON notes (n);",
        "-- backfill\nINSERT INTO notes SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM notes);",
        "-- contract 4\nALTER TABLE notes ADD COLUMN word TEXT;",
    )

    def start(_: int) -> int:
        with closing(open_connection(url)) as connection:
            assert upgrade(connection, known, QUICK) == []
            return state(connection).schema

    with ThreadPoolExecutor(3) as nodes:
        assert list(nodes.map(start, range(3))) == [5, 5, 5]


def test_the_migrations_there_are_say_what_they_are() -> None:
    assert [step.number for step in migrations("postgres")] == list(range(1, len(migrations("postgres")) + 1))
    assert [step.oldest for step in migrations("sqlite") if step.phase != "contract"] == [0] * len(migrations("sqlite"))
