"""Spot checks, over every store: what machines settled alone is asked of people, and nobody else notices."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from answerdesk.desk.books import AddKey
from answerdesk.desk.chores import Retention, forget
from answerdesk.desk.spotchecks import MOST, SpotChecks, is_chosen
from answerdesk.model.account import DAY_MS, OWN, AccountId, Millis, Sequence
from answerdesk.model.answer import Decline
from answerdesk.model.fault import Refusal
from answerdesk.model.judge import Rules
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.solver import SHIFT_MS
from answerdesk.model.task import DEADLINE_MS, Cause, Permutation, State, Task, Trail
from tests.store.driver import PAY, PRICE, TYPE, Desk, draft

replace = msgspec.structs.replace
ALL = Rules(watched=1.0)


class Checked:
    """A desk that checks what its machine settles, with a person on shift."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.checks = SpotChecks(desk.store, desk.ids, desk.names)
        desk.store.listen(self.checks.hear)

    async def begin(self, rules: Rules = ALL, **person: Any) -> None:
        desk = self.desk
        await desk.set_rules(rules)
        self.account = await desk.open_account()
        self.machine = await desk.machine(on_shift=True)
        self.person = await desk.person(**({"on_shift": True} | person))

    async def settle(self, value: str = "word", confidence: float = 0.99, **fields: Any) -> Sequence:
        n = await self.desk.submit(self.account, **fields)
        (lease,) = await self.desk.claim(self.machine)
        await self.desk.answer(self.machine, lease, value, confidence)
        return n

    async def look(self) -> int:
        return await self.checks.check(self.checks.take(), self.desk.clock.now())

    async def check(self) -> Task:
        """Give the one task that the desk asks for itself."""
        (found,) = [task for task in await self.own() if not task.settled]
        return found

    async def own(self) -> list[Task]:
        oldest = await self.desk.store.oldest(100, media=False)
        tasks = [await self.desk.task(n) for n, _, _ in oldest]
        return [task for task in tasks if task.account == OWN]

    async def counted(self) -> list[tuple[int, int, int]]:
        found = await self.desk.store.comparisons(self.desk.clock.now())
        return [(one.permille, one.compared, one.agreed) for one in found]


@pytest.fixture
async def checked(desk) -> Checked:
    made = Checked(desk)
    await made.begin()
    return made


async def test_what_a_sandbox_is_answered_by_a_machine_is_not_checked(desk):
    checked = Checked(desk)
    await checked.begin(groups=frozenset({"shop"}))
    checked.account = await desk.open_account(balance=0, group="shop", sandbox=True)
    checked.machine = await desk.machine(on_shift=True, groups=frozenset({"shop"}))
    n = await checked.settle()

    assert (await desk.task(n)).trail is Trail.MACHINE
    assert await checked.look() == 0
    assert await checked.own() == []


@pytest.mark.parametrize(("said", "agreed"), [("word", 1), ("ward", 0)])
async def test_a_person_is_asked_and_the_machine_is_held_against_the_answer(checked, said, agreed):
    desk = checked.desk
    n = await checked.settle()
    before, money = await desk.task(n), await desk.money(checked.account)

    asked = await checked.look()
    (lease,) = await desk.claim(checked.person)
    verdict = await desk.answer(checked.person, lease, said)

    assert asked == 1
    assert lease.task != n
    assert (verdict.accepted, verdict.paid) == (True, PAY)
    assert await checked.counted() == [(990, 1, agreed)]
    (own,) = await checked.own()
    assert (own.state, own.trail, own.price) == (State.READY, Trail.MACHINE_PEOPLE, 0)
    # What the client has stays as it is.
    assert await desk.task(n) == before
    assert await desk.money(checked.account) == money == (1_000_000 - PRICE, 0, 0)
    assert await desk.money(replace(checked.account, id=OWN)) == (0, 0, 0)
    assert (await desk.store.sums()).drifting == ()


async def test_the_person_sees_the_same_picture_and_nothing_of_the_machines_answer(checked):
    desk = checked.desk
    await checked.settle(question=draft(b"\x89PNG one", b"\x89PNG two", lang="de", text="read it"))
    await checked.look()
    (lease,) = await desk.claim(checked.person)
    check = await checked.check()

    assert [await desk.store.content(lease.task, index) for index in range(3)] == [b"\x89PNG one", b"\x89PNG two", None]
    assert (check.asked().text, check.lang, check.solution) == ("read it", "de", b"")


async def test_no_machine_answers_a_check(checked):
    other = await checked.desk.machine(on_shift=True)
    await checked.settle()
    await checked.look()

    assert await checked.desk.claim(checked.machine) == await checked.desk.claim(other) == []


async def test_with_nobody_on_shift_nothing_is_checked(checked):
    checked.desk.clock.pass_by(SHIFT_MS + 1)
    await checked.settle()

    assert await checked.look() == 0
    assert await checked.own() == []


async def test_whoever_leaves_before_the_answer_leaves_a_check_that_ends_by_itself(checked):
    desk = checked.desk
    await checked.settle()
    await checked.look()
    desk.clock.pass_by(DEADLINE_MS)
    check = await checked.check()
    await desk.review(check.n)

    (ended,) = await checked.own()
    assert (ended.state, ended.cause) == (State.FAILED, Cause.OVERDUE)
    assert await checked.counted() == []
    assert (await desk.store.sums()).drifting == ()


