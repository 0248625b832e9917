"""Gathering and applying on SQLite: a fixed number of statements for a whole batch of verbs.
Rule: nothing here decides; rows come in as values and go out as values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, Final, TypeVar

import msgspec

from answerdesk.desk.hunt import Hunt
from answerdesk.desk.ports import House, Needs
from answerdesk.model.account import AccountId, Millis
from answerdesk.store import hunting, people, tables
from answerdesk.store.decided import Decided
from answerdesk.store.statements import IN_FLOW, Dirty
from answerdesk.store.tables import FLOW, LEASE, PURSE, TASK, Asking, Row, Statement
from answerdesk.store.tallies import read_owed

T = TypeVar("T")

#: A flow is active as long as a task of it is open: that its last one is gone, no claim may have noticed yet.
_FLOW_NOW: Final = FLOW.replace("active", f"active = 1 AND EXISTS ({IN_FLOW})")


def house_asked() -> Asking[House]:
    """Ask for the small tables."""
    solvers = yield "SELECT grants, seen FROM solvers ORDER BY id", ()
    prices = yield "SELECT account, type, price, pay FROM prices", ()
    rules = yield "SELECT type, rules FROM rules", ()
    return House(
        solvers=tuple(map(tables.solver_from, solvers)),
        prices=tables.prices_from(prices),
        rules=tables.rules_from(rules),
    )


def read_house(connection: sqlite3.Connection) -> House:
    """Read the small tables."""
    return answer(connection, house_asked())


def answer(connection: sqlite3.Connection, asking: Asking[T]) -> T:
    """Do work that asks the database, one statement after the other."""
    try:
        asked = next(asking)
        while True:
            asked = asking.send(connection.execute(*asked).fetchall())
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


class Unit(Decided):
    """One transaction's rows: gathered before each verb or run of verbs, written out once."""

    def __init__(self, connection: sqlite3.Connection, house: House, now: Millis) -> None:
        """Begin with an open transaction."""
        super().__init__(house, now)
        self._db = connection
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
        for need in needs:
            if need.roll:
                answer(self._db, people.gather(rows.roll, need.roll, self.now))
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
        look = hunt
        while True:
            found = hunting.find(hunting.SqliteQueue(self._db, look, self.now), look, self.rows)
            self._gather_tasks(set(found) - self.rows.tasks.keys())
            self.rows.found = [n for n in found if n in self.rows.tasks][: hunt.most]
            if len(found) < look.most or len(self.rows.found) == hunt.most:
                return
            # Rows that cannot be read stand before others that can.
            look = msgspec.structs.replace(look, most=hunt.most + len(found) - len(self.rows.found))

    def flush(self) -> None:
        """Write out everything that stands and is not yet written."""
        dirty, self._dirty = self._dirty, Dirty()
        self._write(dirty.statements())
        if dirty.settled:
            self._db.execute("UPDATE facts SET value = ? WHERE name = 'settled'", (dirty.settled,))
        dirty.tallies.write_standings(self._db)
        self._write(dirty.last())

    def _write(self, statements: Iterable[Statement]) -> None:
        for statement, rows in statements:
            if rows:
                self._db.executemany(statement, rows)

    def _many(self, select: str, values: Iterable[Any], tail: str = "") -> list[Row]:
        """Run a select over a set of values, as many at once as one statement may name."""
        listed = list(values)
        found: list[Row] = []
        for start in range(0, len(listed), 500):
            some = listed[start : start + 500]
            found += self._db.execute(f"{select}({', '.join('?' * len(some))}){tail}", some)
        return found
