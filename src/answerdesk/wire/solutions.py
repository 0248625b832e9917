"""A solution in each vendor's form, by kind of answer; and as the one line of text that forms and old clients get.
Rule: the type of a task says whose form its solution has, and the dialect the rest of the reply (PROTOCOL §6.14)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from answerdesk.model.catalog import CATALOG, Form
from answerdesk.model.question import Kind
from answerdesk.model.talk import Ready

Solution = Mapping[str, Any]

#: What the text form says where nothing fits and the task allows that.
NOTHING_FITS: Final = "No_matching_images"
_FULL_TURN: Final = 360


def _text(ready: Ready) -> Solution:
    return {"text": ready.value}


def _click(ready: Ready) -> Solution:
    return {"click": NOTHING_FITS if ready.worded and not ready.value else ready.value}


def _coordinates(ready: Ready) -> Solution:
    return {"coordinates": [_xy(point) for point in ready.value]}


def _xy(point: list[int] | None) -> dict[str, int] | None:
    return None if point is None else {"x": point[0], "y": point[1]}


def _sides(box: list[int]) -> dict[str, int]:
    return {"xMin": box[0], "xMax": box[2], "yMin": box[1], "yMax": box[3]}


def _bounding_boxes(ready: Ready) -> Solution:
    return {"bounding_boxes": [_sides(box) for box in ready.value]}


def _canvas(ready: Ready) -> Solution:
    return {"canvas": [[_xy(point) for point in outline] for outline in ready.value]}


def _rotate(ready: Ready) -> Solution:
    """One picture's whole degrees; of several a list in their order."""
    turns = _whole_degrees(ready)
    return {"rotate": turns[0] if len(turns) == 1 else turns}


def _whole_degrees(ready: Ready) -> list[int]:
    """Round a half up, as anybody would who turns by hand."""
    return [math.floor(turn + 0.5) % _FULL_TURN for turn in ready.value]


def _lists(ready: Ready) -> Solution:
    return {"coordinates": ready.value}


def _complex(answer_type: str, answer: Callable[[Ready], Any]) -> Callable[[Ready], Solution]:
    def write(ready: Ready) -> Solution:
        return {"answer": answer(ready), "metadata": {"AnswerType": answer_type}}

    return write


def _cells(ready: Ready) -> list[bool]:
    chosen = set(ready.value)
    return [cell in chosen for cell in range(1, ready.cells + 1)]


def _capitals(ready: Ready) -> list[dict[str, int]]:
    return [{"X": x, "Y": y} for x, y in ready.value]


def _as_it_is(ready: Ready) -> Any:
    return ready.value


_TWOCAPTCHA: Final[Mapping[Kind, Callable[[Ready], Solution]]] = {
    Kind.TEXT: _text,
    Kind.QUESTION: _text,
    Kind.AUDIO: _text,
    Kind.GRID: _click,
    Kind.POINTS: _coordinates,
    Kind.BOXES: _bounding_boxes,
    Kind.OUTLINE: _canvas,
    Kind.ROTATE: _rotate,
    Kind.DRAG: _coordinates,
}
FORMS: Final[Mapping[Form, Mapping[Kind, Callable[[Ready], Solution]]]] = {
    Form.TWOCAPTCHA: _TWOCAPTCHA,
    Form.ANTICAPTCHA: {Kind.POINTS: _lists, Kind.BOXES: _lists},
    Form.COMPLEX: {
        Kind.TEXT: _complex("Text", _as_it_is),
        Kind.AUDIO: _complex("Text", _as_it_is),
        Kind.GRID: _complex("Grid", _cells),
        Kind.POINTS: _complex("Coordinate", _capitals),
        Kind.ROTATE: _complex("NumericArray", _as_it_is),
    },
    Form.TOKEN: {Kind.TOKEN: _as_it_is},
}
_BY_TYPE: Final = {row.name: FORMS[row.form][row.kind] for row in CATALOG.values()}
#: For tasks of types that an earlier version served.
_BY_KIND: Final[Mapping[Kind, Callable[[Ready], Solution]]] = {**_TWOCAPTCHA, **FORMS[Form.TOKEN]}


def solution_of(ready: Ready) -> dict[str, Any]:
    """Write a task's solution in the form of its type."""
    write = _BY_TYPE.get(ready.type) or _BY_KIND[ready.kind]
    return dict(write(ready))


_json = msgspec.json.Encoder().encode


def _click_text(ready: Ready) -> str:
    return "click:" + "/".join(map(str, ready.value))


def _coordinates_text(ready: Ready) -> str:
    return "coordinates:" + ";".join(f"x={x},y={y}" for x, y in ready.value)


def _canvas_text(ready: Ready) -> str:
    outlines = (",".join(f"{x},{y}" for x, y in outline) for outline in ready.value)
    return "canvas:" + "".join(f"{outline};" for outline in outlines)


def _rotate_text(ready: Ready) -> str:
    return "|".join(map(str, _whole_degrees(ready)))


def _boxes_text(ready: Ready) -> str:
    return _json([_sides(box) for box in ready.value]).decode()


def _places_text(ready: Ready) -> str:
    return _json([_xy(place) for place in ready.value]).decode()


def _token_text(ready: Ready) -> str:
    return str(next(iter(ready.value.values())))


_TEXTS: Final[Mapping[Kind, Callable[[Ready], str]]] = {
    Kind.TEXT: _as_it_is,
    Kind.QUESTION: _as_it_is,
    Kind.AUDIO: _as_it_is,
    Kind.GRID: _click_text,
    Kind.POINTS: _coordinates_text,
    Kind.BOXES: _boxes_text,
    Kind.OUTLINE: _canvas_text,
    Kind.ROTATE: _rotate_text,
    Kind.DRAG: _places_text,
    Kind.TOKEN: _token_text,
}


def text_of(ready: Ready) -> str:
    """Write an answer as one line of text, as 2captcha's forms and in.php clients read it (PROTOCOL §8.5)."""
    return _TEXTS[ready.kind](ready) if ready.value else NOTHING_FITS
