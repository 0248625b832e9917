"""The benchmarks of the wire: polls, creates, both at once, and the loop of a whole task.
Rule: every request is a real client's: a key that is checked, a picture that is decoded, a row that is durable."""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import os
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import machine
import seed
from load import Caller, Source, Tally, each, load, post
from PIL import Image
from runs import Bench, Server, Side, compare, in_turns, middle, serving

from answerdesk.model.task import TaskId
from answerdesk.store.folder import DATABASE

CONNECTIONS: Final = 32
READY: Final = b'"status":"ready"'
CREATED: Final = b'"taskId":'
_AUTHORIZATION: Final = f"Bearer {seed.TOKEN}"


def poll_of(task: TaskId | int, account: int = 1, **headers: str) -> bytes:
    """Encode a poll."""
    return post("/getTaskResult", {"clientKey": seed.key_of(account), "taskId": task}, **headers)


def picture() -> bytes:
    """Draw a picture of 4 KB."""
    file = io.BytesIO()
    Image.frombytes("L", (64, 62), os.urandom(64 * 62)).save(file, "PNG")
    return file.getvalue()


def create_of(data: bytes, account: int = 1) -> bytes:
    """Encode a createTask."""
    task = {"type": "ImageToTextTask", "body": base64.b64encode(data).decode(), "numeric": 1, "minLength": 4}
    return post("/createTask", {"clientKey": seed.key_of(account), "task": task})


def work(path: str, body: object) -> bytes:
    """Encode a call of the work API."""
    return post(f"/api/work/{path}", body, authorization=_AUTHORIZATION)


def shared(requests: Callable[[], Iterator[bytes]], connections: int) -> Callable[[], list[Source]]:
    """Let connections share one stream of requests, made anew for each turn."""

    def sources() -> list[Source]:
        source = each(requests())
        return [source] * connections

    return sources


def poll(bench: Bench) -> None:
    """Polls of settled tasks against a bare handler: all on the board, then half of them not."""
    hung, fresh = bench.size(100_000, 500), bench.size(90_000, 5_000)
    permutation = seed.sow(bench.folder / "poll", seed.Seed(settled=hung + fresh))
    board = [poll_of(task) for task in seed.ids(permutation, range(1, hung + 1))]
    others = iter([poll_of(task) for task in seed.ids(permutation, range(hung + 1, hung + fresh + 1))])
    around = itertools.cycle(board)

    def half_fresh() -> Iterator[bytes]:
        # Ends the turn when every fresh one was asked for.
        return itertools.chain.from_iterable(zip(others, around, strict=False))

    with serving("bare", "result") as bare, serving("desk", bench.folder / "poll") as desk:
        hang_up(desk, board, READY)
        sides = [
            Side("bare", bare, shared(lambda: around, CONNECTIONS), READY),
            Side("board", desk, shared(lambda: around, CONNECTIONS), READY),
        ]
        compare(bench, "all on the board / bare", in_turns(bench, sides), ("bare", "board"), 0.65)
        sides[1] = Side("half", desk, shared(half_fresh, CONNECTIONS), READY)
        compare(bench, "half not on the board / bare", in_turns(bench, sides), ("bare", "half"), 0.3)


def hang_up(desk: Server, requests: list[bytes], expect: bytes) -> None:
    """Poll every task once."""
    tally = Tally(expect)
    sources = [each(iter(requests[start::CONNECTIONS])) for start in range(CONNECTIONS)]
    with asyncio.Runner(loop_factory=machine.loop) as runner:
        runner.run(load(desk.port, sources, tally, 600, desk.cpu))
    tally.check()
    assert len(tally.waits) == len(requests)


def submit(bench: Bench) -> None:
    """Creates with every check, durable before the reply, against a bare handler."""
    seed.sow(bench.folder / "submit", seed.Seed())
    request = create_of(picture())
    creates = itertools.repeat(request)
    with serving("bare", "create") as bare, serving("desk", bench.folder / "submit") as desk:
        for connections in (32, 256):
            sources = shared(lambda: creates, connections)
            sides = [Side("bare", bare, sources, CREATED), Side("create", desk, sources, CREATED)]
            tallies = in_turns(bench, sides)
            compare(bench, f"{connections} connections / bare", tallies, ("bare", "create"), 0.3)
            if connections == CONNECTIONS:
                spread = middle(tallies["create"], lambda tally: tally.percentile(0.99) / tally.percentile(0.5))
                bench.most("p99 / p50 at 32 connections", spread, 4)


