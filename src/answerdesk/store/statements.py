"""What a unit writes, as data: statements with their rows, for every database the same.
Rule: of one row only its last state is written; what several units may write at once is merged, never replaced."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from operator import itemgetter
from typing import Any, Final

from answerdesk.desk.ports import Changes
from answerdesk.model.account import AccountId, Millis, Purse
from answerdesk.model.answer import Lease
from answerdesk.model.fair import LineName
from answerdesk.model.solver import Solver
from answerdesk.model.task import Task
from answerdesk.store import people, tables
from answerdesk.store.tables import ATTEMPT, CALLBACK, FLOW, LEASE, LINE, TASK, Row, Statement
from answerdesk.store.tallies import Tallies


def upsert(table: str, columns: str, key: str, **merged: str) -> str:
    """Write a row, new or in the place of the one with its key; `merged` tells how columns are joined."""
    names = columns.split(", ")
    changed = (
        f"{name} = {merged.get(name, 'excluded.{}').format(name)}" for name in names if name not in key.split(", ")
    )
    places = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT ({key}) DO UPDATE SET {', '.join(changed)}"


def furthest(table: str) -> str:
    """Say that a column only ever grows, whoever writes it."""
    return f"CASE WHEN {table}.{{0}} > excluded.{{0}} THEN {table}.{{0}} ELSE excluded.{{0}} END"


#: Whether a flow has an open task; SQLite is told the index, for it might take another.
IN_FLOW: Final = (
    "SELECT 1 FROM tasks INDEXED BY tasks_queue WHERE state = 0 AND tasks.kind = flows.kind"
    ' AND tasks."group" = flows."group" AND tasks.route = flows.route AND tasks.account = flows.account'
)

_NEW_TASK: Final = f"INSERT INTO tasks ({TASK}) VALUES ({', '.join('?' * len(Task.__struct_fields__))})"
_CONTENTS: Final = "INSERT INTO contents (n, account, sizes, data) VALUES (?, ?, ?, ?)"
_TASK: Final = f"UPDATE tasks SET {', '.join(f'{name} = ?' for name in tables.CHANGING)} WHERE n = ?"
_PURSE: Final = "UPDATE accounts SET balance = ?, held = ?, open_tasks = ?, day = ?, spent = ? WHERE id = ?"
_LEASE: Final = upsert("leases", LEASE, "n, account, token")
_LINE: Final = upsert("lines", LINE, 'kind, "group", route', reached=furthest("lines"), served=furthest("lines"))
_FLOW: Final = upsert("flows", FLOW, 'account, kind, "group", route', turn=furthest("flows"))
_ENTRY: Final = "INSERT INTO entries (at, move, amount, account, solver, n, note) VALUES (?, ?, ?, ?, ?, ?, ?)"
_REPLAY: Final = upsert("replays", "account, key, body, n, at", "account, key, n")
_CALLBACK: Final = upsert("callbacks", CALLBACK, "n, account")
_ATTEMPT: Final = f"INSERT INTO attempts ({ATTEMPT}) VALUES (?, ?, ?, ?, ?, ?)"
_ACCOUNT: Final = upsert("accounts", "id, name, settings", "id")
_KEY: Final = upsert("keys", "digest, account, tail, created, revoked", "digest")
_SOLVER: Final = upsert("solvers", "id, name, grants, seen", "id")
_PRICE: Final = upsert("prices", "account, type, price, pay", "account, type")
_RULES: Final = upsert("rules", "type, rules", "type")
_ERASED: Final = ("tasks", "contents", "leases", "replays", "callbacks", "attempts")


#: Names a flow.
Place = tuple[AccountId, LineName]


class Dirty:
    """What is decided and not yet written."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._purses: dict[int, Purse] = {}
        self._created: dict[int, Row] = {}
        self._contents: list[Row] = []
        self._tasks: dict[int, Task] = {}
        self._leases: dict[str, Lease] = {}
        self._lines: dict[LineName, Row] = {}
        self._flows: dict[Place, Row] = {}
        self._entries: list[Row] = []
        self._replays: list[Row] = []
        self._callbacks: dict[int, Row] = {}
        self._attempts: list[Row] = []
        self._other: list[Changes] = []
        self._seen: dict[int, Solver] = {}
        self.tallies = Tallies()
        #: The place of the task that settled last.
        self.settled = 0

    def add(self, changes: Changes, now: Millis) -> None:
        """Take in what a verb decided."""
        for purse in changes.purses:
            self._purses[purse.account] = purse
        for task, blobs in changes.created:
            self._created[task.n] = tables.task_row(task)
            if blobs:
                self._contents.append(tables.contents_row(task, blobs))
        for task in changes.tasks:
            self._tasks[task.n] = task
        for lease in changes.leases:
            self._leases[lease.token] = lease
        for line in changes.lines:
            self._lines[line.name] = tables.line_row(line)
        for flow in changes.flows:
            self._flows[flow.account, flow.line] = tables.flow_row(flow)
        self._entries += [tables.entry_row(entry, now) for entry in changes.entries]
        self._replays += map(tables.replay_row, changes.replays)
        for callback in changes.callbacks:
            self._callbacks[callback.n] = tables.callback_row(callback)
        self._attempts += map(tables.attempt_row, changes.attempts)
        self.tallies.add(changes, now)
        self.settled = max(self.settled, changes.settled)
        for solver in changes.seen:
            self._seen[solver.id] = solver
        if touches_others(changes):
            self._other.append(changes)

    @property
    def turned(self) -> Collection[Place]:
        """The flows that are not written yet."""
        return self._flows.keys()

    def later(self, listed: Iterable[Place]) -> Dirty:
        """Take out what may wait for the unit's end: who was seen, lines, and flows that claims find without it."""
        later = Dirty()
        later._seen, self._seen = self._seen, {}
        later._lines, self._lines = self._lines, {}
        later._flows = {place: self._flows.pop(place) for place in listed if place in self._flows}
        return later

    def statements(self) -> Iterator[Statement]:
        """Give what is to be written, in the order in which rows are locked."""
        for change in self._other:
            yield from _settings(change)
        yield "UPDATE solvers SET seen = ? WHERE id = ?", [(self._seen[who].seen, who) for who in sorted(self._seen)]
        yield _NEW_TASK, self._created.values()
        yield _CONTENTS, self._contents
        yield _TASK, [tables.task_change(task) for task in self._tasks.values()]
        yield _PURSE, [tables.purse_change(purse) for purse in self._purses.values()]
        yield _LEASE, [tables.lease_row(lease) for lease in self._leases.values()]
        yield _LINE, _in_order(self._lines)
        yield _FLOW, _in_order(self._flows)
        yield _ENTRY, self._entries
        yield _REPLAY, self._replays
        yield _CALLBACK, self._callbacks.values()
        yield _ATTEMPT, self._attempts
        yield self.tallies.wages()
        yield self.tallies.comparisons()
        yield self.tallies.past()

    def last(self) -> Iterator[Statement]:
        """Give what is to be written after all else, so that nothing written in this unit outlives its task."""
        for change in self._other:
            if change.erased:
                numbers = [(n,) for n in change.erased]
                for table in _ERASED:
                    yield f"DELETE FROM {table} WHERE n = ?", numbers
            yield "DELETE FROM contents WHERE n = ?", [(n,) for n in change.emptied]


