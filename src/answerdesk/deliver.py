"""The only door to the outside: posts owed callbacks, each at least once, to allowed addresses alone.
Rule: a name is resolved once, every address is checked, and the checked address is the one connected to."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import threading
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

import httpx
import msgspec
import structlog
from standardwebhooks.webhooks import Webhook

from answerdesk.desk.callbacks import Tried
from answerdesk.desk.ports import Clock, Heard, Store, Unavailable
from answerdesk.desk.watch import Span, unwatched
from answerdesk.model.account import Account, Sequence
from answerdesk.model.address import may_call
from answerdesk.model.callback import Attempt, Callback, Delivery, Place, hosts_of, place_of
from answerdesk.model.task import Task

log = structlog.get_logger()

#: A receiver that answers within this time may have more posts at once.
SOON_SECONDS: Final = 1.0
#: How often owed callbacks are looked for when nothing happened, and at most.
LOOK_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 0.05
#: The longest pause between tries to write down what came of a post.
LONGEST_PAUSE_SECONDS: Final = 60.0
#: Addresses of one name that are tried, the first that takes a connection being the one posted to.
MOST_ADDRESSES: Final = 3
LONGEST_DETAIL: Final = 200
#: Hosts whose health is remembered.
MOST_REMEMBERED: Final = 10_000


class Places(NamedTuple):
    """How many posts may be under way at once: to one host, and to all hosts of the same health."""

    each: int
    all: int


#: By health: answered soon, failed without an answer, or (None) not known. The sick have few places and their own, so
#: that however many there are, nobody waits for them.
PLACES: Final = {True: Places(8, 128), None: Places(2, 256), False: Places(1, 64)}
#: Connections that can be open at once.
MOST_AT_ONCE: Final = sum(places.all for places in PLACES.values())

Resolve = Callable[[str], Awaitable[list[str]]]


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """What to post: the vendor's own body for one task."""

    #: The task's public id.
    task: int
    body: bytes
    type: str


class Forbidden(Exception):
    """The address may not be called; nothing left this process."""


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Who may be called: hosts the operator registered for all, and whether those it registered may be private."""

    hosts: tuple[str, ...] = ()
    private: bool = False


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How many seconds a receiver may take to take a connection, and in all (PROTOCOL §4.8)."""

    connect: float = 2.0
    whole: float = 5.0


class Resolver:
    """Looks names up, each in a thread of its own and once at a time: a name server that hangs delays nobody else."""

    def __init__(self) -> None:
        """Nothing is being looked up."""
        self._asked: dict[str, asyncio.Future[list[str]]] = {}

    async def __call__(self, host: str) -> list[str]:
        """Give a name's addresses, the best first."""
        asked = self._asked.get(host)
        if asked is None:
            loop = asyncio.get_running_loop()
            asked = self._asked[host] = loop.create_future()
            asked.add_done_callback(asyncio.Future.exception)  # whoever asked may have gone
            threading.Thread(target=self._look_up, args=(loop, host, asked), daemon=True).start()
        return await asyncio.shield(asked)

    def _look_up(self, loop: asyncio.AbstractEventLoop, host: str, asked: asyncio.Future[list[str]]) -> None:
        error: Exception | None = None
        addresses: list[str] = []
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            addresses = [str(address[4][0]) for address in found]
        except Exception as why:  # noqa: BLE001 - handed to whoever asked
            error = why
        with contextlib.suppress(RuntimeError):  # the loop may have ended meanwhile
            loop.call_soon_threadsafe(self._tell, host, asked, addresses, error)

    def _tell(self, host: str, asked: asyncio.Future[list[str]], addresses: list[str], error: Exception | None) -> None:
        del self._asked[host]
        if error is None:
            asked.set_result(addresses)
        else:
            asked.set_exception(error)


