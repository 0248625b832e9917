"""The queue of group commit: whatever fails, is cancelled, locked or closed, every caller hears, the next goes on."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from answerdesk.desk.books import OpenAccount, TopUp
from answerdesk.desk.ports import NO_CHANGES, Changes, Heard, Needs, Unavailable
from answerdesk.model.account import Account, AccountId, Purse
from answerdesk.model.money import Entry, Micros, Move
from answerdesk.store.database import connect, migrate
from answerdesk.store.group import BATCH, MOST_WAITING, GroupCommit, Pace
from answerdesk.store.sqlite import SqliteStore
from tests.store.driver import PRICE, Desk

PATIENT = Pace(patience=30.0)


def trip(code: int, words: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    return error


class Faulty:
    """A writer's connection whose next statements fail as told, before or after they reach the database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.faults: dict[str, list[Exception]] = {}
        self.done: list[str] = []

    def fail(self, statement: str, *errors: Exception) -> None:
        self.faults.setdefault(statement, []).extend(errors)

    def _pass(self, statement: str) -> None:
        self.done.append(statement)
        for start, errors in self.faults.items():
            if statement.startswith(start) and errors:
                raise errors.pop(0)

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        self._pass(statement)
        return self._connection.execute(statement, *values)

    def executemany(self, statement: str, rows: Any) -> sqlite3.Cursor:
        self._pass(statement)
        return self._connection.executemany(statement, rows)

    def commit(self) -> None:
        self._pass("COMMIT")
        self._connection.commit()

    def rollback(self) -> None:
        self._pass("ROLLBACK")
        self._connection.rollback()

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def close(self) -> None:
        self._connection.close()


class Broken:
    """A verb that fails where it must not."""

    def __init__(self, error: Exception, *, while_asked: bool = False) -> None:
        self._error = error
        self._while_asked = while_asked

    @property
    def needs(self) -> Needs:
        if self._while_asked:
            raise self._error
        return Needs()

    def decide(self, rows, now):
        raise self._error


class Unwritable:
    """A verb that decides on what no column holds."""

    needs = Needs()

    def decide(self, rows, now):
        return Changes(entries=(Entry(move=Move.TOPUP, amount=Micros(2**63)),)), None


class Nothing:
    """A verb that has nothing to write."""

    needs = Needs()

    def decide(self, rows, now):
        return NO_CHANGES, "nothing"


def account(number: int, name: str = "") -> OpenAccount:
    return OpenAccount(account=Account(id=AccountId(number), name=name or f"account {number}"))


def count(group: Faulty) -> int:
    return group.execute("SELECT count(*) FROM accounts").fetchone()[0]


@pytest.fixture
def faulty():
    connection = connect("")
    migrate(connection, lambda: bytes(24))
    return Faulty(connection)


@pytest.fixture
def group(faulty, clock):
    opened = GroupCommit(faulty, "", clock, PATIENT)
    yield opened
    opened.close()


async def rush(group: GroupCommit, verbs) -> list[Any]:
    return await asyncio.gather(*map(group.run, verbs), return_exceptions=True)


async def reached(faulty: Faulty, statement: str, times: int = 1) -> None:
    """Let the queue go on until it has come to a statement."""
    while faulty.done.count(statement) < times:  # noqa: ASYNC110 - the commit's thread could set no event
        await asyncio.sleep(0)


async def heard_in_time(waiting):
    return await asyncio.wait_for(waiting, 20)


async def test_verbs_that_wait_together_are_committed_together(group, faulty):
    await rush(group, [account(n) for n in range(1, 2 * BATCH + 2)])

    assert faulty.done.count("COMMIT") == 3
    assert count(faulty) == 2 * BATCH + 1


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
        *(group.run(account(n, "same" if n % 2 else "")) for n in range(1, 21)), return_exceptions=True
    )
    later = []
    for n in range(100, 140):
        await asyncio.sleep(0)
        later.append(asyncio.create_task(group.run(account(n, "same" if n % 10 == 0 else ""))))

    told = await heard_in_time(first) + await heard_in_time(asyncio.gather(*later, return_exceptions=True))

    assert sum(isinstance(each, Account) for each in told) == count(faulty) == 11 + 36
    assert {type(each) for each in told} == {Account, Unavailable}


