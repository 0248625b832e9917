"""The benchmarks run from beginning to end, small; what they measure is not judged here."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SPEED = Path(__file__).parents[2] / "benchmarks" / "speed.py"
BENCHES = (
    "poll", "submit", "mix", "loop", "native", "waiting", "claim", "hold", "callbacks", "scale", "memory", "start",
    "browser", "pg-submit", "pg-poll", "pg-mix", "pg-nodes", "pg-heard", "pg-scale",
)  # fmt: skip


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that a database server's user can reach, as `tmp_path` is none."""
    made = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.mark.slow
@pytest.mark.parametrize("bench", BENCHES)
def test_a_benchmark_runs_and_every_reply_is_as_expected(bench, folder):
    command = [sys.executable, SPEED, bench, "--quick", "--folder", folder]

    ran = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)

    assert ran.returncode == 0, ran.stderr
    assert any(line.startswith(bench) for line in ran.stdout.splitlines())


def test_an_unknown_benchmark_is_refused_by_its_name(tmp_path):
    command = [sys.executable, SPEED, "none", "--folder", tmp_path]

    ran = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)

    assert ran.returncode == 2
    assert f"no benchmark none; there are {', '.join(BENCHES)}" in ran.stderr
