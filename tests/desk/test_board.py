"""The board hangs up final replies by account, and holds only so many."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace

from answerdesk.desk.board import Board, final_reply
from answerdesk.desk.elsewhere import Span
from answerdesk.desk.orders import Orders
from answerdesk.desk.ports import Heard
from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.fault import Fault
from answerdesk.model.money import Micros
from answerdesk.model.question import Constraints, Kind, Question
from answerdesk.model.talk import Ready, Refused
from answerdesk.model.task import FAILURES, Cause, Permutation, State, Task, TaskId

ALICE, BOB = AccountId(1), AccountId(2)


def settled(account: AccountId = ALICE, kind: Kind = Kind.TEXT, **fields) -> Task:
    question = Question(kind=kind, constraints=Constraints(**fields.pop("constraints", {})))
    given: dict[str, Any] = {
        "state": State.READY,
        "cause": Cause.SOLVED,
        "solution": b'"word"',
        "solve_count": 2,
    } | fields
    return Task(
        n=Sequence(1),
        account=account,
        type="ImageToTextTask",
        kind=kind,
        price=Micros(7),
        question=msgspec.json.encode(question),
        ip="192.0.2.1",
        created=Millis(1_000),
        deadline=Millis(9_000),
        ended=Millis(2_000),
        **(given | fields),
    )


def test_a_ready_tasks_reply_says_what_it_cost_and_when():
    assert final_reply(settled()) == Ready(
        type="ImageToTextTask",
        kind=Kind.TEXT,
        value="word",
        cost=Micros(7),
        ip="192.0.2.1",
        created=Millis(1_000),
        ended=Millis(2_000),
        solve_count=2,
    )


def test_a_grids_reply_knows_how_many_cells_there_were():
    grid = settled(kind=Kind.GRID, solution=b"[1,3]", constraints={"rows": 3, "columns": 4})

    reply = final_reply(grid)

    assert isinstance(reply, Ready)
    assert reply.cells == 12


@pytest.mark.parametrize("cause", list(FAILURES))
def test_a_failed_tasks_reply_says_why(cause):
    fault, words = FAILURES[cause]

    assert final_reply(settled(state=State.FAILED, cause=cause, solution=b"")) == Refused(
        fault=fault, detail=words, own="cancelled by the client" if cause is Cause.WITHDRAWN else ""
    )


def test_a_failed_task_without_a_cause_is_unsolvable():
    reply = final_reply(settled(state=State.FAILED, cause=None, solution=b""))

    assert isinstance(reply, Refused)
    assert reply.fault is Fault.CAPTCHA_UNSOLVABLE


def test_a_reply_hangs_for_its_account_alone():
    board = Board()
    reply = board.put(settled(), TaskId(5))

    assert board.get(ALICE, TaskId(5)) == reply
    assert board.get(BOB, TaskId(5)) is None
    assert board.get(ALICE, TaskId(6)) is None


def test_a_full_board_lets_the_oldest_go():
    board = Board(most=2)
    for task in (5, 6, 6, 7):
        board.put(settled(), TaskId(task))

    assert [board.get(ALICE, TaskId(task)) is not None for task in (5, 6, 7)] == [False, True, True]


def test_a_reply_taken_down_is_gone_and_may_be_taken_down_again():
    board = Board()
    board.put(settled(), TaskId(5))
    board.put(settled(), TaskId(6))

    board.drop(TaskId(5))
    board.drop(TaskId(5))

    assert board.get(ALICE, TaskId(5)) is None
    assert board.get(ALICE, TaskId(6)) is not None


def test_the_replies_of_a_range_of_tasks_are_taken_down_together():
    board = Board()
    for n in range(5, 9):
        board.put(replace(settled(), n=Sequence(n)), TaskId(100 - n))

    board.drop_range(Sequence(6), Sequence(8))

    assert [n for n in range(5, 9) if board.get(ALICE, TaskId(100 - n))] == [5, 8]


class Silent:
    """A store that says nothing but what the test says."""

    def __init__(self) -> None:
        self.tell: Any = None
        #: What is told while a task is read.
        self.meanwhile: Any = None

    async def task(self, n: Sequence) -> Task:
        if self.meanwhile is not None:
            self.tell(self.meanwhile)
        return replace(settled(), n=n)

    def listen(self, hearer: Any) -> None:
        self.tell = hearer


def test_the_board_is_cleared_when_nobody_knows_what_was_forgotten_meanwhile():
    board, store = Board(), Silent()
    Orders(cast("Any", store), board, Permutation(bytes(24)))
    board.put(settled(), TaskId(5))
    store.tell(Heard(settings=True))

    assert board.get(ALICE, TaskId(5)) is not None
    store.tell(Heard(dropped=[Span(first=Sequence(99), past=Sequence(999))]))
    assert board.get(ALICE, TaskId(5)) is not None
    store.tell(Heard(missed=True))
    assert board.get(ALICE, TaskId(5)) is None


@pytest.mark.parametrize(
    ("meanwhile", "hangs"),
    [
        (None, True),
        (Heard(settings=True), True),
        (Heard(erased=[Sequence(7)]), False),
        (Heard(dropped=[Span(first=Sequence(1), past=Sequence(9))]), False),
        (Heard(missed=True), False),
    ],
)
async def test_what_is_forgotten_while_it_is_read_hangs_up_nowhere(meanwhile, hangs):
    board, store, ids = Board(), Silent(), Permutation(bytes(24))
    store.meanwhile = meanwhile
    orders = Orders(cast("Any", store), board, ids)
    task = ids.show(Sequence(7))

    assert isinstance(await orders.look_up(ALICE, task, Millis(0)), Ready)

    assert (orders.on_board(ALICE, task) is not None) is hangs
