"""Inviting somebody: links that are shown once, accounts for customers, and forms that keep what was typed."""

from __future__ import annotations

import html
import re

import pytest

from answerdesk.desk.books import OpenAccount
from answerdesk.desk.people import Enrol
from answerdesk.model.account import Account, AccountId, digest
from answerdesk.model.fault import Refusal
from answerdesk.model.person import Person, PersonId, Role
from answerdesk.model.question import WORK_KINDS, Kind
from tests.pages.hall import ENTER, link_in

ANN = {"name": "Ann", "role": "worker", "kind": ["text"], "languages": ""}
CLEO = {"name": "Cleo", "role": "customer"}


async def test_a_worker_is_taken_in_and_the_link_lets_them_in_once(hall):
    visitor = await hall.come("the operator", Role.OPERATOR)

    grants = {"kind": ["text", "grid"], "languages": "EN, es"}
    page = (await visitor.follow("/team/invite", {"name": "  Ann  Lee ", "role": "worker", **grants})).text

    ann = await hall.called("Ann Lee")
    solver = await hall.solver_of(ann)
    assert (ann.role, solver.name) == (Role.WORKER, "Ann Lee")
    assert (solver.kinds, solver.languages) == ({Kind.TEXT, Kind.GRID}, {"en", "es"})
    link = link_in(page)
    newcomer = hall.visitor()
    first = await newcomer.get(link, **{"sec-fetch-mode": "navigate"})
    assert (first.status_code, first.headers["location"]) == (303, "/work")
    assert (await newcomer.get(link, **{"sec-fetch-mode": "navigate"})).status_code == 410


async def test_the_link_is_shown_to_its_maker_alone_and_for_ten_minutes(hall):
    visitor, other = await hall.come("the owner", Role.OWNER), await hall.come("another owner", Role.OWNER)
    reply = await visitor.post("/team/invite", ANN)
    there = reply.headers["location"]

    assert ENTER.search(there) is None
    assert ENTER.search((await visitor.get(there)).text)
    assert ENTER.search((await visitor.get(there)).text)
    assert not ENTER.search((await other.get(there)).text)
    assert not ENTER.search((await visitor.get(there.partition("?")[0])).text)
    hall.clock.pass_by(600_000)
    assert not ENTER.search((await visitor.get(there)).text)


async def test_every_kind_ticked_is_every_kind_there_will_be(hall):
    visitor = await hall.come("the owner", Role.OWNER)
    await visitor.follow("/team/invite", {"name": "Ann", "role": "worker", "kind": list(WORK_KINDS), "languages": ""})

    ann = await hall.called("Ann")
    assert ((await hall.solver_of(ann)).kinds, (await hall.solver_of(ann)).languages) == (frozenset(), frozenset())


async def test_who_only_looks_on_has_no_solver(hall):
    visitor = await hall.come("the owner", Role.OWNER)
    page = (await visitor.follow("/team/invite", {"name": "Vera", "role": "viewer", "languages": ""})).text

    vera = await hall.called("Vera")
    assert vera.solver is None
    assert "looks on" in (await visitor.get("/team")).text
    assert ENTER.search(page)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": ""}, "A name has"),
        ({"name": "12"}, "A name has"),
        ({"name": "a\u202eb"}, "A name has"),
        ({"name": "x" * 101}, "A name has"),
        ({"name": "OLGA"}, "called so already"),
        ({"kind": []}, "Tick at least one kind"),
        ({"kind": ["token"]}, "Tick at least one kind"),
        ({"languages": "en, klingon"}, "two-letter code"),
    ],
)
async def test_what_cannot_be_is_said_and_what_was_typed_is_kept(hall, fields, says):
    visitor = await hall.come("Olga", Role.OWNER)
    sent = {"name": "Ann", "role": "worker", "kind": ["text"], "languages": "en", **fields}

    reply = await visitor.post("/team/invite", sent)

    assert (reply.status_code, len(await hall.store.people())) == (422, 1)
    assert says in reply.text
    assert f'value="{sent["languages"]}"' in reply.text


async def test_a_name_that_a_machine_has_is_taken_too(hall):
    visitor = await hall.come("the owner", Role.OWNER)
    await hall.desk.machine("ocr")

    reply = await visitor.post("/team/invite", {"name": "ocr", "role": "worker", "kind": ["text"], "languages": ""})

    assert (reply.status_code, len(await hall.store.people())) == (422, 1)
    assert "there is a worker called" in reply.text


@pytest.mark.parametrize(
    ("role", "asked", "status"),
    [
        (Role.OPERATOR, "owner", 403),
        (Role.OPERATOR, "operator", 403),
        (Role.OPERATOR, "viewer", 303),
        (Role.OWNER, "owner", 303),
        (Role.OWNER, "customer", 422),
        (Role.OWNER, "king", 400),
    ],
)
async def test_nobody_invites_above_themselves(hall, role, asked, status):
    visitor = await hall.come(f"the {role}", role)

    reply = await visitor.post("/team/invite", {"name": "Ann", "role": asked, "kind": ["text"], "languages": ""})

    assert reply.status_code == status
    assert len(await hall.store.people()) == 1 + (status == 303)


async def test_the_form_sent_twice_takes_one_in(hall):
    visitor = await hall.come("the owner", Role.OWNER)
    sent = ANN

    statuses = [(await visitor.post("/team/invite", sent)).status_code for _ in range(2)]

    assert statuses == [303, 422]
    assert len(await hall.store.people()) == 2


