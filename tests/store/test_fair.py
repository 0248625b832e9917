"""Whose task is next, over every store: accounts take turns by weight, whatever one of them floods the desk with."""

from __future__ import annotations

import asyncio

import pytest

from answerdesk.desk.work import PERSON_LEASE_MS
from answerdesk.model.answer import Decline
from answerdesk.model.fair import CREDIT, TURN
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.question import Constraints, Kind, Question
from answerdesk.model.talk import Draft
from tests.store.backends import on_sqlite
from tests.store.driver import draft

RICH = 10**9
CREDIT_TURNS = CREDIT // TURN


async def flood(desk, account, count, **fields):
    return [await desk.submit(account, **fields) for _ in range(count)]


async def served(desk, person, count):
    """Claim and answer a number of tasks one by one; gives whose they were."""
    whose = []
    for _ in range(count):
        (lease,) = await desk.claim(person, kinds=tuple(Kind))
        task = await desk.task(lease.task)
        whose.append(task.account)
        await desk.answer(person, lease)
    return whose


@pytest.fixture
async def three(desk):
    """Two accounts and a person."""
    return await desk.open_account(balance=RICH), await desk.open_account(balance=RICH), await desk.person()


@pytest.mark.parametrize(("weight", "waiting", "served_in", "share"), [(1, 5, 10, 5), (3, 20, 16, 12)])
async def test_turns_are_shared_by_weight_whatever_another_floods_the_desk_with(
    desk, weight, waiting, served_in, share
):
    loud, other = await desk.open_account(balance=RICH), await desk.open_account(balance=RICH, weight=weight)
    person = await desk.person()
    await flood(desk, loud, 30)
    await flood(desk, other, waiting)

    assert (await served(desk, person, served_in)).count(other.id) == share


async def test_a_newcomers_task_is_next_but_one(desk, three):
    loud, quiet, person = three
    await flood(desk, loud, 30)
    await served(desk, person, 12)
    await flood(desk, quiet, 1)

    assert quiet.id in await served(desk, person, 2)


async def test_a_changed_weight_counts_at_once(desk, three):
    first, second, person = three
    await flood(desk, first, 30)
    await flood(desk, second, 20)
    await served(desk, person, 2)
    changed = await desk.change(first, weight=3)
    assert (await served(desk, person, 8)).count(first.id) == 6

    await desk.change(changed, weight=1)
    # Whoever still has the account as it was when its tasks came changes nothing about it.
    await flood(desk, changed, 1)

    assert (await served(desk, person, 8)).count(first.id) == 4


async def test_a_changed_weight_counts_where_an_account_had_tasks_before(desk, three):
    first, second, person = three
    await flood(desk, first, 1)
    await served(desk, person, 1)
    assert await desk.claim(person) == []
    await desk.change(first, weight=3)
    await flood(desk, first, 12)
    await flood(desk, second, 12)
    await served(desk, person, 4)

    assert (await served(desk, person, 8)).count(first.id) == 6


async def test_an_accounts_own_tasks_keep_their_order(desk, three):
    loud, quiet, person = three
    numbers = await flood(desk, loud, 6)
    await flood(desk, quiet, 6)

    given = [lease.task for lease in await desk.claim(person, 12)]

    assert [n for n in given if n in numbers] == numbers


async def test_whose_time_is_up_first_comes_first_among_its_accounts_own(desk, three):
    loud, quiet, person = three
    slow = await flood(desk, loud, 2, deadline_ms=300_000)
    (urgent,) = await flood(desk, loud, 1, deadline_ms=30_000)
    (other,) = await flood(desk, quiet, 1, deadline_ms=300_000)

    assert [lease.task for lease in await desk.claim(person, 4)] == [urgent, other, *slow]


async def test_who_asks_one_by_one_starves_nobody(desk, three):
    loud, quiet, person = three
    await flood(desk, loud, 12)
    whose = []
    for _ in range(12):
        await flood(desk, quiet, 1)
        whose += await served(desk, person, 1)

    assert 5 <= whose.count(loud.id) <= 7


async def test_what_was_given_up_unserved_is_not_held_against_an_account(desk, three):
    loud, quiet, person = three
    for n in await flood(desk, loud, 30):
        await desk.cancel(n)
    await flood(desk, quiet, 10)
    await served(desk, person, 4)
    await flood(desk, loud, 4)

    assert (await served(desk, person, 6)).count(loud.id) >= 3


async def test_an_account_that_was_alone_does_not_pay_for_it(desk, three):
    loud, quiet, person = three
    await flood(desk, loud, 30)
    await served(desk, person, 20)
    await flood(desk, quiet, 30)

    assert (await served(desk, person, 10)).count(loud.id) == 5


async def test_kinds_take_turns_too(desk, three):
    loud, quiet, person = three
    await flood(desk, loud, 20)
    await served(desk, person, 5)
    sound = Draft(
        type="AudioTask", question=Question(kind=Kind.QUESTION, text="why?", constraints=Constraints()), blobs=()
    )
    await desk.submit(quiet, sound)

    assert quiet.id in await served(desk, person, 2)


async def test_one_claim_for_many_goes_round_the_kinds(desk, three):
    loud, quiet, person = three
    await flood(desk, loud, 6)
    words = Draft(type="TextCaptchaTask", question=Question(kind=Kind.QUESTION, text="why?"), blobs=())
    await flood(desk, quiet, 6, question=words)

    given = await desk.claim(person, 6, kinds=tuple(Kind))

    kinds = [(await desk.task(lease.task)).kind for lease in given]
    assert kinds.count(Kind.TEXT) == kinds.count(Kind.QUESTION) == 3


