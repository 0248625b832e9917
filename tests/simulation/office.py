"""The operator, at a command line of their own: money in and out, prices, and who may call or work.
Rule: every command is a process that opens the same file, runs one verb and is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from answerdesk.desk.books import ChangeAccount, SavePrice, SaveSolver, TopUp
from answerdesk.desk.payouts import PayOut
from answerdesk.desk.ports import Price, Unavailable, Verb
from answerdesk.desk.work import Free
from answerdesk.model.account import AccountId, Standing
from answerdesk.model.fault import Refusal
from answerdesk.model.money import Micros
from answerdesk.model.solver import Solver, SolverId
from answerdesk.store.sqlite import SqliteStore
from tests.simulation.store import Disk
from tests.simulation.world import Event, World

TYPE = "ImageToTextTask"


class Office:
    """One operator."""

    def __init__(self, world: World, disk: Disk, solvers: list[Solver]) -> None:
        self.world = world
        self.disk = disk
        self.solvers = solvers
        self.dice = world.dice("office")
        self._commands = 0

    async def live(self) -> None:
        acts: list[Callable[[], Awaitable[None]]] = [
            self._top_up, self._top_up, self._price, self._pay_out, self._pay_out, self._suspend, self._switch_off,
            self._free,
        ]  # fmt: skip
        for _ in range(self.dice.randint(1, 5)):
            await asyncio.sleep(self.dice.random() * self.world.weather.seconds / 3)
            await self.dice.choice(acts)()

    async def _command(self, what: str, asked: str, verb_of: Callable[[SqliteStore], Awaitable[Verb[Any]]]) -> bool:
        """Run a verb in a process of its own; False where what came of it cannot be told."""
        self._commands += 1
        began = self.world.loop.time()
        store, _ = await self.disk.open(f"office-{self._commands}", block=5)
        status: int | None = 200
        try:
            outcome = repr(await store.run(await verb_of(store)))
        except Refusal as refusal:
            status, outcome = 400, str(refusal)
        except Unavailable as away:
            status, outcome = None, str(away)
        finally:
            store.close()
        self.world.history.append(
            Event(
                began=began,
                ended=self.world.loop.time(),
                who="office",
                what=what,
                asked=asked.encode(),
                status=status,
                heard=outcome.encode(),
            )
        )
        return status is not None

    async def _insist(self, what: str, asked: str, verb: Verb[Any]) -> None:
        """Say again what changes nothing when it is said twice."""

        async def same(_: SqliteStore) -> Verb[Any]:
            return verb

        for _ in range(10):
            if await self._command(what, asked, same):
                return
            await asyncio.sleep(1.0)

    async def _top_up(self) -> None:
        account = AccountId(self.dice.randint(1, self.world.weather.accounts))
        note = f"note {self._commands}."
        verb = TopUp(account=account, amount=Micros(self.dice.choice([5, 999, 5_000, -1_500])), note=note)

        async def once(_: SqliteStore) -> Verb[Any]:
            return verb

        await self._command("top-up", note, once)

    async def _price(self) -> None:
        price = Price(
            type=TYPE, price=Micros(self.dice.choice([0, 700, 2_500])), pay=Micros(self.dice.choice([0, 400]))
        )
        await self._insist("price", "", SavePrice(price=price))

    async def _pay_out(self) -> None:
        solver = SolverId(self.dice.choice(self.solvers).id)
        share = self.dice.choice([1, 2, 3])

        async def some(store: SqliteStore) -> Verb[Any]:
            wages = await store.wages(solver, self.world.now())
            return PayOut(solver=solver, amount=Micros(max(wages.owed // share, 1)), before=wages.paid)

        await self._command("pay-out", f"solver {solver}", some)

    async def _suspend(self) -> None:
        account = AccountId(self.dice.randint(1, self.world.weather.accounts))
        for standing in (Standing.SUSPENDED, Standing.ACTIVE):
            change = ChangeAccount(account=account, settings={"standing": standing})
            await self._insist(standing, f"customer-{account}", change)
            await asyncio.sleep(self.dice.random() * 30)

    async def _switch_off(self) -> None:
        solver = self.dice.choice(self.solvers)
        for enabled in (False, True):
            verb = SaveSolver(solver=msgspec.structs.replace(solver, enabled=enabled))
            await self._insist("enabled" if enabled else "disabled", f"worker-{solver.id}", verb)
            await asyncio.sleep(self.dice.random() * 30)

    async def _free(self) -> None:
        solver = self.dice.choice(self.solvers).id
        await self._insist("freed", f"worker-{solver}", Free(solvers=(solver,)))
