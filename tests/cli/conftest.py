"""Command lines run two ways: in this process, where that is quick, and as a program of its own, where it matters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from answerdesk.cli import run
from tests.serving import Serving, serving

ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("ANSWERDESK_")}


class Ended(NamedTuple):
    """A command line that has run."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, which must be one JSON document and nothing else."""
        assert self.code == 0, self.err
        return json.loads(self.out)


Said = Callable[..., Ended]


@pytest.fixture(scope="session")
def program() -> Callable[..., Ended]:
    """Run the real program."""

    def program(*words: object, stdin: bytes = b"", **environ: str) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "answerdesk.cli", *map(str, words)], input=stdin, capture_output=True, check=False,
            env={**ENVIRON, **environ}, timeout=60,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    return program


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """Run command lines in this process on a data folder of the test's own."""
    return _on(tmp_path / "data", capsys)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A running server without a machine."""
    with serving(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture
def beside(server: Serving, capsys: pytest.CaptureFixture[str]) -> Said:
    """Run command lines in this process beside the running server."""
    return _on(server.data, capsys)


def _on(data: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    def said(*words: object) -> Ended:
        capsys.readouterr()
        code = run([*map(str, words), "--data", str(data)])
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    return said
