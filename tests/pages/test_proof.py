"""What pays, lets in or keeps out wants a proof of the last ten minutes, asked for in place: nothing typed is lost."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from pyotp import random_base32
from pyotp.totp import TOTP

from answerdesk.desk.people import Secure, SignIn
from answerdesk.model.account import digest
from answerdesk.model.person import FRESH_MS, PersonId, Role, Session
from tests.pages.hall import Hall, Visitor
from tests.store.driver import PAY

PASSWORD = "correct horse battery staple"
PAYOUT = {"amount": "0.0006", "before": "0", "note": 'for "May" & <June>'}
SOMEWHERE = Session(digest=bytes(32), person=PersonId(0))
INVITE = {"name": "Bob", "kind": ["text"], "languages": "en", "groups": "team-1"}
KEPT = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


async def boss(hall: Hall, role: Role = Role.OWNER, *, password: str = PASSWORD, totp: str = "") -> Visitor:
    """Come in as one who runs the desk, long ago."""
    person = await hall.enrol("the boss", role)
    if password or totp:
        settings = {"password": hall.parts.passwords.make(password) if password else "", "totp": totp}
        person = await hall.store.run(Secure(person=person, settings=settings))
    visitor = await hall.again(person)
    hall.clock.pass_by(FRESH_MS)
    return visitor


def kept(page: str) -> dict[str, Any]:
    """Give what a page that asks for a proof holds to be sent on."""
    fields: dict[str, Any] = {}
    for name, value in KEPT.findall(page):
        fields.setdefault(name, []).append(html.unescape(value))
    return fields


async def worker(hall: Hall):
    ann = await hall.enrol("Ann")
    await hall.earned(ann, 2)
    return ann


async def test_a_payout_long_after_the_sign_in_goes_on_once_the_password_is_given(hall):
    visitor, ann = await boss(hall), await worker(hall)
    path, before = f"/team/p{ann.id}/payout", visitor.token

    asked = await visitor.post(path, PAYOUT)
    assert (asked.status_code, await hall.wages(ann)) == (401, (2 * PAY, 0))
    assert f'action="{path}"' in asked.text
    assert kept(asked.text) == {name: [value] for name, value in PAYOUT.items()}

    page = await visitor.follow(path, {**kept(asked.text), "proof": PASSWORD})

    assert "The payout is booked." in page.text
    assert await hall.wages(ann) == (2 * PAY, PAY)
    ((_, _, entry),) = await hall.store.earnings((await hall.solver_of(ann)).id, 2**62, 1)
    assert entry.note == PAYOUT["note"]
    assert visitor.token != before
    assert await hall.store.session(digest(before)) is None
    assert (await visitor.post(path, {**PAYOUT, "before": str(PAY)})).status_code == 303


async def test_within_ten_minutes_nobody_is_asked(hall):
    visitor, ann = await hall.come("the boss", Role.OWNER), await worker(hall)
    hall.clock.pass_by(FRESH_MS - 1)

    assert (await visitor.post(f"/team/p{ann.id}/payout", PAYOUT)).status_code == 303


async def test_a_wrong_password_is_told_and_what_was_typed_is_kept(hall):
    visitor, ann = await boss(hall), await worker(hall)

    replies = [await visitor.post(f"/team/p{ann.id}/payout", {**PAYOUT, "proof": "wrong"}) for _ in range(11)]

    assert {reply.status_code for reply in replies} == {401}
    assert "The password is not right" in replies[0].text
    assert "Too many tries" in replies[-1].text
    assert all(kept(reply.text) == {name: [value] for name, value in PAYOUT.items()} for reply in replies)
    assert all("wrong" not in reply.text.partition("<form class")[2] for reply in replies)
    assert await hall.wages(ann) == (2 * PAY, 0)


async def test_where_codes_are_asked_for_a_proof_wants_one_that_was_not_used(hall):
    secret = random_base32()
    visitor, ann = await boss(hall, totp=secret), await worker(hall)
    path, code = f"/team/p{ann.id}/payout", TOTP(secret).at(hall.clock.now() // 1000)

    without = await visitor.post(path, {**PAYOUT, "proof": PASSWORD})
    assert (without.status_code, "six digits" in without.text) == (401, True)
    assert (await visitor.post(path, {**PAYOUT, "proof": PASSWORD, "proof-code": code})).status_code == 303
    person = await hall.store.person(visitor.person.id)
    assert person.totp_step == hall.clock.now() // 30_000
    hall.clock.pass_by(FRESH_MS)
    code = TOTP(secret).at(hall.clock.now() // 1000)
    await hall.store.run(SignIn(person=person, session=SOMEWHERE, step=hall.clock.now() // 30_000))

    again = await visitor.post(path, {**PAYOUT, "before": str(PAY), "proof": PASSWORD, "proof-code": code})

    assert (again.status_code, "used before" in again.text) == (401, True)
    assert await hall.wages(ann) == (2 * PAY, PAY)


class TestWithoutPassword:
    @pytest.mark.parametrize("form", ["{secret}", "https://desk.test/enter/{secret}", " /enter/{secret}/ "])
    async def test_a_fresh_link_is_proof(self, hall, form):
        visitor, ann = await boss(hall, password=""), await worker(hall)
        path = f"/team/p{ann.id}/payout"
        asked = await visitor.post(path, PAYOUT)
        assert (asked.status_code, "answerdesk people link" in asked.text) == (401, True)
        link = form.format(secret=await hall.link(visitor.person))

        await visitor.follow(path, {**kept(asked.text), "proof-link": link})

        assert await hall.wages(ann) == (2 * PAY, PAY)
        hall.clock.pass_by(FRESH_MS)
        spent = await visitor.post(path, {**PAYOUT, "before": str(PAY), "proof-link": link})
        assert (spent.status_code, "opened before" in spent.text) == (401, True)

    async def test_so_is_one_that_is_opened_in_the_same_browser(self, hall):
        visitor, ann = await boss(hall, password=""), await worker(hall)
        asked = await visitor.post(f"/team/p{ann.id}/payout", PAYOUT)
        await visitor.enter(await hall.link(visitor.person))

        assert "The payout is booked." in (await visitor.follow(f"/team/p{ann.id}/payout", kept(asked.text))).text

    async def test_somebody_elses_link_is_none(self, hall):
        visitor, ann = await boss(hall, password=""), await worker(hall)
        link = await hall.link(ann)

        reply = await visitor.post(f"/team/p{ann.id}/payout", {**PAYOUT, "proof-link": link})

        assert (reply.status_code, await hall.wages(ann)) == (401, (2 * PAY, 0))
        assert (await hall.visitor().get(f"/enter/{link}", **{"sec-fetch-mode": "navigate"})).status_code == 303

    @pytest.mark.parametrize(("role", "asked"), [(Role.OWNER, True), (Role.OPERATOR, True), (Role.WORKER, False)])
    async def test_a_first_password_is_asked_of_those_who_run_the_desk(self, hall, role, asked):
        """Whoever finds their browser could set one, prove with it who they are, and stay."""
        visitor = await boss(hall, role, password="")

        reply = await visitor.post("/sessions/password", {"new": PASSWORD})

        assert reply.status_code == (401 if asked else 303)
        assert bool((await hall.store.person(visitor.person.id)).password) is not asked
        if asked:
            sent = {**kept(reply.text), "proof-link": await hall.link(visitor.person)}
            assert "password" in (await visitor.follow("/sessions/password", sent)).url.query.decode()
        assert (await hall.store.person(visitor.person.id)).password
        assert (await visitor.get("/sessions")).status_code == 200


@pytest.mark.parametrize(
    ("path", "fields", "wanted"),
    [
        ("/team/{who}/payout", PAYOUT, True),
        ("/team/{who}/suspend", {}, True),
        ("/team/{who}/resume", {}, True),
        ("/team/{who}/role", {"role": "viewer"}, True),
        ("/team/{who}/sign-out", {}, True),
        ("/team/{who}/link", {}, True),
        ("/team/{who}/grants", {"kind": ["text"]}, False),
        ("/team/invite", {**INVITE, "role": "owner"}, True),
        ("/team/invite", {**INVITE, "role": "operator"}, True),
        ("/team/invite", {**INVITE, "role": "worker"}, False),
        ("/sessions/codes", {"act": "begin"}, True),
        ("/sessions/end", {}, False),
        ("/sessions/language", {"language": "es"}, False),
    ],
    ids=lambda value: value.get("role", "") if isinstance(value, dict) else str(value),
)
async def test_what_gives_power_or_money_wants_a_proof_and_nothing_else_does(hall, path, fields, wanted):
    visitor, ann = await boss(hall), await worker(hall)
    address = path.format(who=f"p{ann.id}")

    reply = await visitor.post(address, fields)
    assert reply.status_code == (401 if wanted else 303)
    if wanted:
        sent = {name: value if isinstance(value, list) else [value] for name, value in fields.items()}
        assert kept(reply.text) == sent
        assert (await visitor.post(address, {**sent, "proof": PASSWORD})).status_code == 303


async def test_a_link_that_was_just_made_is_still_shown_after_a_proof(hall):
    visitor, ann = await boss(hall), await worker(hall)
    there = (await visitor.post("/team/invite", {**INVITE, "role": "worker"})).headers["location"]
    await visitor.follow(f"/team/p{ann.id}/payout", {**PAYOUT, "proof": PASSWORD})

    assert "/enter/" in (await visitor.get(there)).text


async def test_whoever_may_not_is_told_so_after_it_too(hall):
    visitor, other = await boss(hall, Role.OPERATOR), await hall.enrol("an owner", Role.OWNER)

    assert (await visitor.post(f"/team/p{other.id}/link", {"proof": PASSWORD})).status_code == 403
    assert (await hall.store.links(hall.clock.now())) == []


async def test_a_page_is_looked_at_without_any(hall):
    visitor = await boss(hall)

    assert (await visitor.get("/team/invite")).status_code == 200
