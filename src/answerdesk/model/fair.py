"""Whose task is next: lines of tasks for the same solvers, and in each line the accounts' flows, served in fair turns.
Rule: start-time fair queueing with a bounded credit, decided from the rows of a line and its flows alone."""

from __future__ import annotations

from typing import Final

import msgspec

from answerdesk.model.account import AccountId
from answerdesk.model.question import Kind
from answerdesk.model.task import Route, Task

#: What one task takes of a line at weight 1; divided by the weight it stays a whole number of some size.
TURN: Final = 1_000_000
#: How many turns an account that was passed over may catch up on, and by how many a newcomer may have to wait.
CREDIT: Final = 8 * TURN
MOST_WEIGHT: Final = 100

#: Which line: the kind, the group that alone may serve it (empty for everybody), and whose answer is wanted.
LineName = tuple[Kind, str, Route]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Open tasks that the same solvers may serve."""

    kind: Kind
    group: str
    route: Route
    #: The line's time: the furthest turn that was served.
    reached: int = 0
    #: When it was last served, in turns over all lines: lines take turns too.
    served: int = 0

    @property
    def name(self) -> LineName:
        """Name the line."""
        return self.kind, self.group, self.route


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """One account's tasks in one line."""

    account: AccountId
    kind: Kind
    group: str
    route: Route
    #: When its next turn begins, in the line's time.
    turn: int = 0
    #: How many turns it has where an account of weight 1 has one.
    weight: int = 1
    #: Whether there may be open tasks in it.
    active: bool = False

    @property
    def line(self) -> LineName:
        """Name its line."""
        return self.kind, self.group, self.route


def line_of(task: Task) -> LineName:
    """Name the line that an open task stands in."""
    return task.kind, task.group, task.route


def begun(flow: Flow, line: Line) -> int:
    """Give when a flow's next turn begins: one that was passed over for long does not get all of it back."""
    return max(flow.turn, line.reached - CREDIT)


def joined(flow: Flow, line: Line, weight: int) -> Flow:
    """Let a flow have tasks: one that had none begins where the line is, never before."""
    turn = flow.turn if flow.active else max(flow.turn, line.reached)
    return msgspec.structs.replace(flow, turn=turn, weight=weight, active=True)


def served(flow: Flow, line: Line, at: int) -> tuple[Flow, Line]:
    """Take a turn: the flow's next begins after it, and the line has got as far; `at` counts the turns of all lines."""
    turn = begun(flow, line)
    after = msgspec.structs.replace(flow, turn=turn + TURN // flow.weight)
    return after, msgspec.structs.replace(line, reached=max(line.reached, turn), served=at)
