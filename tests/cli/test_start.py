"""The program starts light, helps, and ends every misuse with one sentence and its code."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from answerdesk.cli import VERBS, app, describe
from answerdesk.cli.ends import ENDS, ended
from answerdesk.config import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
#: What takes long to import, and which verbs can do without.
HEAVY = {"answerdesk.main", "httpx", "PIL", "pydantic", "rich", "structlog", "uvicorn"}
SERVER = {"answerdesk.api", "answerdesk.main", "answerdesk.store", "PIL", "pydantic", "sqlite3", "structlog", "uvicorn"}
LOADED = """import sys
from answerdesk.cli import run
run(sys.argv[1:])
print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        (("--help",), {*HEAVY, "answerdesk.store", "answerdesk_client", "asyncio", "sqlite3"}),
        (("worker", "--solver", "nobody", "--token", "x", "--url", "http://127.0.0.1:9"), SERVER),
        (("accounts", "add", "acme", "--json"), HEAVY),
        (("workers", "add", "ann", "--json"), HEAVY),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_verb_imports_no_more_than_it_needs(program, tmp_path, words, unwanted) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words], capture_output=True, check=True, text=True, timeout=60,
        env={"ANSWERDESK_DATA": str(tmp_path / "data")},
    )  # fmt: skip

    assert set(done.stderr.splitlines()[-1].split()) & unwanted == set()


def test_the_installed_program_is_this_one() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]

    assert scripts == {"answerdesk": "answerdesk.cli:main"}


def test_every_command_takes_the_data_folder_and_prints_json_if_asked_to() -> None:
    named = {each.command: {option.written.partition(" ")[0] for option in each.options} for each in describe()}

    lacking = {command: {"--data", "--json"} - flags for command, flags in named.items() if command != "answerdesk"}

    # The version is the program's, whatever the folder.
    assert {command: flags for command, flags in lacking.items() if flags} == {
        "answerdesk version": {"--data"},
        # Its desk is nobody's and is gone with it.
        "answerdesk demo": {"--data"},
    }


def test_help_lists_every_verb_and_exit_code(program) -> None:
    done = program("--help")

    assert done.code == 0
    assert [verb for verb in VERBS if f"\n  {verb} " not in done.out] == []
    assert [code for code in ENDS if str(code) not in done.out] == []


