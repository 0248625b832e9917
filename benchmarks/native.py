"""The benchmarks of the native dialect and of the older one: a settled task, and thousands who wait for theirs.
Rule: those who wait are held by one process, and told by nothing but the commit of the answer."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

import held
import machine
import seed
from cases import CONNECTIONS, hang_up, shared
from load import Connection, Tally, each, get
from runs import Bench, Server, Side, compare, ended, in_turns, serving

_ACCOUNTS: Final = 10
_READY: Final = b'"status":"ready"'
#: How many answers are given each second while all wait.
_RATE: Final = 200


def show_of(task: int, account: int = 1, query: str = "") -> bytes:
    """Encode a look at a task."""
    return get(f"/v1/tasks/{task}{query}", authorization=f"Bearer {seed.key_of(account)}")


def older_of(task: int, account: int = 1) -> bytes:
    """Encode a poll of 2captcha's older API."""
    return get(f"/res.php?key={seed.key_of(account)}&action=get&id={task}")


def native(bench: Bench) -> None:
    """Looks at settled tasks, by the native and by the older API, against a bare handler."""
    hung = bench.size(50_000, 500)
    permutation = seed.sow(bench.folder / "native", seed.Seed(settled=hung))
    tasks = seed.ids(permutation, range(1, hung + 1))
    with serving("bare", "show") as bare, serving("desk", bench.folder / "native") as desk:
        for name, request, expect in (("native", show_of, _READY), ("older", older_of, b"OK|")):
            requests = [request(task) for task in tasks]
            hang_up(desk, requests, expect)
            sides = [
                Side("bare", bare, shared(_around([show_of(task) for task in tasks]), CONNECTIONS), _READY),
                Side(name, desk, shared(_around(requests), CONNECTIONS), expect),
            ]
            compare(bench, f"{name} / bare", in_turns(bench, sides), ("bare", name), 0.5)


def _around(requests: list[bytes]) -> Callable[[], Iterator[bytes]]:
    around = itertools.cycle(requests)
    return lambda: around


class Listener(asyncio.Protocol):
    """A stream of events; notes when each came."""

    def __init__(self, request: bytes) -> None:
        """Ask for the stream."""
        self._request = request
        self._left = b""
        self.heard: dict[int, float] = {}
        self.begun = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Find the tasks in whatever came."""
        now = time.perf_counter()
        if not self.begun.done():
            assert data.startswith(b"HTTP/1.1 200"), data[:200]
            self.begun.set_result(None)
        *whole, self._left = (self._left + data).split(b"\n\n")
        for event in whole:
            _, found, body = event.partition(b'data: {"id":')
            if found:
                self.heard[int(body.partition(b",")[0])] = now


def waiting(bench: Bench) -> None:
    """Looks that wait, and streams, on one process: what each weighs, and how soon it hears of an answer."""
    polls, streams = bench.size(10_000, 200), bench.size(1_000, 20)
    answered = bench.size(3_000, 200)
    folder = bench.folder / "waiting"
    plan = seed.Seed(accounts=_ACCOUNTS, open=polls)
    permutation = seed.sow(folder, plan)
    tasks = seed.ids(permutation, range(1, polls + 1))
    command = [
        sys.executable, held.__file__, str(folder), str(machine.SERVER_CORE), str(_RATE), str(answered), "1",
    ]  # fmt: skip
    machine.raise_files()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with ended(process), asyncio.Runner(loop_factory=machine.loop) as runner:
        assert process.stdout is not None
        server = Server(process.pid, int(process.stdout.readline()))
        looks = {task: show_of(task, plan.account_of(n), "?wait=60") for n, task in enumerate(tasks, 1)}
        listeners, connections = runner.run(_wait(bench, process, server, looks, streams))
    came, durable = (
        {int(task): at for task, at in json.loads((folder / name).read_text()).items()}
        for name in (held.TIMES, held.COMMITTED)
    )
    # How long a commit takes is the disk's to say; what comes after it is ours.
    _lags(bench, "answer to durable", [durable[task] - at for task, at in came.items()], None)
    _lags(bench, "durable to reply", [connections[task].heard - at for task, at in durable.items()], 100)
    told = [listener.heard[task] - durable[task] for listener in listeners for task in listener.heard]
    assert len(told) == len(came) * streams // _ACCOUNTS, (len(told), len(came))
    _lags(bench, "durable to event", told, 100)


async def _wait(
    bench: Bench, process: subprocess.Popen[str], server: Server, looks: dict[int, bytes], streams: int
) -> tuple[list[Listener], dict[int, Connection]]:
    """Weigh those who wait, then let the answers come; gives them with what they heard."""
    before = machine.resident(server.pid)
    listeners = await _listen(server, streams)
    between = machine.resident(server.pid)
    connections = await _look(server, looks)
    await asyncio.sleep(1.0)
    bench.most(f"memory of each of {streams:,} streams", (between - before) / streams / 1024, 20, " KB")
    weight = machine.resident(server.pid) - between
    bench.most(f"memory of each of {len(looks):,} waiting looks", weight / len(looks) / 1024, 20, " KB")
    used = server.cpu()
    await asyncio.sleep(2.0)
    bench.tell("CPU while all wait", f"{(server.cpu() - used) / 2:.1%}")
    assert process.stdin is not None
    assert process.stdout is not None
    used, began = server.cpu(), time.perf_counter()
    process.stdin.write("go\n")
    process.stdin.flush()
    await asyncio.to_thread(process.stdout.readline)
    bench.tell("CPU while answers come", f"{(server.cpu() - used) / (time.perf_counter() - began):.1%}")
    await asyncio.sleep(0.5)
    return listeners, connections


def _lags(bench: Bench, what: str, lags: list[float], limit: float | None) -> None:
    lags.sort()
    p50, p99 = (lags[len(lags) * share // 100] * 1000 for share in (50, 99))
    bench.tell(f"{what}, p50", f"{p50:.1f} ms")
    if limit is None:
        bench.tell(f"{what}, p99", f"{p99:.1f} ms")
    else:
        bench.most(f"{what}, p99", p99, limit, " ms")


async def _listen(server: Server, count: int) -> list[Listener]:
    loop = asyncio.get_running_loop()
    listeners = []
    for number in range(count):
        key = seed.key_of(1 + number % _ACCOUNTS)
        listener = Listener(get("/v1/events", authorization=f"Bearer {key}"))
        await loop.create_connection(lambda made=listener: made, "127.0.0.1", server.port)  # type: ignore[misc]
        listeners.append(listener)
    await asyncio.gather(*(listener.begun for listener in listeners))
    return listeners


async def _look(server: Server, looks: dict[int, bytes]) -> dict[int, Connection]:
    loop = asyncio.get_running_loop()
    connections = {}
    for task, look in looks.items():
        connection = Connection(each(iter([look])), Tally(_READY), 0.0, loop.create_future())
        await loop.create_connection(lambda made=connection: made, "127.0.0.1", server.port)  # type: ignore[misc]
        connections[task] = connection
    return connections
