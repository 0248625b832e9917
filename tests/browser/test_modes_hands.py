"""Mouse and fingers on pictures: choosing, moving, panning and removing marks, and targets that fingers hit."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.bench import TASKS, Bench, scene, sit_down, text_of
from tests.browser.surfing import DESKTOP, PHONE, Crowd
from tests.serving import Serving

AXE = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
}
FINGER = 44


@pytest.fixture
def bench(desk: Serving, people: Crowd) -> Bench:
    """The owner at the workspace, with a mouse."""
    return sit_down(desk, people.owner().page)


def test_a_pressed_point_is_chosen_and_its_button_removes_it(bench: Bench) -> None:
    task = bench.ask("points")
    for x in (40, 120, 240):
        bench.press(x + 0.5, 50.5)
    bench.press(120.5, 50.5)
    bench.touch_on(bench.stage.get_by_role("button", name="Remove 2"))
    expect(bench.stage.locator("region-pad")).to_be_focused()
    bench.touch_on(bench.stage.get_by_role("button", name="Remove last"))
    bench.keys("Control+z", "Enter")

    assert bench.solution(task) == {"coordinates": [{"x": 40, "y": 50}, {"x": 240, "y": 50}]}


def test_marks_are_dragged_by_their_corners(bench: Bench) -> None:
    point = bench.ask("points")
    bench.press(40.5, 50.5)
    bench.drag(bench.client(40.5, 50.5), bench.client(90.5, 80.5))
    bench.send()
    box = bench.ask("boxes")
    bench.drag(bench.client(40, 40), bench.client(100, 90))
    bench.drag(bench.client(100, 40), bench.client(20, 120))
    bench.send()
    outline = bench.ask("outline")
    for x, y in ((40, 40), (90, 40), (90, 90), (40, 40)):
        bench.press(x + 0.5, y + 0.5)
    bench.drag(bench.client(90.5, 90.5), bench.client(60.5, 150.5))
    bench.send()

    assert bench.solution(point) == {"coordinates": [{"x": 90, "y": 80}]}
    assert bench.solution(box) == {"bounding_boxes": [{"xMin": 20, "xMax": 40, "yMin": 90, "yMax": 120}]}
    corners = [(spot["x"], spot["y"]) for spot in bench.solution(outline)["canvas"][0]]
    assert corners == [(40, 40), (90, 40), (60, 150)]


def test_a_drag_without_width_leaves_no_box(bench: Bench) -> None:
    bench.ask("boxes")
    bench.drag(bench.client(40, 40), bench.client(40, 120))
    expect(bench.hint).to_contain_text("a width and a height")

    assert bench.stage.locator("region-pad rect").count() == 0


def scrolled(bench: Bench) -> list[float]:
    found: list[float] = bench.stage.locator(".view-port").evaluate("port => [port.scrollLeft, port.scrollTop]")
    return found


def test_a_drag_over_a_closer_picture_moves_it_and_sets_nothing(bench: Bench) -> None:
    task = bench.ask("points")
    bench.keys("+", "+")
    before = scrolled(bench)
    bench.drag(bench.client(160, 100), bench.client(190, 120))
    after = scrolled(bench)
    bench.press(160.5, 100.5)
    bench.send()

    assert after[0] < before[0]
    assert after[1] < before[1]
    assert bench.solution(task) == {"coordinates": [{"x": 160, "y": 100}]}


def test_the_middle_button_moves_a_closer_picture_that_is_drawn_on(bench: Bench) -> None:
    bench.ask("boxes")
    bench.keys("+", "+")
    before = scrolled(bench)
    bench.page.mouse.move(*bench.client(160, 100))
    bench.page.mouse.down(button="middle")
    bench.page.mouse.move(*bench.client(190, 120), steps=4)
    bench.page.mouse.up(button="middle")

    assert scrolled(bench) != before
    assert bench.stage.locator("region-pad rect").count() == 0


def test_the_wheel_with_control_comes_closer_to_what_is_under_the_pointer(bench: Bench) -> None:
    bench.ask("points")
    x, y = bench.client(240, 140)
    bench.page.mouse.move(x, y)
    bench.page.keyboard.down("Control")
    bench.page.mouse.wheel(0, -100)
    bench.page.mouse.wheel(0, -100)
    bench.page.keyboard.up("Control")
    expect(bench.stage.locator(".view[data-zoomed]")).to_be_visible()
    expect(bench.stage.get_by_role("button", name="Whole picture")).to_have_text("200 %")
    is_x, is_y = bench.client(240, 140)
    port = bench.box(".view-port")

    assert is_x == pytest.approx(x, abs=2)
    # The frame grows as tall as the screen allows, so that the height may follow.
    assert port["top"] <= is_y <= port["top"] + port["height"]


def test_the_buttons_of_the_view_leave_the_focus_where_it_was(bench: Bench) -> None:
    bench.ask("points")
    pad = bench.stage.locator("region-pad")
    expect(pad).to_be_focused()
    for name in ("Larger", "Invert", "Contrast"):
        bench.touch_on(bench.stage.get_by_role("button", name=name))
        expect(pad).to_be_focused()


def test_a_piece_dragged_off_the_picture_is_back_in_the_tray(bench: Bench) -> None:
    bench.ask("drag")
    tray = bench.box(".thumb[data-piece='0']")
    start = tray["left"] + 10, tray["top"] + 10
    bench.drag(start, bench.client(100, 100))
    expect(bench.stage.locator(".piece[data-piece='0']")).to_be_visible()
    bench.drag(bench.client(100, 100), start)
    expect(bench.stage.locator(".piece[data-piece='0']")).to_be_hidden()
    expect(bench.stage.get_by_role("radio", name="Piece 1, in the tray")).to_be_focused()


@pytest.mark.parametrize("kind", TASKS)
def test_everything_a_finger_presses_is_wide_enough(desk: Serving, people: Crowd, kind: str) -> None:
    bench = sit_down(desk, people.owner(**PHONE).page, touch=True)
    bench.ask(kind, canNoAnswer=1)
    small = bench.stage.evaluate(
        """(stage, finger) => [...stage.querySelectorAll('button, [role=gridcell], [role=radio], summary, input')]
          .filter((one) => one.offsetParent)
          .map((one) => [one.textContent || one.type, one.getBoundingClientRect()])
          .filter(([, box]) => box.width < finger || box.height < finger)
          .map(([name, box]) => `${name}: ${box.width} x ${box.height}`)""",
        FINGER - 0.5,
    )

    assert small == []


def test_a_grid_of_many_columns_scrolls_in_its_own_frame_and_keeps_its_cells_wide(desk: Serving, people: Crowd) -> None:
    phone = {**PHONE, "viewport": {"width": 320, "height": 640}}
    bench = sit_down(desk, people.owner(**phone).page, touch=True)
    task = bench.ask("grid", rows=3, columns=10)
    cell = bench.box("[data-cell='1']")
    page = bench.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    bench.touch_on("[data-cell='10']")
    bench.send()

    assert cell["width"] >= FINGER - 0.5
    assert page[0] <= page[1]
    assert bench.solution(task) == {"click": [10]}


def test_a_tap_on_a_closer_picture_hits_the_pixel_under_the_finger(desk: Serving, people: Crowd) -> None:
    bench = sit_down(desk, people.owner(**PHONE).page, touch=True)
    task = bench.ask("points", body=text_of(scene((640, 400))))
    for _ in range(3):
        bench.touch_on(bench.stage.get_by_role("button", name="Larger"))
    bench.press(320.5, 200.5, (640, 400))
    bench.send()

    assert bench.solution(task) == {"coordinates": [{"x": 320, "y": 200}]}


def swipe(bench: Bench, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a finger quickly over the screen, as the browser gets it from the glass, and lift it in motion."""
    line = bench.page.context.new_cdp_session(bench.page)
    steps = [(start[0] + (end[0] - start[0]) * i / 8, start[1] + (end[1] - start[1]) * i / 8) for i in range(9)]
    for i, (x, y) in enumerate(steps):
        what = "touchMove" if i else "touchStart"
        line.send("Input.dispatchTouchEvent", {"type": what, "touchPoints": [{"x": x, "y": y}]})
    line.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    line.detach()


