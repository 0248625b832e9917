"""What is read of the database for whoever watches: when, how often, by whom, and what comes of it when it fails."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from answerdesk.api.metrics import LEDGER_SECONDS, QUEUE_SECONDS, Look
from answerdesk.desk.ports import House, Unavailable
from answerdesk.desk.sums import Sums
from answerdesk.model.question import Kind
from answerdesk.model.trust import FEW, Comparison
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock
from tests.store.driver import TYPE, Desk
from tests.store.test_trials import Counted


class World:
    """A desk in a file, and somebody who looks at it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.clock = Clock()
        self.store = SqliteStore(path, self.clock)
        self.desk = Desk(self.store, self.clock)
        self.look = Look(self.store.glance(), self.store.house, self.clock)

    async def numbers(self) -> dict[str, Any]:
        """Look again, at what is there now."""
        self.clock.pass_by(int(LEDGER_SECONDS * 1000))
        await self.look.numbers()
        await self.settle()
        return dict(await self.look.numbers())

    async def settle(self) -> None:
        """Wait for the ledger, which nobody else waits for."""
        await asyncio.gather(*self.look._looking.values())  # noqa: SLF001 - it is nobody's else business

    async def value(self, name: str) -> float:
        return float(sum((await self.numbers())[name].values()))


@pytest.fixture
async def world(tmp_path):
    made = World(str(tmp_path / "desk.db"))
    yield made
    await made.look.close()
    made.store.close()


async def a_waiting_task(world: World) -> None:
    account = await world.desk.open_account()
    await world.desk.person(kinds=frozenset({Kind.TEXT}))
    await world.desk.submit(account, deadline_ms=3_600_000)


async def a_leased_task(world: World) -> None:
    account = await world.desk.open_account()
    person = await world.desk.person(kinds=frozenset({Kind.TEXT}))
    world.clock.pass_by(int(LEDGER_SECONDS * 1000))
    await world.desk.submit(account, deadline_ms=3_600_000)
    (lease,) = await world.desk.claim(person)
    # Looked at while the lease lives.
    world.clock.set_to(lease.until - 1 - int(LEDGER_SECONDS * 1000))


async def a_lease_that_ran_out(world: World) -> None:
    account = await world.desk.open_account()
    person = await world.desk.person(kinds=frozenset({Kind.TEXT}))
    await world.desk.submit(account, deadline_ms=3_600_000)
    await world.desk.claim(person)


async def a_person(world: World) -> None:
    seen = world.clock.now() + int(LEDGER_SECONDS * 1000)
    await world.desk.person(kinds=frozenset({Kind.TEXT, Kind.GRID}), seen=seen)


async def a_machine(world: World) -> None:
    await world.desk.machine(kinds=frozenset({Kind.TEXT}), seen=world.clock.now() + int(LEDGER_SECONDS * 1000))


async def wrong_money(world: World) -> None:
    await world.desk.open_account()
    with closing(sqlite3.connect(world.path, isolation_level=None)) as database:
        database.execute("UPDATE accounts SET balance = balance + 1")


async def money(world: World) -> None:
    await world.desk.open_account(balance=5)


async def a_broken_table(world: World) -> None:
    with closing(sqlite3.connect(world.path, isolation_level=None)) as database:
        database.execute("ALTER TABLE lines RENAME TO rows")


