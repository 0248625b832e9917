"""The benchmark of the queue: people who each answer, and claim their next task, once a second, out of a long queue.
Rule: what a claim costs is told beyond one commit, taken from creates at the same pace and in the same seconds: a
disk that falters then falters for both."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import machine
import seed
from cases import create_of, picture
from load import post
from runs import Bench, Server, serving

T = TypeVar("T")

_ACCOUNTS = 50
#: Gives a client's next request for the JSON of its last reply, None at first.
Next = Callable[[object], bytes]


def claim(bench: Bench) -> None:
    """Answers with the next claim in one request, by many people at once, and how they get slower with the queue."""
    workers, seconds = bench.size(200, 4), bench.size(20, 2)
    measured: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for count in (bench.size(10_000, 200), bench.size(1_000_000, 400)):
        folder = bench.folder / f"queue-{count}"
        seed.sow(folder, seed.Seed(accounts=_ACCOUNTS, open=count, workers=workers))
        with serving("desk", folder) as desk, asyncio.Runner(loop_factory=machine.loop) as runner:
            runner.run(_paced(desk, [_person(number) for number in range(1, workers + 1)], 2))
            customers = [_customer(number % _ACCOUNTS + 1) for number in range(workers)]
            people = [_person(number) for number in range(1, workers + 1)]
            made, said = map(_waits, runner.run(_both(_paced(desk, customers, seconds), _paced(desk, people, seconds))))
            before = desk.cpu()
            answers = runner.run(_paced(desk, people, seconds))
            used = (desk.cpu() - before) / len(answers)
        measured.append((made, said))
        bench.tell(f"{count:,} waiting: a create (one commit), p50 and p99", _shown(made))
        bench.tell(f"{count:,} waiting: an answer with the next claim, p50 and p99", _shown(said))
        bench.tell(f"{count:,} waiting: CPU of an answer with the next claim", f"{used * 1000:.2f} ms")
    (_, short), (made, said) = measured
    bench.most("of which beyond one commit, p50", (said[0] - made[0]) * 1000, 3, " ms")
    bench.most("of which beyond one commit, p99", (said[1] - made[1]) * 1000, 15, " ms")
    bench.tell("p50 at the long queue / at the short one", f"{said[0] / short[0]:.2f}")


async def _both(first: Coroutine[Any, Any, T], second: Coroutine[Any, Any, T]) -> tuple[T, T]:
    return await asyncio.gather(first, second)


def _shown(waits: tuple[float, float]) -> str:
    return " / ".join(f"{wait * 1000:.1f} ms" for wait in waits)


def _waits(waits: list[float]) -> tuple[float, float]:
    """Give the median and the 99th percentile."""
    ordered = sorted(waits)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


def _person(number: int) -> Next:
    """Answer what was given, and claim the next one in the same request."""
    token = f"Bearer {seed.token_of(number)}"
    claim = {"kinds": ["text"], "max": 1, "wait": 0}

    def ask(told: object) -> bytes:
        leases = told["leases"] if isinstance(told, dict) else []
        if not leases:
            return post("/api/work/claim", claim, authorization=token)
        body = {"lease": leases[0]["lease"], "value": seed.SOLUTION, "claim": claim}
        return post("/api/work/answer", body, authorization=token)

    return ask


def _customer(account: int) -> Next:
    request = create_of(picture(), account)
    return lambda _: request


async def _paced(desk: Server, clients: list[Next], seconds: int) -> list[float]:
    """Let each client ask once a second, at moments spread over the second; gives how long each reply took."""
    waits: list[float] = []
    begin = time.perf_counter() + 0.5
    await asyncio.gather(
        *(
            _client(desk, ask, [begin + i / len(clients) + second for second in range(seconds)], waits)
            for i, ask in enumerate(clients)
        )
    )
    return waits


async def _client(desk: Server, ask: Next, moments: list[float], waits: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.port)
    told: object = None
    for at in moments:
        request = ask(told)
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        sent = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r")[0])
        told = json.loads(await reader.readexactly(length))
        waits.append(time.perf_counter() - sent)
        if not head.startswith(b"HTTP/1.1 200"):
            msg = f"the reply was {head!r} {told!r}"
            raise AssertionError(msg)
    writer.close()
    await writer.wait_closed()
