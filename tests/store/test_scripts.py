"""Scripted tasks of a sandbox account over every store: asked of nobody, settled when their script says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from answerdesk.desk.chores import Retention, empty, forget, review
from answerdesk.desk.elsewhere import QUIET
from answerdesk.model.account import Account, Millis, Sequence
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.judge import Rules
from answerdesk.model.talk import UNKNOWN_TASK, Processing, Ready, Refused
from answerdesk.model.task import DEADLINE_MS, Cause, Route, State, Trail
from tests.store.driver import PICTURE, Desk, draft
from tests.store.lives import QUICK, Life, picks
from tests.store.test_poisoned import planted

GROUP = frozenset({"shop"})


async def sandbox(desk: Desk, **settings: Any) -> Account:
    return await desk.open_account(balance=0, group="shop", sandbox=True, **settings)


async def ask(desk: Desk, account: Account, text: str, **fields: Any) -> Sequence:
    """Submit as a dialect does, and give the task's number."""
    callback = fields.pop("callback", None)
    asked = msgspec.structs.replace(draft(text=text), callback=callback)
    shown, _ = await desk.orders.submit(account, asked, "192.0.2.1", **{"deadline_ms": DEADLINE_MS} | fields)
    return desk.ids.find(shown)


async def told(desk: Desk, account: Account, n: Sequence) -> Any:
    return await desk.orders.look_up(account.id, desk.ids.show(n), desk.clock.now())


async def sweep(desk: Desk) -> int:
    return await review(desk.store, desk.clock.now(), Retention())


async def test_a_script_without_a_delay_is_answered_at_once_by_nobody(desk):
    account = await sandbox(desk)

    n = await ask(desk, account, "!answer=abc")

    task = await desk.task(n)
    assert (task.state, task.cause, task.trail, task.price, task.ended) == (
        State.READY, Cause.SOLVED, Trail.SANDBOX, 0, task.created,
    )  # fmt: skip
    assert (await told(desk, account, n)).value == "abc"
    assert await desk.money(account) == (0, 0, 0)
    assert await desk.store.content(n, 0) == PICTURE


async def test_a_script_with_a_delay_is_processing_until_then_and_offered_to_nobody(desk):
    account = await sandbox(desk)
    person, machine = await desk.person(groups=GROUP), await desk.machine(groups=GROUP)
    n = await ask(desk, account, "!answer=abc delay=2")

    assert [await desk.claim(person), await desk.claim(machine)] == [[], []]
    assert await desk.money(account) == (0, 0, 1)
    desk.clock.pass_by(1_999)
    assert (await sweep(desk), await told(desk, account, n)) == (0, Processing())
    desk.clock.pass_by(1)
    assert await sweep(desk) == 1

    task = await desk.task(n)
    assert (task.state, task.trail, task.solve_count, task.ended) == (State.READY, Trail.SANDBOX, 0, desk.clock.now())
    assert (await told(desk, account, n)).value == "abc"
    assert await desk.money(account) == (0, 0, 0)
    assert (await desk.store.sums()).drifting == ()
    assert (await desk.store.sums()).entries == 0


async def test_a_poll_finds_the_answer_from_its_time_on_without_any_chore(desk):
    account = await sandbox(desk)
    n = await ask(desk, account, "!answer=abc delay=2")
    desk.clock.pass_by(2_000)

    assert (await told(desk, account, n)).value == "abc"


@pytest.mark.parametrize(
    ("code", "cause", "fault"),
    [
        ("ERROR_CAPTCHA_UNSOLVABLE", Cause.UNSOLVED, Fault.CAPTCHA_UNSOLVABLE),
        ("ERROR_BAD_DUPLICATES", Cause.DISAGREED, Fault.BAD_DUPLICATES),
    ],
)
@pytest.mark.parametrize("delay", [0, 2])
async def test_a_script_may_say_in_which_error_the_task_ends(desk, code, cause, fault, delay):
    account = await sandbox(desk)
    n = await ask(desk, account, f"!error={code} delay={delay}")
    desk.clock.pass_by(delay * 1_000)

    reply = await told(desk, account, n)

    task = await desk.task(n)
    assert (reply.fault, task.state, task.cause) == (fault, State.FAILED, cause)
    assert (task.trail, task.solution) == (Trail.SANDBOX, b"")


