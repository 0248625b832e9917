"""A real nginx with deploy/nginx's own files, before nodes of the test's choice, and https by exact bytes.
Rule: only ports, folders and the list of nodes are put in; every other line is the shipped one."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import pytest

from answerdesk.api import certificates
from tests.serving import PATIENCE, Reply, wait_until

SHIPPED = Path(__file__).parents[2] / "deploy" / "nginx"
#: Where Debian puts it, whatever PATH says.
NGINX = shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx-light")

#: What a whole nginx needs around the shipped file; as root, its workers must reach the test's folder.
AROUND = """
{user}daemon off; pid {folder}/nginx.pid; worker_processes 1; error_log {folder}/start.log;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/answerdesk.conf;
}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def swapped(text: str, pattern: str, by: str, times: int) -> str:
    """Replace what must be there exactly so often, so that a changed file is noticed."""
    changed, count = re.subn(pattern, by, text)
    assert count == times, (pattern, count)
    return changed


class Front:
    """One nginx, and the calls that go through it."""

    def __init__(self, folder: Path, nodes: list[str]) -> None:
        self.folder = folder
        self.secure, self.plain = free_port(), free_port()
        folder.mkdir(parents=True)
        made = certificates.local(folder / "tls", ())
        (folder / "tls.crt").write_bytes(made.chain.read_bytes())
        (folder / "tls.key").write_bytes(made.key.read_bytes())
        self.tls = ssl.create_default_context(cafile=str(made.authority))
        self.say_nodes(nodes)
        text = (SHIPPED / "answerdesk.conf").read_text("utf-8")
        text = swapped(text, r"    listen \[::\]:\d+[^;]*;\n", "", 2)
        text = swapped(text, r"listen 443", f"listen 127.0.0.1:{self.secure}", 1)
        text = swapped(text, r"listen 80", f"listen 127.0.0.1:{self.plain}", 1)
        text = swapped(text, r"/etc/nginx/answerdesk/", f"{folder}/", 4)
        text = swapped(text, r"/var/log/nginx/", f"{folder}/", 2)
        (folder / "answerdesk.conf").write_text(text)
        user = "user root; " if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(AROUND.format(user=user, folder=folder))

    @property
    def command(self) -> list[str]:
        return [str(NGINX), "-c", str(self.folder / "nginx.conf"), "-p", str(self.folder)]

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.secure}"

    def say_nodes(self, nodes: list[str]) -> None:
        (self.folder / "nodes.conf").write_text("".join(f"server {node};\n" for node in nodes))

    def __enter__(self) -> Self:
        with (self.folder / "start.out").open("wb") as out:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wait_until(self._listens, "nginx listens")
        return self

    def _listens(self) -> bool:
        said = (self.folder / "start.out").read_text() + self._log("start.log")
        assert self.process.poll() is None, said
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.secure), timeout=1):
            return True
        return False

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)

    def reload(self, nodes: list[str]) -> None:
        """Name other nodes and tell nginx to read them; what its old worker began, that one finishes."""
        self.say_nodes(nodes)
        self.process.send_signal(signal.SIGHUP)

    def reload_wholly(self, nodes: list[str]) -> None:
        """Name other nodes, and wait until what the old worker began is done and it is gone."""
        before = self._workers()
        self.reload(nodes)
        wait_until(lambda: (now := self._workers()) and not now & before, "the old worker is gone")

    def _workers(self) -> set[str]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return set(path.read_text().split())

    def _log(self, name: str) -> str:
        path = self.folder / name
        return path.read_text(errors="replace") if path.exists() else ""

    def logged(self) -> str:
        return self._log("answerdesk.log") + self._log("answerdesk-errors.log") + self._log("start.log")

    @contextlib.contextmanager
    def line(self, caller: str = "127.0.0.1") -> Iterator[http.client.HTTPSConnection]:
        """A connection from an address of this machine."""
        opened = http.client.HTTPSConnection(
            "127.0.0.1", self.secure, timeout=PATIENCE, context=self.tls, source_address=(caller, 0)
        )
        with contextlib.closing(opened):
            yield opened

    def request(
        self, verb: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None,
        caller: str = "127.0.0.1",
    ) -> Reply:  # fmt: skip
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        with self.line(caller) as line:
            line.request(verb, path, data, dict(headers or {}))
            reply = line.getresponse()
            return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())


class Mute:
    """A node that takes a request whole and is gone without a word; it tells how often it was asked what."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listening.accept()
                with line, contextlib.suppress(OSError):
                    line.settimeout(PATIENCE)
                    self.heard.append(_whole(line).split(b" HTTP/")[0])


def _whole(line: socket.socket) -> bytes:
    """Read one request to the end of its body."""
    came = b""
    while b"\r\n\r\n" not in came and (piece := line.recv(65_536)):
        came += piece
    head, _, body = came.partition(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: (\d+)", head)
    left = (int(found[1]) if found else 0) - len(body)
    while left > 0 and (piece := line.recv(65_536)):
        left -= len(piece)
    return head