async def test_a_busy_database_is_waited_for(group, faulty):
    faulty.fail("BEGIN", *[trip(sqlite3.SQLITE_BUSY, "database is locked")] * 5)

    assert await heard_in_time(group.run(account(1)))
    assert count(faulty) == 1


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_LOCKED]
)
async def test_a_lock_is_a_lock_whatever_its_reason(group, faulty, code):
    faulty.fail("BEGIN", trip(code, "locked"))

    assert await heard_in_time(group.run(account(1)))


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

    assert (await heard_in_time(group.run(account(2)))).id == 2
    assert count(faulty) == 1


async def test_a_hearer_that_fails_keeps_nobody_waiting(group, faulty):
    heard: list[Heard] = []
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    group.hearers += [lambda _: 1 / 0, heard.append]

    assert (await heard_in_time(group.run(account(1)))).id == 1
    assert (await heard_in_time(group.run(account(2)))).id == 2
    assert len(heard) == 2
    assert [type(each["exception"]) for each in complaints] == [ZeroDivisionError] * 2


async def test_callers_hear_after_the_hearers(group, faulty):
    order: list[str] = []
    group.hearers.append(lambda _: order.append("hearer"))

    await group.run(account(1))
    order.append("caller")

    assert order == ["hearer", "caller"]


