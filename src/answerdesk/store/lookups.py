"""What calls and chores look up: one row by its name, or the first of an index.
Rule: single short statements; what one costs does not grow with what was ever written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from answerdesk.model.account import Account, AccountId, Millis, Purse, Sequence
from answerdesk.model.answer import Lease
from answerdesk.model.callback import Callback
from answerdesk.model.solver import Solver
from answerdesk.model.task import State, Task
from answerdesk.store import tables
from answerdesk.store.reading import Reading
from answerdesk.store.tables import CALLBACK, LEASE, PURSE, TASK

#: Every host that something is owed to, by as many steps through the index.
_OWED_HOSTS: Final = (
    "hosts(host) AS (SELECT min(host) FROM callbacks WHERE state = 'owed' UNION ALL"
    " SELECT (SELECT min(host) FROM callbacks WHERE state = 'owed' AND host > hosts.host) FROM hosts"
    " WHERE hosts.host IS NOT NULL)"
)


class TaskReads(Reading):
    """What the store port is asked besides running verbs."""

    async def account_by_key(self, key: bytes) -> Account | None:
        """Find by digest."""
        rows = await self._rows(
            "SELECT settings FROM keys JOIN accounts ON accounts.id = keys.account"
            " WHERE digest = ? AND revoked IS NULL",
            key,
        )
        return tables.account_from(rows[0][0]) if rows else None

    async def solver_by_token(self, token: bytes) -> Solver | None:
        """Find by digest."""
        rows = await self._rows("SELECT grants, seen FROM solvers WHERE token = ?", token)
        solver = tables.solver_from(rows[0]) if rows else None
        return solver if solver and solver.enabled else None

    async def purse(self, account: AccountId) -> Purse | None:
        """Read one purse."""
        rows = await self._rows(f"SELECT {PURSE} FROM accounts WHERE id = ?", account)
        return tables.purse_from(rows[0]) if rows else None

    async def task(self, n: Sequence) -> Task | None:
        """Read one task."""
        rows = await self._rows(f"SELECT {TASK} FROM tasks WHERE n = ?", n)
        return tables.task_from(rows[0]) if rows else None

    async def settled_among(self, numbers: Iterable[Sequence]) -> list[Task]:
        """Read the final ones in one statement."""
        listed = list(numbers)
        select = f"SELECT {TASK} FROM tasks WHERE n IN (SELECT value FROM json_each(?)) AND state <> 0"
        return [tables.task_from(row) for row in await self._rows(select, listed)]

    async def lease(self, token: str) -> Lease | None:
        """Read one lease."""
        rows = await self._rows(f"SELECT {LEASE} FROM leases WHERE token = ?", token)
        return tables.lease_from(rows[0]) if rows else None

    async def content(self, n: Sequence, index: int) -> bytes | None:
        """Read one medium out of the value that holds them all."""
        rows = await self._rows("SELECT sizes FROM contents WHERE n = ?", n)
        sizes = json.loads(rows[0][0]) if rows else []
        if not 0 <= index < len(sizes):
            return None
        part = "substr(data, CAST(? AS integer), CAST(? AS integer))"
        found = await self._rows(f"SELECT {part} FROM contents WHERE n = ?", sum(sizes[:index]) + 1, sizes[index], n)
        return bytes(found[0][0]) if found else None

    async def due(self, now: Millis, most: int) -> list[Sequence]:
        """Scan the review index."""
        select = "SELECT n FROM tasks WHERE state = 0 AND review_at <= ? ORDER BY review_at, n LIMIT ?"
        return [row[0] for row in await self._rows(select, now, most)]

    async def oldest(self, most: int, *, media: bool) -> list[tuple[Sequence, Millis, State]]:
        """Read from the low end of the sequence."""
        owed = "SELECT 1 FROM callbacks WHERE callbacks.n = tasks.n AND callbacks.state = 'owed'"
        # A callback that is owed needs its task, but none of its media.
        kept = "contents JOIN tasks USING (n)" if media else f"tasks WHERE NOT EXISTS ({owed})"
        rows = await self._rows(f"SELECT n, created, state FROM {kept} ORDER BY n LIMIT ?", most)
        return [(n, created, State(state)) for n, created, state in rows]

    async def account(self, account: AccountId) -> Account | None:
        """Read one account."""
        rows = await self._rows("SELECT settings FROM accounts WHERE id = ?", account)
        return tables.account_from(rows[0][0]) if rows else None

    async def reported(self, account: AccountId, among: int) -> tuple[int, int]:
        """Read back along the index of settled ones."""
        last = "SELECT state, report FROM tasks WHERE state > 0 AND account = ? ORDER BY place DESC LIMIT ?"
        wrong = "count(*) FILTER (WHERE report = 'incorrect')"
        select = f"SELECT count(*), {wrong} FROM ({last}) AS last WHERE state = 1"
        ((answered, reported),) = await self._rows(select, account, among)
        return answered, reported

    async def callbacks_due(
        self, now: Millis, most: int, *, each: int, among: tuple[str, ...] | None = None, but: tuple[str, ...] = ()
    ) -> list[Callback]:
        """Step from host to host through the index of owed ones."""
        hosts = _OWED_HOSTS if among is None else "hosts(host) AS (SELECT value FROM json_each(?))"
        where = " WHERE hosts.host NOT IN (SELECT value FROM json_each(?))" if among is None else ""
        select = (
            f"WITH RECURSIVE {hosts} SELECT {CALLBACK} FROM callbacks WHERE n IN (SELECT first.n FROM hosts"
            " JOIN callbacks AS first ON first.n IN (SELECT n FROM callbacks AS one WHERE one.state = 'owed'"
            " AND one.host = hosts.host AND one.due <= ? ORDER BY one.due, one.n LIMIT ?)"
            f"{where}) ORDER BY due, n LIMIT ?"
        )
        values = (now, each, list(but)) if among is None else (list(among), now, each)
        return [tables.callback_from(row) for row in await self._rows(select, *values, most)]
