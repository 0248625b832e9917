"""What was acknowledged to a client and is stored otherwise is found."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.checker import _ended as ended


@pytest.mark.parametrize(
    ("what", "stored", "found"),
    [
        ("cancelled", (1, 2, False), []),
        ("cancelled", (1, 1, False), ["task 5 was given up by its client and is stored in state 1"]),
        ("reported", (1, 1, True), []),
        ("reported", (1, 1, False), ["task 5 was reported and its price was not given back"]),
    ],
)
def test_what_a_client_was_told_of_its_task_must_be_stored(
    what: str, stored: tuple[int, int, bool], found: list[str]
) -> None:
    tasks: Any = SimpleNamespace(tasks={5: stored})

    assert list(ended([{"what": what, "task": 5, "ok": True}], tasks)) == found
    assert list(ended([{"what": what, "task": 5, "ok": False}], tasks)) == []
