"""Every view in both themes on a desk's and a phone's screen: no fault that axe finds, nothing to scroll sideways.
Rule: the pictures taken on the way go to build/views and onto one sheet there, for somebody to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from answerdesk.cli.demo import order
from answerdesk.model.question import WORK_KINDS, Kind
from answerdesk.pages.samples import draw
from tests.browser.surfing import Crowd, Person
from tests.serving import Customer

SHEET: Final = Path(__file__).parents[2] / "build" / "views"
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES: Final = ((1240, 800), (390, 844))
NARROW: Final = 320
CELL: Final = (310, 300)


class View(NamedTuple):
    """A view or a state of one: what it is called, how it comes about, and who sees it."""

    name: str
    arrange: Callable[[Person], None]
    role: str = "owner"


def at(path: str) -> Callable[[Person], None]:
    """Open an address and wait for its heading."""

    def arrange(person: Person) -> None:
        person.page.goto(path)
        expect(person.page.locator("h1").first).to_be_visible()

    return arrange


def told(status: int, path: str) -> Callable[[Person], None]:
    """Open an address that is answered with an error's page."""

    def arrange(person: Person) -> None:
        person.forgive(f"status of {status}")
        reply = person.page.goto(path)

        assert reply is not None
        assert reply.status == status

    return arrange


def ask(customer: Customer, kind: Kind) -> None:
    """Send a sample of a kind."""
    sample = draw(kind, Random(3), lambda key, **_: f"What {key} asks")
    reply = customer.call("createTask", {"Host": "api.2captcha.com"}, **order(sample).ask()).json

    assert reply["errorId"] == 0, reply


def task_of(kind: Kind) -> Callable[[Person], None]:
    """Show a task of a kind in the workspace."""

    def arrange(person: Person) -> None:
        ask(person.desk.customer(), kind)
        person.page.goto("/work")
        expect(person.page.locator('[data-id="task"]')).to_be_visible()

    return arrange


def empty(person: Person) -> None:
    person.page.goto("/work")
    expect(person.page.locator('[data-id="state"]')).to_be_visible()


def paused(person: Person) -> None:
    task_of(Kind.TEXT)(person)
    person.page.locator('[data-act="pause"]').click()
    expect(person.page.locator('[data-id="task"]')).to_be_hidden()


def reasons(person: Person) -> None:
    task_of(Kind.TEXT)(person)
    person.page.locator('[data-id="reasons"]').click()
    expect(person.page.locator('[data-id="menu"]')).to_be_visible()


def help_sheet(person: Person) -> None:
    task_of(Kind.GRID)(person)
    person.page.locator('[data-act="help"]').click()
    expect(person.page.get_by_role("dialog")).to_be_visible()


#: As long as a payout's note may be, and with a word that fits no line.
NOTE: Final = (
    "By bank transfer on the last Friday of the month, reference NL91ABNA0417164300NL91ABNA0417164300NL91ABNA0417164300"
    " for the answers of October, checked and signed by both of us at the desk; ask me for"
)


def paid(person: Person) -> None:
    """Earn something, be paid out with a long note, and look at the lines of it."""
    task_of(Kind.TEXT)(person)
    expect(person.page.locator('[data-id="done"]')).to_be_visible()
    person.page.locator("input.answer").fill("W9H5K")
    person.page.keyboard.press("Enter")
    expect(person.page.locator('[data-id="paid"]')).not_to_be_empty()
    person.page.goto("/team")
    person.page.get_by_role("rowheader").get_by_role("link").first.click()
    person.page.locator("#note").fill(NOTE)
    person.page.locator("form[action$=payout] .primary").click()
    expect(person.page.get_by_role("status").first).to_be_visible()
    at("/me/ledger")(person)


def signed_out(path: str) -> Callable[[Person], None]:
    def arrange(person: Person) -> None:
        person.context.clear_cookies()
        at(path)(person)

    return arrange


VIEWS: Final = (
    View("sign-in", signed_out("/sign-in")),
    View("team", at("/team")),
    View("invite", at("/team/invite")),
    View("queue", at("/queue")),
    View("me", at("/me")),
    View("wages", at("/me/ledger")),
    View("wages-paid", paid),
    View("keys", at("/me/keys")),
    View("sessions", at("/sessions")),
    View("not-found", told(404, "/team/nobody")),
    View("not-allowed", told(403, "/team"), "worker"),
    View("work-empty", empty),
    View("work-paused", paused),
    View("work-reasons", reasons),
    View("work-help", help_sheet),
    *(View(f"work-{kind}", task_of(kind)) for kind in WORK_KINDS),
)


@pytest.fixture(scope="module", autouse=True)
def sheet() -> Iterator[None]:
    """Put all pictures onto one sheet once they are taken."""
    SHEET.mkdir(parents=True, exist_ok=True)
    yield
    pictures = sorted(path for path in SHEET.glob("*.png") if path.stem != "sheet")
    across = 8
    page = Image.new("RGB", (across * CELL[0], -(-len(pictures) // across) * CELL[1]), "#888")
    for i, path in enumerate(pictures):
        with Image.open(path) as picture:
            small = picture.convert("RGB")
        small.thumbnail((CELL[0] - 8, CELL[1] - 8))
        page.paste(small, (i % across * CELL[0] + 4, i // across * CELL[1] + 4))
    page.save(SHEET / "sheet.png")


def taken(page: Page, name: str) -> None:
    page.screenshot(path=SHEET / f"{name}.png")


def faults(page: Page) -> list[Any]:
    """What axe finds, in short."""
    found = Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]}).response["violations"]
    return [(fault["id"], [node["html"][:160] for node in fault["nodes"]][:4]) for fault in found]


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_has_no_fault_in_any_theme_or_size(people: Crowd, view: View):
    person = people.owner() if view.role == "owner" else people.invited("ann", role=view.role)
    page = person.page
    view.arrange(person)
    for theme in ("light", "dark"):
        for width, height in SIZES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            page.set_viewport_size({"width": width, "height": height})

            assert faults(page) == [], f"{theme}, {width} pixels wide"
            assert sideways(page) == 0, f"{width} pixels wide"
            taken(page, f"{view.name}-{theme}-{width}")
    page.emulate_media(color_scheme="light", forced_colors="active")
    taken(page, f"{view.name}-forced")
    page.set_viewport_size({"width": NARROW, "height": 700})

    assert sideways(page) == 0, f"{NARROW} pixels wide"


@pytest.mark.parametrize("width", [NARROW, 390, 1240])
def test_a_long_note_wraps_calmly_and_is_read_without_scrolling_along_its_lines(people: Crowd, width: int):
    person = people.owner()
    paid(person)
    person.page.set_viewport_size({"width": width, "height": 800})
    note = person.page.locator("td bdi", has_text="By bank transfer").bounding_box()
    line = person.page.locator("td bdi").evaluate("one => parseFloat(getComputedStyle(one).lineHeight)")

    assert note is not None
    assert note["x"] + note["width"] <= width
    assert note["height"] <= (8 if width == NARROW else 6) * line + 1
    expect(person.page.locator("td.num").first).to_be_in_viewport()
    assert sideways(person.page) == 0
