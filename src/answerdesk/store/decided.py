"""What the verbs of a unit decided, whatever the database: the rows as they leave them, and what is to be written.
Rule: each verb decides on what the verbs before it leave; one that crashed in company leaves nothing to build on."""

from __future__ import annotations

from typing import Any

from answerdesk.desk.ports import NO_CHANGES, Changes, Heard, House, Rows, Verb
from answerdesk.model.account import Millis
from answerdesk.model.fault import Refusal
from answerdesk.store.statements import Dirty, touches_house, touches_others


class Decided:
    """One unit's rows and changes."""

    def __init__(self, house: House, now: Millis) -> None:
        """Start with the house and nothing else."""
        self.now = now
        self.rows = Rows(house)
        self.changes: list[Changes] = []
        #: Those of them that touch more than tasks, answers and money.
        self.others: list[Changes] = []
        self._dirty = Dirty()

    def decide(self, verb: Verb[Any], *, alone: bool) -> Any:
        """Let a verb decide and its changes stand; gives its outcome, or the exception it ended in."""
        try:
            changes, outcome = verb.decide(self.rows, self.now)
        except Refusal as refusal:
            return refusal
        except Exception as crash:
            if not alone:
                # The verbs after it must not build on rows it may have changed and will never write.
                raise
            return crash
        if changes != NO_CHANGES:
            self._take(changes)
        return outcome

    def _take(self, changes: Changes) -> None:
        self.rows.absorb(changes)
        self.changes.append(changes)
        self._dirty.add(changes, self.now)
        if touches_others(changes):
            self.others.append(changes)

    @property
    def touches_house(self) -> bool:
        """Whether what is remembered between units is changed."""
        return any(map(touches_house, self.others))

    def heard(self) -> Heard:
        """Say what is told of it once it is durable."""
        tasks = [task for change in self.changes for task in (*(task for task, _ in change.created), *change.tasks)]
        erased = {n: None for change in self.others for n in change.erased}
        settings = any(touches_house(change) or any(roll.settings for roll in change.roll) for change in self.others)
        # What was reported on and erased in one unit must be hung up nowhere.
        return Heard(tasks=[task for task in tasks if task.n not in erased], settings=settings, erased=[*erased])
