"""The customer's side of the desk as every dialect serves it: admission, limits, waiting.
Rule: whatever the dialect, a call is admitted, counted and held by the same code."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Final

import msgspec
import structlog

from answerdesk.api.hold import Hold
from answerdesk.api.limits import Guesses, Polls, Rates
from answerdesk.desk.books import ChangeAccount
from answerdesk.desk.entrance import Entrance, locked_for
from answerdesk.desk.orders import Orders
from answerdesk.desk.ports import Clock, Store
from answerdesk.model.account import Account, Millis, Sequence
from answerdesk.model.callback import host_of, hosts_of, is_registered
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.money import Micros
from answerdesk.model.talk import UNKNOWN_TASK, Draft, Processing, Ready, Refused, Reply
from answerdesk.model.task import TaskId

log = structlog.get_logger()

#: How long polls answer "processing" while the store cannot be read (PROTOCOL §5.3).
STORE_GRACE_SECONDS: Final = 30.0
#: The longest a client may prefer to wait (PROTOCOL T16).
MOST_WAIT: Final = 60.0


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator set for all customers."""

    dialect: str
    hold_seconds: float = 3.0
    deadline_ms: int = 300_000
    poll_lock_ms: int = 60_000
    report_window_ms: int = 86_400_000
    #: The operator's own names for complex pictures, and what they stand for.
    own_names: Mapping[str, str] = {}
    #: Hosts that every account's callbacks may go to.
    callback_hosts: tuple[str, ...] = ()


