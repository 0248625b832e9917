"""Those who answer: their work now, their history and their earnings, each from the end of an index.
Rule: nothing here grows with what was ever answered; counts stop where more is as good as many."""

from __future__ import annotations

import statistics
from itertools import product
from typing import Final

from answerdesk.desk.crew import HOUR_MS, MANY, Lane, Pace, Said, Wages
from answerdesk.desk.hunt import Hunt
from answerdesk.model.account import DAY_MS, Millis
from answerdesk.model.money import Entry, Micros
from answerdesk.model.question import WORK_KINDS, Kind
from answerdesk.model.solver import SolverId
from answerdesk.model.standing import Standing
from answerdesk.model.task import Route
from answerdesk.model.trust import DAYS, Comparison
from answerdesk.store import tables
from answerdesk.store.reading import Reading
from answerdesk.store.tables import LEASE, TASK
from answerdesk.store.tallies import OWED, STANDING, standing_from

#: A machine may answer more in a day than is worth counting.
MOST_OF_A_DAY: Final = 10_000
_LATELY: Final = (
    "SELECT ended - shown FROM leases INDEXED BY leases_said"
    " WHERE solver = ? AND outcome = 'answered' AND ended > ? ORDER BY ended DESC LIMIT ?"
)
_ANSWERED: Final = (
    "SELECT count(*) FROM (SELECT 1 FROM leases INDEXED BY leases_said"
    " WHERE solver = ? AND outcome = 'answered' AND ended >= ? LIMIT ?) AS answered"
)
_HELD: Final = "SELECT count(*) FROM leases INDEXED BY leases_live WHERE solver = ? AND outcome IS NULL AND until > ?"
_WAITING: Final = (
    'SELECT n FROM lines CROSS JOIN tasks INDEXED BY tasks_queue USING (kind, "group", route)'
    " WHERE state = 0 AND kind = ? AND route = ? AND free_at <= ? AND deadline > ? LIMIT ?"
)
#: So many tasks of a line are looked at to count those that wait; a line with more is as good as full.
MOST_COUNTED: Final = 10_000
_OPEN: Final = (
    "SELECT lang, free_at FROM tasks INDEXED BY tasks_queue WHERE state = 0"
    ' AND kind = ? AND "group" = ? AND route = ? AND deadline > ? LIMIT ?'
)
_COMPARED: Final = (
    "SELECT type, profile, solver, permille, CAST(sum(compared) AS bigint), CAST(sum(agreed) AS bigint)"
    " FROM comparisons WHERE day > ? GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
)
#: One solver after the other, so that leases that ran out without a word are stepped over.
_WORKING: Final = (
    "SELECT kind, count(*) FROM solvers CROSS JOIN leases INDEXED BY leases_live ON leases.solver = solvers.id"
    " JOIN tasks USING (n) WHERE outcome IS NULL AND until > ? AND state = 0 GROUP BY kind"
)
_RAN_OUT: Final = (
    "SELECT machine, count(*) FROM solvers CROSS JOIN leases INDEXED BY leases_live ON leases.solver = solvers.id"
    " WHERE outcome IS NULL AND until > ? AND until <= ? GROUP BY machine"
)


