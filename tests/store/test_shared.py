"""Several stores on the same data, as several processes have them: what one writes the others see."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from answerdesk.desk.ports import Heard
from answerdesk.model.account import digest
from answerdesk.model.answer import Why
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.judge import Rules
from answerdesk.model.money import Micros
from answerdesk.model.task import State
from tests.store.driver import PRICE, TYPE, Desk


@pytest.fixture
def two(shared, clock):
    """Two desks with a common clock and common names."""
    first = Desk(shared.open(block=10), clock)
    second = Desk(shared.open(block=10), clock, first.names)
    second._last = 1_000  # noqa: SLF001 - numbers its accounts and solvers apart
    return first, second


async def test_draws_of_two_stores_never_collide(two):
    first, second = two

    drawn = await asyncio.gather(*(desk.store.draw() for _ in range(200) for desk in two))

    assert len(set(drawn)) == 400
    assert min(drawn) == 1
    assert first is not second


async def test_a_burst_of_draws_takes_no_more_than_it_needs(shared, clock):
    store, later = shared.open(block=1_000), shared.open(block=1_000)

    drawn = await asyncio.gather(*(store.draw() for _ in range(1_500)))

    assert sorted(drawn) == list(range(1, 1_501))
    assert await later.draw() == 2_001


async def test_numbers_not_used_before_the_end_never_come_again(shared, clock):
    store = shared.open(block=10)
    first = await store.draw()
    store.close()

    assert await shared.open(block=10).draw() == first + 10


async def test_what_one_store_settles_the_other_reads(two):
    first, second = two
    account, person = await first.open_account(), await first.person()
    n = await first.submit(account)
    (lease,) = await second.claim(person)
    await second.answer(person, lease)

    assert (await first.task(n)).state is State.READY
    assert [task.n for task in await first.store.settled_among([n])] == [n]
    assert await first.money(account) == await second.money(account) == (999_000, 0, 0)


async def test_a_key_made_elsewhere_is_known_at_once_and_its_end_too(two):
    first, second = two
    account = await first.open_account()
    await first.add_key(account, "secret")

    assert await second.store.account_by_key(digest("secret")) == account


async def test_the_small_tables_are_seen_after_a_look_around(two, shared, collected):
    first, second = two
    second.store.listen(collected)
    person = await first.person()
    await first.set_price(7)
    await first.set_rules(Rules(declines=5))
    assert second.store.house().solvers == ()

    await shared.look(second.store)

    house = second.store.house()
    assert (house.solvers, house.rules_for(TYPE).declines) == ((person,), 5)
    assert house.price(person.id, TYPE).price == Micros(7)
    assert collected.heard == [Heard(settings=True)]


async def test_a_look_around_that_finds_nothing_new_tells_nobody(two, shared, collected):
    first, second = two
    await first.person()
    await shared.look(second.store)
    second.store.listen(collected)
    await second.person()
    collected.heard.clear()

    await shared.look(second.store)

    assert collected.heard == []


async def test_a_look_around_during_a_commit_waits_and_breaks_nothing(two, shared):
    first, second = two
    account, _ = await first.open_account(), await first.person()
    await shared.look(second.store)

    async def glance():
        for _ in range(200):
            await shared.look(second.store)
            await asyncio.sleep(0)

    made, _ = await asyncio.gather(asyncio.gather(*(second.submit(account) for _ in range(100))), glance())

    assert len(set(made)) == 100


async def test_a_verb_decides_by_what_the_other_store_just_set(two):
    """No look around in between: a unit takes in what was written before it."""
    first, second = two
    account, _ = await first.open_account(), await first.person()
    await first.set_price(7_777)

    n = await second.submit(account)

    assert (await second.task(n)).price == 7_777


async def test_a_rush_over_two_stores_never_overspends(two):
    first, _ = two
    account, _ = await first.open_account(balance=100 * PRICE), await first.person()

    replies = await asyncio.gather(*(desk.submit(account) for _ in range(150) for desk in two), return_exceptions=True)

    assert Counter(type(reply) for reply in replies) == {int: 100, Refusal: 200}
    assert {reply.fault for reply in replies if isinstance(reply, Refusal)} == {Fault.ZERO_BALANCE}
    assert await first.money(account) == (0, 100 * PRICE, 100)
    assert (await first.store.sums()).drifting == ()


async def test_a_place_is_given_once_though_claims_come_to_two_stores(two):
    first, second = two
    account = await first.open_account()
    people = [await desk.person() for _ in range(4) for desk in two]
    numbers = {await first.submit(account) for _ in range(30)}

    claims = (desk.claim(person, 8) for desk, person in zip([first, second] * 4, people, strict=True))
    given = [lease.task for leases in await asyncio.gather(*claims) for lease in leases]

    assert Counter(given) == Counter(numbers)


async def test_one_idempotency_key_sent_to_both_makes_one_task(two):
    first, _ = two
    account, _ = await first.open_account(), await first.person()

    made = await asyncio.gather(
        *(desk.submit_or_replay(account, replay=("key", b"body")) for _ in range(20) for desk in two)
    )

    assert len({n for n, _ in made}) == 1
    assert await first.money(account) == (999_000, 1_000, 1)


async def test_the_same_answer_sent_to_both_gets_the_same_reply(two):
    first, second = two
    account, person = await first.open_account(), await first.person()
    await first.submit(account)
    (lease,) = await first.claim(person)

    replies = await asyncio.gather(*(desk.answer(person, lease) for _ in range(10) for desk in two))

    assert len(set(map(repr, replies))) == 1
    assert (await second.answer(person, lease, "other")).why is Why.SETTLED


async def test_the_public_ids_are_the_same_everywhere_and_after_a_restart(shared):
    stores = [shared.open() for _ in range(2)]
    keys = {store.permutation_key for store in stores}
    for store in stores:
        store.close()

    assert keys == {shared.open().permutation_key}
    assert len(keys.pop()) == 24


def test_many_open_a_fresh_desk_at_the_same_moment(shared):
    with ThreadPoolExecutor(8) as threads:
        stores = list(threads.map(lambda _: shared.open(), range(8)))

    assert len({store.permutation_key for store in stores}) == 1


async def test_what_was_acknowledged_is_there_after_a_restart(shared, clock):
    desk = Desk(shared.open(), clock)
    account, person = await desk.open_account(), await desk.person()
    done = await desk.solved(account, person)
    waiting = await desk.submit(account)
    kept = [await desk.task(n) for n in (done, waiting)]
    desk.store.close()

    again = Desk(shared.open(), clock)

    assert [await again.task(n) for n in (done, waiting)] == kept
    assert await again.money(account) == (998_000, 1_000, 1)
    assert [solver.id for solver in again.store.house().solvers] == [person.id]


async def test_the_books_agree_whenever_they_are_looked_at(shared, clock):
    """Another process writes all the while."""
    desk = Desk(shared.open(), clock)
    account, _ = await desk.open_account(balance=10**9), await desk.person()
    other = shared.open()
    over = threading.Event()

    async def write() -> None:
        while not over.is_set():
            await asyncio.gather(*(Desk(other, clock).submit(account) for _ in range(8)))

    writing = asyncio.create_task(asyncio.to_thread(asyncio.run, write()))
    looks = [await desk.store.sums()]
    while looks[-1].entries < 400:
        looks.append(await desk.store.sums())
        await asyncio.sleep(0)
    over.set()
    await writing

    assert {look.drifting for look in looks} == {()}
