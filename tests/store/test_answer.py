"""What solvers may say, over every store: answers, declines and a machine's doubts, and what each is worth."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from answerdesk.desk.work import MACHINE_LEASE_MS, PERSON_LEASE_MS
from answerdesk.model.answer import Decline, Outcome, Verdict, Why, token_of
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.judge import Rules, Unattended
from answerdesk.model.money import Micros
from answerdesk.model.task import DEADLINE_MS, Cause, Route, State, Trail
from tests.store.driver import PAY, PRICE, draft

ACCEPTED = Verdict(accepted=True, paid=Micros(PAY))


def late(why: Why, paid: int = 0) -> Verdict:
    return Verdict(accepted=False, why=why, paid=Micros(paid))


class TestAnswer:
    async def test_a_persons_answer_settles_charges_and_pays(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.submit(account)
        (lease,) = await desk.claim(person)

        assert await desk.answer(person, lease, " word ") == ACCEPTED

        task = await desk.task(n)
        assert (task.state, task.cause, task.solution, task.solve_count) == (State.READY, Cause.SOLVED, b'"word"', 1)
        assert (task.route, task.slots, task.ended) == (Route.NOBODY, 0, desk.clock.now())
        assert await desk.money(account) == (999_000, 0, 0)
        kept = await desk.store.lease(lease.token)
        assert (kept.outcome, kept.said, kept.verdict) == (Outcome.ANSWERED, b'"word"', ACCEPTED)
        assert (await desk.store.sums()).drifting == ()

    async def test_the_same_answer_again_gets_the_same_reply_and_no_second_pay(self, desk):
        account, person = await desk.open_account(), await desk.person()
        await desk.submit(account)
        (lease,) = await desk.claim(person)
        replies = [await desk.answer(person, lease) for _ in range(3)]
        before = (await desk.store.sums()).entries

        desk.clock.pass_by(DEADLINE_MS)
        replies.append(await desk.answer(person, lease, "word  "))

        assert replies == [ACCEPTED] * 4
        assert (await desk.store.sums()).entries == before == 4

    async def test_the_same_answer_sent_many_times_at_once_is_booked_once(self, desk):
        account, person = await desk.open_account(), await desk.person()
        await desk.submit(account)
        (lease,) = await desk.claim(person)

        replies = await asyncio.gather(*(desk.answer(person, lease) for _ in range(100)))

        assert replies == [ACCEPTED] * 100
        assert (await desk.store.sums()).entries == 4

    async def test_other_words_after_the_answer_come_too_late(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.submit(account)
        (lease,) = await desk.claim(person)
        await desk.answer(person, lease, "word")

        assert await desk.answer(person, lease, "sword") == late(Why.SETTLED)
        assert await desk.give_back(person, lease) == late(Why.SETTLED)
        assert (await desk.task(n)).solution == b'"word"'

    async def test_an_answer_that_spells_the_declined_reason_is_not_that_decline(self, desk):
        account, person = await desk.open_account(), await desk.person(on_shift=True)
        await desk.submit(account)
        (lease,) = await desk.claim(person)
        assert (await desk.give_back(person, lease, Decline.UNREADABLE)).accepted

        assert await desk.answer(person, lease, "unreadable") == late(Why.SETTLED)

    async def test_another_solvers_lease_is_as_unknown_as_none(self, desk):
        account, person, thief = await desk.open_account(), await desk.person(), await desk.person()
        await desk.submit(account)
        (lease,) = await desk.claim(person)

        for token in (
            lease,
            lease.__class__(**{f: getattr(lease, f) for f in lease.__struct_fields__} | {"token": "no"}),
        ):
            with pytest.raises(Refusal) as caught:
                await desk.answer(thief, token)
            assert (caught.value.fault, caught.value.detail) == (
                Fault.NO_SUCH_CAPCHA_ID,
                "no lease of this worker has this name",
            )
        assert (await desk.answer(person, lease)).accepted

    async def test_a_token_that_names_another_task_is_no_lease_of_either(self, desk):
        account, person = await desk.open_account(), await desk.person()
        for _ in range(2):
            await desk.submit(account)
        one, other = await desk.claim(person, 2)
        secret, _, _ = one.token.partition(".")

        for token in (token_of(secret, desk.ids.show(other.task)), token_of(secret, desk.ids.show(10**9)), secret):
            with pytest.raises(Refusal):
                await desk.answer(person, replace(one, token=token))
            assert await desk.store.lease(token) is None
        assert (await desk.store.lease(one.token)) == one
        assert await desk.answer(person, one) == await desk.answer(person, other) == ACCEPTED

    async def test_a_value_that_is_no_answer_is_refused_and_the_lease_stays(self, desk):
        account, person = await desk.open_account(), await desk.person()
        await desk.submit(account)
        (lease,) = await desk.claim(person)

        with pytest.raises(Refusal):
            await desk.answer(person, lease, "")

        assert await desk.answer(person, lease) == ACCEPTED

    async def test_an_answer_after_the_lease_is_taken_while_the_place_is_free(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.submit(account)
        (lease,) = await desk.claim(person)
        desk.clock.pass_by(PERSON_LEASE_MS)

        assert await desk.answer(person, lease) == ACCEPTED
        assert (await desk.task(n)).state is State.READY

    async def test_an_answer_after_the_lease_comes_too_late_once_another_has_the_place(self, desk):
        account, slow, quick = await desk.open_account(), await desk.person(), await desk.person()
        n = await desk.submit(account)
        (old,) = await desk.claim(slow)
        desk.clock.pass_by(PERSON_LEASE_MS)
        (new,) = await desk.claim(quick)

        assert await desk.answer(slow, old, "slow") == late(Why.EXPIRED)
        assert await desk.answer(slow, old, "slow") == late(Why.EXPIRED)
        assert (await desk.task(n)).state is State.OPEN
        assert await desk.answer(quick, new, "quick") == ACCEPTED
        assert (await desk.task(n)).solution == b'"quick"'

    async def test_an_answer_that_came_too_late_never_becomes_the_solution(self, desk):
        account = await desk.open_account()
        slow, quick = await desk.person(on_shift=True), await desk.person(on_shift=True)
        n = await desk.submit(account)
        (old,) = await desk.claim(slow)
        desk.clock.pass_by(PERSON_LEASE_MS)
        (new,) = await desk.claim(quick)
        await desk.answer(slow, old, "slow")

        await desk.give_back(quick, new, Decline.LANGUAGE)

        assert (await desk.task(n)).state is State.OPEN

    async def test_a_late_answer_of_a_machine_is_not_wanted_once_people_are_asked(self, desk):
        account, machine, other = await desk.open_account(), await desk.machine(on_shift=True), await desk.machine()
        await desk.person(on_shift=True)
        await desk.submit(account)
        (lease,) = await desk.claim(machine)
        desk.clock.pass_by(MACHINE_LEASE_MS)
        (second,) = await desk.claim(other)
        await desk.answer(other, second, "perhaps", confidence=0.6)

        assert await desk.answer(machine, lease, "surely", confidence=1.0) == late(Why.EXPIRED)

    @pytest.mark.parametrize(("pass_by", "paid"), [(0, PAY), (PERSON_LEASE_MS, 0)])
    async def test_an_answer_to_a_cancelled_task_is_paid_if_it_was_in_time(self, desk, pass_by, paid):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.submit(account)
        (lease,) = await desk.claim(person)
        await desk.cancel(n)
        desk.clock.pass_by(pass_by)

        assert await desk.answer(person, lease) == late(Why.CANCELLED, paid)
        assert await desk.money(account) == (1_000_000, 0, 0)

    async def test_an_answer_past_the_deadline_is_not_taken_reviewed_or_not(self, desk):
        account, first, second = await desk.open_account(), await desk.person(), await desk.person()
        numbers = [await desk.submit(account) for _ in range(2)]
        (lease,), (other,) = await desk.claim(first), await desk.claim(second)
        desk.clock.pass_by(DEADLINE_MS)

        assert await desk.answer(first, lease) == late(Why.EXPIRED)
        await desk.review(*numbers)
        assert await desk.answer(second, other) == late(Why.SETTLED)
        assert await desk.money(account) == (1_000_000, 0, 0)

    async def test_pay_is_by_the_rules_in_force_at_the_claim(self, desk):
        account, person = await desk.open_account(), await desk.person()
        await desk.submit(account)
        (lease,) = await desk.claim(person)
        await desk.set_price(PRICE, 1)

        assert (await desk.answer(person, lease)).paid == PAY

    async def test_a_switched_off_solver_loses_its_live_leases(self, desk):
        account, person, other = await desk.open_account(), await desk.person(), await desk.person()
        n = await desk.submit(account)
        (lease,) = await desk.claim(person)

        await desk.save_solver(person, enabled=False)

        assert [each.task for each in await desk.claim(other)] == [n]
        assert await desk.answer(person, lease) == late(Why.REVOKED)


class TestMachine:
    @pytest.mark.parametrize(("confidence", "settled"), [(None, True), (0.97, True), (0.969, False)])
    async def test_a_machine_is_enough_from_its_threshold(self, desk, confidence, settled):
        account, machine, _ = await desk.open_account(), await desk.machine(), await desk.person(on_shift=True)
        n = await desk.submit(account)
        (lease,) = await desk.claim(machine)

        assert await desk.answer(machine, lease, confidence=confidence) == Verdict(accepted=True)
        assert (await desk.task(n)).settled is settled

    async def test_a_persons_confidence_means_nothing(self, desk):
        account, person = await desk.open_account(), await desk.person()
        await desk.submit(account)
        (lease,) = await desk.claim(person)
        await desk.answer(person, lease, confidence=0.1)

        assert (await desk.store.lease(lease.token)).confidence is None

    async def test_a_doubtful_machine_is_followed_by_a_person_whose_word_stands(self, desk):
        account, machine, person = await desk.open_account(), await desk.machine(), await desk.person(on_shift=True)
        n = await desk.submit(account)
        (lease,) = await desk.claim(machine)
        await desk.answer(machine, lease, "doubtful", confidence=0.9)
        (lease,) = await desk.claim(person)
        await desk.answer(person, lease, "certain")

        task = await desk.task(n)
        assert (task.solution, task.solve_count) == (b'"certain"', 2)

    async def test_an_abstention_is_no_attempt(self, desk):
        account, machine, person = await desk.open_account(), await desk.machine(), await desk.person(on_shift=True)
        n = await desk.submit(account)
        (lease,) = await desk.claim(machine)
        await desk.give_back(machine, lease)
        (lease,) = await desk.claim(person)
        await desk.answer(person, lease)

        assert (await desk.task(n)).solve_count == 1

    async def test_the_operators_rules_are_asked(self, desk):
        account, machine, _ = await desk.open_account(), await desk.machine(), await desk.person()
        await desk.set_rules(Rules(machine_threshold=0.99, unattended=Unattended.FAIL))
        n = await desk.submit(account)
        (lease,) = await desk.claim(machine)
        await desk.answer(machine, lease, confidence=0.98)

        assert (await desk.task(n)).cause is Cause.UNSOLVED

    async def test_a_clients_threshold_that_is_not_met_costs_nothing(self, desk):
        account, machine = await desk.open_account(), await desk.machine()
        n = await desk.submit(account, draft(threshold=90))
        (lease,) = await desk.claim(machine)
        await desk.answer(machine, lease, confidence=0.89)

        assert (await desk.task(n)).state is State.FAILED
        assert await desk.money(account) == (1_000_000, 0, 0)


class TestDecline:
    async def test_a_language_passes_the_task_on(self, desk):
        account, first, second = await desk.open_account(), await desk.person(on_shift=True), await desk.person()
        n = await desk.submit(account)
        (lease,) = await desk.claim(first)

        assert (await desk.give_back(first, lease, Decline.LANGUAGE)).accepted

        assert [each.task for each in await desk.claim(second)] == [n]

    async def test_with_two_on_shift_the_second_decline_is_the_end(self, desk):
        account = await desk.open_account()
        people = [await desk.person(on_shift=True) for _ in range(2)]
        n = await desk.submit(account)
        states = []
        for person in people:
            (lease,) = await desk.claim(person)
            await desk.give_back(person, lease)
            states.append((await desk.task(n)).state)

        assert states == [State.OPEN, State.FAILED]
        assert (await desk.task(n)).solve_count == 2

    async def test_the_same_decline_again_gets_the_same_reply(self, desk):
        account, person = await desk.open_account(), await desk.person(on_shift=True)
        await desk.submit(account)
        (lease,) = await desk.claim(person)

        assert [await desk.give_back(person, lease) for _ in range(2)] == [Verdict(accepted=True)] * 2


class TestTrail:
    async def test_a_settled_task_keeps_who_spoke_in_their_order(self, desk):
        account, machine, person = await desk.open_account(), await desk.machine(), await desk.person(on_shift=True)
        by_machine, by_both, by_nobody = [await desk.submit(account) for _ in range(3)]
        sure, unsure = await desk.claim(machine, 2)
        await desk.answer(machine, sure, confidence=1.0)
        await desk.answer(machine, unsure, confidence=0.2)
        (lease,) = await desk.claim(person)
        await desk.answer(person, lease)
        await desk.cancel(by_nobody)

        trails = [(await desk.task(n)).trail for n in (by_machine, by_both, by_nobody)]

        assert trails == [Trail.MACHINE, Trail.MACHINE_PEOPLE, Trail.NOBODY]

    async def test_people_alone_are_told_from_people_after_machines(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.solved(account, person)

        assert (await desk.task(n)).trail is Trail.PEOPLE
