"""What stands around the work: signing in again, own keys, practice, help, and a server that stops (UX §3, §5)."""

from __future__ import annotations

import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.bench import HANDS
from tests.browser.seat import Asker, Seat
from tests.browser.surfing import Crowd
from tests.serving import Serving

PASSWORD = "a quiet harbour at noon"
STOP_SECONDS = 5


@pytest.fixture
def asker(desk: Serving) -> Asker:
    return Asker(desk)


def set_password(desk: Serving, name: str) -> None:
    """Set somebody's password, which signs them out everywhere."""
    command = [sys.executable, "-m", "answerdesk.cli", "people", "password", name, "--data", str(desk.data)]
    subprocess.run(command, input=PASSWORD.encode() + b"\n", capture_output=True, check=True)


def test_whoever_was_signed_out_signs_in_over_the_page_and_loses_nothing(
    desk: Serving, people: Crowd, asker: Asker
) -> None:
    person = people.invited("ann").forgive("status of 401")
    seat = Seat(person).sit()
    task = asker.ask()
    seat.lease()
    set_password(desk, "ann")
    seat.answer("kept")
    dialog = seat.page.get_by_role("dialog")
    expect(dialog.locator("[name=name]")).to_have_value("ann")
    dialog.locator("[name=password]").fill("something else entirely")
    seat.keys("Enter")
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.locator("[name=password]").fill(PASSWORD)
    seat.keys("Enter")
    expect(dialog).to_be_hidden()
    expect(seat.unsent).to_be_hidden()

    assert asker.text(task) == "kept"


def test_more_time_is_given_once_and_a_second_wish_is_told_so(people: Crowd, asker: Asker) -> None:
    seat = Seat(people.invited("ann")).sit()
    asker.ask()
    seat.lease()
    # Bare letters act only where nobody writes.
    seat.field.blur()
    seat.keys("t")
    expect(seat.note).to_have_text("30 seconds more.")
    seat.keys("t")

    expect(seat.note).to_have_text("This task gives no more time.")


def test_a_server_stops_at_once_though_workspaces_wait_for_tasks(desk: Serving, people: Crowd) -> None:
    person = people.owner().forgive("ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE")
    seats = [Seat(person).sit()]
    for _ in range(2):
        page = person.tab()
        page.goto("/work")
        expect(page.locator("[data-id=state] h1")).to_have_text("Nothing is waiting")
    expect(seats[0].state).to_have_text("Nothing is waiting")
    desk.process.terminate()

    assert desk.process.wait(STOP_SECONDS) == 0
    expect(seats[0].page.locator(".offline")).to_be_visible()
    person.page.goto("about:blank")


def test_own_keys_are_taken_by_pressing_them_and_work_in_the_workspace(people: Crowd) -> None:
    seat = Seat(people.owner())
    page = seat.page
    page.goto("/me/keys")
    page.locator("[data-row=pause]").click()
    seat.keys("t")
    expect(page.locator("[data-id=flaw]")).to_contain_text("already does “More time”")
    seat.keys("Control+w")
    expect(page.locator("[data-id=flaw]")).to_contain_text("belongs to the browser")
    seat.keys("k")
    expect(page.locator("[data-row=pause]")).to_have_text("K")
    page.locator("form[action='/me/keys'] .primary").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    seat.sit()
    expect(seat.state).to_have_text("Nothing is waiting")
    expect(page.locator("[data-act=pause] kbd").first).to_have_text("K")
    seat.keys("p")
    expect(seat.state).to_have_text("Nothing is waiting")
    seat.keys("k")
    expect(seat.state).to_have_text("Paused")


def test_bare_keys_do_nothing_once_they_are_switched_off(people: Crowd) -> None:
    seat = Seat(people.owner())
    seat.page.goto("/me/keys")
    seat.page.locator("[name=single]").uncheck()
    seat.page.locator("form[action='/me/keys'] .primary").click()
    seat.sit()
    expect(seat.page.locator("[data-act=pause] kbd")).to_have_count(0)
    seat.keys("p", "?")
    expect(seat.state).to_have_text("Nothing is waiting")
    expect(seat.page.get_by_role("dialog")).to_have_count(0)
    seat.keys("Alt+p")

    expect(seat.state).to_have_text("Paused")


@pytest.mark.parametrize("hand", ["mouse", "touch"])
def test_practice_tells_right_and_wrong_and_leads_back_to_work(people: Crowd, asker: Asker, hand: str) -> None:
    seat = Seat(people.invited("ann", "--kinds", "question", **HANDS[hand].options), touch=HANDS[hand].touch)
    seat.sit()
    offer = seat.page.locator("[data-id=offer]")
    offer.get_by_role("button", name="Question").click()
    for number in range(1, 6):
        expect(offer).to_contain_text(f"Practice {number} of 5")
        if number == 1:
            # On a low screen what is said would stand below it.
            seat.page.set_viewport_size({"width": HANDS[hand].options["viewport"]["width"], "height": 300})
            seat.field.fill("no number")
            seat.field.press("Enter")
            expect(offer).to_contain_text("Not quite. Looked for: ")
            expect(offer.get_by_role("status")).to_be_in_viewport(ratio=1)
        else:
            asked = seat.page.locator(".asked-text").inner_text()
            word = asked.partition("“")[2].partition("”")[0]
            seat.field.fill(str(len(word)))
            seat.press("send")
            expect(offer).to_contain_text("Right.")
        if number < 5:
            seat.press("send")
    task = asker.ask(type="TextCaptchaTask", comment="And a real one?")
    offer.get_by_role("button", name="To work").click()
    expect(seat.page.locator(".asked-text")).to_have_text("And a real one?")
    expect(offer).to_be_hidden()
    seat.answer("yes")

    assert asker.text(task) == "yes"


def test_the_help_sheet_has_the_keys_of_the_task_and_gives_the_focus_back(people: Crowd, asker: Asker) -> None:
    asker.ask()
    seat = Seat(people.owner()).sit()
    seat.lease()
    seat.keys("F1")
    dialog = seat.page.get_by_role("dialog")
    expect(dialog.get_by_role("row", name="Invert light and dark Alt+I")).to_be_visible()
    expect(dialog.get_by_role("row", name="Send Enter")).to_be_visible()
    seat.keys("Escape")
    expect(dialog).to_have_count(0)

    expect(seat.field).to_be_focused()


def test_whoever_works_by_keys_alone_reaches_every_button_in_order(people: Crowd, asker: Asker) -> None:
    asker.ask()
    seat = Seat(people.owner()).sit()
    seat.lease()
    reached = []
    for _ in range(4):
        seat.keys("Tab")
        reached.append(seat.page.evaluate("document.activeElement.dataset.act ?? document.activeElement.dataset.id"))

    assert reached == [None, "send", "cant", "reasons"]


def test_a_page_in_spanish_speaks_spanish(people: Crowd, asker: Asker) -> None:
    asker.ask()
    seat = Seat(people.owner(locale="es-ES")).sit()
    seat.lease()

    assert seat.page.evaluate("document.documentElement.lang") == "es"
    expect(seat.page.locator("#ask")).to_have_text("Escriba los caracteres que ve.")
    expect(seat.page.locator("[data-act=send]")).to_contain_text("Enviar")
