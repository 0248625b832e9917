"""A backup holds a desk whole, a restored desk goes on where it stood, and the doctor finds what is wrong."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing

import pytest

from answerdesk.store.database import SKIP
from tests.serving import serving


@pytest.fixture
def kept(desk, tmp_path):
    """A desk with an account, and its backup."""
    assert desk("accounts", "add", "acme", "--balance", "3").code == 0
    copy = tmp_path / "copy.db"
    assert desk("backup", copy).code == 0
    return copy


def newer(copy) -> None:
    with closing(sqlite3.connect(copy)) as database:
        database.execute("PRAGMA user_version = 999")


def drift(data) -> None:
    with closing(sqlite3.connect(data / "answerdesk.db")) as database:
        database.execute("UPDATE accounts SET balance = balance + 1")
        database.commit()


def scrawl(data) -> None:
    with closing(sqlite3.connect(data / "answerdesk.db")) as database:
        database.execute("INSERT INTO rules (type, rules) VALUES ('GridTask', ?)", (b'{"machine_threshold":null}',))
        database.commit()


def names(desk):
    return [each["name"] for each in desk("accounts", "list", "--json").json]


def test_a_running_desk_is_copied_whole(program, tmp_path) -> None:
    with serving(tmp_path) as running:
        copy = tmp_path / "copy.db"
        done = program("backup", copy, "--data", running.data, "--json")
        running.customer()

    assert done.json == {"file": str(copy), "bytes": copy.stat().st_size}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert program("restore", copy, "--data", tmp_path / "new", "--json").json["kept_aside"] is None
    assert [each["name"] for each in program("accounts", "list", "--data", tmp_path / "new", "--json").json] == [
        "first"
    ]


def test_a_backup_replaces_no_file_unless_forced(desk, kept) -> None:
    before = kept.read_bytes()
    assert desk("accounts", "add", "later").code == 0

    refused = desk("backup", kept)

    assert (refused.code, refused.out) == (1, "")
    assert kept.read_bytes() == before
    assert desk("backup", kept, "--force").code == 0
    assert kept.read_bytes() != before
    assert list(kept.parent.glob("copy.db.*")) == []


def test_a_restored_desk_keeps_the_one_that_gave_way_and_issues_no_id_twice(desk, kept, tmp_path) -> None:
    later = desk("accounts", "add", "later", "--json").json

    refused = desk("restore", kept)
    assert (refused.code, names(desk)) == (1, ["acme", "later"])
    restored = desk("restore", kept, "--force", "--json").json

    assert names(desk) == ["acme"]
    assert desk("accounts", "show", "acme", "--json").json["balance"] == 3
    assert desk("accounts", "add", "fresh", "--json").json["id"] >= later["id"] + SKIP - 1
    with closing(sqlite3.connect(restored["kept_aside"])) as old:
        assert [row[0] for row in old.execute("SELECT name FROM accounts ORDER BY id")] == ["acme", "later"]
    assert stat.S_IMODE((tmp_path / "data" / "answerdesk.db").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda copy: copy.write_bytes(b"no database at all, just text" * 100), "cannot be restored"),
        (lambda copy: copy.write_bytes(copy.read_bytes()[:-8192]), "cannot be restored"),
        (lambda copy: copy.unlink(), "there is no file"),
        (newer, "newer answerdesk"),
    ],
    ids=["text", "cut short", "missing", "newer"],
)
def test_a_bad_backup_leaves_the_desk_as_it_was(desk, kept, tmp_path, spoil, says) -> None:
    spoil(kept)
    before = sorted(path.name for path in (tmp_path / "data").iterdir())

    done = desk("restore", kept, "--force")

    assert (done.code, done.out) == (1, "")
    assert says in done.err
    assert names(desk) == ["acme"]
    after = sorted(path.name for path in (tmp_path / "data").iterdir())
    assert set(after) - set(before) <= {"lock"}


def test_a_served_desk_is_not_replaced(desk, program, tmp_path) -> None:
    with serving(tmp_path) as running:
        copy = tmp_path / "copy.db"
        assert program("backup", copy, "--data", running.data).code == 0
        done = program("restore", copy, "--force", "--data", running.data)

    assert (done.code, done.out) == (1, "")
    assert "another answerdesk serves the data folder" in done.err


def found(done):
    return {each["check"]: each for each in json.loads(done.out)}


def test_the_doctor_finds_a_desk_missing(desk) -> None:
    done = desk("doctor", "--json")

    assert done.code == 1
    assert "there is no desk" in found(done)["folder"]["found"]


@pytest.mark.parametrize(
    ("spoil", "check", "says"),
    [
        (lambda data: (data / "first.key").write_text("x"), "folder", "others may read"),
        (lambda data: (data / "address").write_text("http://127.0.0.1:9\n"), "server", "does not answer"),
        (lambda data: (data / "answerdesk.toml").write_text("nonsense = 1\n"), "settings", "unknown setting"),
        (lambda data: (data / "answerdesk.toml").write_text('solver = "nobody"\n'), "solver", "cannot run"),
        (lambda data: (data / "answerdesk.db").write_bytes(b"x" * 5000), "database", "damaged or no database"),
        (drift, "ledger", "balances differ from the ledger: acme"),
        (scrawl, "rules", "of GridTask cannot be read: no machine answers such tasks alone; `answerdesk rules set"),
    ],
    ids=["open key", "dead server", "bad setting", "no solver", "no database", "drift", "unreadable rules"],
)
def test_the_doctor_finds_what_is_wrong(desk, kept, tmp_path, spoil, check, says) -> None:
    assert found(desk("doctor", "--json"))[check]["ok"] is True
    spoil(tmp_path / "data")

    done = desk("doctor", "--json")

    assert done.code == 1
    assert found(done)[check]["ok"] is False
    assert says in found(done)[check]["found"]
    assert desk("doctor").code == 1


def test_rules_that_cannot_be_read_are_listed_as_such_and_set_anew_from_the_defaults(desk, kept, tmp_path) -> None:
    def listed():
        rows = json.loads(desk("rules", "list", "--json").out)
        return next((row["from"], row["threshold"], row["agree"]) for row in rows if row["type"] == "GridTask")

    scrawl(tmp_path / "data")
    assert listed() == ("unreadable", "off", 1)

    assert desk("rules", "set", "GridTask", "--agree", "2").code == 0

    assert listed() == ("desk", 0.97, 2)
    assert found(desk("doctor", "--json"))["rules"]["ok"] is True
