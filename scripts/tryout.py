"""Installs answerdesk into this checkout, serves it on this machine and has three sample pictures read over HTTP.

Nothing outside the checkout is written: packages go to .venv/, data and keys to .answerdesk/.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, TYPE_CHECKING

import bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 8080
PATIENCE_S = 60.0
#: Where `serve` leaves the first account's key, readable by its owner only.
KEY_FILE = "first.key"
#: The sample pictures and the answer each of them has; the sum is asked for its result.
SAMPLES = {"samples/label.png": "SN-4827-K19", "samples/sum.png": "19", "samples/word.png": "harbour"}
SUMS = {"samples/sum.png"}


def free_port(wished: int = 0) -> int:
    """Give the wished port if nobody listens there, else any free one."""
    for port in (wished, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found: int = probe.getsockname()[1]
                return found
    raise bootstrap.SetupError("no port is free on 127.0.0.1")


def answers_ready(url: str) -> bool:
    """Ask /readyz once, past any proxy this machine is configured for."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/readyz", timeout=5) as reply:
            return bool(reply.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def wait_until_ready(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not answers_ready(url):
        if server.poll() is not None:
            raise bootstrap.SetupError(f"the server stopped with status {server.returncode}; its last lines say why")
        if time.monotonic() > deadline:
            raise bootstrap.SetupError(f"{url}/readyz did not answer 200 within {PATIENCE_S:.0f} s")
        time.sleep(0.1)


@contextlib.contextmanager
def serving(
    program: Path, data: Path, port: int, output: IO[bytes] | None = None
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run `answerdesk serve` for the length of a with-block, once it is ready."""
    url = f"http://127.0.0.1:{port}"
    command = [str(program), "serve", "--port", str(port), "--data", str(data)]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        wait_until_ready(server, url)
        yield url, server
    finally:
        stop(server)


def stop(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to stop and insist after a while."""
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def client_key(data: Path) -> str:
    """Give the key of the account that the first start of a server makes."""
    return (data / KEY_FILE).read_text(encoding="ascii").strip()


def misread(printed: str) -> list[str]:
    """Name the samples whose answer does not stand, as a word of its own, on a line that names the picture."""
    lines = [line.split() for line in printed.splitlines()]
    return [
        f"{path} (should read {text})"
        for path, text in SAMPLES.items()
        if not any(Path(path).name in map(_file_name, words) and text in words for words in lines)
    ]


def _file_name(word: str) -> str:
    return Path(word.rstrip(":")).name


def ask(program: Path, data: Path) -> list[str]:
    """Have the samples read by the running server and give those that were read wrongly."""
    printed = ""
    for pictures, options in ((SAMPLES.keys() - SUMS, ()), (SUMS, ("--math",))):
        named = [str(bootstrap.ROOT / path) for path in SAMPLES if path in pictures]
        bootstrap.say("answerdesk " + " ".join(("ask", *options, *(path for path in SAMPLES if path in pictures))))
        command = [str(program), "ask", *options, *named, "--data", str(data)]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
        print(done.stdout, end="", flush=True)
        printed += done.stdout
    return misread(printed)


def main() -> int:
    parser = argparse.ArgumentParser(description="Install answerdesk here, serve it and read three sample pictures.")
    parser.add_argument("--once", action="store_true", help="stop after the pictures; status 1 if one was misread")
    parser.add_argument("--port", type=int, default=PORT, help="port to serve on; another one is taken if it is in use")
    given = parser.parse_args()
    data = bootstrap.ROOT / ".answerdesk"
    program = bootstrap.environment("runtime", bootstrap.chosen_venv()).with_name("answerdesk")
    port = free_port(given.port)
    bootstrap.say(f"starting answerdesk on http://127.0.0.1:{port}, data in {data}")
    with serving(program, data, port) as (url, server):
        wrong = ask(program, data)
        if wrong:
            bootstrap.say("not read as it should be: " + "; ".join(wrong))
        if given.once:
            return 1 if wrong else 0
        bootstrap.say(f"answerdesk stays up at {url} with client key {client_key(data)}; Ctrl+C stops it")
        return server.wait()


if __name__ == "__main__":
    bootstrap.start(main)