async def a_machine_that_got_worse(world: World) -> None:
    machine = await world.desk.machine()
    counted = Comparison(type=TYPE, profile="meter", solver=machine.id, permille=990, compared=FEW, agreed=FEW // 2)
    await world.store.run(Counted(comparisons=(counted,)))


async def time(world: World) -> None:
    world.clock.pass_by(1)


LOOKED_AT: dict[str, Callable[[World], Awaitable[None]]] = {
    "answerdesk_queue_tasks": a_waiting_task,
    "answerdesk_queue_age_seconds": a_waiting_task,
    "answerdesk_queue_leases": a_leased_task,
    "answerdesk_lease_expiries_total": a_lease_that_ran_out,
    "answerdesk_people_on_shift": a_person,
    "answerdesk_machines_on_shift": a_machine,
    "answerdesk_profiles_worse": a_machine_that_got_worse,
    "answerdesk_ledger_drift": wrong_money,
    "answerdesk_ledger_entries": money,
    "answerdesk_ledger_checked_timestamp_seconds": time,
    "answerdesk_unread": a_broken_table,
}


@pytest.mark.parametrize("name", LOOKED_AT)
async def test_what_is_looked_at_moves_when_its_thing_happens(world, name):
    before = await world.value(name)
    await LOOKED_AT[name](world)

    assert await world.value(name) > before


async def test_a_desk_that_is_well_has_no_drift_and_nothing_unread(world):
    await a_lease_that_ran_out(world)
    numbers = await world.numbers()

    assert numbers["answerdesk_ledger_drift"] == {(): 0}
    assert numbers["answerdesk_unread"] == {(): 0}


async def test_the_age_of_a_queue_is_that_of_the_task_which_waits_longest(world):
    await a_waiting_task(world)
    world.clock.pass_by(20_000)
    ages = (await world.look.numbers())["answerdesk_queue_age_seconds"]

    assert ages[("text",)] == 20
    assert ages[("grid",)] == 0


async def test_a_lease_that_ran_out_is_counted_once_and_by_who_held_it(world):
    await a_lease_that_ran_out(world)
    await world.numbers()

    assert (await world.numbers())["answerdesk_lease_expiries_total"] == {("people",): 1, ("machines",): 0}


async def test_a_lease_under_which_something_was_said_never_ran_out(world):
    account = await world.desk.open_account()
    person = await world.desk.person(kinds=frozenset({Kind.TEXT}))
    await world.desk.solved(account, person)

    assert await world.value("answerdesk_lease_expiries_total") == 0


class Slow:
    """Reads nothing until it is let go, and notes how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = asyncio.Event()
        self.failing = False
        self.takes = 0
        self.clock = Clock()

    async def _asked(self, name: str) -> None:
        self.asked.append(name)
        await self.go.wait()
        if self.failing:
            raise Unavailable("the disk is away")

    async def lanes(self, now):
        await self._asked("lanes")
        return []

    async def ran_out(self, since, till):
        await self._asked("leases")
        return {}

    async def comparisons(self, now):
        await self._asked("profiles")
        return []

    async def sums(self):
        await self._asked("sums")
        self.clock.pass_by(self.takes)
        return Sums(drifting=(), entries=1)

    async def aclose(self):
        pass


@pytest.fixture
def slow():
    glance = Slow()
    return SimpleNamespace(glance=glance, clock=glance.clock, look=Look(glance, House, glance.clock))


async def test_however_many_ask_at_once_there_is_one_reading(slow):
    asking = [asyncio.create_task(slow.look.numbers()) for _ in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    slow.glance.go.set()
    await asyncio.gather(*asking)

    assert sorted(slow.glance.asked) == ["lanes", "leases", "profiles", "sums"]


async def test_what_was_read_is_not_read_again_before_it_has_aged(slow):
    slow.glance.go.set()
    for seconds in (0, QUEUE_SECONDS - 1, 1, QUEUE_SECONDS - 1):
        slow.clock.pass_by(int(seconds * 1000))
        await slow.look.numbers()

    assert slow.glance.asked.count("lanes") == 2
    assert slow.glance.asked.count("sums") == 1


async def test_nobody_waits_for_the_ledger(slow):
    slow.glance.go.set()
    slow.glance.go, held = asyncio.Event(), slow.glance.go
    reading = asyncio.create_task(slow.look.numbers())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert "sums" in slow.glance.asked
    slow.glance.go.set()
    numbers = await reading

    assert held.is_set()
    assert "answerdesk_queue_tasks" in numbers


async def test_a_ledger_that_takes_long_to_add_up_rests_in_proportion(slow):
    slow.glance.go.set()
    slow.glance.takes = 60_000
    for minutes in (0, 6, 6, 6, 3):
        slow.clock.pass_by(minutes * 60_000)
        await slow.look.numbers()
        await asyncio.sleep(0)

    assert slow.glance.asked.count("sums") == 2


async def test_a_reading_that_fails_is_told_and_tried_again(slow):
    slow.glance.go.set()
    slow.glance.failing = True
    await slow.look.numbers()
    failed = (await slow.look.numbers())["answerdesk_unread"]
    slow.glance.failing = False
    slow.clock.pass_by(int(QUEUE_SECONDS * 1000))
    await slow.look.numbers()
    await asyncio.sleep(0)

    assert failed == {(): 4}
    assert (await slow.look.numbers())["answerdesk_unread"] == {(): 0}


async def test_who_leaves_while_it_is_read_takes_it_from_nobody(slow):
    first = asyncio.create_task(slow.look.numbers())
    await asyncio.sleep(0)
    second = asyncio.create_task(slow.look.numbers())
    await asyncio.sleep(0)
    first.cancel()
    slow.glance.go.set()

    assert "answerdesk_queue_tasks" in await second
