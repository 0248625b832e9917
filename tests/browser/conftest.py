"""A fresh desk and a real browser for each test; the browser's process serves them all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, expect, sync_playwright

from answerdesk.desk.books import SaveSolver
from tests.browser.surfing import ARGUMENTS, CHROMIUM, PATIENCE_MS, Crowd, crowd
from tests.serving import Serving, serving

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: it needs a system package."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; without it the tests fail and say what to install."""
    assert CHROMIUM.exists(), f"{CHROMIUM} is not there; as root: apt-get install chromium"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Serving]:
    """A desk of its own, on a free port, without a machine solver, whose owner was there before and may be asked."""
    with serving(tmp_path) as server:
        with server.store() as store:
            owner = store.house().solvers[0]
        server.do(SaveSolver(solver=replace(owner, enabled=True)))
        server.notice()
        yield server


@pytest.fixture
def people(chromium: Browser, desk: Serving) -> Iterator[Crowd]:
    """Whoever comes to the desk in this test."""
    with crowd(chromium, desk) as present:
        yield present
