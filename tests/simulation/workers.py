"""People and machines: they claim, answer, decline, hold, release and undo, die and come back, and speak late or twice.
Rule: a worker knows what its claims told it and nothing else; what was not heard is said again, in the same words."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from tests.simulation.network import Network, Reply
from tests.simulation.node import Request
from tests.simulation.world import World, drawn

TRIES = 4
MARK = re.compile(r"c(\d+)o(\d+)x")
#: What a worker may do with a lease, and how often.
DEEDS = {"answer": 60, "decline": 10, "late": 6, "die": 6, "release": 5, "extend": 5, "undo": 8, "twice": 8, "look": 6}


class Worker:
    """A person or a machine with a token."""

    def __init__(self, world: World, network: Network, solver: int, token: str, *, machine: bool) -> None:
        self.world = world
        self.network = network
        self.solver = solver
        self.name = f"worker-{solver}"
        self.token = token
        self.machine = machine
        self.dice = world.dice(self.name)
        self.over = False

    async def ask(self, verb: str, body: Any) -> Reply | None:
        path = f"/api/work/{verb}"
        request = Request(secret=self.token, verb="POST", path=path, body=json.dumps(body).encode())
        return await self.network.call(self.name, self.dice, request)

    async def insist(self, verb: str, body: Any) -> Reply | None:
        reply = None
        for _ in range(TRIES):
            reply = await self.ask(verb, body)
            if reply is not None and not reply.refused_for_now:
                return reply
            await asyncio.sleep(0.3 + drawn(self.dice, 1.0))
        return reply

    async def live(self) -> None:
        idle = 0
        while not self.over:
            found = await self._claim()
            idle = 0 if found else idle + 1
            for lease in found:
                await self._serve(lease)
            await asyncio.sleep(drawn(self.dice, 0.2 + min(idle, 6)))

    def _wish(self) -> dict[str, Any]:
        wish: dict[str, Any] = {"max": self.dice.choice([1, 1, 2, 3]), "wait": self.dice.choice([0, 0, 2])}
        if not self.machine and self.dice.random() < 0.3:
            wish["reserve"] = True
        return wish

    async def _claim(self) -> list[dict[str, Any]]:
        reply = await self.ask("claim", self._wish())
        return reply.json["leases"] if reply is not None and reply.status == 200 else []

    async def _serve(self, lease: dict[str, Any]) -> None:
        """Do something with a lease, and with what came along with the reply."""
        deed = self.dice.choices(list(DEEDS), list(DEEDS.values()))[0]
        token = {"lease": lease["lease"]}
        if lease["reserved"]:
            for verb in self.dice.choice([("show",), ("keep", "show"), ("keep",), ()]):
                await asyncio.sleep(drawn(self.dice, 2.0))
                await self.ask(verb, token)
        await asyncio.sleep(drawn(self.dice, 0.5 if self.machine else 2.0))
        if deed == "die":
            # What it was about to do is forgotten with all else it knew.
            await asyncio.sleep(self.dice.random() * 40)
        elif deed == "release":
            await self.insist("release", {"leases": [lease["lease"]]})
        elif deed == "decline":
            reasons = ["unreadable", "unreadable", "broken", "language"]
            await self._say("decline", token | {"reason": self.dice.choice(reasons)})
        else:
            if deed == "extend":
                await self.ask("extend", token)
            elif deed == "look":
                await self._look(lease)
            elif deed == "late":
                await asyncio.sleep(16.0 if self.machine else 61.0)
            await self._answer(lease, deed)

    async def _answer(self, lease: dict[str, Any], deed: str) -> None:
        token = {"lease": lease["lease"]}
        said = token | {"value": self._word(lease)}
        if self.machine:
            said["confidence"] = self.dice.choice([0.3, 0.7, 0.99, 0.99])
        await self._say("answer", said)
        if deed == "twice":
            await self._say("answer", said)
            await self._say("answer", said | {"value": self._word(lease, "c")})
        elif deed == "undo":
            reply = await self.insist("undo", token)
            if reply is not None and reply.status == 200 and reply.json["reopened"] and self.dice.random() < 0.7:
                await self._say("answer", said | {"value": self._word(lease)})

    def _word(self, lease: dict[str, Any], choice: str = "") -> str:
        found = MARK.search(json.dumps(lease["question"]))
        assert found is not None, lease
        return f"answer {found[0]} {choice or self.dice.choice('aaab')}"

    async def _say(self, verb: str, said: dict[str, Any]) -> None:
        """Say it, now and then claiming in the same breath."""
        if self.dice.random() < 0.2:
            said = said | {"claim": {"max": 1}}
        reply = await self.insist(verb, said)
        if reply is not None and reply.status == 200:
            for lease in reply.json["leases"]:
                await self._serve(lease)

    async def _look(self, lease: dict[str, Any]) -> None:
        path = f"/api/work/media/{lease['lease']}/0"
        await self.network.call(self.name, self.dice, Request(secret=self.token, verb="GET", path=path))