async def test_a_delay_of_more_than_the_tasks_time_ends_as_if_nobody_had_answered(desk):
    account = await sandbox(desk)
    n = await ask(desk, account, "!answer=abc delay=10", deadline_ms=5_000)
    desk.clock.pass_by(5_000)
    await sweep(desk)

    task = await desk.task(n)
    assert (task.cause, task.trail, task.solution) == (Cause.OVERDUE, Trail.NOBODY, b"")


async def test_a_server_that_was_away_past_the_tasks_time_still_answers_as_the_script_says(desk):
    account = await sandbox(desk)
    n = await ask(desk, account, "!answer=abc delay=2", deadline_ms=5_000)
    desk.clock.pass_by(60_000)
    await sweep(desk)

    assert (await told(desk, account, n)).value == "abc"


async def test_a_script_is_followed_by_another_process_and_after_a_restart(shared, clock):
    first = Desk(shared.open(), clock)
    account = await sandbox(first)
    n = await ask(first, account, "!answer=abc delay=2")
    second = Desk(shared.open(), clock)
    clock.pass_by(2_000)

    assert await sweep(second) == 1
    assert [(await told(each, account, n)).value for each in (first, second)] == ["abc", "abc"]


async def test_whoever_listens_hears_when_a_script_settles(desk, collected):
    account = await sandbox(desk)
    n = await ask(desk, account, "!answer=abc delay=2")
    desk.store.listen(collected)
    desk.clock.pass_by(2_000)
    await sweep(desk)

    own = [task for heard in collected.heard if heard.elsewhere is QUIET for task in heard.tasks]
    assert [(task.n, task.state) for task in own] == [(n, State.READY)]


@pytest.mark.parametrize("delay", [0, 2])
async def test_the_callback_of_a_script_is_owed_once_it_settles(desk, delay):
    account = await sandbox(desk)
    n = await ask(desk, account, f"!answer=abc delay={delay}", callback="http://a.test/")

    assert [one.n for one in await desk.store.callbacks_due(desk.clock.now(), 9, each=9)] == [n] * (not delay)
    desk.clock.pass_by(delay * 1_000)
    await sweep(desk)

    assert [one.n for one in await desk.store.callbacks_due(desk.clock.now(), 9, each=9)] == [n]


async def test_a_script_needs_nobody_in_the_group_and_nobody_to_agree(desk):
    await desk.set_rules(Rules(agree=3))
    account = await sandbox(desk)

    assert (await told(desk, account, await ask(desk, account, "!answer=abc"))).value == "abc"


async def test_a_script_that_waits_can_be_cancelled_and_counts_as_unfinished(desk):
    account = await sandbox(desk, max_open=1)
    n = await ask(desk, account, "!answer=abc delay=2")

    with pytest.raises(Refusal, match="1 unfinished"):
        await ask(desk, account, "!answer=abc delay=2")
    assert await desk.cancel(n)
    desk.clock.pass_by(2_000)
    assert await sweep(desk) == 0

    task = await desk.task(n)
    assert (task.cause, task.trail, task.solution) == (Cause.CANCELLED, Trail.NOBODY, b"")
    assert await desk.money(account) == (0, 0, 0)


async def test_an_idempotency_key_finds_a_scripted_task_again(desk):
    account, key = await sandbox(desk), ("key", b"body")

    made = [await ask(desk, account, f"!answer=abc delay={delay}", replay=key) for delay in (2, 2)]

    assert made[0] == made[1]
    assert await desk.money(account) == (0, 0, 1)


async def test_a_flawed_script_stores_nothing(desk):
    account = await sandbox(desk)

    with pytest.raises(Refusal, match="word that is not known") as refused:
        await ask(desk, account, "!anwser=abc")

    assert refused.value.fault is Fault.BAD_PARAMETERS
    assert await desk.store.oldest(9, media=False) == []


@pytest.mark.parametrize("text", ["!answer=abc", "!what is it?"])
async def test_what_begins_with_the_mark_is_an_instruction_for_any_other_account(desk, text):
    account, person = await desk.open_account(group="shop"), await desk.person(groups=GROUP)

    n = await ask(desk, account, text)

    (lease,) = await desk.claim(person)
    task = await desk.task(n)
    assert (lease.task, task.asked().text, task.route, task.trail) == (n, text, Route.PEOPLE, None)


async def test_an_account_that_leaves_its_sandbox_has_its_scripts_followed_still(desk):
    account = await sandbox(desk)
    n = await ask(desk, account, "!answer=abc delay=2")
    await desk.change(account, sandbox=False)
    desk.clock.pass_by(2_000)

    assert (await told(desk, account, n)).value == "abc"


