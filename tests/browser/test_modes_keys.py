"""What the keys of the picture modes do, and what they never do: send half an answer, or lose one."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.bench import TASKS, Bench, arrow, scene, sit_down, text_of
from tests.browser.surfing import Crowd
from tests.serving import Serving


@pytest.fixture
def bench(desk: Serving, people: Crowd) -> Bench:
    """The owner at the workspace."""
    return sit_down(desk, people.owner().page)


def press_place(page: Page, code: str, printed: str) -> None:
    """Press the key at a place of the keyboard, whatever the layout prints on it."""
    page.evaluate(
        "([code, key]) => document.activeElement.dispatchEvent("
        "new KeyboardEvent('keydown', {code, key, bubbles: true}))",
        [code, printed],
    )


def stays(bench: Bench, kind: str, hint: str) -> None:
    expect(bench.hint).to_contain_text(hint)
    bench.shows(kind)


def test_the_letters_of_a_grid_go_by_their_place_on_any_layout(bench: Bench) -> None:
    three = bench.ask("grid")
    for code, printed in (("KeyQ", "й"), ("KeyS", "ы"), ("KeyC", "с"), ("KeyS", "ы"), ("KeyA", "q")):
        press_place(bench.page, code, printed)
    bench.keys("Enter")
    four = bench.ask("grid", rows=4, columns=4)
    for code, printed in (("Digit4", "'"), ("KeyR", "p"), ("KeyV", "м")):
        press_place(bench.page, code, printed)
    bench.keys("9", "Enter")

    assert bench.solution(three) == {"click": [1, 4, 9]}
    assert bench.solution(four) == {"click": [4, 8, 9, 16]}


def test_a_grid_of_another_shape_takes_digits_and_arrows(bench: Bench) -> None:
    task = bench.ask("grid", rows=2, columns=6)
    bench.keys("3", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "Space", "Enter")

    assert bench.solution(task) == {"click": [3, 12]}


@pytest.mark.parametrize(("kind", "solution"), [("grid", {"click": []}), ("boxes", {"bounding_boxes": []})])
def test_nothing_fits_is_an_answer_where_the_task_allows_it(bench: Bench, kind: str, solution: object) -> None:
    refusing = bench.ask(kind)
    bench.keys("n", "Enter")
    stays(bench, kind, "at least 1")
    bench.keys("Escape")
    allowing = bench.ask(kind, canNoAnswer=1)
    bench.keys("n")
    expect(bench.stage.get_by_role("button", name="Nothing fits")).to_have_attribute("aria-pressed", "true")
    bench.keys("Enter")

    assert bench.solution(allowing) == solution
    assert refusing != allowing


def test_marks_and_nothing_fits_exclude_each_other(bench: Bench) -> None:
    task = bench.ask("grid", canNoAnswer=1)
    none = bench.stage.get_by_role("button", name="Nothing fits")
    bench.keys("1", "n")
    assert bench.stage.locator("[aria-selected=true]").count() == 0
    bench.keys("2")
    expect(none).to_have_attribute("aria-pressed", "false")
    bench.keys("Control+z")
    expect(none).to_have_attribute("aria-pressed", "true")
    bench.keys("Control+z", "Enter")

    assert bench.solution(task) == {"click": [1]}


def test_fewer_or_more_marks_than_asked_for_are_not_sent(bench: Bench) -> None:
    task = bench.ask("points", minClicks=2, maxClicks=2)
    bench.keys("Space", "Enter")
    stays(bench, "points", "at least 2")
    bench.keys("Shift+ArrowLeft", "Space", "Shift+ArrowLeft", "Space")
    expect(bench.hint).to_contain_text("No more than 2")
    bench.keys("Enter")

    assert bench.solution(task) == {"coordinates": [{"x": 160, "y": 100}, {"x": 150, "y": 100}]}


def test_where_one_mark_is_wanted_the_next_takes_its_place(bench: Bench) -> None:
    point = bench.ask("points", maxClicks=1)
    bench.keys("Space", "ArrowDown", "Space", "Enter")
    cell = bench.ask("grid", maxClicks=1)
    bench.keys("1", "5", "Enter")

    assert bench.solution(point) == {"coordinates": [{"x": 160, "y": 101}]}
    assert bench.solution(cell) == {"click": [5]}


def test_a_chosen_mark_moves_goes_and_comes_back(bench: Bench) -> None:
    task = bench.ask("points")
    bench.keys("Space", "Shift+ArrowRight", "Space", "Shift+ArrowRight", "Space")
    bench.keys("[", "[", "ArrowUp", "ArrowUp", "Shift+ArrowDown", "Space")
    bench.keys("]", "Delete", "Backspace", "Control+z", "Control+z")
    bench.keys("Control+z", "Enter")

    assert bench.solution(task) == {
        "coordinates": [{"x": 160, "y": 100}, {"x": 170, "y": 100}, {"x": 180, "y": 100}],
    }


def test_marks_stay_inside_the_picture(bench: Bench) -> None:
    task = bench.ask("points")
    bench.go(-400, -400)
    bench.keys("Space")
    bench.go(400, 400)
    bench.keys("Space", "]", "Shift+ArrowLeft", "Space", "Enter")

    assert bench.solution(task) == {"coordinates": [{"x": 0, "y": 0}, {"x": 319, "y": 199}]}


def test_an_open_outline_is_never_sent(bench: Bench) -> None:
    task = bench.ask("outline")
    bench.keys("Space", "Shift+ArrowRight", "Space")
    bench.keys("Enter")
    stays(bench, "outline", "three corners")
    bench.send()
    stays(bench, "outline", "three corners")
    bench.page.locator("region-pad").focus()
    bench.keys("Shift+ArrowDown", "Space", "ArrowDown", "Space", "Backspace", "Enter")
    expect(bench.hint).to_have_text("")
    bench.keys("Enter")

    assert bench.solution(task) == {"canvas": [[{"x": 160, "y": 100}, {"x": 170, "y": 100}, {"x": 170, "y": 110}]]}


def test_several_outlines_are_told_in_their_order(bench: Bench) -> None:
    task = bench.ask("outline")
    for _ in range(2):
        bench.keys("Space", "Shift+ArrowRight", "Space", "Shift+ArrowDown", "Space", "Enter")
    bench.keys("Enter")
    first, second = bench.solution(task)["canvas"]

    assert first[0] == {"x": 160, "y": 100}
    assert second[0] == first[2] == {"x": 170, "y": 110}


def test_a_box_takes_exact_numbers(bench: Bench) -> None:
    task = bench.ask("boxes")
    bench.stage.locator("summary").focus()
    bench.keys("Enter")
    for side, number in (("Left", "11"), ("Top", "12"), ("Right", "5"), ("Bottom", "99")):
        bench.stage.get_by_label(side).fill(number)
    expect(bench.hint).to_contain_text("left before right")
    bench.stage.get_by_label("Right").fill("321")
    expect(bench.hint).to_contain_text("inside the picture")
    bench.stage.get_by_label("Right").fill("320")
    bench.keys("Enter")

    assert bench.solution(task) == {"bounding_boxes": [{"xMin": 11, "xMax": 320, "yMin": 12, "yMax": 99}]}


def test_a_box_never_shrinks_to_nothing(bench: Bench) -> None:
    task = bench.ask("boxes")
    bench.keys("Space", "Space")
    expect(bench.hint).to_contain_text("a width and a height")
    bench.keys("ArrowRight", "Space")
    bench.keys("ArrowDown", "Space", *["Alt+Shift+ArrowLeft"] * 3, *["Alt+ArrowUp"] * 3, "Enter")

    assert bench.solution(task) == {"bounding_boxes": [{"xMin": 160, "xMax": 161, "yMin": 100, "yMax": 101}]}


def test_an_unturned_picture_is_sent_at_the_second_asking(bench: Bench) -> None:
    task = bench.ask("rotate")
    bench.keys("Enter")
    stays(bench, "rotate", "was not turned")
    bench.keys("Enter")

    assert bench.solution(task) == {"rotate": 0}


def test_several_pictures_are_each_turned(bench: Bench) -> None:
    pictures = [text_of(arrow(turned=turned)) for turned in (20, 100, 300)]
    task = bench.ask("rotate", body=pictures, angle=20)
    bench.keys("ArrowLeft", "]", "Shift+ArrowLeft", "]", "ArrowRight", "ArrowUp", "ArrowDown", "ArrowDown")
    bench.keys("[", "Home", "ArrowUp", "Control+z", "Control+z", "Enter")

    assert bench.solution(task) == {"rotate": [340, 260, 19]}


def test_pieces_left_in_the_tray_are_sent_at_the_second_asking(bench: Bench) -> None:
    task = bench.ask("drag")
    bench.keys("Enter")
    stays(bench, "drag", "Place a piece first")
    bench.keys("Space", "ArrowLeft", "Enter")
    stays(bench, "drag", "left in the tray")
    bench.keys("Enter")

    assert bench.solution(task) == {"coordinates": [{"x": 159, "y": 100}, None]}


def test_a_piece_put_back_is_undecided_again(bench: Bench) -> None:
    task = bench.ask("drag")
    bench.keys("Space", "Backspace", "Enter")
    stays(bench, "drag", "Place a piece first")
    bench.keys("Control+z", "Space", "Space", "Shift+ArrowDown", "Enter")

    assert bench.solution(task) == {"coordinates": [{"x": 160, "y": 100}, {"x": 160, "y": 110}]}


def test_a_piece_stays_on_the_last_pixels_of_its_background(bench: Bench) -> None:
    task = bench.ask("drag")
    bench.keys("Space", *["Shift+ArrowRight"] * 17, *["Shift+ArrowDown"] * 11, "Tab", "KeyN", "Enter")

    assert bench.solution(task) == {"coordinates": [{"x": 319, "y": 199}, None]}


def test_those_who_listen_hear_where_the_cross_hair_is_and_what_was_set(bench: Bench) -> None:
    bench.ask("points")
    said = bench.page.locator("[data-id=say]")
    bench.keys("ArrowRight", "Shift+ArrowDown")
    expect(said).to_have_text("x 161, y 110")
    bench.keys("Space")
    expect(said).to_have_text("Point 1 set at x 161, y 110")
    bench.keys("[")
    expect(said).to_have_text("Mark 1 chosen, at x 161, y 110")
    pad = bench.page.get_by_role("application", name="Picture to set points on")
    expect(pad).to_be_focused()
    expect(pad).to_have_accessible_description(bench.stage.locator("#pad-how").inner_text())


def test_the_picture_is_seen_closer_inverted_and_sharper_by_keys_and_never_its_marks(bench: Bench) -> None:
    bench.ask("points")
    width = bench.box()["width"]
    bench.keys("+", "+")
    assert bench.box()["width"] == pytest.approx(2 * width, abs=1)
    bench.keys("-", "0", "Alt+i")
    assert bench.box()["width"] == pytest.approx(width, abs=1)
    picture, pad = bench.stage.locator(".view-frame > img"), bench.stage.locator("region-pad")
    expect(picture).to_have_css("filter", "invert(1)")
    bench.keys("Alt+c")
    expect(picture).to_have_css("filter", "invert(1) contrast(1.8)")
    expect(pad).to_have_css("filter", "none")
    expect(bench.stage.get_by_role("button", name="Invert")).to_have_attribute("aria-pressed", "true")


def test_a_cross_hair_at_the_edge_stays_in_sight_however_close_the_picture_is(bench: Bench) -> None:
    bench.ask("points")
    bench.keys("+", "+", "+", "+")
    bench.go(-150, -90)
    port, line = bench.box(".view-port"), bench.box(".cursor line")

    assert port["left"] <= line["left"] <= port["left"] + port["width"]


def test_the_earlier_picture_of_a_series_stands_beside_the_next_whoever_marked_it(
    bench: Bench, desk: Serving, people: Crowd
) -> None:
    first = bench.ask("grid")
    bench.keys("1", "Enter")
    bench.solution(first)
    bench.page.goto("/me")
    bob = sit_down(desk, people.invited("bob").page)
    bob.ask("grid", body=text_of(scene((300, 300)).rotate(90)), previousId=str(first))
    picture = bob.stage.get_by_role("img", name="The earlier picture of this series")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") == 300
    bob.keys("1", "Enter")
    bob.ask("grid", previousId="999")
    expect(bob.stage.locator("figcaption")).to_contain_text("no longer here")


def test_an_answer_taken_back_begins_where_it_was_left(bench: Bench) -> None:
    """Every mode mounts with the answer given before and gives the same one again."""
    before = {
        "points": [[3, 4], [5, 6]],
        "boxes": [[1, 2, 30, 40]],
        "outline": [[[1, 1], [9, 1], [9, 9]]],
        "grid": [2, 9],
        "rotate": [77],
        "drag": [[20, 30], None],
    }
    for kind, value in before.items():
        bench.ask(kind)
        again = bench.page.evaluate(
            """async ([kind, before, fields]) => {
              const base = document.querySelector('link[rel=modulepreload]').href;
              const mode = (await import(new URL(`${kind}.js`, base))).default;
              const images = [...document.querySelectorAll('[data-id=stage] img')];
              const media = images.map((image) => ({ width: image.naturalWidth, height: image.naturalHeight }));
              const tools = { t: (key) => key, say() {}, hint() {}, changed() {} };
              const task = { task: 1, images, before, question: { constraints: fields, options: {}, media } };
              const mounted = mode.mount(document.createElement('div'), task, tools);
              return [mounted.value(), mounted.valid(), mounted.warn?.() ?? null, mounted.undo()];
            }""",
            [kind, value, {"rows": 3, "columns": 3, "angle": 40}],
        )
        bench.keys("Escape")

        assert again == [value, None, None, False], kind
    assert before.keys() == TASKS.keys()
