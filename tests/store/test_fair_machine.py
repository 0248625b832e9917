"""Random floods: turns are shared by weight within a bound, a newcomer is soon served, and nobody's order is turned."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from fractions import Fraction
from itertools import combinations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from answerdesk.desk.work import PERSON_LEASE_MS
from answerdesk.model.account import Account
from answerdesk.model.fair import CREDIT, TURN
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock
from tests.store.driver import Desk, draft

RICH = 10**9
SOME = settings(deadline=None, suppress_health_check=(HealthCheck.too_slow,))
LANGUAGES = (None, "de", "fr")

weights = st.lists(st.integers(1, 4), min_size=2, max_size=4)
#: Whose task comes next, or how many are claimed at once.
steps = st.lists(
    st.tuples(st.just("come"), st.integers(0, 3), st.integers(1, 12)) | st.tuples(st.just("serve"), st.integers(1, 5)),
    min_size=4,
    max_size=25,
)


class Queue:
    """A desk with a flood of tasks, and what was served of it in order."""

    def __init__(self, shares: list[int]) -> None:
        self.clock = Clock()
        self.desk = Desk(SqliteStore("", self.clock), self.clock)
        self.shares = list(shares)
        self.accounts: list[Account] = []
        self.open: Counter[int] = Counter()
        #: For each claim: whose task it was, and who had tasks open before it.
        self.log: list[tuple[int, frozenset[int]]] = []
        self.order: dict[int, list[int]] = defaultdict(list)

    async def open_desk(self) -> None:
        self.accounts = [await self.desk.open_account(balance=RICH, max_open=0, weight=share) for share in self.shares]
        self.person = await self.desk.person()

    async def come(self, index: int, count: int, **fields) -> None:
        account = self.accounts[index % len(self.accounts)]
        for _ in range(count):
            await self.desk.submit(account, **fields)
            self.open[account.id] += 1

    async def serve(self, most: int, solver=None) -> None:
        for lease in await self.desk.claim(solver or self.person, most):
            task = await self.desk.task(lease.task)
            self.log.append((task.account, frozenset(+self.open)))
            self.open[task.account] -= 1
            self.order[task.account].append(task.n)
            await self.desk.answer(solver or self.person, lease)

    async def newcomer(self, claims: int) -> bool:
        """Tell whether a newcomer's first task is served within so many claims."""
        newcomer = await self.desk.open_account(balance=RICH)
        n = await self.desk.submit(newcomer)
        self.open[newcomer.id] += 1
        await self.serve(claims)
        return n in self.order[newcomer.id]

    def weight(self, account: int) -> int:
        return next(share for share, each in zip(self.shares, self.accounts, strict=True) if each.id == account)


def run(coroutine) -> None:
    with asyncio.Runner() as runner:
        runner.run(coroutine)


@SOME
@given(shares=weights, happens=steps)
def test_two_accounts_that_both_wait_are_served_by_their_weights(shares, happens):
    """Over any stretch in which both have tasks, their shares differ by less than a turn of each."""

    async def life() -> None:
        queue = Queue(shares)
        await queue.open_desk()
        for what, *values in happens:
            await (queue.come(*values) if what == "come" else queue.serve(*values))
        while +queue.open:
            await queue.serve(3)
        for one, other in combinations([account.id for account in queue.accounts], 2):
            bound = Fraction(1, queue.weight(one)) + Fraction(1, queue.weight(other))
            assert widest(queue, one, other) <= bound + Fraction(1, 1_000)
        assert all(numbers == sorted(numbers) for numbers in queue.order.values())
        queue.desk.store.close()

    run(life())


def widest(queue: Queue, one: int, other: int) -> Fraction:
    """Give how far two accounts' served turns drew apart within any stretch in which both waited."""
    apart = low = high = most = Fraction(0)
    for account, waiting in queue.log:
        if not {one, other} <= waiting:
            apart = low = high = Fraction(0)
            continue
        apart += Fraction((account == one), queue.weight(one)) - Fraction((account == other), queue.weight(other))
        low, high = min(low, apart), max(high, apart)
        most = max(most, high - low)
    return most


@SOME
@given(shares=weights, happens=steps)
def test_a_newcomers_first_task_is_served_after_a_turn_of_each_at_most(shares, happens):
    async def life() -> None:
        queue = Queue(shares)
        await queue.open_desk()
        await queue.come(0, 30)
        for what, *values in happens:
            await (queue.come(*values) if what == "come" else queue.serve(*values))
        assert await queue.newcomer(len(shares) + 1)
        queue.desk.store.close()

    run(life())


@SOME
@given(
    shares=weights,
    happens=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(LANGUAGES), st.integers(1, 12), st.sampled_from(LANGUAGES)),
        min_size=2,
        max_size=10,
    ),
)
def test_whatever_those_of_one_language_do_a_newcomer_waits_for_a_bounded_number_of_turns(shares, happens):
    """Readers of one language run far ahead in its tasks; who reads all still comes to the newcomer soon."""

    async def life() -> None:
        queue = Queue(shares)
        await queue.open_desk()
        readers = {lang: await queue.desk.person(languages=frozenset({lang})) for lang in LANGUAGES if lang}
        for index, lang, count, served in happens:
            await queue.come(index, count, question=draft(lang=lang))
            for _ in range(count):
                await queue.serve(1, readers.get(served))
        turns = CREDIT // TURN + 1
        assert await queue.newcomer(sum(share * turns + 1 for share in shares) + 1)
        queue.desk.store.close()

    run(life())


@SOME
@given(
    shares=weights,
    counts=st.lists(st.integers(0, 8), min_size=4, max_size=4),
    silent=st.lists(st.booleans(), min_size=20, max_size=20),
)
def test_what_ran_out_unsaid_is_served_before_what_came_later(shares, counts, silent):
    """Leases that run out give their tasks back to the front of their account's own."""

    async def life() -> None:
        queue = Queue(shares)
        await queue.open_desk()
        for index, count in enumerate(counts):
            await queue.come(index, count, deadline_ms=3_600_000)
        for stays_silent in silent:
            person = await queue.desk.person()
            if stays_silent:
                await queue.desk.claim(person)
                queue.clock.pass_by(PERSON_LEASE_MS)
            else:
                await queue.serve(1, person)
        assert all(numbers == sorted(numbers) for numbers in queue.order.values())
        queue.desk.store.close()

    run(life())
