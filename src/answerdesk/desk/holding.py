"""What a solver does with the leases it holds: show, keep, extend, release, undo, and all of a turn at once.
Rule: a place is held by a live lease alone, and nothing here gives a task one place more than the judge wants."""

from __future__ import annotations

import msgspec

from answerdesk.desk.ports import NO_CHANGES, Changes, Needs, Rows, together
from answerdesk.desk.settling import free_at, judged, queued
from answerdesk.desk.work import RESERVE_MS, Answer, Claim, GiveBack, lasts_for, own, reopened, until
from answerdesk.model.account import Millis
from answerdesk.model.answer import Lapse, Lease, Outcome, Verdict
from answerdesk.model.fault import Refusal
from answerdesk.model.money import NOTHING, Entry, Move
from answerdesk.model.solver import Solver
from answerdesk.model.standing import Mark
from answerdesk.model.task import GIVEN_UP, Route, Task

replace = msgspec.structs.replace

#: What one extension adds to a lease.
EXTEND_MS = 30_000
#: How long a reservation may be kept in all: longer than an extended lease on the task before it.
KEEP_MS = 120_000


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A lease with its task as they stand after a verb, or why the verb could do nothing."""

    lease: Lease
    task: Task
    why: Lapse | None = None


class _OfLease(msgspec.Struct, frozen=True, kw_only=True):
    """A verb over one lease of a solver."""

    solver: Solver
    lease: str

    @property
    def needs(self) -> Needs:
        """The lease with its task."""
        return Needs(leases=(self.lease,))


class Show(_OfLease, frozen=True, kw_only=True):
    """Start the time of a reserved lease: its holder sees the task now."""

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Held]:
        """Count from the first time that it was shown."""
        lease, task = own(self.lease, self.solver, rows)
        why = _lapsed(lease, task, now)
        if why or lease.shown:
            return NO_CHANGES, Held(lease=lease, task=task, why=why)
        shown = replace(lease, shown=now, until=until(task, now, lasts_for(machine=lease.machine)))
        return _held(shown, task, rows, now)


class Keep(_OfLease, frozen=True, kw_only=True):
    """Set a reserved task aside for longer; one that is shown runs on as it does."""

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Held]:
        """Never keep a task from others for longer than somebody may be busy with another."""
        lease, task = own(self.lease, self.solver, rows)
        why = _lapsed(lease, task, now)
        if why or lease.shown:
            return NO_CHANGES, Held(lease=lease, task=task, why=why)
        kept = min(until(task, now, RESERVE_MS), lease.given + KEEP_MS)
        return _held(replace(lease, until=Millis(max(lease.until, kept))), task, rows, now)


class Extend(_OfLease, frozen=True, kw_only=True):
    """Give more time for a task that is shown, once: the same call again is told the same time."""

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Held]:
        """Stay within the task's own time."""
        lease, task = own(self.lease, self.solver, rows)
        why = _lapsed(lease, task, now) or (Lapse.RESERVED if lease.reserved else None)
        if why is None and not lease.extended and lease.until >= task.deadline:
            why = Lapse.DEADLINE
        if why or lease.extended:
            return NO_CHANGES, Held(lease=lease, task=task, why=why)
        longer = Millis(min(lease.until + EXTEND_MS, task.deadline))
        return _held(replace(lease, until=longer, extended=True), task, rows, now)


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """Give up leases without a word; gives how many were live. Those of others are as unknown as none."""

    solver: Solver
    leases: tuple[str, ...]

    @property
    def needs(self) -> Needs:
        """The leases with their tasks."""
        return Needs(leases=self.leases)

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, int]:
        """Open the places to others at once."""
        found = (rows.leases.get(token) for token in dict.fromkeys(self.leases))
        given_up = tuple(
            replace(lease, outcome=Outcome.RELEASED, ended=now)
            for lease in found
            if lease is not None and lease.solver == self.solver.id and lease.live(now)
        )
        if not given_up:
            return NO_CHANGES, 0
        for lease in given_up:
            rows.hold(lease)
        return Changes(leases=given_up, tasks=reopened(given_up, rows, now)), len(given_up)


