"""How a task goes on once something was said: judged, then settled or put back in the queue with a new want.
Rule: the only place where money follows a verdict; charges once, releases once."""

from __future__ import annotations

import msgspec

from answerdesk.desk.ports import NO_CHANGES, Changes, Rows, together
from answerdesk.model.account import DAY_MS, Millis, Purse
from answerdesk.model.answer import Lease, Outcome, trail_of
from answerdesk.model.callback import Callback, host_of
from answerdesk.model.fair import Flow, Line, joined, line_of
from answerdesk.model.judge import Settled, Unsolvable, judge
from answerdesk.model.money import Entry, Micros, Move
from answerdesk.model.standing import marks
from answerdesk.model.task import Cause, Route, State, Task, Want, moved
from answerdesk.model.trust import compared

replace = msgspec.structs.replace


def judged(task: Task, said: tuple[Lease, ...], rows: Rows, now: Millis) -> Task | Lease | Cause:
    """Ask the judge: an open task with its new want, the lease whose answer is the solution, or why there is none.

    A task whose question or answers cannot be read any more has none, and keeps no other from being judged.
    """
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


def settle(task: Task, verdict: Lease | Cause, rows: Rows, now: Millis) -> Changes:
    """Bring an open task to its one final state: charge and pay for a solution, release the price for none."""
    said = rows.said(task.n)
    cause = verdict if isinstance(verdict, Cause) else Cause.SOLVED
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
        solution=verdict.said if isinstance(verdict, Lease) else b"",
        solve_count=sum(attempted(lease) for lease in said),
        trail=trail_of(said),
    )
    purse = _let_go(rows.purses[task.account], task, now, charged=ready)
    move = Move.CHARGE if ready else Move.RELEASE
    entries = (Entry(move=move, amount=task.price, account=task.account, task=task.n),) if task.price else ()
    return Changes(
        tasks=(settled,), purses=(purse,), entries=entries, callbacks=owed_for(task, now), settled=settled.place,
        marks=marks(task, settled, said), comparisons=compared(task, settled, said, rows.house.rules_for(task.type)),
    )  # fmt: skip


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
