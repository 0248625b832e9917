"""Looking for work: the lines a solver may serve in turn, in each line the accounts' flows in fair order.
Rule: what a look costs grows with the accounts it passes, never with how many tasks wait."""

from __future__ import annotations

import functools
import heapq
import sqlite3
from collections import deque
from collections.abc import Iterator
from itertools import chain, product
from typing import Final, Protocol

from answerdesk.desk.hunt import Hunt
from answerdesk.desk.ports import Rows
from answerdesk.model.account import Millis, Sequence
from answerdesk.model.fair import Flow, Line, LineName, served
from answerdesk.model.question import Kind
from answerdesk.model.task import Route
from answerdesk.store import tables
from answerdesk.store.statements import IN_FLOW
from answerdesk.store.tables import FLOW

_FREE: Final = "free_at <= ? AND deadline > ?"
_OF_FLOW: Final = 'state = 0 AND kind = ? AND "group" = ? AND route = ? AND account = ?'
_TASKS: Final = (
    f"SELECT rank, n FROM tasks INDEXED BY tasks_queue WHERE {_OF_FLOW} AND lang IS ? AND free_at <= ? AND deadline > ?"
    " AND NOT EXISTS (SELECT 1 FROM leases WHERE leases.n = tasks.n AND leases.solver = ?"
    " AND (outcome IN ('answered', 'declined') OR (outcome IS NULL AND until > ?)))"
    " AND (SELECT count(*) FROM leases WHERE leases.n = tasks.n AND leases.solver = ? AND shown > 0) < ?"
    " ORDER BY rank, n LIMIT ?"
)
_NEXT_LANGUAGE: Final = f"SELECT min(lang) FROM tasks INDEXED BY tasks_queue WHERE {_OF_FLOW} AND lang > ?"
_ANY: Final = f"SELECT 1 FROM tasks INDEXED BY tasks_queue WHERE {_OF_FLOW} LIMIT 1"


@functools.cache
def _flows(languages: int) -> str:
    """Select a line's flows that have a free place, in no language or some, and those without any open task.

    Flows whose tasks are all at work may be many; they are passed over within the one statement.
    """
    one_by_one = [f"EXISTS ({IN_FLOW} AND lang IS ? AND {_FREE})"] * (languages + 1)
    free = " OR ".join(one_by_one) if languages else f"EXISTS ({IN_FLOW} AND {_FREE})"
    return (
        f'SELECT {FLOW} FROM flows INDEXED BY flows_next WHERE active = 1 AND kind = ? AND "group" = ? AND route = ?'
        f" AND ({free} OR NOT EXISTS ({IN_FLOW})) ORDER BY turn, account"
    )


class Queue(Protocol):
    """The queue as one hunt looks at it."""

    def flows(self, line: Line) -> Iterator[Flow]:
        """Give a line's flows in the order of their turns: those with a free place, and those without any task."""

    def tasks(self, flow: Flow) -> list[Sequence]:
        """Give the first tasks of a flow that the solver may have, best first."""

    def empty(self, flow: Flow) -> bool:
        """Tell whether no task of a flow is open."""


def lines_of(hunt: Hunt, rows: Rows) -> list[Line]:
    """Give the lines that a solver may serve and that ever had a task."""
    names = product(dict.fromkeys(hunt.kinds), hunt.groups, (hunt.route, Route.EITHER))
    return [rows.lines[name] for name in names if name in rows.lines]


def find(queue: Queue, hunt: Hunt, rows: Rows) -> list[Sequence]:
    """Find the next tasks for a solver, line after line in turn; the flows passed are put among the rows."""
    turns = [(line.served, i, _Line(queue, line, rows)) for i, line in enumerate(lines_of(hunt, rows))]
    heapq.heapify(turns)
    latest = max((line.served for line in rows.lines.values()), default=0)
    found: list[Sequence] = []
    while turns and len(found) < hunt.most:
        _, i, line = turns[0]
        n = next(line, None)
        if n is None:
            heapq.heappop(turns)
            continue
        found.append(n)
        latest += 1
        heapq.heapreplace(turns, (latest, i, line))
    return found


