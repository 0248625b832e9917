"""Of several processes on a desk the one on duty posts callbacks, and another once the duty is its own."""

from __future__ import annotations

import asyncio

import pytest

from answerdesk.model.callback import Delivery
from answerdesk.store.sqlite import SqliteStore
from tests.deliver.conftest import HOST, Owing
from tests.deliver.receiver import Receiver, receiving
from tests.fakes import Clock


class Sharing(SqliteStore):
    """A store whose process is on duty when the test says so."""

    on = False
    asked = 0

    def duty(self) -> bool:
        self.asked += 1
        return self.on


@pytest.mark.slow
async def test_callbacks_are_posted_by_whoever_is_on_duty():
    clock = Clock()
    store = Sharing("", clock)
    owing = Owing(store, clock)
    async with receiving(Receiver()) as receiver, owing.delivering():
        (n,) = await owing.owe(await owing.account(), f"http://{HOST}:{receiver.port}/done")
        since = store.asked
        while store.asked < since + 3:  # noqa: ASYNC110 - nothing tells of a look that found nothing to do
            await asyncio.sleep(0.01)
        before = list(receiver.posts)
        store.on = True
        callback, _ = await owing.tried(n)
    store.close()

    assert before == []
    assert len(receiver.posts) == 1
    assert callback.state is Delivery.DONE
