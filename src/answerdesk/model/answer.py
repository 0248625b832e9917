"""What solvers say of a task: answers, declines and abstentions, each kept with the lease it was said under.
Rule: a lease row outlives its task until retention and keeps its outcome, so a repeat gets the same reply."""

from __future__ import annotations

import enum
import re
from typing import Final

import msgspec

from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.money import NOTHING, Micros
from answerdesk.model.solver import SolverId
from answerdesk.model.task import TaskId, Trail


class Decline(enum.StrEnum):
    """Why a solver gives a task back."""

    #: It cannot be read or answered.
    UNREADABLE = "unreadable"
    #: The media is broken or of the wrong sort.
    BROKEN = "broken"
    #: Not a language this solver knows: somebody else may.
    LANGUAGE = "language"
    #: Not right to answer, such as personal data.
    REFUSED = "refused"


class Outcome(enum.StrEnum):
    """How a lease ended; a lease without an outcome is live until its time is up."""

    ANSWERED = "answered"
    DECLINED = "declined"
    #: Taken back by the operator, or by the host that started the solver.
    REVOKED = "revoked"
    #: Given up by its holder without a word.
    RELEASED = "released"


class Why(enum.StrEnum):
    """Why something said was not accepted."""

    EXPIRED = "expired"
    SETTLED = "settled"
    CANCELLED = "cancelled"
    REVOKED = "revoked"


class Lapse(enum.StrEnum):
    """Why a lease cannot be shown, kept, extended or opened again."""

    #: It ran out or was given up.
    EXPIRED = "expired"
    SETTLED = "settled"
    CANCELLED = "cancelled"
    REVOKED = "revoked"
    #: Something was said under it.
    SAID = "said"
    #: It was not shown yet, so its time does not run.
    RESERVED = "reserved"
    #: Its task's own time is up.
    DEADLINE = "deadline"
    #: Others hold every place that its task has.
    TAKEN = "taken"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The reply to an answer or a decline."""

    accepted: bool
    why: Why | None = None
    paid: Micros = NOTHING


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """Permission to answer one task until a time, and what came of it."""

    token: str
    task: Sequence
    #: Whose task it is.
    account: AccountId
    solver: SolverId
    machine: bool
    given: Millis
    until: Millis
    #: What an answer in time earns, by the rules in force when it was claimed.
    pay: Micros = NOTHING
    outcome: Outcome | None = None
    #: The normal answer as JSON, or the reason as JSON text when declined.
    said: bytes = b""
    confidence: float | None = None
    verdict: Verdict | None = None
    ended: Millis = Millis(0)
    #: When its holder first saw the task: 0 while it is only reserved.
    shown: Millis = Millis(0)
    #: Whether its holder had more time once.
    extended: bool = False

    def live(self, now: Millis) -> bool:
        """Tell whether the lease still holds its place."""
        return self.outcome is None and now < self.until

    @property
    def reserved(self) -> bool:
        """Whether the task is set aside for somebody who has not seen it."""
        return self.outcome is None and not self.shown

    @property
    def stands(self) -> bool:
        """Whether something was said and accepted: what was refused never counts later."""
        return self.verdict is not None and self.verdict.accepted

    @property
    def decline(self) -> Decline | None:
        """The reason, if this lease ended in a decline."""
        return msgspec.json.decode(self.said, type=Decline) if self.outcome is Outcome.DECLINED else None


def token_of(secret: str, task: TaskId) -> str:
    """Name a lease: by a secret, and by the id of its task, which its holder is told anyway and a store seeks it by."""
    return f"{secret}.{task:x}"


#: No id is longer.
_NAMES_TASK: Final = re.compile(r"[^.]+\.([1-9a-f][0-9a-f]{0,12})")


def task_of(token: str) -> TaskId | None:
    """Give the task that a lease's token names, None where it names none; whether there is such a lease is not said."""
    named = _NAMES_TASK.fullmatch(token)
    return TaskId(int(named[1], 16)) if named else None


def trail_of(said: tuple[Lease, ...]) -> Trail:
    """Tell who had something to say, in the order in which the first of each came."""
    spoken = sorted((lease for lease in said if lease.stands), key=lambda lease: lease.ended)
    sides = dict.fromkeys("machine" if lease.machine else "people" for lease in spoken)
    return Trail("-".join(sides) or Trail.NOBODY)
