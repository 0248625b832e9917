"""Whoever looks back at a task finds every lease of it, in the order given, and none of another's."""

from __future__ import annotations

from answerdesk.model.answer import Decline, Outcome


async def test_a_tasks_leases_are_read_in_the_order_given(desk):
    account, first, second = await desk.open_account(), await desk.person(), await desk.person()
    n = await desk.submit(account)
    (early,) = await desk.claim(first)
    await desk.give_back(first, early, Decline.LANGUAGE)
    desk.clock.pass_by(1_000)
    (late,) = await desk.claim(second)

    said = await desk.store.leases(n)

    assert [lease.token for lease in said] == [early.token, late.token]
    assert [lease.outcome for lease in said] == [Outcome.DECLINED, None]


async def test_another_tasks_leases_are_not_among_them(desk):
    account, person = await desk.open_account(), await desk.person()
    first, second = await desk.submit(account), await desk.submit(account)
    await desk.claim(person)

    assert [lease.task for lease in await desk.store.leases(first)] == [first]
    assert await desk.store.leases(second) == []
