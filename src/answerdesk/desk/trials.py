"""How each machine profile stands: its comparisons with people, the threshold in force, and what it has earned.
Rule: a profile comes out of shadow by what the machines of today have shown, and goes back by the operator alone."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from answerdesk.desk.books import SaveRules
from answerdesk.desk.ports import NO_CHANGES, Changes, House, Needs, Rows
from answerdesk.model.account import Millis
from answerdesk.model.judge import Rules
from answerdesk.model.solver import SolverId
from answerdesk.model.trust import ENOUGH, FEW, Comparison, Tally, earned, tally

replace = msgspec.structs.replace


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One profile of one type, over all machines that are not switched off."""

    type: str
    profile: str
    rules: Rules
    comparisons: tuple[Comparison, ...] = ()

    @property
    def shadow(self) -> bool:
        """Whether the profile has yet to earn its threshold."""
        return self.profile in self.rules.shadows

    @property
    def threshold(self) -> float:
        """From which confidence its answers are enough alone now; above 1 none is."""
        return self.rules.threshold(self.profile)

    @property
    def earned(self) -> float | None:
        """Which threshold the comparisons bear out, None while none."""
        return earned(self.comparisons, self.rules.target)

    @property
    def held(self) -> Tally:
        """All comparisons."""
        return tally(self.comparisons)

    @property
    def taken(self) -> Tally:
        """The comparisons of answers that are enough alone."""
        return tally(self.comparisons, self.threshold)

    @property
    def worse(self) -> bool:
        """Whether what is taken alone is surely less often right than is aimed at."""
        taken = self.taken
        return taken.compared >= FEW and taken.at_most < self.rules.target

    def of(self, solver: SolverId) -> Trial:
        """Give what one machine has to do with it."""
        return replace(self, comparisons=tuple(one for one in self.comparisons if one.solver == solver))

    @property
    def solvers(self) -> list[SolverId]:
        """Give the machines that were compared."""
        return sorted({one.solver for one in self.comparisons})

    def __str__(self) -> str:
        """Say in a few words how it stands."""
        count = self.held.compared
        if not self.shadow:
            return "off" if self.threshold > 1 else "live, worse than aimed at" if self.worse else "live"
        if count < ENOUGH:
            return f"shadow: {count} of {ENOUGH} comparisons"
        return f"shadow: {count} comparisons bear out no threshold"


def trials(house: House, found: Iterable[Comparison]) -> list[Trial]:
    """Give every profile that was compared or that the rules name, by type and name."""
    machines = {solver.id for solver in house.solvers if solver.machine and solver.enabled}
    listed: dict[tuple[str, str], list[Comparison]] = {
        (name, profile): [] for name, rules in house.rules.items() for profile in (*rules.profiles, *rules.shadows)
    }
    for one in found:
        if one.solver in machines:
            listed.setdefault((one.type, one.profile), []).append(one)
    return [
        Trial(type=name, profile=profile, rules=house.rules_for(name), comparisons=tuple(listed[name, profile]))
        for name, profile in sorted(listed)
    ]


class Promote(msgspec.Struct, frozen=True, kw_only=True):
    """Bring a profile out of shadow with the threshold it has earned; gives whether it still was in it."""

    type: str
    profile: str
    threshold: float

    @property
    def needs(self) -> Needs:
        """Nothing but the rules, which every verb has."""
        return Needs()

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, bool]:
        """Leave alone what the operator decided meanwhile."""
        rules = rows.house.rules_for(self.type)
        if self.profile not in rules.shadows:
            return NO_CHANGES, False
        live = rules.naming(self.profile, self.threshold)
        return SaveRules(type=self.type, rules=live).decide(rows, now)[0], True
