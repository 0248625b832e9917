"""Random lives of a desk against a small model: money always adds up, whatever happens."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from answerdesk.desk.chores import Retention, review
from answerdesk.desk.payouts import PayOut
from answerdesk.desk.ports import Listing
from answerdesk.model.account import Account, Sequence
from answerdesk.model.answer import Decline
from answerdesk.model.fault import Fault
from answerdesk.model.money import Book, Entry, Micros, Move, sums
from answerdesk.model.task import State, Task
from tests.store.driver import PRICE, Desk
from tests.store.lives import LONG, QUICK, Life, picks


class MoneyModel:
    """What an account's purse must hold, told only what was paid in and how its tasks stand."""

    def __init__(self) -> None:
        self.paid_in = 0
        self.prices: dict[Sequence, int] = {}
        self.states: dict[Sequence, State] = {}
        self.refunded: set[Sequence] = set()

    def see(self, task: Task) -> None:
        """Take in how a task stands; out of a final state it never comes."""
        before = self.states.get(task.n, State.OPEN)
        assert before in {State.OPEN, task.state}
        self.states[task.n] = task.state

    def _sum(self, *states: State) -> int:
        return sum(price for n, price in self.prices.items() if self.states[n] in states and n not in self.refunded)

    @property
    def purse(self) -> tuple[int, int, int]:
        is_open = sum(state is State.OPEN for state in self.states.values())
        return self.paid_in - self._sum(State.OPEN, State.READY), self._sum(State.OPEN), is_open