async def test_a_script_that_cannot_be_read_any_more_ends_its_own_task_alone(desk):
    account = await sandbox(desk)
    good = await ask(desk, account, "!answer=abc delay=2")
    other = (await desk.task(good)).question.replace(b"answer=abc", b"later=abc")
    bad = [await planted(desk, good, question=question) for question in (b'{"kind":"te', other)]
    desk.clock.pass_by(2_000)
    await sweep(desk)

    causes = [(await desk.task(n)).cause for n in (good, *bad)]
    assert causes == [Cause.SOLVED, Cause.UNDECODABLE, Cause.UNDECODABLE]


async def test_a_scripted_task_is_forgotten_like_any_other(desk):
    account, brief = await sandbox(desk), Retention(results_ms=10_000, media_ms=5_000)
    n = await ask(desk, account, "!answer=abc delay=2")
    desk.clock.pass_by(6_000)
    assert await empty(desk.store, desk.clock.now(), brief) == 0
    await sweep(desk)

    assert await empty(desk.store, desk.clock.now(), brief) == 1
    assert (await told(desk, account, n)).value == "abc"
    desk.clock.pass_by(5_000)
    assert await forget(desk.store, desk.clock.now(), brief) == 1
    with pytest.raises(Refusal, match=UNKNOWN_TASK):
        await told(desk, account, n)


class ScriptedLife(Life):
    """Scripts of every sort among tasks that people answer, chores, polls and cancels, at any time."""

    @initialize()
    def open_desk(self) -> None:
        self.desk = Desk(self.open_store(), self.clock)
        self.account = self.do(sandbox(self.desk))
        self.solvers = [self.do(self.desk.person(groups=GROUP, on_shift=True))]
        #: When each scripted task settles, and as what.
        self.due: dict[Sequence, tuple[Millis, str]] = {}
        self.ended: dict[Sequence, Any] = {}
        self.cancelled: set[Sequence] = set()

    @rule(delay=st.sampled_from([0, 0.001, 1, 2.5, 30, 301]), said=st.sampled_from(["answer=a", "answer=b", "error"]))
    def script(self, delay: float, said: str) -> None:
        written = said.replace("error", "error=ERROR_CAPTCHA_UNSOLVABLE")
        n = self.do(ask(self.desk, self.account, f"!{written} delay={delay}"))
        late = delay * 1_000 >= DEADLINE_MS
        at = self.clock.now() + (DEADLINE_MS if late else round(delay * 1_000))
        self.due[n] = Millis(at), "error" if late else said
        self.numbers.append(n)

    @rule()
    def work(self) -> None:
        """Have a task that is no script answered: whatever waits, it is the one that is found, and earns nothing."""
        n = self.do(self.desk.submit(self.account))
        (lease,) = self.do(self.desk.claim(self.solvers[0], 3))
        assert (lease.task, lease.pay) == (n, 0)
        verdict = self.do(self.desk.answer(self.solvers[0], lease))
        assert (verdict.accepted, verdict.paid) == (True, 0)

    @rule(milliseconds=st.sampled_from([1, 999, 1_500, 30_000, 200_000]))
    def pass_by(self, milliseconds: int) -> None:
        self.clock.pass_by(milliseconds)

    @rule()
    def look_for_what_is_due(self) -> None:
        self.do(sweep(self.desk))

    @precondition(lambda self: self.numbers)
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        n = self.number(pick)
        if self.do(self.desk.cancel(n)):
            assert n not in self.ended
            self.cancelled.add(n)

    @precondition(lambda self: self.numbers)
    @rule(pick=picks)
    def poll(self, pick: int) -> None:
        n = self.number(pick)
        reply = self.do(told(self.desk, self.account, n))
        at, said = self.due[n]
        match reply:
            case Processing():
                assert self.clock.now() < at
            case Ready(value=value):
                assert self.clock.now() >= at
                assert said == f"answer={value}"
            case Refused(fault=fault):
                assert fault is Fault.CAPTCHA_UNSOLVABLE
                assert n in self.cancelled or (said == "error" and self.clock.now() >= at)
        if not isinstance(reply, Processing):
            assert self.ended.setdefault(n, reply) == reply

    @invariant()
    def nothing_costs_anything(self) -> None:
        if hasattr(self, "account"):
            balance, held, _ = self.do(self.desk.money(self.account))
            assert (balance, held) == (0, 0)
            assert self.do(self.desk.store.sums()).entries == 0


class TestScripts(ScriptedLife.TestCase):  # type: ignore[misc,valid-type]
    settings = QUICK
