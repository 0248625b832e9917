"""The benchmark of callbacks: how soon a healthy receiver hears beside a hundred dead ones to which much is owed.
Rule: everything goes the customer's way: created, answered, settled, posted over HTTP."""

from __future__ import annotations

import asyncio
import base64
import itertools
import socket
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

import machine
import seed
from cases import picture, work
from load import Caller, post
from runs import Bench, Server, serving

from answerdesk.desk.ports import Changes
from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.callback import Callback
from answerdesk.store.database import connect
from answerdesk.store.folder import DATABASE

MIB: Final = 2**20
DEAD: Final = tuple(f"127.0.1.{number}" for number in range(1, 101))
HEALTHY: Final = tuple(f"127.0.2.{number}" for number in range(1, 6))
#: Tasks settled a second for the healthy receivers.
RATE: Final = 50
_OK: Final = b"HTTP/1.1 204 No Content\r\n\r\n"


def callbacks(bench: Bench) -> None:
    """Healthy receivers alone, then beside dead ones to which 100,000 callbacks are owed."""
    count = bench.size(500, 20)
    owed = bench.size(100_000, 500)
    hosts = f"callback_hosts={','.join((*DEAD, *HEALTHY))}"
    weights = []
    for name, dead in (("alone", 0), ("beside", owed)):
        folder = bench.folder / name
        seed.sow(folder, seed.Seed(settled=max(1, dead)))
        with ExitStack() as open_files:
            port = _dead(open_files)
            _owe(folder, dead, port)
            desk = open_files.enter_context(serving("desk", folder, hosts, "callback_private=1"))
            time.sleep(bench.size(10, 1))
            weights.append(machine.resident(desk.pid) / MIB)
            used, began = desk.cpu(), time.perf_counter()
            time.sleep(bench.size(5, 1))
            busy = (desk.cpu() - used) / (time.perf_counter() - began)
            with asyncio.Runner(loop_factory=machine.loop) as runner:
                waits = sorted(runner.run(_hear(desk, count)))
        bench.tell(f"CPU share of the server, {dead:,} owed to the dead", f"{busy:.1%}")
        bench.tell(f"from answered to posted, {name}, p50", f"{waits[len(waits) // 2] * 1000:.0f} ms")
        bench.most(f"from answered to posted, {name}, p99", waits[len(waits) * 99 // 100], 1, " s")
    bench.most(f"memory that {owed:,} owed callbacks take", weights[1] - weights[0], 64, " MB")


def _dead(open_files: ExitStack) -> int:
    """Listen at a hundred addresses and never take a connection; gives the port they share."""
    port = 0
    for host in DEAD:
        listening = open_files.enter_context(closing(socket.socket()))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(1)
        port = listening.getsockname()[1]
    return port


def _owe(folder: Path, count: int, port: int) -> None:
    """Owe callbacks to the dead for tasks that are settled, as settling them would have."""
    now = Millis(time.time_ns() // 1_000_000)
    hosts = itertools.cycle(DEAD)
    owed = tuple(
        Callback(n=Sequence(n), account=AccountId(1), url=f"http://{host}:{port}/", host=host, due=now)
        for n, host in zip(range(1, count + 1), hosts, strict=False)
    )
    with closing(connect(str(folder / DATABASE))) as db:
        seed.write(db, Changes(callbacks=owed), now)


async def _hear(desk: Server, count: int) -> list[float]:
    """Have tasks answered at a rate; gives how long each took from its answer to its post."""
    heard: dict[int, float] = {}

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        heard[int(head.partition(b"x-task-id: ")[2].partition(b"\r\n")[0])] = time.perf_counter()
        writer.write(_OK)
        writer.close()

    first = await asyncio.start_server(receive, HEALTHY[0], 0)
    port = first.sockets[0].getsockname()[1]
    servers = [first, *[await asyncio.start_server(receive, host, port) for host in HEALTHY[1:]]]
    customer, worker = await Caller.at(desk.port), await Caller.at(desk.port)
    data = base64.b64encode(picture()).decode()
    answered: dict[int, float] = {}
    began = time.perf_counter()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        url = f"http://{HEALTHY[number % len(HEALTHY)]}:{port}/"
        answered[await _settle(customer, worker, url, data)] = time.perf_counter()
    until = time.perf_counter() + 60
    while answered.keys() - heard.keys() and time.perf_counter() < until:  # noqa: ASYNC110 - the receivers tell nobody
        await asyncio.sleep(0.01)
    for server in servers:
        server.close()
    customer.close()
    worker.close()
    assert not answered.keys() - heard.keys(), f"{len(answered.keys() - heard.keys())} were never posted"
    # A post may come before its worker has read the reply.
    return [max(0.0, heard[task] - at) for task, at in answered.items()]


async def _settle(customer: Caller, worker: Caller, url: str, data: str) -> int:
    task = {"type": "ImageToTextTask", "body": data}
    ask = {"clientKey": seed.key_of(1), "task": task, "callbackUrl": url}
    made: dict[str, Any] = await customer.ask(post("/createTask", ask))
    given = await worker.ask(work("claim", {"kinds": ["text"], "max": 1, "wait": 30}))
    (lease,) = given["leases"]
    verdict = await worker.ask(work("answer", {"lease": lease["lease"], "value": seed.SOLUTION}))
    assert verdict["accepted"], verdict
    return int(made["taskId"])
