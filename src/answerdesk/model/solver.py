"""Anything that claims and answers, person or machine: the same grants, the same verbs.
Rule: what a solver may have is said by its grants alone; nobody is reached, everybody claims."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, NewType

import msgspec

from answerdesk.model.account import Millis
from answerdesk.model.question import Kind

SolverId = NewType("SolverId", int)

#: What a group is called.
GROUP: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
#: A solver that claimed or waited this recently counts as on shift.
SHIFT_MS: Final = 60_000


class Solver(msgspec.Struct, frozen=True, kw_only=True):
    """A person or a machine with its grants; no kinds means every kind, no languages every language."""

    id: SolverId
    name: str
    machine: bool
    kinds: frozenset[Kind] = frozenset()
    languages: frozenset[str] = frozenset()
    #: Groups of solvers it belongs to, whose accounts' tasks nobody else may have.
    groups: frozenset[str] = frozenset()
    enabled: bool = True
    #: When it last claimed or waited.
    seen: Millis = Millis(0)
    created: Millis = Millis(0)
    #: The host whose `serve` started it and may free its leases, empty for none.
    host: str = ""

    def may_have(self, kind: Kind, lang: str | None, group: str = "") -> bool:
        """Tell whether a task of this kind and language, for this group alone, may be given to this solver."""
        return (
            self.enabled
            and (not self.kinds or kind in self.kinds)
            and (lang is None or not self.languages or lang in self.languages)
            and (not group or group in self.groups)
        )

    def on_shift(self, now: Millis) -> bool:
        """Tell whether the solver claimed or waited within the last minute."""
        return self.enabled and now - self.seen <= SHIFT_MS


class Staff(msgspec.Struct, frozen=True, kw_only=True):
    """Who may answer one question now: how many are granted it, and how many of those are on shift."""

    machines: int = 0
    people: int = 0
    machines_on_shift: int = 0
    people_on_shift: int = 0
    #: Those of the people on shift who never had it and so can still be asked.
    people_left: int = 0


def staff_for(
    solvers: tuple[Solver, ...],
    kind: Kind,
    lang: str | None,
    now: Millis,
    had: Collection[SolverId] = (),
    *,
    group: str = "",
) -> Staff:
    """Count the solvers who may have a question of this kind, language and group; some `had` it before."""
    machines = people = machines_on_shift = people_on_shift = people_left = 0
    since = now - SHIFT_MS
    # One pass and no more: every batch that judges a task pays for it, with as many solvers as a desk has.
    for solver in solvers:
        if not solver.may_have(kind, lang, group):
            continue
        here = solver.seen >= since
        if solver.machine:
            machines += 1
            machines_on_shift += here
        else:
            people += 1
            people_on_shift += here
            people_left += here and solver.id not in had
    return Staff(
        machines=machines,
        people=people,
        machines_on_shift=machines_on_shift,
        people_on_shift=people_on_shift,
        people_left=people_left,
    )
