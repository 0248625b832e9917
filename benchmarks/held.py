"""The process of the `hold` benchmark: the desk as `main` composes it, with a worker inside who answers by the clock.
Rule: answers go through the desk's own verbs, as those of the work API do, so only HTTP is left out.

python benchmarks/held.py FOLDER CORE RATE [COUNT [BURST]]: a line on its input starts the answers.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from pathlib import Path
from typing import Final

import machine
import seed

from answerdesk import main
from answerdesk.api.server import Server, http_config, run_smoothly
from answerdesk.config import read_settings
from answerdesk.desk.ports import Heard
from answerdesk.desk.work import Answer, Claim
from answerdesk.model.account import Millis
from answerdesk.model.answer import Lease
from answerdesk.model.question import Kind
from answerdesk.model.solver import Solver
from answerdesk.model.task import Permutation

TIMES: Final = "times.json"
#: When each answer was durable.
COMMITTED: Final = "committed.json"
Times = dict[int, float]
#: How many answers are given at once: at 10,000 a second, every 5 ms.
BURST: Final = 50
WORKER: Final = Solver(id=seed.WORKER, name="worker", machine=False, kinds=frozenset({Kind.TEXT}))


async def claimed(desk: main.Desk) -> list[Lease]:
    """Lease every open task."""
    leases: list[Lease] = []
    ids = Permutation(desk.store.permutation_key)
    while True:
        names = tuple(f"{len(leases) + number:032x}" for number in range(500))
        found = await desk.store.run(Claim(solver=WORKER, kinds=(Kind.TEXT,), names=names, ids=ids))
        leases += [lease for lease, _ in found]
        if not found:
            return leases


async def answer(desk: main.Desk, leases: list[Lease], rate: float, burst: int) -> tuple[Times, Times]:
    """Answer at a rate; gives when each answer came and when it was durable, by public id."""
    ids = Permutation(desk.store.permutation_key)
    came: dict[int, float] = {}
    committed: dict[int, float] = {}
    said = []

    def note(heard: Heard) -> None:
        committed.update({ids.show(task.n): time.perf_counter() for task in heard.tasks if task.settled})

    desk.store.listen(note)
    began = time.perf_counter()
    for first in range(0, len(leases), burst):
        await asyncio.sleep(max(0.0, began + first / rate - time.perf_counter()))
        for lease in leases[first : first + burst]:
            task = ids.show(lease.task)
            came[task] = time.perf_counter()
            verb = Answer(solver=WORKER, lease=lease.token, value=seed.SOLUTION)
            said.append(asyncio.ensure_future(desk.store.run(verb)))
    for verdict in await asyncio.gather(*said):
        assert verdict.accepted, verdict
    return came, committed


async def _serve(folder: Path, rate: float, count: int | None = None, burst: int = BURST) -> None:
    settings = read_settings({"data": folder, "solver": "none", "poll_limit": 0}, {})
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    desk = main.Desk(settings, main.raise_file_limit())
    server = Server(http_config(desk.app), desk.leave, desk.release)
    leases = (await claimed(desk))[:count]
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await server.up.wait()
    run_smoothly()
    print(listening.getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for name, times in zip((TIMES, COMMITTED), await answer(desk, leases, rate, burst), strict=True):
        (folder / name).write_text(json.dumps(times))
    print("answered", Millis(len(leases)), flush=True)
    await serving
    await desk.close()


if __name__ == "__main__":
    machine.stay_on(int(sys.argv[2]))
    with main.uvloop_runner() as runner:
        runner.run(_serve(Path(sys.argv[1]), float(sys.argv[3]), *map(int, sys.argv[4:])))
