"""What customers may do, over every store: submit, look up, cancel, report; and what it costs them."""

from __future__ import annotations

import asyncio

import pytest

from answerdesk.desk.orders import Submit
from answerdesk.desk.ports import Listing
from answerdesk.model.account import DAY_MS, Millis, Sequence
from answerdesk.model.answer import Decline
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.talk import UNKNOWN_TASK, Processing, Ready, Refused
from answerdesk.model.task import DEADLINE_MS, Cause, Route, State, TaskId
from tests.store.driver import PICTURE, PRICE, Desk, draft

HOUR_MS = 3_600_000


async def refused(waiting, fault: Fault) -> str:
    """Give the words of a refusal that must come."""
    with pytest.raises(Refusal) as caught:
        await waiting
    assert caught.value.fault is fault
    return caught.value.detail


async def balanced(desk: Desk) -> bool:
    return (await desk.store.sums()).drifting == ()


async def test_a_submitted_task_is_stored_with_what_was_asked(desk):
    account, _ = await desk.open_account(), await desk.person()
    asked = draft(b"one", b"", b"three", lang="de", text="which word?")

    n = await desk.submit(account, asked, ip="192.0.2.9")

    task = await desk.task(n)
    assert (task.account, task.state, task.ip, task.lang) == (account.id, State.OPEN, "192.0.2.9", "de")
    assert (task.created, task.deadline, task.rank) == (
        desk.clock.now(),
        desk.clock.now() + DEADLINE_MS,
        desk.clock.now(),
    )
    assert (task.route, task.slots, task.price) == (Route.PEOPLE, 1, PRICE)
    assert task.asked() == asked.question
    assert [await desk.store.content(n, index) for index in range(-1, 4)] == [None, b"one", b"", b"three", None]


async def test_submitting_sets_the_price_aside(desk):
    account, _ = await desk.open_account(balance=2_500), await desk.person()

    await desk.submit(account)

    assert await desk.money(account) == (1_500, 1_000, 1)
    assert await balanced(desk)


async def test_a_task_nobody_can_pay_is_not_stored(desk):
    account, _ = await desk.open_account(balance=PRICE - 1), await desk.person()

    words = await refused(desk.submit(account), Fault.ZERO_BALANCE)

    assert "0.000999" in words
    assert "0.00100" in words
    assert await desk.money(account) == (PRICE - 1, 0, 0)
    assert await desk.store.tasks(Listing()) == []
    assert await balanced(desk)


async def test_the_limit_of_a_day_ends_with_the_day(desk):
    account, _ = await desk.open_account(spend_per_day=Micros(2 * PRICE)), await desk.person()
    await desk.submit(account)
    await desk.submit(account)

    assert "a day (UTC)" in await refused(desk.submit(account), Fault.ZERO_BALANCE)
    desk.clock.pass_by(DAY_MS)
    assert await desk.submit(account)


async def test_what_is_released_does_not_count_for_the_day(desk):
    account, _ = await desk.open_account(spend_per_day=Micros(PRICE)), await desk.person()
    n = await desk.submit(account)
    await desk.cancel(n)

    assert await desk.submit(account)


async def test_a_release_after_midnight_leaves_the_new_day_alone(desk):
    account, _ = await desk.open_account(spend_per_day=Micros(PRICE)), await desk.person()
    yesterday = await desk.submit(account, deadline_ms=2 * DAY_MS)
    desk.clock.pass_by(DAY_MS)
    await desk.submit(account)
    await desk.cancel(yesterday)

    await refused(desk.submit(account), Fault.ZERO_BALANCE)


async def test_no_more_than_the_allowed_tasks_are_open_at_once(desk):
    account, _ = await desk.open_account(max_open=2), await desk.person()
    first = await desk.submit(account)
    await desk.submit(account)

    assert "2 unfinished tasks" in await refused(desk.submit(account), Fault.NO_SLOT_AVAILABLE)
    await desk.cancel(first)
    assert await desk.submit(account)


