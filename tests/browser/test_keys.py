"""Keys on a Mac, where Option turns what keys write: they act by their place (UX §3.1)."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.bench import Bench, sit_down
from tests.browser.surfing import Crowd
from tests.serving import Serving

MAC: Final = "Object.defineProperty(Navigator.prototype, 'platform', { get: () => 'MacIntel' })"
_NAMED: Final = """async (pressed) => {
  const script = document.querySelector('script[type=module]').src;
  const { combo } = await import(new URL('pressed.js', script));
  return pressed.map((each) => combo(new KeyboardEvent('keydown', each)));
}"""
_PRESS: Final = """(target, pressed) => target.dispatchEvent(
  new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...pressed }))"""


@pytest.fixture
def bench(desk: Serving, people: Crowd) -> Bench:
    """The owner at the workspace, on a Mac."""
    person = people.owner()
    person.context.add_init_script(MAC)
    return sit_down(desk, person.page)


def option(page: Page, key: str, code: str, **more: Any) -> None:
    """Press a key with Option held, as a Mac tells of it."""
    page.locator(":focus").evaluate(_PRESS, {"key": key, "code": code, "altKey": True, **more})


def test_what_is_pressed_with_option_is_named_by_its_place(bench: Bench) -> None:
    """What the German, French, Polish and American layouts of a Mac write, and what other systems do."""
    alt, both = {"altKey": True}, {"altKey": True, "shiftKey": True}
    named: list[tuple[dict[str, Any], str | None]] = [
        ({"key": "ˆ", "code": "KeyI", **alt}, "Alt+KeyI"),
        ({"key": "Dead", "code": "KeyI", **alt}, "Alt+KeyI"),
        ({"key": "ç", "code": "KeyC", **alt}, "Alt+KeyC"),
        ({"key": "@", "code": "KeyL", **alt}, "Alt+KeyL"),
        ({"key": "ł", "code": "KeyL", **alt}, "Alt+KeyL"),
        ({"key": "Ò", "code": "KeyL", **both}, "Alt+Shift+KeyL"),
        ({"key": "|", "code": "KeyL", **both}, "Alt+Shift+KeyL"),
        ({"key": "¡", "code": "Digit1", **alt}, "Alt+Digit1"),
        ({"key": "[", "code": "Digit5", **alt}, "Alt+Digit5"),
        ({"key": "Dead", "code": "Digit4", **alt}, "Alt+Digit4"),
        ({"key": "\u00a0", "code": "Space", **alt}, "Alt+Space"),
        ({"key": "ArrowLeft", "code": "ArrowLeft", **alt}, "Alt+ArrowLeft"),
        ({"key": "Ω", "code": "KeyZ", "metaKey": True, **alt}, "Mod+Alt+KeyZ"),
        # Elsewhere a letter is what is printed on its key, wherever that is.
        ({"key": "i", "code": "KeyG", **alt}, "Alt+KeyI"),
        ({"key": "ш", "code": "KeyI", **alt}, "Alt+KeyI"),
        # What is no press of its own stays none.
        ({"key": "Alt", "code": "AltLeft", **alt}, None),
        ({"key": "Dead", "code": "KeyE"}, None),
        ({"key": "Dead", "code": "BracketLeft", **alt}, None),
        ({"key": "@", "code": "KeyQ"}, "@"),
    ]

    assert bench.page.evaluate(_NAMED, [pressed for pressed, _ in named]) == [name for _, name in named]


def test_option_works_the_picture_and_the_reasons_also_where_it_begins_an_accent(bench: Bench) -> None:
    bench.ask("points")
    picture = bench.stage.locator(".view-frame > img")
    option(bench.page, "Dead", "KeyI", keyCode=229)
    expect(picture).to_have_css("filter", "invert(1)")
    option(bench.page, "ç", "KeyC", modifierAltGraph=True)
    expect(picture).to_have_css("filter", "invert(1) contrast(1.8)")
    with bench.page.expect_request("**/api/work/decline") as sent:
        option(bench.page, "™", "Digit2")

    assert (sent.value.post_data_json or {})["reason"] == "broken"


def test_keys_are_written_as_a_mac_prints_them(bench: Bench) -> None:
    bench.ask("points")
    bench.keys("F1")
    dialog = bench.page.get_by_role("dialog")

    expect(dialog.get_by_role("row", name="Invert light and dark ⌥+I")).to_be_visible()
    expect(dialog.get_by_role("row").filter(has_text="⌘+Z")).to_be_visible()
