"""Desks with one part that is wrong, each as somebody might get it wrong.
Rule: a part is handed in, never patched; each has one fault, and all else is the real thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import msgspec

from answerdesk.desk.board import Board, Final
from answerdesk.desk.orders import End, Report, Submit
from answerdesk.desk.ports import Changes, Heard, Needs, Rows, Verb
from answerdesk.desk.work import Answer, GiveBack
from answerdesk.model.account import AccountId, Millis
from answerdesk.model.money import Move
from answerdesk.model.task import State, TaskId
from answerdesk.store.sqlite import DrawBlock, SqliteStore
from tests.simulation.run import Parts

replace = msgspec.structs.replace
Fault = Callable[[Any, Changes], Changes]


class Wrong:
    """A verb whose changes are falsified before they stand."""

    def __init__(self, verb: Any, fault: Fault) -> None:
        self._verb = verb
        self._fault = fault

    @property
    def needs(self) -> Needs:
        return self._verb.needs

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Any]:
        changes, outcome = self._verb.decide(rows, now)
        return self._fault(self._verb, changes), outcome


class WrongStore(SqliteStore):
    """A store that falsifies what verbs decided."""

    fault: ClassVar[Fault]

    def run(self, verb: Verb[Any]) -> Any:
        return super().run(Wrong(verb, type(self).fault))


def store(fault: Fault) -> Parts:
    return Parts(store=type("Falsifying", (WrongStore,), {"fault": staticmethod(fault)}))


def _is_said(verb: Any) -> bool:
    return isinstance(getattr(verb, "said", verb), Answer | GiveBack)


def no_refund(verb: Any, changes: Changes) -> Changes:
    return replace(changes, purses=(), entries=()) if isinstance(verb, Report) else changes


def refund_again(verb: Any, changes: Changes) -> Changes:
    tasks = tuple(replace(task, refunded=False) for task in changes.tasks)
    return replace(changes, tasks=tasks) if isinstance(verb, Report) else changes


def no_release(verb: Any, changes: Changes) -> Changes:
    return replace(changes, purses=()) if any(e.move is Move.RELEASE for e in changes.entries) else changes


def charge_twice(verb: Any, changes: Changes) -> Changes:
    again = tuple(entry for entry in changes.entries if entry.move is Move.CHARGE)
    return replace(changes, entries=changes.entries + again) if again else changes


def forgotten_key(verb: Any, changes: Changes) -> Changes:
    return replace(changes, replays=()) if isinstance(verb, Submit) else changes


def unwritten_answer(verb: Any, changes: Changes) -> Changes:
    return replace(changes, leases=()) if _is_said(verb) else changes


def unpaid_answer(verb: Any, changes: Changes) -> Changes:
    return replace(changes, entries=tuple(entry for entry in changes.entries if entry.move is not Move.PAY))


def unshown(verb: Any, changes: Changes) -> Changes:
    return replace(changes, leases=tuple(replace(lease, shown=Millis(0)) for lease in changes.leases))


def undone_and_paid(verb: Any, changes: Changes) -> Changes:
    return replace(changes, entries=tuple(entry for entry in changes.entries if entry.move is not Move.UNPAY))


def undying_task(verb: Any, changes: Changes) -> Changes:
    """A report opens its task again."""
    if not isinstance(verb, Report):
        return changes
    return replace(changes, tasks=tuple(replace(task, state=State.OPEN) for task in changes.tasks))


class ForAnybody(SqliteStore):
    """A store whose cancels ask for nobody's account."""

    def run(self, verb: Verb[Any]) -> Any:
        return super().run(replace(verb, account=None) if isinstance(verb, End) else verb)


class OpenBoard(Board):
    """A board that asks nobody whose task it is."""

    def get(self, account: AccountId, task: TaskId) -> Final | None:
        return self._replies.get(task, (None, None))[1]


class LastingBoard(Board):
    """A board from which nothing is ever taken down."""

    def drop(self, task: TaskId) -> None:
        """Keep it."""


class DeafStore(SqliteStore):
    """A store that tells nobody of changed settings."""

    def listen(self, hearer: Callable[[Heard], None]) -> None:
        super().listen(lambda heard: hearer(replace(heard, settings=False)))


class Restarting(SqliteStore):
    """A store that, to try whether it can write, writes that no number was ever drawn."""

    async def recover(self) -> None:
        if self.trouble is not None:
            await self.run(DrawBlock(0))


def instead(old: str, new: str) -> Parts:
    """A store one of whose statements is another."""
    return Parts(rewrite=lambda statement: statement.replace(old, new))


MUTANTS: dict[str, Parts] = {
    "a report forgets to refund": store(no_refund),
    "a second report refunds again": store(refund_again),
    "a failed task's price stays set aside": store(no_release),
    "an answer is charged twice": store(charge_twice),
    "an idempotency key is not written": store(forgotten_key),
    "an accepted answer is not written": store(unwritten_answer),
    "an accepted answer is not paid": store(unpaid_answer),
    "what is undone stays paid": store(undone_and_paid),
    "a report opens its task again": store(undying_task),
    "a claim ignores others' leases": instead("free_at <= ?", "(free_at <= ? OR state = 0)"),
    "what was shown is not written": store(unshown),
    "the media of forgotten tasks stay": instead(
        "DELETE FROM contents WHERE n = ?", "DELETE FROM contents WHERE n = -?"
    ),
    "one commit in twenty is lost": Parts(loses=20),
    "anybody may cancel a task": Parts(store=ForAnybody),
    "the board shows a task to anybody": Parts(board=OpenBoard),
    "the board keeps what is forgotten": Parts(board=LastingBoard),
    "changed settings are not told": Parts(store=DeafStore),
    "after trouble numbers are drawn again": Parts(store=Restarting),
}
