"""A claim decides on the leases as they are once its tasks are its own, whatever the hunt saw before."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from answerdesk.desk.ports import House, Rows
from answerdesk.desk.work import MACHINE_TRIES, Claim
from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.answer import Lease, Outcome
from answerdesk.model.fair import Flow, Line, line_of
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.solver import Solver, SolverId
from answerdesk.model.task import Route, Task

NOW = Millis(1_000_000)
PERSON = Solver(id=SolverId(7), name="Ada", machine=False)
MACHINE = msgspec.structs.replace(PERSON, name="ocr", machine=True)
TASK = Task(
    n=Sequence(3),
    account=AccountId(1),
    type="ImageToTextTask",
    kind=Kind.TEXT,
    price=Micros(0),
    question=b"{}",
    created=Millis(0),
    deadline=Millis(NOW + 100_000),
    rank=0,
    route=Route.EITHER,
    slots=2,
)


def lease(**fields: Any) -> Lease:
    given: dict[str, Any] = {
        "token": f"{len(fields)} {fields}", "task": TASK.n, "account": TASK.account, "solver": PERSON.id,
        "machine": False, "given": Millis(0), "until": Millis(0), "pay": Micros(0),
    }  # fmt: skip
    return Lease(**given | fields)


def claimed(solver: Solver, *leases: Lease) -> list[Sequence]:
    rows = Rows(House(solvers=(solver,)))
    kind, group, route = line_of(TASK)
    rows.lines[line_of(TASK)] = Line(kind=kind, group=group, route=route)
    rows.flows[TASK.account, line_of(TASK)] = Flow(account=TASK.account, kind=kind, group=group, route=route)
    rows.tasks[TASK.n] = TASK
    rows.found = [TASK.n]
    for each in leases:
        rows.hold(each)
    _, given = Claim(solver=solver, kinds=(Kind.TEXT,), names=("fresh",)).decide(rows, NOW)
    return [task.n for _, task in given]


def test_a_task_of_which_the_solver_knows_nothing_is_given():
    others = lease(solver=SolverId(8), until=Millis(NOW + 1), shown=Millis(1))

    assert claimed(PERSON, others) == [TASK.n]


@pytest.mark.parametrize(
    "held",
    [
        lease(until=Millis(NOW + 1)),
        lease(outcome=Outcome.ANSWERED, said=b'"word"', shown=Millis(1)),
        lease(outcome=Outcome.DECLINED, said=b'"unreadable"', shown=Millis(1)),
        lease(shown=Millis(1)),
    ],
    ids=["holds it", "answered", "declined", "saw it"],
)
def test_a_task_that_the_solver_holds_or_had_is_not_given_again(held):
    assert claimed(PERSON, held) == []


def test_what_was_only_set_aside_before_is_given_again():
    assert claimed(PERSON, lease(), lease(token="other", outcome=Outcome.RELEASED)) == [TASK.n]


@pytest.mark.parametrize(("seen", "given"), [(MACHINE_TRIES - 1, [TASK.n]), (MACHINE_TRIES, [])])
def test_a_machine_gets_a_task_again_until_it_saw_it_too_often(seen, given):
    shown = (lease(token=str(number), machine=True, shown=Millis(1)) for number in range(seen))

    assert claimed(MACHINE, *shown) == given
