"""Answers given upright land on the pixels the client sent, whichever way its picture lay: held against Pillow."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps

from answerdesk.model.question import Constraints, Kind, Medium, Question
from answerdesk.model.upright import TURNS, stands_across, submitted_edge, submitted_pixel
from answerdesk.model.values import accept

ORIENTATION = 0x0112
orientations = st.sampled_from(sorted(TURNS))
sides = st.integers(1, 30)


def set_upright(submitted: Image.Image, orientation: int) -> Image.Image:
    """Show a picture as every viewer does that minds its orientation."""
    exif = submitted.getexif()
    exif[ORIENTATION] = orientation
    return ImageOps.exif_transpose(submitted)


def medium_of(submitted: Image.Image, orientation: int) -> Medium:
    width, height = set_upright(submitted, orientation).size
    return Medium(type="image/png", width=width, height=height, orientation=orientation)


def ask(kind: Kind, *media: Medium, **constraints: Any) -> Question:
    return Question(kind=kind, media=media, constraints=Constraints(**constraints))


def lit(picture: Image.Image) -> list[tuple[int, int]]:
    """Give the pixels that are set."""
    return [(x, y) for y in range(picture.height) for x in range(picture.width) if picture.getpixel((x, y))]


@given(orientation=orientations, width=sides, height=sides, at=st.tuples(st.integers(0, 29), st.integers(0, 29)))
def test_a_point_seen_upright_is_the_pixel_that_was_sent(orientation, width, height, at) -> None:
    submitted = Image.new("1", (width, height))
    sent = at[0] % width, at[1] % height
    submitted.putpixel(sent, 1)
    seen = lit(set_upright(submitted, orientation))[0]

    question = ask(Kind.POINTS, medium_of(submitted, orientation))

    assert accept(question, [list(seen)]) == [list(sent)]


@given(orientation=orientations, width=sides, height=sides, data=st.data())
def test_a_box_seen_upright_holds_the_pixels_that_were_sent(orientation, width, height, data) -> None:
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right, bottom = data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    submitted = Image.new("1", (width, height))
    ImageDraw.Draw(submitted).rectangle((left, top, right - 1, bottom - 1), fill=1)
    seen: Any = set_upright(submitted, orientation).getbbox()

    question = ask(Kind.BOXES, medium_of(submitted, orientation))

    assert accept(question, [list(seen)]) == [[left, top, right, bottom]]


@given(orientation=orientations, rows=st.integers(1, 6), columns=st.integers(1, 6), cell=st.integers(0, 35))
def test_a_cell_seen_upright_is_the_cell_that_was_sent(orientation, rows, columns, cell) -> None:
    sent = cell % (rows * columns) + 1
    submitted = Image.new("1", (columns * 10, rows * 7))
    y, x = divmod(sent - 1, columns)
    ImageDraw.Draw(submitted).rectangle((x * 10, y * 7, x * 10 + 9, y * 7 + 6), fill=1)
    medium = medium_of(submitted, orientation)
    upright_rows, upright_columns = (columns, rows) if stands_across(medium) else (rows, columns)
    box: Any = set_upright(submitted, orientation).getbbox()
    left, top, *_ = box
    seen = top // (medium.height // upright_rows) * upright_columns + left // (medium.width // upright_columns) + 1

    question = ask(Kind.GRID, medium, rows=upright_rows, columns=upright_columns)

    assert accept(question, [seen]) == [sent]


@pytest.mark.parametrize("orientation", [orientation for orientation, (mirrored, _) in TURNS.items() if not mirrored])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_turning_the_sent_picture_shows_what_the_solver_saw(orientation, degrees) -> None:
    submitted = Image.frombytes("L", (5, 3), bytes(range(15)))
    turned_by_solver = set_upright(submitted, orientation).rotate(-degrees, expand=True)

    turn = accept(ask(Kind.ROTATE, medium_of(submitted, orientation)), degrees)[0]

    assert submitted.rotate(-turn, expand=True).tobytes() == turned_by_solver.tobytes()


@pytest.mark.parametrize("orientation", [orientation for orientation, (mirrored, _) in TURNS.items() if mirrored])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_of_a_mirrored_picture_the_turn_gives_the_mirror_image(orientation, degrees) -> None:
    submitted = Image.frombytes("L", (5, 3), bytes(range(15)))
    turned_by_solver = set_upright(submitted, orientation).rotate(-degrees, expand=True)

    turn = accept(ask(Kind.ROTATE, medium_of(submitted, orientation)), degrees)[0]

    assert ImageOps.mirror(submitted.rotate(-turn, expand=True)).tobytes() == turned_by_solver.tobytes()


@given(orientation=orientations, width=sides, height=sides, x=st.integers(0, 30), y=st.integers(0, 30))
def test_every_place_of_the_upright_picture_lies_in_the_submitted_one(orientation, width, height, x, y) -> None:
    medium = Medium(type="image/png", width=width, height=height, orientation=orientation)
    wide, high = (height, width) if stands_across(medium) else (width, height)
    x, y = min(x, width), min(y, height)

    edge, pixel = submitted_edge(medium, x, y), submitted_pixel(medium, x, y)

    assert 0 <= edge[0] <= wide
    assert 0 <= edge[1] <= high
    assert 0 <= pixel[0] < wide
    assert 0 <= pixel[1] < high


def test_outlines_and_pieces_are_given_in_submitted_pixels_too() -> None:
    lying = Medium(type="image/jpeg", width=40, height=80, orientation=6)
    piece = Medium(type="image/png", width=5, height=5)

    assert accept(ask(Kind.OUTLINE, lying), [[[0, 0], [39, 0], [0, 79]]]) == [[[0, 39], [0, 0], [79, 39]]]
    assert accept(ask(Kind.DRAG, lying, piece, piece), [[10, 20], None]) == [[20, 29], None]
