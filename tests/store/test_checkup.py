"""What is wrong with a desk's PostgreSQL server is said, each thing with what to do."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from msgspec.structs import replace

from answerdesk.model.account import Millis
from answerdesk.model.database import DatabaseUrl
from answerdesk.store.checkup import LEAST_ROOM, Checkup, check_up
from answerdesk.store.folder import Wall
from tests.postgres import server


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


def look(url: str) -> Checkup:
    return check_up(DatabaseUrl(url), Wall().now)


def do(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def told(url: str, words: str) -> str:
    """Give the one thing that is wrong and says so."""
    (found,) = (wrong for wrong in look(url).wrong if words in wrong)
    return found


@pytest.fixture
def sound(url: str) -> Checkup:
    """What is found on a server that is set as it should be."""
    return replace(look(url), fsync=True, full_pages=True, synchronous="on")


def test_settings_that_lose_what_was_acknowledged_are_named(url: str) -> None:
    # The server of the tests has them all.
    assert [wrong.partition(" is off")[0] for wrong in look(url).wrong] == [
        "fsync",
        "full_page_writes",
        "synchronous_commit",
    ]


def test_a_sound_server_is_found_sound(sound: Checkup) -> None:
    assert sound.wrong == ()
    assert sound.promise == "commits are on disk (synchronous_commit on) on this server alone, standbys attached: none"


def test_commits_that_wait_for_a_standby_that_is_not_there_are_told(sound: Checkup) -> None:
    named = replace(sound, standbys="FIRST 1 (b)")

    (alone,) = named.wrong
    assert alone.startswith("every commit waits for standbys FIRST 1 (b), and none of them is attached")
    assert replace(named, attached=(("c", "async"),)).wrong == (alone,)
    assert replace(named, attached=(("b", "sync"), ("c", "async"))).wrong == ()
    assert replace(named, attached=(("b", "sync"),)).promise.endswith("attached: b (sync)")
    # A user who may not see how it is attached is not told that it is not.
    assert replace(named, attached=(("b", None),)).wrong == ()


def test_standbys_that_no_commit_waits_for_are_told(sound: Checkup) -> None:
    (wrong,) = replace(sound, standbys="b", synchronous="local").wrong
    assert wrong == "synchronous_commit is local: no commit waits for standbys b; set it to on"
    assert replace(sound, synchronous="local").wrong == ()


@pytest.mark.parametrize("limited", ["DATABASE", "ROLE"])
def test_the_least_of_all_limits_of_connections_counts(url: str, limited: str) -> None:
    database = url.partition("?")[0].rpartition("/")[2]
    name = database if limited == "DATABASE" else f"few_{database}"
    # Who may do everything is counted by no limit of a role, but is looked at by the same words.
    do(url, f"CREATE ROLE few_{database} LOGIN IN ROLE desk")
    do(url, f"ALTER {limited} {name} CONNECTION LIMIT 5")
    try:
        said = told(url.replace("//desk@", f"//few_{database}@"), "connections are left")
    finally:
        do(url, f"DROP ROLE few_{database}")

    assert said.startswith(f"4 connections are left, a node takes {LEAST_ROOM}; raise max_connections, or the limit of")


def test_a_clock_that_differs_is_told_by_how_much(url: str) -> None:
    found = check_up(DatabaseUrl(url), lambda: Millis(Wall().now() - 3_600_000))
    assert any(wrong.startswith("its clock is 3600.") for wrong in found.wrong)


def test_what_is_no_place_for_a_desk_is_what_is_wrong(empty: str) -> None:
    assert told(empty, "no desk in it")
    do(empty, "CREATE TABLE migrations (id BIGINT)")
    assert told(empty, "its table migrations is not a desk's")
    assert not any("no desk in it" in wrong for wrong in look(empty).wrong)
