"""Gathering and applying on SQLite: a fixed number of statements for a whole batch of verbs.
Rule: nothing here decides; rows come in as values and go out as values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from answerdesk.desk.hunt import Hunt
from answerdesk.desk.ports import Changes, House, Needs, Rows
from answerdesk.model.account import AccountId, Millis, Purse
from answerdesk.model.answer import Lease
from answerdesk.model.fair import LineName
from answerdesk.model.task import Task
from answerdesk.store import hunting, people, tables
from answerdesk.store.tables import FLOW, LEASE, PURSE, TASK, Row
from answerdesk.store.tallies import Tallies, read_owed

_NEW_TASK: Final = f"INSERT INTO tasks ({TASK}) VALUES ({', '.join('?' * len(Task.__struct_fields__))})"
_TASK: Final = f"UPDATE tasks SET {', '.join(f'{name} = ?' for name in tables.CHANGING)} WHERE n = ?"
_PURSE: Final = "UPDATE accounts SET balance = ?, held = ?, open_tasks = ?, day = ?, spent = ? WHERE id = ?"
_LEASE: Final = f"INSERT OR REPLACE INTO leases ({LEASE}) VALUES ({', '.join('?' * 14)})"
_LINE: Final = f"INSERT OR REPLACE INTO lines ({tables.LINE}) VALUES (?, ?, ?, ?, ?)"
#: A flow is active as long as a task of it is open: that its last one is gone, no claim may have noticed yet.
_FLOW_NOW: Final = FLOW.replace(
    "active",
    "active AND EXISTS (SELECT 1 FROM tasks INDEXED BY tasks_queue WHERE state = 0 AND tasks.kind = flows.kind"
    ' AND tasks."group" = flows."group" AND tasks.route = flows.route AND tasks.account = flows.account)',
)
_FLOW: Final = f"INSERT OR REPLACE INTO flows ({FLOW}) VALUES (?, ?, ?, ?, ?, ?, ?)"
_ENTRY: Final = "INSERT INTO entries (at, move, amount, account, solver, n, note) VALUES (?, ?, ?, ?, ?, ?, ?)"
_ACCOUNT: Final = (
    "INSERT INTO accounts (id, name, settings) VALUES (?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET name = excluded.name, settings = excluded.settings"
)
_KEY: Final = "INSERT OR REPLACE INTO keys (digest, account, tail, created, revoked) VALUES (?, ?, ?, ?, ?)"
_SOLVER: Final = (
    "INSERT INTO solvers (id, name, grants, seen) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
    " SET name = excluded.name, grants = excluded.grants, seen = excluded.seen"
)
_CALLBACK: Final = f"INSERT OR REPLACE INTO callbacks ({tables.CALLBACK}) VALUES (?, ?, ?, ?, ?, ?, ?)"


def read_house(connection: sqlite3.Connection) -> House:
    """Read the small tables."""
    solvers = connection.execute("SELECT grants, seen FROM solvers ORDER BY id")
    return House(
        solvers=tuple(tables.solver_from(row) for row in solvers),
        prices=tables.prices_from(connection.execute("SELECT account, type, price, pay FROM prices")),
        rules=tables.rules_from(connection.execute("SELECT type, rules FROM rules")),
    )


class Unit:
    """One transaction's rows: gathered before each verb or run of verbs, written out once."""

    def __init__(self, connection: sqlite3.Connection, house: House, now: Millis) -> None:
        """Begin with an open transaction."""
        self._db = connection
        self.now = now
        self.rows = Rows(house)
        self.changes: list[Changes] = []
        #: Those of them that touch more than tasks, answers and money.
        self.others: list[Changes] = []
        self._dirty = _Dirty()
        #: Accounts whose flows were read.
        self._flows_of: set[AccountId] = set()

    def gather(self, needs: list[Needs]) -> None:
        """Read what these verbs need and the unit has not yet seen."""
        rows = self.rows
        tokens = {token for need in needs for token in need.leases} - rows.leases.keys()
        leases = self._many(f"SELECT {LEASE} FROM leases WHERE token IN ", tokens)
        solvers = {solver for need in needs for solver in need.leases_of}
        # Many may have run out without a word; those are nobody's any more.
        live = f"outcome IS NULL AND until > {self.now:d}"
        leases += self._many(f"SELECT {LEASE} FROM leases WHERE {live} AND solver IN ", solvers)
        numbers = {n for need in needs for n in need.tasks} | {row[1] for row in leases}
        self._gather_tasks(numbers - rows.tasks.keys())
        settings = {account for need in needs for account in need.accounts} - rows.accounts.keys()
        for row in self._many("SELECT settings FROM accounts WHERE id IN ", settings):
            account = tables.account_from(row[0])
            rows.accounts[account.id] = account
        accounts = {account for need in needs for account in need.purses}
        accounts.update(rows.tasks[n].account for n in numbers if n in rows.tasks)
        for row in self._many(f"SELECT {PURSE} FROM accounts WHERE id IN ", accounts - rows.purses.keys()):
            purse = tables.purse_from(row)
            rows.purses[purse.account] = purse
        self._gather_turns(accounts, hunts=any(need.hunt for need in needs))
        if rows.tasks or any(need.settles for need in needs):
            rows.settled = self._db.execute("SELECT value FROM facts WHERE name = 'settled'").fetchone()[0]
        if any(need.block for need in needs):
            rows.next = self._db.execute("SELECT value FROM facts WHERE name = 'next'").fetchone()[0]
        owed = {n for need in needs for n in need.callbacks} - rows.callbacks.keys()
        for row in self._many(f"SELECT {tables.CALLBACK} FROM callbacks WHERE n IN ", owed):
            callback = tables.callback_from(row)
            rows.callbacks[callback.n] = callback
        for solver in {solver for need in needs for solver in need.wages_of} - rows.wages.keys():
            rows.wages[solver] = read_owed(self._db, solver)
        people.gather(self._db, rows.roll, [need.roll for need in needs if need.roll], self.now)
        for need in needs:
            if need.replay and need.replay not in rows.replays:
                self._gather_replay(need.replay)

    def _gather_turns(self, accounts: set[AccountId], *, hunts: bool) -> None:
        """Read all lines, of which there are few, and the flows of accounts whose tasks may change their line."""
        rows = self.rows
        if not rows.lines and (hunts or accounts):
            rows.lines = hunting.read_lines(self._db)
        for row in self._many(f"SELECT {_FLOW_NOW} FROM flows WHERE account IN ", accounts - self._flows_of):
            flow = tables.flow_from(row)
            rows.flows[flow.account, flow.line] = flow
        self._flows_of |= accounts

    def _gather_tasks(self, numbers: Iterable[int]) -> None:
        numbers = set(numbers)
        for task in tables.tasks_from(self._many(f"SELECT {TASK} FROM tasks WHERE n IN ", numbers)):
            self.rows.tasks[task.n] = task
        for row in self._many(f"SELECT {LEASE} FROM leases WHERE n IN ", numbers, " ORDER BY given, token"):
            self.rows.hold(tables.lease_from(row))

    def _gather_replay(self, name: tuple[int, str]) -> None:
        found = self._db.execute("SELECT account, key, body, n, at FROM replays WHERE account = ? AND key = ?", name)
        for row in found:
            replay = tables.replay_from(row)
            self.rows.replays[replay.account, replay.key] = replay

    def hunt(self, hunt: Hunt) -> None:
        """Find the best tasks for a solver, after writing out what came before."""
        self.flush()
        self.rows.idle.clear()
        self.rows.found = hunting.find(self._db, hunt, self.rows, self.now)
        self._gather_tasks(set(self.rows.found) - self.rows.tasks.keys())
        self.rows.found = [n for n in self.rows.found if n in self.rows.tasks]

    def take(self, changes: Changes) -> None:
        """Let a verb's changes stand: later verbs see them, and they will be written."""
        self.rows.absorb(changes)
        self.changes.append(changes)
        self._dirty.add(changes, self.now)
        if _touches_settings(changes):
            self.others.append(changes)
            self._dirty.other.append(changes)

    def flush(self) -> None:
        """Write out everything that stands and is not yet written."""
        dirty, self._dirty = self._dirty, _Dirty()
        if dirty.other:
            self._write_settings(dirty.other)
        run = self._db.executemany
        for statement, rows in dirty.statements():
            if rows:
                run(statement, rows)
        dirty.tallies.write(self._db)
        # Last, so that nothing written in this unit outlives its task.
        for change in dirty.other:
            self._erase(change)

    def _write_settings(self, changes: list[Changes]) -> None:
        run = self._db.executemany
        for change in changes:
            run(_ACCOUNT, map(tables.account_row, change.accounts))
            run(_KEY, map(tables.key_row, change.keys))
            run(_SOLVER, map(tables.solver_row, change.solvers))
            run("UPDATE solvers SET seen = ? WHERE id = ?", ((solver.seen, solver.id) for solver in change.seen))
            run("UPDATE solvers SET token = ? WHERE id = ?", ((token, solver) for solver, token in change.tokens))
            run(
                "INSERT OR REPLACE INTO prices (account, type, price, pay) VALUES (?, ?, ?, ?)",
                map(tables.price_row, change.prices),
            )
            run(
                "INSERT OR REPLACE INTO rules (type, rules) VALUES (?, ?)",
                (tables.rules_row(name, rules) for name, rules in change.rules),
            )
            run("UPDATE facts SET value = ? WHERE name = 'next'", ((n,) for n in change.next))
            people.write(self._db, change.roll)

    def _erase(self, change: Changes) -> None:
        for table in ("tasks", "contents", "leases", "replays", "callbacks", "attempts"):
            self._db.executemany(f"DELETE FROM {table} WHERE n = ?", ((n,) for n in change.erased))
        self._db.executemany("DELETE FROM contents WHERE n = ?", ((n,) for n in change.emptied))

    def _many(self, select: str, values: Iterable[Any], tail: str = "") -> list[Row]:
        """Run a select over a set of values, as many at once as one statement may name."""
        listed = list(values)
        found: list[Row] = []
        for start in range(0, len(listed), 500):
            some = listed[start : start + 500]
            found += self._db.execute(f"{select}({', '.join('?' * len(some))}){tail}", some)
        return found


