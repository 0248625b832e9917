"""The queue of group commit: whatever fails, is cancelled, locked or closed, every caller hears, the next goes on."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from answerdesk.desk.books import TopUp
from answerdesk.desk.ports import Heard, Unavailable
from answerdesk.model.account import Account, AccountId, Purse
from answerdesk.model.money import Micros
from answerdesk.store.callers import MOST_WAITING
from answerdesk.store.group import BATCH, GroupCommit, Pace
from answerdesk.store.sqlite import SqliteStore
from tests.store.driver import PRICE, Desk
from tests.store.faulty import Broken, Nothing, Unwritable, account, count, heard_in_time, reached, run, rush, trip

PATIENT = Pace(patience=30.0)


@pytest.fixture
def group(faulty, clock):
    opened = GroupCommit(faulty, "", clock, PATIENT)
    yield opened
    opened.close()


async def test_verbs_that_wait_together_are_committed_together(group, faulty):
    await rush(group, [account(n) for n in range(1, 2 * BATCH + 2)])

    assert faulty.done.count("COMMIT") == 3
    assert count(faulty) == 2 * BATCH + 1


class CrashesHalfway(TopUp, frozen=True):
    """A verb that fails after its first rows were shown to what follows."""

    def decide(self, rows, now):
        rows.absorb(super().decide(rows, now)[0])
        raise ZeroDivisionError


async def test_what_a_crashing_verb_had_begun_is_in_nobody_elses_rows(desk):
    account = await desk.open_account(balance=0)

    def top_up(verb, amount):
        return desk.store.run(verb(account=account.id, amount=Micros(amount)))

    told = await asyncio.gather(
        top_up(TopUp, 1), top_up(CrashesHalfway, 10), top_up(TopUp, 100), return_exceptions=True
    )

    assert [type(each) for each in told] == [Purse, ZeroDivisionError, Purse]
    assert await desk.money(account) == (101, 0, 0)
    assert (await desk.store.sums()).drifting == ()


async def test_a_batch_that_writes_nothing_is_not_committed(group, faulty):
    assert await rush(group, [Nothing(), Nothing()]) == ["nothing"] * 2
    assert "COMMIT" not in faulty.done
    assert not faulty.in_transaction


@pytest.mark.parametrize("while_asked", [False, True])
async def test_a_verb_that_fails_is_told_its_own_error_and_the_others_are_written(group, faulty, while_asked):
    error = ZeroDivisionError("a bug")

    told = await heard_in_time(rush(group, [account(1), Broken(error, while_asked=while_asked), account(2)]))

    assert told[1] is error
    assert [each.id for each in (told[0], told[2])] == [1, 2]
    assert count(faulty) == 2
    assert group.trouble is None


async def test_what_no_column_holds_fails_alone_and_the_queue_goes_on(group, faulty):
    told = await heard_in_time(rush(group, [account(1), Unwritable(), account(2)]))

    assert isinstance(told[1], OverflowError)
    assert await heard_in_time(rush(group, [account(3)]))
    assert count(faulty) == 3


async def test_a_broken_rule_of_the_schema_is_no_trouble_of_the_store(group, faulty):
    told = await heard_in_time(rush(group, [account(1, "alice"), account(2, "alice"), account(3)]))

    assert [type(each) for each in told] == [Account, Unavailable, Account]
    assert "accounts.name" in str(told[1])
    assert group.trouble is None


async def test_refused_alone_verbs_and_new_ones_all_get_through(group, faulty):
    """New callers come while a refused batch is run one by one."""
    first = asyncio.gather(
        *(run(group, account(n, "same" if n % 2 else "")) for n in range(1, 21)), return_exceptions=True
    )
    later = []
    for n in range(100, 140):
        await asyncio.sleep(0)
        later.append(asyncio.create_task(run(group, account(n, "same" if n % 10 == 0 else ""))))

    told = await heard_in_time(first) + await heard_in_time(asyncio.gather(*later, return_exceptions=True))

    assert sum(isinstance(each, Account) for each in told) == count(faulty) == 11 + 36
    assert {type(each) for each in told} == {Account, Unavailable}


async def test_a_busy_database_is_waited_for(group, faulty):
    faulty.fail("BEGIN", *[trip(sqlite3.SQLITE_BUSY, "database is locked")] * 5)

    assert await heard_in_time(run(group, account(1)))
    assert count(faulty) == 1


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_LOCKED]
)
async def test_a_lock_is_a_lock_whatever_its_reason(group, faulty, code):
    faulty.fail("BEGIN", trip(code, "locked"))

    assert await heard_in_time(run(group, account(1)))


async def test_a_database_that_is_busy_while_refused_verbs_run_alone_is_waited_for(group, faulty):
    faulty.fail("INSERT INTO accounts", sqlite3.DatabaseError("for the batch"))

    def begin_is_busy(heard: Heard) -> None:
        faulty.fail("BEGIN", trip(sqlite3.SQLITE_BUSY, "locked"))

    group.hearers.append(begin_is_busy)
    told = await heard_in_time(rush(group, [account(n) for n in range(1, 6)]))

    assert [each.id for each in told] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "statement", ["BEGIN", "PRAGMA data_version", "INSERT INTO accounts", "UPDATE accounts", "COMMIT"]
)
async def test_whatever_statement_fails_everybody_hears_and_the_next_batch_works(group, faulty, statement):
    size = 4
    faulty.fail(statement, *[sqlite3.OperationalError("disk I/O error")] * (size + 1))

    told = await heard_in_time(rush(group, [account(n) for n in range(1, size + 1)]))
    faulty.faults.clear()

    assert all(isinstance(each, Unavailable) for each in told)
    assert "disk I/O error" in (group.trouble or "")
    assert count(faulty) == 0
    assert not faulty.in_transaction
    assert len(await heard_in_time(rush(group, [account(n) for n in range(1, size + 1)]))) == count(faulty) == size
    assert group.trouble is None


async def test_a_commit_that_fails_fails_all_its_callers_and_nothing_of_it_is_told(group, faulty):
    heard: list[Heard] = []
    group.hearers.append(heard.append)
    faulty.fail("COMMIT", sqlite3.OperationalError("database or disk is full"))

    told = await heard_in_time(rush(group, [account(1), TopUp(account=AccountId(1), amount=Micros(5)), Nothing()]))

    assert [type(each) for each in told] == [Unavailable] * 3
    assert heard == []
    assert group.house.solvers == ()
    assert count(faulty) == 0


async def test_a_rollback_that_fails_is_made_up_for(group, faulty):
    faulty.fail("COMMIT", sqlite3.OperationalError("disk I/O error"))
    faulty.fail("ROLLBACK", sqlite3.OperationalError("disk I/O error"))
    assert isinstance((await heard_in_time(rush(group, [account(1)])))[0], Unavailable)

    assert (await heard_in_time(run(group, account(2)))).id == 2
    assert count(faulty) == 1


async def test_a_hearer_that_fails_keeps_nobody_waiting(group, faulty):
    heard: list[Heard] = []
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    group.hearers += [lambda _: 1 / 0, heard.append]

    assert (await heard_in_time(run(group, account(1)))).id == 1
    assert (await heard_in_time(run(group, account(2)))).id == 2
    assert len(heard) == 2
    assert [type(each["exception"]) for each in complaints] == [ZeroDivisionError] * 2


async def test_callers_hear_after_the_hearers(group, faulty):
    order: list[str] = []
    group.hearers.append(lambda _: order.append("hearer"))

    await run(group, account(1))
    order.append("caller")

    assert order == ["hearer", "caller"]


class TestCancelled:
    async def test_a_caller_cancelled_before_its_turn_leaves_nothing_behind(self, group, faulty):
        tasks = [asyncio.create_task(run(group, account(n))) for n in range(1, 6)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        tasks[4].cancel()

        told = await heard_in_time(asyncio.gather(*tasks, return_exceptions=True))

        assert [type(each) for each in told] == [
            Account,
            asyncio.CancelledError,
            Account,
            Account,
            asyncio.CancelledError,
        ]
        assert count(faulty) == 3

    async def test_a_whole_batch_cancelled_does_not_stop_the_next(self, group, faulty):
        tasks = [asyncio.create_task(run(group, account(n))) for n in range(1, BATCH + 1)]
        later = [asyncio.create_task(run(group, account(n))) for n in range(1_000, 1_010)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()

        assert len(await heard_in_time(asyncio.gather(*later))) == count(faulty) == 10

    async def test_everybody_cancelled_leaves_an_idle_queue(self, group, faulty):
        tasks = [asyncio.create_task(run(group, account(n))) for n in range(1, 4)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

        assert (await heard_in_time(run(group, account(9)))).id == 9
        assert count(faulty) == 1

    async def test_a_caller_cancelled_during_its_commit_harms_nobody(self, group, faulty):
        tasks = [asyncio.create_task(run(group, account(n))) for n in range(1, 6)]
        await reached(faulty, "COMMIT")
        tasks[2].cancel()

        told = await heard_in_time(asyncio.gather(*tasks, return_exceptions=True))

        assert sum(isinstance(each, Account) for each in told) >= 4
        assert count(faulty) == 5

    async def test_a_caller_cancelled_while_the_database_is_busy_harms_nobody(self, group, faulty):
        faulty.fail("BEGIN", *[trip(sqlite3.SQLITE_BUSY, "locked")] * 3)
        tasks = [asyncio.create_task(run(group, account(n))) for n in range(1, 4)]
        await reached(faulty, "BEGIN IMMEDIATE")
        tasks[0].cancel()

        told = await heard_in_time(asyncio.gather(*tasks, return_exceptions=True))

        assert [type(each) for each in told[1:]] == [Account] * 2


class TestClose:
    async def test_who_waits_at_the_close_is_turned_away_and_who_was_committed_is_told(self, group, faulty):
        tasks = [asyncio.create_task(run(group, account(n))) for n in range(1, 2 * BATCH + 1)]
        await reached(faulty, "COMMIT")
        group.close()

        told = await heard_in_time(asyncio.gather(*tasks, return_exceptions=True))

        assert [type(each) for each in told] == [Account] * BATCH + [Unavailable] * BATCH

    async def test_who_waits_for_a_turn_alone_is_turned_away_too(self, group, faulty):
        faulty.fail("INSERT INTO accounts", sqlite3.DatabaseError("for the batch"))
        tasks = [asyncio.create_task(run(group, account(n))) for n in range(1, 11)]
        await reached(faulty, "COMMIT")
        group.close()

        told = await heard_in_time(asyncio.gather(*tasks, return_exceptions=True))

        assert [type(each) for each in told] == [Account] + [Unavailable] * 9

    async def test_a_batch_that_waits_for_the_lock_is_turned_away(self, group, faulty):
        faulty.fail("BEGIN", *[trip(sqlite3.SQLITE_BUSY, "locked")] * 1_000)
        waiting = asyncio.create_task(run(group, account(1)))
        await reached(faulty, "BEGIN IMMEDIATE", 2)
        group.close()
        faulty.faults.clear()

        with pytest.raises(Unavailable):
            await heard_in_time(waiting)

    async def test_a_closed_store_turns_everybody_away_and_closes_again(self, group):
        group.close()
        group.close()

        with pytest.raises(Unavailable, match="closed"):
            await heard_in_time(run(group, account(1)))


async def test_when_too_many_wait_the_next_is_turned_away_at_once(group, faulty):
    faulty.fail("BEGIN", *[trip(sqlite3.SQLITE_BUSY, "locked")] * 3)
    tasks = [asyncio.create_task(run(group, Nothing())) for _ in range(MOST_WAITING + 1)]

    told = await heard_in_time(asyncio.gather(*tasks, return_exceptions=True))

    assert [type(each) for each in told[:MOST_WAITING]] == [str] * MOST_WAITING
    assert "too many" in str(told[-1])


class TestLocked:
    """Another process holds the write lock of the file."""

    @pytest.fixture
    def locker(self, file) -> Callable[[], sqlite3.Connection]:
        def lock() -> sqlite3.Connection:
            other = sqlite3.connect(file.path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            return other

        return lock

    async def test_while_it_is_held_callers_wait_and_then_get_through(self, file, clock, locker):
        desk = Desk(file.open(), clock)
        held, _ = await desk.open_account(), await desk.person()
        with closing(locker()) as other:
            waiting = asyncio.create_task(desk.submit(held))
            await asyncio.sleep(0.02)
            assert not waiting.done()
            other.execute("ROLLBACK")
            n = await heard_in_time(waiting)

        assert (await desk.task(n)).price == PRICE

    async def test_held_for_too_long_callers_are_turned_away_and_later_ones_get_through(self, file, clock, locker):
        file.open().close()
        store = SqliteStore(str(file.path), clock, pace=Pace(patience=0.05))
        desk = Desk(store, clock)
        held, _ = await desk.open_account(), await desk.person()
        with closing(locker()) as other:
            told = await heard_in_time(asyncio.gather(*(desk.submit(held) for _ in range(200)), return_exceptions=True))
            assert {type(each) for each in told} == {Unavailable}
            assert "locked" in (store.trouble or "")
            assert await desk.money(held) == (1_000_000, 0, 0)
            other.execute("ROLLBACK")

        assert await heard_in_time(desk.submit(held))
        assert store.trouble is None
        store.close()


async def test_purses_of_a_failed_batch_are_read_again(group, faulty):
    """What a rolled back batch decided is forgotten with it."""
    await run(group, account(1))
    faulty.fail("COMMIT", sqlite3.OperationalError("disk I/O error"))
    await rush(group, [TopUp(account=AccountId(1), amount=Micros(5))])

    purse = await run(group, TopUp(account=AccountId(1), amount=Micros(7)))

    assert purse == Purse(account=AccountId(1), balance=Micros(7))
