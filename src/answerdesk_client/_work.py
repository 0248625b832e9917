"""For those who answer: `WorkClient` and `AsyncWorkClient`, the work API in two colours."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable

from answerdesk_client import _calls
from answerdesk_client._line import AsyncLine, Line
from answerdesk_client._talk import PATIENT, Retry
from answerdesk_client._values import Claim, Held, Lease, Me, Undone, Verdict


class WorkClient(Line):
    """A solver's line to an answerdesk server: claim tasks, look at them, answer them.

    ```python
    from answerdesk_client import WorkClient

    with WorkClient("http://127.0.0.1:8080", "YOUR TOKEN") as desk:
        while True:
            for lease in desk.claim(["text"]):
                picture = desk.media(lease.question.media[0].url)
                if text := read(picture):
                    desk.answer(lease, text, confidence=0.9)
                else:
                    desk.decline(lease, "unreadable")
    ```

    Every call is sent again when its reply is lost (see `Retry`): the server takes the same answer once. A revoked
    token is `Refused` with number 401.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        tls: ssl.SSLContext | None = None,
        retry: Retry = PATIENT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(url, {"Authorization": f"Bearer {token}"}, tls=tls, retry=retry, sleep=sleep)

    def claim(
        self,
        kinds: Iterable[str],
        max: int = 1,  # noqa: A002 - the wire's word
        wait: float = 25.0,
        *,
        reserve: bool = False,
    ) -> list[Lease]:
        """Up to `max` tasks of these kinds; an empty list when none came within `wait` seconds (at most 30).

        With `reserve` they are set aside for 20 seconds: `show` each when it is looked at, or `keep` or `release` it.
        """
        return self._ask(_calls.claim(Claim(kinds=tuple(kinds), max=max, wait=wait, reserve=reserve)))

    def answer(
        self,
        lease: Lease,
        value: object,
        confidence: float | None = None,
        claim: Claim | None = None,
        shown: Lease | None = None,
    ) -> Verdict:
        """Answer in the kind's normal form (PROTOCOL §6.14; a str for text); `claim` asks for more in the same trip.

        `shown` is the reserved lease that is looked at from now on.
        """
        return self._ask(_calls.answer(lease, value, confidence, claim, shown))

    def decline(self, lease: Lease, reason: str, claim: Claim | None = None, shown: Lease | None = None) -> Verdict:
        """Hand the task back: "unreadable", "broken", "language" or "refused"."""
        return self._ask(_calls.decline(lease, reason, claim, shown))

    def show(self, lease: Lease) -> Held:
        """A reserved task is looked at: its time runs from now on."""
        return self._ask(_calls.hold("show", lease))

    def keep(self, lease: Lease) -> Held:
        """Set a reserved task aside for 20 seconds more, up to two minutes in all."""
        return self._ask(_calls.hold("keep", lease))

    def extend(self, lease: Lease) -> Held:
        """Take 30 seconds more for a task that is looked at, once: later calls are told the same time."""
        return self._ask(_calls.hold("extend", lease))

    def release(self, *leases: Lease) -> int:
        """Give leases up without a word; how many of them were live. What was never shown may come again."""
        return self._ask(_calls.release(leases))

    def undo(self, lease: Lease) -> Undone:
        """Withdraw an answer or a decline while its task is open; the lease runs again and the pay is taken back."""
        return self._ask(_calls.undo(lease))

    def me(self) -> Me:
        """Who the token is, how its day went, and what waits for it."""
        return self._ask(_calls.me())

    def media(self, url: str) -> bytes:
        """The picture or sound behind a question's media URL."""
        return self._ask(_calls.media(url))


class AsyncWorkClient(AsyncLine):
    """`WorkClient` for asyncio: the same calls, awaited."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        tls: ssl.SSLContext | None = None,
        retry: Retry = PATIENT,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(url, {"Authorization": f"Bearer {token}"}, tls=tls, retry=retry, sleep=sleep)

    async def claim(
        self,
        kinds: Iterable[str],
        max: int = 1,  # noqa: A002 - the wire's word
        wait: float = 25.0,
        *,
        reserve: bool = False,
    ) -> list[Lease]:
        """See `WorkClient.claim`."""
        return await self._ask(_calls.claim(Claim(kinds=tuple(kinds), max=max, wait=wait, reserve=reserve)))

    async def answer(
        self,
        lease: Lease,
        value: object,
        confidence: float | None = None,
        claim: Claim | None = None,
        shown: Lease | None = None,
    ) -> Verdict:
        """See `WorkClient.answer`."""
        return await self._ask(_calls.answer(lease, value, confidence, claim, shown))

    async def decline(
        self, lease: Lease, reason: str, claim: Claim | None = None, shown: Lease | None = None
    ) -> Verdict:
        """See `WorkClient.decline`."""
        return await self._ask(_calls.decline(lease, reason, claim, shown))

    async def show(self, lease: Lease) -> Held:
        """See `WorkClient.show`."""
        return await self._ask(_calls.hold("show", lease))

    async def keep(self, lease: Lease) -> Held:
        """See `WorkClient.keep`."""
        return await self._ask(_calls.hold("keep", lease))

    async def extend(self, lease: Lease) -> Held:
        """See `WorkClient.extend`."""
        return await self._ask(_calls.hold("extend", lease))

    async def release(self, *leases: Lease) -> int:
        """See `WorkClient.release`."""
        return await self._ask(_calls.release(leases))

    async def undo(self, lease: Lease) -> Undone:
        """See `WorkClient.undo`."""
        return await self._ask(_calls.undo(lease))

    async def me(self) -> Me:
        """See `WorkClient.me`."""
        return await self._ask(_calls.me())

    async def media(self, url: str) -> bytes:
        """See `WorkClient.media`."""
        return await self._ask(_calls.media(url))
