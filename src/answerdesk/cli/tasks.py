"""The verb `tasks`: what was asked, what was said of it and what it cost.
Rule: tasks are named by their public ids, and media are never shown."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import click
import msgspec

from answerdesk.cli import out
from answerdesk.cli.ends import DONE, FAILED, Failed
from answerdesk.cli.home import Home, of_home
from answerdesk.cli.opened import find_account, with_desk
from answerdesk.desk.orders import End
from answerdesk.desk.ports import Listing
from answerdesk.desk.store import DeskStore
from answerdesk.model.account import Millis
from answerdesk.model.answer import Lease
from answerdesk.model.fault import Refusal
from answerdesk.model.task import LARGEST_ID, Cause, Permutation, State, Task, TaskId
from answerdesk.store.folder import Wall

_STATES: Final = {state.name.lower(): state for state in State}
_ID: Final = click.IntRange(1, LARGEST_ID)
#: Characters of an answer in a table.
WIDEST: Final = 40


@click.group()
def tasks() -> None:
    """Tasks are named by the ids their clients were given."""


@tasks.command("list")
@click.option("--account", help="Only this account's, by name or id.")
@click.option("--state", type=click.Choice(list(_STATES)), help="Only those in this state.")
@click.option("--before", type=_ID, help="Only those made before this task, to read on from a list's end.")
@click.option("--most", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@of_home
def list_(account: str | None, state: str | None, before: int | None, most: int, home: Home, as_json: bool) -> None:
    """List tasks, newest first."""

    async def act(store: DeskStore) -> list[out.Record]:
        ids = Permutation(store.permutation_key)
        names = {one.id: one.name for one, _ in await store.accounts()}
        listing = Listing(
            account=(await find_account(store, account))[0].id if account else None,
            state=_STATES[state] if state else None,
            before=ids.find(TaskId(before)) if before else None,
            most=most,
        )
        return [_record(task, ids, names.get(task.account)) for task in await store.tasks(listing)]

    found = with_desk(home, act)
    if not as_json:
        found = [{**record, "answer": out.cell(record["answer"])[:WIDEST]} for record in found]
    columns = ("id", "account", "type", "state", "cause", "price", "created", "answer")
    out.table(found, columns, as_json=as_json, none="There are no such tasks.")


@tasks.command("show")
@click.argument("task", type=_ID, help="A task's id.")
@of_home
def show(task: int, home: Home, as_json: bool) -> None:
    """Show a task: what was asked, who said what of it, and what became of its money."""

    async def act(store: DeskStore) -> tuple[dict[str, Any], list[out.Record]]:
        ids = Permutation(store.permutation_key)
        n = ids.find(TaskId(task))
        found = await store.task(n)
        if found is None:
            raise Failed(f"there is no task {task}: it is unknown, expired or was deleted")
        names = {one.id: one.name for one, _ in await store.accounts()}
        workers = {one.id: one.name for one in store.house().solvers}
        now = Wall().now()
        said = [_said(lease, workers.get(lease.solver), now) for lease in await store.leases(n)]
        callback, tries = await store.attempts(n)
        more = {
            "money": _money(found),
            "deadline": out.moment(found.deadline),
            "lang": found.lang,
            "ip": found.ip,
            "report_reason": found.report_reason,
            "callback": callback and {"host": callback.host, "state": callback.state, "tries": len(tries)},
            "question": msgspec.to_builtins(found.legible()),
        }
        return {**_record(found, ids, names.get(found.account)), **more}, said

    record, said = with_desk(home, act)
    if as_json:
        out.document({**record, "said": said})
        return
    question = record.pop("question") or {}
    out.facts({**record, **{f"asked {name}": value for name, value in question.items()}}, as_json=False)
    click.echo()
    columns = ("worker", "outcome", "value", "confidence", "given", "until", "accepted", "paid")
    out.table(said, columns, as_json=False, none="Nobody was given it yet.")


@tasks.command("cancel")
@click.argument("task", type=_ID, nargs=-1, required=True, help="Tasks' ids.")
@of_home
def cancel(task: tuple[int, ...], home: Home, as_json: bool) -> int:
    """Fail open tasks and give their price back; settled ones stay as they are."""

    async def act(store: DeskStore) -> list[out.Record]:
        ids = Permutation(store.permutation_key)
        verbs = [End(n=ids.find(TaskId(one)), cause=Cause.CANCELLED) for one in task]
        ends = await asyncio.gather(*map(store.run, verbs), return_exceptions=True)
        return [_cancelled(one, end) for one, end in zip(task, ends, strict=True)]

    done = with_desk(home, act)
    out.table(done, ("id", "cancelled", "why"), as_json=as_json, none="")
    return DONE if all(record["cancelled"] for record in done) else FAILED


def _cancelled(task: int, end: bool | BaseException) -> out.Record:
    if isinstance(end, Refusal):
        return {"id": task, "cancelled": False, "why": "unknown, expired or deleted"}
    if isinstance(end, BaseException):
        raise end
    return {"id": task, "cancelled": end, "why": None if end else "settled already"}


def _record(task: Task, ids: Permutation, account: str | None) -> dict[str, Any]:
    return {
        "id": ids.show(task.n),
        "account": account,
        "type": task.type,
        "kind": str(task.kind),
        "state": task.state.name.lower(),
        "cause": task.cause and str(task.cause),
        "price": out.cost(task.price),
        "answer": msgspec.json.decode(task.solution) if task.solution else None,
        "solve_count": task.solve_count,
        "settled_by": str(task.trail) if task.trail and task.settled else None,
        "report": task.report,
        "created": out.moment(task.created),
        "ended": out.moment(task.ended),
    }


def _money(task: Task) -> str:
    """Tell what became of the price that was set aside."""
    if task.refunded:
        return "charged, then refunded"
    return {State.OPEN: "set aside", State.READY: "charged", State.FAILED: "given back"}[task.state]


def _said(lease: Lease, worker: str | None, now: Millis) -> out.Record:
    outcome = str(lease.outcome) if lease.outcome else ("at work" if lease.live(now) else "ran out")
    return {
        "worker": worker,
        "machine": lease.machine,
        "outcome": outcome,
        "value": msgspec.json.decode(lease.said) if lease.said else None,
        "confidence": lease.confidence,
        "given": out.moment(lease.given),
        "until": out.moment(lease.until),
        "ended": out.moment(lease.ended),
        "accepted": lease.verdict and lease.verdict.accepted,
        "paid": out.cost(lease.verdict.paid) if lease.verdict else None,
    }
