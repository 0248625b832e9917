"""Ranges forgotten at once on PostgreSQL: nothing of their tasks is in any table or on any board, and nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import msgspec
import pytest

from answerdesk.desk.board import Board
from answerdesk.desk.callbacks import Redeliver, Tried
from answerdesk.desk.chores import PATIENCE, Retention, empty, forget
from answerdesk.desk.elsewhere import Span
from answerdesk.desk.ports import Listing, Unavailable
from answerdesk.model.account import DAY_MS, Millis, Sequence
from answerdesk.model.callback import Attempt
from answerdesk.model.fault import Refusal
from answerdesk.store.cluster import open_connection
from answerdesk.store.postgres import CLOSED_MS, WHOLE
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock, Names
from tests.store.backends import Postgres
from tests.store.driver import Desk, draft
from tests.store.test_notify import becomes

#: So many numbers are in a range here.
WIDTH = 4
HOUR_MS = 3_600_000
RETENTION = Retention(results_ms=DAY_MS, media_ms=DAY_MS)
SHORT_MEDIA = Retention(results_ms=DAY_MS, media_ms=12 * HOUR_MS)


class Short(Postgres):
    """A desk's database whose ranges are short."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        super().__init__(folder, clock)
        self.meddle(f"UPDATE facts SET value = {WIDTH} WHERE name IN ('width', 'widest')")
        parts = f"ARRAY[{', '.join(map(repr, WHOLE))}]"
        self.meddle(f"SELECT drop_range(first, {parts}, 1, 0, '', '') FROM ranges")
        # The first number drawn is the first of a range.
        self.meddle(f"SELECT make_partitions({WIDTH})")
        self.meddle(f"SELECT drop_range(0, {parts}, 1, 0, '', '')")
        self.meddle(f"UPDATE facts SET value = {WIDTH} WHERE name = 'next'")

    def desk(self) -> Desk:
        return Desk(self.open(block=1), self.clock)

    def left(self) -> dict[str, list[int]]:
        """Give the numbers that each table has, but the ledger, which forgets nothing."""
        found = {}
        with closing(open_connection(self.url)) as connection:
            for table in WHOLE:
                rows = connection.execute(f"SELECT DISTINCT n FROM {table} ORDER BY n").fetchall()
                found[table] = [row[0] for row in rows]
        return {table: numbers for table, numbers in found.items() if numbers}


@pytest.fixture
def short(tmp_path: Path, clock: Clock) -> Iterator[Short]:
    opened = Short(tmp_path, clock)
    yield opened
    opened.close()


