"""The programs that docs/howto/tls.md shows are run as they stand there: unmodified clients over https."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Serving

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "howto" / "tls.md").read_text("utf-8")
#: Each client's heading on the page, and the variable its text names.
SHOWN = {
    heading: (re.findall(r"`([A-Z_]+)` set", text)[0], "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)))
    for heading, _, text in (part.partition("\n") for part in PAGE.split("\n### ")[1:])
    if "```python" in text
}


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(tmp_path_factory.mktemp("secured"), solver="ocr", tls=1) as server:
        yield server


def test_the_page_shows_the_clients_that_can_be_run():
    assert {heading.split()[0] for heading in SHOWN} == {
        "capmonstercloudclient",
        "python-anticaptcha",
        "2captcha-python",
    }


@pytest.mark.parametrize("heading", SHOWN, ids=lambda heading: heading.split()[0])
@pytest.mark.parametrize("trusting", [True, False], ids=["told to trust", "told nothing"])
def test_a_client_reads_a_picture_over_https_once_it_is_told_to_trust(clients, secured, heading, trusting):
    variable, program = SHOWN[heading]
    program = program.replace("127.0.0.1:8443", f"127.0.0.1:{secured.http.port}").replace("0" * 32, secured.first_key)
    environ = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    if trusting:
        environ[variable] = str(secured.data / "tls" / "ca.pem")

    done = subprocess.run(
        [clients, "-c", program], env=environ, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )

    if trusting:
        assert done.returncode == 0, done.stderr[-3000:]
    else:
        assert done.returncode == 1
        assert "certificate verify failed" in done.stderr.lower().replace("_", " ")