def _in_order(rows: dict[Any, Row]) -> list[Row]:
    """Give rows in the order of their keys: whoever writes several of them locks them in that order."""
    return list(rows.values()) if len(rows) < 2 else [row for _, row in sorted(rows.items(), key=itemgetter(0))]


def _settings(change: Changes) -> Iterator[Statement]:
    yield _ACCOUNT, [*map(tables.account_row, change.accounts)]
    yield _KEY, [*map(tables.key_row, change.keys)]
    yield _SOLVER, [*map(tables.solver_row, change.solvers)]
    yield "UPDATE solvers SET token = ? WHERE id = ?", [(token, solver) for solver, token in change.tokens]
    yield _PRICE, [*map(tables.price_row, change.prices)]
    yield _RULES, [tables.rules_row(name, rules) for name, rules in change.rules]
    yield "UPDATE facts SET value = ? WHERE name = 'next'", [(n,) for n in change.next]
    yield from people.statements(change.roll)


def touches_others(changes: Changes) -> bool:
    """Tell whether a verb wrote more than tasks, answers and money."""
    return bool(
        changes.accounts
        or changes.keys
        or changes.solvers
        or changes.tokens
        or changes.seen
        or changes.prices
        or changes.rules
        or changes.erased
        or changes.emptied
        or changes.next
        or changes.roll
    )


def touches_house(changes: Changes) -> bool:
    """Tell whether a verb changed what is remembered between units: accounts, keys, people and the small tables."""
    return bool(
        changes.accounts or changes.keys or changes.solvers or changes.tokens or changes.prices or changes.rules
    ) or any(each.settings for each in changes.roll)
