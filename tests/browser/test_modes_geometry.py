"""A mark is where it was set: on every screen, at every density and zoom, for pictures of every shape."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image

from tests.browser.bench import Bench, scene, sit_down, text_of
from tests.browser.surfing import Crowd
from tests.serving import Serving

SCREENS = {"wide": (1240, 800), "tablet": (820, 1180), "phone": (390, 844)}
DENSITIES = (1, 2, 3)
#: Steps closer, and what the zoom is then.
ZOOMS = {0: 1.0, 2: 2.0}
LARGE = (1234, 777)
SPOTS = ((0.03, 0.04), (0.5, 0.5), (0.33, 0.71), (0.97, 0.95))
#: Pixels of the picture.
MOST_DRIFT = 0.5


def middle_of(bench: Bench, index: int, size: tuple[int, int]) -> tuple[float, float]:
    """Where the middle of a mark is drawn, in pixels of the picture."""
    ring = bench.box(f"region-pad g:nth-of-type({index + 1}) circle")
    picture = bench.box()
    x = (ring["left"] + ring["width"] / 2 - picture["left"]) / picture["width"] * size[0]
    y = (ring["top"] + ring["height"] / 2 - picture["top"]) / picture["height"] * size[1]
    return x, y


def reveal(bench: Bench, x: float, y: float, size: tuple[int, int]) -> None:
    """Scroll the zoomed picture until a place of it is in sight."""
    bench.stage.locator(".view-port").evaluate(
        "(port, [x, y]) => port.scrollTo(x * port.scrollWidth - port.clientWidth / 2,"
        " y * port.scrollHeight - port.clientHeight / 2)",
        [x / size[0], y / size[1]],
    )


def mark(bench: Bench, size: tuple[int, int]) -> list[tuple[float, float]]:
    """Set points at the spots; gives where on the picture the pointer was."""
    pressed = []
    for across, down in SPOTS:
        x, y = size[0] * across, size[1] * down
        reveal(bench, x, y, size)
        bench.press(x, y, size)
        pressed.append((x, y))
    return pressed


@pytest.mark.parametrize("screen", SCREENS)
def test_no_density_and_no_zoom_moves_a_mark(desk: Serving, people: Crowd, screen: str) -> None:
    width, height = SCREENS[screen]
    state = people.owner().context.storage_state()
    drifts = {}
    for density in DENSITIES:
        person = people.visitor(
            viewport={"width": width, "height": height}, device_scale_factor=density, storage_state=state
        )
        bench = sit_down(desk, person.page)
        for steps in ZOOMS:
            task = bench.ask("points", body=text_of(scene(LARGE)), maxClicks=9)
            bench.keys(*["+"] * steps)
            pressed = mark(bench, LARGE)
            drawn = [middle_of(bench, i, LARGE) for i in range(len(pressed))]
            bench.send()
            told = [(spot["x"], spot["y"]) for spot in bench.solution(task)["coordinates"]]
            drifts[density, steps] = max(
                drift
                for (px, py), (dx, dy), (tx, ty) in zip(pressed, drawn, told, strict=True)
                for drift in (abs(px - tx - 0.5), abs(py - ty - 0.5), abs(dx - tx - 0.5), abs(dy - ty - 0.5))
            )
        person.context.close()

    assert {at: drift for at, drift in drifts.items() if drift > MOST_DRIFT + 0.001} == {}


@pytest.mark.parametrize("density", DENSITIES)
def test_the_pixel_told_is_the_pixel_seen(desk: Serving, people: Crowd, density: int) -> None:
    """Every pixel of the picture names its place by its colour."""
    size = (64, 40)
    named = Image.new("RGB", size)
    named.putdata([(4 * x, 4 * y, 99) for y in range(size[1]) for x in range(size[0])])
    state = people.owner().context.storage_state()
    bench = sit_down(desk, people.visitor(device_scale_factor=density, storage_state=state).page)
    task = bench.ask("points", body=text_of(named), maxClicks=9)
    seen = Image.open(io.BytesIO(bench.page.screenshot()))
    colours = []
    for across, down in SPOTS:
        x, y = bench.client(size[0] * across, size[1] * down, size)
        colour: Any = seen.getpixel((int(x * density), int(y * density)))
        colours.append((colour[0] / 4, colour[1] / 4))
        bench.page.mouse.click(x, y)
    bench.send()

    for spot, colour in zip(bench.solution(task)["coordinates"], colours, strict=True):
        assert abs(spot["x"] - colour[0]) <= 2 * MOST_DRIFT
        assert abs(spot["y"] - colour[1]) <= 2 * MOST_DRIFT


@pytest.mark.parametrize("size", [(1000, 60), (60, 900), (40, 30), (2600, 1900)])
def test_a_picture_of_any_shape_keeps_its_shape_and_fits(desk: Serving, people: Crowd, size: tuple[int, int]) -> None:
    bench = sit_down(desk, people.owner().page)
    task = bench.ask("points", body=text_of(scene(size)))
    picture, port = bench.box(), bench.box(".view-port")
    bench.press(size[0] * 0.25, size[1] * 0.75, size)
    bench.send()
    (spot,) = bench.solution(task)["coordinates"]

    assert picture["width"] / picture["height"] == pytest.approx(size[0] / size[1], rel=0.02)
    assert picture["width"] <= port["width"] + 0.5
    assert picture["height"] <= 800 * 0.62 + 0.5
    assert spot["x"] + 0.5 == pytest.approx(size[0] * 0.25, abs=max(0.5, size[0] / picture["width"]))
    assert spot["y"] + 0.5 == pytest.approx(size[1] * 0.75, abs=max(0.5, size[1] / picture["height"]))


def test_a_turned_photograph_is_marked_as_it_is_seen_and_told_as_it_was_sent(desk: Serving, people: Crowd) -> None:
    lying = scene((320, 200))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    lying.save(file, "JPEG", exif=exif)
    bench = sit_down(desk, people.owner().page)
    task = bench.ask("points", body=base64.b64encode(file.getvalue()).decode())
    bench.press(50.5, 300.5, (200, 320))
    bench.send()

    assert bench.solution(task) == {"coordinates": [{"x": 300, "y": 149}]}
