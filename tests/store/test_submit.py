"""Submitting over every store: what is stored, what it costs, and that a key is spent once."""

from __future__ import annotations

import asyncio

import pytest

from answerdesk.desk.orders import Submit
from answerdesk.desk.ports import Listing
from answerdesk.model.account import DAY_MS, Sequence
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.task import DEADLINE_MS, Route, State
from tests.store.driver import PICTURE, PRICE, Desk, draft


async def refused(waiting, fault: Fault) -> str:
    """Give the words of a refusal that must come."""
    with pytest.raises(Refusal) as caught:
        await waiting
    assert caught.value.fault is fault
    return caught.value.detail


async def balanced(desk: Desk) -> bool:
    return (await desk.store.sums()).drifting == ()


async def test_a_submitted_task_is_stored_with_what_was_asked(desk):
    account, _ = await desk.open_account(), await desk.person()
    asked = draft(b"one", b"", b"three", lang="de", text="which word?")

    n = await desk.submit(account, asked, ip="192.0.2.9")

    task = await desk.task(n)
    assert (task.account, task.state, task.ip, task.lang) == (account.id, State.OPEN, "192.0.2.9", "de")
    assert (task.created, task.deadline, task.rank) == (
        desk.clock.now(),
        desk.clock.now() + DEADLINE_MS,
        desk.clock.now() + DEADLINE_MS,
    )
    assert (task.route, task.slots, task.price) == (Route.PEOPLE, 1, PRICE)
    assert task.asked() == asked.question
    assert [await desk.store.content(n, index) for index in range(-1, 4)] == [None, b"one", b"", b"three", None]


async def test_submitting_sets_the_price_aside(desk):
    account, _ = await desk.open_account(balance=2_500), await desk.person()

    await desk.submit(account)

    assert await desk.money(account) == (1_500, 1_000, 1)
    assert await balanced(desk)


async def test_a_task_nobody_can_pay_is_not_stored(desk):
    account, _ = await desk.open_account(balance=PRICE - 1), await desk.person()

    words = await refused(desk.submit(account), Fault.ZERO_BALANCE)

    assert "0.000999" in words
    assert "0.00100" in words
    assert await desk.money(account) == (PRICE - 1, 0, 0)
    assert await desk.store.tasks(Listing()) == []
    assert await balanced(desk)


async def test_the_limit_of_a_day_ends_with_the_day(desk):
    account, _ = await desk.open_account(spend_per_day=Micros(2 * PRICE)), await desk.person()
    await desk.submit(account)
    await desk.submit(account)

    assert "a day (UTC)" in await refused(desk.submit(account), Fault.ZERO_BALANCE)
    desk.clock.pass_by(DAY_MS)
    assert await desk.submit(account)


async def test_what_is_released_does_not_count_for_the_day(desk):
    account, _ = await desk.open_account(spend_per_day=Micros(PRICE)), await desk.person()
    n = await desk.submit(account)
    await desk.cancel(n)

    assert await desk.submit(account)


async def test_a_release_after_midnight_leaves_the_new_day_alone(desk):
    account, _ = await desk.open_account(spend_per_day=Micros(PRICE)), await desk.person()
    yesterday = await desk.submit(account, deadline_ms=2 * DAY_MS)
    desk.clock.pass_by(DAY_MS)
    await desk.submit(account)
    await desk.cancel(yesterday)

    await refused(desk.submit(account), Fault.ZERO_BALANCE)


async def test_no_more_than_the_allowed_tasks_are_open_at_once(desk):
    account, _ = await desk.open_account(max_open=2), await desk.person()
    first = await desk.submit(account)
    await desk.submit(account)

    assert "2 unfinished tasks" in await refused(desk.submit(account), Fault.NO_SLOT_AVAILABLE)
    await desk.cancel(first)
    assert await desk.submit(account)


@pytest.mark.parametrize(
    "grants",
    [
        {"kinds": frozenset({Kind.AUDIO})},
        {"languages": frozenset({"fr"})},
        {"enabled": False},
    ],
)
async def test_a_task_nobody_is_granted_is_refused(desk, grants):
    account, _ = await desk.open_account(), await desk.person(**grants)

    words = await refused(desk.submit(account, draft(lang="de")), Fault.NO_SLOT_AVAILABLE)

    assert "the kind text in language de" in words
    assert await desk.money(account) == (1_000_000, 0, 0)


async def test_money_is_looked_at_before_capacity(desk):
    account = await desk.open_account(balance=0, max_open=1)

    await refused(desk.submit(account), Fault.ZERO_BALANCE)


async def test_a_price_of_the_account_comes_before_the_desks(desk):
    account, other, _ = await desk.open_account(), await desk.open_account(), await desk.person()
    await desk.set_price(2_000)
    await desk.set_price(3_000, account=account.id)

    prices = [(await desk.task(await desk.submit(each))).price for each in (account, other)]

    assert prices == [3_000, 2_000]
    assert await balanced(desk)


async def test_a_free_task_moves_no_money(desk):
    account, person = await desk.open_account(balance=0), await desk.person()
    await desk.set_price(0, 0)

    n = await desk.solved(account, person)

    assert (await desk.task(n)).state is State.READY
    assert await desk.money(account) == (0, 0, 0)
    assert (await desk.store.sums()).entries == 0


