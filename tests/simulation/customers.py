"""Customers: they order, ask again when they heard nothing, poll, cancel and report, and look where they must not.
Rule: they do what real clients do, and what they were told lies in the history."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import zlib
from random import Random
from typing import Any

from tests.simulation.network import Network, Reply
from tests.simulation.node import SPOILT, Request
from tests.simulation.world import World, drawn

TRIES = 5


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


#: The smallest picture that is taken for one.
PICTURE = (
    b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 20, 8, 0, 0, 0, 0))
    + _chunk(b"tEXt", b"Comment\0" + 60 * b".") + _chunk(b"IDAT", zlib.compress(bytes(41 * 20))) + _chunk(b"IEND", b"")
)  # fmt: skip


def mark(account: int, order: int) -> str:
    """What everything that has to do with an order carries, and nothing else."""
    return f"c{account}o{order}x"


class Customer:
    """One account's program."""

    def __init__(self, world: World, network: Network, account: int, secret: str, known: dict[int, list[int]]) -> None:
        self.world = world
        self.network = network
        self.account = account
        self.name = f"customer-{account}"
        self.secret = secret
        #: What ids any account was ever told: one that leaked gives nothing away.
        self.known = known

    async def live(self) -> None:
        orders = [self._order(i) for i in range(self.world.weather.orders)]
        await asyncio.gather(*orders, self._look_around())

    async def ask(self, dice: Random, verb: str, path: str, body: Any = None, **more: Any) -> Reply | None:
        data = b"" if body is None else json.dumps(body).encode()
        request = Request(secret=self.secret, verb=verb, path=path, body=data, **more)
        return await self.network.call(self.name, dice, request)

    async def insist(self, dice: Random, verb: str, path: str, body: Any = None, **more: Any) -> Reply | None:
        """Ask again while nothing was promised."""
        reply = None
        for _ in range(TRIES):
            reply = await self.ask(dice, verb, path, body, **more)
            if reply is not None and not reply.refused_for_now:
                return reply
            await asyncio.sleep(0.5 + drawn(dice, 2.0))
        return reply

    async def _order(self, number: int) -> None:
        dice = self.world.dice(f"{self.name}/{number}")
        await asyncio.sleep(dice.random() * self.world.weather.seconds)
        body = {"task": self._task(dice, number)}
        reply = await self._create(dice, body, f"key {mark(self.account, number)}" if dice.random() < 0.6 else "")
        if reply is None or reply.status != 201:
            return
        task = reply.json["id"]
        self.known[self.account].append(task)
        final = await self._follow(dice, task)
        if final is not None and final.json["status"] == "ready" and dice.random() < 0.6:
            await self._report(dice, task)
        if dice.random() < 0.5:
            await asyncio.sleep(drawn(dice, 5.0))
            await self.ask(dice, "GET", f"/v1/tasks/{task}")

    def _task(self, dice: Random, number: int) -> dict[str, Any]:
        marked = mark(self.account, number)
        if dice.random() < 0.3:
            return {"type": "TextCaptchaTask", "comment": f"What is {marked}?"}
        end = SPOILT if dice.random() < 0.1 else b""
        picture = base64.b64encode(PICTURE + f"picture of {marked}".encode() + end).decode()
        threshold = {"recognizingThreshold": 60} if dice.random() < 0.2 else {}
        return {"type": "ImageToTextTask", "body": picture, "comment": f"Read {marked}.", **threshold}

    async def _create(self, dice: Random, body: Any, key: str) -> Reply | None:
        if key:
            made = await self.insist(dice, "POST", "/v1/tasks", body, key=key)
            if dice.random() < 0.15:
                # A second program of theirs sends the same order.
                await self.ask(dice, "POST", "/v1/tasks", body, key=key)
            return made
        # Without a key one cannot know whether a lost order was taken: some send it again, and may get two.
        made = await self.ask(dice, "POST", "/v1/tasks", body)
        if (made is None or made.refused_for_now) and dice.random() < 0.5:
            await asyncio.sleep(drawn(dice, 2.0))
            made = await self.ask(dice, "POST", "/v1/tasks", body)
        return made

    async def _follow(self, dice: Random, task: int) -> Reply | None:
        """Poll until the task is final, patience ends, or it is cancelled."""
        cancels = dice.random() < 0.15
        for tries in range(8):
            await asyncio.sleep(drawn(dice, 0.5 + tries))
            if cancels and tries == 1:
                await self.insist(dice, "DELETE", f"/v1/tasks/{task}")
            reply = await self.ask(dice, "GET", f"/v1/tasks/{task}", query=b"wait=%d" % dice.choice([0, 1, 8, 8]))
            if reply is not None and reply.status == 200 and reply.json["status"] != "open":
                return reply
            if reply is not None and reply.status == 404:
                return None
        return None

    async def _report(self, dice: Random, task: int) -> None:
        for correct in dice.choice([(False,), (True,), (False, True), (True, False), (False, False)]):
            await asyncio.sleep(drawn(dice, 1.5))
            await self.insist(dice, "POST", f"/v1/tasks/{task}/report", {"correct": correct})

    async def _look_around(self) -> None:
        """Read what there is to read, and ask for what is others' or nobody's."""
        dice = self.world.dice(f"{self.name}/looks")
        for _ in range(4):
            await asyncio.sleep(dice.random() * self.world.weather.seconds / 2)
            foreign = [task for account, tasks in self.known.items() for task in tasks if account != self.account]
            task = dice.choice(foreign) if foreign and dice.random() < 0.8 else dice.randrange(1, 2**31)
            verb = dice.choice(["GET", "GET", "DELETE", "report"])
            if verb == "report":
                await self.ask(dice, "POST", f"/v1/tasks/{task}/report", {"correct": False})
            else:
                await self.ask(dice, verb, f"/v1/tasks/{task}")
            path = dice.choice(["/v1/tasks", "/v1/balance", "/v1/ledger"])
            await self.ask(dice, "GET", path)