class _Dirty:
    """What is decided and not yet written; of one row only its last state is."""

    def __init__(self) -> None:
        self.purses: dict[int, Purse] = {}
        self.created: dict[int, Row] = {}
        self.contents: list[Row] = []
        self.tasks: dict[int, Task] = {}
        self.leases: dict[str, Lease] = {}
        self.lines: dict[LineName, Row] = {}
        self.flows: dict[tuple[int, LineName], Row] = {}
        self.entries: list[Row] = []
        self.replays: list[Row] = []
        self.callbacks: dict[int, Row] = {}
        self.attempts: list[Row] = []
        self.settled = 0
        self.tallies = Tallies()
        self.other: list[Changes] = []

    def add(self, changes: Changes, now: Millis) -> None:
        for purse in changes.purses:
            self.purses[purse.account] = purse
        for task, blobs in changes.created:
            self.created[task.n] = tables.task_row(task)
            if blobs:
                self.contents.append(tables.contents_row(task, blobs))
        for task in changes.tasks:
            self.tasks[task.n] = task
        for lease in changes.leases:
            self.leases[lease.token] = lease
        for line in changes.lines:
            self.lines[line.name] = tables.line_row(line)
        for flow in changes.flows:
            self.flows[flow.account, flow.line] = tables.flow_row(flow)
        self.entries += [tables.entry_row(entry, now) for entry in changes.entries]
        self.replays += map(tables.replay_row, changes.replays)
        for callback in changes.callbacks:
            self.callbacks[callback.n] = tables.callback_row(callback)
        self.attempts += map(tables.attempt_row, changes.attempts)
        self.tallies.add(changes, now)
        self.settled = max(self.settled, changes.settled)

    def statements(self) -> tuple[tuple[str, list[Row]], ...]:
        return (
            (_NEW_TASK, list(self.created.values())),
            ("INSERT INTO contents (n, account, sizes, data) VALUES (?, ?, ?, ?)", self.contents),
            (_TASK, [tables.task_change(task) for task in self.tasks.values()]),
            (_PURSE, [tables.purse_change(purse) for purse in self.purses.values()]),
            (_LEASE, [tables.lease_row(lease) for lease in self.leases.values()]),
            (_LINE, list(self.lines.values())),
            (_FLOW, list(self.flows.values())),
            (_ENTRY, self.entries),
            ("INSERT OR REPLACE INTO replays (account, key, body, n, at) VALUES (?, ?, ?, ?, ?)", self.replays),
            ("UPDATE facts SET value = ? WHERE name = 'settled'", [(self.settled,)] if self.settled else []),
            (_CALLBACK, list(self.callbacks.values())),
            ("INSERT INTO attempts (n, at, status, detail, milliseconds) VALUES (?, ?, ?, ?, ?)", self.attempts),
        )


def _touches_settings(changes: Changes) -> bool:
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
