"""PostgreSQL on two hosts, the second a synchronous standby, and who leads is decided by Patroni over etcd.
Rule: Debian's own packages and the very files of deploy/patroni; what has to differ here is one table."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from tests.chaos.network import SUBNET, Host, Network

_PATRONI: Final = Path("/usr/bin/patroni")
_ETCD: Final = Path("/usr/bin/etcd")
_POSTGRES: Final = Path("/usr/lib/postgresql/15/bin")
PACKAGES: Final = {_PATRONI: "patroni", _ETCD: "etcd-server", _POSTGRES: "postgresql-15", Path("/usr/bin/curl"): "curl"}
_SHIPPED: Final = Path(__file__).parents[2] / "deploy" / "patroni"
PASSWORD: Final = "only-for-this-network"


def settings(name: str, address: str, etcd: str, folder: Path, access: str) -> str:
    """Give the shipped settings for one host, all of it but its name, its addresses, its folders and its disk's size.

    `access` is the network of all hosts. What is not there as often as it should be is noticed.
    """
    text = (_SHIPPED / "patroni.yml").read_text("utf-8")
    for shown, put, times in (
        ("name: pg1", f"name: {name}", 1),
        ("10.0.0.21", address, 4),
        ("10.0.0.31:2379,10.0.0.32:2379,10.0.0.33:2379", f"{etcd}:2379", 1),
        ("10.0.0.0/24", access, 4),
        ("/var/lib/postgresql/answerdesk", str(folder / "disk" / "data"), 1),
        ("/var/lib/postgresql/.pgpass-answerdesk", str(folder / "pgpass"), 1),
        ("/var/run/postgresql", str(folder), 1),
        # All of a host's disk is less.
        ("wal_keep_size: 1GB", "wal_keep_size: 128MB", 1),
    ):
        assert text.count(shown) == times, (shown, text.count(shown))
        text = text.replace(shown, put)
    return text


class Replicated:
    """One etcd, two PostgreSQL hosts."""

    def __init__(self, network: Network) -> None:
        """Start all three; the first host to come leads."""
        self.etcd = network.host("etcd")
        self.members = [network.host("pg1"), network.host("pg2")]
        self.start_etcd()
        for member in self.members:
            shutil.chown(member.folder, "postgres", "postgres")
            member.add_disk("postgres")
            self.start_member(member)

    def start_etcd(self) -> None:
        """Start the one that remembers who leads."""
        at = self.etcd.address
        self.etcd.start(
            (
                str(_ETCD), "--name", "etcd", "--data-dir", str(self.etcd.folder / "data"),
                "--listen-client-urls", f"http://{at}:2379", "--advertise-client-urls", f"http://{at}:2379",
                "--listen-peer-urls", f"http://{at}:2380", "--initial-advertise-peer-urls", f"http://{at}:2380",
                "--initial-cluster", f"etcd=http://{at}:2380",
            )
        )  # fmt: skip

    def start_member(self, member: Host) -> None:
        """Start one PostgreSQL host, new or as it was left."""
        path = member.folder / "patroni.yml"
        path.write_text(settings(member.name, member.address, self.etcd.address, member.folder, SUBNET), "utf-8")
        path.chmod(0o644)
        member.start((str(_PATRONI), str(path)), user="postgres")

    def make_database(self, leader: Host) -> None:
        """Make the desk's role and database, by the shipped script, as the database's own user on the leader."""
        leader.ask(
            "setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups",
            "psql", f"--host={leader.folder}", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--set=password={PASSWORD}",
            f"--file={_SHIPPED / 'database.sql'}", "postgres",
        )  # fmt: skip

    @property
    def url(self) -> str:
        """Give the address of whoever leads, as the page about it writes it."""
        hosts = ",".join(f"{member.address}:5432" for member in self.members)
        return f"postgresql://answerdesk:{PASSWORD}@{hosts}/answerdesk?target_session_attrs=read-write"

    def seen(self) -> list[dict[str, Any]]:
        """Give what the members say of the cluster; empty while none answers."""
        for member in self.members:
            try:
                told = self.etcd.ask("curl", "-s", "-m", "2", f"http://{member.address}:8008/cluster")
                return list(json.loads(told)["members"])
            except (subprocess.SubprocessError, ValueError, KeyError):
                continue
        return []

    def leader(self) -> Host | None:
        """Give who leads now, as the members tell it."""
        names = [each["name"] for each in self.seen() if each["role"] == "leader" and each["state"] == "running"]
        return next((member for member in self.members if member.name in names), None)

    def wait_for_both(self, seconds: float = 90) -> Host:
        """Wait until one leads and the other is its synchronous standby; gives the leader."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            roles = {each["role"]: each["state"] for each in self.seen()}
            if roles.get("leader") == "running" and roles.get("sync_standby") in {"running", "streaming"}:
                leader = self.leader()
                if leader is not None:
                    return leader
            time.sleep(0.2)
        told = "\n".join(f"--- {member.name}\n{member.log()[-3000:]}" for member in (self.etcd, *self.members))
        msg = f"the two PostgreSQL hosts did not come together within {seconds:.0f} s\n{self.seen()}\n{told}"
        raise AssertionError(msg)
