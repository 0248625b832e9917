"""Two people in two browsers and an unmodified client: what they agree on is what the client is told."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import Page, expect

from answerdesk.model.question import Kind
from answerdesk.pages.samples import draw
from tests.browser.surfing import Crowd
from tests.third_party import clients

__all__ = ["clients"]

HERE = Path(__file__).parent
ANSWER = "#main input"


def type_answer(page: Page, text: str) -> None:
    """Answer the task on the screen by keyboard alone."""
    expect(page.locator('[data-id="task"]')).to_be_visible()
    expect(page.locator('[data-id="stage"] input')).to_be_focused()
    page.keyboard.type(text)
    page.keyboard.press("Enter")


@pytest.mark.timeout(300)
def test_the_client_is_told_what_two_of_three_people_typed(people: Crowd, clients: Path, tmp_path: Path):
    desk = people.desk
    desk.cli("rules", "set", "ImageToTextTask", "--agree", "2")
    pages = {name: people.invited(name, "--kinds", "text").page for name in ("ann", "bob", "cleo")}
    for page in pages.values():
        page.goto("/work")
    picture = tmp_path / "picture.png"
    picture.write_bytes(draw(Kind.TEXT, Random(3), lambda key, **_: key).media[0])
    environ = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    asking = subprocess.Popen(
        [clients, HERE / "ask_capmonster.py", picture], stdout=subprocess.PIPE, text=True,
        env={**environ, "BASE": desk.url, "KEY": desk.first_key, "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    try:
        # Two are asked at once; the one who is not asked in the first round settles it in the second.
        first = [name for name in pages if _asked(pages[name])]
        type_answer(pages[first[0]], "UE6PT")
        type_answer(pages[first[1]], "something else")
        third = (pages.keys() - set(first)).pop()
        type_answer(pages[third], "ue6pt")
        told, _ = asking.communicate(timeout=60)
    finally:
        asking.kill()
        asking.wait()

    assert len(first) == 2
    assert told == "UE6PT"
    listed = desk.cli("tasks", "list")

    assert [task["state"] for task in listed] == ["ready"]


def _asked(page: Page) -> bool:
    """Whether a task comes to this page within a moment."""
    try:
        expect(page.locator('[data-id="task"]')).to_be_visible(timeout=8_000)
    except AssertionError:
        return False
    return True
