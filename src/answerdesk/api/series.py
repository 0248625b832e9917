"""Pictures of a series: what whoever answers a question may see of the earlier task that it names.
Rule: only of the same account's tasks, only while it is kept, and only to who might have been asked that one too."""

from __future__ import annotations

from typing import Final

from answerdesk.desk.ports import Store
from answerdesk.model.question import Medium
from answerdesk.model.solver import Solver
from answerdesk.model.task import Permutation, Task, TaskId

#: What the last part of the address of an earlier picture is.
EARLIER: Final = "earlier"
_LONGEST_ID: Final = 16


async def earlier_of(store: Store, ids: Permutation, solver: Solver, task: Task) -> tuple[Medium, bytes] | None:
    """Give the first picture of the earlier task of a task's series; None for one that is not there for this solver."""
    question = task.legible()
    named = (question.options.previous or "") if question else ""
    if not named.isascii() or not named.isdigit() or len(named) > _LONGEST_ID or not int(named):
        return None
    earlier = await store.task(ids.find(TaskId(int(named))))
    if earlier is None or earlier.account != task.account or not solver.may_have(earlier.kind, None, earlier.group):
        return None
    seen = earlier.legible()
    if seen is None or not seen.media or not seen.media[0].type.startswith("image/"):
        return None
    data = await store.content(earlier.n, 0)
    return None if data is None else (seen.media[0], data)
