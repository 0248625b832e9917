"""What solvers do with the leases they hold, over every store: show, keep, extend, release and undo."""

from __future__ import annotations

import asyncio

import pytest

from answerdesk.desk.holding import EXTEND_MS, KEEP_MS, Turn, Undo
from answerdesk.desk.ports import House, Rows
from answerdesk.desk.watch import Ran, Watch
from answerdesk.desk.work import MACHINE_LEASE_MS, PERSON_LEASE_MS, RESERVE_MS, Answer, Claim
from answerdesk.model.account import AccountId, Purse
from answerdesk.model.answer import Decline, Lapse, Outcome, Verdict, Why
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.judge import Rules, Unattended
from answerdesk.model.money import Entry, Micros, Move
from answerdesk.model.question import Kind
from answerdesk.model.standing import Mark
from answerdesk.model.task import State
from tests.store.driver import PAY, draft

ACCEPTED = Verdict(accepted=True, paid=Micros(PAY))
S = 1_000


@pytest.fixture
async def reserved(desk):
    """An account, a person, a task, and the lease that sets it aside for the person."""
    account, person = await desk.open_account(), await desk.person(on_shift=True)
    n = await desk.submit(account)
    (lease,) = await desk.claim(person, reserve=True)
    return account, person, n, lease


class TestReserve:
    async def test_a_reservation_is_short_unseen_and_takes_its_place(self, desk, reserved):
        _, _, n, lease = reserved
        other = await desk.person()

        assert (lease.until - lease.given, lease.shown, lease.reserved) == (RESERVE_MS, 0, True)
        assert await desk.claim(other) == []
        assert (await desk.task(n)).free_at == lease.until

    async def test_what_was_never_shown_may_come_again(self, desk, reserved):
        _, person, n, _ = reserved
        for _ in range(3):
            desk.clock.pass_by(RESERVE_MS)
            assert [lease.task for lease in await desk.claim(person, reserve=True)] == [n]

    async def test_an_answer_to_what_was_not_shown_is_taken_and_counts_as_seen(self, desk, reserved):
        _, person, n, lease = reserved

        assert await desk.answer(person, lease) == ACCEPTED
        assert (await desk.task(n)).state is State.READY
        assert (await desk.store.lease(lease.token)).shown == desk.clock.now()

    async def test_two_reserve_one_task_at_once_and_one_gets_it(self, desk):
        account, people = await desk.open_account(), [await desk.person() for _ in range(4)]
        await desk.submit(account)

        given = await asyncio.gather(*(desk.claim(person, reserve=True) for person in people))

        assert sorted(map(len, given)) == [0, 0, 0, 1]

    async def test_a_claim_without_it_is_shown_at_once(self, desk):
        account, person = await desk.open_account(), await desk.person()
        await desk.submit(account)
        (lease,) = await desk.claim(person)

        assert (lease.shown, lease.reserved) == (lease.given, False)