async def test_accounts_whose_tasks_are_all_at_work_are_passed_over(desk, three):
    loud, quiet, person = three
    other = await desk.person()
    await flood(desk, loud, 2)
    await desk.claim(other, 2)
    (theirs,) = await flood(desk, quiet, 1)

    assert [lease.task for lease in await desk.claim(person)] == [theirs]
    desk.clock.pass_by(PERSON_LEASE_MS)
    assert len(await desk.claim(person, 2)) == 2


async def test_what_machines_passed_on_queues_as_it_came_to_people(desk, three):
    """A flood that machines were quick to doubt leaves people's turns to others."""
    loud, quiet, person = three
    machine = await desk.machine(on_shift=True)
    await desk.claim(person)
    await flood(desk, loud, 10)
    for lease in await desk.claim(machine, 10):
        await desk.give_back(machine, lease)
    await flood(desk, quiet, 1)
    (lease,) = await desk.claim(machine)
    await desk.give_back(machine, lease)

    assert quiet.id in await served(desk, person, 2)


async def test_who_was_passed_over_for_its_language_catches_up_a_little_only(desk, three):
    german, other, person = three
    reader = await desk.person(languages=frozenset({"fr"}))
    await flood(desk, german, 40, question=draft(lang="de"))
    await flood(desk, other, 60, question=draft(lang="fr"))
    for _ in range(30):
        (lease,) = await desk.claim(reader)
        await desk.answer(reader, lease)

    caught_up = await served(desk, person, 4 * CREDIT_TURNS)

    assert caught_up[: CREDIT_TURNS - 1] == [german.id] * (CREDIT_TURNS - 1)
    assert caught_up[2 * CREDIT_TURNS :].count(other.id) >= CREDIT_TURNS - 1


async def test_a_lease_that_ran_out_leaves_its_task_at_the_front(desk, three):
    loud, _, person = three
    numbers = await flood(desk, loud, 3)
    other = await desk.person()
    await desk.claim(person)
    desk.clock.pass_by(PERSON_LEASE_MS)

    assert [lease.task for lease in await desk.claim(other, 3)] == numbers


async def test_many_claims_at_once_share_turns_as_one_by_one(desk, three):
    loud, quiet, _ = three
    people = [await desk.person() for _ in range(4)]
    await flood(desk, loud, 20)
    await flood(desk, quiet, 8)

    given = await asyncio.gather(*(desk.claim(person, 3) for person in people))
    tasks = [await desk.task(lease.task) for leases in given for lease in leases]

    assert [task.account for task in tasks].count(quiet.id) == 6


class TestGroups:
    async def test_a_groups_tasks_go_to_its_members_alone(self, desk):
        account, plain = await desk.open_account(group="acme"), await desk.open_account()
        member, other = await desk.person(groups=frozenset({"acme"})), await desk.person()
        theirs = await desk.submit(account)

        assert await desk.claim(other) == []
        assert [lease.task for lease in await desk.claim(member)] == [theirs]
        anybodys = await desk.submit(plain)
        assert [lease.task for lease in await desk.claim(member)] == [anybodys]

    async def test_members_share_their_turns_between_their_group_and_everybody(self, desk):
        account, plain = await desk.open_account(group="acme", balance=RICH), await desk.open_account(balance=RICH)
        member = await desk.person(groups=frozenset({"acme"}))
        await flood(desk, account, 10)
        await flood(desk, plain, 10)

        assert (await served(desk, member, 10)).count(plain.id) == 5

    async def test_without_a_member_nothing_is_accepted(self, desk):
        account, _ = await desk.open_account(group="acme"), await desk.person(groups=frozenset({"other"}))

        with pytest.raises(Refusal, match="group acme") as refused:
            await desk.submit(account)
        assert refused.value.fault is Fault.NO_SLOT_AVAILABLE

    async def test_only_members_are_waited_for(self, desk):
        """With one member on shift its decline is the end, whoever else is there."""
        account = await desk.open_account(group="acme")
        member, _ = await desk.person(groups=frozenset({"acme"}), on_shift=True), await desk.person(on_shift=True)
        n = await desk.submit(account)
        (lease,) = await desk.claim(member)
        await desk.give_back(member, lease, Decline.UNREADABLE)

        assert (await desk.task(n)).settled


async def test_a_flow_without_tasks_is_no_longer_looked_at(desk, three):
    loud, quiet, person = three
    await flood(desk, loud, 1)
    await flood(desk, quiet, 1)
    await served(desk, person, 2)
    await desk.claim(person)

    assert await looked_at(desk) == 0
    await flood(desk, loud, 1)
    assert await looked_at(desk) == 1
    assert await served(desk, person, 1) == [loud.id]


async def looked_at(desk) -> int:
    ((count,),) = await desk.store._rows("SELECT count(*) FROM flows WHERE active = 1")  # noqa: SLF001 - its own rows
    return count


@on_sqlite
async def test_what_a_claim_costs_does_not_grow_with_what_waits_in_other_languages(desk, three):
    loud, _, _ = three
    reader = await desk.person(languages=frozenset({"fr"}))
    await desk.person()
    steps = []
    for _ in range(3):
        await flood(desk, loud, 200, question=draft(lang="de"))
        count = [0]
        database = desk.store._group._db  # noqa: SLF001 - what it costs is the database's to tell
        database.set_progress_handler(lambda count=count: count.__setitem__(0, count[0] + 1), 10)
        assert await desk.claim(reader) == []
        database.set_progress_handler(None, 0)
        steps.append(count[0])

    assert steps[2] <= steps[0] + 2
