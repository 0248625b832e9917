"""The team's pages: who may see and change whom, forms that work once, and names that do nothing on a page."""

from __future__ import annotations

import html
from typing import Any

import pytest

from answerdesk.desk.books import SaveSolver
from answerdesk.model.person import Role
from answerdesk.model.question import WORK_KINDS, Kind
from answerdesk.model.solver import Solver
from tests.pages.town import ENTER, Town
from tests.store.driver import PAY

ACTIONS = ("grants", "suspend", "resume", "link", "payout")
FIELDS: dict[str, dict[str, Any]] = {
    "grants": {"kind": ["text"], "languages": ""},
    "payout": {"amount": "0.0006", "before": "0"},
}
TEXT_ONLY = {"kind": ["text"], "languages": "en"}
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "' onmouseover='x",
    "{{ 7 * 7 }}",
    "אבגד Ann",
    "x" * 100,
    "Ann & <b>Bob</b>",
)


def link_in(page: str) -> str:
    found = ENTER.search(page)
    assert found is not None, page
    return found[1]


async def machine(town: Town) -> Solver:
    return await town.desk.machine("ocr <b>")


class TestWhoMaySee:
    @pytest.mark.parametrize("path", ["/team", "/team/invite", "/queue", "/queue/now", "/me", "/me/ledger"])
    async def test_nobody_signed_in_is_asked_to_sign_in(self, town, path):
        reply = await (await town.visitor()).get(path)

        assert (reply.status_code, reply.headers["location"].partition("?")[0]) == (303, "/sign-in")

    @pytest.mark.parametrize(
        ("role", "statuses"),
        [
            (Role.OWNER, (200, 200, 200, 200)),
            (Role.OPERATOR, (200, 200, 200, 200)),
            (Role.VIEWER, (200, 403, 200, 200)),
            (Role.WORKER, (403, 403, 403, 403)),
            (Role.CUSTOMER, (403, 403, 403, 403)),
        ],
    )
    async def test_each_role_sees_what_it_may(self, town, role, statuses):
        visitor, other = await town.somebody(role), await town.enrol("Ann")

        paths = ("/team", "/team/invite", f"/team/p{other.id}", f"/team/p{other.id}/ledger")
        assert tuple([(await visitor.get(path)).status_code for path in paths]) == statuses

    @pytest.mark.parametrize("action", ACTIONS)
    @pytest.mark.parametrize(
        ("role", "whom", "may"),
        [
            (Role.OWNER, Role.OWNER, True),
            (Role.OWNER, Role.OPERATOR, True),
            (Role.OWNER, Role.WORKER, True),
            (Role.OPERATOR, Role.OWNER, False),
            (Role.OPERATOR, Role.OPERATOR, False),
            (Role.OPERATOR, Role.WORKER, True),
            (Role.VIEWER, Role.WORKER, False),
            (Role.WORKER, Role.WORKER, False),
            (Role.CUSTOMER, Role.WORKER, False),
        ],
    )
    async def test_each_action_is_for_those_above(self, town, action, role, whom, may):
        visitor, other = await town.somebody(role), await town.enrol("Ann", whom)
        await town.earned(other)
        before = await town.store.person(other.id), await town.solver_of(other), await town.wages(other)

        reply = await visitor.post(f"/team/p{other.id}/{action}", **FIELDS.get(action, {}))

        assert reply.status_code == (303 if may else 403)
        if not may:
            assert (await town.store.person(other.id), await town.solver_of(other), await town.wages(other)) == before

    @pytest.mark.parametrize("action", ACTIONS)
    async def test_a_form_of_another_site_changes_nothing(self, town, action):
        visitor, other = await town.somebody(Role.OWNER), await town.enrol("Ann")
        foreign = {"sec-fetch-site": "cross-site", "origin": "https://evil.test"}

        reply = await visitor.post(f"/team/p{other.id}/{action}", foreign, **FIELDS.get(action, {}))

        assert reply.status_code == 403
        assert (await town.store.person(other.id)).enabled

    async def test_a_viewer_sees_no_form(self, town):
        visitor, other = await town.somebody(Role.VIEWER, answers=False), await town.enrol("Ann")
        await town.earned(other)

        page = (await visitor.get(f"/team/p{other.id}")).text

        assert page.count("<form") == page.count('action="/sign-out"') == 1
        assert "/team/invite" not in (await visitor.get("/team")).text

    @pytest.mark.parametrize("who", ["p404", "s404", "x1", "p", "p99999999999999999999", "p-1", "p1/../p2", "P1"])
    async def test_nobody_of_that_name_is_not_found(self, town, who):
        visitor = await town.somebody(Role.OWNER)

        assert (await visitor.get(f"/team/{who}")).status_code == 404
        assert (await visitor.post(f"/team/{who}/suspend")).status_code in {404, 405}

    async def test_a_persons_solver_has_no_page_of_its_own(self, town):
        visitor, other = await town.somebody(Role.OPERATOR), await town.enrol("the boss", Role.OWNER)
        solver = await town.solver_of(other)

        assert (await visitor.post(f"/team/s{solver.id}/suspend")).status_code == 404
        assert (await town.solver_of(other)).enabled


