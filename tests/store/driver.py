"""A desk as a test plays it: accounts, solvers and verbs over one store, with short names.
Rule: nothing is decided here; every method is one verb or one read of the port."""

from __future__ import annotations

from typing import Any

import msgspec

from answerdesk.desk.board import Board
from answerdesk.desk.books import AddKey, ChangeAccount, OpenAccount, SavePrice, SaveRules, SaveSolver, TopUp
from answerdesk.desk.holding import Extend, Held, Keep, Release, Show, Undo
from answerdesk.desk.orders import End, Orders, Report, Review, Submit
from answerdesk.desk.ports import Price
from answerdesk.desk.work import Answer, Claim, Free, GiveBack, Spoil
from answerdesk.model.account import DAY_MS, Account, AccountId, Key, Millis, Sequence, digest
from answerdesk.model.answer import Decline, Lease, Verdict
from answerdesk.model.judge import Rules
from answerdesk.model.money import Micros
from answerdesk.model.question import Constraints, Kind, Medium, Options, Question
from answerdesk.model.solver import Solver, SolverId
from answerdesk.model.talk import Draft
from answerdesk.model.task import DEADLINE_MS, Cause, Permutation, Task
from tests.fakes import Clock, Names

TYPE = "ImageToTextTask"
PRICE = 1_000
PAY = 600
PICTURE = b"\x89PNG picture"
DEFAULTS = Rules()


def draft(*blobs: bytes, lang: str | None = None, threshold: int | None = None, text: str | None = None) -> Draft:
    media = tuple(Medium(type="image/png", width=10, height=10) for _ in blobs or (PICTURE,))
    question = Question(
        kind=Kind.TEXT,
        text=text,
        media=media,
        constraints=Constraints(),
        options=Options(threshold=threshold),
        lang=lang,
    )
    return Draft(type=TYPE, question=question, blobs=blobs or (PICTURE,))


