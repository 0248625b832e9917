"""Whether two answers to one question say the same: letters, cells, places and angles each in their own way.
Rule: agreeing is mutual; what differs by no more than a careful hand differs is the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from answerdesk.model.question import Kind, Question
from answerdesk.model.values import FULL_TURN

#: How far apart two hands put the same mark: a share of the picture's larger side, but never less than some pixels.
NEAR_SHARE: Final = 0.03
NEAR_PIXELS: Final = 8.0
#: The least share of their union that two boxes round the same thing have in common.
OVERLAP: Final = 0.5
#: How many degrees two hands may differ where the question has no steps of its own.
NEAR_DEGREES: Final = 10.0


def agree(question: Question, first: Any, second: Any) -> bool:
    """Tell whether two answers in normal form (PROTOCOL §6.14) say the same."""
    return _AGREE[question.kind](question, first, second)


def _texts(question: Question, first: str, second: str) -> bool:
    return _plain(question, first) == _plain(question, second)


def _plain(question: Question, text: str) -> str:
    spaced = " ".join(text.split())
    return spaced if question.constraints.case else spaced.casefold()


def _cells(question: Question, first: list[int], second: list[int]) -> bool:
    del question
    return set(first) == set(second)


def _points(question: Question, first: list[list[int]], second: list[list[int]]) -> bool:
    near = _near(question)
    return _paired(first, second, lambda one, other: _close(one, other, near))


def _boxes(question: Question, first: list[list[int]], second: list[list[int]]) -> bool:
    del question
    return _paired(first, second, _overlap)


def _outlines(question: Question, first: list[list[list[int]]], second: list[list[list[int]]]) -> bool:
    """Compare outlines by the boxes round them: where each thing is and how large, not how finely it was drawn."""
    return _boxes(question, [_round(each) for each in first], [_round(each) for each in second])


def _turns(question: Question, first: list[float], second: list[float]) -> bool:
    near = question.constraints.angle or NEAR_DEGREES
    # Turning by the same in other words: 359 degrees and 1 are 2 apart.
    apart = (abs(one - other) % FULL_TURN for one, other in zip(first, second, strict=True))
    return all(min(each, FULL_TURN - each) <= near for each in apart)


def _places(question: Question, first: list[list[int] | None], second: list[list[int] | None]) -> bool:
    near = _near(question)
    pairs = zip(first, second, strict=True)
    return all(one == other or (one and other and _close(one, other, near)) for one, other in pairs)


_AGREE: Final[Mapping[Kind, Callable[[Question, Any, Any], bool]]] = {
    Kind.TEXT: _texts,
    Kind.QUESTION: _texts,
    Kind.AUDIO: _texts,
    Kind.GRID: _cells,
    Kind.POINTS: _points,
    Kind.BOXES: _boxes,
    Kind.OUTLINE: _outlines,
    Kind.ROTATE: _turns,
    Kind.DRAG: _places,
}


def _paired(first: list[Any], second: list[Any], same: Callable[[Any, Any], bool]) -> bool:
    """Tell whether as many marks lie on both sides and none is without its like on the other."""
    return (
        len(first) == len(second)
        and all(any(same(one, other) for other in second) for one in first)
        and all(any(same(one, other) for one in first) for other in second)
    )


def _near(question: Question) -> float:
    picture = question.media[0]
    return max(NEAR_PIXELS, NEAR_SHARE * max(picture.width, picture.height))


def _close(one: list[int], other: list[int], near: float) -> bool:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) <= near


def _overlap(one: list[int], other: list[int]) -> bool:
    if one == other:
        return True
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return False
    both = wide * high
    return both >= OVERLAP * (_area(one) + _area(other) - both)


def _area(box: list[int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _round(outline: list[list[int]]) -> list[int]:
    across, down = [vertex[0] for vertex in outline], [vertex[1] for vertex in outline]
    return [min(across), min(down), max(across), max(down)]
