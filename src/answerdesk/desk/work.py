"""The solvers' use cases: claim, answer, decline, and taking leases back. The same verbs for people and machines.
Rule: authority is checked when something is said, not at the claim; the same words again get the same reply."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from answerdesk.desk.hunt import Hunt
from answerdesk.desk.ports import NO_CHANGES, Changes, House, Needs, Rows
from answerdesk.desk.settling import free_at, go_on, settle
from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.answer import Decline, Lease, Outcome, Verdict, Why, token_of
from answerdesk.model.catalog import CATALOG
from answerdesk.model.fair import Flow, Line, LineName, line_of, served
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.money import NOTHING, Entry, Micros, Move
from answerdesk.model.question import Kind
from answerdesk.model.solver import Solver, SolverId
from answerdesk.model.standing import Mark
from answerdesk.model.task import GIVEN_UP, Cause, Permutation, Route, Task, Trail
from answerdesk.model.values import accept

replace = msgspec.structs.replace
_encode = msgspec.json.Encoder(order="deterministic").encode

MACHINE_LEASE_MS = 15_000
PERSON_LEASE_MS = 60_000
#: How long a task is set aside for somebody who is busy with another, unless kept.
RESERVE_MS = 20_000
#: How many leases of one task a solver may see and let end without a word. A machine that died is restarted under
#: its name and must get its tasks back, but not for ever those that kill it; a person never sees a task a second time.
MACHINE_TRIES = 3
PERSON_TRIES = 1
#: How stale a solver's "seen" may be before a claim writes it anew: far below the minute of a shift.
SEEN_EVERY_MS = 10_000

UNKNOWN_LEASE = "no lease of this worker has this name"


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Give a solver leases on the best open tasks it may have; `names` are fresh lease tokens, one per place."""

    solver: Solver
    kinds: tuple[Kind, ...]
    names: tuple[str, ...]
    #: Whether to set the tasks aside only: their time runs from when they are shown.
    reserve: bool = False
    #: Makes the ids by which tokens name their tasks. Without it they name none, and not every store finds them again.
    ids: Permutation | None = None

    @property
    def needs(self) -> Needs:
        """The best tasks of the granted kinds."""
        return Needs(hunt=self.hunt)

    @property
    def hunt(self) -> Hunt:
        """Where the solver may look, and for how much."""
        solver = self.solver
        return Hunt(
            solver=solver.id,
            kinds=tuple(kind for kind in dict.fromkeys(self.kinds) if solver.may_have(kind, None)),
            route=Route.MACHINES if solver.machine else Route.PEOPLE,
            languages=tuple(sorted(solver.languages)),
            groups=("", *sorted(solver.groups)),
            most=len(self.names),
            tries=self._tries,
        )

    @property
    def _tries(self) -> int:
        return MACHINE_TRIES if self.solver.machine else PERSON_TRIES

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, list[tuple[Lease, Task]]]:
        """Take what the hunt found, as long as a place is free."""
        lasts = RESERVE_MS if self.reserve else lasts_for(machine=self.solver.machine)
        given: list[tuple[Lease, Task]] = []
        # The hunt may have looked before others were done with these tasks, and before what this very call says.
        found = (n for n in rows.found if self._may_have(n, rows) and not self._had(rows.said(n), now))
        for name, n in zip(self.names, found, strict=False):
            task = rows.tasks[n]
            lease = Lease(
                token=token_of(name, self.ids.show(n)) if self.ids else name,
                task=n,
                account=task.account,
                solver=self.solver.id,
                machine=self.solver.machine,
                given=now,
                until=until(task, now, lasts),
                pay=self._pay(rows.house, task),
                shown=Millis(0) if self.reserve else now,
            )
            given.append((lease, replace(task, free_at=free_at(task.slots, (*rows.said(n), lease), now))))
        lines, flows = _turns_taken([task for _, task in given], rows)
        return Changes(
            leases=tuple(lease for lease, _ in given),
            tasks=tuple(task for _, task in given),
            lines=lines,
            flows=(*flows, *_idle(rows)),
            seen=self._seen(rows.house, now),
        ), given

    def _may_have(self, n: Sequence, rows: Rows) -> bool:
        """Tell whether the solver may still have what it looked for: while it waited, it may have been switched off."""
        task = rows.tasks[n]
        present = next((one for one in rows.house.solvers if one.id == self.solver.id), self.solver)
        return present.may_have(task.kind, task.lang, task.group)

    def _had(self, said: tuple[Lease, ...], now: Millis) -> bool:
        """Tell whether a task is none that the solver hunts for: it holds it, spoke of it, or saw it often enough."""
        own = [lease for lease in said if lease.solver == self.solver.id]
        shown = sum(lease.shown > 0 for lease in own)
        return shown >= self._tries or any(lease.live(now) or lease.outcome in _SPOKEN for lease in own)

    def _pay(self, house: House, task: Task) -> Micros:
        if task.trail is Trail.SANDBOX:
            # Its account tries something out, and pays nothing for it.
            return NOTHING
        if self.solver.machine:
            row = CATALOG.get(task.type)
            return row.machine_pay if row else NOTHING
        return house.price(task.account, task.type).pay

    def _seen(self, house: House, now: Millis) -> tuple[Solver, ...]:
        for solver in house.solvers:
            if solver.id == self.solver.id and now - solver.seen >= SEEN_EVERY_MS:
                return (replace(solver, seen=now),)
        return ()


