"""For those who answer: `WorkClient` and `AsyncWorkClient`, the work API in two colours."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable

from answerdesk_client import _calls
from answerdesk_client._line import AsyncLine, Line
from answerdesk_client._talk import PATIENT, Retry
from answerdesk_client._values import Claim, Lease, Verdict


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

    def claim(self, kinds: Iterable[str], max: int = 1, wait: float = 25.0) -> list[Lease]:  # noqa: A002 - the wire's word
        """Up to `max` tasks of these kinds; an empty list when none came within `wait` seconds (at most 30)."""
        return self._ask(_calls.claim(Claim(kinds=tuple(kinds), max=max, wait=wait)))

    def answer(
        self, lease: Lease, value: object, confidence: float | None = None, claim: Claim | None = None
    ) -> Verdict:
        """Answer in the kind's normal form (PROTOCOL §6.14; a str for text); `claim` asks for more in the same trip."""
        return self._ask(_calls.answer(lease, value, confidence, claim))

    def decline(self, lease: Lease, reason: str, claim: Claim | None = None) -> Verdict:
        """Hand the task back: "unreadable", "broken", "language" or "refused"."""
        return self._ask(_calls.decline(lease, reason, claim))

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

    async def claim(self, kinds: Iterable[str], max: int = 1, wait: float = 25.0) -> list[Lease]:  # noqa: A002 - the wire's word
        """See `WorkClient.claim`."""
        return await self._ask(_calls.claim(Claim(kinds=tuple(kinds), max=max, wait=wait)))

    async def answer(
        self, lease: Lease, value: object, confidence: float | None = None, claim: Claim | None = None
    ) -> Verdict:
        """See `WorkClient.answer`."""
        return await self._ask(_calls.answer(lease, value, confidence, claim))

    async def decline(self, lease: Lease, reason: str, claim: Claim | None = None) -> Verdict:
        """See `WorkClient.decline`."""
        return await self._ask(_calls.decline(lease, reason, claim))

    async def media(self, url: str) -> bytes:
        """See `WorkClient.media`."""
        return await self._ask(_calls.media(url))
