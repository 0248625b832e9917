"""Anti-Captcha's statistics over a desk in memory: what is counted, for whom, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from answerdesk.api.stats import HOUR_MS, Stats
from answerdesk.model.account import DAY_MS
from answerdesk.model.question import Kind
from answerdesk.model.talk import AppAsk, QueueAsk, QueueStats, SpendingAsk
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock
from tests.store.backends import Memory
from tests.store.driver import Desk, draft

TEXTS = QueueAsk(kinds=(Kind.TEXT,), lang="en")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SqliteStore]:
    backend = Memory(tmp_path, clock)
    yield backend.open()
    backend.close()


@pytest.fixture
def desk(store: SqliteStore, clock: Clock) -> Desk:
    return Desk(store, clock)


@pytest.fixture
def stats(store: SqliteStore, clock: Clock) -> Stats:
    return Stats(store=store, records=store, clock=clock)


async def test_a_queue_nobody_serves_is_all_zeros(stats):
    assert await stats.queue(QueueAsk()) == QueueStats()


async def test_solvers_on_shift_with_the_grant_are_counted(desk, stats):
    account = await desk.open_account()
    busy = await desk.enrol(on_shift=True)
    await desk.enrol(on_shift=True, kinds=frozenset({Kind.TEXT}), languages=frozenset({"en"}))
    await desk.enrol(on_shift=True, languages=frozenset({"ru"}))
    await desk.enrol(on_shift=True, kinds=frozenset({Kind.GRID}))
    await desk.enrol(on_shift=False)
    await desk.submit(account)
    await desk.claim(busy)

    found = await stats.queue(TEXTS)

    assert (found.total, found.idle) == (2, 1)


async def test_the_price_is_the_usual_one_until_something_was_answered(desk, stats, clock):
    account, person = await desk.open_account(), await desk.enrol(on_shift=True)

    assert (await stats.queue(TEXTS)).bid == 1_000
    await desk.set_price(2_500)
    await desk.submit(account)
    clock.pass_by(1_500)
    (lease,) = await desk.claim(person)
    await desk.answer(person, lease)
    clock.pass_by(10_000)
    found = await stats.queue(TEXTS)
    assert (found.bid, found.seconds) == (2_500, 1.5)


async def test_a_queue_is_counted_once_in_ten_seconds(desk, stats, clock):
    before = await stats.queue(TEXTS)
    await desk.enrol(on_shift=True)
    clock.pass_by(9_999)

    assert await stats.queue(TEXTS) is before
    clock.pass_by(1)
    assert (await stats.queue(TEXTS)).total == 1


async def test_spending_is_the_last_24_hours_from_full_hours_on(desk, stats, clock):
    account, person = await desk.open_account(), await desk.person()
    await desk.solved(account, person)
    clock.pass_by(HOUR_MS)
    await desk.solved(account, person)
    await desk.solved(account, person)

    hours = (await stats.spending(account, SpendingAsk())).hours

    assert len(hours) == 24
    assert all(hour.since % HOUR_MS == 0 and hour.till - hour.since == HOUR_MS for hour in hours)
    assert hours[-1].since <= clock.now() < hours[-1].till
    assert [(hour.count, hour.amount) for hour in hours[-3:]] == [(0, 0), (1, 1_000), (2, 2_000)]


async def test_spending_starts_with_the_hour_of_a_date(desk, stats, clock):
    account, person = await desk.open_account(), await desk.person()
    began = clock.now()
    await desk.solved(account, person)
    clock.pass_by(3 * DAY_MS)

    hours = (await stats.spending(account, SpendingAsk(since=began))).hours

    assert (hours[0].count, hours[0].since) == (1, began // HOUR_MS * HOUR_MS)
    assert sum(hour.count for hour in hours[1:]) == 0


@pytest.mark.parametrize(
    ("ask", "count"),
    [
        (SpendingAsk(types=("ImageToTextTask",)), 1),
        (SpendingAsk(types=("GridTask",)), 0),
        (SpendingAsk(soft_id=54), 0),
        (SpendingAsk(ip="192.0.2.1"), 1),
        (SpendingAsk(ip="192.0.2.2"), 0),
    ],
)
async def test_spending_can_be_narrowed(desk, stats, ask, count):
    account, other, person = await desk.open_account(), await desk.open_account(), await desk.person()
    await desk.solved(account, person)

    assert sum(hour.count for hour in (await stats.spending(account, ask)).hours) == count
    assert sum(hour.count for hour in (await stats.spending(other, ask)).hours) == 0


async def test_a_programs_chart_has_thirty_days_that_end_today(desk, stats, clock):
    account, person = await desk.open_account(), await desk.person()
    await desk.solved(account, person, question=structs.replace(draft(), soft_id=54))
    await desk.solved(account, person)

    chart = await stats.app(account, AppAsk(soft_id=54, mode="money"))

    assert chart.mode == "money"
    assert len(chart.days) == 30
    assert chart.days[-1].since <= clock.now() < chart.days[-1].till
    assert [day.count for day in chart.days] == [0] * 29 + [1]
