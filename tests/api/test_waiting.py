"""Claims that find nothing, and tasks that come meanwhile."""

from __future__ import annotations

import asyncio
import json

from answerdesk.api.admission import Admission
from answerdesk.api.pictures import Darkroom
from answerdesk.api.waiting import WaitingRoom
from answerdesk.api.work import WorkApi
from answerdesk.desk.books import SaveSolver
from answerdesk.desk.elsewhere import Elsewhere, Opening
from answerdesk.desk.entrance import Entrance
from answerdesk.desk.ports import Heard
from answerdesk.desk.visits import Visits
from answerdesk.model.account import digest
from answerdesk.model.question import Kind
from answerdesk.model.solver import Solver, SolverId
from answerdesk.model.task import Route
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock, Names
from tests.store.driver import Desk

TOKEN = "t" * 32


class NobodyWaits(WaitingRoom):
    """A room in which a claim that waits is a failure."""

    async def wait(self, *_: object) -> None:
        raise AssertionError("the claim waited for a task that is already there")


async def receive():
    await asyncio.Event().wait()


async def test_a_claim_in_the_same_commit_before_its_task_does_not_wait():
    clock, names = Clock(), Names()
    store = SqliteStore("", clock)
    desk, room = Desk(store, clock, names), NobodyWaits()
    store.listen(room.hear)
    work = WorkApi(
        store=store, admission=Admission(Entrance(store), Visits(store, store), clock), room=room, ids=desk.ids,
        names=names, clock=clock, darkroom=Darkroom(), crew=store,
    )  # fmt: skip
    account, person = await desk.open_account(), await desk.person()
    await store.run(SaveSolver(solver=person, token=digest(TOKEN)))
    # From a block that is drawn already, so that the task comes in the claim's commit.
    await store.draw()
    scope = {"type": "http", "method": "POST", "headers": [(b"authorization", f"Bearer {TOKEN}".encode())]}

    claimed, n = await asyncio.gather(
        work.serve("claim", scope, b'{"wait":5}', receive),
        desk.submit(account),
    )

    assert [lease["task"] for lease in json.loads(claimed.body)["leases"]] == [desk.ids.show(n)]
    store.close()


def waiting(room: WaitingRoom, *kinds: Kind, machine: bool = False) -> asyncio.Task[None]:
    solver = Solver(id=SolverId(len(room) + 1), name="one", machine=machine, languages=frozenset({"en"}))
    gone = asyncio.get_running_loop().create_future()
    return asyncio.create_task(room.wait(solver, kinds, 60, gone))


async def test_of_places_that_came_free_elsewhere_as_many_wake_as_wait_for_such():
    room = WaitingRoom()
    waits = [waiting(room, Kind.TEXT), waiting(room, Kind.TEXT, machine=True), waiting(room, Kind.GRID)]
    waits += [waiting(room, Kind.TEXT), waiting(room, Kind.TEXT)]
    await asyncio.sleep(0)
    opened = {Opening(Kind.TEXT, Route.PEOPLE): 2, Opening(Kind.GRID, Route.PEOPLE, "de"): 5}
    room.hear(Heard(elsewhere=Elsewhere(opened=opened)))
    await asyncio.sleep(0)

    assert [wait.done() for wait in waits] == [True, False, False, True, False]
    assert (room.untaken([Kind.TEXT]), room.untaken([Kind.GRID])) == (0, 5)
    assert len(room) == 3
    room.close()
    await asyncio.gather(*waits)
