"""The demo comes alive by itself: a real server, tasks of every kind, simulated people, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from answerdesk.cli.demo import order
from answerdesk.model.catalog import CATALOG
from answerdesk.model.question import WORK_KINDS, Kind
from answerdesk.pages.samples import draw
from tests.serving import Http, wait_until

KINDS = set(map(str, WORK_KINDS))


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[Path]:
    """Run it with its throwaway folder under `folder`; gives the file it prints into."""
    printed = folder / "printed"
    made = folder / "made"
    made.mkdir()
    command = [sys.executable, "-m", "answerdesk.cli", "demo", *arguments]
    with printed.open("wb") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env={**os.environ, "TMPDIR": str(made)}
        )
        try:
            yield printed
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
    assert list(made.iterdir()) == []


def answered(printed: Path) -> set[str]:
    """The kinds of which a right answer was told."""
    return set(re.findall(r"^(\w+) +[\d.]+ s  right  \$", printed.read_text(), re.MULTILINE))


@pytest.mark.slow
def test_every_kind_is_asked_and_answered_within_a_minute_and_nothing_stays(tmp_path):
    with demo(tmp_path, "--people", "4") as printed:
        wait_until(lambda: answered(printed) == KINDS, "a task of every kind is answered right", 60)


@pytest.mark.slow
def test_without_simulated_people_the_tasks_wait_for_you(tmp_path):
    with demo(tmp_path, "--people", "0") as printed:
        url = wait_until(lambda: re.search(r"http://127\.0\.0\.1:(\d+)", printed.read_text()), "it tells its address")

        wait_until(lambda: Http(int(url[1])).get("/readyz").status == 200, "the server is ready")
        link = re.search(r"^http\S+/enter/\S+$", printed.read_text(), re.MULTILINE)

        assert link is not None
        assert answered(printed) == set()


@pytest.mark.parametrize("kind", WORK_KINDS)
def test_a_sample_is_ordered_as_a_type_of_its_kind(kind: Kind):
    asked = order(draw(kind, Random(1), lambda key, **_: key))

    assert CATALOG[asked.type].kind is kind
    assert asked.fields["comment"] == f"sample.{kind}"