@pytest.mark.parametrize(
    "grants",
    [
        {"kinds": frozenset({Kind.AUDIO})},
        {"languages": frozenset({"fr"})},
        {"enabled": False},
    ],
)
async def test_a_task_nobody_is_granted_is_refused(desk, grants):
    account, _ = await desk.open_account(), await desk.person(**grants)

    words = await refused(desk.submit(account, draft(lang="de")), Fault.NO_SLOT_AVAILABLE)

    assert "the kind text in language de" in words
    assert await desk.money(account) == (1_000_000, 0, 0)


async def test_money_is_looked_at_before_capacity(desk):
    account = await desk.open_account(balance=0, max_open=1)

    await refused(desk.submit(account), Fault.ZERO_BALANCE)


async def test_a_price_of_the_account_comes_before_the_desks(desk):
    account, other, _ = await desk.open_account(), await desk.open_account(), await desk.person()
    await desk.set_price(2_000)
    await desk.set_price(3_000, account=account.id)

    prices = [(await desk.task(await desk.submit(each))).price for each in (account, other)]

    assert prices == [3_000, 2_000]
    assert await balanced(desk)


async def test_a_free_task_moves_no_money(desk):
    account, person = await desk.open_account(balance=0), await desk.person()
    await desk.set_price(0, 0)

    n = await desk.solved(account, person)

    assert (await desk.task(n)).state is State.READY
    assert await desk.money(account) == (0, 0, 0)
    assert (await desk.store.sums()).entries == 0


async def test_a_price_that_changes_later_leaves_a_task_its_own(desk):
    account, person = await desk.open_account(balance=PRICE), await desk.person()
    n = await desk.submit(account)
    await desk.set_price(9_999)
    (lease,) = await desk.claim(person)
    await desk.answer(person, lease)

    assert await desk.money(account) == (0, 0, 0)
    assert (await desk.task(n)).price == PRICE
    assert await balanced(desk)


async def test_500_submits_at_once_never_overspend_a_balance_for_100(desk):
    account, _ = await desk.open_account(balance=100 * PRICE + 999), await desk.person()

    replies = await asyncio.gather(*(desk.submit(account) for _ in range(500)), return_exceptions=True)

    made = [reply for reply in replies if isinstance(reply, int)]
    faults = {reply.fault for reply in replies if isinstance(reply, Refusal)}
    assert (len(made), len(set(made)), faults) == (100, 100, {Fault.ZERO_BALANCE})
    assert await desk.money(account) == (999, 100 * PRICE, 100)
    assert len(await desk.store.tasks(Listing(most=1_000))) == 100
    assert await balanced(desk)


