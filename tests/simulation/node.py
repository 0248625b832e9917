"""A server process: the real parts as a server wires them, which can be killed at any moment and started again.
Rule: all that a process remembers dies with it; what it had durable is all that the next one has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import msgspec

from answerdesk.api.admission import Admission
from answerdesk.api.events import Feed
from answerdesk.api.front import Front, Terms
from answerdesk.api.hold import Hold
from answerdesk.api.http import Answer, Peers
from answerdesk.api.limits import Polls
from answerdesk.api.native import Native
from answerdesk.api.pictures import Darkroom, Undecodable
from answerdesk.api.waiting import WaitingRoom
from answerdesk.api.work import WorkApi
from answerdesk.desk.board import Board
from answerdesk.desk.chores import CHORES, Chore, Retention
from answerdesk.desk.entrance import Entrance
from answerdesk.desk.orders import Orders
from answerdesk.desk.ports import Heard, Unavailable
from answerdesk.desk.spotchecks import SpotChecks
from answerdesk.desk.visits import Visits
from answerdesk.model.task import Permutation
from tests.simulation.store import PERMUTATION_KEY, Disk
from tests.simulation.world import World

#: A picture that ends so cannot be decoded.
SPOILT = b"spoilt"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One call: as whom, and what."""

    secret: str
    verb: str
    path: str
    query: bytes = b""
    body: bytes = b""
    #: Sent as Idempotency-Key.
    key: str = ""

    def scope(self) -> dict[str, Any]:
        headers = [(b"authorization", b"Bearer " + self.secret.encode())]
        if self.key:
            headers.append((b"idempotency-key", self.key.encode()))
        return {
            "type": "http", "method": self.verb, "path": self.path, "query_string": self.query,
            "headers": headers, "client": ("127.0.0.1", 1),
        }  # fmt: skip


class Eyes:
    """A hand of the darkroom that only tells the spoilt from the sound."""

    async def redraw(self, data: bytes) -> tuple[bytes, str]:
        if data.endswith(SPOILT):
            raise Undecodable("spoilt")
        return data, "image/png"

    async def close(self) -> None:
        """Nothing was opened."""


class Tokens:
    """Names drawn apart from all others, so that one more changes none of them."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice

    def secret(self) -> str:
        return f"{self._dice.getrandbits(128):032x}"


class Node:
    """The server; down between a kill and the next start."""

    def __init__(self, world: World, disk: Disk, board: Callable[[], Board] = Board) -> None:
        self.world = world
        self.disk = disk
        self._board = board
        self.ids = Permutation(PERMUTATION_KEY)
        self.up = False
        self.starts = 0
        self._serving: dict[asyncio.Task[Any], None] = {}
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        world = self.world
        self.starts += 1
        self.store, self._lines = await self.disk.open(f"node-{self.starts}", block=7)
        self.board = self._board()
        entrance = Entrance(self.store)
        self.polls = Polls(0)
        self.hold = Hold(self.board, self.ids, most=100)
        self.room = WaitingRoom()
        front = Front(
            store=self.store, orders=Orders(self.store, self.board, self.ids), entrance=entrance, hold=self.hold,
            polls=self.polls, clock=world, terms=Terms(dialect="native", deadline_ms=world.weather.deadline_ms),
        )  # fmt: skip
        self.feed = Feed(self.store, self.ids)
        self.native = Native(
            front=front, peers=Peers(()), store=self.store, records=self.store, ids=self.ids, feed=self.feed
        )
        self.work = WorkApi(
            store=self.store, admission=Admission(entrance, Visits(self.store, self.store), world), room=self.room,
            ids=self.ids, names=world, clock=world, darkroom=Darkroom((Eyes(),)), crew=self.store,
        )  # fmt: skip
        self.checks = SpotChecks(self.store, self.ids, Tokens(world.dice(f"checks {self.starts}")))
        self.store.listen(self._hear)
        self.up = True
        self._loops = [asyncio.ensure_future(each) for each in self._periodic()]

    def _hear(self, heard: Heard) -> None:
        self.hold.settle(heard.tasks, self.polls.forget)
        self.room.hear(heard)
        self.feed.hear(heard)
        self.checks.hear(heard)

    def _periodic(self) -> list[Awaitable[None]]:
        weather = self.world.weather
        retention = Retention(results_ms=weather.results_ms, media_ms=weather.media_ms)

        async def look_around() -> None:
            self.store.look_around()

        async def reread() -> None:
            await self.feed.look()
            await self.hold.reread(self.store, self.polls.forget)

        async def recover() -> None:
            await self.store.recover()

        async def do(chore: Chore) -> None:
            await chore(self.store, self.world.now(), retention)

        def doing(chore: Chore) -> Callable[[], Awaitable[None]]:
            return lambda: do(chore)

        async def check() -> None:
            await self.checks.check(self.checks.take(), self.world.now())

        chores = [self._every(weather.chores * (1 + i / 10), doing(chore)) for i, (chore, _) in enumerate(CHORES[:3])]
        return [
            self._every(3.3, look_around),
            self._every(4.7, reread),
            self._every(6.1, recover),
            self._every(1.7, check),
            *chores,
        ]

    async def _every(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await act()
            except Unavailable as away:
                self.world.note("chores", f"put off: {away}")

    def serve(self, request: Request, gone: asyncio.Future[Any]) -> asyncio.Task[Answer]:
        """Answer a call; who is killed meanwhile answers nothing."""
        serving = asyncio.ensure_future(self._answer(request, gone))
        self._serving[serving] = None
        serving.add_done_callback(lambda done: self._serving.pop(done, None))
        return serving

    async def _answer(self, request: Request, gone: asyncio.Future[Any]) -> Answer:
        async def receive() -> Any:
            return await asyncio.shield(gone)

        scope = request.scope()
        if request.path.startswith("/v1/"):
            return await self.native.serve(request.path.removeprefix("/v1/"), scope, request.body)
        return await self.work.serve(request.path.removeprefix("/api/work/"), scope, request.body, receive)

    def kill(self) -> None:
        """Let go of everything at once, as a process does that is killed."""
        self.up = False
        for line in self._lines:
            line.close()
        for task in (*self._loops, *self._serving):
            task.cancel()
        self._loops = []

    async def stop(self) -> None:
        """End between two commits, as a server does that is told to."""
        self.up = False
        for task in self._loops:
            task.cancel()
        await asyncio.gather(*self._loops, *self._serving, return_exceptions=True)
        self.store.close()