class Deliverer:
    """Posts owed callbacks until it is cancelled."""

    def __init__(
        self, *, store: Store, clock: Clock, door: Door, render: Callable[[Task, Account], Posting],
        resolve: Resolve | None = None, trust: ssl.SSLContext | None = None, patience: Patience | None = None,
        span: Span = unwatched,
    ) -> None:  # fmt: skip
        """Take what to post and whom it may reach; `render` writes a settled task as its account wants it."""
        self._span = span
        self._patience = patience or Patience()
        self._store = store
        self._clock = clock
        self._door = door
        self._render = render
        self._resolve = resolve or Resolver()
        self._trust = trust
        self._woken = asyncio.Event()
        self._under_way: dict[Sequence, asyncio.Task[None]] = {}
        self._of_host: Counter[str] = Counter()
        self._health: OrderedDict[str, bool] = OrderedDict()
        self._transports: dict[bool, httpx.AsyncHTTPTransport] = {}
        #: How the posts of this process ended, by outcome.
        self.outcomes: Counter[str] = Counter()
        store.listen(self._hear)

    def _transport(self, *, secure: bool) -> httpx.AsyncHTTPTransport:
        """Give what opens connections for one request each: no client's cookies, redirects and proxies are wanted.

        None is used twice, for it was opened for one name, and another name may have the same address. Reading the
        system's trust takes a while, so that it is left until somebody needs to be trusted.
        """
        if (transport := self._transports.get(secure)) is None:
            nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            transport = self._transports[secure] = httpx.AsyncHTTPTransport(
                verify=(self._trust or ssl.create_default_context()) if secure else nobody,
                trust_env=False,
                limits=httpx.Limits(max_connections=MOST_AT_ONCE, max_keepalive_connections=0),
            )
        return transport

    def _hear(self, heard: Heard) -> None:
        if heard.settings or heard.elsewhere.owed or any(task.settled and task.callback for task in heard.tasks):
            self._woken.set()

    async def run(self) -> None:
        """Post what is owed, again and again, while that is this process's duty."""
        try:
            while True:
                self._woken.clear()
                try:
                    for health in PLACES if self._store.duty() else ():
                        await self._start_due(health=health)
                except Unavailable as away:
                    log.warning("callbacks_put_off", why=str(away))
                except Exception:
                    log.exception("callbacks_crashed")
                # A rush of settled tasks costs one look, not one each.
                await asyncio.sleep(PAUSE_SECONDS)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._woken.wait()
        finally:
            posts = list(self._under_way.values())
            for post in posts:
                post.cancel()
            await asyncio.gather(*posts, return_exceptions=True)
            for transport in self._transports.values():
                await transport.aclose()

    async def _start_due(self, *, health: bool | None) -> None:
        """Start every post to hosts of this health that is due and has a place."""
        each, most = PLACES[health]
        known = dict(self._health)
        full = {host for host, count in self._of_host.items() if count >= each}
        room = most - sum(count for host, count in self._of_host.items() if known.get(host) is health)
        if room <= 0:
            return
        # Those under way are still owed, so twice as many are asked for.
        if health is None:
            due = await self._store.callbacks_due(self._clock.now(), 2 * most, each=2 * each, but=(*known, *full))
        else:
            hosts = tuple(host for host, well in known.items() if well is health and host not in full)
            due = await self._store.callbacks_due(self._clock.now(), 2 * most, each=2 * each, among=hosts)
        for callback in due:
            if room > 0 and callback.n not in self._under_way and self._of_host[callback.host] < each:
                room -= 1
                self._of_host[callback.host] += 1
                self._under_way[callback.n] = asyncio.create_task(self._post(callback))

    async def _post(self, callback: Callback) -> None:
        known: dict[str, str | int] = {"answerdesk.tries": callback.tries}
        try:
            with self._span("callback", known):
                attempt = await self._attempt(callback)
                known["http.response.status_code"] = attempt.status
                await self._book(attempt)
        finally:
            del self._under_way[callback.n]
            self._of_host[callback.host] -= 1
            if not self._of_host[callback.host]:
                del self._of_host[callback.host]
            self._woken.set()

    async def _book(self, attempt: Attempt) -> None:
        """Write down what came of a post, however long the store is away: without that it would be made again."""
        pause = LOOK_SECONDS
        while True:
            try:
                moved = await self._store.run(Tried(attempt=attempt))
            except Unavailable as away:
                log.warning("callback_not_booked", why=str(away), again_in=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            state = str(moved.state) if moved else "forgotten"
            self.outcomes[state] += 1
            tell = log.debug if state == Delivery.DONE else log.info
            tell("callback", n=attempt.n, status=attempt.status, state=state, detail=attempt.detail)
            return

    async def _attempt(self, callback: Callback) -> Attempt:
        """Make one try; whatever goes wrong is what came of it, so that nothing is tried without an end."""
        began, at = self._clock.monotonic(), self._clock.now()
        status, detail, well = 0, "", False
        try:
            async with asyncio.timeout(self._patience.whole):
                status = await self._deliver(callback)
            detail = f"HTTP {status}"
            well = True
        except Forbidden as rule:
            detail, well = str(rule), True
        except TimeoutError:
            detail = f"no answer within {self._patience.whole:g} seconds"
        except (httpx.HTTPError, OSError, UnicodeError) as error:
            detail = f"{type(error).__name__}: {error}"
        except Exception as error:
            log.exception("callback_crashed")
            detail = f"this desk failed: {type(error).__name__}: {error}"
        spent = self._clock.monotonic() - began
        self._remember(callback.host, well=well, soon=spent <= SOON_SECONDS)
        return Attempt(
            n=callback.n, account=callback.account, at=at, status=status, detail=detail[:LONGEST_DETAIL],
            milliseconds=int(spent * 1000),
        )  # fmt: skip

    def _remember(self, host: str, *, well: bool, soon: bool) -> None:
        """Remember how a host does; one that answers late is as good as not known."""
        self._health.pop(host, None)
        if soon or not well:
            self._health[host] = well
        if len(self._health) > MOST_REMEMBERED:
            self._health.popitem(last=False)

    async def _deliver(self, callback: Callback) -> int:
        """Post; gives the status the receiver answered with."""
        task = await self._store.task(callback.n)
        account = await self._store.account(callback.account)
        if task is None or not task.settled or account is None:
            msg = "the task is no longer kept"
            raise Forbidden(msg)
        place = place_of(callback.url)
        operators = (*account.callback_hosts, *self._door.hosts)
        if place is None or not place.within((*hosts_of(account), *operators)):
            msg = "the host is not registered for callbacks"
            raise Forbidden(msg)
        posting = self._render(task, account)
        addresses = await self._addresses(place, operators)
        for address in addresses[:-1]:
            try:
                return await self._send(place, address, posting, account)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._send(place, addresses[-1], posting, account)

    async def _addresses(self, place: Place, operators: tuple[str, ...]) -> list[str]:
        """Give the addresses to connect to; raises Forbidden unless every address of the name may be called.

        What a customer registered leads to public addresses alone: who has a key must not call this house's programs.
        """
        try:
            found = [str(ipaddress.ip_address(place.host))]
        except ValueError:
            found = await self._resolve(place.host)
        private = self._door.private and place.within(operators)
        if not found or not all(may_call(address, private=private) for address in found):
            msg = "the host's address is not a public one"
            why = ", and the operator did not register it" if self._door.private and not private else ""
            raise Forbidden(msg + why)
        return [address.partition("%")[0] for address in found[:MOST_ADDRESSES]]

    async def _send(self, place: Place, address: str, posting: Posting, account: Account) -> int:
        """Post to one address; of the answer only the head is read."""
        numeric = f"[{address}]" if ":" in address else address
        request = httpx.Request(
            "POST",
            f"{'https' if place.secure else 'http'}://{numeric}:{place.port}{place.target}",
            content=posting.body,
            headers={
                "host": place.header,
                "connection": "close",
                "user-agent": "answerdesk",
                "content-type": posting.type,
                "x-task-id": str(posting.task),
                **_signed(posting, account, self._clock),
            },
            extensions={
                "sni_hostname": place.host,
                "timeout": {
                    "connect": self._patience.connect, "read": self._patience.whole, "write": self._patience.whole,
                    "pool": self._patience.whole,
                },
            },
        )  # fmt: skip
        reply = await self._transport(secure=place.secure).handle_async_request(request)
        await reply.aclose()
        return reply.status_code


def _signed(posting: Posting, account: Account, clock: Clock) -> dict[str, str]:
    """Name the post and sign its body with each of the account's secrets, as Standard Webhooks wants it."""
    name = f"task_{posting.task}"
    at = datetime.fromtimestamp(clock.now() // 1000, UTC)
    named = {"webhook-id": name, "webhook-timestamp": str(int(at.timestamp()))}
    if not account.callback_secrets:
        return named
    text = posting.body.decode()
    signatures = [Webhook(secret).sign(name, at, text) for secret in account.callback_secrets]
    return {**named, "webhook-signature": " ".join(signatures)}