class MoneyLife(Life):
    """Top-ups, orders, answers, declines, cancels, reports, deadlines and price changes, on two accounts."""

    @initialize()
    def open_desk(self) -> None:
        self.desk = Desk(self.open_store(), self.clock)
        self.accounts = [self.do(self.desk.open_account(balance=0)) for _ in range(2)]
        self.solvers = [self.do(self.desk.person(on_shift=True)) for _ in range(2)]
        self.models = {account.id: MoneyModel() for account in self.accounts}
        self.price = PRICE

    def account(self, pick: int) -> Account:
        return self.accounts[pick % 2]

    @rule(pick=picks, amount=st.sampled_from([1, 999, PRICE, 3 * PRICE, 10_000, -1, -PRICE, -10_000]))
    def top_up(self, pick: int, amount: int) -> None:
        account = self.account(pick)
        model = self.models[account.id]
        _, fault = self.refused(self.desk.top_up(account, amount))
        covered = model.purse[0] + amount >= 0
        assert fault == (None if covered else Fault.ZERO_BALANCE)
        model.paid_in += amount if covered else 0

    @rule(pick=picks, key=st.none() | st.sampled_from("ab"))
    def submit(self, pick: int, key: str | None) -> None:
        account = self.account(pick)
        model = self.models[account.id]
        replay = (key, b"body") if key else None
        made, fault = self.refused(self.desk.submit_or_replay(account, replay=replay))
        if made is None:
            assert fault is Fault.ZERO_BALANCE
            assert model.purse[0] < self.price
            return
        n, replayed = made
        assert replayed is (n in model.prices)
        if not replayed:
            assert model.purse[0] >= self.price
            model.prices[n], model.states[n] = self.price, State.OPEN
            self.numbers.append(n)

    @rule(price=st.sampled_from([0, 1, PRICE, 2_500]))
    def change_price(self, price: int) -> None:
        self.do(self.desk.set_price(price, price // 2))
        self.price = price

    @rule(pick=picks, most=st.integers(1, 3))
    def claim(self, pick: int, most: int) -> None:
        person = self.person(pick)
        self.leases += [(person, lease) for lease in self.do(self.desk.claim(person, most))]

    @rule(pick=picks, most=st.integers(1, 3), said=st.sampled_from(["yes", Decline.LANGUAGE, Decline.UNREADABLE]))
    def work(self, pick: int, most: int, said: str) -> None:
        """Claim and say something at once."""
        person = self.person(pick)
        for lease in self.do(self.desk.claim(person, most)):
            self.leases.append((person, lease))
            deed: Any = self.desk.give_back if isinstance(said, Decline) else self.desk.answer
            assert self.do(deed(person, lease, said)).accepted

    @precondition(lambda self: self.leases)
    @rule(pick=picks, word=st.sampled_from(["yes", "no"]))
    def answer(self, pick: int, word: str) -> None:
        self.do(self.desk.answer(*self.lease(pick), word))

    @precondition(lambda self: self.leases)
    @rule(pick=picks, reason=st.sampled_from(Decline))
    def decline(self, pick: int, reason: Decline) -> None:
        assert self.do(self.desk.give_back(*self.lease(pick), reason)).paid in {0, self.lease(pick)[1].pay}

    @precondition(lambda self: self.numbers)
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        self.do(self.desk.cancel(self.number(pick)))

    @precondition(lambda self: self.numbers)
    @rule(pick=picks, who=picks, verdicts=st.sampled_from(["-", "+", "-+-", "+-"]))
    def report(self, pick: int, who: int, verdicts: str) -> None:
        n, account = self.number(pick), self.account(who)
        model = self.models[account.id]
        for correct in (verdict == "+" for verdict in verdicts):
            _, fault = self.refused(self.desk.report(n, account, correct=correct, window_ms=120_000))
            if fault is None:
                assert model.states[n] is State.READY
                model.refunded |= set() if correct else {n}
            else:
                assert fault is Fault.NO_SUCH_CAPCHA_ID

    @rule(pick=picks, parts=st.integers(-1, 3), stale=st.integers(0, 1))
    def pay_out(self, pick: int, parts: int, stale: int) -> None:
        """Earn something; pay nothing, half, all or more of what is owed, as the sum was seen or as it was before."""
        self.top_up(pick, 10_000)
        self.submit(pick, None)
        self.work(pick, 3, "yes")
        person = self.person(pick)
        seen = self.do(self.desk.store.wages(person.id, self.clock.now()))
        amount, before = Micros(seen.owed * parts // 2), Micros(seen.paid - stale)
        left, fault = self.refused(self.desk.store.run(PayOut(solver=person.id, amount=amount, before=before)))
        allowed = not stale and 0 < amount <= seen.owed
        assert fault == (None if allowed else Fault.BAD_PARAMETERS)
        if allowed:
            assert left == seen.owed - amount
            _, fault = self.refused(self.desk.store.run(PayOut(solver=person.id, amount=Micros(1), before=before)))
            assert fault is Fault.BAD_PARAMETERS

    @rule(milliseconds=st.sampled_from([1, 20_000, 61_000, 130_000, 300_000, 90_000_000]))
    def pass_time(self, milliseconds: int) -> None:
        self.clock.pass_by(milliseconds)

    @rule()
    def meet_deadlines(self) -> None:
        self.do(review(self.desk.store, self.clock.now(), Retention()))

    @invariant()
    def money_adds_up(self) -> None:
        """Model, purse and ledger say the same, and the books sum to zero."""
        if not hasattr(self, "accounts"):
            return
        for task in self.do(self.desk.store.tasks(Listing(most=1_000))):
            self.models[task.account].see(task)
        everything: list[Entry] = []
        for account in self.accounts:
            lines = [entry for _, _, entry in self.do(self.desk.store.entries(account.id, 2**60, 10_000))]
            everything += lines
            books = sums(lines)
            balance, held, open_tasks = self.do(self.desk.money(account))
            assert (balance, held, open_tasks) == self.models[account.id].purse
            assert (balance, held) == tuple(books.get((book, account.id), 0) for book in (Book.BALANCE, Book.HELD))
            assert min(balance, held, open_tasks) >= 0
        for solver in self.solvers:
            lines = [entry for _, _, entry in self.do(self.desk.store.earnings(solver.id, 2**60, 10_000))]
            wages = self.do(self.desk.store.wages(solver.id, self.clock.now()))
            assert wages.owed == sums(lines).get((Book.EARNED, solver.id), 0) >= 0
            assert wages.paid == sum(entry.amount for entry in lines if entry.move is Move.PAYOUT)
            everything += lines
        assert sum(sums(everything).values()) == 0
        assert self.do(self.desk.store.sums()).drifting == ()
        once = Counter((entry.task, entry.move) for entry in everything if entry.move is not Move.TOPUP)
        repeated = {Move.PAY, Move.PAYOUT}
        assert all(times == 1 for (_, move), times in once.items() if move not in repeated)
        paid = Counter((entry.task, entry.solver) for entry in everything if entry.move is Move.PAY)
        assert all(times == 1 for times in paid.values())


class TestMoney(MoneyLife.TestCase):  # type: ignore[misc,valid-type]
    settings = QUICK


@pytest.mark.slow
@pytest.mark.timeout(900)
class TestMoneyAtLength(MoneyLife.TestCase):  # type: ignore[misc,valid-type]
    settings = LONG
