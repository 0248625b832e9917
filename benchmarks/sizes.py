"""The benchmarks of size: held polls, stored tasks, memory and the time to start.
Rule: what grows is measured at both ends in the same run, on folders of the same make."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import held
import machine
import msgspec
import seed
from cases import CREATED, READY, create_of, poll_of, work
from load import Caller, Connection, Source, Tally, each, load, post
from runs import Bench, Server, commanded, ended, serving

from answerdesk.main import FIRST_KEY
from answerdesk.store.folder import DATABASE

MIB: Final = 2**20
LABEL: Final = Path(__file__).parent.parent / "samples" / "label.png"
_HELD_ACCOUNTS: Final = 20
_CALM: Final = 0.1
#: What is asked in each turn, by name: makes the sources, and what a good reply contains.
Calls = dict[str, tuple[Callable[[], list[Source]], bytes]]


def hold(bench: Bench) -> None:
    """Held polls on one process: what each weighs, and how soon it hears of its answer."""
    count = bench.size(10_000, 200)
    folder = bench.folder / "hold"
    plan = seed.Seed(accounts=_HELD_ACCOUNTS, open=count)
    permutation = seed.sow(folder, plan)
    tasks = seed.ids(permutation, range(1, count + 1))
    polls = [poll_of(task, plan.account_of(n), prefer="wait=60") for n, task in enumerate(tasks, 1)]
    command = [sys.executable, str(Path(held.__file__)), str(folder), str(machine.SERVER_CORE), "10000"]
    machine.raise_files()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with ended(process), asyncio.Runner(loop_factory=machine.loop) as runner:
        assert process.stdout is not None
        server = Server(process.pid, int(process.stdout.readline()))
        weight, idle, spent, heard = runner.run(_wait_and_hear(process, server, polls))
    came = json.loads((folder / held.TIMES).read_text())
    lags = sorted(at - came[str(task)] for task, at in zip(tasks, heard, strict=True))
    span = max(came.values()) - min(came.values())
    bench.most(f"memory of each of {count:,} held polls", weight / count / 1024, 12, " KB")
    bench.tell("CPU while all are held", f"{idle:.1%}")
    bench.tell("answers came at, per second", f"{count / max(span, 1e-9):,.0f}")
    bench.tell("CPU of an answer and its reply, µs", f"{spent / count * 1e6:.0f}")
    bench.tell("from answer to reply, p50", f"{lags[len(lags) // 2]:.3f} s")
    bench.most("from answer to reply, longest", lags[-1], 1, " s")


async def _wait_and_hear(
    process: subprocess.Popen[str], server: Server, polls: list[bytes]
) -> tuple[int, float, float, list[float]]:
    """Hold the polls, then start the answers.

    Gives the memory all took, the CPU's share meanwhile, the CPU seconds of all answers, and when each was heard.
    """
    loop = asyncio.get_running_loop()
    before = machine.resident(server.pid)
    connections = []
    for poll in polls:
        tally = Tally(READY)
        connection = Connection(each(iter([poll])), tally, 0.0, loop.create_future())
        await loop.create_connection(lambda made=connection: made, "127.0.0.1", server.port)  # type: ignore[misc]
        connections.append((connection, tally))
    idle = await _calm(server)
    weight = machine.resident(server.pid) - before
    used = server.cpu()
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    await asyncio.gather(*(connection.done for connection, _ in connections))
    spent = server.cpu() - used
    assert process.stdout is not None
    await asyncio.to_thread(process.stdout.readline)
    for _, tally in connections:
        tally.check()
    return weight, idle, spent, [connection.heard for connection, _ in connections]


async def _calm(server: Server) -> float:
    """Wait until the polls are all held, when the server does next to nothing; gives its share of a core then."""
    share = 1.0
    for _ in range(20):
        used = server.cpu()
        await asyncio.sleep(1.0)
        before, share = share, server.cpu() - used
        if max(before, share) < _CALM:
            break
    return share


def scale(bench: Bench) -> None:
    """Poll, create, claim and answer at few and at many stored tasks, in turns."""
    ends = [stored(bench, count) for count in counts(bench)]
    with ExitStack() as stack:
        servers = [stack.enter_context(serving("desk", folder)) for folder, _ in ends]
        both_ends(bench, servers, [calls for _, calls in ends])


def counts(bench: Bench) -> tuple[int, int]:
    """Give how many tasks are few and many."""
    return bench.size(10_000, 1_000), bench.size(5_000_000, 3_000)


def both_ends(bench: Bench, servers: list[Server], ends: list[Calls]) -> None:
    """Ask one server with few and one with many tasks, in turns, and add what a call costs at both."""
    tallies: list[dict[str, list[Tally]]] = [{}, {}]
    with asyncio.Runner(loop_factory=machine.loop) as runner:
        for _ in range(bench.size(40, 1)):
            for server, calls, found in zip(servers, ends, tallies, strict=True):
                for name, (sources, expect) in calls.items():
                    tally = runner.run(load(server.port, sources(), Tally(expect), 60, server.cpu))
                    tally.check()
                    found.setdefault(name, []).append(tally)
    few, many = counts(bench)
    for name in tallies[0]:
        small, big = (found[name] for found in tallies)
        cpu = [statistics.median(tally.cpu / len(tally.waits) for tally in some) * 1e6 for some in (small, big)]
        p50 = [statistics.median(tally.percentile(0.5) for tally in some) * 1e3 for some in (small, big)]
        bench.tell(f"{name}: CPU at {few:,} and {many:,}, µs", f"{cpu[0]:.1f}, {cpu[1]:.1f}")
        bench.tell(f"{name}: p50 at {few:,} and {many:,}, ms", f"{p50[0]:.2f}, {p50[1]:.2f}")
        pairs = zip(small, big, strict=True)
        ratio = statistics.median(b.cpu / len(b.waits) * len(a.waits) / a.cpu for a, b in pairs)
        bench.most(f"{name}: CPU, many / few", ratio, 1.2)


def stored(bench: Bench, count: int) -> tuple[Path, Calls]:
    """Make a folder with a fifth of its tasks in the queue; gives what is asked of it in each turn."""
    folder = (bench.kept or bench.folder) / f"stored-{count}"
    plan = seed.Seed(settled=count - count // 5, open=count // 5)
    began = time.perf_counter()
    permutation = seed.found(folder) or seed.sow(folder, plan)
    size = (folder / DATABASE).stat().st_size / MIB
    bench.tell(f"{count:,} tasks made in; the file", f"{time.perf_counter() - began:.0f} s; {size:,.0f} MiB")
    # Each task is polled once, so that none is on the board yet.
    step = max(1, plan.settled // 8_000)
    polls = iter([poll_of(task) for task in seed.ids(permutation, range(1, plan.settled + 1, step))])
    creates = itertools.repeat(create_of(_small_picture()))
    return folder, {
        "poll": (lambda: [each(itertools.islice(polls, 25)) for _ in range(8)], READY),
        "create": (lambda: [each(itertools.islice(creates, 25)) for _ in range(8)], CREATED),
        "claim and answer": (lambda: [_worker(12) for _ in range(8)], b'"leases"'),
    }


def _small_picture() -> bytes:
    """Make a picture of about 100 bytes, the content of the seeded tasks."""
    return LABEL.read_bytes()[:100]


def _worker(times: int) -> Source:
    """Claim a task, then answer it and claim the next in one call."""
    left = itertools.count(times, -1)
    claim = {"kinds": ["text"], "max": 1, "wait": 0}
    first = work("claim", claim)

    def ask(reply: bytes) -> bytes | None:
        if not reply:
            return first
        lease = msgspec.json.decode(reply.partition(b"\r\n\r\n")[2])["leases"][0]["lease"]
        last = next(left) <= 0
        return None if last else work("answer", {"lease": lease, "value": seed.SOLUTION, "claim": claim})

    return ask


def memory(bench: Bench) -> None:
    """The API process idle on a new folder."""
    with serving("desk", bench.folder / "memory") as desk:
        time.sleep(1.0)
        bench.most("resident memory of the API process, idle", machine.resident(desk.pid) / MIB, 120, " MB")


def start(bench: Bench) -> None:
    """From the command to readiness with many tasks stored, and to a first recognised picture on a new folder."""
    stored = bench.size(1_000_000, 1_000)
    folder = bench.folder / "stored"
    seed.sow(folder, seed.Seed(settled=stored - stored // 5, open=stored // 5))
    waits = []
    for _ in range(bench.size(5, 1)):
        began = time.perf_counter()
        with commanded(folder, "none"):
            waits.append(time.perf_counter() - began)
    bench.most(f"ready with {stored:,} stored tasks, median", statistics.median(waits), 2, " s")
    began = time.perf_counter()
    new = bench.folder / "new"
    with commanded(new, "ocr") as port, asyncio.Runner() as runner:
        text = runner.run(_recognised(port, (new / FIRST_KEY).read_text().strip()))
    bench.most("first recognised picture after a cold start", time.perf_counter() - began, 6, " s")
    bench.tell("what it read", repr(text))


async def _recognised(port: int, key: str) -> str:
    caller = await Caller.at(port)
    task = {"type": "ImageToTextTask", "body": base64.b64encode(LABEL.read_bytes()).decode()}
    made: dict[str, Any] = await caller.ask(post("/createTask", {"clientKey": key, "task": task}))
    poll = post("/getTaskResult", {"clientKey": key, "taskId": made["taskId"]})
    while (reply := await caller.ask(poll)).get("status") == "processing":
        pass
    caller.close()
    return str(reply["solution"]["text"])
