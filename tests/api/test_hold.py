"""The hold by itself: who is released when, and what is left of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import cast

import pytest

from answerdesk.api.hold import Hold
from answerdesk.desk.board import Board, final_reply
from answerdesk.desk.elsewhere import Settled
from answerdesk.desk.ports import Store
from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.task import Permutation, State, Task, TaskId

IDS = Permutation(b"k" * 16)
ALICE, BOB = AccountId(1), AccountId(2)


def settled(n: int, account: AccountId = ALICE) -> Task:
    return Task(
        n=Sequence(n), account=account, type="ImageToTextTask", kind=Kind.TEXT, price=Micros(1), question=b"{}",
        ip="", created=Millis(1), deadline=Millis(2), state=State.READY, solution=b'"4821"', place=n,
    )  # fmt: skip


def shown(n: int) -> TaskId:
    return IDS.show(Sequence(n))


def held(most: int = 100, of_account: int = 100) -> Hold:
    return Hold(Board(), IDS, most, of_account)


def forgotten(account: AccountId, task: TaskId) -> None: ...


async def test_a_poll_whose_time_is_up_is_released_without_an_answer_and_others_stay():
    hold = held()
    long = asyncio.create_task(hold.wait(ALICE, shown(1), 60))
    short = await asyncio.gather(*(hold.wait(ALICE, shown(1), seconds) for seconds in (0.0, 0.01, 0.06)))

    assert short == [None] * 3
    assert (len(hold), long.done()) == (1, False)
    hold.settle([settled(1)], forgotten)
    assert await long == final_reply(settled(1))
    assert len(hold) == 0


async def test_all_polls_of_a_task_are_released_by_its_settling_and_no_others():
    hold = held()
    waits = [(ALICE, 1), (ALICE, 1), (ALICE, 2), (BOB, 1)]
    first, second, other, stranger = (asyncio.create_task(hold.wait(who, shown(n), 60)) for who, n in waits)
    await asyncio.sleep(0)
    hold.settle([settled(1)], forgotten)

    assert await first == await second == final_reply(settled(1))
    assert len(hold) == 2
    hold.close()
    assert (await other, await stranger) == (None, None)
    assert not hold.has_room(ALICE)


async def test_a_poll_whose_client_left_takes_no_place():
    hold = held(most=1)
    gone = asyncio.create_task(hold.wait(ALICE, shown(1), 0.01))
    await asyncio.sleep(0)
    full = hold.has_room(ALICE)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)

    assert not full
    assert hold.has_room(ALICE)
    assert await hold.wait(BOB, shown(1), 0.05) is None


class Read:
    """A store of which only settled tasks are read."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    async def settled_among(self, numbers: Iterable[Sequence]) -> list[Task]:
        self.asked.append([*numbers])
        return [settled(n) for n in self.asked[-1]]


def elsewhere(n: int, account: AccountId = ALICE) -> Settled:
    return Settled(n=Sequence(n), account=account, place=n)


async def test_of_what_settled_elsewhere_only_what_is_held_is_read_and_all_of_it_at_once():
    hold, store = held(), Read()
    waits = [asyncio.create_task(hold.wait(ALICE, shown(n), 60)) for n in (1, 1, 2, 3)]
    await asyncio.sleep(0)
    hold.hear([elsewhere(n) for n in (7, 2, 8)])
    hold.hear([elsewhere(1), elsewhere(3, BOB)])
    await hold.told(cast("Store", store), forgotten)

    assert store.asked == [[2, 1]]
    assert [await wait for wait in waits[:3]] == [final_reply(settled(n)) for n in (1, 1, 2)]
    assert len(hold) == 1
    hold.close()
    assert await waits[3] is None


async def test_where_nobody_waits_nothing_is_read_of_what_settled_elsewhere():
    hold = held()
    hold.hear([elsewhere(1), elsewhere(2)])
    told = asyncio.create_task(hold.told(cast("Store", Read()), forgotten))
    await asyncio.sleep(0)

    assert not told.done()
    told.cancel()
    await asyncio.gather(told, return_exceptions=True)


@pytest.mark.parametrize("reader", ["told", "reread"])
@pytest.mark.parametrize(
    ("meanwhile", "hangs"),
    [
        (lambda board: board.get(ALICE, shown(1)), True),
        (lambda board: board.drop_range(Sequence(0), Sequence(9)), False),
        (lambda board: board.drop(shown(1)), False),
        (lambda board: board.clear(), False),
    ],
    ids=["nothing", "its range", "itself", "everything"],
)
async def test_what_is_forgotten_while_held_polls_are_read_for_is_told_and_hangs_up_nowhere(reader, meanwhile, hangs):
    class Slow(Read):
        async def settled_among(self, numbers: Iterable[Sequence]) -> list[Task]:
            found = await super().settled_among(numbers)
            meanwhile(board)
            return found

    board = Board()
    hold = Hold(board, IDS, 100)
    wait = asyncio.create_task(hold.wait(ALICE, shown(1), 60))
    await asyncio.sleep(0)
    hold.hear([elsewhere(1)])
    await getattr(hold, reader)(cast("Store", Slow()), forgotten)

    assert await wait == final_reply(settled(1))
    assert (board.get(ALICE, shown(1)) is not None) is hangs
