"""For those who ask: `Client` and `AsyncClient`, the same calls in two colours."""

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable
from decimal import Decimal
from functools import partial
from typing import Literal, Unpack
from uuid import uuid4

from answerdesk_client import _native, _talk
from answerdesk_client._batch import Batch
from answerdesk_client._errors import AnswerdeskError
from answerdesk_client._line import AsyncLine, Line
from answerdesk_client._orders import Order, order_of
from answerdesk_client._talk import PATIENT, Retry
from answerdesk_client._values import Event, LedgerLine, Picture, Progress, Solution, Task, TaskId, TextOptions

SOLVE_TIMEOUT = 300.0
"""Seconds `wait`, `solve` and `batch` are patient for, unless told otherwise."""

AT_ONCE = 1_000
"""How many tasks of a `batch` are open at once, unless told otherwise."""

Status = Literal["open", "ready", "failed"]


class Client(Line):
    """A customer's line to an answerdesk server: hand in pictures, sounds and questions, get the answers.

    ```python
    from pathlib import Path
    from answerdesk_client import Client

    with Client("http://127.0.0.1:8080", "YOUR KEY") as desk:
        solution = desk.solve(Path("meter.png"), numeric=1, comment="the black digits")
        print(solution.text, solution.cost)
    ```

    Calls that meet a broken connection or a busy server are sent again (see `Retry`); no task is ever charged twice for
    it. `tls` replaces the system's trust store, for a server with a certificate of its own authority:
    `ssl.create_default_context(cafile="ca.pem")`. Every failure is an
    `AnswerdeskError`; wrong arguments raise `TypeError` or `ValueError`.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        tls: ssl.SSLContext | None = None,
        retry: Retry = PATIENT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(url, {"Authorization": f"Bearer {key}"}, tls=tls, retry=retry, sleep=sleep)

    def create(
        self, what: Order | Picture, *, idempotency_key: str | None = None, **options: Unpack[TextOptions]
    ) -> TaskId:
        """Order something and return at once; a picture alone asks for its text, any other kind is an `Order`.

        With an idempotency key of your own it stays one task even when your program starts anew and asks again.
        """
        order = order_of(what, options)
        return self._ask(_native.create(order, idempotency_key or str(uuid4()))).id

    def result(self, task: TaskId) -> Solution | None:
        """The answer as things stand, None if there is none yet; `Unsolvable` when there will be none. See `wait`."""
        return _native.solution(self._ask(_native.show(task)))

    def wait(self, task: TaskId, *, timeout: float = SOLVE_TIMEOUT) -> Solution:
        """The answer once it is there; `TimedOut` after `timeout` seconds, `Unsolvable` when there will be none."""
        return self._act(_talk.wait(task, timeout, self._retry))

    def solve(
        self, what: Order | Picture, *, timeout: float = SOLVE_TIMEOUT, **options: Unpack[TextOptions]
    ) -> Solution:
        """`create` and `wait` in one."""
        return self._act(_talk.solve(order_of(what, options), str(uuid4()), timeout, self._retry))

    def batch(
        self,
        orders: Iterable[Order],
        *,
        progress: Callable[[Progress], object] | None = None,
        timeout: float = SOLVE_TIMEOUT,
        at_once: int = AT_ONCE,
    ) -> list[Solution | AnswerdeskError]:
        """Order many things and wait for all; gives what became of each, in their order, failures as values.

        `progress` is called as each comes to its end. At most `at_once` tasks are open at a time, and each is waited
        for `timeout` seconds; orders are taken from their iterable only when they are wanted.
        """
        batch = Batch(orders, timeout=timeout, at_once=at_once, progress=progress, retry=self._retry)
        return self._act(batch.run())

    def events(self, last_event_id: str | None = None) -> Generator[Event]:
        """Tasks as they settle, for ever: from now on, or after an event by its `id`; breaks in the line are mended."""
        return self._told(_talk.follow(last_event_id, self._retry))

    def tasks(self, status: Status | None = None) -> Generator[Task]:
        """The account's tasks, newest first; all, or those in one state."""
        return self._told(_talk.pages(partial(_native.tasks, status), self._retry))

    def ledger(self) -> Generator[LedgerLine]:
        """The account's ledger, newest first."""
        return self._told(_talk.pages(_native.ledger, self._retry))

    def cancel(self, task: TaskId) -> bool:
        """Give an open task up; its price is released. False if it was settled already."""
        return self._ask(_native.cancel(task))

    def balance(self) -> Decimal:
        """What is left on the account."""
        return self._ask(_native.balance())

    def report(self, task: TaskId, *, correct: bool, reason: str = "") -> None:
        """Say whether an answer was right; wrong ones are refunded by the server's rules. The last word counts."""
        self._ask(_native.report(task, correct=correct, reason=reason))


