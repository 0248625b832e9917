"""Looking for work on PostgreSQL: one statement finds the flows whose turns come next with their first tasks, unlocked;
then as many of each as fair turns give it are locked, past those that others hold.
Rule: nothing waits for a lock, and no task is locked that is not taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

import msgspec

from answerdesk.desk.hunt import Hunt
from answerdesk.desk.ports import Rows
from answerdesk.model.account import Millis, Sequence
from answerdesk.model.fair import Flow, Line, LineName
from answerdesk.store import tables
from answerdesk.store.columns import Text, Whole
from answerdesk.store.dialect import postgres
from answerdesk.store.hunting import lines_of
from answerdesk.store.statements import IN_FLOW, Place
from answerdesk.store.tables import TASK, Row

#: How many tasks more than asked for are looked at in each flow, for others may hold the first; at each further look
#: so many times more.
_SPARE: Final = 4
_DEEPER: Final = 8

_PLACE: Final = IN_FLOW.partition(" WHERE ")[2]
_FREE: Final = (
    "free_at <= %(now)s AND deadline > %(now)s AND tasks.n <> ALL (%(passed)s)"
    # Task by task, for a solver may have had more leases than a flow has tasks.
    " AND (SELECT count(*) FILTER (WHERE shown > 0) < %(tries)s AND count(*) FILTER (WHERE"
    " outcome IN ('answered', 'declined') OR (outcome IS NULL AND until > %(now)s)) = 0"
    " FROM leases WHERE leases.n = tasks.n AND leases.solver = %(solver)s)"
)
#: A flow's first task, if any. Its order says which index to take, which a young table's statistics do not.
ANY: Final = f"(SELECT tasks.n FROM tasks WHERE {_PLACE} ORDER BY tasks.lang, tasks.rank, tasks.n LIMIT 1)"


def _first(lang: str) -> str:
    """Select a flow's first tasks in a language, along the index."""
    return (
        f"SELECT rank, n FROM tasks WHERE {_PLACE} AND {lang} AND {_FREE}"
        " ORDER BY tasks.lang, tasks.rank, tasks.n LIMIT %(deep)s"
    )


#: The languages of a flow's tasks, from one to the next.
_EVERY: Final = (
    f"WITH RECURSIVE each AS (SELECT min(tasks.lang) AS lang FROM tasks WHERE {_PLACE} UNION ALL SELECT"
    f" (SELECT min(tasks.lang) FROM tasks WHERE {_PLACE} AND tasks.lang > each.lang) FROM each"
    " WHERE each.lang IS NOT NULL) SELECT lang FROM each WHERE lang IS NOT NULL"
)
_SOME: Final = "SELECT lang FROM unnest(%(languages)s) AS asked (lang)"


def _flows(languages: str) -> str:
    """Select lines' next flows with their first tasks, and those passed on the way that have no open task at all."""
    first = (
        f"SELECT array_agg(n ORDER BY rank, n) AS numbers FROM (SELECT rank, n FROM (({_first('tasks.lang IS NULL')})"
        f" UNION ALL (SELECT one.rank, one.n FROM ({languages}) AS spoken"
        f" CROSS JOIN LATERAL ({_first('tasks.lang = spoken.lang')}) AS one)) AS listed"
        " ORDER BY rank, n LIMIT %(deep)s) AS best"
    )
    return (
        'SELECT next.account, next.kind, next."group", next.route, next.turn, next.weight, next.active, next.numbers'
        ' FROM unnest(%(kinds)s, %(groups)s, %(routes)s) AS line (kind, "group", route) CROSS JOIN LATERAL ('
        "SELECT * FROM (SELECT flows.*, first.numbers, count(first.numbers) OVER ("
        "ORDER BY turn, flows.account ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS nth"
        f" FROM flows CROSS JOIN LATERAL ({first}) AS first"
        ' WHERE active = 1 AND flows.kind = line.kind AND flows."group" = line."group" AND flows.route = line.route'
        f" AND (first.numbers IS NOT NULL OR {ANY} IS NULL)"
        ") AS found WHERE nth <= %(most)s) AS next ORDER BY next.turn, next.account"
    )


_OF_EVERY: Final = _flows(_EVERY)
_OF_SOME: Final = _flows(_SOME)
#: The range names the partitions to look into.
_LOCK: Final = postgres(
    f"SELECT {TASK} FROM tasks WHERE n = ANY (?) AND n BETWEEN ? AND ? AND state = 0 AND route = ?"
    " AND free_at <= ? AND deadline > ? ORDER BY rank, n LIMIT ? FOR UPDATE SKIP LOCKED"
)


