"""`copy` moves a desk to PostgreSQL, says so row by row, and lets nobody serve the old one by mistake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from answerdesk.store.cluster import open_connection
from tests.postgres import server as postgres
from tests.serving import serving


@pytest.fixture
def url() -> Iterator[str]:
    made = postgres().empty_database()
    yield made
    postgres().drop(made)


def test_a_desk_is_moved_whole_and_its_file_is_not_served_again(desk, tmp_path, url) -> None:
    assert desk("accounts", "add", "acme", "--balance", "3").code == 0

    moved = desk("copy", "--to", url, "--json").json

    assert {each["table"]: (each["rows"], each["written"]) for each in moved}["accounts"] == (1, 1)
    with closing(open_connection(url)) as target:
        assert target.execute("SELECT name, balance FROM accounts").fetchall() == [("acme", 3_000_000)]
    refused = desk("accounts", "list")
    assert refused.code == 1
    assert f"was moved to {url}: name that with --database, or remove" in refused.err
    (tmp_path / "data" / "moved").unlink()
    assert desk("accounts", "list", "--json").json[0]["name"] == "acme"


def test_the_source_can_be_named_by_its_folder_or_its_file(desk, tmp_path, url) -> None:
    assert desk("accounts", "add", "acme").code == 0
    shown = desk("copy", "--from", f"sqlite:{tmp_path}/data/answerdesk.db", "--to", url)

    assert shown.code == 0, shown.err
    assert "accounts " in shown.out
    assert shown.out.endswith("is left as it was.\n")
    assert "holds this desk already" in desk("copy", "--from", f"sqlite:{tmp_path}/data", "--to", url).err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--to", "mysql://somewhere/desk"), "--to: not a postgresql:// URL, such as"),
        (("--to", "postgresql://a/b", "--from", "/a/folder"), "--from takes the data folder of a desk on SQLite"),
        (("--to", "postgresql://a/b", "--from", "sqlite:"), "--from takes the data folder of a desk on SQLite"),
        (("--to", "postgresql://a/b"), "there is no desk in"),
        ((), "Missing option '--to'"),
    ],
)
def test_what_cannot_be_copied_is_said(desk, words, told) -> None:
    ended = desk("copy", *words)

    assert ended.code in {1, 2}
    assert told in ended.err


def test_a_desk_that_is_served_is_copied_ahead_and_no_further(program, tmp_path, url) -> None:
    with serving(tmp_path) as running:
        customer = running.customer()
        running.worker()
        first = customer.ask()
        refused = program("copy", "--to", url, "--data", running.data)
        ahead = program("copy", "--ahead", "--to", url, "--data", running.data)
        second = customer.ask()
    whole = program("copy", "--to", url, "--data", running.data, "--json")

    assert refused.code == 1
    assert "another answerdesk serves the data folder" in refused.err
    assert refused.err.endswith("; stop it and copy then, or copy --ahead while it is up\n")
    assert ahead.code == 0
    assert ahead.out.endswith("Stop the server, and copy without --ahead: what has changed since then follows.\n")
    tables = {each["table"]: (each["rows"], each["written"]) for each in whole.json}
    assert tables["contents"] == (2, 2)
    assert tables["tasks"][0] == 2
    assert first != second


def test_a_database_that_takes_no_copy_is_named_without_its_password(desk, url) -> None:
    assert desk("accounts", "add", "acme").code == 0
    with closing(open_connection(url)) as target:
        target.execute("CREATE TABLE customers (id BIGINT)")

    away = desk("copy", "--to", "postgresql://me:s3cret@127.0.0.1:1/desk")
    option = desk("copy", "--to", "postgresql://me:s3cret@127.0.0.1:1/desk?s3cret=1&port=s3cret")
    taken = desk("copy", "--to", url)

    assert (away.code, option.code, taken.code) == (1, 2, 1)
    assert away.err.startswith("answerdesk: postgresql://me:***@127.0.0.1:1/desk: the database cannot be reached")
    assert "has an option that PostgreSQL does not know" in option.err
    assert taken.err == (
        f"answerdesk: {url}: it holds something else (customers); a desk wants an empty database, or a schema there\n"
    )
    assert "s3cret" not in away.err
    assert [each.err.count("\n") for each in (away, option, taken)] == [1, 1, 1]


def test_a_digest_is_whole_for_programs_and_leaves_a_row_on_its_line_for_people(desk, tmp_path, url) -> None:
    assert desk("accounts", "add", "acme").code == 0
    shown = desk("copy", "--to", url).out.splitlines()
    assert len(shown[1].split()[-1]) == 16

    other = postgres().empty_database()
    try:
        (tmp_path / "data" / "moved").unlink()
        assert {len(each["sha256"]) for each in desk("copy", "--to", other, "--json").json} == {64}
    finally:
        postgres().drop(other)
