"""Spot checks: some of what machines settle alone is shown to people afterwards, as tasks of the desk's own.
Rule: the client's task, reply and money are never touched; where nobody is on shift, nothing is checked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Final

import msgspec

from answerdesk.desk.books import OpenAccount
from answerdesk.desk.ports import NO_CHANGES, Changes, Heard, Names, Needs, Replay, Rows
from answerdesk.desk.settling import judged, queued
from answerdesk.desk.store import DeskStore
from answerdesk.model.account import OWN, Account, Millis, Sequence
from answerdesk.model.answer import Lease, Outcome, Verdict, token_of
from answerdesk.model.fault import Refusal
from answerdesk.model.judge import Rules
from answerdesk.model.money import NOTHING
from answerdesk.model.question import Question
from answerdesk.model.solver import staff_for
from answerdesk.model.task import Permutation, State, Task, Trail

replace = msgspec.structs.replace
_encode = msgspec.json.Encoder().encode

#: What no account of a customer can be called: names have no spaces around them.
NAME: Final = " spot checks"
#: How many tasks wait to be looked at, at most: what comes beyond is not checked.
MOST: Final = 256


def is_chosen(task: Task, rules: Rules, ids: Permutation) -> bool:
    """Tell whether a task is one to check, the same each time: a lot drawn by its number decides."""
    alone = task.state is State.READY and task.trail is Trail.MACHINE and task.account != OWN
    return alone and ids.lot(task.n) < rules.watched


class Recheck(msgspec.Struct, frozen=True, kw_only=True):
    """Ask people what a machine answered, its answer being there already; gives whether they are asked."""

    #: The number of the new task, and a fresh name for the machine's words in it.
    n: Sequence
    token: str
    #: What is checked, and the lease that settled it.
    of: Task
    lease: Lease
    question: Question
    blobs: tuple[bytes, ...] = ()

    @property
    def needs(self) -> Needs:
        """The desk's own purse, and whether this was checked before."""
        return Needs(purses=(OWN,), replay=(OWN, str(self.of.n)))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, bool]:
        """Make a task that only people can settle, kept for no longer than the one it checks."""
        of = self.of
        on_shift = rows.staff((of.kind, of.lang, of.group), now).people_on_shift
        if rows.replays.get((OWN, str(of.n))) or not on_shift or OWN not in rows.purses:
            return NO_CHANGES, False
        deadline = Millis(now + of.deadline - of.created)
        asked = Task(
            n=self.n, account=OWN, type=of.type, kind=of.kind, price=NOTHING, question=_encode(self._asked),
            lang=of.lang, group=of.group, created=of.created, deadline=deadline, rank=deadline,
        )  # fmt: skip
        # The machine has had its pay, and this is no second time.
        unpaid = Verdict(accepted=True)
        said = replace(self.lease, token=self.token, task=self.n, account=OWN, pay=NOTHING, verdict=unpaid)
        task = judged(asked, (said,), rows, now)
        if not isinstance(task, Task):
            return NO_CHANGES, False
        purse = rows.purses[OWN]
        place = queued(task, rows, 1)
        return Changes(
            purses=(replace(purse, open_tasks=purse.open_tasks + 1),),
            created=((task, self.blobs),),
            leases=(said,),
            lines=place.lines,
            flows=place.flows,
            replays=(Replay(account=OWN, key=str(of.n), body=b"", n=self.n, at=now),),
        ), True

    @property
    def _asked(self) -> Question:
        """Ask for people's answer, whatever the client would have taken."""
        return replace(self.question, options=replace(self.question.options, threshold=None, compares=True))


class SpotChecks:
    """Hears what this process settles, and has some of it checked."""

    def __init__(self, store: DeskStore, ids: Permutation, names: Names) -> None:
        """Take what it works over."""
        self._store = store
        self._ids = ids
        self._names = names
        self._waiting: dict[Sequence, Task] = {}

    def hear(self, heard: Heard) -> None:
        """Set aside the tasks that are to be checked; one that is reported on is told of again."""
        house = self._store.house()
        for task in heard.tasks:
            new = task.settled and task.report is None and len(self._waiting) < MOST
            if new and is_chosen(task, house.rules_for(task.type), self._ids):
                self._waiting[task.n] = task

    def take(self) -> list[Task]:
        """Give what was set aside, which then is set aside no more."""
        waiting, self._waiting = self._waiting, {}
        return list(waiting.values())

    async def check(self, tasks: Iterable[Task], now: Millis) -> int:
        """Have people asked about tasks; gives about how many. Twice is the same as once."""
        return sum([await self._check(task, now) for task in tasks])

    async def _check(self, task: Task, now: Millis) -> bool:
        solvers, question = self._store.house().solvers, task.legible()
        staff = staff_for(solvers, task.kind, task.lang, now, group=task.group)
        # What needs the picture before it would have to bring that, too.
        if not staff.people_on_shift or question is None or question.options.previous:
            return False
        # What a sandbox asks, wages are paid for in no way.
        if (asker := await self._store.account(task.account)) is not None and asker.sandbox:
            return False
        leases = await self._store.leases(task.n)
        taken = [one for one in leases if one.outcome is Outcome.ANSWERED and one.stands and one.said == task.solution]
        count = len(question.media) + (question.picture is not None)
        blobs = [await self._store.content(task.n, index) for index in range(count)]
        kept = tuple(blob for blob in blobs if blob is not None)
        # Somebody who had it in hand would see it twice.
        if not taken or any(not one.machine for one in leases) or len(kept) < count:
            return False
        await self._open()
        n = await self._store.draw()
        token = token_of(self._names.secret(), self._ids.show(n))
        verb = Recheck(n=n, token=token, of=task, lease=taken[0], question=question, blobs=kept)
        return await self._store.run(verb)

    async def _open(self) -> None:
        """Open the desk's own account before its first task."""
        if await self._store.account(OWN) is None:
            # Another node may be quicker.
            with contextlib.suppress(Refusal):
                await self._store.run(OpenAccount(account=Account(id=OWN, name=NAME)))