async def test_a_worker_belongs_to_groups_from_the_start_and_later(hall):
    visitor = await hall.come("the operator", Role.OPERATOR)
    await visitor.follow("/team/invite", {**ANN, "groups": "team-1, team_2"})
    ann = await hall.called("Ann")
    assert (await hall.solver_of(ann)).groups == {"team-1", "team_2"}

    page = (await visitor.get(f"/team/p{ann.id}")).text
    await visitor.follow(f"/team/p{ann.id}/grants", {"kind": ["text"], "languages": "", "groups": "team-3"})

    assert 'value="team-1, team_2"' in page
    assert (await hall.solver_of(ann)).groups == {"team-3"}
    await visitor.follow(f"/team/p{ann.id}/grants", {"kind": ["text"], "languages": "", "groups": ""})
    assert (await hall.solver_of(ann)).groups == frozenset()


@pytest.mark.parametrize("groups", ["a.b", "x" * 41, "none", "team-1, <b>"])
async def test_what_is_no_group_is_said_and_kept(hall, groups):
    visitor, ann = await hall.come("the operator", Role.OPERATOR), await hall.enrol("Ann")

    invited = await visitor.post("/team/invite", {**ANN, "name": "Bob", "groups": groups})
    changed = await visitor.post(f"/team/p{ann.id}/grants", {"kind": ["text"], "groups": groups})

    assert [reply.status_code for reply in (invited, changed)] == [422, 422]
    assert all("A group is called by" in reply.text for reply in (invited, changed))
    assert all(f'value="{html.escape(groups)}"' in reply.text for reply in (invited, changed))
    assert ((await hall.solver_of(ann)).groups, len(await hall.store.people())) == (frozenset(), 2)


class TestCustomers:
    @pytest.mark.parametrize("role", [Role.OWNER, Role.OPERATOR])
    @pytest.mark.parametrize("by", ["name", "number"])
    async def test_a_customer_is_invited_to_an_account_that_is_there(self, hall, role, by):
        visitor, account = await hall.come("the boss", role), await hall.desk.open_account("acme")

        sent = {**CLEO, "account": account.name if by == "name" else str(account.id), "answers": "1"}
        page = (await visitor.follow("/team/invite", sent)).text

        cleo = await hall.called("Cleo")
        assert (cleo.role, cleo.account, cleo.solver) == (Role.CUSTOMER, account.id, None)
        assert "acme" in page
        assert "Client key" not in page
        came = await hall.visitor().get(link_in(page), **{"sec-fetch-mode": "navigate"})
        assert came.status_code == 303

    async def test_an_account_is_opened_with_its_customer_and_its_key_is_shown_once(self, hall):
        visitor, other = await hall.come("the owner", Role.OWNER), await hall.come("another owner", Role.OWNER)

        reply = await visitor.post("/team/invite", {**CLEO, "account": " harbour  office ", "opens": "1"})
        page, others = [(await each.get(reply.headers["location"])).text for each in (visitor, other)]

        cleo = await hall.called("Cleo")
        key = re.search(r'id="key" readonly value="([0-9a-f]{32})"', page)
        assert key
        account = await hall.store.account_by_key(digest(key[1]))
        assert (account.id, account.name) == (cleo.account, "harbour office")
        assert (await hall.store.purse(account.id)).balance == 0
        assert key[1] not in others

    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({}, "There is no such account"),
            ({"account": "other"}, "There is no such account"),
            ({"account": "acme", "opens": "1"}, "There is an account of this name already"),
            ({"account": "", "opens": "1"}, "name has 1 to 100"),
            ({"account": "12", "opens": "1"}, "name has 1 to 100"),
            ({"account": "acme", "name": "THE OWNER"}, "called so already"),
        ],
    )
    async def test_what_cannot_be_is_said_and_kept_and_opens_no_account(self, hall, fields, says):
        visitor = await hall.come("the owner", Role.OWNER)
        await hall.desk.open_account("acme")

        reply = await visitor.post("/team/invite", {**CLEO, **fields})

        assert (reply.status_code, len(await hall.store.people())) == (422, 1)
        assert says in reply.text
        assert f'id="account" name="account" value="{fields.get("account", "")}"' in reply.text
        assert len(await hall.store.accounts()) == 1

    async def test_an_account_whose_customer_is_refused_is_not_opened(self, hall):
        """Somebody of that name came between the look and the writing."""
        account = OpenAccount(account=Account(id=AccountId(7), name="acme"))
        await hall.enrol("Cleo")

        with pytest.raises(Refusal, match="somebody called"):
            await hall.store.run(Enrol(person=Person(id=PersonId(70), name="Cleo", role=Role.CUSTOMER), opens=account))

        assert await hall.store.accounts() == []

    async def test_an_account_is_a_customers_alone(self, hall):
        visitor = await hall.come("the owner", Role.OWNER)
        await visitor.follow("/team/invite", {**ANN, "account": "acme", "opens": "1"})

        assert (await hall.called("Ann")).account is None
        assert await hall.store.accounts() == []


@pytest.mark.parametrize(("language", "status", "title"), [("es", 303, "es"), ("", 303, "en"), ("xx", 400, "")])
async def test_an_invitation_says_in_which_language_the_pages_are(hall, language, status, title):
    visitor = await hall.come("the owner", Role.OWNER)

    reply = await visitor.post("/team/invite", {**ANN, "language": language})

    assert reply.status_code == status
    if title:
        newcomer = await hall.again(await hall.called("Ann"))
        assert f'<html lang="{title}"' in (await newcomer.get("/sessions")).text