class TestTable:
    async def test_people_and_machines_stand_in_one_table(self, town):
        visitor = await town.somebody(Role.OWNER, "Olga")
        ann = await town.enrol("Ann", kinds=frozenset({Kind.TEXT}), languages=frozenset({"en"}))
        await machine(town)
        await town.earned(ann, 2)

        page = (await visitor.get("/team")).text

        row = page[page.index(">Ann<") :].partition("</tr>")[0]
        assert all(said in row for said in ("Worker", "Text in a picture", "<td>en</td>", "on shift", "$0.0012"))
        assert "ocr &lt;b&gt;" in page
        assert "Machine" in page

    async def test_an_owner_alone_is_told_what_to_do(self, town):
        visitor = await town.somebody(Role.OWNER)

        assert "Invite the first person" in (await visitor.get("/team")).text

    async def test_the_page_speaks_the_readers_language(self, town):
        person = await town.enrol("Olga", Role.OWNER)
        await town.earned(person)
        visitor = await town.visitor(person, **{"accept-language": "es-MX,en;q=0.5"})

        page = (await visitor.get("/team")).text
        assert '<html lang="es"' in page
        assert "0,0006\u00a0US$" in page

    @pytest.mark.parametrize("name", HOSTILE)
    async def test_a_hostile_name_is_only_a_name(self, town, name):
        visitor = await town.somebody(Role.OWNER)
        await visitor.follow("/team/invite", name=name, role="worker", kind=["text"], languages="")
        (other,) = [person for person in await town.store.people() if person.role is Role.WORKER]

        for path in ("/team", f"/team/p{other.id}", f"/team/p{other.id}/ledger"):
            page = (await visitor.get(path)).text
            assert f'<bdi dir="auto">{html.escape(name, quote=True).replace("&#x27;", "&#39;")}</bdi>' in page.replace(
                "&#34;", "&quot;"
            )
            assert name == html.escape(name) or name not in page


class TestInvite:
    async def test_a_worker_is_taken_in_and_the_link_lets_them_in_once(self, town):
        visitor = await town.somebody(Role.OPERATOR)

        grants = {"kind": ["text", "grid"], "languages": "EN, es"}
        page = (await visitor.follow("/team/invite", name="  Ann  Lee ", role="worker", **grants)).text

        (ann,) = [person for person in await town.store.people() if person.name == "Ann Lee"]
        solver = await town.solver_of(ann)
        assert (ann.role, solver.name) == (Role.WORKER, "Ann Lee")
        assert (solver.kinds, solver.languages) == ({Kind.TEXT, Kind.GRID}, {"en", "es"})
        link = link_in(page)
        newcomer = await town.visitor()
        first = await newcomer.get(link, **{"sec-fetch-mode": "navigate"})
        assert (first.status_code, first.headers["location"]) == (303, "/work")
        assert (await newcomer.get(link, **{"sec-fetch-mode": "navigate"})).status_code == 410

    async def test_the_link_is_shown_to_its_maker_alone_and_for_ten_minutes(self, town):
        visitor, other = await town.somebody(Role.OWNER), await town.somebody(Role.OWNER, "another owner")
        reply = await visitor.post("/team/invite", name="Ann", role="worker", kind=["text"], languages="")
        there = reply.headers["location"]

        assert ENTER.search(there) is None
        assert ENTER.search((await visitor.get(there)).text)
        assert ENTER.search((await visitor.get(there)).text)
        assert not ENTER.search((await other.get(there)).text)
        assert not ENTER.search((await visitor.get(there.partition("?")[0])).text)
        town.clock.pass_by(600_000)
        assert not ENTER.search((await visitor.get(there)).text)

    async def test_every_kind_ticked_is_every_kind_there_will_be(self, town):
        visitor = await town.somebody(Role.OWNER)
        await visitor.follow("/team/invite", name="Ann", role="worker", kind=list(WORK_KINDS), languages="")

        (ann,) = [person for person in await town.store.people() if person.name == "Ann"]
        assert ((await town.solver_of(ann)).kinds, (await town.solver_of(ann)).languages) == (frozenset(), frozenset())

    async def test_who_only_looks_on_has_no_solver(self, town):
        visitor = await town.somebody(Role.OWNER)
        page = (await visitor.follow("/team/invite", name="Vera", role="viewer", languages="")).text

        (vera,) = [person for person in await town.store.people() if person.name == "Vera"]
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
    async def test_what_cannot_be_is_said_and_what_was_typed_is_kept(self, town, fields, says):
        visitor = await town.somebody(Role.OWNER, "Olga")
        sent = {"name": "Ann", "role": "worker", "kind": ["text"], "languages": "en", **fields}

        reply = await visitor.post("/team/invite", **sent)

        assert (reply.status_code, len(await town.store.people())) == (422, 1)
        assert says in reply.text
        assert f'value="{sent["languages"]}"' in reply.text

    async def test_a_name_that_a_machine_has_is_taken_too(self, town):
        visitor = await town.somebody(Role.OWNER)
        await town.desk.machine("ocr")

        reply = await visitor.post("/team/invite", name="ocr", role="worker", kind=["text"], languages="")

        assert (reply.status_code, len(await town.store.people())) == (422, 1)
        assert "there is a worker called" in reply.text

    @pytest.mark.parametrize(
        ("role", "asked", "status"),
        [
            (Role.OPERATOR, "owner", 403),
            (Role.OPERATOR, "operator", 403),
            (Role.OPERATOR, "viewer", 303),
            (Role.OWNER, "owner", 303),
            (Role.OWNER, "customer", 403),
            (Role.OWNER, "king", 400),
        ],
    )
    async def test_nobody_invites_above_themselves(self, town, role, asked, status):
        visitor = await town.somebody(role)

        reply = await visitor.post("/team/invite", name="Ann", role=asked, kind=["text"], languages="")

        assert reply.status_code == status
        assert len(await town.store.people()) == 1 + (status == 303)

    async def test_the_form_sent_twice_takes_one_in(self, town):
        visitor = await town.somebody(Role.OWNER)
        sent = {"name": "Ann", "role": "worker", "kind": ["text"], "languages": ""}

        statuses = [(await visitor.post("/team/invite", **sent)).status_code for _ in range(2)]

        assert statuses == [303, 422]
        assert len(await town.store.people()) == 2


