"""The customer's side by itself: what is begun where it is read, and what is counted of it."""

from __future__ import annotations

import pytest

from answerdesk.api.front import Front, Terms
from answerdesk.api.hold import Hold
from answerdesk.api.limits import Polls
from answerdesk.desk.board import Board
from answerdesk.desk.entrance import Entrance
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.task import Permutation
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock
from tests.store.driver import Desk, draft

IP = "192.0.2.1"


@pytest.mark.parametrize("block", [1, 2, 100])
async def test_a_request_counts_once_whether_or_not_a_number_is_at_hand(block):
    clock = Clock()
    store = SqliteStore("", clock, block=block)
    desk = Desk(store, clock)
    front = Front(
        store=store, orders=desk.orders, entrance=Entrance(store), hold=Hold(Board(), Permutation(bytes(24)), most=1),
        polls=Polls(3), clock=clock, terms=Terms(dialect="2captcha"),
    )  # fmt: skip
    account = await desk.open_account(requests_per_second=4)
    await desk.add_key(account, "secret")
    await desk.person()
    known = await front.admit("secret", IP)
    assert front.known("secret") == known

    async def create():
        begun = front.begin(known, draft(), IP, "2captcha", None)
        if begun is not None:
            return front.made(await begun)
        return await front.create(await front.admit("secret", IP), draft(), IP, "2captcha")

    # One was spent on the key.
    made = [await create() for _ in range(3)]
    with pytest.raises(Refusal) as refused:
        await create()

    assert len({task for task, _ in made}) == 3
    assert refused.value.fault is Fault.TOO_MUCH_REQUESTS
    store.close()
