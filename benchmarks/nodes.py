"""The benchmarks of nodes on PostgreSQL: creates, polls, both at once, two nodes on one database, and many tasks.
Rule: what a call costs is the CPU time of the node and of the database together, unless it is said otherwise."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import machine
import seed
import sizes
from cases import CONNECTIONS, CREATED, READY, beside, create_of, hang_up, picture, poll_of, shared, work
from database import Cluster, cluster
from load import Caller, Connection, Source, Tally, each, load
from runs import Bench, Server, Side, compare, in_turns, serving

from answerdesk.model.task import Permutation, TaskId
from answerdesk.store.folder import DATABASE

#: Answers a second while polls are held, and over how many connections they come.
_RATE: Final = 200
_ANSWERING: Final = 16
#: How many leases the work API gives at once.
_MOST: Final = 16
_ACCOUNTS: Final = 4


@contextmanager
def _clustered(bench: Bench) -> Iterator[Cluster]:
    """Run a database server in the benchmark's folder."""
    # The server's user is not whoever made the folder.
    bench.folder.chmod(0o711)
    with cluster(bench.folder / "postgres") as made:
        yield made


@contextmanager
def _nodes(bench: Bench, base: Cluster, url: str, count: int = 1) -> Iterator[list[Server]]:
    """Serve a database by so many nodes."""
    name = url.partition("?")[0].rpartition("/")[2]
    with ExitStack() as stack:
        made = []
        for number in range(count):
            flags = bench.folder / f"{name}-node-{number}", f"database={url}"
            node = stack.enter_context(serving("desk", *flags, core=machine.node_core(number)))
            # What the database does is counted once, at the first node.
            made.append(node if number else Server(node.pid, node.port, base.cpu))
        yield made


def _moved(base: Cluster, folder: Path, plan: seed.Seed) -> tuple[str, Permutation]:
    """Sow a folder and move it into a database."""
    permutation = seed.sow(folder, plan)
    return base.desk(folder.name, folder / DATABASE), permutation


def submit(bench: Bench) -> None:
    """Creates with every check and the money, against FastAPI and asyncpg inserting a row for each request."""
    creates = itertools.repeat(create_of(picture()))
    with _clustered(bench) as base, ExitStack() as stack:
        url, _ = _moved(base, bench.folder / "submit", seed.Seed())
        (node,) = stack.enter_context(_nodes(bench, base, url))
        bare = stack.enter_context(serving("plain", base.empty("plain")))
        plain = Server(bare.pid, bare.port, base.cpu)
        for connections in (32, 256):
            sources = shared(lambda: creates, connections)
            sides = [Side("plain", plain, sources, CREATED), Side("create", node, sources, CREATED)]
            before = [machine.cpu_seconds(side.server.pid) for side in sides]
            tallies = in_turns(bench, sides)
            for side, used in zip(sides, before, strict=True):
                count = sum(len(tally.waits) for tally in tallies[side.name])
                own = (machine.cpu_seconds(side.server.pid) - used) / count
                all_of_it = sum(tally.cpu for tally in tallies[side.name]) / count
                shown = f"{own * 1e6:.0f}; {(all_of_it - own) * 1e6:.0f}"
                bench.tell(f"{side.name}: CPU of the server; of the database, µs", shown)
            compare(bench, f"{connections} connections / plain", tallies, ("plain", "create"), 3)


def poll(bench: Bench) -> None:
    """Polls of settled tasks that are on the board, against the same on SQLite."""
    hung = bench.size(10_000, 500)
    folder = bench.folder / "poll"
    with _clustered(bench) as base, ExitStack() as stack:
        url, permutation = _moved(base, folder, seed.Seed(settled=hung))
        requests = [poll_of(task) for task in seed.ids(permutation, range(1, hung + 1))]
        around = itertools.cycle(requests)
        sqlite = stack.enter_context(serving("desk", folder))
        (node,) = stack.enter_context(_nodes(bench, base, url))
        sides = [
            Side(name, server, shared(lambda: around, CONNECTIONS), READY)
            for name, server in (("sqlite", sqlite), ("node", node))
        ]
        for side in sides:
            hang_up(side.server, requests, READY)
        compare(bench, "all on the board / SQLite", in_turns(bench, sides), ("sqlite", "node"), 0.9)


