"""Many rows go to PostgreSQL as one statement: columns arrive as they left, and every statement has such a form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from answerdesk.store import statements
from answerdesk.store.cluster import open_connection
from answerdesk.store.columns import TYPES, Blob, Columns, Real, Text, Whole, adapt
from tests.postgres import server

WHOLE = st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none()
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.none()
COLUMNS = {Whole: WHOLE, Text: TEXT, Blob: st.binary() | st.none(), Real: st.floats(allow_nan=False) | st.none()}


@pytest.fixture(scope="module")
def connection() -> Iterator[psycopg.Connection[Any]]:
    url = server().database()
    with closing(open_connection(url)) as opened:
        adapt(opened)
        yield opened
    server().drop(url)


@pytest.fixture
def columns(connection) -> Columns:
    return Columns(connection.execute(TYPES).fetchall())


@pytest.mark.parametrize("kind", COLUMNS, ids=lambda kind: kind.__name__.lower())
def test_a_column_arrives_as_it_left(connection, kind):
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(COLUMNS[kind], max_size=20))
    def arrives(values: list[Any]) -> None:
        assert connection.execute("SELECT %s", (kind(values),)).fetchone() == (values,)

    arrives()


def test_a_row_in_the_place_of_one_with_its_key_is_written_with_all_others_at_once(connection, columns):
    statement = statements.upsert("rules", "type, rules", "type")

    for rows in ([("a", b"1"), ("b", b"2")], [("b", b"3"), ("c", b"4")]):
        connection.execute(*columns.at_once(statement, rows))

    found = connection.execute("SELECT type, rules FROM rules ORDER BY type").fetchall()
    assert found == [("a", b"1"), ("b", b"3"), ("c", b"4")]


def test_what_is_merged_never_goes_back(connection, columns):
    statement = statements.upsert("facts", "name, value", "name", value=statements.furthest("facts"))

    for value in (5, 9, 7):
        connection.execute(*columns.at_once(statement, [("turn", value)]))

    assert connection.execute("SELECT value FROM facts WHERE name = 'turn'").fetchall() == [(9,)]


def test_rows_are_changed_and_removed_by_their_keys(connection, columns):
    new = "INSERT INTO standings (solver, said, judged, agreed, steps, shown_judged, shown_agreed) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: E501
    connection.execute(*columns.at_once(new, [(solver, 0, 0, 0, 0, 0, 0) for solver in (1, 2, 3)]))
    connection.execute(*columns.at_once("UPDATE standings SET said = ?, judged = ? WHERE solver = ?", [(7, 8, 2)]))
    connection.execute(*columns.at_once("DELETE FROM standings WHERE solver = ?", [(1,), (3,), (4,)]))

    assert connection.execute("SELECT solver, said, judged FROM standings").fetchall() == [(2, 7, 8)]


def test_a_statement_of_another_form_is_refused(columns):
    with pytest.raises(ValueError, match="said of no table by its key: DELETE FROM leases"):
        columns.at_once("DELETE FROM leases", [()])
