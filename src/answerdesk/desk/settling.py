"""How a task goes on once something was said: judged, then settled or put back in the queue with a new want.
Rule: the only place where money follows a verdict; charges once, releases once."""

from __future__ import annotations

import msgspec

from answerdesk.desk.ports import NO_CHANGES, Changes, Rows, together
from answerdesk.model.account import DAY_MS, Millis, Purse
from answerdesk.model.answer import Lease, Outcome, trail_of
from answerdesk.model.callback import Callback, host_of
from answerdesk.model.fair import Flow, Line, joined, line_of
from answerdesk.model.fault import Refusal
from answerdesk.model.judge import Settled, Unsolvable, judge
from answerdesk.model.money import Entry, Micros, Move
from answerdesk.model.sandbox import Answered
from answerdesk.model.script import read_script
from answerdesk.model.standing import marks
from answerdesk.model.task import Cause, Route, State, Task, Trail, Want, moved
from answerdesk.model.trust import compared

replace = msgspec.structs.replace
_encode = msgspec.json.Encoder().encode


#: What a task comes to: a solver's answer, a script's, or why there is none.
End = Lease | Answered | Cause


def judged(task: Task, said: tuple[Lease, ...], rows: Rows, now: Millis) -> Task | End:
    """Ask the judge: an open task with its new want, or what it comes to.

    A task whose question or answers cannot be read any more has no solution, and keeps no other from being judged.
    """
    if task.trail is Trail.SANDBOX and (scripted := _as_scripted(task)) is not None:
        return scripted
    if now >= task.deadline:
        return Cause.OVERDUE
    had = {lease.solver for lease in said if lease.shown or lease.live(now)}
    staff = rows.staff((task.kind, task.lang, task.group), now, had)
    try:
        verdict = judge(task.asked(), said, staff, rows.house.rules_for(task.type), (task.created, now))
    except msgspec.MsgspecError:
        return Cause.UNDECODABLE
    match verdict:
        case Want() as want:
            return wanted(task, want, said, now)
        case Settled(lease):
            return lease
        case Unsolvable(cause):
            return cause


def _as_scripted(task: Task) -> Answered | Cause | None:
    """Give what the script of a sandbox account's task says, at the time at which it says so; None without a script.

    Whoever comes late finds the same: a script that waits for longer than the task's time finds nobody there.
    """
    try:
        question = task.legible()
        answered = None if question is None else read_script(question)
    except Refusal:
        # Of a version that understands other scripts.
        return Cause.UNDECODABLE
    late = answered is not None and task.created + answered.delay_ms >= task.deadline
    return Cause.OVERDUE if late else answered


def wanted(task: Task, want: Want, said: tuple[Lease, ...], now: Millis) -> Task:
    """Put a want on the task's row, where claims find it by one index scan."""
    return replace(
        task,
        route=want.route,
        slots=want.slots,
        free_at=free_at(want.slots, said, now),
        review_at=min(want.until, task.deadline),
    )


def free_at(slots: int, said: tuple[Lease, ...], now: Millis) -> Millis:
    """Give the time from which fewer leases than slots are live: 0 for now."""
    ends = sorted(lease.until for lease in said if lease.live(now))
    return ends[len(ends) - slots] if len(ends) >= slots else Millis(0)


def go_on(task: Task, rows: Rows, now: Millis) -> Changes:
    """Judge an open task anew and write what follows."""
    said = rows.said(task.n)
    verdict = judged(task, said, rows, now)
    if isinstance(verdict, Task):
        return together([Changes(tasks=(verdict,)), queued(verdict, rows)])
    return settle(task, verdict, rows, now)


def queued(task: Task, rows: Rows, weight: int = 0) -> Changes:
    """See that claims find an open task: that its line is there and its account's flow in it is active.

    A flow that is there keeps its weight; a new one has the weight given, or with 0 that of another of the account's.
    """
    name = line_of(task)
    if task.route is Route.NOBODY:
        return NO_CHANGES
    line, flow = rows.lines.get(name), rows.flows.get((task.account, name))
    if line is not None and flow is not None and flow.active:
        return NO_CHANGES
    if flow is not None or not weight:
        others = (each.weight for each in rows.flows.values() if each.account == task.account)
        weight = flow.weight if flow else next(others, 1)
    kind, group, route = name
    line = line or Line(kind=kind, group=group, route=route)
    flow = flow or Flow(account=task.account, kind=kind, group=group, route=route)
    return Changes(lines=() if name in rows.lines else (line,), flows=(joined(flow, line, weight),))


def settle(task: Task, verdict: End, rows: Rows, now: Millis) -> Changes:
    """Bring an open task to its one final state: charge and pay for a solution, release the price for none."""
    said = rows.said(task.n)
    cause, solution = _end(verdict)
    state = moved(task.state, cause)
    ready = state is State.READY
    settled = replace(
        task,
        state=state,
        cause=cause,
        route=0,
        slots=0,
        ended=now,
        place=rows.settled + 1,
        solution=solution,
        solve_count=sum(attempted(lease) for lease in said),
        trail=Trail.SANDBOX if isinstance(verdict, Answered) else trail_of(said),
    )
    purse = _let_go(rows.purses[task.account], task, now, charged=ready)
    move = Move.CHARGE if ready else Move.RELEASE
    entries = (Entry(move=move, amount=task.price, account=task.account, task=task.n),) if task.price else ()
    return Changes(
        tasks=(settled,), purses=(purse,), entries=entries, callbacks=owed_for(task, now), settled=settled.place,
        marks=marks(task, settled, said), comparisons=compared(task, settled, said, rows.house.rules_for(task.type)),
    )  # fmt: skip


def _end(verdict: End) -> tuple[Cause, bytes]:
    """Give why a task ends, and its solution in JSON, empty for none."""
    match verdict:
        case Lease():
            return Cause.SOLVED, verdict.said
        case Answered(solution=None):
            return verdict.cause, b""
        case Answered():
            return Cause.SOLVED, _encode(verdict.solution)
    return verdict, b""


def attempted(lease: Lease) -> bool:
    """Whether a lease counts in `solveCount`: answers and declines, but not a machine's abstention (PROTOCOL §3.2)."""
    return lease.outcome is Outcome.ANSWERED or (lease.outcome is Outcome.DECLINED and not lease.machine)


def owed_for(task: Task, now: Millis) -> tuple[Callback, ...]:
    """Owe the callback of a task that settles, where the client wants one."""
    if not task.callback:
        return ()
    return (Callback(n=task.n, account=task.account, url=task.callback, host=host_of(task.callback) or "", due=now),)


def _let_go(purse: Purse, task: Task, now: Millis, *, charged: bool) -> Purse:
    same_day = purse.day == now // DAY_MS == task.created // DAY_MS
    return replace(
        purse,
        held=Micros(purse.held - task.price),
        balance=Micros(purse.balance + (0 if charged else task.price)),
        open_tasks=purse.open_tasks - 1,
        spent=Micros(purse.spent - (task.price if same_day and not charged else 0)),
    )
