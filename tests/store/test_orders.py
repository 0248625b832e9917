"""What customers may do with their tasks over every store: look up, cancel, report; and how tasks end by themselves."""

from __future__ import annotations

import asyncio

import pytest

from answerdesk.model.account import DAY_MS, Millis, Sequence
from answerdesk.model.answer import Decline
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.talk import UNKNOWN_TASK, Processing, Ready, Refused
from answerdesk.model.task import DEADLINE_MS, Cause, Route, State, TaskId, Trail
from tests.store.driver import PRICE, Desk, draft

HOUR_MS = 3_600_000


async def refused(waiting, fault: Fault) -> str:
    """Give the words of a refusal that must come."""
    with pytest.raises(Refusal) as caught:
        await waiting
    assert caught.value.fault is fault
    return caught.value.detail


async def balanced(desk: Desk) -> bool:
    return (await desk.store.sums()).drifting == ()


class TestLookUp:
    async def test_an_open_task_is_processing_and_a_ready_one_always_the_same(self, desk):
        account, person = await desk.open_account(), await desk.person()
        task, _ = await desk.orders.submit(account, draft(), "192.0.2.1", deadline_ms=DEADLINE_MS)
        assert await desk.orders.look_up(account.id, task, desk.clock.now()) == Processing()
        (lease,) = await desk.claim(person)
        desk.clock.pass_by(4_000)
        await desk.answer(person, lease, "  two words ")

        replies = [await desk.orders.look_up(account.id, task, desk.clock.now()) for _ in range(3)]

        created = Millis(desk.clock.now() - 4_000)
        expected = Ready(
            type="ImageToTextTask",
            kind=Kind.TEXT,
            value="two words",
            cost=Micros(PRICE),
            ip="192.0.2.1",
            created=created,
            ended=desk.clock.now(),
            solve_count=1,
            trail=Trail.PEOPLE,
        )
        assert replies == [expected] * 3

    async def test_a_strangers_task_and_a_missing_one_are_told_in_the_same_words(self, desk):
        account, stranger, person = await desk.open_account(), await desk.open_account(), await desk.person()
        n = await desk.solved(account, person)
        shown = desk.ids.show(n)
        await desk.orders.look_up(account.id, shown, desk.clock.now())

        words = [
            await refused(desk.orders.look_up(who, task, desk.clock.now()), Fault.NO_SUCH_CAPCHA_ID)
            for who, task in ((stranger.id, shown), (account.id, TaskId(shown + 1)), (stranger.id, TaskId(2**53 - 1)))
        ]

        assert words == [UNKNOWN_TASK] * 3

    async def test_a_task_past_its_deadline_fails_without_waiting_for_a_chore(self, desk):
        account, _ = await desk.open_account(), await desk.person()
        task, _ = await desk.orders.submit(account, draft(), "192.0.2.1", deadline_ms=10_000)

        desk.clock.pass_by(9_999)
        assert await desk.orders.look_up(account.id, task, desk.clock.now()) == Processing()
        desk.clock.pass_by(1)
        reply = await desk.orders.look_up(account.id, task, desk.clock.now())

        assert reply == Refused(fault=Fault.CAPTCHA_UNSOLVABLE, detail="Workers could not solve the Captcha")
        assert await desk.money(account) == (1_000_000, 0, 0)

    async def test_a_clock_that_goes_back_between_two_looks_makes_nothing_fail_early(self, desk):
        account, _ = await desk.open_account(), await desk.person()
        task, _ = await desk.orders.submit(account, draft(), "192.0.2.1", deadline_ms=10_000)

        reply = await desk.orders.look_up(account.id, task, Millis(desk.clock.now() + 20_000))

        assert reply == Processing()

    async def test_the_balance_of_an_account_nobody_opened_is_nothing(self, desk):
        account = await desk.open_account(balance=77)

        assert await desk.orders.balance(account.id) == 77
        assert await desk.orders.balance(account.id + 1) == 0


