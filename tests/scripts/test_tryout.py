"""The try-out notices a misread picture, a busy port and a server that does not come up."""

from __future__ import annotations

import socket
import sys

import bootstrap
import pytest
import tryout

GOOD = """\
samples/label.png  SN-4827-K19  $0.000600  0.03 s
samples/sum.png    19           $0.000600  0.02 s
samples/word.png   harbour      $0.000600  0.02 s
"""
SERVER = """#!{python}
import http.server, pathlib, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
    def log_message(self, *_):
        pass
port = int(sys.argv[sys.argv.index("--port") + 1])
print("serving", *sys.argv[1:], flush=True)
http.server.HTTPServer(("127.0.0.1", port), Ready).serve_forever()
"""


def program(folder, text):
    path = folder / "answerdesk"
    path.write_text(text.replace("{python}", sys.executable))
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("printed", "wrong"),
    [
        (GOOD, []),
        (GOOD.replace("samples/", "/some/where/samples/"), []),
        (GOOD.replace("label.png", "label.png:"), []),
        (GOOD.replace("harbour", "harbor"), ["samples/word.png (should read harbour)"]),
        (GOOD.replace(" 19 ", " 190 "), ["samples/sum.png (should read 19)"]),
        (GOOD.replace("harbour", "?").replace(" 19 ", " harbour "), ["samples/sum.png", "samples/word.png"]),
        ("", ["samples/label.png", "samples/sum.png", "samples/word.png"]),
    ],
)
def test_a_misread_sample_is_named(printed, wrong) -> None:
    said = tryout.misread(printed)

    assert len(said) == len(wrong)
    assert all(text.startswith(start) for text, start in zip(said, wrong, strict=True))


def test_the_samples_exist() -> None:
    assert [path for path in tryout.SAMPLES if not (bootstrap.ROOT / path).is_file()] == []


def test_a_busy_port_gives_way_to_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]

        assert tryout.free_port(busy) not in {0, busy}


def test_a_free_port_is_kept() -> None:
    free = tryout.free_port()

    assert tryout.free_port(free) == free


def test_a_server_runs_as_long_as_it_is_needed(tmp_path) -> None:
    port = tryout.free_port()
    log = (tmp_path / "log").open("wb")
    with log, tryout.serving(program(tmp_path, SERVER), tmp_path / "data", port, log) as (url, server):
        assert tryout.answers_ready(url)
        assert server.poll() is None

    assert server.poll() is not None
    assert not tryout.answers_ready(url)
    assert (tmp_path / "log").read_text() == f"serving serve --port {port} --data {tmp_path / 'data'}\n"


def test_a_server_that_stops_by_itself_is_reported(tmp_path) -> None:
    broken = program(tmp_path, "#!{python}\nraise SystemExit(4)\n")

    with pytest.raises(bootstrap.SetupError, match="stopped with status 4"), tryout.serving(broken, tmp_path, 1):
        pytest.fail("it was taken for ready")