class TestChange:
    async def test_grants_change(self, town):
        visitor, ann = await town.somebody(Role.OPERATOR), await town.enrol("Ann")

        page = (await visitor.follow(f"/team/p{ann.id}/grants", **TEXT_ONLY)).text

        solver = await town.solver_of(ann)
        assert (solver.kinds, solver.languages) == ({Kind.TEXT}, {"en"})
        assert "Changed." in page

    async def test_a_machines_grants_change(self, town):
        visitor, ocr = await town.somebody(Role.OPERATOR), await machine(town)

        await visitor.follow(f"/team/s{ocr.id}/grants", **TEXT_ONLY)

        (now,) = [solver for solver in town.store.house().solvers if solver.id == ocr.id]
        assert (now.kinds, now.languages, now.machine) == ({Kind.TEXT}, {"en"}, True)

    async def test_who_only_looked_on_answers_from_then_on(self, town):
        visitor = await town.somebody(Role.OWNER)
        vera = await town.enrol("Vera", Role.VIEWER, answers=False)

        await visitor.follow(f"/team/p{vera.id}/grants", **TEXT_ONLY)

        assert (await town.solver_of(vera)).kinds == {Kind.TEXT}

    @pytest.mark.parametrize("sent", [{"kind": [], "languages": ""}, {"kind": ["text"], "languages": "xx"}])
    async def test_grants_that_cannot_be_leave_them_as_they_were(self, town, sent):
        visitor, ann = await town.somebody(Role.OPERATOR), await town.enrol("Ann")
        before = await town.solver_of(ann)

        reply = await visitor.post(f"/team/p{ann.id}/grants", **sent)

        assert (reply.status_code, await town.solver_of(ann)) == (422, before)
        assert 'id="flaw"' in reply.text

    async def test_who_is_suspended_is_out_at_once_and_loses_what_they_hold(self, town):
        visitor, ann = await town.somebody(Role.OPERATOR), await town.enrol("Ann")
        own = await town.visitor(ann)
        account = await town.desk.open_account()
        await town.desk.submit(account)
        (lease,) = await town.desk.claim(await town.solver_of(ann))
        assert (await own.get("/me")).status_code == 200

        pages = [(await visitor.follow(f"/team/p{ann.id}/suspend")).text for _ in range(2)]

        assert all("Suspended:" in page for page in pages)
        assert (await own.get("/me")).status_code == 303
        assert not (await town.solver_of(ann)).enabled
        assert (await town.store.lease(lease.token)).outcome == "revoked"
        await visitor.follow(f"/team/p{ann.id}/resume")
        assert (await town.solver_of(ann)).enabled
        assert (await own.get("/me")).status_code == 303

    async def test_a_machine_is_suspended_and_resumed(self, town):
        visitor, ocr = await town.somebody(Role.OPERATOR), await machine(town)
        for action, enabled in (("suspend", False), ("resume", True)):
            await visitor.follow(f"/team/s{ocr.id}/{action}")
            assert next(each for each in town.store.house().solvers if each.id == ocr.id).enabled is enabled

    async def test_nobody_suspends_themselves(self, town):
        visitor = await town.somebody(Role.OWNER)

        assert (await visitor.post(f"/team/p{visitor.person.id}/suspend")).status_code == 403
        assert "/suspend" not in (await visitor.get(f"/team/p{visitor.person.id}")).text

    async def test_a_new_link_ends_the_one_before(self, town):
        visitor, ann = await town.somebody(Role.OPERATOR), await town.enrol("Ann")
        links = [link_in((await visitor.follow(f"/team/p{ann.id}/link")).text) for _ in range(2)]

        newcomer = await town.visitor()
        assert (await newcomer.get(links[0], **{"sec-fetch-mode": "navigate"})).status_code == 410
        assert (await newcomer.get(links[1], **{"sec-fetch-mode": "navigate"})).status_code == 303

    async def test_nobody_who_is_suspended_and_no_machine_gets_a_link(self, town):
        visitor, ann, ocr = await town.somebody(Role.OPERATOR), await town.enrol("Ann"), await machine(town)
        await visitor.follow(f"/team/p{ann.id}/suspend")

        assert (await visitor.post(f"/team/p{ann.id}/link")).status_code == 422
        assert (await visitor.post(f"/team/s{ocr.id}/link")).status_code == 404


