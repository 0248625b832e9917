"""Random lives of a desk with clocks that jump and processes that die: a task is answered once, whatever happens."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from answerdesk.desk.board import Board
from answerdesk.desk.chores import Retention, review
from answerdesk.desk.ports import Listing
from answerdesk.model.account import Sequence
from answerdesk.model.answer import Decline, Lease, Outcome, Verdict
from answerdesk.model.solver import Solver
from answerdesk.model.talk import Processing
from answerdesk.model.task import State, Task
from answerdesk.store.sqlite import SqliteStore
from tests.store.driver import Desk, draft
from tests.store.lives import LONG, QUICK, Life, picks


class TaskLife(Life):
    """Claims, answers, declines, clocks that jump and processes that die, with people and machines.

    What a dying process had acknowledged is a matter of moments, so no rule's choice may hang on it: no preconditions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="desk-")
        self.deaths = 0
        self.latest = self.clock.now()
        self.final: dict[Sequence, Task] = {}
        self.bytes: dict[Sequence, bytes] = {}
        self.told: dict[tuple[str, str], Verdict] = {}
        self.outcomes: dict[str, Outcome] = {}

    @initialize(people=st.integers(1, 3), machines=st.integers(0, 2))
    def open_desk(self, people: int, machines: int) -> None:
        self.path = Path(self.folder.name) / "desk.db"
        self.desk = Desk(SqliteStore(str(self.path), self.clock, block=5), self.clock)
        self.account = self.do(self.desk.open_account(balance=10**9, max_open=0))
        self.solvers = [self.do(self.desk.person(on_shift=True)) for _ in range(people)]
        self.solvers += [self.do(self.desk.machine(on_shift=True)) for _ in range(machines)]

    @rule(threshold=st.none() | st.sampled_from([0, 60, 99]), lasts=st.sampled_from([5_000, 300_000, 3_600_000]))
    def submit(self, threshold: int | None, lasts: int) -> None:
        self.numbers.append(self.do(self.desk.submit(self.account, draft(threshold=threshold), deadline_ms=lasts)))

    @rule(pick=picks, most=st.integers(1, 3))
    def claim(self, pick: int, most: int) -> None:
        solver = self.person(pick)
        for lease in self.do(self.desk.claim(solver, most)):
            self.may_be_given(solver, lease)
            self.leases.append((solver, lease))

    @rule(pick=picks, lasts=st.sampled_from([16_000, 61_000]), last=st.sampled_from(["late", "one", Decline.LANGUAGE]))
    def overtake(self, pick: int, lasts: int, last: str) -> None:
        """One solver's time runs out, another claims, and both speak: the late one first."""
        if len(self.solvers) == 1:
            return
        self.claim(pick, 1)
        slow = self.leases[-1:]
        self.clock.set_to(self.clock.now() + lasts)
        self.claim(pick + 1, 1)
        for (solver, lease), words in [(pair, "late") for pair in slow] + [(pair, last) for pair in self.leases[-1:]]:
            deed: Any = self.desk.give_back if isinstance(words, Decline) else self.desk.answer
            self.keep(lease, words, self.do(deed(solver, lease, words)))

    def may_be_given(self, solver: Solver, lease: Lease) -> None:
        """A person sees a task once; a machine that was silent may try again, but not for ever."""
        before = [each.token for _, each in self.leases if (each.solver, each.task) == (solver.id, lease.task)]
        assert lease.task not in self.final
        assert len(before) < (3 if solver.machine else 1)
        assert not {self.outcomes.get(token) for token in before} & {Outcome.ANSWERED, Outcome.DECLINED}

    def keep(self, lease: Lease, words: str, verdict: Verdict) -> None:
        """The same words get the same reply, for ever."""
        assert self.told.setdefault((lease.token, words), verdict) == verdict

    @rule(pick=picks, word=st.sampled_from(["one", "two"]), confidence=st.sampled_from([None, 0.2, 0.7, 0.98]))
    def answer(self, pick: int, word: str, confidence: float | None) -> None:
        if not self.leases:
            return
        solver, lease = self.lease(pick)
        self.keep(lease, word, self.do(self.desk.answer(solver, lease, word, confidence)))

    @rule(pick=picks)
    def answer_again(self, pick: int) -> None:
        if not self.told:
            return
        token, words = list(self.told)[pick % len(self.told)]
        solver, lease = next(pair for pair in self.leases if pair[1].token == token)
        if words in set(Decline):
            self.keep(lease, words, self.do(self.desk.give_back(solver, lease, Decline(words))))
        else:
            self.keep(lease, words, self.do(self.desk.answer(solver, lease, words)))

    @rule(pick=picks, reason=st.sampled_from(Decline))
    def decline(self, pick: int, reason: Decline) -> None:
        if not self.leases:
            return
        solver, lease = self.lease(pick)
        self.keep(lease, str(reason), self.do(self.desk.give_back(solver, lease, reason)))

    @rule(pick=picks)
    def free(self, pick: int) -> None:
        self.do(self.desk.free(self.person(pick)))

    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        if not self.numbers:
            return
        n = self.number(pick)
        settled = self.do(self.desk.task(n)).settled
        assert self.do(self.desk.cancel(n)) is not settled

    @rule(by=st.sampled_from([100, 6_000, 16_000, 61_000, 61_000, 300_000, -1_000, -40_000, -200_000]))
    def jump(self, by: int) -> None:
        self.clock.set_to(self.clock.now() + by)

    @rule()
    def meet_deadlines(self) -> None:
        self.do(review(self.desk.store, self.clock.now(), Retention()))

    @rule(verbs=st.integers(0, 6), steps=st.integers(0, 12))
    def die(self, verbs: int, steps: int) -> None:
        """Take the files as they lie at some moment of a rush, and go on from them as a new process."""
        if self.deaths == 4:
            return
        self.deaths += 1
        fresh = Path(self.folder.name) / f"after-{self.deaths}.db"
        self.numbers += self.do(self._rush_and_copy(fresh, verbs, steps))
        self.desk.store.close()
        self.path = fresh
        names, last = self.desk.names, self.desk._last  # noqa: SLF001 - goes on counting where the dead one was
        self.desk = Desk(SqliteStore(str(fresh), self.clock, block=5), self.clock, names, board=Board())
        self.desk._last = last  # noqa: SLF001 - same

    async def _rush_and_copy(self, fresh: Path, verbs: int, steps: int) -> list[Sequence]:
        rush = [asyncio.create_task(self.desk.submit(self.account)) for _ in range(verbs)]
        for _ in range(steps):
            await asyncio.sleep(0)
        acknowledged = [task.result() for task in rush if task.done()]
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{self.path}{suffix}", f"{fresh}{suffix}")
        await asyncio.gather(*rush)
        return acknowledged

    @invariant()
    def every_task_is_answered_once(self) -> None:
        if not hasattr(self, "account"):
            return
        self.latest = max(self.latest, self.clock.now())
        kept = [self._kept(pair) for pair in self.leases]
        live = Counter(lease.task for lease in kept if lease.live(self.latest))
        accepted = {(lease.task, lease.said) for lease in kept if lease.outcome is Outcome.ANSWERED and lease.stands}
        for n in self.numbers:
            task = self.do(self.desk.task(n))
            if not task.settled:
                assert n not in self.final
                assert live[n] <= task.slots == 1
            else:
                assert self.final.setdefault(n, task) == task
                assert task.state is State.FAILED or (n, task.solution) in accepted

    def _kept(self, pair: tuple[Solver, Lease]) -> Lease:
        """Read a lease: what was given and said is there, and an outcome never changes."""
        lease = self.do(self.desk.store.lease(pair[1].token))
        assert (lease.task, lease.solver, lease.until) == (pair[1].task, pair[1].solver, pair[1].until)
        if lease.outcome is None:
            assert lease.token not in self.outcomes
        else:
            assert self.outcomes.setdefault(lease.token, lease.outcome) is lease.outcome
        return lease

    @invariant()
    def polls_never_go_back(self) -> None:
        for n in self.numbers:
            reply = self.do(self.desk.orders.look_up(self.account.id, self.desk.ids.show(n), self.clock.now()))
            if isinstance(reply, Processing):
                assert n not in self.bytes
            else:
                shown = msgspec.json.encode(reply)
                assert self.bytes.setdefault(n, shown) == shown

    @invariant()
    def money_is_where_the_tasks_say(self) -> None:
        if not hasattr(self, "account"):
            return
        tasks = self.do(self.desk.store.tasks(Listing(most=1_000)))
        balance, held, open_tasks = self.do(self.desk.money(self.account))
        assert open_tasks == sum(not task.settled for task in tasks)
        assert held == sum(task.price for task in tasks if not task.settled)
        assert balance == 10**9 - held - sum(task.price for task in tasks if task.state is State.READY)
        assert self.do(self.desk.store.sums()).drifting == ()

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


class TestTasks(TaskLife.TestCase):  # type: ignore[misc,valid-type]
    settings = QUICK


@pytest.mark.slow
@pytest.mark.timeout(900)
class TestTasksAtLength(TaskLife.TestCase):  # type: ignore[misc,valid-type]
    settings = LONG
