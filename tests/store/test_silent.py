"""A machine whose lease ran out and who speaks after all: its late words and its next leases, over every store."""

from __future__ import annotations

import pytest

from answerdesk.desk.holding import Turn
from answerdesk.desk.work import MACHINE_LEASE_MS, Answer, Claim, GiveBack
from answerdesk.model.answer import Decline, Verdict, Why
from answerdesk.model.judge import Rules, Unattended
from answerdesk.model.question import Kind
from answerdesk.model.task import State


def and_claim(said, name="next"):
    """What was said, and a claim in the same unit."""
    return Turn(said=said, claim=Claim(solver=said.solver, kinds=(Kind.TEXT,), names=(name,)))


@pytest.mark.parametrize("confidence", [1.0, 0.1])
async def test_who_answers_late_is_not_given_the_same_task_in_that_very_call(desk, confidence):
    account, machine = await desk.open_account(), await desk.machine()
    await desk.person()
    n = await desk.submit(account)
    (lease,) = await desk.claim(machine)
    desk.clock.pass_by(MACHINE_LEASE_MS)

    said = Answer(solver=machine, lease=lease.token, value="word", confidence=confidence)
    done = await desk.store.run(and_claim(said))

    assert (done.verdict, done.given) == (Verdict(accepted=True), [])
    assert [kept.token for kept in await desk.store.leases(n)] == [lease.token]


async def test_who_abstains_late_is_not_given_the_same_task_in_that_very_call(desk):
    account, machine = await desk.open_account(), await desk.machine()
    await desk.person()
    await desk.submit(account)
    (lease,) = await desk.claim(machine)
    desk.clock.pass_by(MACHINE_LEASE_MS)

    said = GiveBack(solver=machine, lease=lease.token, reason=Decline.UNREADABLE)
    done = await desk.store.run(and_claim(said))

    assert (done.verdict, done.given) == (Verdict(accepted=True), [])


async def test_one_machine_is_heard_once_however_many_leases_it_let_run_out(desk):
    account, machine = await desk.open_account(), await desk.machine()
    await desk.machine()
    await desk.set_rules(Rules(unattended=Unattended.WAIT))
    n = await desk.submit(account)
    (first,) = await desk.claim(machine)
    desk.clock.pass_by(MACHINE_LEASE_MS)
    (second,) = await desk.claim(machine)
    desk.clock.pass_by(MACHINE_LEASE_MS)

    assert (await desk.answer(machine, first, "one", 0.2)).accepted
    assert await desk.answer(machine, second, "two", 0.99) == Verdict(accepted=False, why=Why.EXPIRED)

    task = await desk.task(n)
    assert (task.state, task.solution) == (State.OPEN, b"")


async def test_a_late_word_that_is_refused_leaves_the_machines_later_lease_as_it_is(desk):
    account, machine = await desk.open_account(), await desk.machine()
    n = await desk.submit(account)
    (first,) = await desk.claim(machine)
    desk.clock.pass_by(MACHINE_LEASE_MS)
    (second,) = await desk.claim(machine)

    assert await desk.answer(machine, first, "one", 1.0) == Verdict(accepted=False, why=Why.EXPIRED)
    assert (await desk.answer(machine, second, "two", 1.0)).accepted

    assert (await desk.task(n)).solution == b'"two"'