def mix(bench: Bench) -> None:
    """Creates beside polls that fill the server, against creates alone."""
    polled = bench.size(10_000, 500)
    permutation = seed.sow(bench.folder / "mix", seed.Seed(settled=polled))
    with serving("desk", bench.folder / "mix") as desk:
        beside(bench, desk, seed.ids(permutation, range(1, polled + 1)))


def beside(bench: Bench, desk: Server, tasks: list[TaskId]) -> None:
    """Create alone, then beside polls of settled tasks, in turns."""
    around = itertools.cycle([poll_of(task) for task in tasks])
    creates = itertools.repeat(create_of(picture()))
    pairs = []

    async def run(*loads: tuple[Tally, Iterator[bytes]]) -> None:
        await asyncio.gather(
            *(
                load(desk.port, [each(requests)] * CONNECTIONS, tally, bench.seconds, desk.cpu)
                for tally, requests in loads
            )
        )
        for tally, _ in loads:
            tally.check()

    with asyncio.Runner(loop_factory=machine.loop) as runner:
        for _ in range(bench.rounds):
            alone, with_polls, polls = Tally(CREATED), Tally(CREATED), Tally(READY)
            runner.run(run((alone, creates)))
            runner.run(run((with_polls, creates), (polls, around)))
            pairs.append((alone, with_polls, polls))
    rates = (statistics.median(tally.rate for tally in column) for column in zip(*pairs, strict=True))
    bench.tell("creates alone; beside polls; those polls, per second", "; ".join(f"{rate:,.0f}" for rate in rates))
    ratio = statistics.median(with_polls.rate / alone.rate for alone, with_polls, _ in pairs)
    bench.least("creates beside polls / creates alone", ratio, 0.4)


def loop(bench: Bench) -> None:
    """The whole walk of a task: created, claimed, answered at once, seen by a held poll."""
    folder = bench.folder / "loop"
    seed.sow(folder, seed.Seed())
    with serving("desk", folder) as desk, asyncio.Runner(loop_factory=machine.loop) as runner:
        walks = runner.run(_walk(desk, bench.size(500, 20)))
        commit = _commit_seconds(folder / DATABASE)
    p50 = statistics.median(walks)
    p99 = sorted(walks)[len(walks) * 99 // 100]
    bench.tell("one fsync'd commit of the same file, median of 200", f"{commit * 1000:.3g} ms")
    bench.tell("create to seen by a held poll, p99", f"{p99 * 1000:.3g} ms")
    bench.most("create to seen by a held poll, p50", p50 * 1000, round(10_000 * commit + 5, 2), " ms")


async def _walk(desk: Server, times: int) -> list[float]:
    worker = asyncio.create_task(_answer_all(desk))
    creator, poller = await Caller.at(desk.port), await Caller.at(desk.port)
    request = create_of(picture())
    walks = []
    for _ in range(times):
        began = time.perf_counter()
        made: dict[str, Any] = await creator.ask(request)
        reply: dict[str, Any] = await poller.ask(poll_of(made["taskId"]))
        walks.append(time.perf_counter() - began)
        assert reply["status"] == "ready", reply
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    creator.close()
    poller.close()
    return walks


async def _answer_all(desk: Server) -> None:
    """Be a worker who knows every answer."""
    caller = await Caller.at(desk.port)
    claim = {"kinds": ["text"], "max": 1, "wait": 30}
    given = await caller.ask(work("claim", claim))
    while True:
        (lease,) = given["leases"] or ({},)
        body = {"lease": lease["lease"], "value": "12345", "claim": claim} if lease else claim
        given = await caller.ask(work("answer" if lease else "claim", body))


def _commit_seconds(database: Path) -> float:
    waits = []
    with closing(sqlite3.connect(database, isolation_level=None, timeout=5)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        for number in range(200):
            began = time.perf_counter()
            connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES ('benchmark', ?)", (number,))
            waits.append(time.perf_counter() - began)
    return statistics.median(waits)
