"""Third-party clients in an environment of their own, which several folders of tests run."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

CLIENTS = ("2captcha-python==2.1.2", "capmonstercloudclient==4.3.1", "python-anticaptcha[async]==2.0.0")


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the clients, kept in $ANSWERDESK_E2E_DIR between runs."""
    kept = os.environ.get("ANSWERDESK_E2E_DIR")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("e2e")
    pinned = hashlib.sha256(" ".join(CLIENTS).encode()).hexdigest()[:12]
    home = folder / f"clients-{sys.version_info[0]}.{sys.version_info[1]}-{pinned}"
    python = home / "bin" / "python"
    folder.mkdir(parents=True, exist_ok=True)
    # Tests that run side by side make it once.
    with (folder / f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            venv.create(home, with_pip=True, clear=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *CLIENTS], check=True, timeout=300)
            (home / "complete").touch()
    return python
