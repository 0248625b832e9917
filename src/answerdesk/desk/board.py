"""The board: the replies of final tasks, kept in memory and bounded.
Rule: only final tasks hang here, and those never change, so a poll of one touches no database."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from answerdesk.model.account import AccountId, Sequence
from answerdesk.model.limit import forget_oldest
from answerdesk.model.question import Kind
from answerdesk.model.talk import Ready, Refused
from answerdesk.model.task import FAILURES, OWN_WORDS, Cause, State, Task, TaskId

Final = Ready | Refused

_decode = msgspec.json.Decoder().decode
_NOBODYS = None, None, 0


class Board:
    """Final replies by (account, task): a stranger's task is not there, exactly like a missing one."""

    def __init__(self, most: int = 200_000) -> None:
        """Keep at most `most` replies; the oldest go first."""
        self._most = most
        self._replies: dict[TaskId, tuple[AccountId, Final, Sequence]] = {}
        #: Rises whenever something is taken down: what was read before may be past its retention.
        self._taken_down = 0

    def get(self, account: AccountId, task: TaskId) -> Final | None:
        """Give the final reply if it hangs here."""
        owner, reply, _ = self._replies.get(task, _NOBODYS)
        return reply if owner == account else None

    def put(self, settled: Task, task: TaskId) -> Final:
        """Hang up a settled task's reply."""
        reply = final_reply(settled)
        self._replies[task] = settled.account, reply, settled.n
        forget_oldest(self._replies, self._most)
        return reply

    def reading(self) -> Callable[[Task, TaskId], Final]:
        """Give how to tell the reply of a settled task that is read from now on: it is hung up as well, if it may be.

        What was forgotten while it was read may hang up nowhere; it was there when it was asked for.
        """
        before = self._taken_down

        def tell(settled: Task, task: TaskId) -> Final:
            return self.put(settled, task) if self._taken_down == before else final_reply(settled)

        return tell

    def drop(self, task: TaskId) -> None:
        """Take a reply down, at the end of its retention."""
        self._taken_down += 1
        self._replies.pop(task, None)

    def drop_range(self, first: Sequence, past: Sequence) -> None:
        """Take down every reply of a range of tasks, at the end of the whole range's retention."""
        self._taken_down += 1
        hanging = self._replies.items()
        self._replies = {task: kept for task, kept in hanging if not first <= kept[2] < past}

    def clear(self) -> None:
        """Take everything down: what hangs here may be past its retention."""
        self._taken_down += 1
        self._replies.clear()


def final_reply(task: Task) -> Final:
    """Make the reply that a settled task answers with for as long as it is kept."""
    if task.state is State.READY:
        ready = Ready(
            type=task.type,
            kind=task.kind,
            value=_decode(task.solution),
            cost=task.price,
            ip=task.ip,
            created=task.created,
            ended=task.ended,
            solve_count=task.solve_count,
            trail=task.trail,
        )
        return _with_grid(ready, task) if task.kind is Kind.GRID else ready
    cause = task.cause or Cause.UNSOLVED
    fault, detail = FAILURES[cause]
    return Refused(fault=fault, detail=detail, own=OWN_WORDS.get(cause, ""))


def _with_grid(ready: Ready, task: Task) -> Ready:
    asked = task.asked()
    cells = asked.constraints.rows * asked.constraints.columns
    return msgspec.structs.replace(ready, cells=cells, worded=asked.options.worded)
