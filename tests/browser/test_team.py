"""The team in a real browser: the first run's way to a worker who answers, figures that follow, pages full of figures.
Rule: what is tried here needs a browser; who may do what is told over HTTP in tests/pages."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page, expect

from answerdesk.desk.payouts import PayOut
from answerdesk.desk.ports import Changes, Needs, Rows
from answerdesk.desk.roll import RollChanges, RollNeeds
from answerdesk.model.account import Millis
from answerdesk.model.money import Micros
from answerdesk.model.person import FRESH_MS, PersonId
from answerdesk.model.solver import SolverId
from tests.browser.surfing import Crowd, Person
from tests.browser.test_views import NARROW, SIZES, faults, sideways, taken
from tests.serving import Customer, Serving, image_task, picture

PASSWORD = "correct horse battery staple"
LONG = "Maximiliane-Wilhelmine von und zu Hohenlohe-Waldenburg-Schillingsfürst-Bartenstein"


def invite(owner: Person, name: str) -> str:
    """Invite a worker by the form; gives the link the page shows."""
    page = owner.page
    page.goto("/team")
    page.get_by_role("link", name="Invite").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("status").first).to_contain_text("Invited.")
    return page.get_by_label("One-time link").input_value()


def answer(worker: Person, customer: Customer, value: str = "7", **fields: str) -> int:
    """Ask a task and have it answered by whoever is signed in there, by the work API with their cookie."""
    # Away from the workspace, which would take the task itself.
    worker.page.goto("/me")
    task = customer.ask(**fields)
    (lease,) = work(worker, "claim", kinds=["text"], wait=5)["leases"]

    assert work(worker, "answer", lease=lease["lease"], value=value)["accepted"]
    return task


def work(worker: Person, verb: str, **fields: Any) -> dict[str, Any]:
    """Call the work API as a script of the page would."""
    reply = worker.context.request.post(f"/api/work/{verb}", data=fields, headers={"Sec-Fetch-Site": "same-origin"})

    assert reply.ok, reply.text()
    return dict(reply.json())


def fits(page: Page, name: str) -> None:
    """Whatever a page shows, nothing is wrong with it in any theme or size."""
    for theme in ("light", "dark"):
        for width, height in SIZES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            page.set_viewport_size({"width": width, "height": height})

            assert faults(page) == [], f"{name}: {theme}, {width} pixels wide"
            assert sideways(page) == 0, f"{name}: {width} pixels wide"
            taken(page, f"{name}-{theme}-{width}")
    page.set_viewport_size({"width": NARROW, "height": 700})

    assert sideways(page) == 0, f"{name}: {NARROW} pixels wide"


def test_the_first_link_leads_to_the_team_and_from_there_to_a_worker_who_is_paid(desk: Serving, people: Crowd):
    owner, customer = people.owner(), desk.customer()
    expect(owner.page).to_have_url(re.compile(r"/team$"))
    ann = people.visitor().enter(invite(owner, "Ann"))
    expect(ann.page).to_have_url(re.compile(r"/work$"))
    task = customer.ask()
    ann.page.get_by_role("textbox").fill("7")
    ann.page.keyboard.press("Enter")
    assert customer.poll(task).json["solution"] == {"text": "7"}

    owner.page.goto("/team")
    row = owner.page.get_by_role("row").filter(has_text="Ann")
    expect(row).to_contain_text("on shift")
    expect(row).to_contain_text("$0.0006")
    row.get_by_role("link", name="Ann").click()
    owner.page.get_by_label("Note").fill("by hand")
    owner.page.get_by_role("button", name="Pay out").click()
    expect(owner.page.get_by_role("status").first).to_have_text("The payout is booked.")
    expect(owner.page.get_by_text("Nothing is owed.")).to_be_visible()

    owner.page.go_back()
    owner.page.reload()
    expect(owner.page.get_by_role("button", name="Pay out")).to_have_count(0)
    ann.page.goto("/me/ledger")
    expect(ann.page.get_by_role("row").filter(has_text="by hand")).to_contain_text("-$0.0006")


class Age(msgspec.Struct, frozen=True, kw_only=True):
    """Let somebody's sessions be older than a proof may be."""

    person: PersonId

    @property
    def needs(self) -> Needs:
        return Needs(roll=RollNeeds(of=(self.person,)))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, int]:
        held = rows.roll.sessions_of(self.person)
        aged = tuple(msgspec.structs.replace(one, created=Millis(now - FRESH_MS)) for one in held)
        return Changes(roll=(RollChanges(sessions=aged),)), len(aged)


def test_long_after_the_sign_in_a_payout_goes_on_once_the_password_is_given(desk: Serving, people: Crowd):
    owner, customer = people.owner(), desk.customer()
    page = owner.page
    page.goto("/sessions")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    ann = people.invited("Ann")
    answer(ann, customer)
    page.goto("/team")
    page.get_by_role("link", name="Ann").click()
    page.get_by_label("Note").fill('for "May"')
    desk.do(Age(person=PersonId(desk.cli("people", "show", "owner")["id"])))
    desk.notice()

    owner.forgive("status of 401")
    page.get_by_role("button", name="Pay out").click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    expect(page.get_by_label("Password")).to_be_focused()
    fits(page, "proof")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")

    expect(page.get_by_role("status").first).to_have_text("The payout is booked.")
    page.get_by_role("link", name="Earnings and payouts").click()
    expect(page.get_by_role("row").filter(has_text='for "May"')).to_contain_text("-$0.0006")


