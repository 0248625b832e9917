"""What lies between a caller and the server: messages come late, twice, out of order, or not at all.
Rule: who hears nothing in time knows nothing; what was asked may have been done, or may yet be."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import msgspec

from answerdesk.api.http import Answer
from tests.simulation.node import Node, Request
from tests.simulation.world import Event, World, drawn


class Reply(msgspec.Struct, frozen=True):
    """What was heard, and when the call began and ended."""

    status: int
    body: bytes
    began: float
    ended: float

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def refused_for_now(self) -> bool:
        """Whether nothing was promised, and another try is right."""
        return self.status == 503


class Network:
    """Carries one node's calls."""

    def __init__(self, world: World, node: Node) -> None:
        self.world = world
        self.node = node
        self.calls = 0
        self._couriers: dict[asyncio.Task[None], None] = {}

    async def call(self, who: str, dice: Random, request: Request, patience: float = 12.0) -> Reply | None:
        """Ask, and give the reply, or None when none was heard in time."""
        loop, weather = self.world.loop, self.world.weather
        began = loop.time()
        self.calls += 1
        gone: asyncio.Future[Any] = loop.create_future()
        heard: asyncio.Future[Answer | None] = loop.create_future()
        self._send(dice, request, heard, gone, lost=self.world.chance(dice, weather.lost))
        if self.world.chance(dice, weather.twice):
            self._send(dice, request, heard, gone, lost=False)
        answer = None
        try:
            async with asyncio.timeout(patience):
                answer = await heard
        except TimeoutError:
            if not gone.done():
                gone.set_result({"type": "http.disconnect"})
        ended = loop.time()
        what = f"{request.verb} {request.path}{'?' if request.query else ''}{request.query.decode()}"
        status, body = (answer.status, answer.body) if answer is not None else (None, b"")
        self.world.history.append(
            Event(
                began=began, ended=ended, who=who, what=what, key=request.key, asked=request.body, status=status,
                heard=body,
            )  # fmt: skip
        )
        return None if answer is None else Reply(answer.status, answer.body, began, ended)

    def _send(
        self, dice: Random, request: Request, heard: asyncio.Future[Answer | None], gone: asyncio.Future[Any], *,
        lost: bool,
    ) -> None:  # fmt: skip
        weather = self.world.weather
        seldom = 0.0 if self.world.calm else 0.03
        there, back = (drawn(dice, weather.lag, seldom) for _ in range(2))
        lost_back = self.world.chance(dice, weather.lost)
        courier = asyncio.ensure_future(self._carry(request, heard, gone, (there, back), (lost, lost_back)))
        self._couriers[courier] = None
        courier.add_done_callback(lambda done: self._couriers.pop(done, None))

    async def _carry(
        self, request: Request, heard: asyncio.Future[Answer | None], gone: asyncio.Future[Any],
        takes: tuple[float, float], lost: tuple[bool, bool],
    ) -> None:  # fmt: skip
        await asyncio.sleep(takes[0])
        if lost[0]:
            return
        answer: Answer | None = None
        if self.node.up:
            serving = self.node.serve(request, gone)
            await asyncio.wait((serving,))
            if not serving.cancelled():
                answer = serving.result()
        if lost[1]:
            return
        await asyncio.sleep(takes[1])
        # A connection that was cut is noticed; a message that was lost is not.
        if not heard.done():
            heard.set_result(answer)

    async def quiet(self) -> None:
        """Wait until nothing is under way any more."""
        while self._couriers:
            await asyncio.sleep(1.0)