def mix(bench: Bench) -> None:
    """Creates beside polls that fill the node, against creates alone."""
    polled = bench.size(10_000, 500)
    with _clustered(bench) as base:
        url, permutation = _moved(base, bench.folder / "mix", seed.Seed(settled=polled))
        with _nodes(bench, base, url) as (node,):
            beside(bench, node, seed.ids(permutation, range(1, polled + 1)))


def pair(bench: Bench) -> None:
    """Polls and creates at one node, and at two on a database of their own, each asked as much as the one."""
    hung = bench.size(10_000, 500)
    with _clustered(bench) as base, ExitStack() as stack:
        folder = bench.folder / "one"
        url, permutation = _moved(base, folder, seed.Seed(settled=hung))
        other = base.desk("two", folder / DATABASE)
        sides = [stack.enter_context(_nodes(bench, base, url)), stack.enter_context(_nodes(bench, base, other, 2))]
        requests = [poll_of(task) for task in seed.ids(permutation, range(1, hung + 1))]
        for node in itertools.chain.from_iterable(sides):
            hang_up(node, requests, READY)
        calls = {
            "poll": (itertools.cycle(requests), READY),
            "create": (itertools.repeat(create_of(picture())), CREATED),
        }
        for name, (source, expect) in calls.items():
            _compare_nodes(bench, name, sides, [each(source)] * CONNECTIONS, expect)


def _compare_nodes(bench: Bench, name: str, sides: list[list[Server]], sources: list[Source], expect: bytes) -> None:
    """Ask the nodes of both sides in turns, and add what a call costs on two nodes against one."""
    #: For each side and round: calls a second, CPU seconds of the nodes for each call, and with the database's.
    found: list[list[tuple[float, float, float]]] = [[] for _ in sides]

    async def turn(nodes: list[Server]) -> tuple[float, float, float]:
        tallies = [Tally(expect) for _ in nodes]
        pairs = zip(nodes, tallies, strict=True)
        own, whole = _used(nodes)
        await asyncio.gather(*(load(node.port, sources, tally, bench.seconds, node.cpu) for node, tally in pairs))
        own, whole = (after - before for after, before in zip(_used(nodes), (own, whole), strict=True))
        for tally in tallies:
            tally.check()
        count = sum(len(tally.waits) for tally in tallies)
        return sum(tally.rate for tally in tallies), own / count, whole / count

    with asyncio.Runner(loop_factory=machine.loop) as runner:
        for _ in range(bench.rounds):
            for nodes, turns in zip(sides, found, strict=True):
                turns.append(runner.run(turn(nodes)))
    for nodes, turns in zip(sides, found, strict=True):
        rate, own, whole = (statistics.median(column) for column in zip(*turns, strict=True))
        shown = f"{rate:,.0f}; {own * 1e6:.0f}; {whole * 1e6:.0f}"
        bench.tell(f"{name}, nodes: {len(nodes)}; per second; CPU of the nodes, of all, µs", shown)
    one, two = found
    bench.most(f"{name}: CPU of the nodes, two / one", _middle(one, two, 1), 1.1)
    bench.most(f"{name}: CPU of nodes and database, two / one", _middle(one, two, 2), 1.1)


def _used(nodes: list[Server]) -> tuple[float, float]:
    """Give the CPU seconds of the nodes, and with the database's."""
    return sum(machine.cpu_seconds(node.pid) for node in nodes), sum(node.cpu() for node in nodes)


def _middle(one: list[tuple[float, float, float]], two: list[tuple[float, float, float]], place: int) -> float:
    return statistics.median(b[place] / a[place] for a, b in zip(one, two, strict=True))


