"""Standing: right by others' word alone, and an accuracy that moves in steps of ten behind which no task shows."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.answer import Decline, Lease, Outcome, Verdict, Why
from answerdesk.model.money import NOTHING
from answerdesk.model.question import Kind, Question
from answerdesk.model.solver import SolverId
from answerdesk.model.standing import LEAST_JUDGED, STEP, Mark, Standing, judged, marks, phase
from answerdesk.model.task import State, Task

encode = msgspec.json.Encoder().encode
OPEN = Task(
    n=Sequence(1),
    account=AccountId(1),
    type="ImageToTextTask",
    kind=Kind.TEXT,
    price=NOTHING,
    question=encode(Question(kind=Kind.TEXT)),
    created=Millis(0),
    deadline=Millis(1),
)


def settled(solution: str = "word", report: str | None = None) -> Task:
    return msgspec.structs.replace(OPEN, state=State.READY, solution=encode(solution), report=report)


def says(solver: int, value: str, *, accepted: bool = True) -> Lease:
    verdict = Verdict(accepted=True) if accepted else Verdict(accepted=False, why=Why.SETTLED)
    return Lease(
        token=str(solver), task=Sequence(1), account=AccountId(1), solver=SolverId(solver), machine=False,
        given=Millis(0), until=Millis(1), outcome=Outcome.ANSWERED, said=encode(value), verdict=verdict,
    )  # fmt: skip


WORD, LOUD, OTHER, THIRD = says(1, "word"), says(2, " WORD "), says(3, "wood"), says(4, "ward")


@pytest.mark.parametrize(
    ("said", "report", "expected"),
    [
        ((WORD,), None, {}),
        ((WORD, LOUD), None, {1: True, 2: True}),
        ((WORD, OTHER), None, {3: False}),
        ((WORD, LOUD, OTHER), None, {1: True, 2: True, 3: False}),
        ((WORD, OTHER, THIRD), None, {3: False, 4: False}),
        ((WORD,), "correct", {1: True}),
        ((WORD, OTHER), "correct", {1: True, 3: False}),
        ((WORD,), "incorrect", {1: False}),
        ((WORD, LOUD, OTHER), "incorrect", {1: False, 2: False}),
        ((WORD, says(2, "word", accepted=False)), None, {}),
        ((), "correct", {}),
    ],
)
def test_an_answer_is_judged_by_a_report_or_by_another_answer(said, report, expected):
    assert judged(settled(report=report), said) == expected


def test_a_task_without_a_solution_judges_nobody():
    assert judged(OPEN, (WORD, LOUD)) == {}
    assert judged(msgspec.structs.replace(OPEN, state=State.FAILED), (WORD, LOUD)) == {}


def test_a_decline_is_no_answer():
    declined = msgspec.structs.replace(LOUD, outcome=Outcome.DECLINED, said=encode(Decline.UNREADABLE))

    assert judged(settled(), (WORD, declined)) == {}


@given(
    values=st.lists(st.sampled_from(["word", "wood", "ward"]), max_size=5),
    reports=st.lists(st.sampled_from(["correct", "incorrect"]), max_size=4),
)
def test_marks_on_the_way_add_up_to_the_last_judgement(values, reports):
    said = tuple(says(solver, value) for solver, value in enumerate(values, 1))
    steps = [OPEN, settled(), *(settled(report=report) for report in reports)]
    totals: dict[SolverId, list[int]] = {}
    for before, after in itertools.pairwise(steps):
        for mark in marks(before, after, said):
            total = totals.setdefault(mark.solver, [0, 0])
            total[0] += mark.judged
            total[1] += mark.agreed

    last = judged(steps[-1], said)
    assert {solver: total for solver, total in totals.items() if total != [0, 0]} == {
        solver: [1, int(right)] for solver, right in last.items()
    }


def answers(solver: int, rights: list[bool | None]) -> list[Standing]:
    """Give a solver's standing after each answer, which is judged right, wrong, or (None) not at all."""
    stands = [Standing(solver=SolverId(solver))]
    for right in rights:
        said = stands[-1].after(Mark(solver=SolverId(solver), said=1))
        known = right is not None
        stands.append(said.after(Mark(solver=SolverId(solver), judged=int(known), agreed=int(bool(right)))))
    return stands


@given(solver=st.integers(1, 2**40), rights=st.lists(st.sampled_from([True, False, None]), max_size=80))
def test_what_is_shown_changes_at_most_once_in_ten_answers_at_the_solvers_own_place(solver, rights):
    stands = answers(solver, rights)

    changed = [later.said for earlier, later in itertools.pairwise(stands) if shown(earlier) != shown(later)]
    assert all((said + phase(SolverId(solver))) % STEP == 0 for said in changed)


@given(solver=st.integers(1, 2**40), rights=st.lists(st.sampled_from([True, False, None]), max_size=60))
def test_the_answer_at_which_the_accuracy_changes_is_not_yet_in_it(solver, rights):
    turned = [None if right is None else not right for right in rights[-1:]]

    assert shown(answers(solver, rights)[-1]) == shown(answers(solver, [*rights[:-1], *turned])[-1])


@given(solver=st.integers(1, 2**40), rights=st.lists(st.sampled_from([True, False, None]), max_size=80))
def test_an_accuracy_is_a_share_and_is_shown_from_ten_judged_on(solver, rights):
    stands = answers(solver, rights)[-1]

    assert (stands.accuracy is None) == (stands.shown_judged < LEAST_JUDGED)
    if stands.accuracy is not None:
        assert 0 < stands.accuracy <= 1
        assert stands.accuracy == round((stands.shown_agreed + 1) / (stands.shown_judged + 1), 2)


def test_nobody_is_told_before_ten_were_judged_and_everybody_within_ten_more():
    for solver in range(1, 50):
        assert {stands.accuracy for stands in answers(solver, [True] * 10)} == {None}
        assert answers(solver, [True] * 20)[-1].accuracy == 1.0


def test_the_places_are_spread_over_all_ten():
    places = [phase(SolverId(solver)) for solver in range(1, 1_001)]

    assert all(50 < places.count(place) < 200 for place in range(STEP))


@given(solver=st.integers(1, 2**40), answered=st.integers(0, 40), undone=st.lists(st.integers(1, 5), max_size=20))
def test_an_answer_undone_and_given_again_is_no_step_to_look_at_what_was_judged(solver, answered, undone):
    stands = answers(solver, [True] * answered)[-1]
    mark, seen = Mark(solver=SolverId(solver), said=1), set()
    for count in undone:
        for _ in range(count):
            stands = stands.after(Mark(solver=SolverId(solver), said=-1))
        for _ in range(count):
            stands = stands.after(mark)
        stands = stands.after(Mark(solver=SolverId(solver), judged=1))
        seen.add(shown(stands))

    assert len(seen) <= 1


def test_marks_that_come_together_count_as_if_they_came_one_by_one():
    alone = Standing(solver=SolverId(1))
    for _ in range(25):
        alone = alone.after(Mark(solver=SolverId(1), said=1))

    assert Standing(solver=SolverId(1)).after(Mark(solver=SolverId(1), said=25)).said == alone.said == 25


def shown(stands: Standing) -> tuple[int, int]:
    return stands.shown_judged, stands.shown_agreed
