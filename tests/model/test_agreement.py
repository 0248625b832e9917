"""Agreement: mutual, at home with itself, and as wide as two careful hands lie apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.agreement import agree
from answerdesk.model.question import WORK_KINDS, Constraints, Kind, Medium, Question

PICTURE = Medium(type="image/png", width=400, height=200)
QUESTIONS = {kind: Question(kind=kind, media=(PICTURE, PICTURE)) for kind in WORK_KINDS}

pixel = st.integers(0, 400)
point = st.tuples(pixel, pixel).map(list)
side = st.integers(0, 200)
box = st.builds(lambda x, y, w, h: [x, y, x + w + 1, y + h + 1], side, side, side, side)
ANSWERS = {
    Kind.TEXT: st.text("abAB ", min_size=1, max_size=4),
    Kind.QUESTION: st.text("abAB ", min_size=1, max_size=4),
    Kind.AUDIO: st.text("abAB ", min_size=1, max_size=4),
    Kind.GRID: st.lists(st.integers(1, 9), unique=True).map(sorted),
    Kind.POINTS: st.lists(point, max_size=3),
    Kind.BOXES: st.lists(box, max_size=3),
    Kind.OUTLINE: st.lists(st.lists(point, min_size=3, max_size=5), max_size=2),
    Kind.ROTATE: st.lists(st.integers(0, 359), min_size=2, max_size=2),
    Kind.DRAG: st.lists(st.none() | point, min_size=1, max_size=1),
}
pairs = st.sampled_from(WORK_KINDS).flatmap(lambda kind: st.tuples(st.just(kind), ANSWERS[kind], ANSWERS[kind]))


@given(pairs)
def test_agreeing_is_mutual_and_every_answer_agrees_with_itself(pair):
    kind, first, second = pair

    assert agree(QUESTIONS[kind], first, first)
    assert agree(QUESTIONS[kind], first, second) is agree(QUESTIONS[kind], second, first)


@pytest.mark.parametrize(
    ("kind", "first", "second", "same"),
    [
        (Kind.TEXT, "Two  words", "two words", True),
        (Kind.TEXT, "word", "wörd", False),
        (Kind.AUDIO, "STRASSE", "straße", True),
        (Kind.GRID, [1, 5], [1, 5], True),
        (Kind.GRID, [1, 5], [1], False),
        (Kind.POINTS, [[10, 10], [90, 90]], [[92, 91], [12, 3]], True),
        (Kind.POINTS, [[10, 10]], [[23, 10]], False),
        (Kind.POINTS, [[10, 10]], [[10, 10], [11, 11]], False),
        (Kind.BOXES, [[0, 0, 100, 100]], [[10, 10, 100, 100]], True),
        (Kind.BOXES, [[0, 0, 100, 100]], [[50, 50, 150, 150]], False),
        (Kind.BOXES, [[0, 0, 9, 9]], [[100, 100, 109, 109]], False),
        (Kind.OUTLINE, [[[0, 0], [99, 0], [50, 99]]], [[[2, 1], [97, 2], [60, 50], [51, 98]]], True),
        (Kind.ROTATE, [359, 0], [2, 355], True),
        (Kind.ROTATE, [40, 0], [51, 0], False),
        (Kind.DRAG, [[10, 10]], [[14, 18]], True),
        (Kind.DRAG, [None], [None], True),
        (Kind.DRAG, [None], [[0, 0]], False),
    ],
)
def test_two_answers_say_the_same_within_what_hands_differ_by(kind, first, second, same):
    assert bool(agree(QUESTIONS[kind], first, second)) is same


def test_letter_case_counts_where_the_task_says_so():
    strict = Question(kind=Kind.TEXT, constraints=Constraints(case=True))

    assert not agree(strict, "Word", "word")


def test_one_step_is_near_where_turning_goes_in_steps():
    stepped = Question(kind=Kind.ROTATE, media=(PICTURE,), constraints=Constraints(angle=40))

    assert agree(stepped, [0], [320])
    assert not agree(stepped, [0], [80])
