"""What whoever looks back asks of a store: lists, sums and histories.
Rule: nothing here is on the way of a call that has to be fast, and nothing writes."""

from __future__ import annotations

from typing import Protocol

from answerdesk.desk.ports import Listing
from answerdesk.desk.sums import Spending, Spent, Sums, Traffic
from answerdesk.model.account import Account, AccountId, Key, Millis, Purse, Sequence
from answerdesk.model.answer import Lease
from answerdesk.model.callback import Attempt, Callback
from answerdesk.model.money import Entry
from answerdesk.model.question import Kind
from answerdesk.model.task import Task


class Records(Protocol):
    """What was written, for those who look back: lists, sums and histories."""

    async def leases(self, n: Sequence) -> list[Lease]:
        """Read what was said of a task, in the order its leases were given."""

    async def attempts(self, n: Sequence) -> tuple[Callback | None, list[Attempt]]:
        """Read a task's callback and its tries, oldest first."""

    async def settled_after(self, account: AccountId, place: int, most: int) -> list[Task]:
        """Read an account's final tasks in the order they settled, after a place."""

    async def last_settled(self, account: AccountId) -> int:
        """Give the place of the task of an account that settled last, 0 where none is kept that settled."""

    async def entries(self, account: AccountId, before: int, most: int) -> list[tuple[int, Millis, Entry]]:
        """Read an account's ledger as (line, time, entry), newest first, before a line."""

    async def spending(self, account: AccountId, since: Millis, till: Millis, filters: Spending) -> list[Spent]:
        """Add up an account's charges by hour."""

    async def traffic(self, kinds: tuple[Kind, ...], lang: str | None, now: Millis) -> Traffic:
        """Tell who holds tasks of these kinds and language now, and how the last ones went; no language means any."""

    async def accounts(self) -> list[tuple[Account, Purse]]:
        """List all accounts."""

    async def keys(self, account: AccountId | None) -> list[Key]:
        """List keys, of one account or all."""

    async def tasks(self, listing: Listing) -> list[Task]:
        """List tasks, newest first."""

    async def sums(self) -> Sums:
        """Hold the ledger against the stored balances."""
