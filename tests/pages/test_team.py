"""The team's pages: who may see and change whom, forms that work once, and names that do nothing on a page."""

from __future__ import annotations

import html
from typing import Any

import pytest

from answerdesk.desk.books import SaveSolver
from answerdesk.model.judge import Rules
from answerdesk.model.person import Role
from answerdesk.model.question import Kind
from answerdesk.model.solver import Solver
from answerdesk.model.trust import FEW
from tests.pages.hall import Hall, link_in
from tests.store.driver import PAY
from tests.store.test_trials import count

ACTIONS = ("grants", "suspend", "resume", "role", "sign-out", "link", "payout")
FIELDS: dict[str, dict[str, Any]] = {
    "grants": {"kind": ["text"], "languages": ""},
    "payout": {"amount": "0.0006", "before": "0"},
    "role": {"role": "viewer"},
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


async def machine(hall: Hall) -> Solver:
    return await hall.desk.machine("ocr <b>")


class TestWhoMaySee:
    @pytest.mark.parametrize("path", ["/team", "/team/invite", "/queue", "/queue/now", "/me", "/me/ledger"])
    async def test_nobody_signed_in_is_asked_to_sign_in(self, hall, path):
        reply = await hall.visitor().get(path)

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
    async def test_each_role_sees_what_it_may(self, hall, role, statuses):
        visitor, other = await hall.come(f"the {role}", role), await hall.enrol("Ann")

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
    async def test_each_action_is_for_those_above(self, hall, action, role, whom, may):
        visitor, other = await hall.come(f"the {role}", role), await hall.enrol("Ann", whom, answers=True)
        await hall.earned(other)
        before = await hall.store.person(other.id), await hall.solver_of(other), await hall.wages(other)

        reply = await visitor.post(f"/team/p{other.id}/{action}", FIELDS.get(action, {}))

        assert reply.status_code == (303 if may else 403)
        if not may:
            assert (await hall.store.person(other.id), await hall.solver_of(other), await hall.wages(other)) == before

    @pytest.mark.parametrize("action", ACTIONS)
    async def test_a_form_of_another_site_changes_nothing(self, hall, action):
        visitor, other = await hall.come("the owner", Role.OWNER), await hall.enrol("Ann")
        foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"}

        reply = await visitor.post(f"/team/p{other.id}/{action}", FIELDS.get(action, {}), **foreign)

        assert reply.status_code == 403
        assert (await hall.store.person(other.id)).enabled

    async def test_a_viewer_sees_no_form(self, hall):
        visitor, other = await hall.come("the viewer", Role.VIEWER, answers=False), await hall.enrol("Ann")
        await hall.earned(other)

        page = (await visitor.get(f"/team/p{other.id}")).text

        assert page.count("<form") == page.count('action="/sign-out"') == 1
        assert "/team/invite" not in (await visitor.get("/team")).text

    @pytest.mark.parametrize("who", ["p404", "s404", "x1", "p", "p99999999999999999999", "p-1", "p1/../p2", "P1"])
    async def test_nobody_of_that_name_is_not_found(self, hall, who):
        visitor = await hall.come("the owner", Role.OWNER)

        assert (await visitor.get(f"/team/{who}")).status_code == 404
        assert (await visitor.post(f"/team/{who}/suspend")).status_code in {404, 405}

    async def test_a_persons_solver_has_no_page_of_its_own(self, hall):
        visitor, other = await hall.come("the operator", Role.OPERATOR), await hall.enrol("the boss", Role.OWNER)
        solver = await hall.solver_of(other)

        assert (await visitor.post(f"/team/s{solver.id}/suspend")).status_code == 404
        assert (await hall.solver_of(other)).enabled


class TestTable:
    async def test_people_and_machines_stand_in_one_table(self, hall):
        visitor = await hall.come("Olga", Role.OWNER)
        ann = await hall.enrol("Ann", kinds=frozenset({Kind.TEXT}), languages=frozenset({"en"}))
        await machine(hall)
        await hall.earned(ann, 2)

        page = (await visitor.get("/team")).text

        row = page[page.index(">Ann<") :].partition("</tr>")[0]
        assert all(said in row for said in ("Worker", "Text in a picture", "<td>en</td>", "on shift", "$0.0012"))
        assert "ocr &lt;b&gt;" in page
        assert "Machine" in page

    @pytest.mark.parametrize(
        ("language", "shadow", "worse"),
        [
            ("en", "In shadow: dials, seals", "Worse than aimed at: meter"),
            ("es", "En la sombra: dials, seals", "Peor de lo previsto: meter"),
        ],
    )
    async def test_a_machine_in_shadow_or_worse_than_it_should_be_says_so_in_its_row(
        self, hall, language, shadow, worse
    ):
        visitor = await hall.come("Olga", Role.OWNER)
        await visitor.post("/sessions/language", {"language": language})
        ocr, other, fresh = [await hall.desk.machine(name) for name in ("ocr", "other", "fresh")]
        await hall.desk.set_rules(Rules(shadows=("seals", "dials"), profiles={"meter": 0.5}))
        for profile in ("seals", "dials"):
            await count(hall.desk, ocr, (900, 3, 3), profile=profile)
        for who, agreed in ((ocr, FEW // 2), (other, FEW)):
            await count(hall.desk, who, (900, FEW, agreed), profile="meter")

        page = (await visitor.get("/team")).text

        rows = {one.name: page[page.index(f">{one.name}<") :].partition("</tr>")[0] for one in (ocr, other, fresh)}
        told = {name: [words for words in (shadow, worse) if words in row] for name, row in rows.items()}
        assert told == {"ocr": [shadow, worse], "other": [], "fresh": []}

    async def test_an_owner_alone_is_told_what_to_do(self, hall):
        visitor = await hall.come("the owner", Role.OWNER)

        assert "Invite the first person" in (await visitor.get("/team")).text

    async def test_the_page_speaks_the_readers_language(self, hall):
        person = await hall.enrol("Olga", Role.OWNER)
        await hall.earned(person)
        visitor = await hall.again(person, **{"accept-language": "es-MX,en;q=0.5"})

        page = (await visitor.get("/team")).text
        assert '<html lang="es"' in page
        assert "0,0006\u00a0US$" in page

    @pytest.mark.parametrize("name", HOSTILE)
    async def test_a_hostile_name_is_only_a_name(self, hall, name):
        visitor = await hall.come("the owner", Role.OWNER)
        await visitor.follow("/team/invite", {"name": name, "role": "worker", "kind": ["text"], "languages": ""})
        (other,) = [person for person in await hall.store.people() if person.role is Role.WORKER]

        for path in ("/team", f"/team/p{other.id}", f"/team/p{other.id}/ledger"):
            page = (await visitor.get(path)).text
            assert f'<bdi dir="auto">{html.escape(name, quote=True).replace("&#x27;", "&#39;")}</bdi>' in page.replace(
                "&#34;", "&quot;"
            )
            assert name == html.escape(name) or name not in page


class TestChange:
    async def test_grants_change(self, hall):
        visitor, ann = await hall.come("the operator", Role.OPERATOR), await hall.enrol("Ann")

        page = (await visitor.follow(f"/team/p{ann.id}/grants", TEXT_ONLY)).text

        solver = await hall.solver_of(ann)
        assert (solver.kinds, solver.languages) == ({Kind.TEXT}, {"en"})
        assert "Changed." in page

    async def test_a_machines_grants_change(self, hall):
        visitor, ocr = await hall.come("the operator", Role.OPERATOR), await machine(hall)

        await visitor.follow(f"/team/s{ocr.id}/grants", TEXT_ONLY)

        (now,) = [solver for solver in hall.store.house().solvers if solver.id == ocr.id]
        assert (now.kinds, now.languages, now.machine) == ({Kind.TEXT}, {"en"}, True)

    async def test_who_only_looked_on_answers_from_then_on(self, hall):
        visitor = await hall.come("the owner", Role.OWNER)
        vera = await hall.enrol("Vera", Role.VIEWER, answers=False)

        await visitor.follow(f"/team/p{vera.id}/grants", TEXT_ONLY)

        assert (await hall.solver_of(vera)).kinds == {Kind.TEXT}

    @pytest.mark.parametrize("sent", [{"kind": [], "languages": ""}, {"kind": ["text"], "languages": "xx"}])
    async def test_grants_that_cannot_be_leave_them_as_they_were(self, hall, sent):
        visitor, ann = await hall.come("the operator", Role.OPERATOR), await hall.enrol("Ann")
        before = await hall.solver_of(ann)

        reply = await visitor.post(f"/team/p{ann.id}/grants", sent)

        assert (reply.status_code, await hall.solver_of(ann)) == (422, before)
        assert 'id="flaw"' in reply.text

    async def test_who_is_suspended_is_out_at_once_and_loses_what_they_hold(self, hall):
        visitor, ann = await hall.come("the operator", Role.OPERATOR), await hall.enrol("Ann")
        own = await hall.again(ann)
        account = await hall.desk.open_account()
        await hall.desk.submit(account)
        (lease,) = await hall.desk.claim(await hall.solver_of(ann))
        assert (await own.get("/me")).status_code == 200

        pages = [(await visitor.follow(f"/team/p{ann.id}/suspend")).text for _ in range(2)]

        assert all("Suspended:" in page for page in pages)
        assert (await own.get("/me")).status_code == 303
        assert not (await hall.solver_of(ann)).enabled
        assert (await hall.store.lease(lease.token)).outcome == "revoked"
        await visitor.follow(f"/team/p{ann.id}/resume")
        assert (await hall.solver_of(ann)).enabled
        assert (await own.get("/me")).status_code == 303

    async def test_a_machine_is_suspended_and_resumed(self, hall):
        visitor, ocr = await hall.come("the operator", Role.OPERATOR), await machine(hall)
        for action, enabled in (("suspend", False), ("resume", True)):
            await visitor.follow(f"/team/s{ocr.id}/{action}")
            assert next(each for each in hall.store.house().solvers if each.id == ocr.id).enabled is enabled

    async def test_a_new_role_signs_out_and_is_what_somebody_comes_in_as(self, hall):
        visitor, vera = await hall.come("the owner", Role.OWNER), await hall.come("Vera", Role.VIEWER)
        path = f"/team/p{vera.person.id}/role"

        page = (await visitor.follow(path, {"role": "worker"})).text

        assert "The role is changed" in page
        now = await hall.store.person(vera.person.id)
        assert (now.role, (await hall.solver_of(now)).kinds) == (Role.WORKER, frozenset())
        assert (await vera.get("/team")).status_code == 303
        came = await hall.again(now)
        assert "The role is changed" in (await visitor.follow(path, {"role": "worker"})).text
        assert (await came.get("/work")).status_code == 200

    async def test_a_customer_who_becomes_something_else_has_no_account_any_more(self, hall):
        visitor, cleo = await hall.come("the operator", Role.OPERATOR), await hall.enrol("Cleo", Role.CUSTOMER)

        await visitor.follow(f"/team/p{cleo.id}/role", {"role": "viewer"})

        now = await hall.store.person(cleo.id)
        assert (now.role, now.account) == (Role.VIEWER, None)

    @pytest.mark.parametrize(
        ("role", "becomes", "status"),
        [
            (Role.OPERATOR, "operator", 403),
            (Role.OPERATOR, "owner", 403),
            (Role.OWNER, "customer", 403),
            (Role.OWNER, "king", 400),
            (Role.OWNER, "", 400),
            (Role.OWNER, "owner", 303),
        ],
    )
    async def test_nobody_appoints_above_themselves(self, hall, role, becomes, status):
        visitor, ann = await hall.come("the boss", role), await hall.enrol("Ann")

        assert (await visitor.post(f"/team/p{ann.id}/role", {"role": becomes})).status_code == status
        assert (await hall.store.person(ann.id)).role == (becomes if status == 303 else Role.WORKER)

    async def test_who_is_signed_out_everywhere_may_come_in_again(self, hall):
        visitor, ann = await hall.come("the operator", Role.OPERATOR), await hall.come("Ann")
        other = await hall.again(ann.person)

        assert "Signed out everywhere." in (await visitor.follow(f"/team/p{ann.person.id}/sign-out")).text

        assert [(await each.get("/me")).status_code for each in (ann, other)] == [303, 303]
        assert (await (await hall.again(ann.person)).get("/me")).status_code == 200

    @pytest.mark.parametrize(("action", "form"), [("role", {"role": "viewer"}), ("sign-out", {})])
    async def test_neither_is_for_oneself_or_a_machine(self, hall, action, form):
        visitor, ocr = await hall.come("the owner", Role.OWNER), await machine(hall)

        for key in (f"p{visitor.person.id}", f"s{ocr.id}"):
            assert (await visitor.post(f"/team/{key}/{action}", form)).status_code == 403

    async def test_nobody_suspends_themselves(self, hall):
        visitor = await hall.come("the owner", Role.OWNER)

        assert (await visitor.post(f"/team/p{visitor.person.id}/suspend")).status_code == 403
        assert "/suspend" not in (await visitor.get(f"/team/p{visitor.person.id}")).text

    async def test_a_new_link_ends_the_one_before(self, hall):
        visitor, ann = await hall.come("the operator", Role.OPERATOR), await hall.enrol("Ann")
        links = [link_in((await visitor.follow(f"/team/p{ann.id}/link")).text) for _ in range(2)]

        newcomer = hall.visitor()
        assert (await newcomer.get(links[0], **{"sec-fetch-mode": "navigate"})).status_code == 410
        assert (await newcomer.get(links[1], **{"sec-fetch-mode": "navigate"})).status_code == 303

    async def test_nobody_who_is_suspended_and_no_machine_gets_a_link(self, hall):
        visitor, ann, ocr = await hall.come("the operator", Role.OPERATOR), await hall.enrol("Ann"), await machine(hall)
        await visitor.follow(f"/team/p{ann.id}/suspend")

        assert (await visitor.post(f"/team/p{ann.id}/link")).status_code == 422
        assert (await visitor.post(f"/team/s{ocr.id}/link")).status_code == 404


class TestPayout:
    async def test_what_is_owed_is_paid_and_said(self, hall):
        visitor, ann = await hall.come("the operator", Role.OPERATOR), await hall.enrol("Ann")
        await hall.earned(ann, 2)

        # PostgreSQL keeps no NUL.
        sent = {"amount": "0.0006", "before": "0", "note": "by\0hand "}
        page = (await visitor.follow(f"/team/p{ann.id}/payout", sent)).text

        assert await hall.wages(ann) == (2 * PAY, PAY)
        assert "The payout is booked." in page
        ledger = (await visitor.get(f"/team/p{ann.id}/ledger")).text
        assert all(said in ledger for said in ("Paid out", "-$0.0006", "by hand", "Earned"))

    async def test_the_form_sent_twice_pays_once(self, hall):
        visitor, ann = await hall.come("the operator", Role.OPERATOR), await hall.enrol("Ann")
        await hall.earned(ann, 2)

        sent = {"amount": "$0,0006", "before": "0"}
        pages = [(await visitor.follow(f"/team/p{ann.id}/payout", sent)).text for _ in range(3)]

        assert await hall.wages(ann) == (2 * PAY, PAY)
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
    async def test_what_is_not_owed_is_not_paid(self, hall, amount, says):
        visitor, ann = await hall.come("the operator", Role.OPERATOR), await hall.enrol("Ann")
        await hall.earned(ann, 2)

        reply = await visitor.post(f"/team/p{ann.id}/payout", {"amount": amount, "before": "0"})

        assert (reply.status_code, await hall.wages(ann)) == (422, (2 * PAY, 0))
        assert says in reply.text

    @pytest.mark.parametrize("before", ["", "x", "-1", "1" * 17])
    async def test_a_form_without_its_sum_is_no_form(self, hall, before):
        visitor, ann = await hall.come("the operator", Role.OPERATOR), await hall.enrol("Ann")
        await hall.earned(ann)

        assert (
            await visitor.post(f"/team/p{ann.id}/payout", {"amount": "0.0001", "before": before})
        ).status_code == 400
        assert await hall.wages(ann) == (PAY, 0)

    async def test_where_nothing_is_owed_there_is_no_form(self, hall):
        visitor, ann = await hall.come("the operator", Role.OPERATOR), await hall.enrol("Ann")

        page = (await visitor.get(f"/team/p{ann.id}")).text
        assert "Nothing is owed." in page
        assert "/payout" not in page

    async def test_who_does_not_answer_is_not_paid(self, hall):
        visitor, vera = await hall.come("the owner", Role.OWNER), await hall.enrol("Vera", Role.VIEWER, answers=False)

        assert (await visitor.post(f"/team/p{vera.id}/payout", {"amount": "1", "before": "0"})).status_code == 404
        assert (await visitor.get(f"/team/p{vera.id}/ledger")).status_code == 404


async def test_a_worker_by_token_is_listed_and_managed_without_a_person(hall):
    visitor = await hall.come("the operator", Role.OPERATOR)
    robot = await hall.desk.person("robot")
    await hall.store.run(SaveSolver(solver=robot))

    assert "Worker by token" in (await visitor.get(f"/team/s{robot.id}")).text
