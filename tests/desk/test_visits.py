"""A session is looked up once and remembered until settings change; one that ended or ran out is nobody's."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from answerdesk.desk import visits
from answerdesk.desk.ports import Heard, House, Unavailable
from answerdesk.desk.visits import Visit, Visits
from answerdesk.model.account import Millis, digest
from answerdesk.model.person import IDLE_MS, LIFE_MS, SEEN_EVERY_MS, Person, PersonId, Role, Session
from answerdesk.model.solver import Solver, SolverId

NOW = Millis(1_760_000_000_000)
SOLVER = Solver(id=SolverId(2), name="ann", machine=False)
ANN = Person(id=PersonId(1), name="ann", role=Role.WORKER, solver=SOLVER.id)
SESSION = Session(digest=digest("token"), person=ANN.id, seen=NOW, until=Millis(NOW + LIFE_MS))


class Door:
    """The part of a store that visits ask, counting how often."""

    def __init__(self) -> None:
        self.found: tuple[Session, Person] | None = (SESSION, ANN)
        self.solvers: tuple[Solver, ...] = (SOLVER,)
        self.asked: list[bytes] = []
        self.ran: list[Any] = []
        self.says: Any = None
        self.tell: Any = None

    def listen(self, hearer) -> None:
        self.tell = hearer

    def house(self) -> House:
        return House(solvers=self.solvers)

    async def session(self, digest: bytes) -> tuple[Session, Person] | None:
        self.asked.append(digest)
        return self.found

    async def run(self, verb):
        self.ran.append(verb)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def hall(door) -> Visits:
    return Visits(door, door)


async def test_a_session_is_looked_up_once(door, hall):
    expected = Visit(session=SESSION, person=ANN, solver=SOLVER)

    assert [await hall.visit("token", NOW) for _ in range(3)] == [expected] * 3
    assert door.asked == [digest("token")]


async def test_changed_settings_are_looked_up_anew_and_settled_tasks_are_no_change(door, hall):
    await hall.visit("token", NOW)
    door.tell(Heard())
    await hall.visit("token", NOW)
    assert len(door.asked) == 1
    door.found = None
    door.tell(Heard(settings=True))

    assert await hall.visit("token", NOW) is None


@pytest.mark.parametrize("found", [None, (SESSION, replace(ANN, enabled=False))], ids=["unknown", "suspended"])
async def test_nobody_is_not_remembered(door, hall, found):
    door.found = found

    assert [await hall.visit("token", NOW) for _ in range(2)] == [None] * 2
    assert len(door.asked) == 2
    assert await hall.visit("", NOW) is None
    assert len(door.asked) == 2


async def test_a_session_that_ran_out_while_remembered_is_nobodys(hall):
    assert await hall.visit("token", NOW) is not None

    assert await hall.visit("token", Millis(NOW + IDLE_MS)) is None


@pytest.mark.parametrize(
    "solvers", [(), (replace(SOLVER, enabled=False),), (replace(SOLVER, id=SolverId(3)),)], ids=str
)
async def test_who_has_no_solver_in_force_answers_as_nobody(door, hall, solvers):
    door.solvers = solvers
    visit = await hall.visit("token", NOW)

    assert (visit.person, visit.solver) == (ANN, None)


async def test_who_answers_nothing_answers_as_nobody(door, hall):
    door.found = SESSION, replace(ANN, solver=None)

    assert (await hall.visit("token", NOW)).solver is None


async def test_use_is_written_down_every_so_often(door, hall):
    later = Millis(NOW + SEEN_EVERY_MS)
    door.says = replace(SESSION, seen=later)
    await hall.visit("token", Millis(later - 1))
    assert door.ran == []

    assert [(await hall.visit("token", later)).session.seen for _ in range(2)] == [later] * 2
    assert [verb.session for verb in door.ran] == [SESSION.digest]


async def test_a_session_that_ended_meanwhile_is_nobodys(door, hall):
    assert await hall.visit("token", Millis(NOW + SEEN_EVERY_MS)) is None


async def test_a_session_holds_while_nothing_can_be_written(door, hall):
    door.says = Unavailable("the disk is full")

    assert (await hall.visit("token", Millis(NOW + SEEN_EVERY_MS))).session == SESSION


async def test_settings_that_change_while_use_is_written_are_not_forgotten(door, hall):
    class Changing(Door):
        async def run(self, verb):
            self.tell(Heard(settings=True))
            return replace(SESSION, seen=Millis(NOW + SEEN_EVERY_MS))

    changing: Any = Changing()
    hall = Visits(changing, changing)
    assert (await hall.visit("token", Millis(NOW + SEEN_EVERY_MS))) is not None
    changing.found = None

    assert await hall.visit("token", Millis(NOW + SEEN_EVERY_MS)) is None


async def test_no_more_sessions_are_remembered_than_memory_bears(door, hall):
    for n in range(visits.MOST_REMEMBERED + 1):
        await hall.visit(str(n), NOW)
    asked = len(door.asked)
    await hall.visit("0", NOW)
    assert len(door.asked) == asked
    await hall.visit(str(visits.MOST_REMEMBERED), NOW)

    assert len(door.asked) == asked + 1
