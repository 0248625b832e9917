"""A harness of real clients, where one lies beside the checkout, passes whole against one server, port and key."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from answerdesk.model.question import WORK_KINDS
from tests.serving import Serving

HARNESS = Path(os.environ.get("ANSWERDESK_HARNESS", "../shared/clients/run_clients.py")).resolve()
WORKER = Path(__file__).with_name("scripted_worker.py")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not HARNESS.exists(), reason="no harness lies beside the checkout"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="half of its clients need node and npm"),
    pytest.mark.timeout(600),
]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HARNESS), "--group", "shared", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)


def test_every_client_of_the_harness_passes_unmodified(tmp_path: Path, database: dict[str, str]) -> None:
    environment = os.environ.get("ANSWERDESK_E2E_DIR") or str(tmp_path)
    made = run("--setup", "--env-dir", f"{environment}/harness")
    assert made.returncode == 0, made.stderr[-2000:]

    (tmp_path / "desk").mkdir()
    with Serving(tmp_path / "desk", **database) as server:
        customer = server.customer("100")
        worker = server.worker(kinds=frozenset(WORK_KINDS))
        token = dict(worker.headers)["Authorization"].removeprefix("Bearer ")
        answering = shlex.join([sys.executable, str(WORKER), server.url, token])
        done = run(
            "--env-dir", f"{environment}/harness", "--base-url", server.url, "--key", customer.key,
            "--worker-cmd", answering,
        )  # fmt: skip

    failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert failed == []
    assert done.stdout.splitlines()[-1].endswith("48 passed, 0 failed")
    assert done.returncode == 0