class TestIdempotency:
    KEY = ("key-1", b"digest of the body")

    async def test_the_same_key_and_body_give_the_first_task_again(self, desk):
        account, _ = await desk.open_account(), await desk.person()
        made = await desk.submit_or_replay(account, replay=self.KEY)

        again = await desk.submit_or_replay(account, replay=self.KEY)

        assert made[1] is False
        assert again == (made[0], True)
        assert await desk.money(account) == (999_000, 1_000, 1)

    async def test_the_same_key_with_another_body_is_refused(self, desk):
        account, _ = await desk.open_account(), await desk.person()
        await desk.submit(account, replay=self.KEY)

        words = await refused(desk.submit(account, replay=("key-1", b"other")), Fault.BAD_PARAMETERS)

        assert "Idempotency-Key" in words
        assert await desk.money(account) == (999_000, 1_000, 1)

    async def test_a_key_is_good_for_a_day_and_then_fresh_again(self, desk):
        account, _ = await desk.open_account(), await desk.person()
        first = await desk.submit(account, replay=self.KEY)

        desk.clock.pass_by(DAY_MS - 1)
        assert await desk.submit_or_replay(account, replay=self.KEY) == (first, True)
        desk.clock.pass_by(1)
        second, replayed = await desk.submit_or_replay(account, replay=("key-1", b"other"))

        assert (second != first, replayed) == (True, False)
        assert await desk.submit_or_replay(account, replay=("key-1", b"other")) == (second, True)

    async def test_keys_of_two_accounts_have_nothing_to_do_with_each_other(self, desk):
        account, other, _ = await desk.open_account(), await desk.open_account(), await desk.person()
        first = await desk.submit(account, replay=self.KEY)

        second, replayed = await desk.submit_or_replay(other, replay=self.KEY)

        assert (second != first, replayed) == (True, False)

    async def test_a_key_is_spent_only_by_a_task_that_was_made(self, desk):
        account, _ = await desk.open_account(balance=0), await desk.person()
        await refused(desk.submit(account, replay=self.KEY), Fault.ZERO_BALANCE)
        await desk.top_up(account, PRICE)

        assert await desk.submit_or_replay(account, replay=self.KEY) != (None, True)
        assert await desk.money(account) == (0, PRICE, 1)

    async def test_of_many_at_once_one_makes_the_task_and_the_others_find_it(self, desk):
        account, _ = await desk.open_account(), await desk.person()

        made = await asyncio.gather(*(desk.submit_or_replay(account, replay=self.KEY) for _ in range(100)))

        assert len({n for n, _ in made}) == 1
        assert sum(not replayed for _, replayed in made) == 1
        assert await desk.money(account) == (999_000, 1_000, 1)


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
    async def test_a_cancelled_task_gives_its_price_back_and_says_so(self, desk):
        account, _ = await desk.open_account(), await desk.person()
        task, _ = await desk.orders.submit(account, draft(), "192.0.2.1", deadline_ms=DEADLINE_MS)

        assert await desk.orders.cancel(task, account.id)

        reply = await desk.orders.look_up(account.id, task, desk.clock.now())
        assert reply == Refused(fault=Fault.CAPTCHA_UNSOLVABLE, detail="cancelled by operator")
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


async def test_tasks_are_listed_newest_first_by_page(desk):
    account, other, person = await desk.open_account(), await desk.open_account(), await desk.person()
    first = await desk.solved(account, person)
    second = await desk.submit(other)
    third = await desk.submit(account)

    async def listed(**wanted):
        return [task.n for task in await desk.store.tasks(Listing(**wanted))]

    assert await listed() == [third, second, first]
    assert await listed(most=2) == [third, second]
    assert await listed(before=second) == [first]
    assert await listed(account=account.id) == [third, first]
    assert await listed(state=State.OPEN) == [third, second]
    assert await listed(account=account.id, state=State.READY) == [first]


async def test_only_final_ones_are_read_among_many(desk):
    account, person = await desk.open_account(), await desk.person()
    done = await desk.solved(account, person)
    waiting = await desk.submit(account)

    found = await desk.store.settled_among([*range(1, 20_000), done, waiting])

    assert [task.n for task in found] == [done]


async def test_what_is_not_there_is_none(desk):
    assert await desk.store.task(Sequence(2**53)) is None
    assert await desk.store.lease("no such lease") is None
    assert await desk.store.content(Sequence(1), 0) is None
    assert await desk.store.account_by_key(b"no such key") is None
    assert await desk.store.solver_by_token(b"no such token") is None


async def test_a_verb_that_names_an_unknown_account_is_refused_alone(desk):
    account, _ = await desk.open_account(), await desk.person()
    stranger = account.__class__(id=account.id + 50, name="never opened")
    submits = [
        Submit(n=await desk.store.draw(), account=who, draft=draft(PICTURE), ip="") for who in (account, stranger)
    ]

    made, failed = await asyncio.gather(*(desk.store.run(verb) for verb in submits), return_exceptions=True)

    assert made == (submits[0].n, False)
    assert isinstance(failed, Exception)
    assert await balanced(desk)
