"""A grid gets its cells and its marks from its pictures, and contradictions are refused."""

from __future__ import annotations

import pytest

from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.question import Constraints, Kind, Medium
from answerdesk.model.shape import check, fit


def medium(width: int = 400, height: int = 300, orientation: int = 1) -> Medium:
    return Medium(type="image/png", width=width, height=height, orientation=orientation)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.GRID])
def test_only_grids_have_cells(kind: Kind) -> None:
    assert fit(kind, Constraints(min_clicks=1), (medium(),)) == Constraints(min_clicks=1)


@pytest.mark.parametrize(
    ("given", "picture", "fitted"),
    [
        ({}, medium(300, 300), (3, 3, 9)),
        ({}, medium(300, 299), (4, 4, 16)),
        ({}, medium(450, 450), (4, 4, 16)),
        ({"rows": 2}, medium(300, 300), (2, 3, 6)),
        ({"columns": 5}, medium(), (4, 5, 20)),
        ({"rows": 20, "columns": 20}, medium(), (20, 20, 400)),
        ({"max_clicks": 3}, medium(), (4, 4, 3)),
        ({"max_clicks": 400}, medium(), (4, 4, 16)),
        ({"rows": 2, "columns": 5}, medium(orientation=6), (5, 2, 10)),
        ({"rows": 2, "columns": 5}, medium(orientation=3), (2, 5, 10)),
    ],
)
def test_a_grid_of_one_picture_has_the_cells_it_is_given_or_the_usual_ones(given, picture, fitted) -> None:
    found = fit(Kind.GRID, Constraints(min_clicks=1, **given), (picture,))

    assert (found.rows, found.columns, found.max_clicks) == fitted
    assert found.min_clicks == 1


@pytest.mark.parametrize(
    ("count", "cells"), [(2, (1, 2)), (3, (1, 3)), (4, (2, 2)), (6, (2, 3)), (7, (1, 7)), (9, (3, 3)), (25, (5, 5))]
)
def test_several_pictures_are_a_cell_each_as_square_as_it_goes(count, cells) -> None:
    found = fit(Kind.GRID, Constraints(), (medium(),) * count)

    assert (found.rows, found.columns) == cells


def test_a_layout_must_have_as_many_cells_as_there_are_pictures() -> None:
    assert fit(Kind.GRID, Constraints(rows=2, columns=4), (medium(),) * 8).columns == 4
    with pytest.raises(Refusal) as refused:
        fit(Kind.GRID, Constraints(rows=3, columns=3), (medium(),) * 8)
    assert refused.value.detail == "a grid of 3x3 needs 9 pictures, or a single one of all cells (got 8)"


def test_nobody_can_mark_more_cells_than_there_are() -> None:
    assert fit(Kind.GRID, Constraints(min_clicks=16), (medium(),)).min_clicks == 16
    with pytest.raises(Refusal) as refused:
        fit(Kind.GRID, Constraints(min_clicks=17), (medium(),))
    assert refused.value.fault is Fault.BAD_PARAMETERS
    assert refused.value.detail == "task.minClicks is 17 but the grid has 16 cells; 0..16 are accepted"


@pytest.mark.parametrize(
    ("least", "most", "fits"), [(0, 0, True), (5, 0, True), (0, 5, True), (5, 5, True), (6, 5, False)]
)
def test_the_fewest_are_not_more_than_the_most(least, most, fits) -> None:
    for low, high, said in (("min_length", "max_length", "Length"), ("min_clicks", "max_clicks", "Clicks")):
        constraints = Constraints(**{low: least, high: most})
        if fits:
            assert check(constraints) is constraints
            continue
        with pytest.raises(Refusal) as refused:
            check(constraints)
        assert refused.value.detail == (
            f"task.min{said} is 6 but task.max{said} is 5; min{said} must not be above max{said}"
        )
