"""What goes on in a queue: who holds its tasks now, and how the last ones answered went."""

from __future__ import annotations

from answerdesk.desk.sums import Traffic
from answerdesk.model.question import Kind
from answerdesk.store.sqlite import SqliteStore
from tests.store.driver import Desk, draft

TEXTS = (Kind.TEXT,)


async def traffic(desk: Desk, kinds: tuple[Kind, ...] = TEXTS, lang: str | None = None) -> Traffic:
    store: SqliteStore = desk.store
    return await store.traffic(kinds, lang, desk.clock.now())


async def test_an_idle_desk_has_no_traffic(desk):
    assert await traffic(desk) == Traffic()


async def test_who_holds_a_task_is_busy_until_it_is_said_or_its_time_is_up(desk, clock):
    account, first, second = await desk.open_account(), await desk.person(), await desk.person()
    await desk.submit(account)
    await desk.submit(account)
    (lease,) = await desk.claim(first)
    await desk.claim(second)

    assert (await traffic(desk)).busy == {first.id, second.id}
    await desk.answer(first, lease)
    assert (await traffic(desk)).busy == {second.id}
    clock.pass_by(60_000)
    assert (await traffic(desk)).busy == frozenset()


async def test_the_last_answers_are_averaged(desk, clock):
    account, person = await desk.open_account(), await desk.person()
    for price, took in ((1_000, 2_000), (3_000, 5_000)):
        await desk.set_price(price)
        await desk.submit(account)
        clock.pass_by(took)
        (lease,) = await desk.claim(person)
        await desk.answer(person, lease)
    await desk.cancel(await desk.submit(account))

    found = await traffic(desk)

    assert (found.count, found.milliseconds, found.price) == (2, 3_500, 2_000)


async def test_a_queue_is_of_its_kinds_and_its_language(desk):
    account, person = await desk.open_account(), await desk.person()
    for lang in (None, "en", "ru", "ru"):
        await desk.solved(account, person, question=draft(lang=lang))

    counts = {lang: (await traffic(desk, lang=lang)).count for lang in (None, "en", "ru", "fr")}

    assert counts == {None: 4, "en": 2, "ru": 2, "fr": 0}
    assert (await traffic(desk, (Kind.GRID, Kind.POINTS))).count == 0
    assert (await traffic(desk, (Kind.GRID, Kind.TEXT))).count == 4


async def test_who_holds_a_task_is_found_by_live_leases_however_many_ran_out(desk, clock):
    account, silent = await desk.open_account(), await desk.person()
    for _ in range(20):
        await desk.submit(account)
    assert len(await desk.claim(silent, most=16)) == 16
    clock.pass_by(60_000)
    other = await desk.person()
    await desk.claim(other)

    assert (await traffic(desk)).busy == {other.id}