class TestShow:
    async def test_a_leases_time_runs_from_when_it_is_shown(self, desk, reserved):
        _, person, n, lease = reserved
        desk.clock.pass_by(RESERVE_MS - 1)
        held = await desk.show(person, lease)

        assert (held.why, held.lease.until) == (None, desk.clock.now() + PERSON_LEASE_MS)
        assert (await desk.task(n)).free_at == held.lease.until
        assert await desk.store.lease(lease.token) == held.lease

    async def test_shown_again_it_runs_on_as_it_did(self, desk, reserved):
        _, person, _, lease = reserved
        first = await desk.show(person, lease)
        desk.clock.pass_by(5 * S)

        assert (await desk.show(person, lease)).lease == first.lease
        assert (await desk.keep(person, lease)).lease == first.lease

    async def test_a_reservation_that_ran_out_cannot_be_shown(self, desk, reserved):
        _, person, _, lease = reserved
        desk.clock.pass_by(RESERVE_MS)

        assert (await desk.show(person, lease)).why is Lapse.EXPIRED

    async def test_what_ended_meanwhile_says_how(self, desk, reserved):
        account, person, n, lease = reserved
        await desk.submit(account)
        (second,) = await desk.claim(person, reserve=True)
        await desk.cancel(n)
        await desk.spoil(second)

        assert (await desk.show(person, lease)).why is Lapse.CANCELLED
        assert (await desk.show(person, second)).why is Lapse.SETTLED

    async def test_a_lease_taken_back_cannot_be_shown_or_kept(self, desk, reserved):
        _, person, _, lease = reserved
        await desk.free(person)

        assert (await desk.show(person, lease)).why is Lapse.REVOKED
        assert (await desk.keep(person, lease)).why is Lapse.REVOKED

    async def test_anothers_lease_is_as_unknown_as_none(self, desk, reserved):
        _, _, _, lease = reserved
        thief = await desk.person()
        for deed in (desk.show, desk.keep, desk.extend, desk.undo):
            with pytest.raises(Refusal) as refused:
                await deed(thief, lease)
            assert refused.value.fault is Fault.NO_SUCH_CAPCHA_ID
        assert await desk.release(thief, lease) == 0

    async def test_a_machine_that_was_shown_a_task_has_a_machines_time(self, desk):
        account, machine = await desk.open_account(), await desk.machine()
        await desk.submit(account)
        (lease,) = await desk.claim(machine, reserve=True)

        assert (await desk.show(machine, lease)).lease.until == desk.clock.now() + MACHINE_LEASE_MS


