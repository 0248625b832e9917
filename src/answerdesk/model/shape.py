"""What an answer must satisfy, completed by what the question's media are.
Rule: contradictions are refused here, before anybody is asked (PROTOCOL §6.5)."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.question import Constraints, Kind, Medium
from answerdesk.model.upright import stands_across

#: A picture of this size is a grid of three by three, any other one of four by four.
_THREES: Final = (300, 300)


def check(constraints: Constraints) -> Constraints:
    """Refuse what contradicts itself whatever the media are."""
    _check_order("minLength", constraints.min_length, "maxLength", constraints.max_length)
    _check_order("minClicks", constraints.min_clicks, "maxClicks", constraints.max_clicks)
    return constraints


def _check_order(low: str, least: int, high: str, most: int) -> None:
    if 0 < most < least:
        text = f"task.{low} is {least} but task.{high} is {most}; {low} must not be above {high}"
        raise Refusal(Fault.BAD_PARAMETERS, text)


def fit(kind: Kind, constraints: Constraints, media: tuple[Medium, ...]) -> Constraints:
    """Give a grid the cells it has and as many marks as fit; other kinds stay as they are."""
    if kind is not Kind.GRID:
        return constraints
    rows, columns = _cells_of_one(constraints, media[0]) if len(media) == 1 else _cells_of_many(constraints, len(media))
    cells = rows * columns
    if constraints.min_clicks > cells:
        text = f"task.minClicks is {constraints.min_clicks} but the grid has {cells} cells; 0..{cells} are accepted"
        raise Refusal(Fault.BAD_PARAMETERS, text)
    most = min(constraints.max_clicks or cells, cells)
    return msgspec.structs.replace(constraints, rows=rows, columns=columns, max_clicks=most)


def _cells_of_one(constraints: Constraints, picture: Medium) -> tuple[int, int]:
    """Give rows and columns as seen upright: the client counted them in the picture as submitted."""
    usual = 3 if (picture.width, picture.height) == _THREES else 4
    rows, columns = constraints.rows or usual, constraints.columns or usual
    return (columns, rows) if stands_across(picture) else (rows, columns)


def _cells_of_many(constraints: Constraints, count: int) -> tuple[int, int]:
    """Lay out one cell a picture, as square as it goes."""
    rows = constraints.rows or max(side for side in range(1, math.isqrt(count) + 1) if count % side == 0)
    columns = constraints.columns or count // rows
    if rows * columns != count:
        text = f"a grid of {rows}x{columns} needs {rows * columns} pictures, or a single one of all cells (got {count})"
        raise Refusal(Fault.BAD_PARAMETERS, text)
    return rows, columns
