"""Retention and the other chores over every store: what is past its time is in no table, the rest is untouched."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from answerdesk.desk.chores import CHORES, ROUND, Forget, Retention, empty, forget, review
from answerdesk.desk.ports import Listing
from answerdesk.model.account import DAY_MS, Sequence
from answerdesk.model.answer import Why
from answerdesk.model.fault import Refusal
from answerdesk.model.talk import UNKNOWN_TASK
from answerdesk.model.task import DEADLINE_MS, State
from tests.store.driver import draft

RETENTION = Retention(results_ms=DAY_MS, media_ms=3_600_000)


async def gone(desk, n: Sequence, *tokens: str) -> bool:
    leases = [await desk.store.lease(token) for token in tokens]
    return [await desk.store.task(n), await desk.store.content(n, 0), *leases] == [None] * (2 + len(tokens))


async def test_a_result_is_kept_to_the_end_of_its_time_and_then_forgotten_whole(desk):
    account, person = await desk.open_account(), await desk.person()
    n = await desk.submit(account, replay=("key", b"body"))
    (lease,) = await desk.claim(person)
    await desk.answer(person, lease)
    desk.clock.pass_by(DAY_MS)
    assert await forget(desk.store, desk.clock.now(), RETENTION) == 0
    desk.clock.pass_by(1)

    assert await forget(desk.store, desk.clock.now(), RETENTION) == 1

    assert await gone(desk, n, lease.token)
    assert await desk.store.tasks(Listing()) == []
    assert await desk.money(account) == (999_000, 0, 0)
    assert (await desk.store.sums()).drifting == ()
    with pytest.raises(Refusal):
        await desk.answer(person, lease)


async def test_a_forgotten_result_is_as_unknown_as_one_that_never_was_though_it_was_polled_before(desk):
    account, person = await desk.open_account(), await desk.person()
    task, kept = desk.ids.show(await desk.solved(account, person)), await desk.submit(account)
    await desk.cancel(kept)
    for each in (task, desk.ids.show(kept)):
        await desk.orders.look_up(account.id, each, desk.clock.now())
    await desk.store.run(Forget(whole=(desk.ids.find(task),)))

    with pytest.raises(Refusal) as caught:
        await desk.orders.look_up(account.id, task, desk.clock.now())

    assert caught.value.detail == UNKNOWN_TASK
    assert await desk.orders.look_up(account.id, desk.ids.show(kept), desk.clock.now())


async def test_media_go_first_and_the_answer_stays_readable(desk):
    account, person = await desk.open_account(), await desk.person()
    n = await desk.solved(account, person, question=draft(b"one", b"two"))
    desk.clock.pass_by(RETENTION.media_ms + 1)

    assert await empty(desk.store, desk.clock.now(), RETENTION) == 1

    assert [await desk.store.content(n, index) for index in range(2)] == [None, None]
    assert (await desk.task(n)).solution == b'"word"'
    assert await empty(desk.store, desk.clock.now(), RETENTION) == 0


async def test_an_open_task_is_never_forgotten_however_old(desk):
    account, _ = await desk.open_account(), await desk.person()
    n = await desk.submit(account, deadline_ms=10 * DAY_MS)
    desk.clock.pass_by(5 * DAY_MS)

    assert await forget(desk.store, desk.clock.now(), RETENTION) == 0
    assert await empty(desk.store, desk.clock.now(), RETENTION) == 0
    assert (await desk.task(n)).state is State.OPEN


async def test_an_old_open_task_does_not_keep_younger_ones(desk):
    account, person = await desk.open_account(), await desk.person(languages=frozenset({"de"}))
    await desk.person(languages=frozenset({"fr"}))
    await desk.submit(account, draft(lang="fr"), deadline_ms=10 * DAY_MS)
    n = await desk.solved(account, person, question=draft(lang="de"))
    desk.clock.pass_by(2 * DAY_MS)

    assert await forget(desk.store, desk.clock.now(), RETENTION) == 1
    assert await gone(desk, n)


async def test_a_round_forgets_at_most_its_number_and_says_that_there_may_be_more(desk):
    account, _ = await desk.open_account(), await desk.person()
    numbers = await asyncio.gather(*(desk.submit(account) for _ in range(ROUND + 3)))
    desk.clock.pass_by(DEADLINE_MS)
    assert await review(desk.store, desk.clock.now(), RETENTION) == ROUND
    assert await review(desk.store, desk.clock.now(), RETENTION) == 3
    assert await review(desk.store, desk.clock.now(), RETENTION) == 0
    desk.clock.pass_by(DAY_MS)

    assert await forget(desk.store, desk.clock.now(), RETENTION) == ROUND
    assert [await desk.store.oldest(9, media=media) for media in (True, False)] == [
        [(n, desk.clock.now() - DAY_MS - DEADLINE_MS, State.FAILED) for n in sorted(numbers)[-3:]]
    ] * 2


async def test_forgetting_twice_or_what_never_was_does_nothing(desk):
    account, person = await desk.open_account(), await desk.person()
    n = await desk.solved(account, person)

    for _ in range(2):
        await desk.store.run(Forget(whole=(n, Sequence(10**9)), media=(n,)))

    assert await gone(desk, n)


@pytest.mark.parametrize("forget_first", [True, False])
async def test_words_of_the_same_moment_do_not_bring_a_forgotten_task_back(desk, forget_first):
    """An answer to a cancelled task comes in the very batch that forgets it."""
    account, person = await desk.open_account(), await desk.person()
    n = await desk.submit(account)
    (lease,) = await desk.claim(person)
    await desk.cancel(n)
    deeds = [desk.store.run(Forget(whole=(n,))), desk.answer(person, lease)]

    done = await asyncio.gather(*(deeds if forget_first else deeds[::-1]), return_exceptions=True)

    assert await gone(desk, n, lease.token)
    said: Any = done[1 if forget_first else 0]
    assert isinstance(said, Refusal) if forget_first else said.why is Why.CANCELLED


async def test_a_report_of_the_moment_after_refunds_nothing_that_is_forgotten(desk):
    account, person = await desk.open_account(), await desk.person()
    n = await desk.solved(account, person)

    replies = await asyncio.gather(
        desk.store.run(Forget(whole=(n,))), desk.report(n, account, correct=False), return_exceptions=True
    )

    assert isinstance(replies[1], Refusal)
    assert await desk.money(account) == (999_000, 0, 0)


async def test_a_key_of_a_forgotten_task_is_fresh_again(desk):
    account, person = await desk.open_account(), await desk.person()
    n = await desk.solved(account, person, replay=("key", b"body"))

    replies = await asyncio.gather(
        desk.store.run(Forget(whole=(n,))), desk.submit_or_replay(account, replay=("key", b"body"))
    )

    assert replies[1][1] is False
    assert (await desk.task(replies[1][0])).state is State.OPEN


@pytest.mark.parametrize("chore", [chore for chore, _ in CHORES], ids=lambda chore: chore.__name__)
async def test_a_chore_with_nothing_to_do_writes_nothing(desk, collected, chore):
    desk.store.listen(collected)

    assert await chore(desk.store, desk.clock.now(), RETENTION) == 0
    assert collected.heard == []
