"""Hosts on one network, each a network namespace with an address, a folder and a clock of its own.
Rule: what a test cuts, stops or jumps is mended by the test; taking the network down leaves nothing on the machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

#: The network of all hosts; nobody outside the namespaces sees it.
_PREFIX: Final = "10.213.0"
SUBNET: Final = f"{_PREFIX}.0/24"
#: How large a host's own disk is: enough for a run, and full in a moment.
_DISK: Final = "768m"
_FAKETIME: Final = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
#: What a host needs of the machine, and the Debian package it comes in.
PACKAGES: Final = {Path("/usr/sbin/ip"): "iproute2", _FAKETIME: "libfaketime"}


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, text=True)


def allowed() -> bool:
    """Tell whether networks of namespaces may be made here."""
    name = f"may-{os.getpid()}"
    try:
        _run("ip", "netns", "add", name)
        try:
            _run("ip", "-n", name, "link", "add", "name", "tried", "type", "bridge")
        finally:
            _run("ip", "netns", "del", name)
    except subprocess.CalledProcessError:
        return False
    return True


class Host:
    """One machine of the network; what is started on it runs in its namespace."""

    def __init__(self, network: Network, name: str, number: int) -> None:
        """Plug a new namespace into the network's switch."""
        self.network = network
        self.name = name
        self.address = f"{_PREFIX}.{number}"
        self.folder = network.folder / name
        self.folder.mkdir()
        self.folder.chmod(0o755)
        self.space = f"{network.name}-{name}"
        self.running: list[subprocess.Popen[bytes]] = []
        #: A disk of its own, where it has one.
        self.disk: Path | None = None
        self._clock = self.folder / "clock"
        self.set_clock(0)
        inner, outer = f"{name}-in", f"{name}-out"
        switch = network.switch
        _run("ip", "netns", "add", self.space)
        _run("ip", "link", "add", inner, "netns", self.space, "type", "veth", "peer", "name", outer, "netns", switch)
        _run("ip", "-n", switch, "link", "set", outer, "master", "switch", "up")
        _run("ip", "-n", self.space, "addr", "add", f"{self.address}/24", "dev", inner)
        _run("ip", "-n", self.space, "link", "set", inner, "up")
        _run("ip", "-n", self.space, "link", "set", "lo", "up")

    def start(
        self, argv: Sequence[str], *, user: str | None = None, clock: bool = False, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program here, its words in the host's log; `clock` lets it see the host's own time of day."""
        environment = {**os.environ, **(env or {})}
        if clock:
            environment |= {
                "LD_PRELOAD": str(_FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self._clock), "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }  # fmt: skip
        switched = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups") if user else ()
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                ("ip", "netns", "exec", self.space, *switched, *argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, env=environment, start_new_session=True,
            )  # fmt: skip
        self.running.append(process)
        return process

    def ask(self, *argv: str, timeout: float = 10) -> str:
        """Run a short program here and give its words; raises CalledProcessError or TimeoutExpired."""
        done = subprocess.run(
            ("ip", "netns", "exec", self.space, *argv), check=True, capture_output=True, text=True, timeout=timeout
        )
        return done.stdout

    def log(self) -> str:
        """Give what was said on this host so far."""
        try:
            return (self.folder / "log").read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to everything that runs here, children too."""
        for pid in _pids(self.space):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """Lose the host's power: all that runs here is gone at once."""
        # What a dying parent starts meanwhile goes too.
        while _pids(self.space):
            self.signal(signal.SIGKILL)
            for process in self.running:
                process.poll()
            time.sleep(0.01)
        for process in self.running:
            process.wait()
        self.running.clear()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop everything here for a while, as a machine that swaps or migrates does."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    @contextlib.contextmanager
    def cut_from(self, other: Host) -> Iterator[None]:
        """Lose every packet between two hosts, both ways, without a word to either."""
        for here, there in ((self, other), (other, self)):
            _run("ip", "-n", here.space, "route", "add", "blackhole", f"{there.address}/32")
        try:
            yield
        finally:
            for here, there in ((self, other), (other, self)):
                _run("ip", "-n", here.space, "route", "del", "blackhole", f"{there.address}/32")

    def add_disk(self, owner: str) -> Path:
        """Give the host a small disk of its own, for one user; gives its folder."""
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        _run("mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(self.disk))
        shutil.chown(self.disk, owner, owner)
        return self.disk

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        """Leave not a byte on the host's disk for a while."""
        assert self.disk is not None, f"{self.name} has no disk of its own"
        filler = self.disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(2**16))
        try:
            yield
        finally:
            filler.unlink()

    def set_clock(self, seconds: float) -> None:
        """Let the host's time of day differ from the machine's by so much from now on."""
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(f"{seconds:+.3f}\n", "ascii")
        fresh.chmod(0o644)
        fresh.replace(self._clock)


class Network:
    """A switch and the hosts plugged into it."""

    def __init__(self, name: str, folder: Path) -> None:
        """Make the switch; needs root."""
        self.name = name
        self.folder = folder
        self.switch = f"{name}-switch"
        self.hosts: dict[str, Host] = {}
        _run("ip", "netns", "add", self.switch)
        _run("ip", "-n", self.switch, "link", "add", "switch", "type", "bridge")
        _run("ip", "-n", self.switch, "link", "set", "switch", "up")

    def host(self, name: str) -> Host:
        """Plug in one more host."""
        self.hosts[name] = host = Host(self, name, len(self.hosts) + 10)
        return host

    def close(self) -> None:
        """Take all of it down."""
        for host in self.hosts.values():
            host.kill()
            if host.disk is not None:
                _run("umount", str(host.disk))
            _run("ip", "netns", "del", host.space)
        _run("ip", "netns", "del", self.switch)


def _pids(space: str) -> list[int]:
    listed = subprocess.run(("ip", "netns", "pids", space), check=True, capture_output=True, text=True).stdout
    return [int(pid) for pid in listed.split()]


@contextlib.contextmanager
def network(name: str, folder: Path) -> Iterator[Network]:
    """Have a network for the length of a with-block."""
    made = Network(name, folder)
    try:
        yield made
    finally:
        made.close()
