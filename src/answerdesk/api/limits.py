"""What one process counts: guesses per address, requests per account, polls per unfinished task.
Rule: counters live in memory and are bounded; only a poll lock is a stored fact."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from answerdesk.model.account import Account, AccountId, Strictness
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.limit import BAN_SECONDS, GUESSES, GUESSES_PER_SECOND, Bucket, forget_oldest, is_loopback
from answerdesk.model.task import TaskId

#: How many addresses, accounts or tasks are counted at once; the oldest are forgotten first.
MOST_COUNTED: Final = 200_000


class Guesses:
    """Wrong keys and wrong ids by address; too many ban the address for ten minutes (PROTOCOL §3.5)."""

    def __init__(self) -> None:
        """Start with nobody banned."""
        self._buckets: dict[str, Bucket] = {}
        self._banned: dict[str, float] = {}
        #: How many wrong keys and ids came, loopback included.
        self.counted = 0

    def check(self, ip: str, now: float) -> None:
        """Refuse a banned address."""
        if not self._banned:
            return
        until = self._banned.get(ip)
        if until is None:
            return
        if now >= until:
            del self._banned[ip]
            return
        seconds = int(until - now) + 1
        msg = f"too many wrong keys or task ids came from {ip}; it is banned for {seconds} more seconds"
        raise Refusal(Fault.IP_BLOCKED, msg, seconds)

    def count(self, ip: str, now: float) -> None:
        """Count a wrong key or id; loopback is counted and never banned."""
        self.counted += 1
        if is_loopback(ip):
            return
        bucket = self._buckets.get(ip)
        if bucket is None:
            bucket = self._buckets[ip] = Bucket.full(GUESSES, GUESSES_PER_SECOND, now)
            forget_oldest(self._buckets, MOST_COUNTED)
        if not bucket.take(now):
            self._banned[ip] = now + BAN_SECONDS
            forget_oldest(self._banned, MOST_COUNTED)


class Blocks:
    """Names that are blocked for a while."""

    def __init__(self, lasts: float) -> None:
        """Block a name for `lasts` seconds each time."""
        self._lasts = lasts
        self._until: dict[Any, float] = {}

    def block(self, name: object, now: float) -> None:
        """Block from now on."""
        self._until[name] = now + self._lasts
        forget_oldest(self._until, MOST_COUNTED)

    def blocked_for(self, name: object, now: float) -> int:
        """Give the seconds left of a block, 0 for none."""
        until = self._until.get(name)
        if until is None:
            return 0
        if now >= until:
            del self._until[name]
            return 0
        return math.ceil(until - now)


class Floods(Blocks):
    """Things that happen to one name: so many within so long, and the name is blocked for a while."""

    def __init__(self, most: int, *, within: float, lasts: float) -> None:
        """Block a name at its `most`-th time in `within` seconds, for `lasts` seconds."""
        super().__init__(lasts)
        self._most = most
        self._within = within
        #: When a name's present count began, and how far it is.
        self._counts: dict[Any, tuple[float, int]] = {}

    def count(self, name: object, now: float) -> None:
        """Count one more time."""
        began, count = self._counts.pop(name, (now, 0))
        if now - began >= self._within:
            began, count = now, 0
        self._counts[name] = began, count + 1
        forget_oldest(self._counts, MOST_COUNTED)
        if count + 1 >= self._most:
            del self._counts[name]
            self.block(name, now)


class Proportions(Blocks):
    """What a name asks for against what it earned: past its share it is blocked, and counted anew after that."""

    def __init__(self, over: Callable[[int, int], bool], *, lasts: float) -> None:
        """Take when (asked, earned) are out of proportion."""
        super().__init__(lasts)
        self._over = over
        self._counts: dict[Any, tuple[int, int]] = {}

    def earn(self, name: object) -> None:
        """Count what allows more."""
        asked, earned = self._counts.get(name, (0, 0))
        self._set(name, asked, earned + 1)

    def count(self, name: object, now: float) -> None:
        """Count what uses it up."""
        asked, earned = self._counts.get(name, (0, 0))
        self._set(name, asked + 1, earned)
        if self._over(asked + 1, earned):
            del self._counts[name]
            self.block(name, now)

    def _set(self, name: object, asked: int, earned: int) -> None:
        self._counts[name] = asked, earned
        forget_oldest(self._counts, MOST_COUNTED)


class Strict:
    """The older API's blocks that an account meets only where it asked for them, this machine included."""

    def __init__(self) -> None:
        """Start with nobody blocked; the numbers are PROTOCOL §8.8's."""
        self._no_slots = Floods(120, within=60, lasts=600)
        self._no_slots_for_tasks = Proportions(lambda refused, made: refused >= 120 and refused > 3 * made, lasts=30)
        self._asks_for_tasks = Proportions(lambda asked, made: asked > 20 * made + 1200, lasts=300)

    def made(self, account: Account) -> None:
        """Count a task that was submitted."""
        if Strictness.BLOCKS in account.strict:
            self._no_slots_for_tasks.earn(account.id)
            self._asks_for_tasks.earn(account.id)

    def refused(self, account: Account, now: float) -> None:
        """Count a task for which nobody was there."""
        if Strictness.BLOCKS in account.strict:
            self._no_slots.count(account.id, now)
            self._no_slots_for_tasks.count(account.id, now)

    def submits(self, account: Account, now: float) -> tuple[int, int]:
        """Give the seconds left of the two blocks of those who submit."""
        if Strictness.BLOCKS not in account.strict:
            return 0, 0
        return self._no_slots.blocked_for(account.id, now), self._no_slots_for_tasks.blocked_for(account.id, now)

    def asks(self, account: Account, now: float) -> int:
        """Count a call that submits nothing; gives the seconds left of the block of those who ask too much."""
        if Strictness.BLOCKS not in account.strict:
            return 0
        if not (left := self._asks_for_tasks.blocked_for(account.id, now)):
            self._asks_for_tasks.count(account.id, now)
            left = self._asks_for_tasks.blocked_for(account.id, now)
        return left


