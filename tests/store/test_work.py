"""What solvers may do, over every store: claim, answer, decline, and have leases taken back."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from answerdesk.desk.work import MACHINE_LEASE_MS, PERSON_LEASE_MS
from answerdesk.model.account import Sequence
from answerdesk.model.answer import Decline, Outcome, Verdict, Why
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.judge import Rules, Unattended
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.task import DEADLINE_MS, Cause, Route, State
from tests.store.driver import PAY, PRICE, draft

ACCEPTED = Verdict(accepted=True, paid=Micros(PAY))


def late(why: Why, paid: int = 0) -> Verdict:
    return Verdict(accepted=False, why=why, paid=Micros(paid))


class TestClaim:
    async def test_a_lease_names_its_task_its_holder_and_its_time(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.submit(account)

        (lease,) = await desk.claim(person)

        assert (lease.task, lease.solver, lease.machine, lease.pay) == (n, person.id, False, PAY)
        assert (lease.given, lease.until) == (desk.clock.now(), desk.clock.now() + PERSON_LEASE_MS)
        assert await desk.store.lease(lease.token) == lease
        assert (await desk.task(n)).free_at == lease.until

    async def test_a_machines_lease_is_short_and_earns_nothing(self, desk):
        account, machine = await desk.open_account(), await desk.machine()
        await desk.submit(account)

        (lease,) = await desk.claim(machine)

        assert (lease.until - lease.given, lease.pay) == (MACHINE_LEASE_MS, 0)

    async def test_no_lease_outlasts_its_tasks_deadline(self, desk):
        account, person = await desk.open_account(), await desk.person()
        await desk.submit(account, deadline_ms=10_000)

        (lease,) = await desk.claim(person)

        assert lease.until == desk.clock.now() + 10_000

    async def test_a_task_past_its_deadline_is_given_to_nobody(self, desk):
        account, person = await desk.open_account(), await desk.person()
        await desk.submit(account)
        desk.clock.pass_by(DEADLINE_MS)

        assert await desk.claim(person) == []

    async def test_the_oldest_come_first_and_no_more_than_asked(self, desk):
        account, person = await desk.open_account(), await desk.person()
        numbers = []
        for _ in range(4):
            numbers.append(await desk.submit(account))
            desk.clock.pass_by(1)

        assert [lease.task for lease in await desk.claim(person, 3)] == numbers[:3]
        assert [lease.task for lease in await desk.claim(person, 3)] == numbers[3:]
        assert await desk.claim(person, 3) == []

    async def test_a_kind_asked_for_twice_is_given_once(self, desk):
        account, person = await desk.open_account(), await desk.person()
        await desk.submit(account)

        assert len(await desk.claim(person, 2, kinds=(Kind.TEXT, Kind.TEXT))) == 1

    async def test_a_claim_for_none_gets_none(self, desk):
        account, person = await desk.open_account(), await desk.person()
        await desk.submit(account)

        assert await desk.claim(person, 0) == []
        assert await desk.claim(person, 1, kinds=()) == []

    @pytest.mark.parametrize(
        ("grants", "lang", "given"),
        [
            ({}, "de", True),
            ({"languages": frozenset({"de", "fr"})}, "de", True),
            ({"languages": frozenset({"fr"})}, None, True),
            ({"languages": frozenset({"fr"})}, "de", False),
            ({"kinds": frozenset({Kind.TEXT})}, None, True),
            ({"kinds": frozenset({Kind.AUDIO})}, None, False),
            ({"enabled": False}, None, False),
        ],
    )
    async def test_nobody_is_given_what_is_not_granted(self, desk, grants, lang, given):
        account, _ = await desk.open_account(), await desk.person()
        solver = await desk.person(**grants)
        await desk.submit(account, draft(lang=lang))

        assert bool(await desk.claim(solver)) is given

    async def test_a_place_is_given_once(self, desk):
        account, people = await desk.open_account(), [await desk.person() for _ in range(3)]
        await desk.submit(account)

        given = await asyncio.gather(*(desk.claim(person) for person in people))

        assert sorted(map(len, given)) == [0, 0, 1]

    async def test_no_two_of_a_crowd_get_the_same_task_and_nobody_gets_one_twice(self, desk):
        account = await desk.open_account()
        people = [await desk.person() for _ in range(8)]
        numbers = {await desk.submit(account) for _ in range(40)}

        given = [
            lease for leases in await asyncio.gather(*(desk.claim(each, 7) for each in people)) for lease in leases
        ]

        assert Counter(lease.task for lease in given) == Counter(numbers)

    async def test_an_expired_place_is_free_without_any_chore(self, desk):
        account, first, second = await desk.open_account(), await desk.person(), await desk.person()
        n = await desk.submit(account)
        await desk.claim(first)
        desk.clock.pass_by(PERSON_LEASE_MS - 1)
        assert await desk.claim(second) == []
        desk.clock.pass_by(1)

        assert [lease.task for lease in await desk.claim(second)] == [n]

    async def test_nobody_is_given_a_task_again_that_ran_out_was_declined_or_taken_back(self, desk):
        account = await desk.open_account()
        slow, decliner, freed, other = [await desk.person(on_shift=True) for _ in range(4)]
        n = await desk.submit(account)
        await desk.claim(slow)
        desk.clock.pass_by(PERSON_LEASE_MS)
        (lease,) = await desk.claim(decliner)
        await desk.give_back(decliner, lease, Decline.LANGUAGE)
        await desk.claim(freed)
        await desk.free(freed)

        for solver in (slow, decliner, freed):
            assert await desk.claim(solver) == []
        assert [lease.task for lease in await desk.claim(other)] == [n]

    async def test_a_claim_says_that_the_solver_is_there(self, desk):
        account, person = await desk.open_account(), await desk.person()
        await desk.claim(person)
        assert [solver.seen for solver in desk.store.house().solvers] == [desk.clock.now()]
        desk.clock.pass_by(9_999)
        await desk.claim(person)
        assert [solver.seen for solver in desk.store.house().solvers] == [desk.clock.now() - 9_999]
        desk.clock.pass_by(1)
        await desk.claim(person)

        assert [solver.seen for solver in desk.store.house().solvers] == [desk.clock.now()]
        assert (await desk.store.account_by_key(b"")) is None
        assert account.id


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


class TestFree:
    async def test_freed_places_can_be_claimed_at_once(self, desk):
        account, gone, other = await desk.open_account(), await desk.person(), await desk.person()
        numbers = [await desk.submit(account) for _ in range(3)]
        await desk.claim(gone, 3)
        assert await desk.claim(other, 3) == []

        assert await desk.free(gone) == 3

        assert sorted(lease.task for lease in await desk.claim(other, 3)) == sorted(numbers)

    async def test_what_ended_before_is_left_as_it_is(self, desk):
        account, person, idle = await desk.open_account(), await desk.person(), await desk.person()
        await desk.submit(account)
        await desk.submit(account)
        answered, _ = await desk.claim(person, 2)
        await desk.answer(person, answered)
        desk.clock.pass_by(PERSON_LEASE_MS)

        assert await desk.free(person, idle) == 0
        assert await desk.free() == 0
        assert (await desk.store.lease(answered.token)).outcome is Outcome.ANSWERED

    async def test_a_freed_lease_is_refused_unpaid_from_then_on(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.submit(account)
        (lease,) = await desk.claim(person)
        await desk.free(person)

        assert await desk.answer(person, lease) == late(Why.REVOKED)
        assert await desk.answer(person, lease, "other") == late(Why.REVOKED)
        assert (await desk.task(n)).state is State.OPEN

    async def test_leases_of_tasks_that_ended_meanwhile_are_freed_without_touching_them(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.submit(account)
        await desk.claim(person)
        await desk.cancel(n)
        before = await desk.task(n)

        assert await desk.free(person) == 1
        assert await desk.task(n) == before


class TestSpoil:
    async def test_a_picture_that_cannot_be_decoded_fails_its_task_and_costs_nothing(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.submit(account)
        (lease,) = await desk.claim(person)

        assert await desk.spoil(lease)

        task = await desk.task(n)
        assert (task.state, task.cause) == (State.FAILED, Cause.UNDECODABLE)
        assert await desk.money(account) == (1_000_000, 0, 0)
        assert not await desk.spoil(lease)
        assert await desk.answer(person, lease) == late(Why.SETTLED, PAY)

    async def test_an_unknown_lease_spoils_nothing(self, desk):
        account, person = await desk.open_account(), await desk.person()
        await desk.submit(account)
        (lease,) = await desk.claim(person)
        unknown = lease.__class__(**{f: getattr(lease, f) for f in lease.__struct_fields__} | {"token": "unknown"})

        assert not await desk.spoil(unknown)


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


async def test_claims_and_answers_of_one_batch_see_each_other(desk):
    """Eight people race through forty tasks; every task is answered once, by whoever holds it."""
    account = await desk.open_account()
    people = [await desk.person() for _ in range(8)]
    numbers = {await desk.submit(account) for _ in range(40)}

    async def work(person) -> list[Sequence]:
        done: list[Sequence] = []
        while leases := await desk.claim(person):
            verdicts = await asyncio.gather(*(desk.answer(person, lease) for lease in leases))
            assert verdicts == [ACCEPTED]
            done += [lease.task for lease in leases]
        return done

    done = [n for part in await asyncio.gather(*map(work, people)) for n in part]

    assert Counter(done) == Counter(numbers)
    assert await desk.money(account) == (1_000_000 - 40 * PRICE, 0, 0)
    assert (await desk.store.sums()).drifting == ()
