"""Somebody who rests hears of work as they asked for it, and otherwise not at all (UX §3.1)."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.sync_api import expect

from tests.browser.seat import Asker, Seat
from tests.browser.surfing import Crowd, Person
from tests.serving import Serving

#: How often the page looks, and a little more.
LOOK_MS: Final = 16_000
#: Writes down what is told, and lets a test look away from the page.
_HEARD: Final = """
  window.told = [];
  window.rung = 0;
  window.Notification = class extends Notification {
    constructor(title, options) { super(title, options); told.push(title); }
  };
  window.AudioContext = class extends AudioContext {
    constructor() { super(); rung += 1; }
  };
  window.look = (away) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => away });
    document.dispatchEvent(new Event('visibilitychange'));
  };
"""


@pytest.fixture
def asker(desk: Serving) -> Asker:
    return Asker(desk)


def paused(person: Person) -> Seat:
    """Somebody who rests, with the switches before them, on a clock of the test's own."""
    person.context.add_init_script(_HEARD)
    seat = Seat(person)
    seat.page.clock.install()
    seat.sit()
    expect(seat.state).to_have_text("Nothing is waiting")
    seat.keys("p")
    expect(seat.page.get_by_label("with a notification")).to_be_visible()
    return seat


def later(seat: Seat) -> None:
    """Let the page look once, and hear what it is told."""
    with seat.page.expect_response("**/api/work/me"):
        seat.page.clock.fast_forward(LOOK_MS)


def told(seat: Seat, count: int) -> list[str]:
    """Wait until so much was told."""
    for _ in range(100):
        if seat.page.evaluate("told.length") >= count:
            break
        seat.page.wait_for_timeout(20)
    words: list[str] = seat.page.evaluate("told")
    return words


def test_who_rests_is_told_once_that_work_is_waiting(people: Crowd, asker: Asker) -> None:
    person = people.owner()
    person.context.grant_permissions(["notifications"])
    seat = paused(person)
    seat.page.get_by_label("with a notification").check()
    later(seat)
    assert seat.page.evaluate("told") == []
    asker.ask()
    asker.ask()
    later(seat)
    assert told(seat, 1) == ["Tasks waiting: 2"]
    later(seat)

    assert told(seat, 1) == ["Tasks waiting: 2"]
    assert seat.page.evaluate("rung") == 0


def test_a_hidden_page_tells_of_the_task_it_has_set_aside(people: Crowd, asker: Asker) -> None:
    person = people.owner()
    person.context.grant_permissions(["notifications"])
    seat = paused(person)
    seat.page.get_by_label("with a notification").check()
    seat.press("pause")
    expect(seat.state).to_have_text("Nothing is waiting")
    seat.page.evaluate("look(true)")
    with seat.page.expect_response("**/api/work/media/**"):
        asker.ask()
    later(seat)
    assert told(seat, 1) == ["Tasks waiting: 1"]
    # Nothing is shown, and no clock runs, before somebody looks.
    expect(seat.field).to_be_hidden()
    seat.page.evaluate("look(false)")

    assert seat.lease()


def test_a_page_that_is_looked_at_is_silent(people: Crowd, asker: Asker) -> None:
    person = people.owner()
    person.context.grant_permissions(["notifications"])
    seat = paused(person)
    seat.page.get_by_label("with a notification").check()
    seat.press("pause")
    asker.ask()
    asker.ask()
    seat.lease()
    seat.page.clock.fast_forward(LOOK_MS)
    seat.page.wait_for_timeout(200)

    assert seat.page.evaluate("told") == []


def test_where_the_browser_denies_notifications_the_switch_goes_back_and_says_why(people: Crowd, asker: Asker) -> None:
    person = people.owner()
    person.context.clear_permissions()
    seat = paused(person)
    switch = seat.page.get_by_label("with a notification")
    switch.click()
    expect(seat.page.get_by_text("The browser does not allow notifications")).to_be_visible()
    expect(switch).not_to_be_checked()
    seat.page.reload()
    expect(seat.state).to_have_text("Nothing is waiting")
    seat.keys("p")
    expect(seat.page.get_by_label("with a notification")).not_to_be_checked()
    asker.ask()
    seat.page.clock.fast_forward(LOOK_MS)
    seat.page.wait_for_timeout(200)

    assert seat.page.evaluate("told") == []


def test_a_sound_is_tried_when_it_is_chosen_kept_for_next_time_and_heard_of_work(people: Crowd, asker: Asker) -> None:
    seat = paused(people.owner())
    expect(seat.page.get_by_label("Volume")).to_be_hidden()
    seat.page.get_by_label("with a soft sound").check()
    expect(seat.page.get_by_label("Volume")).to_be_visible()
    assert seat.page.evaluate("rung") == 1
    seat.page.reload()
    expect(seat.state).to_have_text("Nothing is waiting")
    seat.keys("p")
    expect(seat.page.get_by_label("with a soft sound")).to_be_checked()
    asker.ask()
    later(seat)
    expect(seat.page.locator("[data-id=waiting]")).to_contain_text("1")

    assert seat.page.evaluate("rung") == 1
    assert seat.page.evaluate("told") == []


def test_who_wants_no_questions_here_is_asked_none_in_this_browser(people: Crowd, asker: Asker) -> None:
    seat = paused(people.invited("eve", "--kinds", "text,question"))
    seat.page.get_by_label("Question").uncheck()
    expect(seat.page.get_by_label("Text")).to_be_disabled()
    seat.keys("p")
    question = asker.ask(type="TextCaptchaTask", comment="What is two and two?")
    picture = asker.ask()
    seat.answer("ab12")
    expect(seat.state).to_have_text("Nothing is waiting")
    assert asker.text(picture) == "ab12"
    seat.page.reload()
    expect(seat.state).to_have_text("Nothing is waiting")

    seat.keys("p")
    seat.page.get_by_label("Question").check()
    seat.keys("p")
    expect(seat.page.get_by_text("What is two and two?")).to_be_visible()
    seat.keys("4", "Enter")
    assert asker.text(question) == "4"