class Desk:
    """One store with the clock and names it lives by."""

    def __init__(
        self, store: Any, clock: Clock, names: Names | None = None, *, board: Board | None = None, first: int = 1
    ) -> None:
        #: The port and the records in one, whatever adapter it is.
        self.store = store
        self.clock = clock
        self.names = names or Names()
        # Of two stores that are asked as one only one seeks leases by it.
        self.ids = Permutation(getattr(store, "permutation_key", bytes(range(24))))
        self.orders = Orders(store, board or Board(), self.ids)
        self._last = first - 1

    def _number(self) -> int:
        self._last += 1
        return self._last

    async def open_account(self, name: str = "", *, balance: int = 1_000_000, **settings: Any) -> Account:
        number = settings.pop("id", None) or self._number()
        account = Account(id=AccountId(number), name=name or f"account {number}", **settings)
        opened = await self.store.run(OpenAccount(account=account))
        if balance:
            await self.top_up(opened, balance)
        return opened

    async def change(self, account: Account, **settings: Any) -> Account:
        return await self.store.run(ChangeAccount(account=account.id, settings=settings))

    async def top_up(self, account: Account, amount: int) -> None:
        await self.store.run(TopUp(account=account.id, amount=Micros(amount)))

    async def add_key(self, account: Account, secret: str) -> Key:
        return await self.store.run(AddKey(account=account.id, digest=digest(secret), tail=secret[-4:]))

    async def enrol(self, name: str = "", *, on_shift: bool = False, **grants: Any) -> Solver:
        number = self._number()
        seen = self.clock.now() if on_shift else Millis(0)
        grants = {"machine": False, "seen": seen} | grants
        solver = Solver(id=SolverId(number), name=name or f"solver {number}", **grants)
        return await self.store.run(SaveSolver(solver=solver, token=digest(f"token {number}")))

    async def person(self, name: str = "", **grants: Any) -> Solver:
        return await self.enrol(name, **grants)

    async def machine(self, name: str = "", **grants: Any) -> Solver:
        return await self.enrol(name, machine=True, **grants)

    async def save_solver(self, solver: Solver, **grants: Any) -> Solver:
        return await self.store.run(SaveSolver(solver=msgspec.structs.replace(solver, **grants)))

    async def set_price(self, price: int, pay: int = PAY, *, account: int = 0) -> None:
        row = Price(account=AccountId(account), type=TYPE, price=Micros(price), pay=Micros(pay))
        await self.store.run(SavePrice(price=row))

    async def set_rules(self, rules: Rules) -> None:
        await self.store.run(SaveRules(type=TYPE, rules=rules))

    async def submit(self, account: Account, question: Draft | None = None, **fields: Any) -> Sequence:
        n, _ = await self.submit_or_replay(account, question, **fields)
        return n

    async def submit_or_replay(
        self, account: Account, question: Draft | None = None, **fields: Any
    ) -> tuple[Sequence, bool]:
        fields = {"ip": "192.0.2.1", "deadline_ms": DEADLINE_MS, **fields}
        n = await self.store.draw()
        return await self.store.run(Submit(n=n, account=account, draft=question or draft(), **fields))

    async def claim(
        self, solver: Solver, most: int = 1, kinds: tuple[Kind, ...] = (Kind.TEXT,), *, reserve: bool = False
    ) -> list[Lease]:
        tokens = tuple(self.names.secret() for _ in range(most))
        given = await self.store.run(Claim(solver=solver, kinds=kinds, names=tokens, reserve=reserve, ids=self.ids))
        return [lease for lease, _ in given]

    async def show(self, solver: Solver, lease: Lease) -> Held:
        return await self.store.run(Show(solver=solver, lease=lease.token))

    async def keep(self, solver: Solver, lease: Lease) -> Held:
        return await self.store.run(Keep(solver=solver, lease=lease.token))

    async def extend(self, solver: Solver, lease: Lease) -> Held:
        return await self.store.run(Extend(solver=solver, lease=lease.token))

    async def release(self, solver: Solver, *leases: Lease) -> int:
        return await self.store.run(Release(solver=solver, leases=tuple(lease.token for lease in leases)))

    async def undo(self, solver: Solver, lease: Lease) -> Held:
        return await self.store.run(Undo(solver=solver, lease=lease.token))

    async def answer(
        self, solver: Solver, lease: Lease, value: object = "word", confidence: float | None = None
    ) -> Verdict:
        return await self.store.run(Answer(solver=solver, lease=lease.token, value=value, confidence=confidence))

    async def give_back(self, solver: Solver, lease: Lease, reason: Decline = Decline.UNREADABLE) -> Verdict:
        return await self.store.run(GiveBack(solver=solver, lease=lease.token, reason=reason))

    async def free(self, *solvers: Solver) -> int:
        return await self.store.run(Free(solvers=tuple(solver.id for solver in solvers)))

    async def spoil(self, lease: Lease) -> bool:
        return await self.store.run(Spoil(lease=lease.token))

    async def cancel(self, n: Sequence, account: Account | None = None) -> bool:
        return await self.store.run(End(n=n, cause=Cause.CANCELLED, account=account.id if account else None))

    async def review(self, *numbers: Sequence) -> None:
        await self.store.run(Review(numbers=numbers))

    async def report(self, n: Sequence, account: Account, *, correct: bool, window_ms: int = DAY_MS) -> None:
        await self.store.run(Report(n=n, account=account.id, correct=correct, window_ms=window_ms))

    async def task(self, n: Sequence) -> Task:
        task = await self.store.task(n)
        assert task is not None
        return task

    async def money(self, account: Account) -> tuple[int, int, int]:
        """Balance, held, and how many tasks are open."""
        purse = await self.store.purse(account.id)
        assert purse is not None
        return purse.balance, purse.held, purse.open_tasks

    async def solved(self, account: Account, solver: Solver, value: object = "word", **fields: Any) -> Sequence:
        """Submit a task and have it answered."""
        n = await self.submit(account, **fields)
        (lease,) = await self.claim(solver)
        assert lease.task == n
        assert (await self.answer(solver, lease, value)).accepted
        return n
