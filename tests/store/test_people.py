"""People, their links and sessions over every store: what one unit writes, and what another process sees of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from answerdesk.desk.chores import Retention, sign_out
from answerdesk.desk.people import (
    Change,
    Enrol,
    Enter,
    MakeLink,
    SaveOwn,
    Secure,
    See,
    SignIn,
    SignOut,
    Sweep,
)
from answerdesk.model.fault import Refusal
from answerdesk.model.person import IDLE_MS, INVITE_MS, LIFE_MS, Link, Person, PersonId, Purpose, Role, Session
from answerdesk.model.question import Kind
from answerdesk.model.solver import Solver, SolverId
from tests.store.driver import Desk

NOBODY = PersonId(0)


class People:
    """The people of one desk, in few words."""

    def __init__(self, desk) -> None:
        self.desk = desk
        self.store = desk.store
        self._last = 100

    def number(self) -> int:
        self._last += 1
        return self._last

    async def enrol(self, name, role=Role.WORKER, *, answers=False, by=None, link=None, **settings) -> Person:
        person = Person(id=PersonId(self.number()), name=name, role=role, **settings)
        solver = Solver(id=SolverId(self.number()), name=name, machine=False) if answers else None
        if link:
            link = Link(digest=link, person=person.id, purpose=Purpose.INVITE)
        return await self.store.run(Enrol(person=person, solver=solver, link=link, by=by))

    async def link(self, person, digest=b"link", purpose=Purpose.INVITE, by=None) -> Link:
        return await self.store.run(MakeLink(link=Link(digest=digest, person=person.id, purpose=purpose), by=by))

    async def enter(self, link=b"link", session=b"session", before=None):
        fresh = Session(digest=session, person=NOBODY, agent="Firefox")
        return await self.store.run(Enter(link=link, session=fresh, before=before))

    async def sign_in(self, person, session=b"session", **fields):
        fresh = Session(digest=session, person=NOBODY)
        return (await self.store.run(SignIn(person=person, session=fresh, **fields)))[0]

    async def digests(self, person=None) -> set[bytes]:
        return {one.digest for one in await self.store.sessions(person and person.id)}


def beside(shared) -> People:
    """The people as one more process sees them."""
    return People(Desk(shared.open(), shared.clock))


@pytest.fixture
def people(desk) -> People:
    return People(desk)


async def test_what_is_written_of_a_person_is_read_again(people, clock):
    person = await people.enrol("Ann", Role.OPERATOR, answers=True, language="es", keys={"send": "KeyS"})

    assert person.created == clock.now()
    assert await people.store.person(person.id) == person
    assert await people.store.person_called("ann") == person
    assert await people.store.people() == [person]
    assert [one.id for one in people.store.house().solvers] == [person.solver]
    assert await people.store.person(PersonId(1)) is None
    assert await people.store.person_called("Ann") is None


@pytest.mark.parametrize("name", ["Ann", "ANN", " ann ", "Ａｎｎ"])
async def test_two_people_are_not_called_alike(people, name):
    await people.enrol("Ann")
    with pytest.raises(Refusal, match="called 'Ann' already"):
        await people.enrol(name, answers=True)

    assert len(await people.store.people()) == 1
    assert people.store.house().solvers == ()


async def test_two_of_one_batch_are_not_called_alike_either(people):
    said = await asyncio.gather(people.enrol("ann"), people.enrol("ANN"), return_exceptions=True)

    assert [type(one) for one in said] == [Person, Refusal]


async def test_a_worker_and_a_person_are_not_called_alike(people):
    await people.desk.person("bob")
    with pytest.raises(Refusal, match="worker called 'bob' already"):
        await people.enrol("bob", answers=True)


@pytest.mark.parametrize("name", ["", "12", "a\nb"])
async def test_a_name_that_cannot_be_is_refused(people, name):
    with pytest.raises(Refusal, match="printable"):
        await people.enrol(name)


async def test_a_link_is_spent_in_the_unit_that_opens_the_session(people, clock):
    person = await people.enrol("ann", link=b"link")
    link, owner = await people.store.link(b"link")
    assert (owner, link.until, link.used) == (person, clock.now() + INVITE_MS, 0)
    session, entered = await people.enter()

    assert entered == person
    assert (session.created, session.seen, session.until) == (clock.now(), clock.now(), clock.now() + LIFE_MS)
    assert await people.store.session(b"session") == (session, person)
    assert (await people.store.link(b"link"))[0].used == clock.now()


async def test_of_two_who_open_a_link_at_once_one_is_let_in(people):
    await people.enrol("ann", link=b"link")
    said = await asyncio.gather(people.enter(session=b"1"), people.enter(session=b"2"), return_exceptions=True)

    assert [type(one) for one in said] == [tuple, Refusal]
    assert await people.digests() == {b"1"}


async def test_of_two_processes_one_lets_in(shared, clock):
    here, there = beside(shared), beside(shared)
    await here.enrol("ann", link=b"link")
    said = await asyncio.gather(here.enter(session=b"1"), there.enter(session=b"2"), return_exceptions=True)

    assert sorted(type(one).__name__ for one in said) == ["Refusal", "tuple"]
    assert len(await here.digests()) == 1


@pytest.mark.parametrize("link", [b"unknown", b"past", b"spent"])
async def test_a_link_that_is_not_good_opens_nothing(people, clock, link):
    person = await people.enrol("ann")
    await people.link(person, b"past")
    clock.pass_by(INVITE_MS)
    if link == b"spent":
        await people.link(person, b"spent")
        await people.enter(b"spent", b"first")
        await people.store.run(SignOut(person=person.id, but=True))
    with pytest.raises(Refusal, match="opened before or its time is past"):
        await people.enter(link)

    assert await people.digests() == set()


async def test_a_fresh_link_takes_the_place_of_others(people):
    person = await people.enrol("ann", link=b"1")
    await people.link(person, b"2")

    assert await people.store.link(b"1") is None
    assert [one.digest for one in await people.store.links(people.desk.clock.now())] == [b"2"]


async def test_one_browser_has_one_session(people):
    ann = await people.enrol("ann", link=b"1")
    await people.enter(b"1", b"first")
    await people.link(ann, b"2")
    await people.enter(b"2", b"second", before=b"first")
    await people.sign_in(ann, b"third", before=b"second")

    assert await people.digests() == {b"third"}


async def test_signing_in_needs_the_person_as_compared(people):
    ann = await people.enrol("ann", password="hash")
    await people.store.run(Secure(person=ann, settings={"password": "other"}))
    with pytest.raises(Refusal, match="changed meanwhile"):
        await people.sign_in(ann)
    with pytest.raises(Refusal, match="nobody has the number"):
        await people.sign_in(Person(id=PersonId(1), name="x", role=Role.OWNER))


async def test_a_suspended_person_signs_in_by_nothing(people):
    ann = await people.enrol("ann", link=b"link")
    await people.sign_in(ann, b"here")
    await people.store.run(Change(person=ann, settings={"enabled": False}))
    with pytest.raises(Refusal, match="ann is suspended"):
        await people.sign_in(ann)
    with pytest.raises(Refusal, match="ann is suspended"):
        await people.link(ann)
    with pytest.raises(Refusal, match="opened before"):
        await people.enter()

    assert await people.digests() == set()


async def test_a_code_is_taken_once_even_by_two_at_once(people):
    ann = await people.enrol("ann", totp="secret", totp_step=6)
    said = await asyncio.gather(
        *(people.sign_in(ann, bytes([step, turn]), step=step) for turn, step in enumerate((7, 7, 6, 8))),
        return_exceptions=True,
    )

    assert [type(one) for one in said] == [Session, Refusal, Refusal, Session]
    assert (await people.store.person(ann.id)).totp_step == 8


async def test_sessions_are_ended_by_name_or_all_but_one(people):
    ann, bob = await people.enrol("ann"), await people.enrol("bob")
    for digest in (b"1", b"2", b"3"):
        await people.sign_in(ann, digest)
    await people.sign_in(bob, b"4")

    assert await people.store.run(SignOut(person=ann.id, sessions=(b"1", b"4"))) == 1
    assert await people.digests() == {b"2", b"3", b"4"}
    assert await people.store.run(SignOut(person=ann.id, sessions=(b"2",), but=True)) == 1
    assert await people.digests() == {b"2", b"4"}
    assert await people.store.run(SignOut(person=ann.id, sessions=(b"1",))) == 0


async def test_sessions_are_listed_the_last_used_first(people, clock):
    ann, bob = await people.enrol("ann"), await people.enrol("bob")
    for person, digest in ((ann, b"1"), (bob, b"2"), (ann, b"3")):
        await people.sign_in(person, digest)
        clock.pass_by(1)
    await people.store.run(See(session=b"1"))

    assert [one.digest for one in await people.store.sessions(ann.id)] == [b"1", b"3"]
    assert [one.digest for one in await people.store.sessions(None)] == [b"1", b"3", b"2"]


async def test_a_session_that_ended_is_not_brought_back_by_being_used(people, clock):
    ann = await people.enrol("ann")
    await people.sign_in(ann)
    ended, seen = await asyncio.gather(
        people.store.run(SignOut(person=ann.id, but=True)), people.store.run(See(session=b"session"))
    )
    assert (ended, seen) == (1, None)
    assert await people.digests() == set()
    await people.sign_in(ann)
    clock.pass_by(IDLE_MS)

    assert await people.store.run(See(session=b"session")) is None


async def test_securing_an_account_leaves_one_fresh_session(people):
    ann = await people.enrol("ann")
    for digest in (b"1", b"2"):
        await people.sign_in(ann, digest)
    changed = await people.store.run(
        Secure(person=ann, settings={"password": "hash"}, session=Session(digest=b"3", person=NOBODY))
    )

    assert changed.password == "hash"
    assert await people.digests() == {b"3"}
    with pytest.raises(Refusal, match="changed meanwhile"):
        await people.store.run(Secure(person=ann, settings={"password": ""}))


async def test_a_new_role_or_suspension_ends_sessions_and_a_new_name_does_not(people):
    ann = await people.enrol("ann", answers=True)
    for settings, left in (({"name": "anna"}, {b"s"}), ({"role": Role.VIEWER}, set()), ({"enabled": False}, set())):
        await people.sign_in(ann, b"s")
        ann = await people.store.run(Change(person=ann, settings=settings))
        assert await people.digests() == left

    assert [(one.name, one.enabled) for one in people.store.house().solvers] == [("anna", False)]


async def test_suspending_somebody_gives_what_they_hold_to_others(people):
    ann = await people.enrol("ann", answers=True)
    account = await people.desk.open_account()
    await people.desk.submit(account)
    mine = next(one for one in people.store.house().solvers if one.id == ann.solver)
    (lease,) = await people.desk.claim(mine)
    await people.store.run(Change(person=ann, settings={"enabled": False}))
    other = await people.desk.person("bob")

    assert not (await people.store.lease(lease.token)).live(people.desk.clock.now())
    assert len(await people.desk.claim(other)) == 1


async def test_somebody_who_answered_nothing_is_let_answer(people):
    ann = await people.enrol("ann", Role.OPERATOR)
    fresh = Solver(id=SolverId(900), name="ann", machine=False)
    changed = await people.store.run(
        Change(person=ann, kinds=frozenset({Kind.GRID}), languages=frozenset({"en"}), solver=fresh)
    )
    (solver,) = people.store.house().solvers

    assert (changed.solver, solver.kinds, solver.languages) == (900, {Kind.GRID}, {"en"})
    again = await people.store.run(Change(person=changed, kinds=frozenset()))
    assert (again.solver, people.store.house().solvers[0].kinds) == (900, frozenset())


@pytest.mark.parametrize(
    "grants", [{"kinds": frozenset({Kind.GRID})}, {"languages": frozenset({"en"})}, {"groups": frozenset()}], ids=str
)
async def test_somebody_who_answers_nothing_has_no_grants_to_change(people, grants):
    ann = await people.enrol("ann", Role.VIEWER)
    with pytest.raises(Refusal, match="ann answers no tasks"):
        await people.store.run(Change(person=ann, settings={"role": Role.OPERATOR}, **grants))

    assert (await people.store.person(ann.id)).role is Role.VIEWER


async def test_a_change_takes_no_name_that_is_taken(people):
    ann, _ = await people.enrol("ann"), await people.desk.person("bob")
    await people.enrol("carol")
    fresh = Solver(id=SolverId(900), name="bob", machine=False)
    with pytest.raises(Refusal, match="worker called 'bob'"):
        await people.store.run(Change(person=ann, settings={"name": "bob"}, solver=fresh))
    with pytest.raises(Refusal, match="somebody called 'carol'"):
        await people.store.run(Change(person=ann, settings={"name": "Carol"}))

    assert (await people.store.person(ann.id)).name == "ann"


@pytest.mark.parametrize("settings", [{"enabled": False}, {"role": Role.OPERATOR}], ids=str)
async def test_the_last_owner_stays(people, settings):
    owner = await people.enrol("owner", Role.OWNER)
    with pytest.raises(Refusal, match="last owner"):
        await people.store.run(Change(person=owner, settings=settings))
    other = await people.enrol("other", Role.OWNER)
    both = await asyncio.gather(
        *(people.store.run(Change(person=one, settings=settings)) for one in (owner, other)), return_exceptions=True
    )

    assert [type(one) for one in both] == [Person, Refusal]


@pytest.mark.parametrize(
    ("by", "whom", "becomes", "may"),
    [
        (Role.OWNER, Role.OPERATOR, Role.OWNER, True),
        (Role.OPERATOR, Role.WORKER, Role.VIEWER, True),
        (Role.OPERATOR, Role.WORKER, Role.OPERATOR, False),
        (Role.OPERATOR, Role.OPERATOR, Role.OPERATOR, False),
        (Role.OPERATOR, Role.OWNER, Role.OWNER, False),
        (Role.WORKER, Role.WORKER, Role.WORKER, False),
    ],
)
async def test_people_change_and_let_in_those_their_role_lets_them(people, by, whom, becomes, may):
    await people.enrol("owner", Role.OWNER)
    boss, other = await people.enrol("boss", by), await people.enrol("other", whom)
    verbs: list[Any] = [Change(person=other, settings={"role": becomes}, by=boss.id)]
    if becomes is whom:
        verbs += [
            MakeLink(link=Link(digest=b"l", person=other.id, purpose=Purpose.ENTER), by=boss.id),
            Enrol(person=Person(id=PersonId(999), name="new", role=whom), by=boss.id),
        ]
    for verb in verbs:
        if may:
            await people.store.run(verb)
        else:
            with pytest.raises(Refusal, match="your role lets you change no"):
                await people.store.run(verb)


async def test_what_is_ones_own_is_changed_and_the_rest_kept(people):
    ann = await people.enrol("ann", language="es")
    await people.store.run(SaveOwn(person=ann.id, keys={"send": "KeyS"}, practised=frozenset({Kind.TEXT})))
    kept = await people.store.run(SaveOwn(person=ann.id, practised=frozenset({Kind.GRID})))
    plain = await people.store.run(SaveOwn(person=ann.id, language="", keys={}))

    assert (kept.language, kept.keys, kept.practised) == ("es", {"send": "KeyS"}, {Kind.TEXT, Kind.GRID})
    assert (plain.language, plain.keys, plain.practised) == ("", {}, kept.practised)
    assert await people.store.run(SaveOwn(person=ann.id)) == plain


async def test_what_is_past_is_forgotten_and_the_rest_kept(people, clock):
    ann = await people.enrol("ann", link=b"old")
    await people.sign_in(ann, b"idle")
    clock.pass_by(IDLE_MS)
    await people.sign_in(ann, b"fresh")
    clock.set_to(clock.now() + INVITE_MS - IDLE_MS)
    await people.store.run(See(session=b"fresh"))
    await people.sign_in(ann, b"new")
    assert await people.store.run(Sweep(most=1)) == 2
    assert await sign_out(people.store, clock.now(), Retention()) == 1

    assert await people.digests() == {b"new"}
    assert await people.store.link(b"old") is None
    assert await sign_out(people.store, clock.now(), Retention()) == 0


async def test_another_process_hears_of_what_ends_a_session(shared, collected):
    here, there = beside(shared), shared.open()
    ann = await here.enrol("ann")
    await here.sign_in(ann)
    await shared.look(there)
    there.listen(collected)
    await here.store.run(SignOut(person=ann.id, but=True))
    await shared.look(there)

    assert [heard.settings for heard in collected.heard] == [True]
    assert await there.session(b"session") is None


@pytest.mark.parametrize("ends", [True, False])
async def test_only_what_changes_who_somebody_is_makes_others_look_again(people, collected, ends):
    ann = await people.enrol("ann")
    people.store.listen(collected)
    await people.sign_in(ann)
    await people.store.run(See(session=b"session"))
    if ends:
        await people.store.run(SignOut(person=ann.id, but=True))

    assert [heard.settings for heard in collected.heard] == [False, False] + [True] * ends
