"""What every benchmark works with: its folder, its servers, its measures, and how long it may take.
Rule: what is compared is measured in turns within one run, so that a change of the machine's mood hits both sides."""

from __future__ import annotations

import asyncio
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import machine
from load import Source, Tally, load

SCRIPT = Path(__file__).parent / "server.py"


@dataclass(frozen=True, slots=True)
class Server:
    """A server process."""

    pid: int
    port: int
    #: Gives the CPU seconds of what works for it beside it, such as a database.
    beside: Callable[[], float] = float

    def cpu(self) -> float:
        """Give the CPU seconds it has used."""
        return machine.cpu_seconds(self.pid) + self.beside()


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """End a process with its block, and wait for it."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def serving(*words: str | Path, core: int = machine.SERVER_CORE) -> Iterator[Server]:
    """Run benchmarks/server.py on the server's core; its flags are settings, such as hold=0."""
    role, what, *flags = map(str, words)
    command = [sys.executable, str(SCRIPT), role, what, str(core), *flags]
    with ended(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as process:
        assert process.stdout is not None
        said = process.stdout.readline().strip()
        if not said.isdigit():
            msg = f"the server did not start: it said {said!r}"
            raise RuntimeError(msg)
        yield Server(process.pid, int(said))


@contextmanager
def commanded(data: Path, solver: str) -> Iterator[int]:
    """Serve a folder by the command, on any core, until it is ready; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = ["--port", str(port), "--data", str(data), "--solver", solver]
    command = [sys.executable, "-m", "answerdesk.cli", "serve", *flags]
    with ended(subprocess.Popen(command, stdout=subprocess.DEVNULL, text=True)) as process:
        machine.leave_to_all(process.pid)
        while not is_ready(port):
            if process.poll() is not None:
                msg = f"the server ended with {process.returncode}"
                raise RuntimeError(msg)
            time.sleep(0.01)
        yield port


def is_ready(port: int) -> bool:
    """Tell whether a server says that it is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table; `good` is None for what is only told."""

    bench: str
    what: str
    value: str
    must: str = ""
    good: bool | None = None


@dataclass(slots=True)
class Bench:
    """One benchmark under way."""

    name: str
    folder: Path
    quick: bool
    #: Where folders that take long to make are kept and found again, None for nowhere.
    kept: Path | None = None
    figures: list[Figure] = field(default_factory=list)

    def size(self, full: int, quick: int) -> int:
        """Choose a size."""
        return quick if self.quick else full

    @property
    def rounds(self) -> int:
        """How many turns each side has."""
        return self.size(5, 1)

    @property
    def seconds(self) -> float:
        """How long a turn is."""
        return 0.3 if self.quick else 2.0

    def tell(self, what: str, value: str) -> None:
        """Add a figure that nothing is demanded of."""
        self._add(Figure(self.name, what, value))

    def most(self, what: str, value: float, limit: float, unit: str = "") -> None:
        """Add a figure that may not be above a limit."""
        self._add(Figure(self.name, what, f"{value:.3g}{unit}", f"≤ {limit:g}{unit}", value <= limit))

    def least(self, what: str, value: float, limit: float, unit: str = "") -> None:
        """Add a figure that may not be below a limit."""
        self._add(Figure(self.name, what, f"{value:.3g}{unit}", f"≥ {limit:g}{unit}", value >= limit))

    def _add(self, figure: Figure) -> None:
        self.figures.append(figure)
        mark = {None: " ", True: "ok", False: "MISSED"}[figure.good]
        print(f"{figure.bench:9} {figure.what:58} {figure.value:>16} {figure.must:>12} {mark}", flush=True)


@dataclass(frozen=True, slots=True)
class Side:
    """One of those that are compared: a server, what is asked of it, and what a good reply contains."""

    name: str
    server: Server
    #: Makes the sources of one turn, one for each connection.
    sources: Callable[[], list[Source]]
    expect: bytes


def in_turns(bench: Bench, sides: list[Side]) -> dict[str, list[Tally]]:
    """Load the sides in turns; gives their tallies by name, one for each round."""
    tallies: dict[str, list[Tally]] = {side.name: [] for side in sides}

    async def run() -> None:
        for _ in range(bench.rounds):
            for side in sides:
                tally = Tally(side.expect)
                await load(side.server.port, side.sources(), tally, bench.seconds, side.server.cpu)
                tally.check()
                tallies[side.name].append(tally)

    with asyncio.Runner(loop_factory=machine.loop) as runner:
        runner.run(run())
    return tallies


def middle(tallies: list[Tally], measure: Callable[[Tally], float]) -> float:
    """Give the median over the rounds."""
    return statistics.median(map(measure, tallies))


def compare(bench: Bench, what: str, tallies: dict[str, list[Tally]], names: tuple[str, str], limit: float) -> None:
    """Add the figures of one side against another's: rates by the wall and by the server's CPU, and their ratio."""
    bare, real = (tallies[name] for name in names)
    for name, side in zip(names, (bare, real), strict=True):
        wall, cpu, busy = (middle(side, measure) for measure in (_rate, _cpu_rate, _busy))
        bench.tell(f"{name}: per second / per CPU second", f"{wall:,.0f} / {cpu:,.0f}")
        bench.tell(f"{name}: server's core in use; p50, p99 ms", f"{busy:.0%}; {_waits(side)}")
    by_wall = statistics.median(b.rate / a.rate for a, b in zip(bare, real, strict=True))
    by_cpu = statistics.median(b.cpu_rate / a.cpu_rate for a, b in zip(bare, real, strict=True))
    bench.least(f"{what}, by wall", by_wall, limit)
    bench.least(f"{what}, by CPU", by_cpu, limit)


def _rate(tally: Tally) -> float:
    return tally.rate


def _cpu_rate(tally: Tally) -> float:
    return tally.cpu_rate


def _busy(tally: Tally) -> float:
    return tally.busy


def _waits(tallies: list[Tally]) -> str:
    p50, p99 = (middle(tallies, lambda tally, share=share: tally.percentile(share)) for share in (0.5, 0.99))  # type: ignore[misc]
    return f"{p50 * 1000:.2f}, {p99 * 1000:.2f}"
