"""What an account has of its own is kept by every store, and a sandbox's task lives and ends without money."""

from __future__ import annotations

import pytest

from answerdesk.model.account import CallbackForm
from answerdesk.model.task import State, Trail


async def test_what_an_account_has_of_its_own_comes_back_as_it_was(desk):
    own = {
        "max_picture": 2_000_000, "max_side": 8_000, "max_sound": 900_000, "callback_form": CallbackForm.JSON,
        "disabled_types": frozenset({"GridTask", "ComplexImageTask/text"}), "sandbox": True, "group": "shop",
    }  # fmt: skip
    account = await desk.open_account("shop", **own)

    kept = await desk.store.account(account.id)

    assert kept == account
    assert {name: getattr(kept, name) for name in own} == own
    changed = await desk.change(account, disabled_types=frozenset(), sandbox=False)
    assert (changed.disabled_types, changed.sandbox, changed.max_side) == (frozenset(), False, 8_000)


async def test_a_sandboxs_task_moves_no_money_of_its_account(desk):
    account = await desk.open_account(balance=0, group="shop", sandbox=True)
    member, _ = await desk.person(groups=frozenset({"shop"})), await desk.person()
    n = await desk.solved(account, member)

    assert (await desk.task(n)).state is State.READY
    await desk.report(n, account, correct=False)

    assert await desk.money(account) == (0, 0, 0)
    assert (await desk.store.sums()).drifting == ()


@pytest.mark.parametrize("machine", [False, True])
async def test_nobody_earns_anything_by_a_sandboxs_task_whatever_its_price_says(desk, machine):
    shop = await desk.open_account(balance=0, group="shop", sandbox=True)
    await desk.set_price(1_000, 600)
    await desk.set_price(0, 700, account=shop.id)
    worker = await desk.enrol(machine=machine, groups=frozenset({"shop"}))
    n = await desk.submit(shop)
    # What was asked in a sandbox stays so.
    await desk.change(shop, sandbox=False)

    (lease,) = await desk.claim(worker)
    verdict = await desk.answer(worker, lease)

    assert (lease.pay, verdict.accepted, verdict.paid) == (0, True, 0)
    assert (await desk.task(n)).trail is (Trail.MACHINE if machine else Trail.PEOPLE)
    assert (await desk.store.sums()).entries == 0


async def test_a_free_task_of_any_other_account_is_paid_as_its_price_says(desk):
    account, worker = await desk.open_account(balance=0), await desk.person()
    await desk.set_price(0, 600)
    await desk.submit(account)

    (lease,) = await desk.claim(worker)

    assert (await desk.answer(worker, lease)).paid == 600
