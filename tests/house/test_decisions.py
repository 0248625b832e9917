"""Decisions have the template's form, and what they say holds them exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from answerdesk.desk.books import AddKey, OpenAccount, SaveSolver
from answerdesk.model.account import Account, AccountId, digest
from answerdesk.model.solver import Solver, SolverId
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock
from tests.house.source import ROOT

FOLDER = ROOT / "docs" / "decisions"
PAGES = sorted(page for page in FOLDER.glob("[0-9]*.md") if not page.name.startswith("0000"))
HEADINGS = ["## Context", "## Decision", "## Consequences", "## Alternatives", "## Held by"]
MOST_SENTENCES = 4
MOST_LINES = 60
#: A sentence's end: a point before a space and a capital, or at the end of all.
SENTENCE = re.compile(r"[.?](?=\s+[A-Z`]|\s*$)")
HOLDER = re.compile(r"`(?P<path>(?:tests|pyproject)[\w/.]*)(?:::(?P<name>\w+))?`")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def section(page: Path, heading: str) -> str:
    return page.read_text("utf-8").partition(f"{heading}\n")[2].partition("\n## ")[0].strip()


@each_page
def test_a_decision_has_the_templates_form(page) -> None:
    text = page.read_text("utf-8")

    assert [line for line in text.splitlines() if line.startswith("## ")] == HEADINGS
    assert re.match(rf"# {page.name[:4]}\. \S.*\n\nDate: \d{{4}}-\d\d-\d\d\. Status: \w", text)
    assert len(text.splitlines()) <= MOST_LINES


@each_page
def test_a_context_is_short(page) -> None:
    sentences = SENTENCE.findall(section(page, "## Context"))

    assert 1 <= len(sentences) <= MOST_SENTENCES


@each_page
def test_a_decision_can_be_quoted(page) -> None:
    quoted = [line for line in section(page, "## Decision").splitlines() if line.startswith("> ")]

    assert quoted
    assert 1 <= len(SENTENCE.findall(" ".join(line.removeprefix("> ") for line in quoted))) <= 2


@each_page
def test_what_holds_a_decision_exists(page) -> None:
    holders = list(HOLDER.finditer(section(page, "## Held by")))

    assert holders
    for holder in holders:
        target = ROOT / holder["path"]
        assert target.exists(), holder["path"]
        assert holder["name"] is None or f"def {holder['name']}(" in target.read_text("utf-8"), holder[0]


@each_page
def test_every_decision_is_in_the_list(page) -> None:
    title = page.read_text("utf-8").splitlines()[0].removeprefix(f"# {page.name[:4]}. ")

    assert f"| [{page.name[:4]}]({page.name}) | {title} |" in (FOLDER / "README.md").read_text("utf-8")


async def test_a_desks_files_hold_no_key_and_no_token(tmp_path) -> None:
    key, token = "5f0c2a9e7b1d4c3f8a6e0d9b2c7f1a4e", "c41e9a7d2f5b8c0e6d3a1f9b7e4c2a8d"
    store = SqliteStore(str(tmp_path / "desk.db"), Clock())
    account = await store.run(OpenAccount(account=Account(id=AccountId(await store.draw()), name="someone")))
    await store.run(AddKey(account=account.id, digest=digest(key), tail=key[-4:]))
    solver = Solver(id=SolverId(await store.draw()), name="somebody", machine=False)
    await store.run(SaveSolver(solver=solver, token=digest(token)))
    store.close()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert digest(key) in written
    assert digest(token) in written
    assert [secret for secret in (key, token) if secret.encode() in written or bytes.fromhex(secret) in written] == []