class CrewReads(Reading):
    """The crew port."""

    async def standing(self, solver: SolverId) -> Standing:
        """Read one row."""
        rows = await self._rows(f"SELECT {STANDING} FROM standings WHERE solver = ?", solver)
        return standing_from(rows[0]) if rows else Standing(solver=solver)

    async def comparisons(self, now: Millis) -> list[Comparison]:
        """Add up the days."""
        rows = await self._rows(_COMPARED, now // DAY_MS - DAYS)
        names = Comparison.__struct_fields__
        return [Comparison(**dict(zip(names, row, strict=True))) for row in rows]

    async def wages(self, solver: SolverId, now: Millis) -> Wages:
        """Add up the days."""
        today = now // DAY_MS
        recent = await self._rows("SELECT day, earned FROM wages WHERE solver = ? AND day > ?", solver, today - 7)
        ((earned, paid),) = await self._rows(OWED, solver)
        return Wages(
            today=Micros(sum(amount for day, amount in recent if day == today)),
            week=Micros(sum(amount for _, amount in recent)),
            earned=earned,
            paid=paid,
        )

    async def pace(self, solver: SolverId, now: Millis) -> Pace:
        """Look at the last hour's end of the index, and at live leases."""
        took = [row[0] for row in await self._rows(_LATELY, solver, now - HOUR_MS, MANY)]
        ((held,),) = await self._rows(_HELD, solver, now)
        return Pace(answers=len(took), milliseconds=round(statistics.median(took)) if took else None, holds=held)

    async def lanes(self, now: Millis) -> list[Lane]:
        """Scan the front of the queue, kind by kind as a claim does."""
        working: dict[str, int] = dict(await self._rows(_WORKING, now))
        lanes = []
        for kind in WORK_KINDS:
            waiting = [
                row[0]
                for route in (Route.MACHINES, Route.PEOPLE, Route.EITHER)
                for row in await self._rows(_WAITING, kind, route, now, now, MANY)
            ]
            oldest = await self._rows("SELECT created FROM tasks WHERE n = ?", min(waiting)) if waiting else []
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
        ((count,),) = await self._rows(_ANSWERED, solver, since, MOST_OF_A_DAY)
        return int(count)

    async def waiting(self, hunt: Hunt, now: Millis) -> dict[Kind, int]:
        """Count by the index that claims look at."""
        return {kind: await self._count(hunt, kind, now) for kind in hunt.kinds}

    async def _count(self, hunt: Hunt, kind: Kind, now: Millis) -> int:
        languages = list(hunt.languages)
        suits = " AND (lang IS NULL OR lang IN (SELECT value FROM json_each(?)))" if languages else ""
        select = f"SELECT count(*) FROM (SELECT 1 FROM ({_OPEN}) AS open WHERE free_at <= ?{suits} LIMIT ?) AS free"
        suited = (languages,) if languages else ()
        count = 0
        for group, route in product(hunt.groups, (hunt.route, Route.EITHER)):
            ((more,),) = await self._rows(select, kind, group, route, now, MOST_COUNTED, now, *suited, hunt.most)
            count += more
        return min(count, hunt.most)

    async def said(self, solver: SolverId, most: int) -> list[Said]:
        """Read from the end of the index; tasks and media by number."""
        columns = ", ".join(f"leases.{name.strip()}" for name in LEASE.split(","))
        select = (
            f"SELECT {columns}, EXISTS (SELECT 1 FROM contents WHERE contents.n = leases.n)"
            " FROM leases INDEXED BY leases_said WHERE solver = ? AND outcome IN ('answered', 'declined')"
            " ORDER BY ended DESC, outcome DESC, shown DESC, token DESC LIMIT ?"
        )
        said = []
        for *row, media in await self._rows(select, solver, most):
            lease = tables.lease_from(tuple(row))
            task = await self._rows(f"SELECT {TASK} FROM tasks WHERE n = ?", lease.task)
            said.append(Said(lease=lease, task=tables.task_from(task[0]) if task else None, media=bool(media)))
        return said

    async def earnings(self, solver: SolverId, before: int, most: int) -> list[tuple[int, Millis, Entry]]:
        """List from the end of the solver's ledger."""
        select = (
            "SELECT id, at, move, amount, account, solver, n, note FROM entries INDEXED BY entries_solver"
            " WHERE solver = ? AND solver > 0 AND id < ? ORDER BY id DESC LIMIT ?"
        )
        return [tables.entry_from(row) for row in await self._rows(select, solver, before, most)]

    async def ran_out(self, since: Millis, till: Millis) -> dict[bool, int]:
        """Count the leases that ran out without a word after a time and until another, by whether a machine had them.

        One solver after the other along the index, as far as it had leases that ran out in that time.
        """
        return {bool(machine): count for machine, count in await self._rows(_RAN_OUT, since, till)}
