"""Every kind of picture is answered by mouse, keys alone and touch, and the customer gets exactly what was marked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.bench import HANDS, SIZE, Bench, Place, sit_down
from tests.browser.surfing import Crowd
from tests.serving import Serving

MIDDLE = (SIZE[0] // 2, SIZE[1] // 2)


def xy(*points: tuple[int, int]) -> list[dict[str, int]]:
    return [{"x": x, "y": y} for x, y in points]


def pressed(*places: Place) -> Callable[[Bench], None]:
    """Somebody who clicks or taps places one after the other, and sends."""

    def work(bench: Bench) -> None:
        for place in places:
            bench.press(*place)
        bench.send()

    return work


HOUSE = ((32, 40), (118, 40), (118, 152), (32, 152))
points_pressed = pressed((60.5, 68.5), (96.5, 68.5))
boxes_tapped = pressed((278, 120), (192, 86), HOUSE[0], HOUSE[2])
outline_pressed = pressed(*((x + 0.5, y + 0.5) for x, y in (*HOUSE, HOUSE[0])))


def points_typed(bench: Bench) -> None:
    bench.go(60 - MIDDLE[0], 68 - MIDDLE[1])
    bench.keys("Space")
    bench.go(36, 0)
    bench.keys("Space", "Enter")


def boxes_dragged(bench: Bench) -> None:
    bench.drag(bench.client(192, 86), bench.client(278, 120))
    pressed(HOUSE[0], HOUSE[2])(bench)


def boxes_typed(bench: Bench) -> None:
    bench.go(192 - MIDDLE[0], 86 - MIDDLE[1])
    bench.keys("Space")
    bench.go(80, 34)
    bench.keys("Space")
    bench.go(6, 0, held="Alt+")
    bench.go(32 - 278, 40 - 120)
    bench.keys("Space")
    bench.go(86, 112)
    bench.keys("Space", "Enter")


def outline_typed(bench: Bench) -> None:
    at = MIDDLE
    for x, y in HOUSE:
        bench.go(x - at[0], y - at[1])
        bench.keys("Space")
        at = (x, y)
    bench.keys("Enter", "Enter")


def grid_pressed(bench: Bench) -> None:
    for cell in ("5", "1", "4", "5"):
        bench.touch_on(f"[data-cell='{cell}']")
    bench.send()


def grid_typed(bench: Bench) -> None:
    bench.keys("4", "ArrowUp", "Space", "Enter")


def rotate_pressed(bench: Bench) -> None:
    onward = bench.stage.get_by_role("button", name="Turn right by 40 degrees")
    bench.touch_on(onward)
    bench.touch_on(onward)
    bench.send()


def rotate_typed(bench: Bench) -> None:
    bench.keys("Shift+ArrowLeft", "ArrowLeft", "ArrowLeft", "Enter")


def drag_dragged(bench: Bench) -> None:
    tray = bench.box(".thumb[data-piece='1']")
    start = tray["left"] + tray["width"] / 2, tray["top"] + tray["height"] / 2
    bench.drag(start, bench.client(150, 60))
    bench.drag(bench.client(155, 62), bench.client(205, 82))
    bench.touch_on(".thumb[data-piece='0']")
    bench.touch_on(bench.stage.get_by_role("button", name="Unused"))
    bench.send()


def drag_tapped(bench: Bench) -> None:
    bench.touch_on(".thumb[data-piece='1']")
    bench.press(200, 80)
    bench.touch_on(".thumb[data-piece='0']")
    bench.touch_on(bench.stage.get_by_role("button", name="Unused"))
    bench.send()


def drag_typed(bench: Bench) -> None:
    bench.keys("n", "Tab")
    bench.go(200 - MIDDLE[0], 80 - MIDDLE[1])
    bench.keys("Space", "Enter")


SOLUTIONS: dict[str, Any] = {
    "points": {"coordinates": xy((60, 68), (96, 68))},
    "boxes": {
        "bounding_boxes": [
            {"xMin": 192, "xMax": 278, "yMin": 86, "yMax": 120},
            {"xMin": 32, "xMax": 118, "yMin": 40, "yMax": 152},
        ]
    },
    "outline": {"canvas": [xy(*HOUSE)]},
    "grid": {"click": [1, 4]},
    "rotate": {"rotate": 80},
    "drag": {"coordinates": [None, {"x": 200, "y": 80}]},
}
WAYS: dict[str, dict[str, Callable[[Bench], None]]] = {
    "points": {"mouse": points_pressed, "keys": points_typed, "touch": points_pressed},
    "boxes": {"mouse": boxes_dragged, "keys": boxes_typed, "touch": boxes_tapped},
    "outline": {"mouse": outline_pressed, "keys": outline_typed, "touch": outline_pressed},
    "grid": {"mouse": grid_pressed, "keys": grid_typed, "touch": grid_pressed},
    "rotate": {"mouse": rotate_pressed, "keys": rotate_typed, "touch": rotate_pressed},
    "drag": {"mouse": drag_dragged, "keys": drag_typed, "touch": drag_tapped},
}


@pytest.mark.parametrize("hand", HANDS)
def test_every_kind_is_answered_and_told_as_it_was_marked(desk: Serving, people: Crowd, hand: str) -> None:
    person = people.owner(**HANDS[hand].options)
    bench = sit_down(desk, person.page, touch=HANDS[hand].touch)
    told = {}
    for kind, ways in WAYS.items():
        task = bench.ask(kind)
        ways[hand](bench)
        told[kind] = bench.solution(task)

    assert told == SOLUTIONS
