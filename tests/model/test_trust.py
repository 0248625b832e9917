"""What comparisons with people tell of a machine, and the threshold that they earn a profile."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.answer import Lease
from answerdesk.model.judge import SHIPPED, Rules
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind, Options, Question
from answerdesk.model.solver import SolverId
from answerdesk.model.task import Cause, State, Task
from answerdesk.model.trust import ENOUGH, Comparison, Tally, compared, earned, permille, tally, wilson
from answerdesk.solve.profiles import PROFILES
from tests.model.test_judge import machine_says, person_says

replace = msgspec.structs.replace

TYPE = "ImageToTextTask"
RULES = Rules()

counts = st.tuples(st.integers(0, 1000), st.integers(0, 300), st.floats(0, 1)).map(
    lambda row: comparison(row[0], row[1], round(row[1] * row[2]))
)


def comparison(sure: int, held: int, agreed: int, profile: str = "meter") -> Comparison:
    return Comparison(type=TYPE, profile=profile, solver=SolverId(1), permille=sure, compared=held, agreed=agreed)


def person(value: str, solver: int = 7) -> Lease:
    return replace(person_says(solver), said=msgspec.json.encode(value))


def machine(value: str, confidence: float | None = 0.9, solver: int = 1) -> Lease:
    return replace(machine_says(confidence, solver), said=msgspec.json.encode(value))


def task(state: State = State.OPEN, *, module: str = "meter", **fields: Any) -> Task:
    question = msgspec.json.encode(Question(kind=Kind.TEXT, options=Options(module=module)))
    made = Task(
        n=Sequence(1), account=AccountId(1), type=TYPE, kind=Kind.TEXT, price=Micros(0), question=question,
        created=Millis(0), deadline=Millis(99), state=state,
    )  # fmt: skip
    return replace(made, **fields)


def solved(value: str, **fields: Any) -> Task:
    return task(State.READY, cause=Cause.SOLVED, solution=msgspec.json.encode(value), **fields)


def told(said: list[Lease], settled: Task, before: Task | None = None, rules: Rules = RULES) -> list[tuple[int, ...]]:
    found = compared(before or task(), settled, tuple(said), rules)
    return [(one.solver, one.permille, one.compared, one.agreed) for one in found]


# The bounds that a table of Wilson's interval gives for 95 %.
@pytest.mark.parametrize(
    ("right", "of", "bound"),
    [(0, 0, 0.0), (0, 10, 0.0), (8, 10, 0.4902), (10, 10, 0.7225), (95, 100, 0.8882), (200, 200, 0.9812)],
)
def test_the_lower_bound_is_wilsons(right, of, bound):
    assert wilson(right, of) == pytest.approx(bound, abs=5e-5)


@given(st.integers(1, 2_000), st.floats(0, 1))
def test_the_bound_lies_below_the_share_and_comes_nearer_with_more_of_the_same(of, share):
    right = round(of * share)

    assert 0 <= wilson(right, of) <= right / of
    assert wilson(right, of) <= wilson(3 * right, 3 * of)
    assert wilson(right, of) <= wilson(right + 1, of + 1)


@given(st.floats(0, 1))
def test_an_answer_reaches_a_threshold_of_thousandths_exactly_where_its_count_does(confidence):
    place = permille(confidence)

    assert place / 1000 <= confidence
    assert place == 1000 or confidence < (place + 1) / 1000


@given(st.integers(0, 1000))
def test_a_confidence_in_thousandths_is_its_own_place(place):
    assert permille(place / 1000) == place


@given(st.lists(counts, max_size=12), st.floats(0.5, 0.99))
def test_what_is_earned_is_the_lowest_threshold_that_keeps_what_is_aimed_at(listed, target):
    threshold = earned(listed, target)
    places = {one.permille / 1000 for one in listed if one.compared}

    if tally(listed).compared < ENOUGH:
        assert threshold is None
    elif threshold is None:
        assert all(tally(listed, place).at_least < target for place in places)
    else:
        assert threshold in places
        assert tally(listed, threshold).at_least >= target
        assert all(tally(listed, place).at_least < target for place in places if place < threshold)


def test_one_comparison_short_of_enough_earns_nothing():
    assert earned([comparison(900, ENOUGH - 1, ENOUGH - 1)], 0.5) is None
    assert earned([comparison(900, ENOUGH, ENOUGH)], 0.5) == 0.9


def test_doubtful_answers_that_are_often_wrong_are_left_to_people():
    listed = [comparison(600, 100, 70), comparison(950, 150, 145), comparison(990, 100, 100)]

    assert earned(listed, 0.9) == 0.95
    assert earned(listed, 0.96) == 0.99
    assert earned(listed, 0.99) is None


def test_what_was_taken_back_from_days_long_past_leaves_no_count_below_zero():
    assert tally([comparison(900, -3, -5)]) == Tally(compared=0, agreed=0)
    assert tally([comparison(900, 2, 4)]) == Tally(compared=2, agreed=2)


def test_a_share_of_nothing_is_none():
    assert (Tally().precision, Tally().at_least) == (None, 0.0)


PERSON, OTHER = person("19"), person("18", 8)


@pytest.mark.parametrize(
    ("said", "solution", "expected"),
    [
        ([machine("19"), PERSON], "19", [(1, 900, 1, 1)]),
        ([machine("l9"), PERSON], "19", [(1, 900, 1, 0)]),
        ([machine("19", None), PERSON], "19", [(1, 0, 1, 1)]),
        ([machine("19"), machine("l9", 0.5, 2), PERSON], "19", [(1, 900, 1, 1), (2, 500, 1, 0)]),
        # Taken alone, whatever others of its sort said: no machine judges a machine.
        ([machine("19")], "19", []),
        ([machine("19"), machine("19", 0.5, 2)], "19", []),
        # Its own answer was taken against a person's: that says nothing of it.
        ([machine("19"), OTHER], "19", []),
        ([PERSON], "19", []),
    ],
)
def test_a_machine_is_held_against_people_alone(said, solution, expected):
    assert told(said, solved(solution)) == expected


def test_a_task_without_a_solution_compares_nobody():
    assert told([machine("19"), PERSON], task(State.FAILED, cause=Cause.UNSOLVED, question=b"?")) == []


def test_a_report_takes_back_what_it_makes_doubtful():
    wrong = solved("19", report="incorrect")

    assert told([machine("l9"), PERSON], wrong, before=solved("19")) == [(1, 900, -1, 0)]
    assert told([machine("19"), PERSON], wrong, before=solved("19")) == [(1, 900, 0, -1)]


@pytest.mark.parametrize(
    ("module", "rules", "profile"),
    [
        ("meter", RULES, "meter"),
        ("what a client made up", RULES, "universal"),
        ("seals", Rules(profiles={"seals": 0.9}), "seals"),
        ("seals", Rules(shadows=("seals",)), "seals"),
    ],
)
def test_a_profile_that_is_not_known_counts_as_what_it_is_read_as(module, rules, profile):
    (found,) = compared(task(module=module), solved("19", module=module), (machine("19"), PERSON), rules)

    assert (found.type, found.profile) == (TYPE, profile)


def test_the_shipped_profiles_are_those_of_the_shipped_recogniser():
    assert PROFILES.keys() == SHIPPED