#: How a lease ends with words.
_SPOKEN = frozenset({Outcome.ANSWERED, Outcome.DECLINED})


def _turns_taken(tasks: list[Task], rows: Rows) -> tuple[tuple[Line, ...], tuple[Flow, ...]]:
    """Let the lines and flows of claimed tasks move on, each by a turn for each task."""
    lines: dict[LineName, Line] = {}
    flows: dict[tuple[AccountId, LineName], Flow] = {}
    latest = max((line.served for line in rows.lines.values()), default=0)
    for at, task in enumerate(tasks, latest + 1):
        name = line_of(task)
        place = (task.account, name)
        flow, line = flows.get(place) or rows.flows[place], lines.get(name) or rows.lines[name]
        flows[place], lines[name] = served(flow, line, at)
    return tuple(lines.values()), tuple(flows.values())


def _idle(rows: Rows) -> Iterator[Flow]:
    """Give the flows that no claim need look at until they have tasks again."""
    if not rows.idle:
        return
    # What was said in this very call may have put a task where the hunt saw none.
    queued = {(task.account, line_of(task)) for task in rows.tasks.values() if not task.settled}
    for place in rows.idle - queued:
        if rows.flows[place].active:
            yield replace(rows.flows[place], active=False)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Say a value for a leased task."""

    solver: Solver
    lease: str
    value: object
    confidence: float | None = None

    @property
    def needs(self) -> Needs:
        """The lease with its task."""
        return Needs(leases=(self.lease,))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Verdict]:
        """Accept while the task wants it; pay what was in time even when it no longer does."""
        lease, task = own(self.lease, self.solver, rows)
        if (question := task.legible()) is None:
            # It cannot be held against what was asked; the task ends.
            ended = NO_CHANGES if task.settled else settle(task, Cause.UNDECODABLE, rows, now)
            return ended, Verdict(accepted=False, why=Why.SETTLED)
        said = _encode(accept(question, self.value))
        confidence = _confidence(self.confidence) if self.solver.machine else None
        spoken = replace(lease, outcome=Outcome.ANSWERED, said=said, confidence=confidence, ended=now)
        return _say(spoken, lease, task, rows, now)


class GiveBack(msgspec.Struct, frozen=True, kw_only=True):
    """Decline a leased task. A machine's decline is an abstention."""

    solver: Solver
    lease: str
    reason: Decline

    @property
    def needs(self) -> Needs:
        """The lease with its task."""
        return Needs(leases=(self.lease,))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Verdict]:
        """Accept while the task is open; declines earn nothing."""
        lease, task = own(self.lease, self.solver, rows)
        spoken = replace(lease, outcome=Outcome.DECLINED, said=_encode(self.reason), ended=now)
        return _say(spoken, lease, task, rows, now)


class Free(msgspec.Struct, frozen=True, kw_only=True):
    """Take back every live lease of some solvers; gives how many."""

    solvers: tuple[SolverId, ...]

    @property
    def needs(self) -> Needs:
        """Their live leases."""
        return Needs(leases_of=self.solvers)

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, int]:
        """Revoke, so that the tasks can be claimed again at once."""
        freed = [lease for lease in rows.leases.values() if lease.solver in self.solvers and lease.live(now)]
        revoked = tuple(replace(lease, outcome=Outcome.REVOKED, ended=now) for lease in freed)
        for lease in revoked:
            rows.hold(lease)
        return Changes(leases=revoked, tasks=reopened(revoked, rows, now)), len(freed)