def test_a_customer_is_invited_with_an_account_of_their_own(people: Crowd):
    owner = people.owner()
    page = owner.page
    page.goto("/team/invite")
    page.get_by_label("Name").fill("Cleo")
    page.get_by_label("Role").select_option("customer")
    page.get_by_label("Account", exact=True).fill("harbour office")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no such account")
    page.get_by_label("Open it as a new account").check()
    owner.forgive("status of 422")
    page.get_by_role("button", name="Invite").click()

    expect(page.get_by_label("Client key")).to_have_value(re.compile("^[0-9a-f]{32}$"))
    fits(page, "customer")
    people.visitor().enter(page.get_by_label("One-time link").input_value())


def test_a_link_is_copied_whole(people: Crowd):
    owner = people.owner(permissions=["clipboard-read", "clipboard-write"])
    link = invite(owner, "Ann")
    owner.page.get_by_role("button", name="Copy").click()
    expect(owner.page.get_by_text("Copied")).to_be_visible()

    assert owner.page.evaluate("navigator.clipboard.readText()") == link


def test_without_scripts_everything_can_be_done(people: Crowd):
    owner = people.owner(java_script_enabled=False)
    assert invite(owner, "Ann").startswith(owner.desk.url)
    owner.page.get_by_label("Grid").uncheck()
    owner.page.get_by_role("button", name="Save").click()
    expect(owner.page.get_by_role("status").first).to_have_text("Changed.")
    expect(owner.page.get_by_label("Grid")).not_to_be_checked()
    owner.page.get_by_role("button", name="Suspend").click()
    expect(owner.page.get_by_role("button", name="Let in again")).to_be_visible()
    expect(owner.page.get_by_role("button", name="Copy")).to_be_hidden()


def test_the_queue_follows_while_it_is_seen(desk: Serving, people: Crowd):
    owner, customer = people.owner(), desk.customer()
    page = owner.page
    page.goto("/queue")
    row = page.get_by_role("row").filter(has_text="Text in a picture")
    expect(row.locator('[data-live="waiting"]')).to_have_text("0")
    page.evaluate("window.mark = 1")

    customer.ask()
    expect(row.locator('[data-live="waiting"]')).to_have_text("1")
    expect(page.get_by_text("wait and nobody who may answer them")).to_be_visible()
    assert page.evaluate("window.mark") == 1, "the page was not loaded anew"

    calls: list[str] = []
    page.on("request", lambda request: calls.append(request.url))
    page.evaluate("Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    calls.clear()
    customer.ask()
    page.wait_for_timeout(5_000)
    assert calls == []
    page.evaluate("Object.defineProperty(document, 'visibilityState', {value: 'visible', configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(row.locator('[data-live="waiting"]')).to_have_text("2")


def test_a_queue_without_a_connection_says_so_and_comes_back(desk: Serving, people: Crowd):
    owner = people.owner().forgive("ERR_INTERNET_DISCONNECTED")
    owner.page.goto("/queue")
    owner.context.set_offline(offline=True)
    expect(owner.page.get_by_text("Not up to date")).to_be_visible()
    owner.context.set_offline(offline=False)
    expect(owner.page.get_by_text("Not up to date")).to_be_hidden()
    assert desk.http.get("/queue").status == 303


def test_a_worker_comes_nowhere_near_the_desks_side(desk: Serving, people: Crowd):
    ann, bea = people.invited("ann"), people.invited("bea")
    bea.page.goto("/me")
    answer(ann, desk.customer())
    ann.forgive("status of 403")
    for path in ("/team", "/team/invite", "/queue", "/queue/now"):
        assert ann.context.request.get(path).status == 403, path
    ann.page.goto("/me")
    ann.page.get_by_text("Look again").click()
    kept = ann.page.locator("img.kept")
    expect(kept).to_be_visible()
    assert kept.evaluate("image => image.decode().then(() => image.naturalWidth)") == 60
    address = kept.get_attribute("src")
    assert address is not None
    assert ann.context.request.get(address).status == 200
    assert bea.context.request.get(address).status == 404


@pytest.mark.parametrize("language", ["en", "es"])
def test_pages_full_of_figures_have_no_fault_in_any_theme_or_size(desk: Serving, people: Crowd, language: str):
    owner, customer = people.owner(locale=language), desk.customer()
    ann = people.invited(LONG, locale=language)
    for i in range(3):
        answer(ann, customer, "w" * 60 * i + "x", body=_body(i))
    for _ in range(2):
        customer.ask()
    work(ann, "claim", kinds=["text"])
    with desk.store() as store:
        solver = next(each.id for each in store.house().solvers if each.name == LONG)
    desk.do(PayOut(solver=SolverId(solver), amount=Micros(1_000), before=Micros(0), note="n" * 200))
    desk.notice()

    ann.page.goto("/me")
    ann.page.locator("details summary").filter(has_text=re.compile("again|otra vez")).first.click()
    fits(ann.page, f"me-full-{language}")
    ann.page.goto("/me/ledger")
    fits(ann.page, f"wages-full-{language}")
    for path, name in (("/team", "team"), ("/queue", "queue")):
        owner.page.goto(path)
        fits(owner.page, f"{name}-full-{language}")
    owner.page.goto("/team")
    owner.page.get_by_role("link", name=LONG).click()
    owner.page.locator("#amount").fill("9999")
    owner.page.locator("form[action$=payout] button").click()
    owner.forgive("status of 422")
    expect(owner.page.get_by_role("alert")).to_be_visible()
    fits(owner.page, f"member-flaw-{language}")
    owner.page.locator("form[action$=link] button").click()
    expect(owner.page.locator("#link")).to_be_visible()
    fits(owner.page, f"member-link-{language}")


def _body(seed: int) -> str:
    body: str = image_task(picture(seed))["body"]
    return body
