"""Third-party clients in an environment of their own, and a server with the real machine to run them against."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.postgres import server as postgres
from tests.serving import Serving
from tests.third_party import clients

HERE = Path(__file__).parent

__all__ = ["clients"]


@pytest.fixture(scope="module", params=["file", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Where the desk is, as settings: clients must not notice."""
    if request.param == "file":
        yield {}
        return
    url = postgres().empty_database()
    yield {"database": url}
    postgres().drop(url)


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory, database: dict[str, str]) -> Iterator[Serving]:
    """A server with its own machine, as `serve` starts it."""
    with Serving(tmp_path_factory.mktemp("reading"), solver="ocr", **database) as server:
        yield server
        log = server.logged()

    assert "Traceback" not in log


@pytest.fixture
def told(clients: Path, reading: Serving, tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Run a client's program against the server; gives what it tells by case."""

    def run(program: str) -> dict[str, Any]:
        environ = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        blank = tmp_path / "blank.png"
        Image.new("RGB", (160, 50), "white").save(blank)
        environ |= {"BASE": reading.url, "KEY": reading.first_key, "BLANK": str(blank), "PYTHONWARNINGS": "ignore"}
        done = subprocess.run(
            [clients, HERE / program], env=environ, capture_output=True, text=True, timeout=110, check=False
        )

        assert done.returncode == 0, done.stderr[-3000:]
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    return run
