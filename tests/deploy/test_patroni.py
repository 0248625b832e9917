"""deploy/patroni as it stands, on addresses of this machine: a leader, a synchronous standby, and another leader."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from tests.serving import wait_until

SHIPPED: Final = Path(__file__).parents[2] / "deploy" / "patroni"
POSTGRES: Final = Path("/usr/lib/postgresql/15/bin")
PROGRAMS: Final = ("/usr/bin/patroni", "/usr/bin/etcd", "/usr/sbin/haproxy", str(POSTGRES / "postgres"))
MISSING: Final = [program for program in PROGRAMS if not Path(program).exists()]
#: Where the shipped addresses are on this machine.
HERE: Final = "127.213.0."
LIST: Final = f"{HERE}21:5432,{HERE}22:5432"
#: The three that remember who leads, by the last part of their addresses.
ETCD: Final = {"etcd1": 31, "etcd2": 32, "etcd3": 33}
#: Seconds until somebody else leads, by a wide margin.
PATIENCE: Final = 90.0

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(400),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


def swapped(text: str) -> str:
    """Put this machine's addresses in place of the shipped ones; who calls from here is 127.0.0.1."""
    assert "10.0.0." in text
    return text.replace("10.0.0.0/24", "127.0.0.0/8").replace("10.0.0.", HERE)


class Cluster:
    """Three of etcd, and two hosts of PostgreSQL."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user = "postgres" if os.geteuid() == 0 else None
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        if self.user:
            shutil.chown(folder, self.user)

    def start(self, name: str, *command: object, **environ: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                user=self.user, start_new_session=True,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environ},
            )  # fmt: skip

    def settings(self, name: str, number: int) -> Path:
        """Write the shipped file for one host."""
        text = swapped((SHIPPED / "patroni.yml").read_text("utf-8"))
        text = text.replace("name: pg1", f"name: {name}").replace(f"{HERE}21", f"{HERE}{number}")
        sockets = self.folder / f"{name}-sockets"
        sockets.mkdir(exist_ok=True)
        if self.user:
            shutil.chown(sockets, self.user)
        text = text.replace("/var/lib/postgresql/", f"{self.folder}/{name}-")
        text = text.replace("/var/run/postgresql", str(sockets))
        path = self.folder / f"{name}.yml"
        path.write_text(text)
        return path

    def start_etcd(self) -> None:
        """Start each of the three by the shipped settings, as systemd does."""
        text = swapped((SHIPPED / "etcd.env").read_text("utf-8")).replace("/var/lib/etcd", str(self.folder))
        shown = dict(line.split("=", 1) for line in text.splitlines() if not line.startswith("#"))
        for name, number in ETCD.items():
            # What names the whole cluster is the same everywhere.
            own = {key: value.replace(f"{HERE}31", f"{HERE}{number}") for key, value in shown.items()}
            own["ETCD_INITIAL_CLUSTER"] = shown["ETCD_INITIAL_CLUSTER"]
            own |= {"ETCD_NAME": name, "ETCD_DATA_DIR": f"{shown['ETCD_DATA_DIR']}-{name}"}
            self.start(name, "/usr/bin/etcd", **own)
        for name in ETCD:
            wait_until(functools.partial(self.serves, name), f"{name} serves")

    def serves(self, name: str) -> bool:
        return "ready to serve client requests" in self.log(name)

    def kill(self, name: str) -> None:
        """Take a host away as a power cut would: Patroni first, so that it does not mend anything."""
        pid = (self.folder / f"{name}-answerdesk" / "postmaster.pid").read_text().split()[0]
        self.lose(name)
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)

    def lose(self, name: str) -> None:
        """Take a single program away at once."""
        process = self.running.pop(name)
        process.kill()
        process.wait(30)

    def stop(self) -> None:
        for name in [*self.running][::-1]:
            process = self.running.pop(name)
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(30)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")


def ask(statement: str, at: str, user: str = "postgres", password: str = "change-me-1", base: str = "postgres") -> Any:
    """Run one statement wherever writing is allowed, and give what it gave."""
    place = f"postgresql://{user}:{password}@{at}/{base}?target_session_attrs=read-write&connect_timeout=2"
    with psycopg.connect(place, autocommit=True) as line:
        cursor = line.execute(statement)
        return cursor.fetchone() if cursor.description else None


def answered(statement: str, at: str, **who: str) -> Any:
    """Ask until there is somebody who answers."""

    def tried() -> Any:
        try:
            return ask(statement, at, **who)
        except psycopg.OperationalError:
            return None

    return wait_until(tried, statement, PATIENCE)


@pytest.fixture(scope="module")
def etcd() -> Iterator[Cluster]:
    # The database's user goes through every folder above it.
    with tempfile.TemporaryDirectory(prefix="replicated-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        cluster = Cluster(Path(folder))
        try:
            cluster.start_etcd()
            yield cluster
        finally:
            cluster.stop()


def test_the_times_fit_together():
    text = (SHIPPED / "patroni.yml").read_text("utf-8")
    names = ("ttl", "loop_wait", "retry_timeout")
    ttl, wait, retry = (int(re.findall(rf"^    {name}: (\d+)$", text, re.MULTILINE)[0]) for name in names)

    assert ttl >= wait + 2 * retry
    assert ttl + wait < 15
    assert "    synchronous_mode: true\n" in text
    assert '        synchronous_commit: "on"\n' in text


def test_patroni_finds_nothing_wrong(etcd):
    done = subprocess.run(
        [PROGRAMS[0], "--validate-config", etcd.settings("pg1", 21)], capture_output=True, text=True, check=False,
        timeout=60, user=etcd.user,
    )  # fmt: skip

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_haproxy_finds_nothing_wrong():
    done = subprocess.run(
        [PROGRAMS[2], "-c", "-f", SHIPPED / "haproxy.cfg"], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()


def test_what_was_committed_is_there_when_another_leads_by_list_and_by_haproxy(etcd):
    for name, number in (("pg1", 21), ("pg2", 22)):
        etcd.start(name, PROGRAMS[0], etcd.settings(name, number))
    (etcd.folder / "haproxy.cfg").write_text(swapped((SHIPPED / "haproxy.cfg").read_text("utf-8")))
    etcd.start("haproxy", PROGRAMS[2], "-f", etcd.folder / "haproxy.cfg")
    standby = "SELECT application_name FROM pg_stat_replication WHERE sync_state = 'sync'"
    (follower,) = answered(standby, LIST)
    script = (SHIPPED / "database.sql").read_text("utf-8").replace(":'password'", "'only-here'")
    for statement in script.replace("\n", " ").partition("CREATE")[2].split(";")[:-1]:
        ask(statement if statement.lstrip().startswith(("CREATE", "REVOKE")) else f"CREATE{statement}", LIST)
    desk = {"user": "answerdesk", "password": "only-here", "base": "answerdesk"}
    ask("CREATE TABLE said AS SELECT 1 AS n", "127.0.0.1:5000", **desk)

    # Of the three one may be gone.
    etcd.lose("etcd2")
    etcd.kill("pg1" if follower == "pg2" else "pg2")

    assert answered("SELECT n FROM said", LIST, **desk) == (1,)
    assert answered("INSERT INTO said VALUES (2) RETURNING n", "127.0.0.1:5000", **desk) == (2,)
