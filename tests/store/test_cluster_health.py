"""What is found of a PostgreSQL database: what it promises at a commit, how far its schema is, what its clock says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from answerdesk.desk.ports import Unavailable
from answerdesk.store.cluster import open_connection
from answerdesk.store.cluster_health import NEWEST, OLDEST, examine_cluster
from answerdesk.store.copying import UNFINISHED
from answerdesk.store.schema import migrations
from tests.postgres import LOOSE, server


@pytest.fixture
def empty() -> Iterator[str]:
    made = server().empty_database()
    yield made
    server().drop(made)


def test_an_empty_database_is_told_as_it_is(empty: str) -> None:
    found = examine_cluster(empty)

    assert (found.schema, found.known, found.unfinished) == (0, len(migrations("postgres")), False)
    assert OLDEST <= found.major <= NEWEST
    assert found.version.startswith(str(found.major))
    assert found.fsync == LOOSE["fsync"]
    assert (found.full_page_writes, found.synchronous_commit) == ("off", "off")
    assert (found.standbys, found.standby) == ({}, False)
    assert found.connections == 97
    assert found.used >= 1
    assert abs(found.ahead_ms) <= found.round_trip_ms + 1


def test_a_copy_that_was_left_half_done_is_noticed() -> None:
    url = server().database()
    with closing(open_connection(url)) as connection:
        connection.execute("INSERT INTO facts (name, value) VALUES (%s, 1)", (UNFINISHED,))

    found = examine_cluster(url)

    assert (found.schema, found.unfinished) == (len(migrations("postgres")), True)
    server().drop(url)


def test_a_database_that_cannot_be_asked_is_told() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        examine_cluster("postgresql://desk@127.0.0.1:1/desk")
    with pytest.raises(ValueError, match="not a database URL"):
        examine_cluster("postgresql://desk?nonsense=1&x")
