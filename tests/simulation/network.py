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
        #: Messages under way.
        self.travelling = 0

    async def call(self, who: str, dice: Random, request: Request, patience: float = 12.0) -> Reply | None:
        """Ask, and give the reply, or None when none was heard in time."""
        loop, weather = self.world.loop, self.world.weather
        began = loop.time()
        self.calls += 1
        call = _Call(self, request)
        call.send(dice, lost=self.world.chance(dice, weather.lost))
        if self.world.chance(dice, weather.twice):
            call.send(dice, lost=False)
        timer = loop.call_later(patience, call.give_up)
        answer = await call.heard
        timer.cancel()
        status, body = (answer.status, answer.body) if answer is not None else (None, b"")
        what = f"{request.verb} {request.path}{'?' if request.query else ''}{request.query.decode()}"
        self.world.history.append(
            Event(
                began=began,
                ended=loop.time(),
                who=who,
                what=what,
                key=request.key,
                asked=request.body,
                status=status,
                heard=body,
            )
        )
        return None if answer is None else Reply(answer.status, answer.body, began, loop.time())

    async def quiet(self) -> None:
        """Wait until nothing is under way any more."""
        while self.travelling:  # noqa: ASYNC110 - it costs no time
            await asyncio.sleep(1.0)


class _Call:
    """A request on its way, once or twice, and the first reply to it."""

    def __init__(self, network: Network, request: Request) -> None:
        self._network = network
        self._request = request
        self._loop = network.world.loop
        self.heard: asyncio.Future[Answer | None] = self._loop.create_future()
        #: Done once the caller is gone, which a server notices.
        self._gone: asyncio.Future[Any] = self._loop.create_future()

    def give_up(self) -> None:
        if not self.heard.done():
            self.heard.set_result(None)
            self._gone.set_result({"type": "http.disconnect"})

    def send(self, dice: Random, *, lost: bool) -> None:
        weather = self._network.world.weather
        seldom = 0.0 if self._network.world.calm else 0.03
        there, back = (drawn(dice, weather.lag, seldom) for _ in range(2))
        lost_back = self._network.world.chance(dice, weather.lost)
        if not lost:
            self._network.travelling += 1
            self._loop.call_later(there, self._arrive, back, lost_back)

    def _arrive(self, back: float, lost: bool) -> None:
        node = self._network.node
        if not node.up:
            self._loop.call_later(back, self._tell, None)
            return

        def served(serving: asyncio.Task[Answer]) -> None:
            # A connection that was cut is noticed; a message that was lost is not.
            answer = None if serving.cancelled() else serving.result()
            self._loop.call_later(back, self._drop if lost else self._tell, answer)

        node.serve(self._request, self._gone).add_done_callback(served)

    def _tell(self, answer: Answer | None) -> None:
        self._network.travelling -= 1
        if not self.heard.done():
            self.heard.set_result(answer)

    def _drop(self, _: Answer | None) -> None:
        self._network.travelling -= 1
