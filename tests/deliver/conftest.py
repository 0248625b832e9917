"""A desk with a deliverer over it, and names that only the test knows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from answerdesk.deliver import Deliverer, Door, Posting
from answerdesk.model.account import Account, Sequence
from answerdesk.model.callback import Attempt, Callback
from answerdesk.model.question import Kind
from answerdesk.model.task import Task
from answerdesk.store.sqlite import SqliteStore
from tests.deliver.receiver import Names
from tests.fakes import Clock
from tests.store.driver import Desk, draft

HOST = "receiver.test"


def written(task: Task, _: Account) -> Posting:
    return Posting(task=1_000 + task.n, body=b'{"status":"ready"}', type="application/json")


class Owing:
    """A desk whose tasks owe callbacks."""

    def __init__(self, store: SqliteStore, clock: Clock) -> None:
        self.desk = Desk(store, clock)
        self.store = store
        self.clock = clock
        self.names = Names()

    async def account(self, *hosts: str, **settings: Any) -> Account:
        return await self.desk.open_account(callback_hosts=hosts or (HOST,), **settings)

    async def owe(self, account: Account, *urls: str) -> list[Sequence]:
        """Settle a task for each address."""
        workers = await self.desk.person(kinds=frozenset({Kind.TEXT}))
        asked = [msgspec.structs.replace(draft(), callback=url) for url in urls]
        numbers = [await self.desk.submit(account, one) for one in asked]
        for number in numbers:
            (lease,) = await self.desk.claim(workers)
            assert lease.task == number
            await self.desk.answer(workers, lease)
        return numbers

    async def log(self, n: Sequence) -> tuple[Callback, list[Attempt]]:
        callback, attempts = await self.store.attempts(n)
        assert callback is not None
        return callback, attempts

    async def tried(self, n: Sequence, times: int = 1) -> tuple[Callback, list[Attempt]]:
        """Wait until a callback was tried so often."""
        while True:
            callback, attempts = await self.log(n)
            if len(attempts) >= times:
                return callback, attempts
            await asyncio.sleep(0.01)

    async def pass_by(self, milliseconds: int, account: Account) -> None:
        """Let time pass and have the deliverer look."""
        self.clock.pass_by(milliseconds)
        await self.desk.change(account)

    @contextlib.asynccontextmanager
    async def delivering(
        self, *, private: bool = True, hosts: tuple[str, ...] = (), **parts: Any
    ) -> AsyncIterator[Deliverer]:
        """Deliver for the length of a with-block."""
        given: dict[str, Any] = {
            "store": self.store, "clock": self.clock, "door": Door(hosts=hosts, private=private), "render": written,
            "resolve": self.names,
        }  # fmt: skip
        deliverer = Deliverer(**given | parts)
        running = asyncio.create_task(deliverer.run())
        try:
            yield deliverer
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def owing() -> Iterator[Owing]:
    clock = Clock()
    store = SqliteStore("", clock)
    yield Owing(store, clock)
    store.close()