class AsyncClient(AsyncLine):
    """`Client` for asyncio: the same calls, awaited.

    ```python
    async with AsyncClient("http://127.0.0.1:8080", "YOUR KEY") as desk:
        solutions = await asyncio.gather(*(desk.solve(path) for path in Path("meters").glob("*.png")))
    ```
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        tls: ssl.SSLContext | None = None,
        retry: Retry = PATIENT,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(url, {"Authorization": f"Bearer {key}"}, tls=tls, retry=retry, sleep=sleep)

    async def create(
        self, what: Order | Picture, *, idempotency_key: str | None = None, **options: Unpack[TextOptions]
    ) -> TaskId:
        """See `Client.create`."""
        order = order_of(what, options)
        return (await self._ask(_native.create(order, idempotency_key or str(uuid4())))).id

    async def result(self, task: TaskId) -> Solution | None:
        """See `Client.result`."""
        return _native.solution(await self._ask(_native.show(task)))

    async def wait(self, task: TaskId, *, timeout: float = SOLVE_TIMEOUT) -> Solution:  # noqa: ASYNC109 - the server is told of it
        """See `Client.wait`."""
        return await self._act(_talk.wait(task, timeout, self._retry))

    async def solve(
        self,
        what: Order | Picture,
        *,
        timeout: float = SOLVE_TIMEOUT,  # noqa: ASYNC109 - same
        **options: Unpack[TextOptions],
    ) -> Solution:
        """See `Client.solve`."""
        return await self._act(_talk.solve(order_of(what, options), str(uuid4()), timeout, self._retry))

    async def batch(
        self,
        orders: Iterable[Order],
        *,
        progress: Callable[[Progress], object] | None = None,
        timeout: float = SOLVE_TIMEOUT,  # noqa: ASYNC109 - same
        at_once: int = AT_ONCE,
    ) -> list[Solution | AnswerdeskError]:
        """See `Client.batch`."""
        batch = Batch(orders, timeout=timeout, at_once=at_once, progress=progress, retry=self._retry)
        return await self._act(batch.run())

    def events(self, last_event_id: str | None = None) -> AsyncGenerator[Event]:
        """See `Client.events`."""
        return self._told(_talk.follow(last_event_id, self._retry), [])

    def tasks(self, status: Status | None = None) -> AsyncGenerator[Task]:
        """See `Client.tasks`."""
        return self._told(_talk.pages(partial(_native.tasks, status), self._retry), [])

    def ledger(self) -> AsyncGenerator[LedgerLine]:
        """See `Client.ledger`."""
        return self._told(_talk.pages(_native.ledger, self._retry), [])

    async def cancel(self, task: TaskId) -> bool:
        """See `Client.cancel`."""
        return await self._ask(_native.cancel(task))

    async def balance(self) -> Decimal:
        """See `Client.balance`."""
        return await self._ask(_native.balance())

    async def report(self, task: TaskId, *, correct: bool, reason: str = "") -> None:
        """See `Client.report`."""
        await self._ask(_native.report(task, correct=correct, reason=reason))
