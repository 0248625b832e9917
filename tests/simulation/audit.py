"""Looks at what lies on the file after every single commit, by SQL of its own.
Rule: what must hold at every moment is looked at here; what needs a history or an end is in the checks."""

from __future__ import annotations

import sqlite3
from typing import Any

from tests.simulation.world import World

_SETTLED = "SELECT n, account, state, cause, price, solution, ended, trail, solve_count FROM tasks WHERE state > 0"
_LIVE = "SELECT n, solver, count(*) FROM leases WHERE outcome IS NULL AND until > ? GROUP BY n, solver"
_OPEN = "SELECT n, slots, route FROM tasks WHERE state = 0"
_ANSWERED = (
    "SELECT n, count(*) FROM leases WHERE outcome = 'answered' AND machine = 0"
    " AND json_extract(verdict, '$.accepted') GROUP BY n"
)
_LOST = (
    "SELECT n FROM tasks WHERE state = 0 AND route > 0 AND NOT EXISTS (SELECT 1 FROM flows"
    ' JOIN lines USING (kind, "group", route) WHERE active = 1 AND flows.account = tasks.account'
    ' AND flows.kind = tasks.kind AND flows."group" = tasks."group" AND flows.route = tasks.route)'
)


class Audit:
    """I2 and I3, commit by commit."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.commits = 0
        self._final: dict[int, tuple[Any, ...]] = {}
        #: When tasks were seen to be erased.
        self.gone: dict[int, float] = {}

    def __call__(self, database: sqlite3.Connection) -> None:
        self.commits += 1
        self._final_is_final(database)
        self._no_more_than_wanted(database)
        for (n,) in database.execute(_LOST):
            self.world.breach("I3", f"task {n} is open, and no claim would ever find it")

    def _final_is_final(self, database: sqlite3.Connection) -> None:
        settled = {row[0]: row for row in database.execute(_SETTLED)}
        for n, before in self._final.items():
            if n not in settled:
                self.gone.setdefault(n, self.world.loop.time())
            elif settled[n] != before:
                self.world.breach("I2", f"task {n} was {before[2:]} and is {settled[n][2:]}")
        for n in self.gone.keys() & settled.keys():
            self.world.breach("I8", f"task {n} was erased and is there again")
        for n in self.gone.keys() & {row[0] for row in database.execute(_OPEN)}:
            self.world.breach("I2", f"task {n} was settled and is open")
        self._final = settled

    def _no_more_than_wanted(self, database: sqlite3.Connection) -> None:
        held: dict[int, int] = {}
        for n, solver, count in database.execute(_LIVE, (self.world.latest,)):
            held[n] = held.get(n, 0) + count
            if count > 1:
                self.world.breach("I3", f"solver {solver} has {count} live leases of task {n}")
        agree = self.world.weather.agree
        for n, slots, _ in database.execute(_OPEN):
            if held.get(n, 0) > slots or slots > agree:
                self.world.breach("I3", f"task {n} has {held.get(n, 0)} live leases and wants {slots}")
        for n, count in database.execute(_ANSWERED):
            if count > 2 * agree - 1:
                self.world.breach("I3", f"task {n} has {count} accepted answers of people")