def heard(bench: Bench) -> None:
    """Polls held at one node while the answers are given at the other, one after the other at a steady pace."""
    count = bench.size(2_000, 100)
    plan = seed.Seed(accounts=_ACCOUNTS, open=count)
    with _clustered(bench) as base:
        url, permutation = _moved(base, bench.folder / "heard", plan)
        tasks = seed.ids(permutation, range(1, count + 1))
        with _nodes(bench, base, url, 2) as (a, b), asyncio.Runner(loop_factory=machine.loop) as runner:
            given, known, told = runner.run(_answered(a, b, tasks, plan))
    # How long a commit takes is the disk's to say; what comes after it is ours, and both together are promised.
    _lags(bench, "answer given at A to acknowledged", [known[task] - given[task] for task in tasks], None)
    _lags(bench, "acknowledged at A to poll told at B", [told[task] - known[task] for task in tasks], 50)
    _lags(bench, "given at A to poll told at B", [told[task] - given[task] for task in tasks], 50)


Times = dict[TaskId, float]


async def _answered(a: Server, b: Server, tasks: list[TaskId], plan: seed.Seed) -> tuple[Times, Times, Times]:
    """Hold a poll of each task at B, answer all at A; gives when each was sent, acknowledged, and told at B."""
    loop = asyncio.get_running_loop()
    callers = [await Caller.at(a.port) for _ in range(_ANSWERING)]
    leases: dict[TaskId, str] = {}
    while len(leases) < len(tasks):
        given = await callers[0].ask(work("claim", {"kinds": ["text"], "max": _MOST, "wait": 0}))
        leases |= {lease["task"]: lease["lease"] for lease in given["leases"]}
    held = {}
    for n, task in enumerate(tasks, 1):
        request = poll_of(task, plan.account_of(n), prefer="wait=60")
        held[task] = Connection(each(iter([request])), Tally(READY), 0.0, loop.create_future())
        await loop.create_connection(lambda made=held[task]: made, "127.0.0.1", b.port)  # type: ignore[misc]
    await asyncio.sleep(1.0)
    sent: Times = {}
    known: Times = {}
    begin = time.perf_counter()

    async def answer(number: int, caller: Caller) -> None:
        for place in range(number, len(tasks), _ANSWERING):
            task = tasks[place]
            await asyncio.sleep(max(0.0, begin + place / _RATE - time.perf_counter()))
            sent[task] = time.perf_counter()
            said: Any = await caller.ask(work("answer", {"lease": leases[task], "value": seed.SOLUTION}))
            known[task] = time.perf_counter()
            assert said["accepted"], said

    await asyncio.gather(*(answer(number, caller) for number, caller in enumerate(callers)))
    await asyncio.gather(*(connection.done for connection in held.values()))
    for connection in held.values():
        connection.tally.check()
    for caller in callers:
        caller.close()
    return sent, known, {task: connection.heard for task, connection in held.items()}


def _lags(bench: Bench, what: str, lags: list[float], limit: float | None) -> None:
    lags.sort()
    p50, p99 = (lags[len(lags) * share // 100] * 1000 for share in (50, 99))
    bench.tell(f"{what}, p50", f"{p50:.1f} ms")
    bench.tell(f"{what}, longest", f"{lags[-1] * 1000:.1f} ms")
    if limit is None:
        bench.tell(f"{what}, p99", f"{p99:.1f} ms")
    else:
        bench.most(f"{what}, p99", p99, limit, " ms")


def scale(bench: Bench) -> None:
    """Poll, create, claim and answer at few and at many stored tasks, in turns; --keep keeps the databases as well."""
    ends = [sizes.stored(bench, count) for count in sizes.counts(bench)]
    bench.folder.chmod(0o711)
    with cluster((bench.kept or bench.folder) / "postgres") as base, ExitStack() as stack:
        servers = []
        for folder, _ in ends:
            began = time.perf_counter()
            url = base.desk(folder.name.replace("-", "_"), folder / DATABASE)
            bench.tell(f"{folder.name} moved to PostgreSQL in", f"{time.perf_counter() - began:.0f} s")
            servers += stack.enter_context(_nodes(bench, base, url))
        sizes.both_ends(bench, servers, [calls for _, calls in ends])
