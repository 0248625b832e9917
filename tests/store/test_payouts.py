"""Payouts over every store: what was earned and nothing beyond it, once, whoever sends the form how often."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from answerdesk.desk.holding import Undo
from answerdesk.desk.payouts import PaidMeanwhile, PayOut
from answerdesk.desk.work import Answer
from answerdesk.model.fault import Refusal
from answerdesk.model.judge import Rules
from answerdesk.model.money import Micros, Move
from answerdesk.model.solver import SolverId
from tests.store.driver import PAY, Desk


async def earn(desk: Desk, times: int = 2):
    account, person = await desk.open_account(), await desk.person()
    for _ in range(times):
        await desk.solved(account, person)
    return person


def pay(person, amount: int, before: int = 0, note: str = "") -> PayOut:
    return PayOut(solver=person.id, amount=Micros(amount), before=Micros(before), note=note)


async def money(desk: Desk, person) -> tuple[int, int, int]:
    wages = await desk.store.wages(person.id, desk.clock.now())
    return wages.earned, wages.paid, wages.owed


async def test_what_is_paid_out_is_no_longer_owed_and_stands_in_the_ledger(desk):
    person = await earn(desk)

    assert await desk.store.run(pay(person, PAY, note="cash")) == PAY

    assert await money(desk, person) == (2 * PAY, PAY, PAY)
    ((_, at, entry),) = await desk.store.earnings(person.id, 2**62, 1)
    assert (at, entry.move, entry.amount, entry.note) == (desk.clock.now(), Move.PAYOUT, PAY, "cash")
    assert (await desk.store.sums()).drifting == ()


async def test_a_payout_does_not_lessen_what_was_earned_today(desk):
    person = await earn(desk)
    await desk.store.run(pay(person, 2 * PAY))

    wages = await desk.store.wages(person.id, desk.clock.now())
    assert (wages.today, wages.week, wages.owed) == (2 * PAY, 2 * PAY, 0)


@pytest.mark.parametrize("amount", [0, -1, 2 * PAY + 1, 10**15])
async def test_only_what_is_owed_can_be_paid(desk, amount):
    person = await earn(desk)

    with pytest.raises(Refusal, match=r"0\.00120 is owed"):
        await desk.store.run(pay(person, amount))

    assert await money(desk, person) == (2 * PAY, 0, 2 * PAY)


async def test_the_same_form_sent_again_pays_once_even_after_as_much_was_earned_anew(desk):
    account, person = await desk.open_account(), await desk.person()
    await desk.solved(account, person)
    await desk.store.run(pay(person, PAY))
    await desk.solved(account, person)

    with pytest.raises(PaidMeanwhile, match="look again"):
        await desk.store.run(pay(person, PAY))

    assert await money(desk, person) == (2 * PAY, PAY, PAY)
    assert await desk.store.run(pay(person, PAY, before=PAY)) == 0


async def test_of_many_payouts_at_once_one_is_booked(desk):
    person = await earn(desk, 4)

    replies = await asyncio.gather(*(desk.store.run(pay(person, PAY)) for _ in range(50)), return_exceptions=True)

    assert [isinstance(reply, PaidMeanwhile) for reply in replies].count(False) == 1
    assert await money(desk, person) == (4 * PAY, PAY, 3 * PAY)


async def test_an_answer_in_the_same_commit_is_owed_afterwards(desk):
    account, person = await desk.open_account(), await desk.person()
    await desk.solved(account, person)
    await desk.submit(account)
    (lease,) = await desk.claim(person)

    answer = Answer(solver=person, lease=lease.token, value="word")
    await asyncio.gather(desk.store.run(answer), desk.store.run(pay(person, PAY)))

    assert await money(desk, person) == (2 * PAY, PAY, PAY)


class TestWithWhatIsTakenBack:
    """An answer that waits for a second opinion is paid, and can be undone."""

    async def undoing(self, desk):
        await desk.set_rules(Rules(agree=2))
        account = await desk.open_account()
        person, _ = await desk.person(on_shift=True), await desk.person(on_shift=True)
        await desk.submit(account)
        (lease,) = await desk.claim(person)
        await desk.answer(person, lease)
        assert await money(desk, person) == (PAY, 0, PAY)
        return person, Undo(solver=person, lease=lease.token)

    async def test_what_is_taken_back_in_the_same_commit_is_not_paid(self, desk):
        person, undo = await self.undoing(desk)

        verbs: list[Any] = [undo, pay(person, PAY)]
        outcomes: list[Any] = list(await asyncio.gather(*map(desk.store.run, verbs), return_exceptions=True))
        held, refused = outcomes

        assert held.why is None
        assert isinstance(refused, Refusal)
        assert await money(desk, person) == (0, 0, 0)
        assert (await desk.store.sums()).drifting == ()

    async def test_what_is_taken_back_once_it_was_paid_is_kept_from_the_next_pay(self, desk):
        person, undo = await self.undoing(desk)

        left, held = await asyncio.gather(desk.store.run(pay(person, PAY)), desk.store.run(undo))

        assert (left, held.why) == (0, None)
        assert await money(desk, person) == (0, PAY, -PAY)
        with pytest.raises(Refusal, match="is owed"):
            await desk.store.run(pay(person, 1, before=PAY))
        assert (await desk.store.sums()).drifting == ()


async def test_wages_written_past_the_ledger_are_named(desk, backend):
    person = await earn(desk)
    backend.meddle("UPDATE wages SET paid = paid + 1")

    assert (await desk.store.sums()).drifting == (person.name,)


async def test_a_stranger_is_paid_nothing(desk):
    with pytest.raises(Refusal, match="no worker has the number 404"):
        await desk.store.run(PayOut(solver=SolverId(404), amount=Micros(1), before=Micros(0)))


async def test_two_stores_on_one_file_pay_once(shared, clock):
    first, second = Desk(shared.open(), clock), shared.open()
    person = await earn(first)

    replies = await asyncio.gather(
        first.store.run(pay(person, 2 * PAY)), second.run(pay(person, 2 * PAY)), return_exceptions=True
    )

    assert sorted(isinstance(reply, PaidMeanwhile) for reply in replies) == [False, True]
    assert await money(first, person) == (2 * PAY, 2 * PAY, 0)
