"""What solvers are given and what is taken back, over every store."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from answerdesk.desk.ports import NO_CHANGES
from answerdesk.desk.work import MACHINE_LEASE_MS, PERSON_LEASE_MS, Free
from answerdesk.model.account import Sequence
from answerdesk.model.answer import Decline, Outcome, Verdict, Why
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.task import DEADLINE_MS, Cause, State
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

    async def test_leases_that_ran_out_are_not_even_looked_at(self, desk):
        account, person = await desk.open_account(), await desk.person()
        await desk.submit(account)
        await desk.claim(person)
        desk.clock.pass_by(PERSON_LEASE_MS)

        class Look:
            needs = Free(solvers=(person.id,)).needs

            def decide(self, rows, now):
                return NO_CHANGES, (list(rows.leases), list(rows.tasks))

        assert await desk.store.run(Look()) == ([], [])

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


async def test_a_claim_that_waited_while_its_solver_was_switched_off_or_changed_gets_what_counts_now(desk):
    account, person = await desk.open_account(), await desk.person()
    await desk.submit(account)
    await desk.save_solver(person, enabled=False)
    assert await desk.claim(person) == []
    await desk.save_solver(person, kinds=frozenset({Kind.GRID}))
    assert await desk.claim(person) == []
    await desk.save_solver(person, languages=frozenset({"de"}))

    assert len(await desk.claim(person)) == 1
