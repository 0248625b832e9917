"""What is asked of the store about those who answer: their work now, their history, their earnings and standing.
Rule: looks back only; whatever it costs grows with what is shown, never with what was ever answered."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from answerdesk.desk.hunt import Hunt
from answerdesk.model.account import Millis
from answerdesk.model.answer import Lease
from answerdesk.model.money import NOTHING, Entry, Micros
from answerdesk.model.question import Kind
from answerdesk.model.solver import SolverId
from answerdesk.model.standing import Standing
from answerdesk.model.task import Task
from answerdesk.model.trust import Comparison

#: Where counts stop: more than so many is as good as many.
MANY: Final = 1_000
HOUR_MS: Final = 3_600_000


class Wages(msgspec.Struct, frozen=True, kw_only=True):
    """A solver's money: earned today and within the last seven days (UTC), paid out and owed in all."""

    today: Micros = NOTHING
    week: Micros = NOTHING
    earned: Micros = NOTHING
    paid: Micros = NOTHING

    @property
    def owed(self) -> Micros:
        """What was earned and not yet paid out."""
        return Micros(self.earned - self.paid)


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How a solver works now: answers in the last hour (at most MANY are counted), how long they took, leases held."""

    answers: int = 0
    #: The median from lease to answer, None without an answer.
    milliseconds: int | None = None
    holds: int = 0


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """The queue of one kind now: tasks that wait (at most MANY are counted), since when, and leases being worked on."""

    kind: Kind
    waiting: int = 0
    #: When the task that waits longest came, None where none waits.
    oldest: Millis | None = None
    working: int = 0


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """Something a solver said, with its task, or None once that is forgotten, and whether its media are still kept."""

    lease: Lease
    task: Task | None
    media: bool


class Crew(Protocol):
    """Those who answer, for the operator and for themselves."""

    async def standing(self, solver: SolverId) -> Standing:
        """Read how often a solver's answers were found right."""

    async def comparisons(self, now: Millis) -> list[Comparison]:
        """Add up how machines' answers compared with people's over the last days, as many as count."""

    async def wages(self, solver: SolverId, now: Millis) -> Wages:
        """Read what a solver earned and what of it was paid out."""

    async def pace(self, solver: SolverId, now: Millis) -> Pace:
        """Read how a solver works now."""

    async def lanes(self, now: Millis) -> list[Lane]:
        """Read the queue as it is now, one lane for each kind that people and machines answer."""

    async def answered_since(self, solver: SolverId, since: Millis) -> int:
        """Count a solver's answers, as far as a day has them."""

    async def waiting(self, hunt: Hunt, now: Millis) -> dict[Kind, int]:
        """Count the tasks that wait for a solver by kind, each at most as many as it hunts for."""

    async def said(self, solver: SolverId, most: int) -> list[Said]:
        """List what a solver said last, newest first."""

    async def earnings(self, solver: SolverId, before: int, most: int) -> list[tuple[int, Millis, Entry]]:
        """Read a solver's ledger as (line, time, entry), newest first, before a line."""
