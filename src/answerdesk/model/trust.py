"""How far a profile's machine answers can be trusted: held against people's, and the threshold that this earns.
Rule: counts alone are kept, by how sure the machine was; no task shows in them, and a machine never judges itself."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import msgspec

from answerdesk.model.answer import Lease, Outcome
from answerdesk.model.judge import Rules
from answerdesk.model.solver import SolverId
from answerdesk.model.standing import judged
from answerdesk.model.task import Task

#: Comparisons that a profile in shadow needs before it can earn a threshold.
ENOUGH: Final = 200
#: Comparisons above its threshold from which on a live profile may be found worse than it is to be.
FEW: Final = 20
#: For how many days a comparison counts: what a machine reads, and how well, changes.
DAYS: Final = 90
#: How sure the lower bound is, in standard deviations: 95 % between both bounds.
SURE: Final = 1.96


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """How often a machine that was so sure was held against people, and how often they said the same."""

    type: str
    profile: str
    solver: SolverId
    #: The confidence in thousandths, rounded down.
    permille: int
    compared: int = 0
    agreed: int = 0


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """Comparisons of answers from some confidence on."""

    compared: int = 0
    agreed: int = 0

    @property
    def precision(self) -> float | None:
        """Give the share that people agreed with, None without any."""
        return self.agreed / self.compared if self.compared else None

    @property
    def at_least(self) -> float:
        """Give the share that can be counted on: Wilson's lower bound, 0 without any comparison."""
        return wilson(self.agreed, self.compared)

    @property
    def at_most(self) -> float:
        """Give the share that there may be at best: Wilson's upper bound, 1 without any comparison."""
        return 1.0 - wilson(self.compared - self.agreed, self.compared)


def wilson(right: int, of: int, sure: float = SURE) -> float:
    """Give the lower bound of a share of which `right` in `of` were seen (Wilson's score interval)."""
    if of <= 0:
        return 0.0
    share, spread = right / of, sure * sure / of
    middle = share + spread / 2
    reach = math.sqrt(spread * (share * (1 - share) + spread / 4))
    return max(0.0, (middle - reach) / (1 + spread))


def permille(confidence: float | None) -> int:
    """Give a confidence in thousandths, so that it reaches a threshold of thousandths exactly where they say so."""
    value = confidence or 0.0
    rounded = round(value * 1000)
    return rounded if rounded / 1000 <= value else rounded - 1


def tally(comparisons: Iterable[Comparison], threshold: float = 0.0) -> Tally:
    """Add up the comparisons of answers that were at least so sure."""
    above = [each for each in comparisons if each.permille / 1000 >= threshold]
    # What was reported on long after it was counted may be taken back from days that are no longer looked at.
    compared = max(0, sum(each.compared for each in above))
    return Tally(compared=compared, agreed=min(compared, max(0, sum(each.agreed for each in above))))


def earned(comparisons: Iterable[Comparison], target: float, enough: int = ENOUGH) -> float | None:
    """Give the lowest threshold from which on at least the target's share is right, None while nothing shows that."""
    listed = list(comparisons)
    if tally(listed).compared < enough:
        return None
    thresholds = sorted({max(0, each.permille) / 1000 for each in listed if each.compared > 0})
    return next((one for one in thresholds if tally(listed, one).at_least >= target), None)


def compared(before: Task, after: Task, said: tuple[Lease, ...], rules: Rules) -> tuple[Comparison, ...]:
    """Give what a task's settling, or a report on it, adds to the comparisons of the machines that answered it."""
    machines = [lease for lease in said if lease.machine and _answers(lease)]
    if not machines or not any(not lease.machine and _answers(lease) for lease in said):
        return ()
    was, is_now = judged(before, said), judged(after, said)
    if not (was or is_now):
        return ()
    profile = rules.profile(after.asked().options.module)
    each = (
        Comparison(
            type=after.type,
            profile=profile,
            solver=lease.solver,
            permille=permille(lease.confidence),
            compared=(lease.solver in is_now) - (lease.solver in was),
            agreed=is_now.get(lease.solver, False) - was.get(lease.solver, False),
        )
        for lease in machines
    )
    return tuple(one for one in each if one.compared or one.agreed)


def _answers(lease: Lease) -> bool:
    return lease.stands and lease.outcome is Outcome.ANSWERED