def test_a_finger_draws_a_box_and_carries_a_piece(desk: Serving, people: Crowd) -> None:
    bench = sit_down(desk, people.owner(**PHONE).page, touch=True)
    box = bench.ask("boxes")
    swipe(bench, bench.client(40, 40), bench.client(140, 120))
    bench.send()
    drag = bench.ask("drag")
    thumb = bench.stage.locator(".thumb[data-piece='1']")
    thumb.scroll_into_view_if_needed()
    at = bench.box(".thumb[data-piece='1']")
    swipe(bench, (at["left"] + at["width"] / 2, at["top"] + at["height"] / 2), bench.client(200, 80))
    bench.keys("Enter", "Enter")

    assert bench.solution(box) == {"bounding_boxes": [{"xMin": 40, "xMax": 140, "yMin": 40, "yMax": 120}]}
    assert bench.solution(drag) == {"coordinates": [None, {"x": 200, "y": 80}]}


@pytest.mark.parametrize("kind", ["boxes", "drag", "rotate"])
def test_a_tap_on_send_right_after_a_quick_swipe_is_heard(desk: Serving, people: Crowd, kind: str) -> None:
    """A drag lifted in motion must set off no flight of the browser's, which would take the tap only to stop."""
    bench = sit_down(desk, people.owner(**PHONE).page, touch=True)
    task = bench.ask(kind)
    if kind == "boxes":
        start, end = bench.client(40, 40), bench.client(140, 120)
    elif kind == "drag":
        bench.stage.locator(".thumb[data-piece='0']").scroll_into_view_if_needed()
        bench.touch_on(".thumb[data-piece='0']")
        bench.touch_on(bench.stage.get_by_role("button", name="Unused"))
        tray = bench.box(".thumb[data-piece='1']")
        start, end = (tray["left"] + tray["width"] / 2, tray["top"] + tray["height"] / 2), bench.client(200, 80)
    else:
        slider = bench.box("input[type=range]")
        middle = slider["top"] + slider["height"] / 2
        start, end = (slider["left"] + 20, middle), (slider["left"] + slider["width"] * 0.6, middle)
    send = bench.page.locator("[data-act=send]").bounding_box()
    assert send is not None
    swipe(bench, start, end)
    bench.page.touchscreen.tap(send["x"] + send["width"] / 2, send["y"] + send["height"] / 2)

    assert bench.solution(task)