class TestCancelled:
    async def test_a_caller_cancelled_before_its_turn_leaves_nothing_behind(self, group, faulty):
        tasks = [asyncio.create_task(group.run(account(n))) for n in range(1, 6)]
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
        tasks = [asyncio.create_task(group.run(account(n))) for n in range(1, BATCH + 1)]
        later = [asyncio.create_task(group.run(account(n))) for n in range(1_000, 1_010)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()

        assert len(await heard_in_time(asyncio.gather(*later))) == count(faulty) == 10

    async def test_everybody_cancelled_leaves_an_idle_queue(self, group, faulty):
        tasks = [asyncio.create_task(group.run(account(n))) for n in range(1, 4)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

        assert (await heard_in_time(group.run(account(9)))).id == 9
        assert count(faulty) == 1

    async def test_a_caller_cancelled_during_its_commit_harms_nobody(self, group, faulty):
        tasks = [asyncio.create_task(group.run(account(n))) for n in range(1, 6)]
        await reached(faulty, "COMMIT")
        tasks[2].cancel()

        told = await heard_in_time(asyncio.gather(*tasks, return_exceptions=True))

        assert sum(isinstance(each, Account) for each in told) >= 4
        assert count(faulty) == 5

    async def test_a_caller_cancelled_while_the_database_is_busy_harms_nobody(self, group, faulty):
        faulty.fail("BEGIN", *[trip(sqlite3.SQLITE_BUSY, "locked")] * 3)
        tasks = [asyncio.create_task(group.run(account(n))) for n in range(1, 4)]
        await reached(faulty, "BEGIN IMMEDIATE")
        tasks[0].cancel()

        told = await heard_in_time(asyncio.gather(*tasks, return_exceptions=True))

        assert [type(each) for each in told[1:]] == [Account] * 2


class TestClose:
    async def test_who_waits_at_the_close_is_turned_away_and_who_was_committed_is_told(self, group, faulty):
        tasks = [asyncio.create_task(group.run(account(n))) for n in range(1, 2 * BATCH + 1)]
        await reached(faulty, "COMMIT")
        group.close()

        told = await heard_in_time(asyncio.gather(*tasks, return_exceptions=True))

        assert [type(each) for each in told] == [Account] * BATCH + [Unavailable] * BATCH

    async def test_who_waits_for_a_turn_alone_is_turned_away_too(self, group, faulty):
        faulty.fail("INSERT INTO accounts", sqlite3.DatabaseError("for the batch"))
        tasks = [asyncio.create_task(group.run(account(n))) for n in range(1, 11)]
        await reached(faulty, "COMMIT")
        group.close()

        told = await heard_in_time(asyncio.gather(*tasks, return_exceptions=True))

        assert [type(each) for each in told] == [Account] + [Unavailable] * 9

    async def test_a_batch_that_waits_for_the_lock_is_turned_away(self, group, faulty):
        faulty.fail("BEGIN", *[trip(sqlite3.SQLITE_BUSY, "locked")] * 1_000)
        waiting = asyncio.create_task(group.run(account(1)))
        await reached(faulty, "BEGIN IMMEDIATE", 2)
        group.close()
        faulty.faults.clear()

        with pytest.raises(Unavailable):
            await heard_in_time(waiting)

    async def test_a_closed_store_turns_everybody_away_and_closes_again(self, group):
        group.close()
        group.close()

        with pytest.raises(Unavailable, match="closed"):
            await heard_in_time(group.run(account(1)))


async def test_when_too_many_wait_the_next_is_turned_away_at_once(group, faulty):
    faulty.fail("BEGIN", *[trip(sqlite3.SQLITE_BUSY, "locked")] * 3)
    tasks = [asyncio.create_task(group.run(Nothing())) for _ in range(MOST_WAITING + 1)]

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
    await group.run(account(1))
    faulty.fail("COMMIT", sqlite3.OperationalError("disk I/O error"))
    await rush(group, [TopUp(account=AccountId(1), amount=Micros(5))])

    purse = await group.run(TopUp(account=AccountId(1), amount=Micros(7)))

    assert purse == Purse(account=AccountId(1), balance=Micros(7))


class Watched(GroupCommit):
    """A queue whose log has the size a test says, and whose checkpoints are only noted down."""

    def __init__(self, connection: Any, clock: Any, pace: Pace) -> None:
        self.size = 0
        self.held = False
        self.order: list[str] = []
        self.failing: list[Exception] = []
        super().__init__(connection, "", clock, pace)

    def _wal_size(self) -> int:
        return self.size

    def _checkpoint(self, truncate: bool) -> None:
        self.order.append("truncate" if truncate else "fold")
        if self.failing:
            raise self.failing.pop()
        if truncate and not self.held:
            self.size = 0


class TestLog:
    """When the write-ahead log is folded back beside the work, and when the work waits for it."""

    PACE = Pace(fold=10, pause=100, rest=1_000.0)

    @pytest.fixture
    def watch(self, faulty, clock):
        opened: list[Watched] = []

        def watch(pace: Pace = self.PACE) -> Watched:
            opened.append(Watched(faulty, clock, pace))
            opened[-1].hearers.append(lambda _: opened[-1].order.append("commit"))
            return opened[-1]

        yield watch
        for each in opened:
            each.close()

    async def write(self, group: Watched, *numbers: int) -> None:
        for number in numbers:
            await heard_in_time(group.run(account(number)))

    async def test_a_short_log_is_left_alone(self, watch):
        group = watch()
        group.size = 9
        await self.write(group, 1, 2)

        assert group.order == ["commit"] * 2

    async def test_a_longer_one_is_folded_back_beside_the_work(self, watch):
        group = watch()
        group.size = 10
        await self.write(group, 1, 2)

        assert "fold" in group.order
        assert "truncate" not in group.order

    async def test_one_too_long_is_truncated_before_the_next_commit(self, watch):
        group = watch()
        group.size = 101
        await heard_in_time(rush(group, [account(n) for n in range(1, BATCH + 2)]))

        assert group.order == ["commit", "truncate", "commit"]

    async def test_while_a_reader_keeps_it_long_the_queue_pauses_once_and_rests(self, watch):
        group = watch()
        group.size, group.held = 101, True
        await self.write(group, *range(1, 10))

        assert group.order[:2] == ["commit", "truncate"]
        assert group.order.count("truncate") == 1
        assert group.order.count("commit") == 9

    async def test_after_its_rest_it_tries_again(self, watch):
        group = watch(Pace(fold=10, pause=100, rest=0.0))
        group.size, group.held = 101, True
        await self.write(group, 1, 2, 3)
        assert group.order[:4] == ["commit", "truncate"] * 2
        group.held = False
        await self.write(group, 4, 5)

        assert group.size == 0

    @pytest.mark.parametrize("size", [50, 101])
    async def test_a_checkpoint_that_fails_is_told_and_stops_nothing(self, watch, size):
        group = watch(Pace(fold=10, pause=100, rest=0.0))
        group.failing.append(sqlite3.OperationalError("disk I/O error"))
        group.size = size
        await self.write(group, 1)
        while group._folding:  # noqa: ASYNC110, SLF001 - nothing tells of a checkpoint's end
            await asyncio.sleep(0)
        assert group.trouble == "checkpoint: disk I/O error"
        group.size = 0
        await self.write(group, 2)

        assert group.trouble is None

    async def test_a_store_that_closes_starts_no_checkpoint(self, watch, faulty):
        group = watch()
        group.size = 101
        waiting = asyncio.create_task(group.run(account(1)))
        await reached(faulty, "COMMIT")
        group.close()

        assert (await heard_in_time(waiting)).id == 1
        assert group.order == ["commit"]