class Front:
    """What a customer may do, as counted and held by this process."""

    def __init__(
        self, *, store: Store, orders: Orders, entrance: Entrance, hold: Hold, polls: Polls, clock: Clock, terms: Terms
    ) -> None:
        """Take the desk's use cases and what this process counts."""
        self._store = store
        self._orders = orders
        self._entrance = entrance
        self._hold = hold
        self._polls = polls
        self._rates = Rates()
        self.clock = clock
        self.terms = terms
        self.guesses = Guesses()
        #: Since when the store could not be read, None while it can.
        self._away_since: float | None = None

    async def admit(self, key: str, ip: str) -> Account:
        """Let a caller in: key, address, standing, rate; raises a Refusal."""
        account = await self._entrance.admit(key, ip, self.clock.now())
        self._rates.check(account, self.clock.monotonic())
        return account

    def settled(self, key: str, ip: str, task: TaskId) -> tuple[Account, Ready | Refused] | None:
        """Give the reply of a task on the board to the caller of a known key; None where that takes waiting.

        Raises a Refusal, of which nothing is counted yet.
        """
        account = self._entrance.known(key)
        reply = None if account is None else self._orders.on_board(account.id, task)
        if account is None or reply is None:
            return None
        self._admit_known(account, ip)
        return account, reply

    def known(self, key: str) -> Account | None:
        """Give the account of a key that is remembered; it has still to be admitted."""
        return self._entrance.known(key)

    def _admit_known(self, account: Account, ip: str) -> None:
        """Let the caller of a known key in; raises a Refusal, of which nothing is counted yet."""
        self._entrance.check(account, ip, self.clock.now())
        now = self.clock.monotonic()
        self.guesses.check(ip, now)
        self._rates.check(account, now)

    async def readmit(self, key: str, ip: str) -> None:
        """Look again whether a caller who listens still may; raises a Refusal."""
        await self._entrance.admit(key, ip, self.clock.now())

    def check_address(self, ip: str) -> None:
        """Refuse an address that guessed too much."""
        self.guesses.check(ip, self.clock.monotonic())

    def count_refusal(self, refusal: Refusal, ip: str) -> None:
        """Count a wrong key or id against the address it came from; to report too early or too late is neither."""
        unknown_task = refusal.fault is Fault.NO_SUCH_CAPCHA_ID and refusal.detail == UNKNOWN_TASK
        if unknown_task or refusal.fault is Fault.KEY_DOES_NOT_EXIST:
            self.guesses.count(ip, self.clock.monotonic())

    async def create(
        self, account: Account, draft: Draft, ip: str, dialect: str, replay: tuple[str, bytes] | None = None
    ) -> tuple[TaskId, bool]:
        """Store a task; gives its id, and whether an idempotency key found it made before."""
        if draft.callback is not None:
            self._check_callback(account, draft.callback)
        return await self._orders.submit(
            account, draft, ip, dialect=dialect, deadline_ms=self.terms.deadline_ms, replay=replay
        )

    def begin(
        self, account: Account, draft: Draft, ip: str, dialect: str, replay: tuple[str, bytes] | None
    ) -> Awaitable[tuple[Sequence, bool]] | None:
        """Let the caller of a known key in and store a task for whoever is called back; None where that takes waiting.

        Then nothing is counted yet, and nothing of a Refusal.
        """
        if draft.callback is not None:
            self._check_callback(account, draft.callback)
        if (n := self._orders.drawn()) is None:
            return None
        self._admit_known(account, ip)
        return self._orders.begin(
            n, account, draft, ip, dialect=dialect, deadline_ms=self.terms.deadline_ms, replay=replay
        )

    def made(self, outcome: tuple[Sequence, bool]) -> tuple[TaskId, bool]:
        """Give what came of `begin` as `create` does."""
        return self._orders.made(outcome)

    def _check_callback(self, account: Account, url: str) -> None:
        """Refuse a callback to a host that neither the account nor the desk has registered (PROTOCOL §2.2)."""
        if not is_registered(url, (*hosts_of(account), *self.terms.callback_hosts)):
            host = (host_of(url) or "of this address")[:80]
            msg = f"callbackUrl: the host {host} is not registered for this account; its operator does that with"
            raise Refusal(Fault.BAD_PARAMETERS, f"{msg} `answerdesk accounts set {account.id} --callback-host {host}`")

    async def result(self, account: Account, task: TaskId, wait: float | None) -> Reply:
        """Give a task's reply, held while it is unfinished; past the poll limit the account is locked."""
        reply = await self._orders.look_up(account.id, task, self.clock.now())
        if not isinstance(reply, Processing):
            self._polls.forget(account.id, task)
            return reply
        if not self._polls.count(account.id, task):
            raise await self._lock(account)
        seconds = self.terms.hold_seconds if wait is None else min(wait, MOST_WAIT)
        if seconds <= 0:
            return reply
        if not self._hold.has_room(account.id):
            self._polls.uncount(account.id, task)
            return reply
        return await self._hold.wait(account.id, task, seconds) or reply

    def is_back(self) -> None:
        """Take note that the store could be read."""
        self._away_since = None

    def is_away_briefly(self) -> bool:
        """Tell whether the store, which could not be read just now, has been away for so short that polls may wait."""
        now = self.clock.monotonic()
        self._away_since = self._away_since or now
        return now - self._away_since <= STORE_GRACE_SECONDS

    async def balance(self, account: Account) -> Micros:
        """Read what the account can spend."""
        return await self._orders.balance(account.id)

    async def report(
        self, account: Account, task: TaskId, *, correct: bool, reason: str = "", window_ms: int | None = None
    ) -> bool:
        """Book a verdict on an answer, within the dialect's window where that is shorter; False if it is no news."""
        window = min(self.terms.report_window_ms, window_ms or self.terms.report_window_ms)
        return await self._orders.report(account.id, task, correct=correct, window_ms=window, reason=reason)

    async def cancel(self, account: Account, task: TaskId) -> bool:
        """Give up an open task; False if it was settled already."""
        return await self._orders.cancel(task, account.id)

    async def _lock(self, account: Account) -> Refusal:
        """Lock the account for a while, as a stored fact (PROTOCOL §3.5)."""
        lock = self.terms.poll_lock_ms
        until = Millis(self.clock.now() + lock)
        await self._store.run(ChangeAccount(account=account.id, settings={"polls_locked_until": until}))
        log.warning("polls_locked", account=account.id, seconds=lock // 1000)
        return Refusal(Fault.TOO_MUCH_REQUESTS, *locked_for(lock))