class Rates:
    """Requests per second by account, where the account has such a limit."""

    def __init__(self) -> None:
        """Start with full buckets."""
        self._buckets: dict[tuple[AccountId, int], Bucket] = {}

    def check(self, account: Account, now: float) -> None:
        """Refuse a request over the account's limit."""
        rate = account.requests_per_second
        if not rate:
            return
        bucket = self._buckets.get((account.id, rate))
        if bucket is None:
            bucket = self._buckets[account.id, rate] = Bucket.full(rate, rate, now)
            forget_oldest(self._buckets, MOST_COUNTED)
        if not bucket.take(now):
            msg = f"this account's limit is {rate} requests a second; send fewer, or ask the operator for more"
            raise Refusal(Fault.TOO_MUCH_REQUESTS, msg)


class Polls:
    """Polls of unfinished tasks; those of finished ones are never counted."""

    def __init__(self, most: int) -> None:
        """Allow `most` polls of one unfinished task, 0 for any number."""
        self._most = most
        self._counts: dict[tuple[AccountId, TaskId], int] = {}

    def count(self, account: AccountId, task: TaskId) -> bool:
        """Count a poll; False when it is one too many."""
        if not self._most:
            return True
        name = (account, task)
        count = self._counts.get(name, 0) + 1
        self._counts[name] = count
        forget_oldest(self._counts, MOST_COUNTED)
        return count <= self._most

    def uncount(self, account: AccountId, task: TaskId) -> None:
        """Take back a poll that could not be held."""
        if (account, task) in self._counts:
            self._counts[account, task] -= 1

    def forget(self, account: AccountId, task: TaskId) -> None:
        """Stop counting for a task that is finished."""
        self._counts.pop((account, task), None)
