"""From a picture set upright to the pixels as submitted: what the EXIF orientation did is undone.
Rule: solvers answer in the picture as a person sees it, clients get pixels of the file they sent (PROTOCOL §6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from answerdesk.model.question import Medium

#: How a submitted picture becomes upright: whether its left and right are swapped first, then quarter turns clockwise.
TURNS: Final[Mapping[int, tuple[bool, int]]] = {
    1: (False, 0),
    2: (True, 0),
    3: (False, 2),
    4: (True, 2),
    5: (True, 3),
    6: (False, 1),
    7: (True, 1),
    8: (False, 3),
}
_QUARTER: Final = 90


def stands_across(medium: Medium) -> bool:
    """Tell whether width and height change places between the submitted picture and the upright one."""
    return TURNS[medium.orientation][1] % 2 == 1


def submitted_pixel(medium: Medium, x: int, y: int) -> tuple[int, int]:
    """Give the submitted pixel that is seen at an upright one; a point on the far edge counts as its last pixel."""
    x, y = min(x, medium.width - 1), min(y, medium.height - 1)
    return _undo(medium.orientation, x, y, medium.width - 1, medium.height - 1)


def submitted_edge(medium: Medium, x: int, y: int) -> tuple[int, int]:
    """Give the place between submitted pixels that is seen at an upright one."""
    return _undo(medium.orientation, x, y, medium.width, medium.height)


def submitted_cell(medium: Medium, cell: int, rows: int, columns: int) -> int:
    """Give the number of a cell in the submitted picture, from its number in the upright one's rows and columns."""
    y, x = divmod(cell - 1, columns)
    x, y = _undo(medium.orientation, x, y, columns - 1, rows - 1)
    return y * (rows if stands_across(medium) else columns) + x + 1


def submitted_turn(medium: Medium, degrees: float) -> float:
    """Give the clockwise degrees that turn the submitted picture as the upright one was turned.

    Of a mirrored picture it is the turn whose mirror image is the answer: no turn alone would do.
    """
    mirrored, quarters = TURNS[medium.orientation]
    turn = degrees + quarters * _QUARTER
    return -turn if mirrored else turn


def _undo(orientation: int, x: int, y: int, far_x: int, far_y: int) -> tuple[int, int]:
    """Undo the quarter turns, then the swap; `far` is the largest place in each direction."""
    mirrored, quarters = TURNS[orientation]
    for _ in range(quarters):
        x, y = y, far_x - x
        far_x, far_y = far_y, far_x
    return (far_x - x if mirrored else x), y
