"""Answers in normal form, one per kind of question (PROTOCOL §6.14), and what makes one acceptable.
Rule: whatever a solver sends is brought into this form here or refused with what is accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.question import Constraints, Kind, Medium, Question
from answerdesk.model.upright import submitted_cell, submitted_edge, submitted_pixel, submitted_turn

#: The longest text a solver may send.
MOST_CHARACTERS: Final = 4_000
#: The most marks or outline points in one answer.
MOST_MARKS: Final = 1_000
MOST_VERTICES: Final = 10_000
LEAST_VERTICES: Final = 3
FULL_TURN: Final = 360


def accept(question: Question, value: object) -> Any:
    """Bring a solver's value into the normal form of its kind; raises a Refusal that says what is accepted."""
    return _ACCEPT[question.kind](question, value)


def _refuse(accepted: str) -> Refusal:
    return Refusal(Fault.BAD_PARAMETERS, f"value must be {accepted}")


def _text(question: Question, value: object) -> str:
    del question
    if not isinstance(value, str) or not value.strip():
        accepted = "a text that is not empty; decline as unreadable when there is nothing to answer"
        raise _refuse(accepted)
    text = value.strip()
    if len(text) > MOST_CHARACTERS:
        raise _refuse(f"a text of at most {MOST_CHARACTERS} characters (got {len(text)})")
    return text


def _cells(question: Question, value: object) -> list[int]:
    limits = question.constraints
    most = limits.rows * limits.columns
    whole = isinstance(value, list) and all(_is_whole(cell) and 1 <= cell <= most for cell in value)
    if not whole:
        raise _refuse(f"a list of cell numbers 1..{most}, counted from the top left row by row")
    cells = set(value)  # type: ignore[call-overload]  # all() above saw a list of whole numbers
    _check_count(len(cells), limits, "cells")
    if len(question.media) == 1:
        cells = {submitted_cell(question.media[0], cell, limits.rows, limits.columns) for cell in cells}
    return sorted(cells)


def _points(question: Question, value: object) -> list[list[int]]:
    picture = question.media[0]
    points = [_pixel(mark, picture) for mark in _marks(value, "[x, y] points in pixels from the top left")]
    _check_count(len(points), question.constraints, "points")
    return points


def _boxes(question: Question, value: object) -> list[list[int]]:
    accepted = "[x1, y1, x2, y2] boxes in pixels from the top left, with x1 < x2 and y1 < y2"
    boxes = []
    for mark in _marks(value, accepted):
        if not isinstance(mark, list) or len(mark) != 4:
            raise _refuse(f"a list of {accepted}")
        picture = question.media[0]
        first, second = _point(mark[:2], picture), _point(mark[2:], picture)
        if first[0] >= second[0] or first[1] >= second[1]:
            raise _refuse(f"a list of {accepted}")
        boxes.append(_box(first, second, picture))
    _check_count(len(boxes), question.constraints, "boxes")
    return boxes


def _outlines(question: Question, value: object) -> list[list[list[int]]]:
    accepted = f"a list of outlines, each a list of at least {LEAST_VERTICES} [x, y] points"
    outlines = []
    for outline in _marks(value, accepted):
        if not isinstance(outline, list) or not LEAST_VERTICES <= len(outline) <= MOST_VERTICES:
            raise _refuse(accepted)
        outlines.append([_pixel(vertex, question.media[0]) for vertex in outline])
    _check_count(len(outlines), question.constraints, "outlines")
    return outlines


def _degrees(question: Question, value: object) -> list[float]:
    count = len(question.media)
    turns: list[Any] = value if isinstance(value, list) else [value]
    if len(turns) != count or not all(_is_number(turn) for turn in turns):
        raise _refuse(f"a list of {count} angle(s) in degrees, clockwise, one per picture")
    return [_turn(submitted_turn(medium, turn)) for medium, turn in zip(question.media, turns, strict=True)]


def _places(question: Question, value: object) -> list[list[int] | None]:
    background, pieces = question.media[0], question.media[1:]
    if not isinstance(value, list) or len(value) != len(pieces):
        raise _refuse(f"a list of {len(pieces)} [x, y] centres on the background or null, one per piece in order")
    return [None if place is None else _pixel(place, background) for place in value]


_ACCEPT: Final[Mapping[Kind, Callable[[Question, object], Any]]] = {
    Kind.TEXT: _text,
    Kind.QUESTION: _text,
    Kind.AUDIO: _text,
    Kind.GRID: _cells,
    Kind.POINTS: _points,
    Kind.BOXES: _boxes,
    Kind.OUTLINE: _outlines,
    Kind.ROTATE: _degrees,
    Kind.DRAG: _places,
}


def _marks(value: object, accepted: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST_MARKS:
        raise _refuse(f"a list of at most {MOST_MARKS} {accepted}")
    return value


def _point(mark: object, size: Medium) -> tuple[int, int]:
    """Round a point to whole pixels, within the picture as its holder sees it."""
    if not isinstance(mark, list) or len(mark) != 2 or not all(_is_number(part) for part in mark):
        raise _refuse("made of [x, y] points in pixels from the top left")
    x, y = round(mark[0]), round(mark[1])
    if not (0 <= x <= size.width and 0 <= y <= size.height):
        raise _refuse(f"inside the picture: x 0..{size.width}, y 0..{size.height} (got {x}, {y})")
    return x, y


def _pixel(mark: object, picture: Medium) -> list[int]:
    return list(submitted_pixel(picture, *_point(mark, picture)))


def _box(first: tuple[int, int], second: tuple[int, int], picture: Medium) -> list[int]:
    """Give a box in submitted pixels, its top left corner first again."""
    corners = submitted_edge(picture, *first), submitted_edge(picture, *second)
    (left, right), (top, bottom) = map(sorted, zip(*corners, strict=True))
    return [left, top, right, bottom]


def _check_count(count: int, limits: Constraints, what: str) -> None:
    if not count:
        if not limits.can_no_answer:
            raise _refuse(f"at least one of the {what}; an empty list is accepted only where the task allows no answer")
        return
    least, most = max(1, limits.min_clicks), limits.max_clicks or MOST_MARKS
    if not least <= count <= most:
        raise _refuse(f"{least}..{most} {what} (got {count})")


def _turn(degrees: float) -> float:
    """Bring an angle into 0..359, to a tenth of a degree; whole ones as integers."""
    turn = round(degrees % FULL_TURN, 1) % FULL_TURN
    return int(turn) if turn == int(turn) else turn


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    # Neither what is infinite nor what is no number is below the bound, and no integer is too long to be compared.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
