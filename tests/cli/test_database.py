"""A desk in a database: how it is named, what is refused, and that its password is shown to nobody."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import psycopg
import pytest

from answerdesk import announcing
from answerdesk.beside import environ_of_worker
from answerdesk.cli import VERBS, describe
from answerdesk.store import folder
from tests.postgres import server

SECRET = "s3cret"
NOWHERE = f"postgresql://me:{SECRET}@127.0.0.1:1/desk"
SHOWN = "postgresql://me:***@127.0.0.1:1/desk"


@pytest.fixture
def told(program, tmp_path):
    """Run a command of which nobody may learn the password."""

    def told(*words: object, **environ: str):
        done = program(*words, "--data", tmp_path / "data", **environ)
        assert SECRET not in done.out + done.err
        return done

    return told


@pytest.mark.parametrize(
    "url", [f"mysql://me:{SECRET}@h/d", f"host=h password={SECRET}", f"postgresql://me:12/{SECRET}@h/d"]
)
def test_what_is_no_url_of_postgresql_is_refused_without_being_shown(told, tmp_path, url) -> None:
    by_flag = told("accounts", "list", "--database", url)
    by_variable = told("serve", "--port", "0", ANSWERDESK_DATABASE=url)
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "answerdesk.toml").write_text(f"database = {json.dumps(url)}\n")
    by_file = told("tasks", "list")

    accepted = "must be a URL like postgresql://user@host/name, whose password, if any, has its signs percent-encoded\n"
    assert (by_flag.code, by_variable.code, by_file.code) == (2, 2, 2)
    assert by_flag.err == f"answerdesk: --database {accepted}"
    assert by_variable.err == f"answerdesk: ANSWERDESK_DATABASE {accepted}"
    assert by_file.err == f"answerdesk: database in {tmp_path / 'data' / 'answerdesk.toml'} {accepted}"


@pytest.mark.parametrize("words", [("accounts", "list"), ("serve", "--port", "0", "--solver", "none")])
def test_a_database_that_cannot_be_reached_is_told_in_a_sentence(told, words) -> None:
    done = told(*words, "--database", NOWHERE)

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"answerdesk: {SHOWN}: the database cannot be reached: ")
    assert "unexpected" not in done.err


def test_an_option_that_nobody_knows_is_told_in_a_sentence(told) -> None:
    done = told("accounts", "list", "--database", f"postgresql://me:{SECRET}@h/d?pasword={SECRET}")

    assert done.code == 1
    assert done.err == "answerdesk: postgresql://me:***@h/d?pasword=*** has an option that PostgreSQL does not know\n"


def test_without_its_driver_a_database_is_refused_with_what_to_install(told, tmp_path) -> None:
    package = tmp_path / "packages" / "psycopg"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('no driver here')")

    done = told("accounts", "list", "--database", NOWHERE, PYTHONPATH=str(package.parent))
    doctor = told("doctor", "--database", NOWHERE, PYTHONPATH=str(package.parent))

    assert (done.code, done.out) == (1, "")
    assert "pip install 'answerdesk[postgres]' (no driver here)" in done.err
    assert "pip install 'answerdesk[postgres]' (no driver here)" in doctor.out


def test_without_its_driver_a_desk_in_a_folder_is_as_good_as_ever(told, tmp_path) -> None:
    package = tmp_path / "packages" / "psycopg"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('no driver here')")

    assert told("accounts", "add", "acme", PYTHONPATH=str(package.parent)).code == 0


def test_a_desk_in_a_database_is_backed_up_by_the_databases_own_tools(told, tmp_path) -> None:
    backup = told("backup", tmp_path / "copy.db", ANSWERDESK_DATABASE=NOWHERE)
    restore = told("restore", tmp_path / "copy.db", "--database", NOWHERE)

    assert (backup.code, restore.code) == (1, 1)
    assert SHOWN in backup.err
    assert "pg_dump" in backup.err
    assert "pg_basebackup" in backup.err
    assert "pg_restore" in restore.err
    assert not (tmp_path / "copy.db").exists()


def test_settings_and_the_doctor_show_a_database_without_its_password(told) -> None:
    listed = told("settings", "--json", ANSWERDESK_DATABASE=NOWHERE)
    in_lines = told("settings", ANSWERDESK_DATABASE=NOWHERE)
    doctor = told("doctor", "--json", "--database", NOWHERE)

    named = {row["name"]: (row["value"], row["from"]) for row in listed.json}
    assert named["database"] == (SHOWN, "ANSWERDESK_DATABASE")
    assert SHOWN in in_lines.out
    found = {row["check"]: (row["ok"], row["found"]) for row in json.loads(doctor.out)}
    assert doctor.code == 1
    assert found["database"][0] is False
    assert found["database"][1].startswith(f"{SHOWN}: the database cannot be reached")
    # The folder holds what is the machine's own, and needs no desk.
    assert found["folder"][0] is True


@pytest.fixture
def empty() -> Iterator[str]:
    made = server().empty_database()
    yield made
    server().drop(made)


def test_who_only_looks_makes_no_desk_in_an_empty_database(told, empty) -> None:
    for words in (("accounts", "list"), ("tasks", "list"), ("rules", "list")):
        looked = told(*words, "--database", empty)
        assert looked.code == 1
        assert looked.err == f"answerdesk: {empty}: there is no desk in it; `answerdesk serve` makes one\n"
    checked = {row["check"]: row["found"] for row in json.loads(told("doctor", "--json", "--database", empty).out)}
    assert "no desk in it" in checked["database"]
    assert "no desk in it" in checked["ledger"]
    with psycopg.connect(empty) as connection:
        assert connection.execute("SELECT to_regclass('tasks')").fetchone() == (None,)

    assert told("accounts", "add", "acme", "--database", empty).code == 0
    assert [each["name"] for each in told("accounts", "list", "--json", "--database", empty).json] == ["acme"]


def test_commands_beside_a_server_on_a_database_make_no_desk_of_their_own(told, empty, tmp_path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with announcing.told(data, "http://127.0.0.1:1", None, SHOWN):
        made = told("accounts", "add", "acme")
        named = told("accounts", "add", "acme", "--database", empty)
    said = f"answerdesk: the server of {data} has its desk in {SHOWN}; name that by --database or ANSWERDESK_DATABASE\n"

    assert (made.code, made.err) == (1, said)
    assert not (data / "answerdesk.db").exists()
    assert named.code == 0
    # Once it serves the folder's own desk, or nothing, they are as ever, though one that was killed left its word.
    (data / folder.ELSEWHERE).write_text(SHOWN)
    with announcing.told(data, "http://127.0.0.1:1", None):
        assert told("accounts", "add", "acme").code == 0
    assert [path.name for path in data.iterdir() if path.name == folder.ELSEWHERE] == []


def test_settings_are_listed_with_a_database_that_is_named(told) -> None:
    listed = told("settings", "--json", "--database", NOWHERE, ANSWERDESK_DATABASE="postgresql://127.0.0.1:1/other")

    named = {row["name"]: (row["value"], row["from"]) for row in listed.json}
    assert named["database"] == (SHOWN, "--database")


def test_a_url_without_both_slashes_is_none(told) -> None:
    ended = told("accounts", "list", "--database", "postgresql:/desk")
    assert ended.code == 2
    assert "must be a URL like postgresql://user@host/name" in ended.err


def test_a_flag_beats_the_environment_which_beats_the_file(told, tmp_path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "answerdesk.toml").write_text('database = "postgresql://127.0.0.1:1/of_the_file"\n')
    environ = {"ANSWERDESK_DATABASE": "postgresql://127.0.0.1:1/of_the_environment"}
    flag = ("--database", "postgresql://127.0.0.1:1/of_the_flag")

    assert "/of_the_file: " in told("keys", "list").err
    assert "/of_the_environment: " in told("keys", "list", **environ).err
    assert "/of_the_flag: " in told("keys", "list", *flag, **environ).err
    # An empty variable names none.
    assert "there is no desk in" in told("keys", "list", ANSWERDESK_DATABASE="").err


#: Verbs that neither open a desk nor say where it is.
ELSEWHERE = {"demo", "ask", "worker", "tls", "copy", "version"}


@pytest.mark.parametrize("command", describe(), ids=lambda command: command.command)
def test_every_command_that_opens_a_desk_takes_a_database(command) -> None:
    words = command.command.split()
    if len(words) < 2 or words[1] not in VERBS or "COMMAND" in words:
        return

    taken = any(option.written.startswith("--database") for option in command.options)
    assert taken is (words[1] not in ELSEWHERE)


def test_a_machine_worker_is_not_told_of_the_database() -> None:
    given = {"ANSWERDESK_DATABASE": NOWHERE, "PGPASSWORD": SECRET, "PATH": os.defpath}

    assert environ_of_worker(given, "token") == {"PATH": os.defpath, "ANSWERDESK_TOKEN": "token"}
