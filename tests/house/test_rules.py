"""Every file of the project keeps the house's rules, and every rule catches what it is for."""

from __future__ import annotations

import statistics

import pytest

from tests.house import rules
from tests.house.source import Rule, findings, functions, length, parse, sources

DOC = '"""What it is."""\n'
P90_LINES = 30
LONG_BODY = "def f():\n" + "    x = 1\n" * 60


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps_the_rule(rule: Rule) -> None:
    found = [str(finding) for source in sources() for finding in findings(rule, source)]

    assert not found, "\n".join(found)


def test_nine_functions_in_ten_are_short() -> None:
    lengths = [length(each) for source in sources() if source.parts[0] == "src" for each in functions(source.tree)]

    assert statistics.quantiles(lengths, n=10)[-1] <= P90_LINES


@pytest.mark.parametrize(
    ("rule", "text", "path"),
    [
        (rules.long_function, LONG_BODY, "src/answerdesk/desk/a.py"),
        (rules.long_file, "x = 1\n" * 401, "src/answerdesk/desk/b.py"),
        (rules.module_docstring, "x = 1\n", "src/answerdesk/desk/c.py"),
        (rules.module_docstring, '"""a\nb\nc\nd\n"""\n', "tests/test_d.py"),
        (rules.patching, "from unittest import mock\n", "tests/test_e.py"),
        (rules.patching, "from unittest.mock import patch\n", "tests/test_f.py"),
        (rules.patching, "import unittest.mock\n", "tests/test_g.py"),
        (rules.patching, "def test_x(monkeypatch): ...\n", "tests/test_h.py"),
        (rules.patching, "import pytest\npytest.MonkeyPatch()\n", "tests/test_i.py"),
        (rules.vague_name, "class TaskManager: ...\n", "src/answerdesk/desk/j.py"),
        (rules.vague_name, "def parse_util(): ...\n", "src/answerdesk/desk/k.py"),
        (rules.vague_name, "x = 1\n", "src/answerdesk/desk/helpers.py"),
        (rules.unfinished, "x = 1  # TODO: later\n", "scripts/l.py"),  # lint-skip: unfinished
        (rules.own_clock, "import datetime\ndatetime.datetime.now()\n", "src/answerdesk/model/m.py"),
        (rules.own_clock, "from datetime import date\ndate.today()\n", "src/answerdesk/wire/n.py"),
        (rules.own_http, "from urllib import request\n", "src/answerdesk/solve/o.py"),
        (rules.own_http, "import http.client\n", "src/answerdesk_client/p.py"),
        (rules.nested_room, "x = 1\n", "src/answerdesk/solve/readers/q.py"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.endswith(".py") else "",
)
def test_a_breach_is_found(rule: Rule, text: str, path: str) -> None:
    assert len(findings(rule, parse(text, path))) == 1


@pytest.mark.parametrize(
    ("rule", "text", "path"),
    [
        (rules.long_function, "def f():\n" + "    x = 1\n" * 59, "src/answerdesk/desk/a.py"),
        (rules.long_file, "x = 1\n" * 400, "src/answerdesk/desk/b.py"),
        (rules.module_docstring, DOC, "src/answerdesk/desk/c.py"),
        (rules.patching, "def test_x(fake_clock): ...\n", "tests/test_d.py"),
        (rules.vague_name, "class Lease: ...\n", "src/answerdesk/desk/e.py"),
        (rules.own_clock, "import datetime\ndatetime.datetime.now()\n", "src/answerdesk/store/f.py"),
        (rules.own_http, "from urllib.parse import parse_qs\n", "src/answerdesk/api/g.py"),
        (rules.nested_room, "x = 1\n", "src/answerdesk/solve/h.py"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.endswith(".py") else "",
)
def test_what_is_allowed_is_left_alone(rule: Rule, text: str, path: str) -> None:
    assert findings(rule, parse(text, path)) == []


def test_a_line_may_excuse_itself_from_the_rule_it_names() -> None:
    excused = LONG_BODY.replace("def f():", "def f():  # lint-skip: long-function - a table")
    other = LONG_BODY.replace("def f():", "def f():  # lint-skip: long-file")

    assert findings(rules.long_function, parse(excused)) == []
    assert len(findings(rules.long_function, parse(other))) == 1


def test_no_excuse_lengthens_a_file_for_ever() -> None:
    text = '"""A table."""  # lint-skip: long-file - one row each\n'

    assert findings(rules.long_file, parse(text + "x = 1\n" * 500)) == []
    assert len(findings(rules.long_file, parse(text + "x = 1\n" * 600))) == 1
