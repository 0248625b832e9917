"""One-time links let one person in once, and nobody who only looks ahead; sessions end when they are ended."""

from __future__ import annotations

import asyncio

import pytest

from answerdesk.desk.people import Change, SignOut
from answerdesk.model.account import digest
from answerdesk.model.person import COOKIE, ENTER_MS, IDLE_MS, INVITE_MS, LIFE_MS, SEEN_EVERY_MS, Role


async def test_opening_a_link_signs_its_person_in_and_leads_on(hall, stranger):
    reply = await stranger.get(f"/enter/{await hall.link(await hall.enrol('owner', Role.OWNER))}")

    assert (reply.status_code, reply.headers["location"]) == (303, "/team")
    assert (await stranger.get("/team")).status_code == 200


@pytest.mark.parametrize(
    ("role", "home"),
    [(Role.OWNER, "/team"), (Role.OPERATOR, "/team"), (Role.VIEWER, "/team"), (Role.WORKER, "/work"),
     (Role.CUSTOMER, "/sessions")],
)  # fmt: skip
async def test_everybody_begins_on_a_page_they_may_see(hall, role, home):
    visitor = await hall.come("somebody", role)
    assert (await visitor.get("/")).headers["location"] == home

    assert (await visitor.get(home)).status_code == 200


async def test_the_cookie_is_secure_and_of_this_host_alone(hall, stranger):
    reply = await stranger.get(f"/enter/{await hall.link(await hall.enrol('owner', Role.OWNER))}")
    name, _, rest = reply.headers["set-cookie"].partition("=")
    value, *marks = rest.split("; ")

    assert (name, len(value)) == (COOKIE, 64)
    assert sorted(marks) == ["HttpOnly", f"Max-Age={LIFE_MS // 1000}", "Path=/", "SameSite=lax", "Secure"]
    assert await hall.store.session(digest(value)) is not None


async def test_a_link_lets_nobody_in_twice(hall):
    secret = await hall.link(await hall.enrol("owner", Role.OWNER))
    first, second = await asyncio.gather(*(hall.visitor().get(f"/enter/{secret}") for _ in range(2)))

    assert sorted([first.status_code, second.status_code]) == [303, 410]
    assert len(await hall.store.sessions(None)) == 1


@pytest.mark.parametrize(("role", "lasts"), [(Role.OWNER, ENTER_MS), (Role.WORKER, INVITE_MS)])
async def test_a_link_holds_until_its_time_and_not_a_moment_longer(hall, role, lasts):
    person = await hall.enrol("somebody", role)
    early, late = await hall.link(person), None
    hall.clock.pass_by(lasts - 1)
    assert (await hall.visitor().get(f"/enter/{early}")).status_code == 303
    late = await hall.link(person)
    hall.clock.pass_by(lasts)

    assert (await hall.visitor().get(f"/enter/{late}")).status_code == 410


async def test_a_fresh_link_ends_the_one_before(hall, stranger):
    person = await hall.enrol("ann", Role.WORKER)
    before, fresh = await hall.link(person), await hall.link(person)

    assert (await stranger.get(f"/enter/{before}")).status_code == 410
    assert (await stranger.get(f"/enter/{fresh}")).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X-Moz": "prefetch"},
        {"X-Purpose": "preview"},
        {"Sec-Fetch-Mode": "no-cors"},
        {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
        {"User-Agent": "WhatsApp/2.23"},
        {"User-Agent": "facebookexternalhit/1.1"},
    ],
    ids=str,
)
async def test_who_only_looks_ahead_leaves_the_link_unspent(hall, stranger, headers):
    secret = await hall.link(await hall.enrol("ann", Role.WORKER))
    seen = await stranger.client.get(f"/enter/{secret}", headers=headers)

    assert (seen.status_code, "set-cookie" in seen.headers) == (200, False)
    assert f'action="/enter/{secret}"' in seen.text
    assert (await stranger.client.head(f"/enter/{secret}")).status_code == 200
    assert (await stranger.post(f"/enter/{secret}")).status_code == 303


