"""What is printed holds nothing that could steer a terminal, and the log no key or token."""

from __future__ import annotations

import io
import json
import logging
import os
import pty
import subprocess
import sys

import pytest

from answerdesk.cli import logs, out
from answerdesk.model.account import Millis
from answerdesk.model.money import Micros
from tests.cli.conftest import ENVIRON

KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\twords\nhere", "two words here"),
        ("\x1b[31mred\x1b]0;title\x07", "[31mred]0;title"),
        ("\x9b31mred", "31mred"),
        ("a\u202eb\u2066c", "abc"),
        ("привет 你好", "привет 你好"),
        ("[bold]markup[/bold]", "[bold]markup[/bold]"),
    ],
)
def test_text_from_outside_is_shown_without_what_steers(text, shown) -> None:
    assert out.clean(text) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), ([], "-"), ({}, "-"), (True, "yes"), (["a", None], "a, -"), ({"x": 1}, "x 1"), ("a\x07", "a")],
)
def test_a_field_is_shown_as_people_read_it(value, shown) -> None:
    assert out.cell(value) == shown


def test_money_is_a_plain_number_in_json(capsys) -> None:
    out.document({"price": out.cost(Micros(2_990)), "least": out.cost(Micros(1))})

    assert json.loads(capsys.readouterr().out) == {"price": 0.00299, "least": 0.000001}


def test_times_are_in_utc_and_never_is_none() -> None:
    assert out.moment(Millis(1_760_000_400_000)) == "2025-10-09T09:00:00Z"
    assert out.moment(Millis(0)) is None


def test_a_log_line_is_json_without_keys_or_tokens() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.Lines(as_json=True))
    log = logging.getLogger("answerdesk.test")
    log.propagate = False
    log.addHandler(handler)

    try:
        raise ValueError(f"no such key {KEY}")  # noqa: TRY301 - it needs a traceback
    except ValueError:
        fields = {"token": KEY, "name": "kept", "path": f"/x?key={KEY}"}
        log.exception("refused %s", KEY, extra={"fields": fields})

    log.removeHandler(handler)
    line = json.loads(stream.getvalue())
    assert KEY not in stream.getvalue()
    assert (line["event"], line["name"], line["path"]) == ("refused ***cdef", "kept", "/x?key=***cdef")
    assert line["exception"].endswith("ValueError: no such key ***cdef")
    assert "token" not in line


def test_what_rooms_log_structured_becomes_such_lines() -> None:
    script = (
        "import structlog\nfrom answerdesk.cli.logs import log_structured\nlog_structured('info')\n"
        "log = structlog.get_logger()\nlog.debug('unheard')\nlog.info('heard', name='x', message='y', n=3)\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    log.exception('crashed')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True, timeout=60)

    heard, crashed = map(json.loads, done.stderr.splitlines())
    assert {name: heard[name] for name in ("event", "level", "name", "message", "n")} == {
        "event": "heard", "level": "info", "name": "x", "message": "y", "n": 3,
    }  # fmt: skip
    assert "ZeroDivisionError" in crashed["exception"]


def test_a_terminal_is_shown_a_table_in_which_nothing_is_markup(tmp_path, program) -> None:
    data = tmp_path / "data"
    assert program("accounts", "add", "[red]acme", "--data", data).code == 0
    leader, follower = pty.openpty()
    with os.fdopen(leader, "rb", buffering=0) as screen:
        done = subprocess.run(
            [sys.executable, "-m", "answerdesk.cli", "accounts", "list", "--data", str(data)],
            stdout=follower, stderr=follower, stdin=follower, check=False, timeout=60, env={**ENVIRON, "TERM": "xterm"},
        )  # fmt: skip
        os.close(follower)
        shown = screen.read(65_536).decode()

    assert done.returncode == 0
    assert "[red]acme" in shown
    assert "\x1b[1m" in shown
    assert "\x1b[1m" not in program("accounts", "list", "--data", data).out
