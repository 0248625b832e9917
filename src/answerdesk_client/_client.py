"""For those who ask: `Client` and `AsyncClient`, the same calls in two colours."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Unpack
from uuid import uuid4

from answerdesk_client import _calls, _talk
from answerdesk_client._line import AsyncLine, Line
from answerdesk_client._talk import PATIENT, Retry
from answerdesk_client._values import Picture, Solution, TaskId, TextOptions

SOLVE_TIMEOUT = 300.0
"""Seconds `wait` and `solve` are patient for, unless told otherwise."""


class Client(Line):
    """A customer's line to an answerdesk server: hand in pictures, get their text.

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
        super().__init__(url, {}, tls=tls, retry=retry, sleep=sleep)
        self._key = key

    def create(self, picture: Picture, *, idempotency_key: str | None = None, **options: Unpack[TextOptions]) -> TaskId:
        """Order the text of a picture and return at once.

        With an idempotency key of your own it stays one task even when your program starts anew and asks again.
        """
        return self._ask(_calls.create(self._key, picture, options, idempotency_key or str(uuid4())))

    def result(self, task: TaskId) -> Solution | None:
        """The answer, or None if there is none yet, which a server may take seconds to say; see `wait`."""
        return self._ask(_calls.result(self._key, task))

    def wait(self, task: TaskId, *, timeout: float = SOLVE_TIMEOUT) -> Solution:
        """The answer once it is there; `TimedOut` after `timeout` seconds, `Unsolvable` when there will be none."""
        return self._act(_talk.wait(self._key, task, timeout, self._retry))

    def solve(self, picture: Picture, *, timeout: float = SOLVE_TIMEOUT, **options: Unpack[TextOptions]) -> Solution:
        """`create` and `wait` in one."""
        return self.wait(self.create(picture, **options), timeout=timeout)

    def balance(self) -> Decimal:
        """What is left on the account."""
        return self._ask(_calls.balance(self._key))

    def report(self, task: TaskId, *, correct: bool) -> None:
        """Say whether an answer was right; wrong ones are refunded by the server's rules. The last word counts."""
        self._ask(_calls.report(self._key, task, correct=correct))


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
        super().__init__(url, {}, tls=tls, retry=retry, sleep=sleep)
        self._key = key

    async def create(
        self, picture: Picture, *, idempotency_key: str | None = None, **options: Unpack[TextOptions]
    ) -> TaskId:
        """See `Client.create`."""
        return await self._ask(_calls.create(self._key, picture, options, idempotency_key or str(uuid4())))

    async def result(self, task: TaskId) -> Solution | None:
        """See `Client.result`."""
        return await self._ask(_calls.result(self._key, task))

    async def wait(self, task: TaskId, *, timeout: float = SOLVE_TIMEOUT) -> Solution:  # noqa: ASYNC109 - the server is told of it
        """See `Client.wait`."""
        return await self._act(_talk.wait(self._key, task, timeout, self._retry))

    async def solve(
        self,
        picture: Picture,
        *,
        timeout: float = SOLVE_TIMEOUT,  # noqa: ASYNC109 - same
        **options: Unpack[TextOptions],
    ) -> Solution:
        """See `Client.solve`."""
        return await self.wait(await self.create(picture, **options), timeout=timeout)

    async def balance(self) -> Decimal:
        """See `Client.balance`."""
        return await self._ask(_calls.balance(self._key))

    async def report(self, task: TaskId, *, correct: bool) -> None:
        """See `Client.report`."""
        await self._ask(_calls.report(self._key, task, correct=correct))
