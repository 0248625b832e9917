"""Use cases of callbacks: book what came of a try, and owe one anew.
Rule: a callback is owed by the settling unit itself; here it only moves on."""

from __future__ import annotations

import msgspec

from answerdesk.desk.ports import NO_CHANGES, Changes, Needs, Rows
from answerdesk.model.account import Millis, Sequence
from answerdesk.model.callback import Attempt, Callback, Delivery, after
from answerdesk.model.fault import Fault, Refusal

NO_CALLBACK = "this task has no callback, or its time is past"


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """Book one try of a callback; gives the callback as it then stands, None when it was forgotten meanwhile."""

    attempt: Attempt

    @property
    def needs(self) -> Needs:
        """The callback."""
        return Needs(callbacks=(self.attempt.n,))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Callback | None]:
        """Move it along its schedule; a try of one that is no longer owed is only kept in the log."""
        del now
        callback = rows.callbacks.get(self.attempt.n)
        if callback is None:
            return NO_CHANGES, None
        if callback.state is not Delivery.OWED:
            return Changes(attempts=(self.attempt,)), callback
        moved = after(callback, self.attempt)
        return Changes(callbacks=(moved,), attempts=(self.attempt,)), moved


class Redeliver(msgspec.Struct, frozen=True, kw_only=True):
    """Owe a callback anew, with its whole schedule before it."""

    n: Sequence

    @property
    def needs(self) -> Needs:
        """The callback."""
        return Needs(callbacks=(self.n,))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Callback]:
        """Refuse where there never was one."""
        callback = rows.callbacks.get(self.n)
        if callback is None:
            raise Refusal(Fault.NO_SUCH_CAPCHA_ID, NO_CALLBACK)
        owed = msgspec.structs.replace(callback, state=Delivery.OWED, tries=0, due=now)
        return Changes(callbacks=(owed,)), owed