class TestKeep:
    async def test_a_kept_reservation_stays_and_no_longer_than_two_minutes(self, desk, reserved):
        _, person, n, lease = reserved
        other = await desk.person()
        for _ in range(KEEP_MS // (RESERVE_MS - S)):
            desk.clock.pass_by(RESERVE_MS - S)
            assert (await desk.keep(person, lease)).why is None
        assert (await desk.store.lease(lease.token)).until == lease.given + KEEP_MS
        assert await desk.claim(other) == []
        desk.clock.pass_by(RESERVE_MS)

        assert (await desk.keep(person, lease)).why is Lapse.EXPIRED
        assert [each.task for each in await desk.claim(other)] == [n]

    async def test_it_never_ends_sooner_for_being_kept(self, desk, reserved):
        _, person, _, lease = reserved
        desk.clock.pass_by(-5 * S)

        assert (await desk.keep(person, lease)).lease.until == lease.until


class TestExtend:
    async def test_half_a_minute_more_once(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.submit(account)
        (lease,) = await desk.claim(person)

        assert (await desk.extend(person, lease)).lease.until == lease.until + EXTEND_MS
        assert (await desk.task(n)).free_at == lease.until + EXTEND_MS
        desk.clock.pass_by(S)
        again = await desk.extend(person, lease)
        assert (again.why, again.lease.until) == (None, lease.until + EXTEND_MS)
        desk.clock.pass_by(PERSON_LEASE_MS + EXTEND_MS - S - 1)
        await desk.cancel(n)
        assert await desk.answer(person, lease) == Verdict(accepted=False, why=Why.CANCELLED, paid=Micros(PAY))

    async def test_not_beyond_the_tasks_own_time(self, desk):
        account, person = await desk.open_account(), await desk.person()
        for lasts in (70 * S, 60 * S):
            await desk.submit(account, deadline_ms=lasts)
        second, first = await desk.claim(person, 2)

        extended = await desk.extend(person, first)
        assert extended.lease.until == desk.clock.now() + 70 * S
        assert await desk.extend(person, first) == extended
        assert (await desk.extend(person, second)).why is Lapse.DEADLINE

    async def test_neither_what_is_only_reserved_nor_what_ran_out(self, desk, reserved):
        _, person, _, lease = reserved
        assert (await desk.extend(person, lease)).why is Lapse.RESERVED
        await desk.show(person, lease)
        desk.clock.pass_by(PERSON_LEASE_MS)

        assert (await desk.extend(person, lease)).why is Lapse.EXPIRED


class TestRelease:
    async def test_a_released_place_is_free_at_once(self, desk, reserved):
        _, person, n, lease = reserved
        other = await desk.person()

        assert await desk.release(person, lease, lease) == 1
        assert (await desk.store.lease(lease.token)).outcome is Outcome.RELEASED
        assert [each.task for each in await desk.claim(other)] == [n]

    async def test_what_was_not_shown_may_come_again_and_what_was_may_not(self, desk, reserved):
        account, person, n, lease = reserved
        await desk.release(person, lease)
        (again,) = await desk.claim(person, reserve=True)
        assert again.task == n
        await desk.show(person, again)

        assert await desk.release(person, again) == 1
        assert await desk.claim(person) == []
        assert (await desk.money(account))[2] == 1

    async def test_what_ended_is_not_released_again(self, desk, reserved):
        _, person, _, lease = reserved
        assert [await desk.release(person, lease) for _ in range(2)] == [1, 0]
        assert (await desk.show(person, lease)).why is Lapse.EXPIRED
        assert await desk.answer(person, lease) == Verdict(accepted=False, why=Why.EXPIRED)

    async def test_nothing_and_unknown_leases_are_no_trouble(self, desk, reserved):
        _, person, _, _ = reserved
        assert await desk.release(person) == 0


class TestUndo:
    async def test_a_decline_is_withdrawn_and_the_lease_earns_as_before(self, desk):
        account, person, _ = (
            await desk.open_account(),
            await desk.person(on_shift=True),
            await desk.person(on_shift=True),
        )
        n = await desk.submit(account)
        (lease,) = await desk.claim(person)
        await desk.give_back(person, lease)
        desk.clock.pass_by(S)

        held = await desk.undo(person, lease)

        assert (held.why, held.lease.outcome, held.lease.until) == (None, None, desk.clock.now() + PERSON_LEASE_MS)
        assert (await desk.task(n)).free_at == held.lease.until
        assert await desk.answer(person, lease) == ACCEPTED
        assert (await desk.task(n)).solve_count == 1
        assert (await desk.store.sums()).drifting == ()

    async def test_undone_twice_it_is_open_as_it_was(self, desk):
        account, person, _ = (
            await desk.open_account(),
            await desk.person(on_shift=True),
            await desk.person(on_shift=True),
        )
        await desk.submit(account)
        (lease,) = await desk.claim(person)
        await desk.give_back(person, lease, Decline.LANGUAGE)
        first = await desk.undo(person, lease)
        desk.clock.pass_by(S)

        assert (await desk.undo(person, lease)).lease == first.lease

    async def test_the_same_answer_after_it_is_judged_anew(self, desk):
        account, machine = await desk.open_account(), await desk.machine(on_shift=True)
        await desk.set_rules(Rules(unattended=Unattended.WAIT))
        await desk.person(on_shift=True)
        n = await desk.submit(account)
        (lease,) = await desk.claim(machine)
        doubted = await desk.answer(machine, lease, confidence=0.6)
        await desk.undo(machine, lease)
        await desk.cancel(n)

        assert doubted.accepted
        assert await desk.answer(machine, lease, confidence=0.6) == Verdict(accepted=False, why=Why.CANCELLED)

    async def test_what_is_settled_stays_so(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.submit(account)
        (lease,) = await desk.claim(person)
        await desk.answer(person, lease)
        before = await desk.task(n)

        assert (await desk.undo(person, lease)).why is Lapse.SETTLED
        assert await desk.task(n) == before

    async def test_a_place_that_somebody_else_has_by_now_is_not_taken_from_them(self, desk):
        account, person, other = (
            await desk.open_account(),
            await desk.person(on_shift=True),
            await desk.person(on_shift=True),
        )
        await desk.submit(account)
        (lease,) = await desk.claim(person)
        await desk.give_back(person, lease)
        (held,) = await desk.claim(other)

        assert (await desk.undo(person, lease)).why is Lapse.TAKEN
        assert await desk.answer(other, held) == ACCEPTED

    async def test_nothing_is_withdrawn_after_the_tasks_own_time(self, desk):
        account, person, _ = (
            await desk.open_account(),
            await desk.person(on_shift=True),
            await desk.person(on_shift=True),
        )
        await desk.submit(account, deadline_ms=10 * S)
        (lease,) = await desk.claim(person)
        await desk.give_back(person, lease)
        desk.clock.pass_by(10 * S)

        assert (await desk.undo(person, lease)).why is Lapse.DEADLINE

    async def test_a_lease_under_which_nothing_was_taken_has_nothing_to_undo(self, desk):
        account, person, other = await desk.open_account(), await desk.person(), await desk.person()
        await desk.submit(account)
        await desk.submit(account)
        late, silent = await desk.claim(person, 2)
        (aside,) = await self._after(desk, person, late, other)
        assert (await desk.undo(person, late)).why is Lapse.EXPIRED
        assert (await desk.undo(person, silent)).why is Lapse.EXPIRED
        assert (await desk.undo(other, aside)).why is Lapse.RESERVED

    async def _after(self, desk, person, late, other):
        """Let both leases run out, have another hold what the late answer was for, and say it."""
        desk.clock.pass_by(PERSON_LEASE_MS)
        aside = await desk.claim(other, reserve=True)
        assert aside[0].task == late.task
        assert (await desk.answer(person, late)).why is Why.EXPIRED
        return aside


async def test_pay_that_was_earned_is_taken_back_by_a_move_of_its_own(desk):
    """A task that wants a second opinion is open with a paid answer."""
    account, person = await desk.open_account(), await desk.person(on_shift=True)
    n = await desk.submit(account, draft())
    (lease,) = await desk.claim(person)
    task = await desk.task(n)
    rows = Rows(House(solvers=(person,)))
    rows.tasks[n] = task
    rows.purses[account.id] = Purse(account=AccountId(account.id))
    said = {"outcome": Outcome.ANSWERED, "said": b'"word"', "verdict": ACCEPTED, "ended": desk.clock.now()}
    rows.hold(lease.__class__(**{name: getattr(lease, name) for name in lease.__struct_fields__} | said))

    changes, held = Undo(solver=person, lease=lease.token).decide(rows, desk.clock.now())

    assert changes.entries == (Entry(move=Move.UNPAY, amount=Micros(PAY), solver=person.id, task=n),)
    assert changes.marks == (Mark(solver=person.id, said=-1),)
    assert (held.lease.verdict, held.lease.said, held.lease.pay) == (None, b"", PAY)


async def test_an_answer_what_is_shown_after_it_and_the_next_claim_are_one_commit(desk):
    account, person = await desk.open_account(), await desk.person(on_shift=True)
    for _ in range(3):
        await desk.submit(account)
    (first,) = await desk.claim(person)
    (second,) = await desk.claim(person, reserve=True)
    run: list[Ran] = []
    desk.store.watched_by(Watch(ran=run.append))

    done = await desk.store.run(
        Turn(
            said=Answer(solver=person, lease=first.token, value="word"),
            show=second.token,
            claim=Claim(solver=person, kinds=(Kind.TEXT,), names=("third",), reserve=True),
        )
    )

    assert [(unit.verbs, unit.failed) for unit in run] == [(1, False)]
    assert done.verdict == ACCEPTED
    assert (done.shown.why, [lease.reserved for lease, _ in done.given]) == (None, [True])


async def test_an_answer_that_waits_for_a_second_opinion_is_undone_with_its_pay(desk):
    await desk.set_rules(Rules(agree=2))
    account, ann, bob = await desk.open_account(), await desk.person(on_shift=True), await desk.person(on_shift=True)
    n = await desk.submit(account)
    (first,), (second,) = await desk.claim(ann), await desk.claim(bob)
    assert await desk.answer(ann, first, "slip") == ACCEPTED

    assert (await desk.undo(ann, first)).why is None
    assert (await desk.store.wages(ann.id, desk.clock.now())).owed == 0
    assert await desk.answer(ann, first, "word") == ACCEPTED
    assert await desk.answer(bob, second, "word") == ACCEPTED

    assert (await desk.task(n)).solution == b'"word"'
    assert (await desk.store.wages(ann.id, desk.clock.now())).owed == PAY
    moves = [entry.move for _, _, entry in await desk.store.earnings(ann.id, 2**60, 10)]
    assert moves == [Move.PAY, Move.UNPAY, Move.PAY]
    assert (await desk.store.sums()).drifting == ()
