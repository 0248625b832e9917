"""The only door to the outside: posts owed callbacks, each at least once, to allowed addresses alone.
Rule: a name is resolved once, every address is checked, and the checked address is the one connected to."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import httpx
import msgspec
import structlog
from standardwebhooks.webhooks import Webhook

from answerdesk.desk.callbacks import Tried
from answerdesk.desk.ports import Clock, Heard, Records, Store, Unavailable
from answerdesk.model.account import Account, Sequence
from answerdesk.model.address import may_call
from answerdesk.model.callback import Attempt, Callback, host_of, is_registered
from answerdesk.model.task import Task

log = structlog.get_logger()

#: How long a receiver may take to take a connection, and in all (PROTOCOL §4.8).
CONNECT_SECONDS: Final = 2.0
WHOLE_SECONDS: Final = 5.0
#: Posts under way at once: in all, and to one host, so that a dead one never delays another.
MOST_AT_ONCE: Final = 512
MOST_OF_HOST: Final = 4
#: How often owed callbacks are looked for when nothing happened.
LOOK_SECONDS: Final = 1.0
LONGEST_DETAIL: Final = 200

Resolve = Callable[[str, int], Awaitable[list[str]]]


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """What to post: the vendor's own body for one task."""

    #: The task's public id.
    task: int
    body: bytes
    type: str


class Forbidden(Exception):
    """The address may not be called; nothing left this process."""


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Who may be called: hosts the operator registered for all, and whether private ranges are allowed."""

    hosts: tuple[str, ...] = ()
    private: bool = False


async def resolve(host: str, port: int) -> list[str]:
    """Resolve a name into addresses by the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[4][0]) for address in found]


class Deliverer:
    """Posts owed callbacks until it is cancelled."""

    def __init__(
        self, *, store: Store, records: Records, clock: Clock, door: Door, render: Callable[[Task], Posting],
        resolve: Resolve = resolve,
    ) -> None:  # fmt: skip
        """Take what to post and whom it may reach; `render` writes a settled task in its dialect."""
        self._store = store
        self._records = records
        self._clock = clock
        self._door = door
        self._render = render
        self._resolve = resolve
        self._woken = asyncio.Event()
        self._under_way: dict[Sequence, asyncio.Task[None]] = {}
        self._of_host: Counter[str] = Counter()
        self._client = httpx.AsyncClient(
            follow_redirects=False, trust_env=False, timeout=httpx.Timeout(WHOLE_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=MOST_AT_ONCE, max_keepalive_connections=0),
        )  # fmt: skip
        #: How the posts of this process ended, by outcome.
        self.outcomes: Counter[str] = Counter()
        store.listen(self._hear)

    def _hear(self, heard: Heard) -> None:
        if heard.settings or any(task.settled and task.callback for task in heard.tasks):
            self._woken.set()

    async def run(self) -> None:
        """Post what is owed, again and again."""
        try:
            while True:
                self._woken.clear()
                try:
                    await self._start_due()
                except Unavailable as away:
                    log.warning("callbacks_put_off", why=str(away))
                try:
                    await asyncio.wait_for(self._woken.wait(), LOOK_SECONDS)
                except TimeoutError:
                    continue
        finally:
            posts = list(self._under_way.values())
            for post in posts:
                post.cancel()
            await asyncio.gather(*posts, return_exceptions=True)
            await self._client.aclose()

    async def _start_due(self) -> None:
        """Start every post that is due and has room; hosts that are full are passed over."""
        now = self._clock.now()
        accounts: dict[int, Account] | None = None
        while (room := MOST_AT_ONCE - len(self._under_way)) > 0:
            full = tuple(host for host, count in self._of_host.items() if count >= MOST_OF_HOST)
            due = await self._store.callbacks_due(now, room + len(self._under_way), full)
            fresh = [callback for callback in due if callback.n not in self._under_way]
            if not fresh:
                return
            accounts = accounts or {account.id: account for account, _ in await self._records.accounts()}
            for callback in fresh[:room]:
                if self._of_host[callback.host] < MOST_OF_HOST:
                    self._of_host[callback.host] += 1
                    post = asyncio.create_task(self._post(callback, accounts[callback.account]))
                    self._under_way[callback.n] = post

    async def _post(self, callback: Callback, account: Account) -> None:
        try:
            attempt = await self._attempt(callback, account)
            moved = await self._store.run(Tried(attempt=attempt))
            state = str(moved.state) if moved else "forgotten"
            self.outcomes[state] += 1
            log.info("callback", account=account.id, status=attempt.status, state=state, detail=attempt.detail)
        except Unavailable as away:
            log.warning("callback_not_booked", why=str(away))
        except Exception:
            log.exception("callback_crashed")
            await asyncio.sleep(LOOK_SECONDS)
        finally:
            del self._under_way[callback.n]
            self._of_host[callback.host] -= 1
            if not self._of_host[callback.host]:
                del self._of_host[callback.host]
            self._woken.set()

    async def _attempt(self, callback: Callback, account: Account) -> Attempt:
        began, at = self._clock.monotonic(), self._clock.now()
        try:
            task = await self._store.task(callback.n)
            if task is None or not task.settled:
                status, detail = 0, "the task is no longer kept"
            else:
                async with asyncio.timeout(WHOLE_SECONDS):
                    status = await self._send(callback, account, self._render(task))
                detail = f"HTTP {status}"
        except Forbidden as rule:
            status, detail = 0, str(rule)
        except TimeoutError:
            status, detail = 0, f"no answer within {WHOLE_SECONDS:g} seconds"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            status, detail = 0, f"{type(error).__name__}: {error}"
        spent = int((self._clock.monotonic() - began) * 1000)
        return Attempt(n=callback.n, at=at, status=status, detail=detail[:LONGEST_DETAIL], milliseconds=spent)

    async def _send(self, callback: Callback, account: Account, posting: Posting) -> int:
        url = httpx.URL(callback.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        address = await self._address(callback, account, port)
        headers = {
            "host": url.netloc.decode("ascii"),
            "content-type": posting.type,
            "x-task-id": str(posting.task),
            **_signed(posting, account, self._clock),
        }
        request = self._client.build_request(
            "POST",
            url.copy_with(host=address),
            content=posting.body,
            headers=headers,
            extensions={"sni_hostname": url.host},
        )
        reply = await self._client.send(request, stream=True)
        await reply.aclose()
        return reply.status_code

    async def _address(self, callback: Callback, account: Account, port: int) -> str:
        """Give the one address to connect to; raises Forbidden unless every address of the name may be called."""
        if not is_registered(callback.url, (*account.callback_hosts, *self._door.hosts)):
            msg = "the host is not registered for callbacks"
            raise Forbidden(msg)
        host = host_of(callback.url) or ""
        addresses = await self._resolve(host, port)
        if not addresses or not all(may_call(address, private=self._door.private) for address in addresses):
            msg = "the host's address is not a public one"
            raise Forbidden(msg)
        return addresses[0].partition("%")[0]


def _signed(posting: Posting, account: Account, clock: Clock) -> dict[str, str]:
    """Sign the body with each of the account's secrets, as Standard Webhooks wants it."""
    if not account.callback_secrets:
        return {}
    name = f"task_{posting.task}"
    at = datetime.fromtimestamp(clock.now() // 1000, UTC)
    text = posting.body.decode()
    signatures = [Webhook(secret).sign(name, at, text) for secret in account.callback_secrets]
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