@pytest.mark.parametrize("kind", ["points", "boxes", "outline", "grid", "drag"])
def test_a_finger_that_moves_a_closer_picture_marks_nothing(desk: Serving, people: Crowd, kind: str) -> None:
    bench = sit_down(desk, people.owner(**PHONE).page, touch=True)
    bench.ask(kind)
    for _ in range(3):
        bench.touch_on(bench.stage.get_by_role("button", name="Larger"))
    port = bench.box(".view-port")
    x, y = port["left"] + port["width"] / 2, port["top"] + port["height"] / 2
    before = scrolled(bench)
    swipe(bench, (x, y), (x - 90, y - 60))
    bench.page.wait_for_timeout(300)

    assert scrolled(bench) != before
    assert bench.stage.locator(".mark:not(.cursor .mark), [aria-selected=true], .piece:not([hidden])").count() == 0


def test_a_single_point_goes_where_it_is_pressed_next_however_near(bench: Bench) -> None:
    task = bench.ask("points", maxClicks=1)
    bench.press(100.5, 60.5)
    bench.press(103.5, 62.5)
    bench.send()

    assert bench.solution(task) == {"coordinates": [{"x": 103, "y": 62}]}


def test_one_picture_a_cell_keeps_its_shape_and_is_chosen_by_its_cell(bench: Bench) -> None:
    shapes = [(90, 60), (60, 90), (60, 60), (90, 60), (90, 60), (30, 90), (90, 60), (120, 40), (90, 60)]
    fields = {
        "type": "ComplexImageTask", "class": "recognition", "imagesBase64": [text_of(scene(size)) for size in shapes],
        "metadata": {"Task": "grid", "TaskArgument": "The houses"},
    }  # fmt: skip
    created = bench.customer.create(fields, {"Host": "api.capmonster.cloud"}).json
    bench.shows("grid")
    pictures, cells = bench.stage.locator(".mosaic img"), bench.stage.locator("[data-cell]")
    for i in range(len(shapes)):
        picture, cell = pictures.nth(i).bounding_box(), cells.nth(i).bounding_box()
        assert picture == pytest.approx(cell, abs=1)
    expect(pictures.nth(1)).to_have_css("object-fit", "contain")
    bench.touch_on(cells.nth(7))
    bench.touch_on(cells.nth(8))
    bench.send()

    assert bench.solution(created["taskId"])["answer"] == [False] * 7 + [True] * 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_mode_has_a_known_flaw_of_access(desk: Serving, people: Crowd, screen: dict[str, Any], scheme: str) -> None:
    bench = sit_down(desk, people.owner(**screen, color_scheme=scheme).page, touch="has_touch" in screen)
    found = {}
    for kind in TASKS:
        bench.ask(kind, canNoAnswer=1)
        bench.keys("Space", "ArrowRight", "ArrowDown", "Space")
        wide = bench.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        flaws = Axe().run(bench.page, options=AXE).response["violations"]
        found[kind] = [(flaw["id"], [node["html"] for node in flaw["nodes"]]) for flaw in flaws] + ["wide"] * wide
        bench.keys("Escape")

    assert found == {kind: [] for kind in TASKS}
