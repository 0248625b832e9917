"""The queue's page: figures as they are now, the same for the page and its script, and nobody's name in them."""

from __future__ import annotations

import re

from answerdesk.desk.books import SaveSolver
from answerdesk.model.person import Role
from answerdesk.model.question import Kind

JSON = {"accept": "application/json"}


async def test_an_idle_desk_waits_for_nothing(town):
    visitor = await town.somebody(Role.VIEWER, answers=False)

    told = (await visitor.get("/queue/now", **JSON)).json()

    assert (told["waiting"], told["oldest"], told["working"], told["alone"]) == ("0", "–", "0", [])
    assert [lane["kind"] for lane in told["lanes"]] == [str(kind) for kind in Kind if kind is not Kind.TOKEN]
    assert all(lane["idle"] for lane in told["lanes"])


async def test_what_waits_is_told_with_its_age_and_who_could_take_it(town):
    visitor, ann = await town.somebody(Role.OPERATOR, kinds=frozenset({Kind.GRID})), await town.enrol("Ann")
    account = await town.desk.open_account()
    for _ in range(3):
        await town.desk.submit(account)
        town.clock.pass_by(40_000)
    await town.desk.claim(await town.solver_of(ann))

    told = (await visitor.get("/queue/now", **JSON)).json()

    text = told["lanes"][0]
    assert (text["waiting"], text["working"], text["oldest"]) == ("2", "1", "80\u00a0s")
    assert (text["people"], text["machines"]) == ("1 of 1", "0 of 0")
    assert (told["waiting"], told["working"], told["people"]) == ("2", "1", "1")
    assert told["alone"] == []


async def test_work_that_nobody_on_shift_may_answer_is_pointed_out(town):
    visitor = await town.somebody(Role.OWNER)
    account = await town.desk.open_account()
    await town.desk.submit(account)

    page = (await visitor.get("/queue")).text

    assert re.search(r'<p class="note">Tasks of the kind “Text in a picture” wait and nobody', page)
    await town.desk.machine(on_shift=True)
    assert "wait and nobody" not in (await visitor.get("/queue")).text


async def test_the_page_shows_what_its_script_is_told(town):
    visitor, _ = await town.somebody(Role.OWNER), await town.enrol("Ann")
    account = await town.desk.open_account()
    await town.desk.submit(account)

    page, told = (await visitor.get("/queue")).text, (await visitor.get("/queue/now", **JSON)).json()

    for name in ("waiting", "oldest", "working", "people", "machines"):
        assert f'data-live="{name}">{told[name]}<' in page
        assert f'data-live="{name}">{told["lanes"][0][name]}</td>' in page


async def test_no_name_of_a_person_or_an_account_is_in_the_figures(town):
    visitor, ann = await town.somebody(Role.VIEWER, answers=False), await town.enrol("Ann Unmistakable")
    account = await town.desk.open_account("Unmistakable Ltd")
    await town.desk.submit(account)
    await town.desk.claim(await town.solver_of(ann))

    assert "Unmistakable" not in (await visitor.get("/queue/now", **JSON)).text
    assert "Unmistakable" not in (await visitor.get("/queue")).text


async def test_a_script_whose_session_ended_is_told_so(town):
    reply = await (await town.visitor()).get("/queue/now", **JSON)

    assert reply.status_code == 401
    for role in (Role.WORKER, Role.CUSTOMER):
        visitor = await town.somebody(role)
        assert (await visitor.get("/queue/now", **JSON)).status_code == 403
        assert (await visitor.get("/queue")).status_code == 403


async def test_a_suspended_solver_is_not_counted(town):
    visitor, ann = await town.somebody(Role.VIEWER, answers=False), await town.enrol("Ann")
    await town.earned(ann)
    assert (await visitor.get("/queue/now", **JSON)).json()["people"] == "1"

    solver = await town.desk.save_solver(await town.solver_of(ann), enabled=False)
    await town.store.run(SaveSolver(solver=solver))

    assert (await visitor.get("/queue/now", **JSON)).json()["people"] == "0"