async def test_a_person_who_cannot_read_it_either_ends_a_check(checked):
    await checked.settle()
    await checked.look()
    (lease,) = await checked.desk.claim(checked.person)
    await checked.desk.give_back(checked.person, lease, Decline.UNREADABLE)

    (ended,) = await checked.own()
    assert (ended.cause, await checked.counted()) == (Cause.UNSOLVED, [])


async def test_a_check_is_made_once_by_whoever_hears_of_the_task(checked):
    desk = checked.desk
    second = SpotChecks(desk.store, desk.ids, desk.names)
    desk.store.listen(second.hear)
    await checked.settle()

    made = await asyncio.gather(checked.look(), second.check(second.take(), desk.clock.now()))

    assert sorted(made) == [0, 1]
    assert len(await checked.own()) == 1


async def test_what_is_checked_is_not_checked_again_nor_what_people_had_a_part_in(checked):
    desk = checked.desk
    await checked.settle(confidence=0.6)
    (lease,) = await desk.claim(checked.person)
    await desk.answer(checked.person, lease)
    n = await checked.settle()
    await checked.look()
    await desk.answer(checked.person, (await desk.claim(checked.person))[0])
    await desk.report(n, checked.account, correct=True)

    assert await checked.look() == 0
    assert len(await checked.own()) == 1


async def test_a_check_is_for_those_who_may_have_its_task(desk):
    checked = Checked(desk)
    await checked.begin()
    vault = {"groups": frozenset({"vault"})}
    checked.account = await desk.change(checked.account, group="vault")
    checked.machine = await desk.machine(on_shift=True, **vault)
    insider = await desk.person(on_shift=True, **vault)
    await checked.settle()
    await checked.look()

    assert await desk.claim(checked.person) == []
    assert [lease.task for lease in await desk.claim(insider)] == [(await checked.check()).n]


async def test_as_many_people_as_must_agree_are_asked(desk):
    checked = Checked(desk)
    await checked.begin(Rules(watched=1.0, agree=2))
    other = await desk.person(on_shift=True)
    await checked.settle()
    await checked.look()
    for person in (checked.person, other):
        (lease,) = await desk.claim(person)
        await desk.answer(person, lease)

    assert await checked.counted() == [(990, 1, 1)]


async def test_a_check_is_forgotten_with_its_task(checked):
    desk = checked.desk
    n = await checked.settle()
    desk.clock.pass_by(SHIFT_MS // 2)
    await checked.look()
    await desk.answer(checked.person, (await desk.claim(checked.person))[0])
    (check,) = await checked.own()
    desk.clock.pass_by(DAY_MS - SHIFT_MS // 2 + 1)
    await forget(desk.store, desk.clock.now(), Retention())

    assert [await desk.store.task(each) for each in (n, check.n)] == [None, None]
    assert await desk.store.content(check.n, 0) is None


async def test_what_was_forgotten_meanwhile_is_not_checked(checked):
    await checked.settle()
    checked.desk.clock.pass_by(DAY_MS + 1)
    await forget(checked.desk.store, checked.desk.clock.now(), Retention())
    await checked.desk.save_solver(checked.person, seen=checked.desk.clock.now())

    assert await checked.look() == 0


async def test_the_desks_own_account_is_in_no_list_and_takes_no_key(checked):
    await checked.settle()
    await checked.look()

    assert [account.id for account, _ in await checked.desk.store.accounts()] == [checked.account.id]
    with pytest.raises(Refusal, match="takes no keys"):
        await checked.desk.store.run(AddKey(account=OWN, digest=b"digest", tail="tail"))


async def test_only_so_many_wait_to_be_checked(checked):
    checks, task = checked.checks, await checked.desk.task(await checked.settle())
    for number in range(MOST + 10):
        checks.hear(type("Heard", (), {"tasks": (replace(task, n=Sequence(1_000 + number)),)})())

    assert len(checks.take()) == MOST
    assert checks.take() == []


def settled(n: int, **fields: Any) -> Task:
    made = Task(
        n=Sequence(n), account=AccountId(1), type=TYPE, kind=Kind.TEXT, state=State.READY, price=Micros(0),
        question=b"", created=Millis(0), deadline=Millis(1), trail=Trail.MACHINE,
    )  # fmt: skip
    return replace(made, **fields)


class TestTheLot:
    def test_it_chooses_the_share_that_is_asked_for_and_the_same_tasks_each_time(self, ids):
        rules = Rules(watched=0.03)
        chosen = [n for n in range(1, 20_001) if is_chosen(settled(n), rules, ids)]

        assert 540 <= len(chosen) <= 660
        assert chosen == [n for n in range(1, 20_001) if is_chosen(settled(n), rules, ids)]
        # Neighbours are chosen apart from each other: nobody can tell from one task of the next.
        assert 2 <= sum(after == before + 1 for before, after in pairwise(chosen)) <= 40

    @pytest.mark.parametrize(("watched", "expected"), [(0.0, 0), (1.0, 100)])
    def test_none_or_all(self, ids, watched, expected):
        assert sum(is_chosen(settled(n), Rules(watched=watched), ids) for n in range(1, 101)) == expected

    @pytest.mark.parametrize(
        "fields",
        [{"state": State.FAILED}, {"state": State.OPEN}, {"trail": Trail.SANDBOX}, {"trail": Trail.PEOPLE},
         {"trail": Trail.MACHINE_PEOPLE}, {"account": OWN}],
    )  # fmt: skip
    def test_only_what_a_machine_settled_alone_is_chosen(self, ids, fields):
        assert not is_chosen(settled(1, **fields), ALL, ids)

    @pytest.fixture
    def ids(self):
        return Permutation(bytes(range(24)))
