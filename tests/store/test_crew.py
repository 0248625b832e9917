"""Those who answer, over every store: their standing, pace, wages and history, at a cost that does not grow."""

from __future__ import annotations

import msgspec
import pytest

from answerdesk.desk.crew import Lane, Pace, Wages
from answerdesk.model.answer import Decline, Outcome
from answerdesk.model.judge import Rules
from answerdesk.model.money import Micros, Move
from answerdesk.model.question import Kind
from answerdesk.model.solver import SolverId
from answerdesk.model.standing import Standing
from answerdesk.store import tables
from tests.store.driver import PAY, Desk, draft
from tests.store.test_listing import steps_of


async def standing(desk: Desk, solver) -> Standing:
    return await desk.store.standing(solver.id)


async def counted(desk: Desk, solver) -> tuple[int, int, int]:
    stands = await standing(desk, solver)
    return stands.said, stands.judged, stands.agreed


async def disputed(desk: Desk, account, machine, person, *, read: str, meant: str):
    """Let a machine be unsure of a task and a person settle it."""
    n = await desk.submit(account)
    (lease,) = await desk.claim(machine)
    await desk.answer(machine, lease, read, confidence=0.6)
    (lease,) = await desk.claim(person)
    assert (await desk.answer(person, lease, meant)).accepted
    return n