class _Line(Iterator[Sequence]):
    """One line's tasks for one solver, in the order of their flows' turns."""

    def __init__(self, queue: Queue, line: Line, rows: Rows) -> None:
        self._queue = queue
        self._line = line
        self._rows = rows
        self._flows: Iterator[Flow] | None = None
        self._unopened: Flow | None = None
        #: Flows with what was found in them, by their next turn.
        self._opened: list[tuple[int, int, Flow, deque[Sequence]]] = []

    def __next__(self) -> Sequence:
        """Take the next turn."""
        if self._flows is None:
            self._flows = self._queue.flows(self._line)
            self._unopened = next(self._flows, None)
        while (flow := self._unopened) is not None and self._is_next(flow):
            self._open(flow)
            self._unopened = next(self._flows, None)
        if not self._opened:
            raise StopIteration
        _, account, flow, tasks = self._opened[0]
        n = tasks.popleft()
        flow, self._line = served(flow, self._line, 0)
        if tasks:
            heapq.heapreplace(self._opened, (flow.turn, account, flow, tasks))
        else:
            heapq.heappop(self._opened)
        return n

    def _is_next(self, flow: Flow) -> bool:
        """Tell whether a flow's turn comes before those of the opened ones: only then is it worth looking into."""
        return not self._opened or (flow.turn, flow.account) < self._opened[0][:2]

    def _open(self, flow: Flow) -> None:
        self._rows.flows[flow.account, flow.line] = flow
        tasks = self._queue.tasks(flow)
        if tasks:
            heapq.heappush(self._opened, (flow.turn, flow.account, flow, deque(tasks)))
        elif self._queue.empty(flow):
            self._rows.idle.add((flow.account, flow.line))


class SqliteQueue:
    """The queue on SQLite, looked at step by step: nothing is read before its turn."""

    def __init__(self, database: sqlite3.Connection, hunt: Hunt, now: Millis) -> None:
        """Look for one solver at one time."""
        self._db = database
        self._hunt = hunt
        self._now = now

    def flows(self, line: Line) -> Iterator[Flow]:
        """Step along the index."""
        languages = self._hunt.languages
        values = (
            [(lang, self._now, self._now) for lang in (None, *languages)] if languages else [(self._now, self._now)]
        )
        rows = self._db.execute(_flows(len(languages)), (*line.name, *chain.from_iterable(values)))
        return map(tables.flow_from, rows)

    def empty(self, flow: Flow) -> bool:
        """Look for any one."""
        return self._db.execute(_ANY, _place(flow)).fetchone() is None

    def tasks(self, flow: Flow) -> list[Sequence]:
        """Find the flow's first tasks, language by language, for the index lists each language by itself."""
        hunt, now = self._hunt, self._now
        filters = (now, now, hunt.solver, now, hunt.solver, hunt.tries, hunt.most)
        best: list[tables.Row] = []
        for lang in (None, *(hunt.languages or self._languages(flow))):
            best += self._db.execute(_TASKS, (*_place(flow), lang, *filters))
        best.sort()
        return [row[1] for row in best[: hunt.most]]

    def _languages(self, flow: Flow) -> Iterator[str]:
        """Step from language to language of a flow."""
        lang: str | None = ""
        while (lang := self._db.execute(_NEXT_LANGUAGE, (*_place(flow), lang)).fetchone()[0]) is not None:
            yield lang


def _place(flow: Flow) -> tuple[Kind, str, Route, int]:
    return flow.kind, flow.group, flow.route, flow.account


def read_lines(database: sqlite3.Connection) -> dict[LineName, Line]:
    """Read every line that ever had a task."""
    lines = (tables.line_from(row) for row in database.execute(f"SELECT {tables.LINE} FROM lines"))
    return {line.name: line for line in lines}
