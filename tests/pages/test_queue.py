"""The queue's page: figures as they are now, the same for the page and its script, and nobody's name in them."""

from __future__ import annotations

import re

from answerdesk.desk.books import SaveSolver
from answerdesk.model.person import Role
from answerdesk.model.question import Kind

JSON = {"accept": "application/json"}


async def test_an_idle_desk_waits_for_nothing(hall):
    visitor = await hall.come("the viewer", Role.VIEWER, answers=False)

    told = (await visitor.get("/queue/now", **JSON)).json()

    assert (told["waiting"], told["oldest"], told["working"], told["alone"]) == ("0", "–", "0", [])
    assert [lane["kind"] for lane in told["lanes"]] == [str(kind) for kind in Kind if kind is not Kind.TOKEN]
    assert all(lane["idle"] for lane in told["lanes"])


async def test_what_waits_is_told_with_its_age_and_who_could_take_it(hall):
    visitor, ann = await hall.come("the operator", Role.OPERATOR, kinds=frozenset({Kind.GRID})), await hall.enrol("Ann")
    account = await hall.desk.open_account()
    for _ in range(3):
        await hall.desk.submit(account)
        hall.clock.pass_by(40_000)
    await hall.desk.claim(await hall.solver_of(ann))

    told = (await visitor.get("/queue/now", **JSON)).json()

    text = told["lanes"][0]
    assert (text["waiting"], text["working"], text["oldest"]) == ("2", "1", "80\u00a0s")
    assert (text["people"], text["machines"]) == ("1 of 1", "0 of 0")
    assert (told["waiting"], told["working"], told["people"]) == ("2", "1", "1")
    assert told["alone"] == []


async def test_work_that_nobody_on_shift_may_answer_is_pointed_out(hall):
    visitor = await hall.come("the owner", Role.OWNER)
    account = await hall.desk.open_account()
    await hall.desk.submit(account)

    page = (await visitor.get("/queue")).text

    assert re.search(r'<p class="note">Tasks of the kind “Text in a picture” wait and nobody', page)
    await hall.desk.machine(on_shift=True)
    assert "wait and nobody" not in (await visitor.get("/queue")).text


async def test_the_page_shows_what_its_script_is_told(hall):
    visitor, _ = await hall.come("the owner", Role.OWNER), await hall.enrol("Ann")
    account = await hall.desk.open_account()
    await hall.desk.submit(account)

    page, told = (await visitor.get("/queue")).text, (await visitor.get("/queue/now", **JSON)).json()

    for name in ("waiting", "oldest", "working", "people", "machines"):
        assert f'data-live="{name}">{told[name]}<' in page
        assert f'data-live="{name}">{told["lanes"][0][name]}</td>' in page


async def test_no_name_of_a_person_or_an_account_is_in_the_figures(hall):
    visitor, ann = await hall.come("the viewer", Role.VIEWER, answers=False), await hall.enrol("Ann Unmistakable")
    account = await hall.desk.open_account("Unmistakable Ltd")
    await hall.desk.submit(account)
    await hall.desk.claim(await hall.solver_of(ann))

    assert "Unmistakable" not in (await visitor.get("/queue/now", **JSON)).text
    assert "Unmistakable" not in (await visitor.get("/queue")).text


async def test_a_script_whose_session_ended_is_told_so(hall):
    reply = await hall.visitor().get("/queue/now", **JSON)

    assert reply.status_code == 401
    for role in (Role.WORKER, Role.CUSTOMER):
        visitor = await hall.come(f"the {role}", role)
        assert (await visitor.get("/queue/now", **JSON)).status_code == 403
        assert (await visitor.get("/queue")).status_code == 403


async def test_a_suspended_solver_is_not_counted(hall):
    visitor, ann = await hall.come("the viewer", Role.VIEWER, answers=False), await hall.enrol("Ann")
    await hall.earned(ann)
    assert (await visitor.get("/queue/now", **JSON)).json()["people"] == "1"

    solver = await hall.desk.save_solver(await hall.solver_of(ann), enabled=False)
    await hall.store.run(SaveSolver(solver=solver))

    assert (await visitor.get("/queue/now", **JSON)).json()["people"] == "0"
