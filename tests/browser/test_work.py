"""The workspace answers what is read and heard, forgives, and never makes anybody wait or lose a word (UX §3.1, §5)."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.bench import HANDS
from tests.browser.seat import Asker, Seat, silence
from tests.browser.surfing import Crowd
from tests.serving import Serving


@pytest.fixture
def asker(desk: Serving) -> Asker:
    return Asker(desk)


WRITTEN = {
    "text": {},
    "question": {"type": "TextCaptchaTask", "comment": "How many legs has a spider?"},
    "audio": {"type": "AudioTask", "body": silence(), "lang": "en"},
}


@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.parametrize("hand", HANDS)
def test_what_is_read_or_heard_is_answered_by_any_hand(people: Crowd, asker: Asker, kind: str, hand: str) -> None:
    seat = Seat(people.owner(**HANDS[hand].options), touch=HANDS[hand].touch)
    seat.sit()
    task = asker.ask(**WRITTEN[kind])
    seat.lease()
    if hand == "keys":
        seat.answer("eight 8")
    else:
        (seat.field.tap if seat.touch else seat.field.click)()
        seat.field.fill("eight 8")
        seat.press("send")

    assert asker.text(task) == "eight 8"


def test_the_next_task_is_painted_before_the_reply_to_the_last_answer_comes(people: Crowd, asker: Asker) -> None:
    first, second = asker.ask(), asker.ask()
    seat = Seat(people.owner()).sit()
    lease = seat.lease()
    seat.ahead(2)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    seat.page.route("**/api/work/answer", hold)
    seat.answer("first")
    seat.page.wait_for_timeout(50)

    assert seat.lease() != lease
    assert seat.page.locator(".evidence img").evaluate("image => image.complete && image.naturalWidth > 0")
    assert len(held) == 1
    held[0].continue_()
    seat.page.unroute("**/api/work/answer")
    seat.answer("second")

    assert [asker.text(first), asker.text(second)] == ["first", "second"]


def test_what_is_sent_while_offline_is_kept_and_goes_out_by_itself(people: Crowd, asker: Asker) -> None:
    task = asker.ask()
    person = people.owner().forgive("ERR_INTERNET_DISCONNECTED")
    seat = Seat(person).sit()
    seat.lease()
    person.context.set_offline(True)
    seat.answer("kept")

    expect(seat.unsent).to_have_text("1 unsent")
    expect(seat.page.locator(".offline")).to_be_visible()
    person.context.set_offline(False)
    expect(seat.unsent).to_be_hidden()
    expect(seat.page.locator(".offline")).to_be_hidden()

    assert asker.text(task) == "kept"


def test_a_reload_loses_no_unsent_answer(people: Crowd, asker: Asker) -> None:
    task = asker.ask()
    person = people.owner().forgive("ERR_FAILED|ERR_CONNECTION")
    seat = Seat(person).sit()
    seat.lease()
    seat.page.route("**/api/work/answer", lambda route: route.abort())
    seat.answer("kept")
    expect(seat.unsent).to_be_visible()
    asked: list[str] = []

    def stay_or_leave(dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    seat.page.on("dialog", stay_or_leave)
    seat.page.reload()
    expect(seat.unsent).to_have_text("1 unsent")
    seat.page.unroute("**/api/work/answer")
    expect(seat.unsent).to_be_hidden()

    assert asker.text(task) == "kept"
    assert asked == ["beforeunload"]


def test_an_answer_comes_back_while_others_are_still_to_agree(desk: Serving, people: Crowd, asker: Asker) -> None:
    desk.cli("rules", "set", "ImageToTextTask", "--agree", "2")
    ann, bob = (Seat(people.invited(name)).sit() for name in ("ann", "bob"))
    task = asker.ask()
    lease = ann.lease()
    ann.answer("W9H5X")
    ann.keys("Control+z")

    expect(ann.page.locator(f"[data-lease='{lease}']")).to_be_visible()
    expect(ann.field).to_have_value("W9H5X")
    ann.field.fill("W9H5K")
    ann.keys("Enter")
    ann.leaves(lease)
    bob.answer("W9H5K")

    assert asker.text(task) == "W9H5K"
    ann.press("last")
    expect(ann.note).to_contain_text("already settled")


def test_an_answer_that_was_not_sent_yet_comes_back_without_any_call(people: Crowd, asker: Asker) -> None:
    asker.ask()
    task = asker.ask()
    person = people.owner().forgive("ERR_FAILED")
    seat = Seat(person).sit()
    seat.lease()
    seat.ahead(2)
    seat.page.route("**/api/work/answer", lambda route: route.abort())
    seat.answer("one")
    second = seat.lease()
    seat.answer("tow")
    seat.press("last")

    expect(seat.page.locator(f"[data-lease='{second}']")).to_be_visible()
    expect(seat.field).to_have_value("tow")
    seat.page.unroute("**/api/work/answer")
    seat.field.fill("two")
    seat.keys("Enter")

    assert asker.text(task) == "two"


@pytest.mark.parametrize("by", ["Escape", "Alt+3", "menu"])
def test_a_task_is_given_back_with_its_reason(people: Crowd, asker: Asker, by: str) -> None:
    asker.ask()
    seat = Seat(people.owner()).sit()
    lease = seat.lease()
    with seat.page.expect_request("**/api/work/decline") as sent:
        if by == "menu":
            seat.page.locator("[data-id=reasons]").click()
            seat.keys("ArrowDown", "ArrowDown", "Escape")
            expect(seat.page.locator("[data-id=menu]")).to_be_hidden()
            seat.page.locator("[data-id=reasons]").click()
            seat.keys("ArrowDown", "ArrowDown", "Enter")
        else:
            seat.keys(by)

    said = sent.value.post_data_json or {}

    assert said["reason"] == ("unreadable" if by == "Escape" else "language")
    assert said["lease"] == lease


def test_a_soft_rule_warns_once_and_the_second_enter_sends(people: Crowd, asker: Asker) -> None:
    task = asker.ask(numeric=1, minLength=4, maxLength=6)
    seat = Seat(people.owner()).sit()
    lease = seat.lease()

    expect(seat.page.locator(".chips li")).to_have_text(["digits only", "4–6 characters"])
    seat.keys("Enter")
    expect(seat.hint).to_contain_text("Type an answer")
    seat.field.press_sequentially("12a")
    expect(seat.hint).to_contain_text("Only digits")
    seat.keys("Enter")
    expect(seat.hint).to_contain_text("Enter sends it all the same")
    assert seat.lease() == lease
    seat.keys("Enter")

    assert asker.text(task) == "12a"


_COMPOSED = """field => {
  const press = (more) => field.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, ...more}));
  press({isComposing: true});
  press({keyCode: 229});
  press({repeat: true});
}"""
_CYRILLIC = """(target, [key, code, ctrlKey]) => target.dispatchEvent(
  new KeyboardEvent('keydown', {key, code, ctrlKey, bubbles: true, cancelable: true}))"""


def test_an_enter_that_ends_a_word_being_composed_sends_nothing(people: Crowd, asker: Asker) -> None:
    task = asker.ask()
    seat = Seat(people.owner()).sit()
    lease = seat.lease()
    seat.field.fill("東京")
    seat.field.evaluate(_COMPOSED)
    seat.page.wait_for_timeout(100)

    assert seat.lease() == lease
    seat.keys("Enter")
    assert asker.text(task) == "東京"


def test_keys_work_by_their_place_where_the_layout_has_no_latin_letters(people: Crowd, asker: Asker) -> None:
    asker.ask()
    seat = Seat(people.owner()).sit()
    lease = seat.lease()
    seat.field.evaluate(_CYRILLIC, ["я", "KeyZ", True])
    expect(seat.note).to_have_text("There is no answer to take back.")
    seat.page.locator("body").evaluate(_CYRILLIC, ["з", "KeyP", False])
    expect(seat.state).to_have_text("Paused")
    seat.page.locator("body").evaluate(_CYRILLIC, ["з", "KeyP", False])

    assert seat.lease() == lease


def test_letters_typed_into_the_answer_are_letters(people: Crowd, asker: Asker) -> None:
    task = asker.ask()
    seat = Seat(people.owner()).sit()
    seat.answer("pt?+-0")

    assert asker.text(task) == "pt?+-0"


def test_undo_in_the_field_is_the_browsers_and_reaches_no_answer(people: Crowd, asker: Asker) -> None:
    asker.ask()
    asker.ask()
    seat = Seat(people.owner()).sit()
    seat.lease()
    seat.ahead(2)
    seat.answer("one")
    lease = seat.lease()
    seat.field.press_sequentially("abc")
    seat.keys("Control+z")

    expect(seat.field).to_have_value("")
    assert seat.lease() == lease
    expect(seat.note).to_be_hidden()


def test_a_strangers_text_is_shown_as_text_and_its_unseen_signs_as_signs(people: Crowd, asker: Asker) -> None:
    asker.ask(comment="<img src=x onerror=alert(1)>\u202eevil\u0007 </script><b>bold</b>")
    seat = Seat(people.owner()).sit()
    seat.lease()
    asked = seat.page.locator("#ask")

    expect(asked).to_have_text("<img src=x onerror=alert(1)>⟨RLO⟩evil␇ </script><b>bold</b>")
    assert asked.locator("*").evaluate_all("all => all.map(each => each.localName)") == ["bdi"]
    assert asked.locator("bdi").get_attribute("dir") == "auto"


def test_a_very_long_question_stays_in_its_place(people: Crowd, asker: Asker) -> None:
    asker.ask(type="TextCaptchaTask", comment="Wie heißt " + "Donaudampfschifffahrt" * 45)
    seat = Seat(people.owner(viewport={"width": 320, "height": 600})).sit()
    seat.lease()

    assert seat.page.evaluate("document.documentElement.scrollWidth") <= 320
    expect(seat.page.locator("[data-act=send]")).to_be_in_viewport()


def test_whoever_has_gone_leaves_the_task_to_others(people: Crowd, asker: Asker) -> None:
    ann = Seat(people.invited("ann"))
    ann.page.clock.install()
    ann.sit()
    asker.ask()
    lease = ann.lease()
    ann.page.clock.fast_forward(61_000)
    expect(ann.state).to_have_text("Paused while you were away")

    assert Seat(people.invited("bob")).lease() != lease
    ann.keys("Shift")
    expect(ann.state).to_have_text("Nothing is waiting")


def test_who_comes_back_finds_the_task_with_what_was_typed(people: Crowd, asker: Asker) -> None:
    asker.ask()
    seat = Seat(people.owner()).sit()
    lease = seat.lease()
    seat.field.press_sequentially("W9H")
    seat.press("pause")
    expect(seat.state).to_have_text("Paused")
    seat.press("pause")

    assert seat.lease() == lease
    expect(seat.field).to_have_value("W9H")
    seat.page.goto("/me")
    seat.sit()

    assert seat.lease() == lease
    expect(seat.field).to_have_value("W9H")


def test_what_only_lies_ready_goes_to_others_when_the_page_is_left(people: Crowd, asker: Asker) -> None:
    ann = Seat(people.invited("ann")).sit()
    asker.ask()
    asker.ask()
    ann.lease()
    ann.ahead(2)
    bob = Seat(people.invited("bob")).sit()
    expect(bob.state).to_have_text("Nothing is waiting")
    ann.page.goto("/me")

    assert bob.lease()


def test_a_task_cancelled_meanwhile_is_told_gently(desk: Serving, people: Crowd, asker: Asker) -> None:
    task = asker.ask()
    seat = Seat(people.owner()).sit()
    seat.lease()
    desk.cli("tasks", "cancel", str(task))
    seat.answer("late")

    expect(seat.note).to_have_text(re.compile("cancelled"))
    expect(seat.last).to_be_hidden()


def test_more_time_is_given_once(people: Crowd, asker: Asker) -> None:
    asker.ask()
    seat = Seat(people.owner()).sit()
    seat.lease()
    seat.keys("Alt+t")
    expect(seat.note).to_have_text("30 seconds more.")
    seat.keys("Alt+t")

    expect(seat.note).to_have_text("This task gives no more time.")
