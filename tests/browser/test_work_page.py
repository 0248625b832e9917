"""The workspace's page itself: what it weighs, how it fits a small screen, and what is left when it is come back to."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.seat import Asker, Seat
from tests.browser.surfing import PHONE, Crowd
from tests.serving import Serving

#: How wide and high a target is.
FINGER: Final = 44
#: Page, styles, scripts and messages until the first text task is there, not compressed.
MOST_BYTES: Final = 40_000
_WEIGHED: Final = """new MutationObserver((_, observer) => {
  if (!document.querySelector('[data-id=stage] img')) return;
  observer.disconnect();
  window.weighed = performance.getEntriesByType('resource')
    .filter((entry) => /\\.(js|css)$|words$/.test(entry.name))
    .concat(performance.getEntriesByType('navigation'))
    .map((entry) => [entry.name.split('/').at(-1), entry.decodedBodySize]);
}).observe(document, { childList: true, subtree: true })"""


@pytest.fixture
def asker(desk: Serving) -> Asker:
    return Asker(desk)


def test_a_first_task_is_there_before_the_page_grows_heavy(people: Crowd, asker: Asker) -> None:
    asker.ask()
    seat = Seat(people.owner())
    seat.page.add_init_script(_WEIGHED)
    seat.sit().lease()
    weighed = dict(seat.page.evaluate("window.weighed"))

    assert {"base.css", "start.js", "work"} <= weighed.keys()
    assert all(weighed.values()), weighed
    assert sum(weighed.values()) <= MOST_BYTES, weighed


def rows(page: Page) -> list[list[str]]:
    """What stands in the header, by rows: everything that is seen whole, from the top."""
    found: list[tuple[float, str]] = page.evaluate(
        """() => [...document.querySelectorAll('.top :is(.brand, .way a, summary, .tools button, .figures div)')]
          .map((one) => [one, one.getBoundingClientRect(), one.parentElement.getBoundingClientRect()])
          .filter(([one, box, around]) => one.offsetParent && box.height && box.bottom <= around.bottom + 1)
          .map(([one, { top, bottom }]) => [(top + bottom) / 2, one.textContent.trim()])"""
    )
    shown: list[list[str]] = []
    reached = -1.0
    for middle, text in sorted(found, key=lambda each: each[0]):
        if middle > reached:
            shown.append([])
            reached = middle + FINGER / 2
        shown[-1].append(text)
    return shown


@pytest.mark.parametrize("width", [320, 390])
@pytest.mark.parametrize("language", ["en-GB", "es-ES"])
def test_on_a_small_screen_the_header_is_two_rows_that_fingers_hit(people: Crowd, width: int, language: str) -> None:
    seat = Seat(people.owner(**{**PHONE, "viewport": {"width": width, "height": 700}, "locale": language})).sit()
    found = rows(seat.page)
    assert len(found) == 2, found
    first, second = found
    least = seat.page.evaluate(
        """Math.min(...[...document.querySelectorAll('.top :is(.way a, summary, .tools button)')]
          .filter((one) => one.offsetParent).map((one) => one.getBoundingClientRect().height))"""
    )

    assert len(first) == 4, first
    assert len(second) >= 3, second
    assert least >= FINGER - 0.5
    assert seat.page.evaluate("document.documentElement.scrollWidth") <= width
    expect(seat.page.locator("[data-id=earned]")).to_be_visible()


def test_who_goes_away_and_back_finds_a_live_page(people: Crowd, asker: Asker) -> None:
    task = asker.ask()
    seat = Seat(people.owner()).sit()
    lease = seat.lease()
    seat.field.press_sequentially("W9H")
    seat.page.goto("/me")
    seat.page.go_back()

    assert seat.lease() == lease
    expect(seat.field).to_have_value("W9H")
    seat.field.press_sequentially("5K")
    seat.keys("Enter")
    assert asker.text(task) == "W9H5K"


def test_who_comes_back_to_a_task_that_is_over_sees_the_next(desk: Serving, people: Crowd, asker: Asker) -> None:
    over, task = asker.ask(), asker.ask()
    seat = Seat(people.owner()).sit()
    lease = seat.lease()
    seat.page.goto("/me")
    desk.cli("tasks", "cancel", str(over))
    seat.page.go_back()

    assert seat.lease() != lease
    seat.answer("W9H5K")
    assert asker.text(task) == "W9H5K"


_PUT_AWAY: Final = """() => {
  window.before = true;
  window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
}"""
_TAKE_OUT: Final = "() => { window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })); }"


def test_a_page_that_the_browser_kept_whole_begins_anew(people: Crowd, asker: Asker) -> None:
    """As out of the back/forward cache, where a browser may put a page with all that runs on it."""
    task = asker.ask()
    seat = Seat(people.owner()).sit()
    lease = seat.lease()
    seat.field.press_sequentially("W9H")
    seat.page.evaluate(_PUT_AWAY)
    with seat.page.expect_event("load"):
        seat.page.evaluate(_TAKE_OUT)

    assert seat.lease() == lease
    assert not seat.page.evaluate("window.before")
    expect(seat.field).to_have_value("W9H")
    seat.answer("5K")
    assert asker.text(task) == "W9H5K"


@pytest.mark.parametrize("how", ["click", "Enter"])
def test_what_is_pressed_before_all_of_the_page_is_there_is_done_once_it_is(
    people: Crowd, asker: Asker, how: str
) -> None:
    task = asker.ask()
    seat = Seat(people.owner())
    held: list[Route] = []
    seat.page.route("**/work.js", lambda route: held.append(route))  # noqa: PLW0108 - the driver wants a function
    seat.page.goto("/work")
    field = seat.page.get_by_label("Answer")
    field.fill("W9H5K")
    if how == "click":
        seat.page.locator("[data-act=send]").click()
    else:
        field.press("Enter")
    expect(field).to_have_value("W9H5K")
    for route in held:
        route.continue_()

    expect(seat.page.locator("[data-id=task]")).to_be_hidden()
    assert asker.text(task) == "W9H5K"
