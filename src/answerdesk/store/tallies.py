"""Sums kept beside the rows they sum: each solver's wages by day, and its standing.
Rule: written in the unit that writes those rows, so that reading them costs the same after a million answers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from answerdesk.desk.ports import Changes
from answerdesk.model.account import DAY_MS, Millis
from answerdesk.model.money import Micros, wages_by
from answerdesk.model.solver import SolverId
from answerdesk.model.standing import Mark, Standing
from answerdesk.store.tables import Row

_STANDING: Final = ", ".join(Standing.__struct_fields__)
_SAVE: Final = (
    f"INSERT OR REPLACE INTO standings ({_STANDING}) VALUES ({', '.join('?' * len(Standing.__struct_fields__))})"
)
_WAGES: Final = (
    "INSERT INTO wages (solver, day, earned, paid) VALUES (?, ?, ?, ?) ON CONFLICT (solver, day) DO UPDATE"
    " SET earned = earned + excluded.earned, paid = paid + excluded.paid"
)


class Tallies:
    """What a unit adds to the sums, until it is written out."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._wages: dict[tuple[int, int], list[int]] = {}
        self._marks: list[Mark] = []

    def add(self, changes: Changes, now: Millis) -> None:
        """Take in what a verb decided."""
        for entry in changes.entries:
            if entry.solver:
                sums = self._wages.setdefault((entry.solver, now // DAY_MS), [0, 0])
                for which, more in enumerate(wages_by(entry)):
                    sums[which] += more
        self._marks += changes.marks

    def write(self, database: sqlite3.Connection) -> None:
        """Write it out; most units have nothing of it."""
        if self._wages:
            database.executemany(_WAGES, [(*place, *sums) for place, sums in self._wages.items()])
        if self._marks:
            stood = read_standings(database, {mark.solver for mark in self._marks})
            for mark in self._marks:
                stood[mark.solver] = stood[mark.solver].after(mark)
            database.executemany(_SAVE, [tuple(standing_row(each)) for each in stood.values()])


def standing_row(standing: Standing) -> Row:
    """Lay a standing out for its columns."""
    return tuple(getattr(standing, name) for name in Standing.__struct_fields__)


def read_standings(database: sqlite3.Connection, solvers: Iterable[SolverId]) -> dict[SolverId, Standing]:
    """Read the standings of some solvers; who was never judged has an empty one."""
    stood = {solver: Standing(solver=solver) for solver in solvers}
    for solver in stood:
        row = database.execute(f"SELECT {_STANDING} FROM standings WHERE solver = ?", (solver,)).fetchone()
        if row is not None:
            stood[solver] = Standing(**dict(zip(Standing.__struct_fields__, row, strict=True)))
    return stood


def read_owed(database: sqlite3.Connection, solver: SolverId) -> tuple[Micros, Micros]:
    """Read what a solver earned in all and what of it was paid out: a row a day is summed."""
    select = "SELECT coalesce(sum(earned), 0), coalesce(sum(paid), 0) FROM wages WHERE solver = ?"
    earned, paid = database.execute(select, (solver,)).fetchone()
    return earned, paid
