"""What is no place for a desk is refused in one sentence, and left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from answerdesk.desk.ports import Unavailable
from answerdesk.store.cluster import migrate, open_connection
from answerdesk.store.ground import server_flaw
from tests.postgres import server

TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"


@pytest.fixture
def empty() -> Iterator[str]:
    url = server().empty_database()
    yield url
    server().drop(url)


@pytest.fixture
def url() -> Iterator[str]:
    made = server().database()
    yield made
    server().drop(made)


def refused(url: str, *, make: bool = True) -> str:
    """Try to bring a database up to date; gives why not, in one line."""
    with closing(open_connection(url)) as connection, pytest.raises(Unavailable) as raised:
        migrate(connection, lambda: bytes(24), make=make)
    said = str(raised.value)
    assert "\n" not in said
    return said


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    """Run a statement there."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_a_database_with_something_else_in_it_is_left_alone(empty: str) -> None:
    rows(empty, "CREATE TABLE customers (id BIGINT)")

    assert refused(empty).startswith("it holds something else (customers); a desk wants an empty database")
    assert rows(empty, TABLES) == [("customers",)]


def test_a_foreign_table_of_migrations_is_told_from_a_desks(empty: str) -> None:
    rows(empty, "CREATE TABLE migrations (id BIGINT, applied TEXT)")

    assert refused(empty) == "its table migrations is not a desk's; a desk wants a database of its own"


def test_a_schema_of_its_own_beside_something_else_will_do(empty: str) -> None:
    rows(empty, "CREATE TABLE customers (id BIGINT); CREATE SCHEMA own")
    with closing(open_connection(f"{empty}&options=-csearch_path%3Down")) as connection:
        migrate(connection, lambda: bytes(24))
        assert connection.execute("SELECT to_regclass('own.tasks') IS NOT NULL").fetchone() == (True,)
        migrate(connection, lambda: bytes(24), make=False)


def test_a_search_path_that_leads_nowhere_is_told(empty: str) -> None:
    assert refused(f"{empty}&options=-csearch_path%3Dnosuch").startswith("no schema of its search_path is there")


def test_who_only_looks_makes_no_desk(empty: str, url: str) -> None:
    assert refused(empty, make=False) == "there is no desk in it; `answerdesk serve` makes one"
    assert rows(empty, TABLES) == []
    with closing(open_connection(url)) as connection:
        migrate(connection, lambda: bytes(24), make=False)


def test_a_user_without_rights_is_told_which_are_wanted(empty: str, url: str) -> None:
    name = f"guest_{empty.partition('?')[0].rpartition('_')[2]}"
    rows(empty, f"CREATE ROLE {name} LOGIN")
    try:
        asked = refused(empty.replace("//desk@", f"//{name}@"))
        inside = refused(url.replace("//desk@", f"//{name}@"))
    finally:
        rows(empty, f"DROP ROLE {name}")

    assert asked == f"{name} may not create tables in its schema public; let that user own the database"
    assert inside.endswith("; the user is to own the desk's tables: name the one that made them")


def test_an_encoding_that_cannot_hold_every_text_is_refused(empty: str) -> None:
    rows(empty, "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    latin = server().url("latin")
    try:
        assert refused(latin).startswith("its encoding is LATIN1; a desk wants a database with ENCODING 'UTF8'")
    finally:
        server().drop(latin)


def test_a_server_that_is_too_old_is_refused() -> None:
    assert server_flaw(14, "14.9", "UTF8") == "PostgreSQL 14.9 is too old; 15 or later is wanted"
    assert server_flaw(15, "15.0", "UTF8") is None
