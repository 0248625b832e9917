"""The use case of paying a solver out: what was earned leaves the desk, by a double entry like all money.
Rule: never more than is owed, and nothing twice: who pays says what had been paid when they looked."""

from __future__ import annotations

import msgspec

from answerdesk.desk.ports import Changes, Needs, Rows
from answerdesk.model.account import Millis
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.money import Entry, Micros, Move, show
from answerdesk.model.solver import SolverId


class PaidMeanwhile(Refusal):
    """Somebody, or the same form sent twice, paid out since the sum was looked at."""


class PayOut(msgspec.Struct, frozen=True, kw_only=True):
    """Book that a solver was given money outside the desk; gives what is still owed."""

    solver: SolverId
    amount: Micros
    #: What had been paid out in all when the sum owed was looked at: it only ever grows, so a form works once.
    before: Micros
    note: str = ""

    @property
    def needs(self) -> Needs:
        """What was earned and paid."""
        return Needs(wages_of=(self.solver,))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Micros]:
        """Refuse a sum that is not owed, or that was paid meanwhile."""
        del now
        if all(solver.id != self.solver for solver in rows.house.solvers):
            raise Refusal(Fault.BAD_PARAMETERS, f"no worker has the number {self.solver}")
        earned, paid = rows.wages[self.solver]
        if paid != self.before:
            msg = f"{show(paid)} was paid out in all, and {show(self.before)} when this sum was looked at; look again"
            raise PaidMeanwhile(Fault.BAD_PARAMETERS, msg)
        owed = Micros(earned - paid)
        if not 0 < self.amount <= owed:
            msg = f"{show(owed)} is owed; an amount above 0 and up to that can be paid out (got {show(self.amount)})"
            raise Refusal(Fault.BAD_PARAMETERS, msg)
        entry = Entry(move=Move.PAYOUT, amount=self.amount, solver=self.solver, note=self.note)
        return Changes(entries=(entry,)), Micros(owed - self.amount)