async def test_a_price_that_changes_later_leaves_a_task_its_own(desk):
    account, person = await desk.open_account(balance=PRICE), await desk.person()
    n = await desk.submit(account)
    await desk.set_price(9_999)
    (lease,) = await desk.claim(person)
    await desk.answer(person, lease)

    assert await desk.money(account) == (0, 0, 0)
    assert (await desk.task(n)).price == PRICE
    assert await balanced(desk)


async def test_500_submits_at_once_never_overspend_a_balance_for_100(desk):
    account, _ = await desk.open_account(balance=100 * PRICE + 999), await desk.person()

    replies = await asyncio.gather(*(desk.submit(account) for _ in range(500)), return_exceptions=True)

    made = [reply for reply in replies if isinstance(reply, int)]
    faults = {reply.fault for reply in replies if isinstance(reply, Refusal)}
    assert (len(made), len(set(made)), faults) == (100, 100, {Fault.ZERO_BALANCE})
    assert await desk.money(account) == (999, 100 * PRICE, 100)
    assert len(await desk.store.tasks(Listing(most=1_000))) == 100
    assert await balanced(desk)


class TestIdempotency:
    KEY = ("key-1", b"digest of the body")

    async def test_the_same_key_and_body_give_the_first_task_again(self, desk):
        account, _ = await desk.open_account(), await desk.person()
        made = await desk.submit_or_replay(account, replay=self.KEY)

        again = await desk.submit_or_replay(account, replay=self.KEY)

        assert made[1] is False
        assert again == (made[0], True)
        assert await desk.money(account) == (999_000, 1_000, 1)

    async def test_the_same_key_with_another_body_is_refused(self, desk):
        account, _ = await desk.open_account(), await desk.person()
        await desk.submit(account, replay=self.KEY)

        words = await refused(desk.submit(account, replay=("key-1", b"other")), Fault.BAD_PARAMETERS)

        assert "Idempotency-Key" in words
        assert await desk.money(account) == (999_000, 1_000, 1)

    async def test_a_key_is_good_for_a_day_and_then_fresh_again(self, desk):
        account, _ = await desk.open_account(), await desk.person()
        first = await desk.submit(account, replay=self.KEY)

        desk.clock.pass_by(DAY_MS - 1)
        assert await desk.submit_or_replay(account, replay=self.KEY) == (first, True)
        desk.clock.pass_by(1)
        second, replayed = await desk.submit_or_replay(account, replay=("key-1", b"other"))

        assert (second != first, replayed) == (True, False)
        assert await desk.submit_or_replay(account, replay=("key-1", b"other")) == (second, True)

    async def test_keys_of_two_accounts_have_nothing_to_do_with_each_other(self, desk):
        account, other, _ = await desk.open_account(), await desk.open_account(), await desk.person()
        first = await desk.submit(account, replay=self.KEY)

        second, replayed = await desk.submit_or_replay(other, replay=self.KEY)

        assert (second != first, replayed) == (True, False)

    async def test_a_key_is_spent_only_by_a_task_that_was_made(self, desk):
        account, _ = await desk.open_account(balance=0), await desk.person()
        await refused(desk.submit(account, replay=self.KEY), Fault.ZERO_BALANCE)
        await desk.top_up(account, PRICE)

        assert await desk.submit_or_replay(account, replay=self.KEY) != (None, True)
        assert await desk.money(account) == (0, PRICE, 1)

    async def test_of_many_at_once_one_makes_the_task_and_the_others_find_it(self, desk):
        account, _ = await desk.open_account(), await desk.person()

        made = await asyncio.gather(*(desk.submit_or_replay(account, replay=self.KEY) for _ in range(100)))

        assert len({n for n, _ in made}) == 1
        assert sum(not replayed for _, replayed in made) == 1
        assert await desk.money(account) == (999_000, 1_000, 1)


async def test_tasks_are_listed_newest_first_by_page(desk):
    account, other, person = await desk.open_account(), await desk.open_account(), await desk.person()
    first = await desk.solved(account, person)
    second = await desk.submit(other)
    third = await desk.submit(account)

    async def listed(**wanted):
        return [task.n for task in await desk.store.tasks(Listing(**wanted))]

    assert await listed() == [third, second, first]
    assert await listed(most=2) == [third, second]
    assert await listed(before=second) == [first]
    assert await listed(account=account.id) == [third, first]
    assert await listed(state=State.OPEN) == [third, second]
    assert await listed(account=account.id, state=State.READY) == [first]


async def test_only_final_ones_are_read_among_many(desk):
    account, person = await desk.open_account(), await desk.person()
    done = await desk.solved(account, person)
    waiting = await desk.submit(account)

    found = await desk.store.settled_among([*range(1, 20_000), done, waiting])

    assert [task.n for task in found] == [done]


async def test_what_is_not_there_is_none(desk):
    assert await desk.store.task(Sequence(2**53)) is None
    assert await desk.store.lease("no such lease") is None
    assert await desk.store.content(Sequence(1), 0) is None
    assert await desk.store.account_by_key(b"no such key") is None
    assert await desk.store.solver_by_token(b"no such token") is None


async def test_a_verb_that_names_an_unknown_account_is_refused_alone(desk):
    account, _ = await desk.open_account(), await desk.person()
    stranger = account.__class__(id=account.id + 50, name="never opened")
    submits = [
        Submit(n=await desk.store.draw(), account=who, draft=draft(PICTURE), ip="") for who in (account, stranger)
    ]

    made, failed = await asyncio.gather(*(desk.store.run(verb) for verb in submits), return_exceptions=True)

    assert made == (submits[0].n, False)
    assert isinstance(failed, Exception)
    assert await balanced(desk)
