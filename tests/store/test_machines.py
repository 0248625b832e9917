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
from answerdesk.model.judge import Rules
from answerdesk.model.money import Move
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
        #: Until when each lease runs, and which ones their holders have seen or had more time for.
        self.until: dict[str, int] = {}
        self.shown: set[str] = set()
        self.extended: set[str] = set()

    @initialize(people=st.integers(1, 3), machines=st.integers(0, 2), agree=st.sampled_from([1, 1, 2]))
    def open_desk(self, people: int, machines: int, agree: int) -> None:
        self.agree = agree
        self.path = Path(self.folder.name) / "desk.db"
        self.desk = Desk(self.open_store(), self.clock)
        self.do(self.desk.set_rules(Rules(agree=agree)))
        self.account = self.do(self.desk.open_account(balance=10**9, max_open=0))
        self.solvers = [self.do(self.desk.person(on_shift=True)) for _ in range(people)]
        self.solvers += [self.do(self.desk.machine(on_shift=True)) for _ in range(machines)]

    def open_store(self) -> Any:
        return SqliteStore(str(self.path), self.clock, block=5)

    @rule(threshold=st.none() | st.sampled_from([0, 60, 99]), lasts=st.sampled_from([5_000, 300_000, 3_600_000]))
    def submit(self, threshold: int | None, lasts: int) -> None:
        self.numbers.append(self.do(self.desk.submit(self.account, draft(threshold=threshold), deadline_ms=lasts)))

    @rule(pick=picks, most=st.integers(1, 3), reserve=st.booleans())
    def claim(self, pick: int, most: int, reserve: bool = False) -> None:
        solver = self.person(pick)
        for lease in self.do(self.desk.claim(solver, most, reserve=reserve)):
            self.may_be_given(solver, lease)
            assert lease.reserved is reserve
            self.leases.append((solver, lease))
            self.until[lease.token] = lease.until
            if not reserve:
                self.shown.add(lease.token)

    @rule(pick=picks, verb=st.sampled_from(["show", "keep", "extend"]))
    def hold(self, pick: int, verb: str) -> None:
        """A lease's time changes only while it is live, for an open task, and never beyond that task's own."""
        if not self.leases:
            return
        solver, lease = self.lease(pick)
        now, ends = self.clock.now(), self.until[lease.token]
        task = self.do(self.desk.task(lease.task))
        held = self.do(getattr(self.desk, verb)(solver, lease))
        holds = lease.token not in self.outcomes and now < ends and not task.settled
        seen = lease.token in self.shown
        again = lease.token in self.extended
        may = holds and (verb != "extend" or again or (seen and ends < task.deadline))
        assert (held.why is None) is may
        assert held.lease.until <= max(ends, task.deadline, now + 1)
        if not may:
            assert held.lease.until == ends
        elif verb == "show":
            self.shown.add(lease.token)
            assert not seen or held.lease.until == ends
        elif verb == "extend":
            self.extended.add(lease.token)
            assert held.lease.until == ends if again else ends < held.lease.until <= ends + 30_000
        else:
            assert ends <= held.lease.until <= max(ends, lease.given + 120_000)
        self.until[lease.token] = held.lease.until

    @rule(picked=st.lists(picks, max_size=3))
    def release(self, picked: list[int]) -> None:
        if not self.leases:
            return
        solver = self.lease(picked[0] if picked else 0)[0]
        named = [pair for pair in map(self.lease, picked) if pair[0] is solver]
        live = {
            lease.token
            for _, lease in named
            if lease.token not in self.outcomes and self.clock.now() < self.until[lease.token]
        }
        assert self.do(self.desk.release(solver, *(lease for _, lease in named))) == len(live)

    @rule(pick=picks)
    def undo(self, pick: int) -> None:
        """What was said is withdrawn only while its task is open, and all that was told of it is told no more."""
        if not self.leases:
            return
        solver, lease = self.lease(pick)
        said = self.outcomes.get(lease.token) in {Outcome.ANSWERED, Outcome.DECLINED}
        before = self.do(self.desk.task(lease.task))
        held = self.do(self.desk.undo(solver, lease))
        if held.why is not None:
            assert self.do(self.desk.task(lease.task)) == before
            return
        assert not before.settled
        assert said or self.clock.now() < self.until[lease.token]
        self.outcomes.pop(lease.token, None)
        self.told = {told: verdict for told, verdict in self.told.items() if told[0] != lease.token}
        self.until[lease.token] = held.lease.until
        self.shown.add(lease.token)

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
            if lease.token not in self.outcomes:
                self.shown.add(lease.token)
            self.keep(lease, words, self.do(deed(solver, lease, words)))

    def may_be_given(self, solver: Solver, lease: Lease) -> None:
        """A person sees a task once; a machine that was silent may try again, but not for ever."""
        before = [each.token for _, each in self.leases if (each.solver, each.task) == (solver.id, lease.task)]
        assert lease.task not in self.final
        assert len(self.shown.intersection(before)) < (3 if solver.machine else 1)
        assert not {self.outcomes.get(token) for token in before} & {Outcome.ANSWERED, Outcome.DECLINED}

    def keep(self, lease: Lease, words: str, verdict: Verdict) -> None:
        """The same words get the same reply, for ever."""
        assert self.told.setdefault((lease.token, words), verdict) == verdict

    @rule(pick=picks, word=st.sampled_from(["one", "two"]), confidence=st.sampled_from([None, 0.2, 0.7, 0.98]))
    def answer(self, pick: int, word: str, confidence: float | None) -> None:
        if not self.leases:
            return
        solver, lease = self.lease(pick)
        in_time = lease.token not in self.outcomes and self.clock.now() < self.until[lease.token]
        unsaid = lease.token not in self.outcomes
        verdict = self.do(self.desk.answer(solver, lease, word, confidence))
        if unsaid:
            self.shown.add(lease.token)
            # Whatever became of the task: who answers in time earns what was promised.
            assert verdict.paid == lease.pay or not in_time
            assert verdict.accepted or verdict.paid == 0 or in_time
        self.keep(lease, word, verdict)

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
        if lease.token not in self.outcomes:
            self.shown.add(lease.token)
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
        self.desk = Desk(self.open_store(), self.clock, names, board=Board())
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
                assert live[n] <= task.slots <= self.agree
            else:
                assert self.final.setdefault(n, task) == task
                assert task.state is State.FAILED or (n, task.solution) in accepted

    def _kept(self, pair: tuple[Solver, Lease]) -> Lease:
        """Read a lease: what was given and said is there, and an outcome never changes."""
        lease = self.do(self.desk.store.lease(pair[1].token))
        assert (lease.task, lease.solver, lease.until) == (pair[1].task, pair[1].solver, self.until[lease.token])
        assert bool(lease.shown) is (lease.token in self.shown)
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

    @invariant()
    def everybody_earned_what_they_were_told(self) -> None:
        """What was taken back was earned before, and nothing is earned twice."""
        if not hasattr(self, "account"):
            return
        kept = [self.do(self.desk.store.lease(lease.token)) for _, lease in self.leases]
        for solver in self.solvers:
            earned: Counter[int] = Counter()
            for _, _, entry in self.do(self.desk.store.earnings(solver.id, 2**60, 10_000)):
                earned[entry.task] += entry.amount if entry.move is Move.PAY else -entry.amount
            told: Counter[int] = Counter()
            for lease in kept:
                if lease.solver == solver.id and lease.verdict is not None:
                    told[lease.task] += lease.verdict.paid
            assert +earned == +told
            assert all(amount >= 0 for amount in earned.values())

    @invariant()
    def claims_find_every_open_task(self) -> None:
        """An open task stands in a line, and its account's flow there is active."""
        lost = (
            "SELECT n FROM tasks WHERE state = 0 AND route > 0 AND NOT EXISTS (SELECT 1 FROM flows"
            ' JOIN lines USING (kind, "group", route) WHERE active = 1 AND flows.account = tasks.account'
            ' AND flows.kind = tasks.kind AND flows."group" = tasks."group" AND flows.route = tasks.route)'
        )
        if hasattr(self, "account"):
            assert self.do(self.desk.store._rows(lost)) == []  # noqa: SLF001 - a row that nothing else would show

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


class TestTasks(TaskLife.TestCase):  # type: ignore[misc,valid-type]
    settings = QUICK


@pytest.mark.slow
@pytest.mark.timeout(900)
class TestTasksAtLength(TaskLife.TestCase):  # type: ignore[misc,valid-type]
    settings = LONG
