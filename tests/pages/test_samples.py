"""Samples of every kind: their own answer fits and is one the desk accepts, another does not."""

from __future__ import annotations

from random import Random

import pytest

from answerdesk.model.media import sniff
from answerdesk.model.question import WORK_KINDS, Kind
from answerdesk.model.values import accept
from answerdesk.pages.samples import draw

SEEDS = range(12)

#: What somebody says who did not look.
WRONG = {
    Kind.TEXT: "00000",
    Kind.QUESTION: "99",
    Kind.AUDIO: "zero",
    Kind.GRID: [],
    Kind.POINTS: [[1, 1], [2, 2]],
    Kind.BOXES: [[0, 0, 20, 20]],
    Kind.OUTLINE: [[[0, 0], [20, 0], [0, 20]]],
    Kind.ROTATE: [0],
    Kind.DRAG: [[1, 1], None],
}


def say(key: str, **named: str) -> str:
    return " ".join((key, *named.values()))


@pytest.mark.parametrize("kind", WORK_KINDS)
def test_the_known_answer_fits_and_is_accepted_by_the_desk(kind: Kind):
    for seed in SEEDS:
        sample = draw(kind, Random(seed), say)

        assert sample.fits(accept(sample.question, sample.answer))


@pytest.mark.parametrize("kind", WORK_KINDS)
def test_an_answer_given_without_looking_does_not_fit(kind: Kind):
    assert not any(draw(kind, Random(seed), say).fits(WRONG[kind]) for seed in SEEDS)


@pytest.mark.parametrize("kind", WORK_KINDS)
def test_a_sample_is_drawn_alike_from_the_same_randomness(kind: Kind):
    assert draw(kind, Random(7), say) == draw(kind, Random(7), say)


@pytest.mark.parametrize("kind", WORK_KINDS)
def test_the_media_are_what_the_question_says(kind: Kind):
    sample = draw(kind, Random(3), say)

    assert tuple(map(sniff, sample.media)) == sample.question.media


@pytest.mark.parametrize("away", [(9, 0), (0, -9), (-6, 6)])
@pytest.mark.parametrize("kind", [Kind.POINTS, Kind.DRAG])
def test_a_hand_that_is_a_little_off_fits(kind: Kind, away: tuple[int, int]):
    sample = draw(kind, Random(5), say)

    assert sample.fits([[x + away[0], y + away[1]] for x, y in sample.answer])


def test_marks_may_come_in_any_order_but_each_wants_its_own_click():
    sample = draw(Kind.POINTS, Random(5), say)

    assert sample.fits(sample.answer[::-1])
    assert not sample.fits([sample.answer[0]] * len(sample.answer))


def test_a_turn_is_near_across_the_top():
    sample = next(found for seed in range(99) if (found := draw(Kind.ROTATE, Random(seed), say)).answer == [330])

    assert sample.fits([340])
    assert not sample.fits([0])