class TestPayout:
    async def test_what_is_owed_is_paid_and_said(self, town):
        visitor, ann = await town.somebody(Role.OPERATOR), await town.enrol("Ann")
        await town.earned(ann, 2)

        page = (await visitor.follow(f"/team/p{ann.id}/payout", amount="0.0006", before="0", note="by hand")).text

        assert await town.wages(ann) == (2 * PAY, PAY)
        assert "The payout is booked." in page
        ledger = (await visitor.get(f"/team/p{ann.id}/ledger")).text
        assert all(said in ledger for said in ("Paid out", "-$0.0006", "by hand", "Earned"))

    async def test_the_form_sent_twice_pays_once(self, town):
        visitor, ann = await town.somebody(Role.OPERATOR), await town.enrol("Ann")
        await town.earned(ann, 2)

        sent = {"amount": "$0,0006", "before": "0"}
        pages = [(await visitor.follow(f"/team/p{ann.id}/payout", **sent)).text for _ in range(3)]

        assert await town.wages(ann) == (2 * PAY, PAY)
        assert ["nothing was paid again" in page for page in pages] == [False, True, True]

    @pytest.mark.parametrize(
        ("amount", "says"),
        [
            ("0.0013", "At most"),
            ("0", "At most"),
            ("-1", "At most"),
            ("a lot", "digits"),
            ("", "digits"),
            ("1e9", "digits"),
        ],
    )
    async def test_what_is_not_owed_is_not_paid(self, town, amount, says):
        visitor, ann = await town.somebody(Role.OPERATOR), await town.enrol("Ann")
        await town.earned(ann, 2)

        reply = await visitor.post(f"/team/p{ann.id}/payout", amount=amount, before="0")

        assert (reply.status_code, await town.wages(ann)) == (422, (2 * PAY, 0))
        assert says in reply.text

    @pytest.mark.parametrize("before", ["", "x", "-1", "1" * 17])
    async def test_a_form_without_its_sum_is_no_form(self, town, before):
        visitor, ann = await town.somebody(Role.OPERATOR), await town.enrol("Ann")
        await town.earned(ann)

        assert (await visitor.post(f"/team/p{ann.id}/payout", amount="0.0001", before=before)).status_code == 400
        assert await town.wages(ann) == (PAY, 0)

    async def test_where_nothing_is_owed_there_is_no_form(self, town):
        visitor, ann = await town.somebody(Role.OPERATOR), await town.enrol("Ann")

        page = (await visitor.get(f"/team/p{ann.id}")).text
        assert "Nothing is owed." in page
        assert "/payout" not in page

    async def test_who_does_not_answer_is_not_paid(self, town):
        visitor, vera = await town.somebody(Role.OWNER), await town.enrol("Vera", Role.VIEWER, answers=False)

        assert (await visitor.post(f"/team/p{vera.id}/payout", amount="1", before="0")).status_code == 404
        assert (await visitor.get(f"/team/p{vera.id}/ledger")).status_code == 404


async def test_a_worker_by_token_is_listed_and_managed_without_a_person(town):
    visitor = await town.somebody(Role.OPERATOR)
    robot = await town.desk.person("robot")
    await town.store.run(SaveSolver(solver=robot))

    assert "Worker by token" in (await visitor.get(f"/team/s{robot.id}")).text