class TestStanding:
    async def test_who_said_nothing_stands_nowhere(self, desk):
        person = await desk.person()

        assert await standing(desk, person) == Standing(solver=person.id)

    async def test_a_lone_answer_is_counted_but_judged_by_nobody(self, desk):
        account, person = await desk.open_account(), await desk.person()
        await desk.solved(account, person)

        assert await counted(desk, person) == (1, 0, 0)

    async def test_two_who_say_the_same_are_both_right(self, desk):
        account, machine = await desk.open_account(), await desk.machine(on_shift=True)
        person = await desk.person(on_shift=True)
        await disputed(desk, account, machine, person, read="Word", meant="word")

        assert await counted(desk, machine) == (1, 1, 1)
        assert await counted(desk, person) == (1, 1, 1)

    async def test_who_was_overruled_is_wrong_and_the_overruler_not_yet_right(self, desk):
        account, machine = await desk.open_account(), await desk.machine(on_shift=True)
        person = await desk.person(on_shift=True)
        await disputed(desk, account, machine, person, read="wood", meant="word")

        assert await counted(desk, machine) == (1, 1, 0)
        assert await counted(desk, person) == (1, 0, 0)

    async def test_a_report_judges_a_lone_answer_and_the_opposite_one_turns_it_round(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.solved(account, person)

        await desk.report(n, account, correct=True)
        assert await counted(desk, person) == (1, 1, 1)
        await desk.report(n, account, correct=False)
        assert await counted(desk, person) == (1, 1, 0)
        await desk.report(n, account, correct=False)
        assert await counted(desk, person) == (1, 1, 0)

    async def test_a_report_that_the_answer_is_wrong_clears_nobody_else(self, desk):
        account, machine = await desk.open_account(), await desk.machine(on_shift=True)
        person = await desk.person(on_shift=True)
        n = await disputed(desk, account, machine, person, read="wood", meant="word")

        await desk.report(n, account, correct=False)

        assert await counted(desk, machine) == (1, 0, 0)
        assert await counted(desk, person) == (1, 1, 0)

    async def test_what_is_refused_or_declined_is_not_counted(self, desk):
        account, person = await desk.open_account(), await desk.person(on_shift=True)
        await desk.set_rules(Rules(declines=1))
        await desk.submit(account)
        (lease,) = await desk.claim(person)
        await desk.give_back(person, lease)
        n = await desk.submit(account)
        (lease,) = await desk.claim(person)
        await desk.cancel(n)
        assert not (await desk.answer(person, lease)).accepted

        assert await counted(desk, person) == (0, 0, 0)

    async def test_many_answers_of_one_commit_are_all_counted(self, desk):
        account, person = await desk.open_account(), await desk.person()
        numbers = [await desk.solved(account, person) for _ in range(25)]
        for n in numbers:
            await desk.report(n, account, correct=True)

        stands = await standing(desk, person)
        assert (stands.said, stands.judged, stands.agreed) == (25, 25, 25)
        assert stands.accuracy is None
        for _ in range(10):
            await desk.solved(account, person)
        assert (await standing(desk, person)).accuracy == 1.0


class TestWages:
    async def test_earnings_are_told_by_day_week_and_in_all(self, desk, clock):
        account, person = await desk.open_account(), await desk.person()
        for _ in range(3):
            await desk.solved(account, person)
            clock.pass_by(4 * 86_400_000)
        clock.pass_by(-4 * 86_400_000)

        wages = await desk.store.wages(person.id, clock.now())

        assert wages == Wages(today=Micros(PAY), week=Micros(2 * PAY), earned=Micros(3 * PAY))
        assert wages.owed == 3 * PAY

    async def test_a_solvers_ledger_is_its_own_and_comes_newest_first_by_pages(self, desk):
        account, person, other = await desk.open_account(), await desk.person(), await desk.person()
        numbers = [await desk.solved(account, person) for _ in range(3)]
        await desk.solved(account, other)

        first = await desk.store.earnings(person.id, 2**62, 2)
        rest = await desk.store.earnings(person.id, first[-1][0], 2)

        assert [entry.task for _, _, entry in (*first, *rest)] == numbers[::-1]
        assert {(entry.move, entry.amount, entry.solver) for _, _, entry in (*first, *rest)} == {
            (Move.PAY, PAY, person.id)
        }


class TestPace:
    async def test_only_the_last_hours_answers_count_and_live_leases(self, desk, clock):
        account, person = await desk.open_account(), await desk.person()
        assert await desk.store.pace(person.id, clock.now()) == Pace()
        await desk.solved(account, person)
        clock.pass_by(3_600_000)
        for seconds in (1, 9, 4):
            await desk.submit(account)
            (lease,) = await desk.claim(person)
            clock.pass_by(seconds * 1_000)
            await desk.answer(person, lease)
        await desk.submit(account)
        await desk.claim(person)

        assert await desk.store.pace(person.id, clock.now()) == Pace(answers=3, milliseconds=4_000, holds=1)
        clock.pass_by(60_000)
        assert (await desk.store.pace(person.id, clock.now())).holds == 0


class TestLanes:
    async def test_each_kind_has_its_lane_and_an_idle_one_is_empty(self, desk):
        lanes = await desk.store.lanes(desk.clock.now())

        assert lanes[0] == Lane(kind=Kind.TEXT)
        assert len({lane.kind for lane in lanes}) == len(lanes) == 9

    async def test_waiting_tasks_are_counted_until_somebody_works_on_them(self, desk, clock):
        account, person = await desk.open_account(), await desk.person()
        came = clock.now()
        for _ in range(3):
            await desk.submit(account)
            clock.pass_by(1_000)

        lanes = {lane.kind: lane for lane in await desk.store.lanes(clock.now())}
        assert lanes[Kind.TEXT] == Lane(kind=Kind.TEXT, waiting=3, oldest=came)

        await desk.claim(person, 2)
        lanes = {lane.kind: lane for lane in await desk.store.lanes(clock.now())}
        assert lanes[Kind.TEXT] == Lane(kind=Kind.TEXT, waiting=1, oldest=came + 2_000, working=2)

    async def test_a_lease_of_a_task_that_ended_is_no_work(self, desk, clock):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.submit(account)
        await desk.claim(person)
        await desk.cancel(n)

        assert {lane.working for lane in await desk.store.lanes(clock.now())} == {0}


class TestSaid:
    async def test_history_is_ones_own_newest_first_with_task_and_media(self, desk, clock):
        account, person, other = await desk.open_account(), await desk.person(on_shift=True), await desk.person()
        first = await desk.solved(account, person, "one")
        clock.pass_by(1)
        second = await desk.submit(account)
        (lease,) = await desk.claim(person)
        await desk.give_back(person, lease, Decline.BROKEN)
        clock.pass_by(1)
        await desk.solved(account, other, "two")
        await desk.submit(account)
        await desk.claim(person)

        said = await desk.store.said(person.id, 50)

        assert [(each.lease.task, each.task.n, each.lease.said, each.media) for each in said] == [
            (second, second, b'"broken"', True),
            (first, first, b'"one"', True),
        ]
        assert [each.lease.task for each in await desk.store.said(person.id, 1)] == [second]


async def lay_by(desk, account, person, count):
    """Store one answer again and again, each paid and of long ago, and as many leases that ran out without a word."""
    n = await desk.solved(account, person)
    (kept,) = await desk.store.leases(n)
    database = desk.store._group._db  # noqa: SLF001 - many rows at once
    marks = ", ".join("?" * len(tables.lease_row(kept)))
    # In one transaction, which waits for the disk once.
    database.execute("BEGIN IMMEDIATE")
    for outcome, ago in ((Outcome.ANSWERED, kept.ended), (None, 0)):
        past = ({"token": f"{outcome} {n} {i}", "given": i, "until": i + 9, "ended": min(i, ago)} for i in range(count))
        rows = (tables.lease_row(msgspec.structs.replace(kept, outcome=outcome, **each)) for each in past)
        database.executemany(f"INSERT INTO leases ({tables.LEASE}) VALUES ({marks})", rows)
    pay = "INSERT INTO entries (at, move, amount, account, solver, n, note) VALUES (0, 'pay', 1, 0, ?, 0, '')"
    database.executemany(pay, [(person.id,)] * count)
    database.execute("COMMIT")


@pytest.mark.parametrize(
    "read",
    [
        lambda store, person, now: store.standing(person),
        lambda store, person, now: store.wages(person, now),
        lambda store, person, now: store.pace(person, now),
        lambda store, person, now: store.lanes(now),
        lambda store, person, now: store.said(person, 50),
        lambda store, person, now: store.earnings(person, 2**62, 50),
    ],
    ids=["standing", "wages", "pace", "lanes", "said", "earnings"],
)
async def test_a_long_history_costs_a_look_at_the_crew_nothing(file, clock, read):
    desk = Desk(file.open(), clock)
    account, person = await desk.open_account(), await desk.person()
    await lay_by(desk, account, person, 100)
    short = await steps_of(desk.store, read(desk.store, person.id, clock.now()))
    await lay_by(desk, account, person, 5_000)

    assert await steps_of(desk.store, read(desk.store, person.id, clock.now())) <= short + 5


async def test_a_stranger_has_nothing(desk):
    nobody, now = SolverId(404), desk.clock.now()

    assert await desk.store.wages(nobody, now) == Wages()
    assert await desk.store.said(nobody, 50) == await desk.store.earnings(nobody, 2**62, 50) == []


async def test_grids_wait_in_their_own_lane(desk):
    account, _ = await desk.open_account(), await desk.person()
    await desk.submit(account, draft())

    assert [lane.kind for lane in await desk.store.lanes(desk.clock.now()) if lane.waiting] == [Kind.TEXT]