class Search:
    """One look for work: the queue as it was laid out for it, and what of it is to be locked."""

    def __init__(
        self, hunt: Hunt, rows: Rows, now: Millis, passed: list[Sequence], look: int, turned: Collection[Place]
    ) -> None:
        """Look for what is missing still, past what was found and what others hold; some flows have turned since."""
        self.hunt = msgspec.structs.replace(hunt, most=hunt.most - len(rows.found))
        self._lines = lines_of(hunt, rows)
        self._now = now
        self._passed = [*rows.found, *passed]
        #: Flows as they are where the database does not know it yet; they come up to so many places too early.
        self._turned = {place: rows.flows[place] for place in turned}
        self._deep = self.hunt.most + _SPARE * _DEEPER**look
        self._flows: dict[LineName, list[Flow]] = {line.name: [] for line in self._lines}
        self._found: dict[Place, list[Sequence]] = {}
        #: Whose turn it is, and how many turns each has.
        self._turns: list[Place] = []
        self._planned: Counter[Place] = Counter()
        #: Tasks that others hold.
        self.missed: list[Sequence] = []

    @property
    def over(self) -> bool:
        """Whether there is nothing to look for."""
        return self.hunt.most <= 0 or not self._lines

    def asked(self) -> tuple[str, dict[str, Any]]:
        """Say what to ask."""
        hunt = self.hunt
        values: dict[str, Any] = {
            "kinds": Text(line.kind for line in self._lines),
            "groups": Text(line.group for line in self._lines),
            "routes": Whole(line.route for line in self._lines),
            "now": self._now,
            "solver": hunt.solver,
            "tries": hunt.tries,
            "passed": Whole(self._passed),
            "most": hunt.most + len(self._turned),
            "deep": self._deep,
        }
        if not hunt.languages:
            return _OF_EVERY, values
        return _OF_SOME, values | {"languages": Text(hunt.languages)}

    def lay_out(self, rows: list[Row]) -> None:
        """Take what was found."""
        for *row, numbers in rows:
            flow = tables.flow_from(tuple(row))
            place = flow.account, flow.line
            flow = self._turned.get(place, flow)
            if flow.active:
                self._flows[flow.line].append(flow)
                self._found[place] = numbers or []
        if self._turned:
            for flows in self._flows.values():
                flows.sort(key=lambda flow: (flow.turn, flow.account))

    @property
    def listed(self) -> Iterable[Place]:
        """The flows that were found."""
        return self._found

    def flows(self, line: Line) -> Iterator[Flow]:
        """Give a line's flows in the order of their turns."""
        return iter(self._flows[line.name])

    def tasks(self, flow: Flow) -> list[Sequence]:
        """Give a flow's first tasks."""
        return self._found[flow.account, flow.line]

    def empty(self, flow: Flow) -> bool:
        """Tell of a flow in which nothing was found: it is here because it is empty."""
        del flow
        return True

    def plan(self, found: list[Sequence]) -> list[tuple[str, tuple[Any, ...]]]:
        """Give the statements that lock as many tasks of each flow as it has turns."""
        place_of = {n: place for place, numbers in self._found.items() for n in numbers}
        self._turns = [place_of[n] for n in found]
        self._planned = Counter(self._turns)
        asked = []
        for (account, line), turns in self._planned.items():
            numbers = self._found[account, line]
            values = (Whole(numbers), min(numbers), max(numbers), line[2], self._now, self._now, turns)
            asked.append((_LOCK, values))
        return asked

    @property
    def looked_at(self) -> Whole:
        """The tasks that may be locked."""
        return Whole(n for place in self._planned for n in self._found[place])

    def in_turn(self, held: list[list[Sequence]], locked: list[list[Sequence]]) -> list[Sequence]:
        """Give what was locked and can be read in the order of its flows' turns.

        Where a flow had too little, others hold the rest; where it had enough, what cannot be read is passed over.
        """
        got = dict(zip(self._planned, held, strict=True))
        for (place, turns), all_of in zip(self._planned.items(), locked, strict=True):
            if len(got[place]) < turns:
                listed = all_of if len(all_of) >= turns else self._found[place]
                self.missed += [n for n in listed if n not in got[place]]
        left = {place: iter(numbers) for place, numbers in got.items()}
        found = (next(left[place], None) for place in self._turns)
        return [n for n in found if n is not None]
