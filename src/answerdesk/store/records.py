"""Looking back: lists, sums and histories, each by an index or from an end of its table.
Rule: nothing here is on the way of a call that has to be fast, and nothing writes."""

from __future__ import annotations

from typing import Any, Final

from answerdesk.desk.ports import Listing
from answerdesk.desk.sums import Spending, Spent, Sums, Traffic
from answerdesk.model.account import OWN, Account, AccountId, Key, Millis, Purse, Sequence
from answerdesk.model.answer import Lease
from answerdesk.model.callback import Attempt, Callback
from answerdesk.model.money import BOOKS, Book, Entry, Micros
from answerdesk.model.question import Kind
from answerdesk.model.task import State, Task
from answerdesk.store import tables
from answerdesk.store.reading import Reading
from answerdesk.store.tables import ATTEMPT, CALLBACK, LEASE, PURSE, TASK

#: How many of an account's charges are added up at most, and how many where each task has to be looked at.
MOST_CHARGES: Final = 1_000_000
MOST_NARROWED: Final = 100_000

_SUMS: Final = (
    "SELECT move, CASE WHEN solver > 0 THEN -solver ELSE account END, '', CAST(sum(amount) AS bigint), count(*)"
    " FROM entries GROUP BY 1, 2"
    " UNION ALL SELECT '', id, name, balance, held FROM accounts"
    " UNION ALL SELECT '', -solvers.id, name, CAST(coalesce(sum(earned - paid), 0) AS bigint), 0"
    " FROM solvers LEFT JOIN wages ON solver = solvers.id GROUP BY solvers.id"
)


def _narrowing(filters: Spending) -> tuple[str, list[Any]]:
    """Give the condition on a charge's task, and its values; nothing where any counts."""
    asked = (
        ("type IN (SELECT value FROM json_each(?))", list(filters.types) or None),
        ("soft_id = ?", filters.soft_id),
        ("ip = ?", filters.ip),
    )
    given = [(condition, value) for condition, value in asked if value is not None]
    return " AND ".join(condition for condition, _ in given), [value for _, value in given]