async def test_entering_again_ends_the_session_this_browser_had(hall):
    visitor = await hall.come("ann", Role.WORKER)
    before = visitor.token
    await visitor.enter(await hall.link(visitor.person))

    assert visitor.token != before
    assert [one.digest for one in await hall.store.sessions(None)] == [digest(visitor.token)]


async def test_a_link_that_is_spent_says_how_to_get_another(hall, stranger):
    said = await stranger.get("/enter/" + "0" * 48)

    assert said.status_code == 410
    assert "answerdesk people link" in said.text


@pytest.mark.parametrize("host", ["http://desk.example", "http://192.168.1.5:8080"])
async def test_nobody_signs_in_in_the_open(hall, host):
    secret = await hall.link(await hall.enrol("owner", Role.OWNER))
    reply = await hall.visitor(address=host).get(f"/enter/{secret}")

    assert (reply.status_code, "https" in reply.text) == (403, True)
    assert await hall.store.sessions(None) == []


@pytest.mark.parametrize(
    "host", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:8080", "https://desk.example"]
)
async def test_this_machine_and_https_are_safe_to_sign_in_at(hall, host):
    secret = await hall.link(await hall.enrol("owner", Role.OWNER))

    assert (await hall.visitor(address=host).get(f"/enter/{secret}")).status_code == 303


async def test_a_session_ends_unused_after_hours_and_used_after_days(hall):
    visitor = await hall.come("ann", Role.WORKER)
    for _ in range(LIFE_MS // (IDLE_MS - 1)):
        hall.clock.pass_by(IDLE_MS - 1)
        assert (await visitor.get("/work")).status_code == 200
    hall.clock.pass_by(LIFE_MS % (IDLE_MS - 1))
    assert (await visitor.get("/work")).status_code == 303
    other = await hall.again(visitor.person)
    hall.clock.pass_by(IDLE_MS)

    assert (await other.get("/work")).status_code == 303


async def test_a_session_in_use_is_written_down_now_and_then(hall):
    visitor = await hall.come("ann", Role.WORKER)
    seen = []
    for passed in (SEEN_EVERY_MS - 1, 1, SEEN_EVERY_MS - 1):
        hall.clock.pass_by(passed)
        await visitor.get("/work")
        seen += [one.seen for one in await hall.store.sessions(None)]

    began = hall.clock.now() - 2 * SEEN_EVERY_MS + 1
    assert seen == [began, began + SEEN_EVERY_MS, began + SEEN_EVERY_MS]


async def test_a_revoked_session_ends_at_once(hall):
    visitor = await hall.come("ann", Role.WORKER)
    assert (await visitor.get("/work")).status_code == 200
    await hall.store.run(SignOut(person=visitor.person.id, but=True))

    assert (await visitor.get("/work")).headers["location"] == "/sign-in?next=%2Fwork"


@pytest.mark.parametrize("settings", [{"enabled": False}, {"role": Role.VIEWER}], ids=str)
async def test_who_is_suspended_or_given_another_role_is_signed_out(hall, settings):
    visitor = await hall.come("ann", Role.WORKER)
    await hall.store.run(Change(person=visitor.person, settings=settings))

    assert (await visitor.get("/")).headers["location"] == "/sign-in"
    assert await hall.store.sessions(None) == []


async def test_a_suspended_person_is_let_in_by_no_link(hall, stranger):
    person = await hall.enrol("ann", Role.WORKER)
    secret = await hall.link(person)
    await hall.store.run(Change(person=person, settings={"enabled": False}))

    assert (await stranger.get(f"/enter/{secret}")).status_code == 410


async def test_an_invented_session_is_nobody(hall, stranger):
    stranger.client.cookies.set(COOKIE, "0" * 64)

    assert (await stranger.get("/team")).headers["location"] == "/sign-in?next=%2Fteam"
