"""Sums kept beside the rows they sum: each solver's wages by day, its standing, and how machines compare with people.
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
from answerdesk.model.trust import DAYS
from answerdesk.store.tables import Row

STANDING: Final = ", ".join(Standing.__struct_fields__)
_CHANGED: Final = ", ".join(f"{name} = excluded.{name}" for name in Standing.__struct_fields__ if name != "solver")
_SAVE: Final = (
    f"INSERT INTO standings ({STANDING}) VALUES ({', '.join('?' * len(Standing.__struct_fields__))})"
    f" ON CONFLICT (solver) DO UPDATE SET {_CHANGED}"
)
_WAGES: Final = (
    "INSERT INTO wages (solver, day, earned, paid) VALUES (?, ?, ?, ?) ON CONFLICT (solver, day) DO UPDATE"
    " SET earned = wages.earned + excluded.earned, paid = wages.paid + excluded.paid"
)
_COMPARED: Final = (
    "INSERT INTO comparisons (type, profile, solver, day, permille, compared, agreed) VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (type, profile, solver, day, permille) DO UPDATE"
    " SET compared = comparisons.compared + excluded.compared, agreed = comparisons.agreed + excluded.agreed"
)
_PAST: Final = "DELETE FROM comparisons WHERE day = ?"
#: For so many days there may be nothing to add before a day is missed that is to be forgotten.
_A_WEEK: Final = 7
#: What a solver earned in all and what of it was paid out.
OWED: Final = (
    "SELECT CAST(coalesce(sum(earned), 0) AS bigint), CAST(coalesce(sum(paid), 0) AS bigint) FROM wages"
    " WHERE solver = ?"
)


class Tallies:
    """What a unit adds to the sums, until it is written out."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._wages: dict[tuple[int, int], list[int]] = {}
        self._marks: list[Mark] = []
        self._compared: dict[tuple[str, str, int, int, int], list[int]] = {}

    def add(self, changes: Changes, now: Millis) -> None:
        """Take in what a verb decided."""
        for entry in changes.entries:
            if entry.solver:
                sums = self._wages.setdefault((entry.solver, now // DAY_MS), [0, 0])
                for which, more in enumerate(wages_by(entry)):
                    sums[which] += more
        self._marks += changes.marks
        for each in changes.comparisons:
            place = (each.type, each.profile, each.solver, now // DAY_MS, each.permille)
            sums = self._compared.setdefault(place, [0, 0])
            sums[0] += each.compared
            sums[1] += each.agreed

    def wages(self) -> tuple[str, list[Row]]:
        """Give what is added to each solver's day."""
        return _WAGES, [(*place, *sums) for place, sums in sorted(self._wages.items())]

    def comparisons(self) -> tuple[str, list[Row]]:
        """Give what is added to each machine's day, by how sure it was."""
        return _COMPARED, [(*place, *sums) for place, sums in sorted(self._compared.items())]

    def past(self) -> tuple[str, list[Row]]:
        """Give the days whose comparisons count no more, once for each day on which some are added."""
        days = {day for _, _, _, day, _ in self._compared}
        return _PAST, [(day - DAYS - back,) for day in sorted(days) for back in range(_A_WEEK)]

    @property
    def solvers(self) -> list[SolverId]:
        """Whose standings change; most units change nobody's."""
        return sorted({mark.solver for mark in self._marks})

    def standings(self, stood: dict[SolverId, Standing]) -> tuple[str, list[Row]]:
        """Give the standings as they will be, of those that were read."""
        for mark in self._marks:
            stood[mark.solver] = stood[mark.solver].after(mark)
        return _SAVE, [standing_row(stood[solver]) for solver in self.solvers]

    def write_standings(self, database: sqlite3.Connection) -> None:
        """Read the standings that change and write them back."""
        if self._marks:
            database.executemany(*self.standings(read_standings(database, self.solvers)))


def standing_row(standing: Standing) -> Row:
    """Lay a standing out for its columns."""
    return tuple(getattr(standing, name) for name in Standing.__struct_fields__)


def standing_from(row: Row) -> Standing:
    """Read a standing."""
    return Standing(**dict(zip(Standing.__struct_fields__, row, strict=True)))


def read_standings(database: sqlite3.Connection, solvers: Iterable[SolverId]) -> dict[SolverId, Standing]:
    """Read the standings of some solvers; who was never judged has an empty one."""
    stood = {solver: Standing(solver=solver) for solver in solvers}
    for solver in stood:
        row = database.execute(f"SELECT {STANDING} FROM standings WHERE solver = ?", (solver,)).fetchone()
        if row is not None:
            stood[solver] = standing_from(row)
    return stood


def read_owed(database: sqlite3.Connection, solver: SolverId) -> tuple[Micros, Micros]:
    """Read what a solver earned in all and what of it was paid out: a row a day is summed."""
    earned, paid = database.execute(OWED, (solver,)).fetchone()
    return earned, paid