class RecordReads(Reading):
    """The records port."""

    async def leases(self, n: Sequence) -> list[Lease]:
        """Read by the index of tasks."""
        select = f"SELECT {LEASE} FROM leases WHERE n = ? ORDER BY given, token"
        return [tables.lease_from(row) for row in await self._rows(select, n)]

    async def attempts(self, n: Sequence) -> tuple[Callback | None, list[Attempt]]:
        """Read both by task."""
        owed = await self._rows(f"SELECT {CALLBACK} FROM callbacks WHERE n = ?", n)
        tries = await self._rows(f"SELECT {ATTEMPT} FROM attempts WHERE n = ? ORDER BY id", n)
        return (tables.callback_from(owed[0]) if owed else None), [tables.attempt_from(row) for row in tries]

    async def settled_after(self, account: AccountId, place: int, most: int) -> list[Task]:
        """Scan the index of settled ones."""
        where = "state > 0 AND account = ? AND place > ?"
        select = f"SELECT {TASK} FROM tasks WHERE {where} ORDER BY place LIMIT ?"
        return [tables.task_from(row) for row in await self._rows(select, account, place, most)]

    async def last_settled(self, account: AccountId) -> int:
        """Look at the end of the index of settled ones."""
        select = "SELECT place FROM tasks WHERE state > 0 AND account = ? ORDER BY place DESC LIMIT 1"
        rows = await self._rows(select, account)
        return rows[0][0] if rows else 0

    async def entries(self, account: AccountId, before: int, most: int) -> list[tuple[int, Millis, Entry]]:
        """List from the end of the ledger."""
        select = (
            "SELECT id, at, move, amount, account, solver, n, note FROM entries"
            " WHERE account = ? AND id < ? ORDER BY id DESC LIMIT ?"
        )
        return [tables.entry_from(row) for row in await self._rows(select, account, before, most)]

    async def spending(self, account: AccountId, since: Millis, till: Millis, filters: Spending) -> list[Spent]:
        """Add up charges by the hour they were booked in: the newest, as many as are looked at."""
        charged = (
            "SELECT at, n, amount FROM entries WHERE account = ? AND move = 'charge' AND at >= ? AND at < ?"
            " ORDER BY at DESC LIMIT ?"
        )
        where, narrowed = _narrowing(filters)
        most = MOST_NARROWED if where else MOST_CHARGES
        joined = f" LEFT JOIN tasks USING (n) WHERE {where}" if where else ""
        added = "SELECT at / 3600000, count(*), CAST(sum(amount) AS bigint)"
        select = f"{added} FROM ({charged}) AS charged{joined} GROUP BY 1 ORDER BY 1"
        hours = await self._rows(select, account, since, till, most, *narrowed)
        return [Spent(hour=Millis(hour * 3_600_000), count=count, amount=amount) for hour, count, amount in hours]

    async def traffic(self, kinds: tuple[Kind, ...], lang: str | None, now: Millis) -> Traffic:
        """Look at live leases, and at the answered ones among the newest thousand tasks."""
        matches = "kind IN (SELECT value FROM json_each(?)) AND (CAST(? AS text) IS NULL OR coalesce(lang, 'en') = ?)"
        values = (list(kinds), lang, lang)
        # By each solver's live leases alone, however many ran out without a word.
        live = "solver = solvers.id AND outcome IS NULL AND until > ?"
        lease = f"SELECT 1 FROM leases JOIN tasks USING (n) WHERE {live} AND {matches}"
        held = f"SELECT id FROM solvers WHERE EXISTS ({lease})"
        columns = "kind, lang, state, created, tasks.ended, price"
        recent = f"SELECT {columns} FROM tasks WHERE account <> {OWN:d} ORDER BY n DESC LIMIT 1000"
        took, price = "CAST(avg(ended - created) AS double precision)", "CAST(avg(price) AS double precision)"
        average = f"SELECT count(*), {took}, {price} FROM ({recent}) AS recent WHERE state = 1 AND {matches}"
        ((count, milliseconds, cost),) = await self._rows(average, *values)
        return Traffic(
            busy=frozenset(row[0] for row in await self._rows(held, now, *values)),
            count=count,
            milliseconds=round(milliseconds or 0),
            price=Micros(round(cost or 0)),
        )

    async def accounts(self) -> list[tuple[Account, Purse]]:
        """List by id; the desk's own is nobody's to see."""
        rows = await self._rows(f"SELECT settings, {PURSE} FROM accounts WHERE id <> ? ORDER BY id", OWN)
        return [(tables.account_from(row[0]), tables.purse_from(row[1:])) for row in rows]

    async def keys(self, account: AccountId | None) -> list[Key]:
        """List by age."""
        select = (
            "SELECT digest, account, tail, created, revoked FROM keys"
            " WHERE CAST(? AS bigint) IS NULL OR account = ? ORDER BY created, digest"
        )
        return [tables.key_from(row) for row in await self._rows(select, account, account)]

    async def tasks(self, listing: Listing) -> list[Task]:
        """List from the high end of the sequence; an account's by an index of each state."""
        before = listing.before or 2**62
        states = tuple(State) if listing.state is None else (listing.state,)
        if listing.account is not None:
            # Each read ends by itself: joined first and cut off then, they would all be sorted. And each names its
            # state: PostgreSQL supposes of one it is not told that many tasks are in it, and looks through them all.
            newest = f"SELECT {TASK} FROM tasks WHERE account = ? AND state = {{:d}} AND n < ? ORDER BY n DESC LIMIT ?"
            reads = (f"SELECT {TASK} FROM ({newest.format(state)}) AS newest" for state in states)
            select = " UNION ALL ".join(reads)
            values = [listing.account, before, listing.most] * len(states)
        else:
            select = f"SELECT {TASK} FROM tasks WHERE n < ? AND state IN ({', '.join('?' * len(states))})"
            values = [before, *map(int, states)]
        rows = await self._rows(f"{select} ORDER BY n DESC LIMIT ?", *values, listing.most)
        return [tables.task_from(row) for row in rows]

    async def sums(self) -> Sums:
        """Add the whole ledger up by move and owner: an account, or below zero a solver."""
        booked: dict[tuple[Book, int], int] = {}
        stored: list[tuple[int, str, int, int]] = []
        entries = 0
        # One statement sees one moment.
        for move, owner, name, first, second in await self._rows(_SUMS):
            if not move:
                stored.append((owner, name, first, second))
                continue
            entries += second
            for book, sign in zip(BOOKS[move], (-1, 1), strict=True):
                booked[book, owner] = booked.get((book, owner), 0) + sign * first
        drifting = []
        for owner, name, first, second in stored:
            books = ((Book.EARNED, first),) if owner < 0 else ((Book.BALANCE, first), (Book.HELD, second))
            if any(booked.get((book, owner), 0) != amount for book, amount in books):
                drifting.append(name)
        return Sums(drifting=tuple(drifting), entries=entries)
