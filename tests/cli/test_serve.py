"""`serve` tells where it is and what to try, refuses to start in one sentence, and leaves the folder as it should."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest

from tests.cli.conftest import ENVIRON
from tests.serving import Http, serving, wait_until

#: How the last line of what a ready server prints begins, or the only one.
LAST = re.compile(r"(?m)^(Try|\{).*\n")


@pytest.fixture
def start(tmp_path):
    """Start the real program and give it with what it prints once it is ready."""
    started = []
    printed = tmp_path / "printed"

    def start(*words, **environ):
        command = [sys.executable, "-m", "answerdesk.cli", "serve", "--data", str(tmp_path / "data"), *map(str, words)]
        with printed.open("w") as out, (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(command, stdout=out, stderr=log, env={**ENVIRON, **environ})
        started.append(process)
        wait_until(lambda: process.poll() is not None or LAST.search(printed.read_text()), "the server is ready")
        return process, printed.read_text()

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_ready_server_tells_its_addresses_key_folder_and_a_command(start, tmp_path) -> None:
    _, printed = start("--port", "0", "--solver", "none")
    url = (tmp_path / "data" / "address").read_text().strip()

    assert Http(int(url.rpartition(":")[2])).get("/readyz").status == 200
    lines = printed.replace("Work API", "Work-API").splitlines()
    told = dict(line.split(maxsplit=1) for line in lines if "/enter/" not in line)
    key = (tmp_path / "data" / "first.key").read_text().strip()
    assert told["API"].split()[0] == url
    assert told["Work-API"].split()[0] == f"{url}/api/work/"
    assert told["Key"] == f'{key}  (account "first", $10.00)'
    assert told["Data"] == f"{tmp_path / 'data'}  (new)"
    assert told["Pages"].startswith(f"{url}/work  and {url}/team; this link signs the owner in once")
    assert len([line for line in lines if re.fullmatch(rf"{url}/enter/[0-9a-f]{{48}}", line)]) == 1
    assert told["Try"] == f"answerdesk ask PICTURE --data {tmp_path / 'data'}"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_server_ends_well_and_takes_its_address_away(start, tmp_path, how) -> None:
    process, printed = start("--port", "0", "--solver", "none", "--json")
    ready = json.loads(printed)
    shown = tmp_path / "data" / "address"

    assert shown.read_text().strip() == ready["url"]
    assert stat.S_IMODE(shown.stat().st_mode) == 0o600
    assert (ready["account"], ready["balance"], ready["new"]) == ("first", 10, True)
    process.send_signal(how)
    assert process.wait(30) == 0
    assert not shown.exists()
    assert ready["key"] not in (tmp_path / "log").read_text()
    assert (tmp_path / "printed").read_text() == printed


def test_a_second_server_on_the_folder_or_the_port_is_refused(program, tmp_path) -> None:
    with serving(tmp_path) as running:
        port = running.http.port
        same_folder = program("serve", "--data", running.data, "--port", "0", "--solver", "none")
        same_port = program("serve", "--data", tmp_path / "other", "--port", port, "--solver", "none")

    assert (same_folder.code, same_folder.out) == (1, "")
    assert same_folder.err == f"answerdesk: another answerdesk serves the data folder {running.data}\n"
    assert (same_port.code, same_port.out) == (1, "")
    assert same_port.err.startswith(f"answerdesk: 127.0.0.1 port {port} is taken; choose another with --port")


def test_a_desk_of_a_newer_version_is_refused_by_every_verb(program, desk, tmp_path) -> None:
    assert desk("accounts", "add", "acme").code == 0
    with closing(sqlite3.connect(tmp_path / "data" / "answerdesk.db")) as database:
        database.execute("PRAGMA user_version = 999")

    served = program("serve", "--data", tmp_path / "data", "--port", "0", "--solver", "none")
    listed = desk("accounts", "list")

    assert (served.code, listed.code) == (1, 1)
    assert "newer answerdesk" in served.err
    assert served.err.count("\n") == 1
    assert "newer answerdesk" in listed.err


def test_a_file_that_is_no_desk_is_refused_by_every_verb(program, desk, tmp_path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "answerdesk.db").write_bytes(b"not a database, but long enough to look" * 100)

    served = program("serve", "--data", tmp_path / "data", "--port", "0", "--solver", "none")
    listed = desk("accounts", "list")

    assert (served.code, listed.code) == (1, 1)
    assert "cannot be opened as a desk's database" in served.err
    assert served.err.count("\n") == 1
    assert "cannot be opened as a desk's database" in listed.err


def test_a_machine_that_cannot_run_is_told_and_the_desk_served_without(start, tmp_path) -> None:
    package = tmp_path / "packages" / "lost-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: lost\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[answerdesk.solvers]\nlost = lost_module:Lost\n")
    _, printed = start("--port", "0", "--solver", "lost", "--json", PYTHONPATH=str(package.parent))
    ready = json.loads(printed)

    assert ready["machine"] is None
    assert "lost_module" in ready["trouble"]


def test_a_solver_that_nobody_installed_is_refused_before_anything_is_made(program, tmp_path) -> None:
    served = program("serve", "--data", tmp_path / "data", "--port", "0", "--solver", "nobody")

    assert (served.code, served.out) == (2, "")
    assert served.err == (
        'answerdesk: there is no solver named "nobody"; installed solvers: ocr, or none for no machine\n'
    )
    assert not (tmp_path / "data").exists()


def test_settings_tell_where_each_comes_from(program, tmp_path) -> None:
    (tmp_path / "answerdesk.toml").write_text('hold = 1.5\nport = 9\nbehind_proxy = ["10.0.0.1"]\n')

    done = program("settings", "--data", tmp_path, "--json", ANSWERDESK_PORT="8081")

    told = {row["name"]: (row["value"], row["from"]) for row in done.json}
    assert told["data"] == (str(tmp_path), "--data")
    assert told["port"] == (8081, "ANSWERDESK_PORT")
    assert told["hold"] == (1.5, f"hold in {tmp_path / 'answerdesk.toml'}")
    assert told["behind_proxy"][0] == ["10.0.0.1/32"]
    assert told["host"] == ("127.0.0.1", "default")


def test_a_bad_setting_is_told_with_where_it_comes_from(program, tmp_path) -> None:
    done = program("serve", "--data", tmp_path, ANSWERDESK_HOLD="soon")

    assert (done.code, done.out) == (2, "")
    assert done.err == "answerdesk: ANSWERDESK_HOLD must be a number of seconds 0..15 (got 'soon')\n"


def test_without_a_server_ask_says_so_at_once(desk, tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    nothing = desk("ask", "x.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "address").write_text(f"http://127.0.0.1:{port}\n")
    gone = desk("ask", "x.png")

    assert (nothing.code, gone.code) == (1, 1)
    assert f"no server runs on {tmp_path / 'data'}" in nothing.err
    assert f"is gone from http://127.0.0.1:{port}" in gone.err


def test_a_worker_with_a_wrong_token_ends_with_its_own_code(program, tmp_path) -> None:
    with serving(tmp_path) as running:
        done = program("worker", "--solver", "ocr", "--data", running.data, ANSWERDESK_TOKEN="0" * 32)

        told = program("worker", "--json", "--data", running.data, ANSWERDESK_TOKEN="0" * 32)

    assert (done.code, done.out) == (3, "")
    assert "0" * 32 not in done.err
    assert (told.code, json.loads(told.out)) == (3, {"solver": "ocr", "url": running.url})