class TestCancel:
    @pytest.mark.parametrize(
        ("by_client", "detail", "own"),
        [
            (True, "Workers could not solve the Captcha", "cancelled by the client"),
            (False, "cancelled by operator", ""),
        ],
        ids=["client", "operator"],
    )
    async def test_a_cancelled_task_gives_its_price_back_and_says_by_whom(self, desk, by_client, detail, own):
        account, _ = await desk.open_account(), await desk.person()
        task, _ = await desk.orders.submit(account, draft(), "192.0.2.1", deadline_ms=DEADLINE_MS)

        assert await desk.orders.cancel(task, account.id if by_client else None)

        reply = await desk.orders.look_up(account.id, task, desk.clock.now())
        assert reply == Refused(fault=Fault.CAPTCHA_UNSOLVABLE, detail=detail, own=own)
        assert await desk.money(account) == (1_000_000, 0, 0)
        assert await balanced(desk)

    async def test_a_settled_task_is_not_cancelled(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.solved(account, person)

        assert not await desk.cancel(n)
        assert (await desk.task(n)).state is State.READY
        assert await desk.money(account) == (999_000, 0, 0)

    async def test_nobody_cancels_a_strangers_task(self, desk):
        account, stranger, _ = await desk.open_account(), await desk.open_account(), await desk.person()
        n = await desk.submit(account)

        assert await refused(desk.cancel(n, stranger), Fault.NO_SUCH_CAPCHA_ID) == UNKNOWN_TASK
        assert await refused(desk.cancel(Sequence(n + 1)), Fault.NO_SUCH_CAPCHA_ID) == UNKNOWN_TASK
        assert (await desk.task(n)).state is State.OPEN


class TestReport:
    async def test_the_first_incorrect_gives_the_price_back_once(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.solved(account, person)

        for correct in (False, False, True, False, True):
            await desk.report(n, account, correct=correct)

        assert await desk.money(account) == (1_000_000, 0, 0)
        assert (await desk.task(n)).report == "correct"
        assert await balanced(desk)

    async def test_a_correct_changes_no_money_and_may_turn_into_an_incorrect(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.solved(account, person)

        await desk.report(n, account, correct=True)
        assert await desk.money(account) == (999_000, 0, 0)
        await desk.report(n, account, correct=False)

        assert await desk.money(account) == (1_000_000, 0, 0)
        assert (await desk.task(n)).report == "incorrect"

    async def test_reports_at_once_refund_once(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.solved(account, person)

        await asyncio.gather(*(desk.report(n, account, correct=bool(i % 2)) for i in range(50)))

        assert await desk.money(account) == (1_000_000, 0, 0)
        assert await balanced(desk)

    async def test_a_free_answer_is_reported_without_a_refund(self, desk):
        account, person = await desk.open_account(balance=0), await desk.person()
        await desk.set_price(0)
        n = await desk.solved(account, person)

        await desk.report(n, account, correct=False)

        assert ((await desk.task(n)).report, (await desk.task(n)).refunded) == ("incorrect", False)
        assert await balanced(desk)

    async def test_an_unfinished_task_says_that_it_is_not_finished(self, desk):
        account, _ = await desk.open_account(), await desk.person()
        n = await desk.submit(account)

        assert await refused(desk.report(n, account, correct=False), Fault.NO_SUCH_CAPCHA_ID) == "task is not finished"

    async def test_a_foreign_a_failed_and_a_missing_task_are_unknown(self, desk):
        account, stranger, person = await desk.open_account(), await desk.open_account(), await desk.person()
        ready = await desk.solved(account, person)
        failed = await desk.submit(account)
        await desk.cancel(failed)

        for n, who in ((ready, stranger), (failed, account), (Sequence(failed + 1), account)):
            assert await refused(desk.report(n, who, correct=False), Fault.NO_SUCH_CAPCHA_ID) == UNKNOWN_TASK
        assert await desk.money(account) == (999_000, 0, 0)

    async def test_the_window_is_open_to_its_last_millisecond(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.solved(account, person)

        desk.clock.pass_by(60_000)
        await desk.report(n, account, correct=True, window_ms=60_000)
        desk.clock.pass_by(1)
        words = await refused(desk.report(n, account, correct=False, window_ms=60_000), Fault.NO_SUCH_CAPCHA_ID)

        assert "60 seconds" in words
        assert (await desk.task(n)).report == "correct"

    async def test_the_desk_reports_by_public_id(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.solved(account, person)

        await desk.orders.report(account.id, desk.ids.show(n), correct=False, window_ms=DAY_MS)

        assert (await desk.task(n)).report == "incorrect"


class TestReview:
    async def test_at_its_deadline_a_task_fails_and_costs_nothing(self, desk):
        account, _ = await desk.open_account(), await desk.person()
        n = await desk.submit(account)
        desk.clock.pass_by(DEADLINE_MS)

        assert await desk.store.due(desk.clock.now(), 10) == [n]
        await desk.review(n)

        task = await desk.task(n)
        assert (task.state, task.cause, task.ended) == (State.FAILED, Cause.OVERDUE, desk.clock.now())
        assert await desk.money(account) == (1_000_000, 0, 0)
        assert await desk.store.due(desk.clock.now(), 10) == []

    async def test_many_of_one_account_are_reviewed_in_one_unit(self, desk):
        account, _ = await desk.open_account(), await desk.person()
        numbers = [await desk.submit(account) for _ in range(5)]
        desk.clock.pass_by(DEADLINE_MS)

        await desk.review(*numbers, Sequence(10**9))

        assert await desk.money(account) == (1_000_000, 0, 0)
        assert await balanced(desk)

    async def test_before_its_time_and_after_its_end_a_review_does_nothing(self, desk):
        account, person = await desk.open_account(), await desk.person()
        done = await desk.solved(account, person)
        before = await desk.task(done)
        n = await desk.submit(account)
        open_before = await desk.task(n)
        desk.clock.pass_by(DEADLINE_MS - 1)

        await desk.review(n, done)

        assert await desk.task(n) == open_before
        assert await desk.task(done) == before

    async def test_a_silent_machine_is_followed_by_people(self, desk):
        account, _ = await desk.open_account(), await desk.machine(on_shift=True)
        person = await desk.person()
        n = await desk.submit(account)
        assert (await desk.task(n)).route is Route.MACHINES
        assert await desk.claim(person) == []
        desk.clock.pass_by(17_000)

        assert await desk.store.due(desk.clock.now(), 10) == [n]
        await desk.review(n)

        assert [lease.task for lease in await desk.claim(person)] == [n]

    async def test_due_tasks_come_earliest_first_and_no_more_than_asked(self, desk):
        account, _ = await desk.open_account(), await desk.person()
        late = await desk.submit(account, deadline_ms=9_000)
        early = await desk.submit(account, deadline_ms=3_000)
        middle = await desk.submit(account, deadline_ms=6_000)
        desk.clock.pass_by(HOUR_MS)

        assert await desk.store.due(desk.clock.now(), 10) == [early, middle, late]
        assert await desk.store.due(desk.clock.now(), 2) == [early, middle]

    async def test_a_task_whose_deadline_is_now_is_stored_and_fails_at_once(self, desk):
        account, person = await desk.open_account(), await desk.person()
        n = await desk.submit(account, deadline_ms=0)

        assert await desk.claim(person) == []
        assert await desk.store.due(desk.clock.now(), 10) == [n]
        await desk.review(n)

        assert (await desk.task(n)).cause is Cause.OVERDUE

    async def test_a_doubtful_text_is_taken_once_the_last_person_has_left(self, desk):
        account = await desk.open_account()
        machine, _ = await desk.machine(on_shift=True), await desk.person(on_shift=True)
        n = await desk.submit(account)
        (lease,) = await desk.claim(machine)
        await desk.answer(machine, lease, "perhaps", confidence=0.6)
        assert (await desk.task(n)).route is Route.PEOPLE

        desk.clock.pass_by(61_000)
        await desk.review(n)

        task = await desk.task(n)
        assert (task.state, task.solution, task.solve_count) == (State.READY, b'"perhaps"', 1)

    async def test_a_decline_for_good_is_the_tasks_end(self, desk):
        account, person = await desk.open_account(), await desk.person(on_shift=True)
        n = await desk.submit(account)
        (lease,) = await desk.claim(person)

        verdict = await desk.give_back(person, lease, Decline.UNREADABLE)

        task = await desk.task(n)
        assert (verdict.accepted, verdict.paid) == (True, 0)
        assert (task.state, task.cause, task.solve_count) == (State.FAILED, Cause.UNSOLVED, 1)
        assert await desk.money(account) == (1_000_000, 0, 0)
