"""How often a solver's answers agree with what their tasks settled as, told so that no single task shows in it.
Rule: an answer is judged by others alone, the client's report or a second answer, never by having been taken."""

from __future__ import annotations

from typing import Final

import msgspec

from answerdesk.model.agreement import agree
from answerdesk.model.answer import Lease, Outcome
from answerdesk.model.solver import SolverId
from answerdesk.model.task import State, Task

#: The accuracy shown changes once in so many answers, and is shown from so many judged ones on.
STEP: Final = 10
LEAST_JUDGED: Final = 10
#: Answers that count as right before the first is judged, out of as many: one mistake is no verdict.
HEAD_START: Final = 1
#: Spreads the solvers over the steps, whichever way they are numbered.
_STRIDE: Final = 0x9E3779B1

_decode = msgspec.json.Decoder().decode


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What is added to a solver's standing: answers accepted, answers judged, and those found right among them."""

    solver: SolverId
    said: int = 0
    judged: int = 0
    agreed: int = 0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A solver's answers so far, and what of them is shown."""

    solver: SolverId
    said: int = 0
    judged: int = 0
    agreed: int = 0
    #: How many steps of answers were taken: an answer undone and given again takes none twice.
    steps: int = 0
    #: Judged and agreed as they were when the solver last took a step.
    shown_judged: int = 0
    shown_agreed: int = 0

    def after(self, mark: Mark) -> Standing:
        """Add a mark; what is shown follows only when a step is taken."""
        said, judged, agreed = self.said + mark.said, self.judged + mark.judged, self.agreed + mark.agreed
        steps = max(self.steps, (said + phase(self.solver)) // STEP)
        stepped = steps > self.steps
        return Standing(
            solver=self.solver,
            said=said,
            judged=judged,
            agreed=agreed,
            steps=steps,
            # What is judged in the step's own unit waits for the next: else the last answer could be told apart.
            shown_judged=self.judged if stepped else self.shown_judged,
            shown_agreed=self.agreed if stepped else self.shown_agreed,
        )

    @property
    def accuracy(self) -> float | None:
        """Give the smoothed share (right + 1) / (judged + 1) in hundredths, None before enough were judged."""
        if self.shown_judged < LEAST_JUDGED:
            return None
        return round((self.shown_agreed + HEAD_START) / (self.shown_judged + HEAD_START), 2)


def phase(solver: SolverId) -> int:
    """Give the place 0..9 within ten answers at which what a solver is shown changes: each has its own."""
    return (solver * _STRIDE % 2**32 >> 16) % STEP


def judged(task: Task, said: tuple[Lease, ...]) -> dict[SolverId, bool]:
    """Tell whose answers were right and whose wrong; who is not named cannot be judged.

    A report speaks of the solution. Without one, at least two must have answered: who says the same as another is
    right with the solution or wrong without it, and a solution that nobody else gave says nothing of its giver.
    """
    if task.state is not State.READY:
        return {}
    answers = {lease.solver: lease.said for lease in said if lease.stands and lease.outcome is Outcome.ANSWERED}
    if not answers or (task.report is None and len(answers) == 1):
        return {}
    solution, question = _decode(task.solution), task.asked()
    same = {solver: agree(question, _decode(value), solution) for solver, value in answers.items()}
    if task.report == "incorrect":
        return {solver: False for solver, agrees in same.items() if agrees}
    if task.report is None and sum(same.values()) == 1:
        return {solver: False for solver, agrees in same.items() if not agrees}
    return same


def marks(before: Task, after: Task, said: tuple[Lease, ...]) -> tuple[Mark, ...]:
    """Give what a task's settling, or a report on it, adds to the standing of those who answered it."""
    was, is_now = judged(before, said), judged(after, said)
    each = (
        Mark(
            solver=solver,
            judged=(solver in is_now) - (solver in was),
            agreed=is_now.get(solver, False) - was.get(solver, False),
        )
        for solver in was | is_now
    )
    return tuple(mark for mark in each if mark.judged or mark.agreed)