class Crowd:
    """A desk with an account and somebody who answers."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.names = Names()

    async def come(self) -> Crowd:
        self.account, self.person = await self.desk.open_account(), await self.desk.person()
        return self

    async def answered(self, many: int, *, owes: bool = False) -> list[Sequence]:
        """Have tasks answered whose callbacks were taken, or are owed still."""
        numbers = []
        for _ in range(many):
            question = msgspec.structs.replace(draft(), callback="http://receiver.test/")
            replay = self.names.secret(), b"body"
            n = await self.desk.solved(self.account, self.person, question=question, replay=replay)
            if not owes:
                await self.took(n)
            numbers.append(n)
        return numbers

    async def took(self, n: Sequence) -> None:
        now = self.desk.clock.now()
        attempt = Attempt(n=n, account=self.account.id, at=now, status=200, detail="", milliseconds=1)
        await self.desk.store.run(Tried(attempt=attempt))

    async def forget(self, retention: Retention = RETENTION) -> int:
        return await forget(self.desk.store, self.desk.clock.now(), retention)

    async def empty(self, retention: Retention = RETENTION) -> int:
        return await empty(self.desk.store, self.desk.clock.now(), retention)


@pytest.fixture
async def crowd(short: Short) -> Crowd:
    return await Crowd(short.desk()).come()


async def test_a_range_that_is_wholly_past_goes_with_all_that_belongs_to_its_tasks(short, crowd, collected):
    numbers = await crowd.answered(2 * WIDTH)
    first = await crowd.desk.store.leases(numbers[0])
    assert short.left() == dict.fromkeys(WHOLE, numbers)
    crowd.desk.store.listen(collected)
    short.clock.pass_by(CLOSED_MS + DAY_MS + 1)

    assert await crowd.forget() == 0

    assert short.left() == {}
    assert [span.first for heard in collected.heard for span in heard.dropped] == [WIDTH, 2 * WIDTH]
    assert await crowd.desk.store.lease(first[0].token) is None
    assert (await crowd.desk.store.sums()).drifting == ()
    assert await crowd.desk.money(crowd.account) == (1_000_000 - len(numbers) * 1_000, 0, 0)


async def test_what_is_past_waits_for_its_range_that_is_past_soon(short, crowd):
    numbers = await crowd.answered(WIDTH)
    short.clock.pass_by(DAY_MS + 1)

    assert await crowd.forget() == 0
    assert short.left()["tasks"] == numbers
    short.clock.pass_by(CLOSED_MS)
    assert await crowd.forget() == 0
    assert short.left() == {}


async def test_what_would_wait_for_too_long_is_erased_by_itself(short, crowd):
    (early,) = await crowd.answered(1)
    short.clock.pass_by(DAY_MS // PATIENCE)
    late = await crowd.answered(WIDTH - 1)
    short.clock.pass_by(DAY_MS - DAY_MS // PATIENCE + 1)

    assert await crowd.forget() == 1
    assert short.left()["tasks"] == late
    assert early not in late


async def test_what_may_not_be_forgotten_stays_when_the_others_go(short, crowd):
    await crowd.answered(1)
    (owing,) = await crowd.answered(1, owes=True)
    late = await crowd.desk.submit(crowd.account, deadline_ms=10 * DAY_MS)
    await crowd.answered(1)
    short.clock.pass_by(CLOSED_MS + DAY_MS + 1)
    kept = await crowd.desk.task(owing), await crowd.desk.task(late), await crowd.desk.store.leases(owing)

    for _ in range(2):
        await crowd.forget()
        assert short.left() == {
            "tasks": [owing, late], "contents": [late], "leases": [owing], "replays": [owing],
            "callbacks": [owing],
        }  # fmt: skip
    assert (await crowd.desk.task(owing), await crowd.desk.task(late), await crowd.desk.store.leases(owing)) == kept

    # It goes on as if nothing had happened to the others: erased by itself, and the last one with its range.
    await crowd.took(owing)
    assert await crowd.forget() == 1
    (lease,) = await crowd.desk.claim(crowd.person)
    assert (await crowd.desk.answer(crowd.person, lease)).accepted
    assert await crowd.forget() == 0
    assert short.left() == {}
    assert await crowd.desk.store.spans(0) == []


async def test_a_range_of_which_much_would_stay_is_left_as_it_is(short, crowd):
    numbers = await crowd.answered(WIDTH, owes=True)
    with closing(open_connection(short.url)) as connection:
        asked = f"SELECT drop_range({WIDTH}, %s, 1, %s, '', '')"
        assert connection.execute(asked, (list(WHOLE), 1)).fetchone() == (0,)
        assert short.left()["tasks"] == numbers
        assert connection.execute(asked, (list(WHOLE), WIDTH)).fetchone() == (1,)
        # What stayed does not stay anew.
        assert connection.execute(asked, (list(WHOLE), WIDTH)).fetchone() == (0,)
        assert connection.execute("SELECT drop_range(999, %s, 1, 0, '', '')", (list(WHOLE),)).fetchone() == (0,)


async def test_media_go_at_once_and_before_their_tasks(short, crowd):
    numbers = await crowd.answered(WIDTH)
    short.clock.pass_by(CLOSED_MS + SHORT_MEDIA.media_ms + 1)

    await crowd.forget(SHORT_MEDIA)
    for _ in range(2):
        await crowd.empty(SHORT_MEDIA)
        assert short.left() == dict.fromkeys([table for table in WHOLE if table != "contents"], numbers)
    assert [span.media for span in await crowd.desk.store.spans(0)] == [False]
    assert (await crowd.desk.task(numbers[0])).solution == b'"word"'
    short.clock.pass_by(DAY_MS)
    await crowd.forget(SHORT_MEDIA)
    assert short.left() == {}


async def test_a_range_is_closed_once_no_block_of_it_is_kept(short, crowd):
    assert await crowd.desk.store.spans(0) == []
    await crowd.answered(WIDTH)

    closed = Millis(short.clock.now() + CLOSED_MS)
    assert await crowd.desk.store.spans(0) == [Span(first=Sequence(WIDTH), past=Sequence(2 * WIDTH), closed=closed)]


@pytest.mark.parametrize("table", WHOLE)
async def test_whoever_reads_keeps_nobody_waiting_for_a_range_to_go(short, crowd, table):
    await crowd.answered(WIDTH)
    short.clock.pass_by(CLOSED_MS + DAY_MS + 1)
    (span,) = await crowd.desk.store.spans(0)
    with closing(open_connection(short.url)) as reader:
        reader.execute("BEGIN")
        reader.execute(f"SELECT count(*) FROM {table}")
        # It ends though the reader does not, and so does whoever writes meanwhile.
        dropped, n = await asyncio.gather(
            crowd.desk.store.drop(span, media=False), crowd.desk.submit(crowd.account, replay=("new", b""))
        )
        assert not dropped
        assert (await crowd.desk.task(n)).n == n
        assert len(short.left()["tasks"]) == WIDTH + 1
        reader.execute("COMMIT")
    assert await crowd.desk.store.drop(span, media=False)
    assert short.left()["tasks"] == [n]


async def test_nothing_waits_for_whoever_reads_for_long(short, crowd):
    await crowd.answered(WIDTH)
    (span,) = await crowd.desk.store.spans(0)
    with closing(open_connection(short.url)) as reader:
        reader.execute("ALTER FUNCTION drop_range SET lock_timeout = 0")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*), pg_sleep(1.1) FROM attempts")

        assert not await crowd.desk.store.drop(span, media=False)

        assert await crowd.desk.store.drop(span, media=True)
        reader.execute("COMMIT")
    assert await crowd.desk.store.drop(span, media=False)


async def test_writers_and_a_range_that_goes_do_not_fail_each_other(short, crowd):
    await crowd.answered(2 * WIDTH)
    short.clock.pass_by(CLOSED_MS + DAY_MS + 1)
    spans = await crowd.desk.store.spans(0)
    desk, stop = short.desk(), asyncio.Event()

    async def write() -> int:
        written = 0
        while not stop.is_set():
            await desk.cancel(await desk.submit(crowd.account))
            written += 1
        return written

    async def drop() -> None:
        for span in spans:
            # As often as it takes: each time it was the other's turn.
            while not await crowd.desk.store.drop(span, media=False):
                pass
        stop.set()

    *written, _ = await asyncio.gather(write(), write(), drop())
    assert len(short.left()["tasks"]) == sum(written)


async def test_the_boards_of_all_nodes_forget_a_range(short, crowd):
    others = [Desk(short.open(block=1), short.clock, board=Board()) for _ in range(2)]
    (n, *_) = await crowd.answered(WIDTH)
    task = crowd.desk.ids.show(n)
    for desk in (crowd.desk, *others):
        desk.store.look_around()
        await desk.orders.look_up(crowd.account.id, task, short.clock.now())
    await becomes(lambda: any(desk.store.duty() for desk in (crowd.desk, *others)))
    short.clock.pass_by(CLOSED_MS + DAY_MS + 1)

    def forgotten(desk: Desk) -> bool:
        return desk.orders.on_board(crowd.account.id, task) is None

    await crowd.forget()

    for desk in (crowd.desk, *others):
        await becomes(partial(forgotten, desk))
        with pytest.raises(Refusal):
            await desk.orders.look_up(crowd.account.id, task, short.clock.now())
    for desk in (crowd.desk, *others):
        await desk.store.aclose()


async def test_a_node_that_does_not_learn_how_it_ended_forgets_what_it_remembers(short, crowd):
    (n, *_) = await crowd.answered(WIDTH)
    task = crowd.desk.ids.show(n)
    await crowd.desk.orders.look_up(crowd.account.id, task, short.clock.now())
    (span,) = await crowd.desk.store.spans(0)
    crowd.desk.store._readers.close()  # noqa: SLF001 - as when the database goes away

    with pytest.raises(Unavailable):
        await crowd.desk.store.drop(span, media=False)

    assert crowd.desk.orders.on_board(crowd.account.id, task) is None


async def test_a_callback_owed_anew_keeps_its_task(short, crowd):
    numbers = await crowd.answered(WIDTH)
    short.clock.pass_by(CLOSED_MS + DAY_MS + 1)
    await crowd.desk.store.run(Redeliver(n=numbers[1]))

    await crowd.forget()

    assert short.left()["tasks"] == [numbers[1]]


async def test_a_desk_with_ranges_and_one_without_forget_the_same(short, tmp_path):
    """Of many lives of a task none differs once what waits for its range has waited."""
    crowds = [
        await Crowd(short.desk()).come(),
        await Crowd(Desk(SqliteStore(str(tmp_path / "twin.db"), short.clock, block=1), short.clock)).come(),
    ]
    seen = []
    for day in range(4):
        for crowd in crowds:
            await crowd.answered(3)
            await crowd.answered(1, owes=day == 1)
            await crowd.desk.cancel(await crowd.desk.submit(crowd.account))
            if day == 0:
                await crowd.desk.submit(crowd.account, draft(lang="xx"), deadline_ms=10 * DAY_MS)
        short.clock.pass_by(SHORT_MEDIA.media_ms + DAY_MS // PATIENCE)
        for crowd in crowds:
            await crowd.empty(SHORT_MEDIA)
        short.clock.pass_by(DAY_MS // 2 if day % 2 else 1)
        kept = []
        for crowd, first in zip(crowds, (WIDTH, 1), strict=True):
            await crowd.forget(SHORT_MEDIA)
            store = crowd.desk.store
            tasks = await store.tasks(Listing())
            said = [[lease.said for lease in await store.leases(task.n)] for task in tasks]
            media = [await store.content(task.n, 0) for task in tasks]
            kept.append(([(task.n - first, task.state) for task in tasks], said, media))
        assert kept[0] == kept[1]
        seen.append(len(kept[0][0]))
    assert sorted(set(seen)) != [seen[0]]
    crowds[1].desk.store.close()
