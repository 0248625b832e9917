"""Rows that this version cannot read, or not any more: they cost themselves alone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import structlog

from answerdesk.desk.books import SaveRules
from answerdesk.desk.ports import Changes, Needs, Rows
from answerdesk.model.account import Millis, Sequence
from answerdesk.model.answer import Verdict, Why
from answerdesk.model.judge import UNREAD, Rules
from answerdesk.model.money import Micros
from answerdesk.model.task import DEADLINE_MS, Cause, State
from answerdesk.wire import DIALECTS
from tests.store.driver import TYPE, Desk

LOST = "NoLongerServedTask"
#: A question whose bytes were damaged, and one of a kind that this version does not know.
SPOILT = (b'{"kind":"te', b'{"kind":"riddle"}')


class Plant(msgspec.Struct, frozen=True, kw_only=True):
    """Store a task like another one, but for what is wrong with it, and free."""

    like: Sequence
    n: Sequence
    wrong: dict[str, Any]

    @property
    def needs(self) -> Needs:
        return Needs(tasks=(self.like,))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, None]:
        del now
        task = msgspec.structs.replace(rows.tasks[self.like], n=self.n, price=Micros(0), **self.wrong)
        purse = rows.purses[task.account]
        purse = msgspec.structs.replace(purse, open_tasks=purse.open_tasks + 1)
        return Changes(created=((task, ()),), purses=(purse,)), None


async def planted(desk: Desk, like: Sequence, **wrong: Any) -> Sequence:
    n = await desk.store.draw()
    await desk.store.run(Plant(like=like, n=n, wrong=wrong))
    return n


async def test_a_question_that_cannot_be_read_ends_its_own_task_and_keeps_no_other_from_review(desk):
    account = await desk.open_account()
    await desk.machine()
    first = await desk.submit(account)
    spoilt = await planted(desk, first, question=b'{"kind":"riddle"}')
    last = await desk.submit(account)
    desk.clock.pass_by(DEADLINE_MS - 1)

    await desk.review(first, spoilt, last)

    ended = await desk.task(spoilt)
    assert (ended.state, ended.cause) == (State.FAILED, Cause.UNDECODABLE)
    assert [(await desk.task(n)).state for n in (first, last)] == [State.OPEN, State.OPEN]
    assert (await desk.store.sums()).drifting == ()


async def test_a_question_that_cannot_be_read_any_more_when_it_is_answered_ends_its_task(desk):
    account, ann, bob = await desk.open_account(), await desk.person(on_shift=True), await desk.person(on_shift=True)
    await desk.set_rules(Rules(agree=2))
    first = await desk.submit(account)
    spoilt = [await planted(desk, first, question=question) for question in SPOILT]
    leases = {lease.task: lease for lease in await desk.claim(ann, most=len(SPOILT) + 1)}
    answered, declined = spoilt

    verdicts = [await desk.answer(ann, leases[answered]) for _ in range(2)]
    verdict = await desk.give_back(ann, leases[declined])

    assert verdicts == [Verdict(accepted=False, why=Why.SETTLED)] * 2
    assert verdict.accepted
    assert [(await desk.task(n)).cause for n in spoilt] == [Cause.UNDECODABLE] * 2
    assert [lease.task for lease in await desk.claim(bob, most=3)] == [first]
    assert (await desk.store.sums()).drifting == ()


async def test_a_row_in_words_nobody_knows_is_told_of_and_passed_over(desk):
    account, person = await desk.open_account(), await desk.person()
    first = await desk.submit(account)
    unknown = await planted(desk, first, cause="eaten")
    last = await desk.submit(account)
    desk.clock.pass_by(DEADLINE_MS)

    with structlog.testing.capture_logs() as logged:
        await desk.review(first, unknown, last)

    assert [(await desk.task(n)).cause for n in (first, last)] == [Cause.OVERDUE, Cause.OVERDUE]
    assert [(line["event"], line["n"]) for line in logged] == [("task_unreadable", unknown)]
    assert await desk.claim(person) == []


async def test_a_claim_passes_over_a_row_it_cannot_read(desk):
    account, person = await desk.open_account(), await desk.person()
    first = await desk.submit(account)
    await planted(desk, first, cause="eaten", rank=0)

    with structlog.testing.capture_logs():
        leases = await desk.claim(person, most=2)

    assert [lease.task for lease in leases] == [first]


@pytest.mark.parametrize("poisoned", [1, 3])
async def test_rows_it_cannot_read_at_the_front_leave_no_claim_empty(desk, poisoned):
    account, other, person = await desk.open_account(), await desk.open_account(), await desk.person()
    first = await desk.submit(account)
    for rank in range(poisoned):
        await planted(desk, first, cause="eaten", rank=rank)
    second = await desk.submit(other)

    with structlog.testing.capture_logs():
        leases = [await desk.claim(person, most=1) for _ in range(3)]

    assert sorted(lease.task for given in leases for lease in given) == [first, second]
    assert [len(given) for given in leases] == [1, 1, 0]


async def test_a_task_of_a_type_that_is_gone_is_claimed_answered_and_told(desk):
    account, person, machine = await desk.open_account(), await desk.person(), await desk.machine()
    first = await desk.submit(account)
    lost = await planted(desk, first, type=LOST)
    await desk.cancel(first)

    (by_machine,) = await desk.claim(machine)
    await desk.give_back(machine, by_machine)
    (lease,) = await desk.claim(person)
    verdict = await desk.answer(person, lease, "word")

    assert (lease.task, verdict.accepted, verdict.paid) == (lost, True, 0)
    told = await desk.orders.look_up(account.id, desk.ids.show(lost), desk.clock.now())
    assert told.type == LOST
    assert [dialect.ready(told)["solution"]["text"] for dialect in DIALECTS.values()] == ["word"] * len(DIALECTS)


class Scrawl(msgspec.Struct, frozen=True, kw_only=True):
    """Rules as an earlier version let them be written: a threshold that is no number is told as null."""

    machine_threshold: float = float("nan")


@pytest.mark.parametrize("wrong", [Scrawl(), Scrawl(machine_threshold=-3)], ids=["no number", "out of range"])
async def test_rules_that_cannot_be_read_are_told_of_and_cost_their_own_type_alone(shared, clock, wrong):
    before = Desk(shared.open(), clock)
    await before.store.run(SaveRules(type="GridTask", rules=Rules(agree=2)))
    await before.store.run(SaveRules(type=TYPE, rules=wrong))

    with structlog.testing.capture_logs() as logged:
        store = shared.open()

    assert {(line["event"], line["type"]) for line in logged} == {("rules_unreadable", TYPE)}
    house = store.house()
    assert house.unread == (TYPE,)
    assert (house.rules_for(TYPE), house.rules_for("GridTask")) == (UNREAD, Rules(agree=2))
    await store.run(SaveRules(type=TYPE, rules=Rules(agree=3)))
    assert (store.house().unread, store.house().rules_for(TYPE)) == ((), Rules(agree=3))


async def test_where_rules_cannot_be_read_no_machine_answers_alone(desk):
    account, machine, person = await desk.open_account(), await desk.machine(), await desk.person()
    await desk.set_rules(UNREAD)
    n = await desk.submit(account)
    (lease,) = await desk.claim(machine)
    await desk.answer(machine, lease, "word", confidence=1.0)
    assert not (await desk.task(n)).settled

    (lease,) = await desk.claim(person)
    await desk.answer(person, lease, "words")

    assert (await desk.task(n)).solution == b'"words"'