def reopened(leases: tuple[Lease, ...], rows: Rows, now: Millis) -> tuple[Task, ...]:
    """Tell from when the places of these leases' open tasks are free, after the leases have changed in `rows`."""
    tasks = {lease.task: rows.tasks[lease.task] for lease in leases if lease.task in rows.tasks}
    still_open = (task for task in tasks.values() if not task.settled)
    return tuple(replace(task, free_at=free_at(task.slots, rows.said(task.n), now)) for task in still_open)


def lasts_for(*, machine: bool) -> int:
    """Give how long a solver has for what it was shown."""
    return MACHINE_LEASE_MS if machine else PERSON_LEASE_MS


def until(task: Task, now: Millis, lasts: int) -> Millis:
    """Give when a lease ends that is to last so long: never after its task's own time."""
    return Millis(min(now + lasts, max(task.deadline, now + 1)))


class Spoil(msgspec.Struct, frozen=True, kw_only=True):
    """Fail the task of a lease because its question or media cannot be decoded; gives whether it was open."""

    lease: str

    @property
    def needs(self) -> Needs:
        """The lease with its task."""
        return Needs(leases=(self.lease,))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, bool]:
        """Settle as undecodable."""
        lease = rows.leases.get(self.lease)
        task = rows.tasks.get(lease.task) if lease else None
        if task is None or task.settled:
            return NO_CHANGES, False
        return settle(task, Cause.UNDECODABLE, rows, now), True


def own(token: str, solver: Solver, rows: Rows) -> tuple[Lease, Task]:
    """Find the solver's own lease; another's is as unknown as none."""
    lease = rows.leases.get(token)
    if lease is None or lease.solver != solver.id:
        raise Refusal(Fault.NO_SUCH_CAPCHA_ID, UNKNOWN_LEASE)
    task = rows.tasks.get(lease.task)
    if task is None:
        raise Refusal(Fault.NO_SUCH_CAPCHA_ID, UNKNOWN_LEASE)
    return lease, task


#: What is told to words that come after a lease ended without any.
_UNSAID = {Outcome.REVOKED: Why.REVOKED, Outcome.RELEASED: Why.EXPIRED}


def _repeat(lease: Lease, spoken: Lease) -> Verdict:
    """Answer for a lease that has ended: the same words get the reply they got."""
    if lease.outcome in _UNSAID:
        return Verdict(accepted=False, why=_UNSAID[lease.outcome])
    if lease.verdict is not None and (lease.outcome, lease.said) == (spoken.outcome, spoken.said):
        return lease.verdict
    return Verdict(accepted=False, why=Why.SETTLED)


def _say(spoken: Lease, lease: Lease, task: Task, rows: Rows, now: Millis) -> tuple[Changes, Verdict]:
    """Book what was said, or say why it is not wanted."""
    if lease.outcome is not None:
        return NO_CHANGES, _repeat(lease, spoken)
    why = _unwanted(lease, task, rows.said(task.n), now)
    earns = spoken.outcome is Outcome.ANSWERED and (why is None or lease.live(now))
    paid = lease.pay if earns else NOTHING
    verdict = Verdict(accepted=why is None, why=why, paid=paid)
    # Who says something of a task has seen it, whether it was told or not.
    spoken = replace(spoken, verdict=verdict, shown=lease.shown or now)
    pay = Entry(move=Move.PAY, amount=paid, solver=lease.solver, task=lease.task)
    entries = (pay,) if paid else ()
    if why is not None:
        return Changes(leases=(spoken,), entries=entries), verdict
    rows.hold(spoken)
    after = go_on(task, rows, now)
    told = (Mark(solver=lease.solver, said=1),) if spoken.outcome is Outcome.ANSWERED else ()
    return replace(after, leases=(spoken,), entries=(*after.entries, *entries), marks=(*told, *after.marks)), verdict


def _has_said(solver: SolverId, said: tuple[Lease, ...]) -> bool:
    """Tell whether something a solver said of a task was accepted, under whichever of its leases."""
    return any(lease.solver == solver and lease.stands for lease in said)


def _unwanted(lease: Lease, task: Task, said: tuple[Lease, ...], now: Millis) -> Why | None:
    """Tell why an answer is not wanted; a late one is, while its task has a place free for it."""
    if task.cause in GIVEN_UP:
        return Why.CANCELLED
    if task.settled:
        return Why.SETTLED
    if now >= task.deadline or _has_said(lease.solver, said):
        return Why.EXPIRED
    wanted = task.route & (Route.MACHINES if lease.machine else Route.PEOPLE)
    return None if lease.live(now) or (wanted and task.free_at <= now) else Why.EXPIRED


def _confidence(value: float | None) -> float:
    """A machine that says nothing of its confidence is taken to be sure."""
    return 1.0 if value is None else value
