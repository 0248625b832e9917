"""A desk's first owner is made once, let in by a link until there is a password, and wanted before others may come."""

from __future__ import annotations

import pytest

from answerdesk.desk.books import SaveSolver
from answerdesk.desk.greeting import Exposed, check_exposure, has_password, let_in, owner_of, owners_link
from answerdesk.desk.people import Change, Enrol, Enter, Secure, SignIn
from answerdesk.model.account import digest
from answerdesk.model.person import ENTER_MS, INVITE_MS, Person, PersonId, Purpose, Role, Session
from answerdesk.model.solver import Solver, SolverId
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock):
    opened = SqliteStore("", clock)
    yield opened
    opened.close()


async def test_the_first_owner_is_made_once_and_may_answer_every_kind(store):
    first = await owner_of(store, store)

    assert (first.name, first.role, first.password) == ("owner", Role.OWNER, "")
    assert await owner_of(store, store) == first
    assert [(one.id, one.kinds, one.machine) for one in store.house().solvers] == [(first.solver, frozenset(), False)]


async def test_the_first_owner_takes_no_name_that_is_taken(store):
    await store.run(SaveSolver(solver=Solver(id=SolverId(90), name="owner", machine=True)))
    await store.run(Enrol(person=Person(id=PersonId(91), name="owner 2", role=Role.WORKER)))

    assert (await owner_of(store, store)).name == "owner 3"


async def test_a_suspended_owner_is_none(store):
    first = await owner_of(store, store)
    other = Person(id=PersonId(90), name="other", role=Role.OWNER)
    await store.run(Enrol(person=other))
    await store.run(Change(person=first, settings={"enabled": False}))

    assert (await owner_of(store, store)).name == "other"


async def test_a_link_is_made_at_each_start_until_there_is_a_password(store, clock):
    assert [await owners_link(store, store, secret) for secret in ("one", "two")] == ["one", "two"]
    assert [link.digest for link in await store.links(clock.now())] == [digest("two")]
    await store.run(Secure(person=await owner_of(store, store), settings={"password": "hash"}))

    assert await owners_link(store, store, "three") is None
    assert [link.digest for link in await store.links(clock.now())] == [digest("two")]


async def test_an_owners_link_is_short_and_others_are_invitations(store, clock):
    worker = await store.run(Enrol(person=Person(id=PersonId(90), name="ann", role=Role.WORKER)))
    first = await let_in(store, await owner_of(store, store), "one")
    second = await let_in(store, worker, "two")

    assert (first.purpose, first.until) == (Purpose.ENTER, clock.now() + ENTER_MS)
    assert (second.purpose, second.until) == (Purpose.INVITE, clock.now() + INVITE_MS)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
async def test_this_machine_alone_needs_nothing(store, host):
    await check_exposure(store, host, secured=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "desk.test", ""])
@pytest.mark.parametrize(
    ("secured", "known", "says"),
    [
        (False, False, "--behind-proxy ADDRESS\\) and an owner's password"),
        (True, False, "needs an owner's password"),
        (False, True, "needs https"),
    ],
)
async def test_other_machines_may_come_once_it_is_safe(store, host, secured, known, says):
    owner = await owner_of(store, store)
    if known:
        await store.run(Secure(person=owner, settings={"password": "hash"}))
    with pytest.raises(Exposed, match=says):
        await check_exposure(store, host, secured=secured)


async def test_a_password_and_https_open_the_door(store):
    await store.run(Secure(person=await owner_of(store, store), settings={"password": "hash"}))
    await check_exposure(store, "0.0.0.0", secured=True)


async def test_only_an_owner_who_may_come_in_has_the_password_that_counts(store):
    owner = await owner_of(store, store)
    await store.run(Enrol(person=Person(id=PersonId(90), name="op", role=Role.OPERATOR, password="hash")))
    off = Person(id=PersonId(91), name="off", role=Role.OWNER, password="hash", enabled=False)
    await store.run(Enrol(person=off))
    assert not await has_password(store)
    await store.run(Secure(person=owner, settings={"password": "hash"}))

    assert await has_password(store)


async def test_the_first_owner_is_somebody_to_ask_only_once_they_came_in(store):
    owner = await owner_of(store, store)
    assert [one.enabled for one in store.house().solvers] == [False]
    await let_in(store, owner, "secret")
    await store.run(Enter(link=digest("secret"), session=Session(digest=b"session", person=PersonId(0))))

    assert [one.enabled for one in store.house().solvers] == [True]


async def test_a_password_brings_the_first_owner_in_as_well(store):
    owner = await owner_of(store, store)
    await store.run(SignIn(person=owner, session=Session(digest=b"session", person=PersonId(0))))

    assert [one.enabled for one in store.house().solvers] == [True]
