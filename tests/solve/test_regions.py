"""Heat becomes rectangles, rectangles become level lines in reading order."""

import math

import pytest

np = pytest.importorskip("numpy", reason='the extra "ocr" is not installed')

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from hypothesis.extra.numpy import arrays  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402

from answerdesk.solve.reading import Heat  # noqa: E402
from answerdesk.solve.regions import Region, cut, patches, regions  # noqa: E402


def heat(*boxes, size=(200, 100), tilt=0.0):
    """Paint hot boxes (left, top, right, bottom), turned about the middle of the picture."""
    picture = Image.new("L", size, 0)
    for box in boxes:
        ImageDraw.Draw(picture).rectangle(box, fill=255)
    turned = picture.rotate(-tilt, Image.Resampling.BILINEAR)
    return Heat(np.asarray(turned, dtype=np.float32) / 255, 1.0, 1.0)


def flooded(mask):
    """Count connected patches by flooding, in the plainest way."""
    left = {tuple(cell) for cell in np.argwhere(mask).tolist()}
    sizes = []
    while left:
        front, size = [left.pop()], 0
        while front:
            row, column = front.pop()
            size += 1
            for beside in [(row + down, column + over) for down in (-1, 0, 1) for over in (-1, 0, 1)]:
                if beside in left:
                    left.remove(beside)
                    front.append(beside)
        sizes.append(size)
    return sorted(sizes, reverse=True)


@given(arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_patches_are_what_flooding_finds(mask):
    found = patches(mask)

    assert [len(patch) for patch in found] == flooded(mask)
    assert sum(len(patch) for patch in found) == mask.sum()
    assert all(mask[row, column] for patch in found for row, column in patch.tolist())


@pytest.mark.parametrize("tilt", [-30, -8, 0, 5, 20])
def test_a_tilted_line_is_found_with_its_tilt(tilt):
    (found,) = regions(heat((50, 40, 149, 59), tilt=tilt))

    assert found.tilt == pytest.approx(math.radians(tilt), abs=0.06)
    assert [found.x, found.y] == pytest.approx([100, 50], abs=2)
    # The rectangle is let out by area × 1.6 / perimeter on each side.
    out = 100 * 20 * 1.6 / 240
    assert found.width == pytest.approx(100 + 2 * out, abs=5)
    assert found.height == pytest.approx(20 + 2 * out, abs=4)


def test_cells_are_scaled_to_the_picture():
    hot = heat((50, 40, 149, 59))
    (found,) = regions(Heat(hot.belief, 2.0, 3.0))

    assert [found.x, found.y] == pytest.approx([200, 150], abs=3)


def test_lines_come_in_reading_order():
    found = regions(heat((112, 12, 188, 26), (10, 10, 90, 24), (10, 60, 90, 74)))

    assert [(round(region.x, -1), round(region.y, -1)) for region in found] == [(50, 20), (150, 20), (50, 70)]


def test_dust_and_faint_heat_are_no_text():
    assert regions(heat((10, 10, 11, 11))) == []
    assert regions(Heat(np.full((40, 80), 0.4, dtype=np.float32), 1.0, 1.0)) == []
    assert regions(Heat(np.zeros((40, 80), dtype=np.float32), 1.0, 1.0)) == []


def test_a_cut_is_level():
    picture = Image.new("RGB", (200, 100), "white")
    ImageDraw.Draw(picture).rectangle((50, 40, 149, 59), fill="black")
    turned = picture.rotate(-15, Image.Resampling.BICUBIC, fillcolor="white")

    level = np.asarray(cut(turned, Region(100, 50, 96, 16, math.radians(15))).convert("L"))

    assert level.shape == (16, 96)
    assert level.max() < 60


def test_a_cut_beyond_the_picture_continues_its_edge():
    picture = Image.new("RGB", (20, 20), (200, 10, 10))

    assert cut(picture, Region(10, 10, 60, 60, 0.0)).getpixel((1, 1)) == (200, 10, 10)
