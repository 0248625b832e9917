"""Bodies that arrive at the same time: how much of them is in memory, who waits, and what who waits long is told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from answerdesk.api.app import App
from answerdesk.api.budget import SMALL, Budget, Crowded, Share
from answerdesk.api.http import Gone, TooBig, read_body
from answerdesk.api.legacy import Legacy
from answerdesk.api.methods import Methods
from answerdesk.api.native import Native

KIB, MIB = 2**10, 2**20
PIECE = b"x" * (64 * KIB)


class Body:
    """A body on its way: a piece for each that is let in, and how much was taken of it."""

    def __init__(self, size: int, scope: dict[str, Any] | None = None) -> None:
        self.scope = scope or {"type": "http", "headers": []}
        self.left, self.received = size, 0
        self.gate = asyncio.Semaphore(0)
        self.gone = False

    def let(self, size: int) -> None:
        """Let so much of it arrive."""
        for _ in range(size // len(PIECE)):
            self.gate.release()

    async def receive(self) -> dict[str, Any]:
        await self.gate.acquire()
        if self.gone:
            return {"type": "http.disconnect"}
        piece = PIECE[: self.left]
        self.left -= len(piece)
        self.received += len(piece)
        return {"type": "http.request", "body": piece, "more_body": self.left > 0}

    def read(self, budget: Budget) -> asyncio.Task[bytes]:
        return asyncio.create_task(read_body(self.scope, self.receive, budget))


async def turns() -> None:
    for _ in range(500):
        await asyncio.sleep(0)


async def test_bodies_together_take_no_more_than_the_budget_and_one_body():
    budget = Budget(8 * MIB)
    bodies = [Body(4 * MIB) for _ in range(20)]
    reading = [body.read(budget) for body in bodies]
    for body in bodies:
        body.let(2 * MIB)
    await turns()
    held = sum(body.received for body in bodies)
    for body in bodies:
        body.let(2 * MIB)

    assert 8 * MIB <= held <= 8 * MIB + len(bodies) * (SMALL + len(PIECE))
    assert {len(body) for body in await asyncio.gather(*reading)} == {4 * MIB}
    assert budget.taken == 0


async def test_the_body_that_began_first_goes_on_however_many_wait():
    budget = Budget(MIB)
    first, second = Body(4 * MIB), Body(4 * MIB)
    reading = [first.read(budget), second.read(budget)]
    for _ in range(32):
        first.let(len(PIECE))
        second.let(len(PIECE))
        await turns()
    stood = second.received
    first.let(2 * MIB)
    second.let(2 * MIB)

    assert len(await reading[0]) == len(await reading[1]) == 4 * MIB
    assert first.received > stood
    assert stood <= MIB


async def test_small_bodies_never_wait():
    budget = Budget(MIB)
    full = Body(8 * MIB)
    filling = full.read(budget)
    full.let(2 * MIB)
    await turns()
    small = Body(SMALL)
    small.let(SMALL)

    assert len(await small.read(budget)) == SMALL
    full.gone = True
    full.gate.release()
    with pytest.raises(Gone):
        await filling
    assert budget.taken == 0


async def test_a_body_that_finds_no_room_in_time_is_crowded_out_and_leaves_nothing_behind():
    budget = Budget(MIB, patience=0.01)
    full, late = Body(8 * MIB), Body(8 * MIB)
    filling = full.read(budget)
    full.let(2 * MIB)
    await turns()
    waiting = late.read(budget)
    late.let(2 * MIB)

    with pytest.raises(Crowded):
        await waiting
    assert budget.taken == full.received
    full.let(6 * MIB)
    assert len(await filling) == 8 * MIB
    assert budget.taken == 0


async def test_a_body_over_its_cap_gives_back_what_it_had():
    budget = Budget(64 * MIB)
    big = Body(30 * MIB)
    reading = big.read(budget)
    big.let(30 * MIB)

    with pytest.raises(TooBig):
        await reading
    assert budget.taken == 0


async def test_who_leaves_while_waiting_takes_nothing():
    budget = Budget(MIB)
    first, second = Share(), Share()
    await budget.grow(first, 2 * MIB)
    waiting = asyncio.create_task(budget.grow(second, MIB))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    budget.release(second)
    budget.release(first)
    budget.release(first)

    assert budget.taken == 0


class Front:
    """What the doors ask of the front before anybody is known."""

    class terms:  # noqa: N801 - stands for a value
        dialect = "2captcha"


class Peers:
    def ip(self, _: object) -> str:
        return "192.0.2.1"


async def crowded_out(path: str, query: bytes = b"") -> tuple[int, dict[bytes, bytes], bytes]:
    """Post a body for which there is no room."""
    parts: dict[str, Any] = dict.fromkeys(("store", "records", "ids", "feed"))
    front: Any = Front()
    peers: Any = Peers()
    nobody: Any = None
    budget = Budget(MIB, patience=0.0)
    await budget.grow(Share(), 2 * MIB)
    app = App(
        methods=Methods(front, peers, nobody, None), legacy=Legacy(front, peers, nobody, cross_origin=False),
        native=Native(front=front, peers=peers, **parts), work=nobody, gallery=None, ready=lambda: None,
        cross_origin=False, user_agent="x", bodies=budget,
    )  # fmt: skip
    scope = {"type": "http", "path": path, "method": "POST", "headers": [], "query_string": query}
    body, sent = Body(MIB, scope), []
    body.let(MIB)

    async def send(message: Any) -> None:
        sent.append(message)

    await app(body.scope, body.receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


async def test_a_json_client_is_told_that_there_is_no_slot():
    status, _, body = await crowded_out("/createTask")

    told = json.loads(body)
    assert (status, told["errorId"], told["errorCode"]) == (200, 2, "ERROR_NO_SLOT_AVAILABLE")


@pytest.mark.parametrize(
    ("query", "told"),
    [(b"", b"ERROR_NO_SLOT_AVAILABLE"), (b"json=1", b'{"status":0,"request":"ERROR_NO_SLOT_AVAILABLE"')],
)
async def test_an_older_client_is_told_that_there_is_no_slot(query, told):
    status, _, body = await crowded_out("/in.php", query)

    assert status == 200
    assert body.startswith(told)


@pytest.mark.parametrize("path", ["/v1/tasks", "/v1/tasks/batch", "/getTaskResult", "/res.php", "/api/work/answer"])
async def test_everybody_else_is_told_to_come_again(path):
    status, headers, body = await crowded_out(path)

    assert (status, headers[b"retry-after"]) == (503, b"5")
    assert b"5 seconds" in body
