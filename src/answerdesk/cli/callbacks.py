"""The verb `callbacks`: what became of the posts that tasks owe, and owing one anew.
Rule: tasks are named by their public ids; what is owed anew is posted by the running server."""

from __future__ import annotations

import asyncio

import click

from answerdesk.cli import out
from answerdesk.cli.ends import DONE, FAILED, Failed
from answerdesk.cli.home import Home, of_home
from answerdesk.cli.opened import with_desk
from answerdesk.desk.callbacks import NO_CALLBACK, Redeliver
from answerdesk.desk.store import DeskStore
from answerdesk.model.callback import Attempt, Callback, Delivery
from answerdesk.model.fault import Refusal
from answerdesk.model.task import LARGEST_ID, Permutation, TaskId

_ID = click.IntRange(1, LARGEST_ID)


@click.group()
def callbacks() -> None:
    """A callback is owed from the moment its task is settled, and tried for more than a day."""


@callbacks.command("show")
@click.argument("task", type=_ID, help="A task's id.")
@of_home
def show(task: int, home: Home, as_json: bool) -> None:
    """Show where a task's callback goes, how it stands, and what came of each try."""

    async def act(store: DeskStore) -> tuple[Callback | None, list[Attempt]]:
        return await store.attempts(Permutation(store.permutation_key).find(TaskId(task)))

    callback, attempts = with_desk(home, act)
    if callback is None:
        raise Failed(f"task {task}: {NO_CALLBACK}, or it is not settled yet")
    tries = [
        {
            "at": out.moment(attempt.at),
            "status": attempt.status or None,
            "detail": attempt.detail,
            "milliseconds": attempt.milliseconds,
        }
        for attempt in attempts
    ]
    record = _record(task, callback)
    if as_json:
        out.document({**record, "attempts": tries})
        return
    out.facts(record, as_json=False)
    click.echo()
    out.table(tries, ("at", "status", "detail", "milliseconds"), as_json=False, none="It was not tried yet.")


@callbacks.command("redeliver")
@click.argument("task", type=_ID, nargs=-1, required=True, help="Tasks' ids.")
@of_home
def redeliver(task: tuple[int, ...], home: Home, as_json: bool) -> int:
    """Owe callbacks anew, delivered or not, each with its whole schedule before it."""

    async def act(store: DeskStore) -> list[out.Record]:
        ids = Permutation(store.permutation_key)
        owed = await asyncio.gather(
            *(store.run(Redeliver(n=ids.find(TaskId(one)))) for one in task), return_exceptions=True
        )
        return [_owed(one, end) for one, end in zip(task, owed, strict=True)]

    done = with_desk(home, act)
    out.table(done, ("task", "owed", "why"), as_json=as_json, none="")
    return DONE if all(record["owed"] for record in done) else FAILED


def _owed(task: int, end: Callback | BaseException) -> out.Record:
    if isinstance(end, Refusal):
        return {"task": task, "owed": False, "why": end.detail}
    if isinstance(end, BaseException):
        raise end
    return {"task": task, "owed": True, "why": None}


def _record(task: int, callback: Callback) -> dict[str, object]:
    return {
        "task": task,
        "url": callback.url,
        "state": str(callback.state),
        "tries": callback.tries,
        "next": out.moment(callback.due) if callback.state is Delivery.OWED else None,
    }
