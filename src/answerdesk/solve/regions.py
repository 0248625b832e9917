"""From the detector's heat to upright lines of text, in reading order; plain numpy.

A region is a connected patch of heat; its line is the smallest rectangle around it, at any tilt, let out
by as much as the detector was trained to shrink.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from answerdesk.solve.reading import Heat

#: a cell is text above this belief; a patch counts when its cells believe this much on average
CELL = 0.3
PATCH = 0.5
#: patches with fewer cells on their shorter side are dust
DUST = 3
#: the detector shrinks a line by area × this / perimeter
LET_OUT = 1.6
MOST = 64
#: lines whose middles differ by less than this part of their height are one line
SAME_LINE = 0.5
#: angles beyond this are taken for the rectangle's other side
QUARTER = np.pi / 4


class Region(msgspec.Struct, frozen=True, eq=False):
    """A tilted rectangle in the picture: its middle, its sides, its tilt in radians."""

    x: float
    y: float
    width: float
    height: float
    tilt: float


def regions(heat: Heat) -> list[Region]:
    """Find the lines of text, in reading order."""
    found = []
    for cells in patches(heat.belief > CELL)[:MOST]:
        if heat.belief[cells[:, 0], cells[:, 1]].mean() < PATCH:
            continue
        region = _rectangle((cells[:, ::-1] + 0.5).astype(np.float64), np.array([heat.across, heat.down]))
        if region is not None:
            found.append(region)
    return in_order(found)


def patches(mask: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Find the connected patches of a mask, largest first, each as rows of (row, column)."""
    runs = _runs(mask)
    parents = list(range(len(runs)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    first = 0
    for place, (row, start, stop) in enumerate(runs):
        while runs[first][0] < row - 1:
            first += 1
        above = first
        while above < place and runs[above][0] < row and runs[above][1] <= stop:
            if runs[above][0] == row - 1 and runs[above][2] >= start:
                parents[root(above)] = root(place)
            above += 1
    grouped: dict[int, list[NDArray[np.intp]]] = {}
    for place, (row, start, stop) in enumerate(runs):
        columns = np.arange(start, stop)
        grouped.setdefault(root(place), []).append(np.stack([np.full_like(columns, row), columns], axis=1))
    return sorted((np.concatenate(parts) for parts in grouped.values()), key=len, reverse=True)


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """List the runs of True as (row, first column, column after the last), row by row."""
    padded = np.pad(mask, ((0, 0), (1, 1))).astype(np.int8)
    edges = np.diff(padded, axis=1)
    rows, starts = np.nonzero(edges == 1)
    stops = np.nonzero(edges == -1)[1]
    return list(zip(rows.tolist(), starts.tolist(), stops.tolist(), strict=True))


def _rectangle(points: NDArray[np.float64], scale: NDArray[np.float64]) -> Region | None:
    """Fit the smallest rectangle around the cells, in picture pixels."""
    edge = _hull(points) * scale
    if len(edge) < DUST:
        return None
    sides = np.diff(np.vstack([edge, edge[:1]]), axis=0)
    angles = np.unique(np.mod(np.arctan2(sides[:, 1], sides[:, 0]) + QUARTER, np.pi / 2) - QUARTER)
    boxes = [_box(edge, float(angle)) for angle in angles]
    low, high, angle = min(boxes, key=lambda box: float(np.prod(box[1] - box[0])))
    # The points are the middles of cells; a box reaches to their edges.
    width, height = (high - low) + scale
    if min(width / scale[0], height / scale[1]) < DUST:
        return None
    out = width * height * LET_OUT / (2 * (width + height))
    middle = _turn((low + high)[np.newaxis] / 2, -angle)[0]
    return Region(float(middle[0]), float(middle[1]), float(width + 2 * out), float(height + 2 * out), angle)


def _box(points: NDArray[np.float64], angle: float) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    turned = _turn(points, angle)
    return turned.min(axis=0), turned.max(axis=0), angle


def _turn(points: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """See the points from axes turned by the angle."""
    cosine, sine = np.cos(angle), np.sin(angle)
    turned: NDArray[np.float64] = points @ np.array([[cosine, -sine], [sine, cosine]])
    return turned


def _hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convex hull by the monotone chain, over each row's outermost points."""
    order = np.lexsort((points[:, 0], points[:, 1]))
    rows = points[order]
    last = np.append(np.flatnonzero(np.diff(rows[:, 1])), len(rows) - 1)
    first = np.append(0, last[:-1] + 1)
    outer = np.unique(np.concatenate([rows[first], rows[last]]), axis=0).tolist()
    lower = _chain(outer)
    upper = _chain(outer[::-1])
    return np.array(lower[:-1] + upper[:-1])


def _chain(points: list[list[float]]) -> list[list[float]]:
    kept: list[list[float]] = []
    for point in points:
        while len(kept) > 1 and _cross(kept[-2], kept[-1], point) <= 0:
            kept.pop()
        kept.append(point)
    return kept


def _cross(origin: list[float], first: list[float], second: list[float]) -> float:
    return (first[0] - origin[0]) * (second[1] - origin[1]) - (first[1] - origin[1]) * (second[0] - origin[0])


def in_order(found: list[Region]) -> list[Region]:
    """Sort as one reads: from line to line, in a line from left to right."""
    lines: list[list[Region]] = []
    for region in sorted(found, key=lambda region: region.y):
        if lines and abs(lines[-1][0].y - region.y) < SAME_LINE * min(lines[-1][0].height, region.height):
            lines[-1].append(region)
        else:
            lines.append([region])
    return [region for line in lines for region in sorted(line, key=lambda region: region.x)]


def cut(picture: Image.Image, region: Region) -> Image.Image:
    """Cut a region out of the picture, made level."""
    width, height = max(1, round(region.width)), max(1, round(region.height))
    cosine, sine = np.cos(region.tilt), np.sin(region.tilt)
    # Where the output's pixel (0, 0) lies in the picture, and how far one step right and down moves.
    left = region.x - cosine * width / 2 + sine * height / 2
    top = region.y - sine * width / 2 - cosine * height / 2
    steps = (cosine, -sine, left, sine, cosine, top)
    frame = _ground(picture)
    return picture.transform(
        (width, height), Image.Transform.AFFINE, steps, resample=Image.Resampling.BILINEAR, fillcolor=frame
    )


def _ground(picture: Image.Image) -> tuple[int, ...]:
    """Return the colour of the picture's edge, to stand where a cut reaches outside."""
    pixels = np.asarray(picture)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return tuple(int(channel) for channel in np.median(edge, axis=0))
