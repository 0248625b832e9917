"""What a solver may send for each kind of question, the normal form it becomes, and the words of each refusal."""

from __future__ import annotations

import math
from typing import Any

import pytest

from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.question import Constraints, Kind, Medium, Question
from answerdesk.model.values import accept

PICTURE = Medium(type="image/png", width=100, height=50)


def ask(kind: Kind, pictures: int = 1, **constraints: Any) -> Question:
    return Question(kind=kind, media=(PICTURE,) * pictures, constraints=Constraints(**constraints))


GRID = ask(Kind.GRID, rows=3, columns=3, min_clicks=1, max_clicks=9)
ACCEPTED = {
    "text": (ask(Kind.TEXT), "  two  words ", "two  words"),
    "question": (ask(Kind.QUESTION, 0), "Paris", "Paris"),
    "audio": (ask(Kind.AUDIO), "x" * 4_000, "x" * 4_000),
    "cells": (GRID, [9, 1, 3, 1], [1, 3, 9]),
    "cells of several pictures": (ask(Kind.GRID, 6, rows=2, columns=3), [6], [6]),
    "no cells": (ask(Kind.GRID, rows=2, columns=2, can_no_answer=True), [], []),
    "points": (ask(Kind.POINTS), [[0, 0], [99.5, 48.4]], [[0, 0], [99, 48]]),
    "points on the far edge": (ask(Kind.POINTS), [[100, 50], [100, 3], [3, 49.6]], [[99, 49], [99, 3], [3, 49]]),
    "boxes": (ask(Kind.BOXES), [[1, 2, 30.2, 40]], [[1, 2, 30, 40]]),
    "boxes to the far edge": (ask(Kind.BOXES), [[0, 0, 100, 50]], [[0, 0, 100, 50]]),
    "no boxes": (ask(Kind.BOXES, can_no_answer=True), [], []),
    "outlines": (ask(Kind.OUTLINE), [[[1, 2], [30, 2], [3, 4]]], [[[1, 2], [30, 2], [3, 4]]]),
    "one angle": (ask(Kind.ROTATE), -90, [270]),
    "angles": (ask(Kind.ROTATE, 3), [400, 0.04, 359.99], [40, 0, 0]),
    "a tenth": (ask(Kind.ROTATE), [130.94], [130.9]),
    "an outline along the far edge": (
        ask(Kind.OUTLINE),
        [[[0, 50], [100, 50], [100, 0]]],
        [[[0, 49], [99, 49], [99, 0]]],
    ),
    "places": (ask(Kind.DRAG, 3), [[1, 2], None], [[1, 2], None]),
    "places on the far edge": (ask(Kind.DRAG, 3), [[100, 50], None], [[99, 49], None]),
}


@pytest.mark.parametrize(("question", "value", "normal"), ACCEPTED.values(), ids=ACCEPTED)
def test_a_value_that_fits_becomes_the_normal_answer(question, value, normal) -> None:
    assert accept(question, value) == normal


@pytest.mark.parametrize(("question", "value", "normal"), ACCEPTED.values(), ids=ACCEPTED)
def test_the_normal_answer_is_accepted_as_it_is(question, value, normal) -> None:
    assert accept(question, normal) == normal


NO_POINT = "value must be made of [x, y] points in pixels from the top left"
NO_BOX = "value must be a list of [x1, y1, x2, y2] boxes in pixels from the top left, with x1 < x2 and y1 < y2"
NO_OUTLINE = "value must be a list of outlines, each a list of at least 3 [x, y] points"
REFUSED = [
    (ask(Kind.TEXT), " ", "value must be a text that is not empty"),
    (ask(Kind.TEXT), 5, "value must be a text that is not empty"),
    (ask(Kind.TEXT), "x" * 4_001, "value must be a text of at most 4000 characters (got 4001)"),
    (GRID, "1", "value must be a list of cell numbers 1..9, counted from the top left row by row"),
    (GRID, [0], "value must be a list of cell numbers 1..9"),
    (GRID, [10], "value must be a list of cell numbers 1..9"),
    (GRID, [1.0], "value must be a list of cell numbers 1..9"),
    (GRID, [True], "value must be a list of cell numbers 1..9"),
    (GRID, [], "value must be at least one of the cells; an empty list is accepted only where"),
    (ask(Kind.GRID, rows=3, columns=3, min_clicks=2, max_clicks=3), [1], "value must be 2..3 cells (got 1)"),
    (ask(Kind.GRID, rows=3, columns=3, max_clicks=2), [1, 2, 3], "value must be 1..2 cells (got 3)"),
    (ask(Kind.POINTS), {}, "value must be a list of at most 1000 [x, y] points"),
    (ask(Kind.POINTS), [[1, 1]] * 1_001, "value must be a list of at most 1000 [x, y] points"),
    (ask(Kind.POINTS), [[1]], NO_POINT),
    (ask(Kind.POINTS), [5], NO_POINT),
    (ask(Kind.POINTS), [["1", 2]], NO_POINT),
    (ask(Kind.POINTS), [[True, 2]], NO_POINT),
    (ask(Kind.POINTS), [[math.nan, 2]], NO_POINT),
    (ask(Kind.POINTS), [[1e9, 2]], NO_POINT),
    (ask(Kind.POINTS), [[10**400, 1]], NO_POINT),
    (ask(Kind.POINTS), [[101, 2]], "value must be inside the picture: x 0..100, y 0..50 (got 101, 2)"),
    (ask(Kind.POINTS), [[1, -1]], "value must be inside the picture"),
    (ask(Kind.POINTS, max_clicks=1), [[1, 1], [2, 2]], "value must be 1..1 points (got 2)"),
    (ask(Kind.POINTS), [], "value must be at least one of the points"),
    (ask(Kind.BOXES), [[1, 2, 3]], NO_BOX),
    (ask(Kind.BOXES), [7], NO_BOX),
    (ask(Kind.BOXES), [[3, 2, 3, 9]], NO_BOX),
    (ask(Kind.BOXES), [[3, 9, 8, 9]], NO_BOX),
    (ask(Kind.BOXES), [], "value must be at least one of the boxes"),
    (ask(Kind.OUTLINE), [[[1, 1], [2, 2]]], NO_OUTLINE),
    (ask(Kind.OUTLINE), ["abc"], NO_OUTLINE),
    (ask(Kind.OUTLINE), [[[1, 1]] * 10_001], NO_OUTLINE),
    (ask(Kind.OUTLINE), [], "value must be at least one of the outlines"),
    (ask(Kind.ROTATE, 2), [1], "value must be a list of 2 angle(s) in degrees, clockwise, one per picture"),
    (ask(Kind.ROTATE), ["1"], "value must be a list of 1 angle(s)"),
    (ask(Kind.ROTATE), math.inf, "value must be a list of 1 angle(s)"),
    (ask(Kind.ROTATE), [10**400], "value must be a list of 1 angle(s)"),
    (ask(Kind.DRAG, 3), [[1, 2]], "value must be a list of 2 [x, y] centres on the background or null"),
    (ask(Kind.DRAG, 2), None, "value must be a list of 1 [x, y] centres"),
    (ask(Kind.DRAG, 2), [[101, 1]], "value must be inside the picture"),
]


@pytest.mark.parametrize(("question", "value", "words"), REFUSED)
def test_a_value_that_does_not_fit_is_refused_with_what_does(question, value, words) -> None:
    with pytest.raises(Refusal) as refused:
        accept(question, value)

    assert refused.value.fault is Fault.BAD_PARAMETERS
    assert refused.value.detail.startswith(words)
