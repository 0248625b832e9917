"""Those who answer, on SQLite: their work now, their history and their earnings, each from the end of an index.
Rule: nothing here grows with what was ever answered; counts stop where more is as good as many."""

from __future__ import annotations

import sqlite3
import statistics
from typing import Final

from answerdesk.desk.crew import HOUR_MS, MANY, Lane, Pace, Said, Wages
from answerdesk.desk.hunt import Hunt
from answerdesk.desk.ports import Unavailable
from answerdesk.model.account import DAY_MS, Millis
from answerdesk.model.money import Entry, Micros
from answerdesk.model.question import WORK_KINDS, Kind
from answerdesk.model.solver import SolverId
from answerdesk.model.standing import Standing
from answerdesk.model.task import Route
from answerdesk.store import tables
from answerdesk.store.hunting import waiting
from answerdesk.store.records import SqliteRecords
from answerdesk.store.tables import LEASE, TASK
from answerdesk.store.tallies import read_owed, read_standings

#: A machine may answer more in a day than is worth counting.
MOST_OF_A_DAY: Final = 10_000
_LATELY: Final = (
    "SELECT ended - shown FROM leases INDEXED BY leases_said"
    " WHERE solver = ? AND outcome = 'answered' AND ended > ? ORDER BY ended DESC LIMIT ?"
)
_ANSWERED: Final = (
    "SELECT count(*) FROM (SELECT 1 FROM leases INDEXED BY leases_said"
    " WHERE solver = ? AND outcome = 'answered' AND ended >= ? LIMIT ?)"
)
_HELD: Final = "SELECT count(*) FROM leases INDEXED BY leases_live WHERE solver = ? AND outcome IS NULL AND until > ?"
_WAITING: Final = (
    'SELECT n FROM lines CROSS JOIN tasks INDEXED BY tasks_queue USING (kind, "group", route)'
    " WHERE state = 0 AND kind = ? AND route = ? AND free_at <= ? AND deadline > ? LIMIT ?"
)
#: One solver after the other, so that leases that ran out without a word are stepped over.
_WORKING: Final = (
    "SELECT kind, count(*) FROM solvers CROSS JOIN leases INDEXED BY leases_live ON leases.solver = solvers.id"
    " JOIN tasks USING (n) WHERE outcome IS NULL AND until > ? AND state = 0 GROUP BY kind"
)


class SqliteCrew(SqliteRecords):
    """The crew port on the read connection."""

    async def standing(self, solver: SolverId) -> Standing:
        """Read one row."""
        return read_standings(self._read, (solver,))[solver]

    async def wages(self, solver: SolverId, now: Millis) -> Wages:
        """Add up the days."""
        today = now // DAY_MS
        recent = self._rows("SELECT day, earned FROM wages WHERE solver = ? AND day > ?", solver, today - 7)
        earned, paid = read_owed(self._read, solver)
        return Wages(
            today=Micros(sum(amount for day, amount in recent if day == today)),
            week=Micros(sum(amount for _, amount in recent)),
            earned=earned,
            paid=paid,
        )

    async def pace(self, solver: SolverId, now: Millis) -> Pace:
        """Look at the last hour's end of the index, and at live leases."""
        took = [row[0] for row in self._rows(_LATELY, solver, now - HOUR_MS, MANY)]
        (held,) = self._rows(_HELD, solver, now)
        return Pace(answers=len(took), milliseconds=round(statistics.median(took)) if took else None, holds=held[0])

    async def lanes(self, now: Millis) -> list[Lane]:
        """Scan the front of the queue, kind by kind as a claim does."""
        working: dict[str, int] = dict(self._rows(_WORKING, now))
        lanes = []
        for kind in WORK_KINDS:
            waiting = [
                row[0]
                for route in (Route.MACHINES, Route.PEOPLE, Route.EITHER)
                for row in self._rows(_WAITING, kind, route, now, now, MANY)
            ]
            oldest = self._rows("SELECT created FROM tasks WHERE n = ?", min(waiting)) if waiting else []
            lanes.append(
                Lane(
                    kind=kind,
                    waiting=min(len(waiting), MANY),
                    oldest=oldest[0][0] if oldest else None,
                    working=working.get(kind, 0),
                )
            )
        return lanes

    async def answered_since(self, solver: SolverId, since: Millis) -> int:
        """Count the end of the index."""
        return int(self._rows(_ANSWERED, solver, since, MOST_OF_A_DAY)[0][0])

    async def waiting(self, hunt: Hunt, now: Millis) -> dict[Kind, int]:
        """Count by the index that claims look at."""
        try:
            return {kind: waiting(self._read, hunt, kind, now) for kind in hunt.kinds}
        except sqlite3.Error as error:
            raise Unavailable(f"the store could not be read: {error}") from error

    async def said(self, solver: SolverId, most: int) -> list[Said]:
        """Read from the end of the index; tasks and media by number."""
        columns = ", ".join(f"leases.{name.strip()}" for name in LEASE.split(","))
        select = (
            f"SELECT {columns}, EXISTS (SELECT 1 FROM contents WHERE contents.n = leases.n)"
            " FROM leases INDEXED BY leases_said WHERE solver = ? AND outcome IN ('answered', 'declined')"
            " ORDER BY ended DESC LIMIT ?"
        )
        said = []
        for *row, media in self._rows(select, solver, most):
            lease = tables.lease_from(tuple(row))
            task = self._rows(f"SELECT {TASK} FROM tasks WHERE n = ?", lease.task)
            said.append(Said(lease=lease, task=tables.task_from(task[0]) if task else None, media=bool(media)))
        return said

    async def earnings(self, solver: SolverId, before: int, most: int) -> list[tuple[int, Millis, Entry]]:
        """List from the end of the solver's ledger."""
        select = (
            "SELECT id, at, move, amount, account, solver, n, note FROM entries INDEXED BY entries_solver"
            " WHERE solver = ? AND solver > 0 AND id < ? ORDER BY id DESC LIMIT ?"
        )
        return [tables.entry_from(row) for row in self._rows(select, solver, before, most)]
