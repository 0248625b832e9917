"""The owner's first minutes in a real browser, and signing in and out."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pyotp.totp import TOTP

from answerdesk.model.person import COOKIE
from tests.browser.surfing import PHONE, Crowd, owner_link
from tests.serving import wait_until

PASSWORD = "correct horse battery staple"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def set_password(page: Page, present: str = "") -> None:
    page.goto("/sessions")
    if present:
        page.get_by_label("Present password").first.fill(present)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("Your password is set.")).to_be_visible()


def sign_in(page: Page, name: str, password: str = PASSWORD, code: str = "") -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    if code:
        page.get_by_label("Code from your app").fill(code)
    page.get_by_role("button", name="Sign in").click()


def sign_out(page: Page) -> None:
    page.locator("details.who summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/sign-in")


def test_the_link_a_new_desk_prints_leads_its_owner_to_the_team(people: Crowd):
    owner = people.owner()
    owner.page.wait_for_url("**/team")
    (session,) = owner.context.cookies()

    assert (session["name"], session["secure"], session["httpOnly"], session["path"]) == (COOKIE, True, True, "/")
    assert session["sameSite"] == "Lax"
    expect(owner.page.get_by_role("heading", level=1)).to_be_visible()
    owner.page.goto("/work")
    expect(owner.page.locator('[data-id="state"]')).to_be_visible()
    # What is offered stands in nobody's way.
    assert owner.page.url.endswith("/work")


def test_a_spent_link_says_so_and_what_to_do(people: Crowd):
    owner = people.owner()
    late = people.visitor().forgive("410")
    late.enter(owner_link(people.desk))

    expect(late.page.get_by_text("opened before")).to_be_visible()
    assert late.context.cookies() == []
    assert Axe().run(late.page, options=RULES).response["violations"] == []
    assert owner.page.goto("/team").status == 200  # type: ignore[union-attr]


def test_a_link_fetched_ahead_is_opened_by_its_button(people: Crowd):
    scout = people.visitor(extra_http_headers={"Sec-Purpose": "prefetch"})
    scout.enter(owner_link(people.desk))
    assert Axe().run(scout.page, options=RULES).response["violations"] == []
    scout.page.get_by_role("button", name="Sign in here").click()

    scout.page.wait_for_url("**/team")


@pytest.mark.parametrize("screen", [{}, PHONE], ids=["desk", "phone"])
def test_a_password_and_codes_are_set_up_and_asked_for(people: Crowd, screen):
    owner = people.owner(**screen).forgive("401").forgive("422")
    page = owner.page
    set_password(page)
    page.get_by_role("button", name="Use one-time codes").click()
    secret = page.locator("#secret").inner_text().replace(" ", "")
    assert Axe().run(page, options=RULES).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    codes = TOTP(secret)
    page.get_by_label("Code from your app").fill("000000")
    page.get_by_role("button", name="Ask for codes from now on").click()
    expect(page.get_by_text("That code is not right")).to_be_visible()
    used = codes.now()
    page.get_by_label("Code from your app").fill(used)
    page.get_by_role("button", name="Ask for codes from now on").click()
    expect(page.get_by_text("Codes are asked for from now on")).to_be_visible()

    sign_out(page)
    sign_in(page, "owner", "not my password at all")
    expect(page.get_by_text("do not belong together")).to_be_visible()
    sign_in(page, "OWNER")
    expect(page.get_by_text("Enter your password again")).to_be_visible()
    assert Axe().run(page, options=RULES).response["violations"] == []
    sign_in(page, "owner", code=used)
    expect(page.get_by_text("used before")).to_be_visible()
    fresh = wait_until(lambda: code if (code := codes.now()) != used else None, "the app shows the next code", 40)
    sign_in(page, "owner", code=fresh)
    page.wait_for_url("**/team")


def test_ending_another_session_ends_it_at_once_and_here_one_stays(people: Crowd):
    here, there = people.invited("ann"), people.visitor()
    there.enter(people.desk.cli("people", "link", "ann")["link"])
    here.page.goto("/sessions")
    expect(here.page.get_by_role("row")).to_have_count(3)
    here.page.get_by_role("button", name="Sign out there").click()
    expect(here.page.get_by_text("Signed out there.")).to_be_visible()
    there.page.goto("/work")

    assert "/sign-in" in there.page.url
    assert here.page.goto("/work").url.endswith("/work")  # type: ignore[union-attr]


def test_after_signing_in_one_is_where_one_wanted_to_be(people: Crowd):
    owner = people.owner()
    set_password(owner.page)
    sign_out(owner.page)
    owner.page.goto("/team/invite?role=viewer")
    sign_in(owner.page, "owner")

    owner.page.wait_for_url("**/team/invite?role=viewer")


def test_a_language_is_spoken_from_the_next_page_on(people: Crowd):
    ann = people.invited("ann")
    ann.page.goto("/sessions")
    ann.page.get_by_label("Language of these pages").select_option("es")
    ann.page.get_by_role("button", name="Use it").click()

    expect(ann.page.get_by_role("heading", level=1)).to_have_text("Inicio de sesión")
    assert ann.page.locator("html").get_attribute("lang") == "es"