def test_without_a_verb_the_help_is_shown(program) -> None:
    done = program()

    assert (done.code, done.out) == (2, "")
    assert "Verbs:" in done.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nonsense",), "No such command 'nonsense'; see answerdesk --help"),
        (("accounts", "add"), "Missing argument 'NAME'; see answerdesk accounts add --help"),
        (("accounts", "add", "x", "--balance", "much"), "'much' is not an amount"),
        (("accounts", "add", "x", "--balance", "nan"), "'nan' is not an amount"),
        (("accounts", "add", "x", "--balance=-1"), "--balance must not be negative"),
        (("accounts", "add", "7"), "is not a number, which would be taken for an id"),
        (("accounts", "add", "a\x1bb"), "printable characters"),
        (("accounts", "add", "x", "--dialect", "latin"), "accepted are capmonster, 2captcha, anticaptcha"),
        (("accounts", "add", "x", "--allow-ip", "here"), "'here' is not an address or a network"),
        (("accounts", "set", "x"), "nothing to change"),
        (("accounts", "add", "x", "--spend-per-day=-1"), "'-1' is negative; 0 is for no limit"),
        (("accounts", "set", "x", "--spend-per-day=-0.5"), "'-0.5' is negative; 0 is for no limit"),
        (("workers", "add", "x", "--kinds", "text,smell"), "unknown kind 'smell'; accepted are text, question, audio"),
        (("workers", "add", "x", "--lang", "xx"), "unknown language 'xx'"),
        (("prices", "set", "Nothing", "--price", "1"), "unknown task type 'Nothing'; accepted are ImageToTextTask"),
        (("prices", "set", "ImageToTextTask"), "nothing to set"),
        (("prices", "set", "ImageToTextTask", "--pay=-1"), "must not be negative"),
        (("rules", "set", "ImageToTextTask"), "nothing to set"),
        (("tasks", "cancel", "0"), "0 is not in the range"),
        (("tasks", "show", "abc"), "'abc' is not a whole number; see answerdesk tasks show --help"),
        (("rules", "set", "ImageToTextTask", "--threshold", "high"), "'high' is not a number; see"),
        (("rules", "set", "ImageToTextTask", "--threshold", "nan"), "'nan' is not a number; see"),
        (("rules", "set", "ImageToTextTask", "--machines-first", "NaN"), "'NaN' is not a number; see"),
        (("ask", "x.png", "--timeout", "nan"), "'nan' is not a number; see"),
        (("people", "set", "owner"), "nothing to change"),
        (("ask", "-", "-", "--url", "http://127.0.0.1:9", "--key", "k"), "standard input can be read once only"),
        (("ask", "x.png", "--url", "ftp://nowhere", "--key", "k"), "--url: "),
        (("serve", "--port", "many"), "--port must be a whole number 0..65535 (got 'many')"),
        (("serve", "--host", ""), "--host must be one line of 1..500 printable ASCII characters (got '')"),
        (("worker", "--url", "http://127.0.0.1:9"), "Missing option '--token'"),
        (("worker", "--solver", "nobody", "--token", "x", "--url", "http://127.0.0.1:9"), "no solver named"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_misuse_is_told_in_one_sentence(desk, words, says) -> None:
    done = desk(*words)

    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert done.err.count("\n") == 1


def test_an_account_takes_no_name_that_another_has(desk) -> None:
    desk("accounts", "add", "acme")
    desk("accounts", "add", "shop")
    taken = desk("accounts", "set", "shop", "--name", "acme")

    assert (taken.code, taken.err) == (1, "answerdesk: there is an account 'acme' already; take another name\n")
    assert desk("accounts", "set", "shop", "--name", "shop", "--weight", "2", "--json").json["weight"] == 2


def test_a_named_settings_file_that_is_not_there_is_no_empty_one(program, tmp_path) -> None:
    done = program("settings", "--data", tmp_path, ANSWERDESK_CONFIG=str(tmp_path / "missing.toml"))

    assert (done.code, done.out) == (2, "")
    assert "missing.toml, which ANSWERDESK_CONFIG names, is not there" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("accounts", "list"),
        ("keys", "list"),
        ("prices",),
        ("rules",),
        ("workers", "list"),
        ("tasks", "list"),
        ("backup", "/nowhere/copy.db"),
    ],
    ids=" ".join,
)
def test_looking_makes_no_desk(desk, tmp_path, words) -> None:
    done = desk(*words)

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"answerdesk: there is no desk in {tmp_path / 'data'}")
    assert not (tmp_path / "data").exists()


def test_an_error_nobody_foresaw_is_told_with_its_place_and_no_traceback(capsys) -> None:
    try:
        raise KeyError("odd")  # noqa: TRY301 - it needs a place
    except KeyError as error:
        code = ended(error)

    said = capsys.readouterr()
    assert (code, said.out) == (1, "")
    assert said.err.startswith(f"answerdesk: unexpected KeyError at {__file__}:")
    assert said.err.count("\n") == 1


def test_a_reader_who_leaves_early_is_no_failure_to_tell(program, tmp_path) -> None:
    data = tmp_path / "data"
    assert program("accounts", "add", "acme", "--data", data).code == 0
    shown = f"{sys.executable} -m answerdesk.cli prices --data {data} | true"
    done = subprocess.run(["bash", "-c", shown], capture_output=True, check=False, text=True, timeout=60)

    assert done.stderr == ""


def test_every_command_is_described_and_says_what_it_does() -> None:
    described = {each.command: each for each in describe()}

    assert [verb for verb in VERBS if not any(name.split()[1] == verb for name in described)] == []
    assert [name for name, each in described.items() if not each.about] == []
    silent = [(name, option.written) for name, each in described.items() for option in each.options if not option.about]
    assert silent == []


def test_every_setting_is_a_flag_of_serve() -> None:
    flags = {param.name for param in app.load()["serve"].params}

    assert flags == {setting.name for setting in SETTINGS} | {"as_json"}


def test_version_tells_the_installed_one(program) -> None:
    done = program("version", "--json")

    assert done.json["answerdesk"] == version("answerdesk")
