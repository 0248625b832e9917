"""Whoever looks back finds what is theirs, in its order, and pays for what is shown and not for what lies between."""

from __future__ import annotations

import msgspec
import pytest

from answerdesk.desk.ports import Listing
from answerdesk.desk.sums import Spending
from answerdesk.model.account import Millis
from answerdesk.model.answer import Decline, Outcome
from answerdesk.model.task import State
from answerdesk.store import tables
from answerdesk.store.records import MOST_NARROWED
from tests.store.driver import Desk


async def test_a_tasks_leases_are_read_in_the_order_given(desk):
    account, first, second = await desk.open_account(), await desk.person(), await desk.person()
    n = await desk.submit(account)
    (early,) = await desk.claim(first)
    await desk.give_back(first, early, Decline.LANGUAGE)
    desk.clock.pass_by(1_000)
    (late,) = await desk.claim(second)

    said = await desk.store.leases(n)

    assert [lease.token for lease in said] == [early.token, late.token]
    assert [lease.outcome for lease in said] == [Outcome.DECLINED, None]


async def test_another_tasks_leases_are_not_among_them(desk):
    account, person = await desk.open_account(), await desk.person()
    first, second = await desk.submit(account), await desk.submit(account)
    await desk.claim(person)

    assert [lease.task for lease in await desk.store.leases(first)] == [first]
    assert await desk.store.leases(second) == []


async def test_an_accounts_tasks_are_listed_newest_first_whatever_their_state(desk):
    account, other, person = await desk.open_account(), await desk.open_account(), await desk.person()
    ready = await desk.solved(account, person)
    failed = await desk.submit(account)
    await desk.cancel(failed)
    await desk.submit(other)
    opened = [await desk.submit(account) for _ in range(2)]

    async def listed(**wanted):
        return [task.n for task in await desk.store.tasks(Listing(account=account.id, most=10, **wanted))]

    assert await listed() == [opened[1], opened[0], failed, ready]
    assert await listed(before=failed) == [ready]
    assert await listed(state=State.OPEN) == [opened[1], opened[0]]
    assert await listed(state=State.FAILED) == [failed]
    assert await listed(state=State.READY, before=ready) == []


async def steps_of(store, read):
    """Count, in hundreds, the steps the database takes for a read."""
    counted = 0

    def count():
        nonlocal counted
        counted += 1

    connection = store._read  # noqa: SLF001 - the database is watched from outside
    connection.set_progress_handler(count, 100)
    await read
    connection.set_progress_handler(None, 0)
    return counted


async def lay_by(desk, account, person, count):
    """Store one task that was answered, again and again, each with its charge two days ago."""
    kept = await desk.task(await desk.solved(account, person))
    places = ", ".join("?" * len(tables.task_row(kept)))
    tasks = (tables.task_row(msgspec.structs.replace(kept, n=kept.n + 10**4 * count + i)) for i in range(count))
    write_many(desk, f"INSERT INTO tasks ({tables.TASK}) VALUES ({places})", tasks)
    write_many(desk, CHARGE, [(desk.clock.now() - 2 * 86_400_000, account.id, 0)] * count)


CHARGE = "INSERT INTO entries (at, move, amount, account, solver, n, note) VALUES (?, 'charge', 1, ?, 0, ?, '')"


def write_many(desk, statement, rows):
    """Write many rows in one transaction."""
    database = desk.store._group._db  # noqa: SLF001 - past the verbs, which would take long over so many
    database.execute("BEGIN IMMEDIATE")
    database.executemany(statement, rows)
    database.execute("COMMIT")


@pytest.mark.parametrize(
    "read",
    [
        lambda store, account, now: store.tasks(Listing(account=account.id, most=50)),
        lambda store, account, now: store.tasks(Listing(account=account.id, state=State.OPEN, most=50)),
        lambda store, account, now: store.tasks(Listing(account=account.id, state=State.FAILED, most=50)),
        lambda store, account, now: store.spending(account.id, Millis(now - 86_400_000), Millis(now + 1), Spending()),
    ],
    ids=["newest", "open", "failed", "spent"],
)
async def test_a_long_history_costs_a_customers_look_back_nothing(file, clock, read):
    desk = Desk(file.open(), clock)
    account, person = await desk.open_account(), await desk.person()
    await lay_by(desk, account, person, 100)
    short = await steps_of(desk.store, read(desk.store, account, clock.now()))
    await lay_by(desk, account, person, 5_000)

    assert await steps_of(desk.store, read(desk.store, account, clock.now())) <= short + 1


async def test_of_very_many_charges_the_newest_are_added_up(file, clock):
    desk = Desk(file.open(), clock)
    account, person = await desk.open_account(), await desk.person()
    n, now = await desk.solved(account, person), clock.now()
    before = now - 3_600_000
    write_many(desk, CHARGE, [(before, account.id, n), *[(now + 1, account.id, n)] * MOST_NARROWED])
    ask = (account.id, Millis(now - 86_400_000), Millis(now + 2))

    every = await desk.store.spending(*ask, Spending())
    narrowed = await desk.store.spending(*ask, Spending(types=("ImageToTextTask",)))

    assert sum(each.count for each in every) == MOST_NARROWED + 2
    assert [each.count for each in narrowed] == [MOST_NARROWED]
    assert await desk.store.spending(*ask, Spending(types=("GridTask",))) == []