class Undo(_OfLease, frozen=True, kw_only=True):
    """Withdraw what was said while its task is open: its pay is taken back and the lease is live again."""

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Held]:
        """Give the place back to its holder if the judge still wants it and nobody else has it."""
        lease, task = own(self.lease, self.solver, rows)
        if lease.live(now) and lease.shown and not task.settled:
            return NO_CHANGES, Held(lease=lease, task=task)
        why = _lapsed(lease, task, now) or Lapse.RESERVED
        if why is Lapse.SAID and not lease.stands:
            why = Lapse.EXPIRED
        if why is not Lapse.SAID:
            return NO_CHANGES, Held(lease=lease, task=task, why=why)
        again = replace(
            lease, outcome=None, said=b"", confidence=None, verdict=None, ended=Millis(0),
            until=until(task, now, lasts_for(machine=lease.machine)),
        )  # fmt: skip
        return self._reopen(lease, again, rows, now)

    def _reopen(self, lease: Lease, again: Lease, rows: Rows, now: Millis) -> tuple[Changes, Held]:
        task = rows.tasks[lease.task]
        others = tuple(each for each in rows.said(task.n) if each.token != lease.token)
        judgement = judged(task, others, rows, now)
        if not isinstance(judgement, Task):
            return NO_CHANGES, Held(lease=lease, task=task, why=Lapse.DEADLINE)
        side = Route.MACHINES if lease.machine else Route.PEOPLE
        if not judgement.route & side or judgement.free_at > now:
            return NO_CHANGES, Held(lease=lease, task=task, why=Lapse.TAKEN)
        task = replace(judgement, free_at=free_at(judgement.slots, (*others, again), now))
        paid = lease.verdict.paid if lease.verdict else NOTHING
        back = Entry(move=Move.UNPAY, amount=paid, solver=lease.solver, task=lease.task) if paid else None
        unsaid = (Mark(solver=lease.solver, said=-1),) if lease.outcome is Outcome.ANSWERED else ()
        changes = Changes(leases=(again,), tasks=(task,), entries=(back,) if back else (), marks=unsaid)
        return together([changes, queued(task, rows)]), Held(lease=again, task=task)


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a turn."""

    verdict: Verdict
    #: What became of the lease to be shown, and why not; None where none was named.
    shown: Held | Lapse | None = None
    given: list[tuple[Lease, Task]] = []


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """Say something, show what was reserved and claim what comes next, in one unit; who is refused gets nothing."""

    said: Answer | GiveBack
    show: str | None = None
    claim: Claim | None = None

    @property
    def needs(self) -> Needs:
        """What all of it needs."""
        leases = self.said.needs.leases + ((self.show,) if self.show is not None else ())
        return Needs(leases=leases, hunt=self.claim.hunt if self.claim else None)

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Done]:
        """Decide one after the other, each on what the one before leaves."""
        changes, verdict = self.said.decide(rows, now)
        steps = [changes]
        rows.absorb(changes)
        shown: Held | Lapse | None = None
        if self.show is not None:
            changes, shown = self._shown(self.show, rows, now)
            steps.append(changes)
            rows.absorb(changes)
        given: list[tuple[Lease, Task]] = []
        if self.claim is not None:
            changes, given = self.claim.decide(rows, now)
            steps.append(changes)
        return together(steps), Done(verdict=verdict, shown=shown, given=given)

    def _shown(self, token: str, rows: Rows, now: Millis) -> tuple[Changes, Held | Lapse]:
        """Show a lease; one that is unknown must not cost the answer it came with."""
        try:
            return Show(solver=self.said.solver, lease=token).decide(rows, now)
        except Refusal:
            return NO_CHANGES, Lapse.EXPIRED


def _held(lease: Lease, task: Task, rows: Rows, now: Millis) -> tuple[Changes, Held]:
    """Write a live lease whose time has changed, and from when its task's places are free."""
    said = tuple(lease if each.token == lease.token else each for each in rows.said(task.n))
    task = replace(task, free_at=free_at(task.slots, said, now))
    return Changes(leases=(lease,), tasks=(task,)), Held(lease=lease, task=task)


_ENDED = {
    Outcome.ANSWERED: Lapse.SAID,
    Outcome.DECLINED: Lapse.SAID,
    Outcome.REVOKED: Lapse.REVOKED,
    Outcome.RELEASED: Lapse.EXPIRED,
}


def _lapsed(lease: Lease, task: Task, now: Millis) -> Lapse | None:
    """Tell why a lease no longer gives its holder anything."""
    if task.settled:
        return Lapse.CANCELLED if task.cause in GIVEN_UP else Lapse.SETTLED
    if lease.outcome is not None:
        return _ENDED[lease.outcome]
    return None if lease.live(now) else Lapse.EXPIRED
