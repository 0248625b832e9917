"""PostgreSQL on two hosts, the second a synchronous standby, and who leads is decided by Patroni over etcd.
Rule: Debian's own packages, the settings that deploy/patroni shows; nothing here is made up for the tests."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from tests.chaos.network import Host, Network

_PATRONI: Final = Path("/usr/bin/patroni")
_ETCD: Final = Path("/usr/bin/etcd")
_POSTGRES: Final = Path("/usr/lib/postgresql/15/bin")
PACKAGES: Final = {_PATRONI: "patroni", _ETCD: "etcd-server", _POSTGRES: "postgresql-15", Path("/usr/bin/curl"): "curl"}
PASSWORD: Final = "only-for-this-network"


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
        # JSON is YAML too.
        path.write_text(json.dumps(self._settings(member)), "utf-8")
        path.chmod(0o644)
        member.start((str(_PATRONI), str(path)), user="postgres")

    def _settings(self, member: Host) -> dict[str, Any]:
        parameters = {"synchronous_commit": "on", "max_connections": 60, "deadlock_timeout": "50ms", "fsync": "on"}
        access = [
            "local all all trust",
            "host all all 10.213.0.0/24 scram-sha-256",
            "host replication all 10.213.0.0/24 scram-sha-256",
        ]
        named = {name: {"username": name, "password": PASSWORD} for name in ("replicator", "postgres", "rewinder")}
        return {
            "scope": "desk",
            "name": member.name,
            "restapi": {"listen": f"{member.address}:8008", "connect_address": f"{member.address}:8008"},
            "etcd3": {"host": f"{self.etcd.address}:2379"},
            "bootstrap": {
                "dcs": {
                    "ttl": 9, "loop_wait": 2, "retry_timeout": 3, "synchronous_mode": True,
                    "postgresql": {"use_pg_rewind": True, "use_slots": True, "parameters": parameters},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
            },
            "postgresql": {
                "listen": f"{member.address}:5432",
                "connect_address": f"{member.address}:5432",
                "data_dir": str(member.folder / "disk" / "data"),
                "bin_dir": str(_POSTGRES),
                "pgpass": str(member.folder / "pgpass"),
                "pg_hba": access,
                "authentication": {
                    "superuser": named["postgres"], "replication": named["replicator"], "rewind": named["rewinder"],
                },
                "parameters": {"unix_socket_directories": str(member.folder)},
                "remove_data_directory_on_diverged_timelines": True,
            },
        }  # fmt: skip

    @property
    def url(self) -> str:
        """Give the address of whoever leads."""
        hosts = ",".join(f"{member.address}:5432" for member in self.members)
        return f"postgresql://postgres:{PASSWORD}@{hosts}/postgres?target_session_attrs=read-write&connect_timeout=3"

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
