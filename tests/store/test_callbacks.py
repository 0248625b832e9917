"""Owed callbacks over every store: found host by host, and keeping their tasks but not their media."""

from __future__ import annotations

import msgspec
import pytest

from answerdesk.desk.callbacks import Redeliver, Tried
from answerdesk.desk.chores import Retention, empty, forget
from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.callback import Attempt, Delivery
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.question import Kind
from tests.store.driver import draft

HOUR_MS = 3_600_000


async def owe(desk, *hosts):
    """Settle a task for each host, in order; gives their numbers."""
    account = await desk.open_account()
    worker = await desk.person(kinds=frozenset({Kind.TEXT}))
    return [
        await desk.solved(account, worker, question=msgspec.structs.replace(draft(), callback=f"http://{host}/"))
        for host in hosts
    ]


def attempt(n, at, status=500):
    account, detail = AccountId(1), f"HTTP {status}"
    return Attempt(n=n, account=account, at=Millis(at), status=status, detail=detail, milliseconds=7)


async def due(desk, **kind):
    found = await desk.store.callbacks_due(desk.clock.now(), 100, **{"each": 100} | kind)
    return [callback.n for callback in found]


async def test_of_each_host_the_first_are_found(desk):
    a1, a2, a3, b1, _ = await owe(desk, "a.test", "a.test", "a.test", "b.test", "c.test")

    assert await due(desk, each=2, but=("c.test",)) == [a1, a2, b1]
    assert await due(desk, each=1, among=("a.test", "none.test")) == [a1]
    assert await due(desk, among=("a.test",)) == [a1, a2, a3]
    assert await due(desk, among=()) == []
    assert await due(desk, but=("a.test", "b.test", "c.test")) == []


async def test_at_most_as_many_are_found_as_are_wanted(desk):
    numbers = await owe(desk, *(f"host{number}.test" for number in range(5)))

    assert [one.n for one in await desk.store.callbacks_due(desk.clock.now(), 3, each=9)] == numbers[:3]


async def test_what_is_not_due_or_no_longer_owed_is_not_found(desk):
    later, done, gone, kept = await owe(desk, "a.test", "a.test", "b.test", "c.test")
    now = desk.clock.now()
    for n, status in ((later, 500), (done, 204), (gone, 410)):
        await desk.store.run(Tried(attempt=attempt(n, now, status)))

    assert await due(desk) == [kept]
    desk.clock.pass_by(HOUR_MS)
    assert await due(desk) == [kept, later]


async def test_every_try_is_kept_and_owed_anew_it_starts_over(desk):
    (n,) = await owe(desk, "a.test")
    tries = [attempt(n, desk.clock.now() + 1), attempt(n, desk.clock.now() + 2, 200)]
    for one in tries:
        await desk.store.run(Tried(attempt=one))
    callback, log = await desk.store.attempts(n)
    assert (callback.state, callback.tries, log) == (Delivery.DONE, 2, tries)

    await desk.store.run(Redeliver(n=n))
    callback, log = await desk.store.attempts(n)
    assert (callback.state, callback.tries, callback.due, log) == (Delivery.OWED, 0, desk.clock.now(), tries)


async def test_a_try_of_what_is_no_longer_owed_is_only_written_down(desk):
    (n,) = await owe(desk, "a.test")
    await desk.store.run(Tried(attempt=attempt(n, desk.clock.now(), 200)))

    moved = await desk.store.run(Tried(attempt=attempt(n, desk.clock.now(), 500)))

    assert moved.state is Delivery.DONE
    assert len((await desk.store.attempts(n))[1]) == 2


async def test_what_never_was_owed_cannot_be_owed_anew(desk):
    with pytest.raises(Refusal) as refused:
        await desk.store.run(Redeliver(n=Sequence(999)))

    assert refused.value.fault is Fault.NO_SUCH_CAPCHA_ID


async def test_a_task_is_kept_while_its_callback_is_owed_and_its_media_are_not(desk):
    owed, done = await owe(desk, "a.test", "b.test")
    await desk.store.run(Tried(attempt=attempt(done, desk.clock.now(), 200)))
    desk.clock.pass_by(2 * HOUR_MS)
    retention = Retention(results_ms=HOUR_MS, media_ms=HOUR_MS)

    await empty(desk.store, desk.clock.now(), retention)
    await forget(desk.store, desk.clock.now(), retention)

    assert await desk.store.task(owed) is not None
    assert await desk.store.content(owed, 0) is None
    assert await desk.store.task(done) is None
    await desk.store.run(Tried(attempt=attempt(owed, desk.clock.now(), 410)))
    await forget(desk.store, desk.clock.now(), retention)
    assert await desk.store.task(owed) is None
    assert await desk.store.attempts(owed) == (None, [])


async def test_an_account_is_read_by_its_number(desk):
    account = await desk.open_account(callback_hosts=("a.test",))

    assert await desk.store.account(account.id) == account
    assert await desk.store.account(account.id + 1) is None
