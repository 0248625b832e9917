"""Group commit on PostgreSQL when things go wrong: connections that break, chances that are taken again, bad verbs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from typing import Any

import pytest

from answerdesk.desk.books import OpenAccount, TopUp
from answerdesk.desk.ports import NO_CHANGES, Changes, Heard, Needs, Price, Unavailable
from answerdesk.model.account import Account, AccountId, Purse
from answerdesk.model.fault import Refusal
from answerdesk.model.money import Micros
from answerdesk.store.cluster import open_connection
from answerdesk.store.pipeline import BATCH, CROWD
from answerdesk.store.postgres import PostgresStore
from answerdesk.store.writer import Patience, Writer
from tests.fakes import Clock
from tests.postgres import server
from tests.store.cut import Cut
from tests.store.driver import Desk
from tests.store.faulty import Broken, Unwritable

SHORT = Patience(verbs=0.3, outcome=20.0, first=0.01, most=0.05)
#: Whoever adds a try of a callback fails with the code in the database's name for it, as often as it says.
FAILING = """
CREATE SEQUENCE failed;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF nextval('failed') <= {times} THEN RAISE EXCEPTION 'it happens' USING ERRCODE = '{code}'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER failing BEFORE UPDATE ON accounts FOR EACH STATEMENT EXECUTE FUNCTION fail();
"""


@pytest.fixture
def url() -> Iterator[str]:
    made = server().database()
    yield made
    server().drop(made)


@pytest.fixture
async def store(url) -> AsyncIterator[PostgresStore]:
    opened = PostgresStore(url, Clock(), patience=SHORT)
    yield opened
    await opened.aclose()


@pytest.fixture
def cut(url) -> Iterator[Cut]:
    with Cut(url) as standing:
        yield standing


@pytest.fixture
async def far(cut) -> AsyncIterator[PostgresStore]:
    """A store whose connections can be cut."""
    opened = PostgresStore(cut.url, Clock(), patience=SHORT)
    yield opened
    await opened.aclose()


def told(url: str, statement: str) -> list[Any]:
    """Ask the database past every store."""
    with closing(open_connection(url)) as connection:
        found = connection.execute(statement)
        return found.fetchall() if found.description else []


async def open_account(store: PostgresStore, number: int = 1) -> Account:
    return await store.run(OpenAccount(account=Account(id=AccountId(number), name=f"account {number}")))


def top_up(number: int = 1, amount: int = 5) -> TopUp:
    return TopUp(account=AccountId(number), amount=Micros(amount))


async def rush(store: PostgresStore, *verbs: Any) -> list[Any]:
    return await asyncio.gather(*map(store.run, verbs), return_exceptions=True)


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.005)


class Forbidden:
    """A verb that decides on what a rule of the schema forbids."""

    needs = Needs()

    def decide(self, rows, now):
        return Changes(prices=(Price(type="any", price=Micros(-1), pay=Micros(0)),)), None


class Nothing:
    """A verb that has nothing to write."""

    needs = Needs()

    def decide(self, rows, now):
        return NO_CHANGES, "nothing"


async def test_verbs_that_wait_together_are_committed_together(far, cut):
    await open_account(far)
    before = cut.commits

    purses = await rush(far, *(top_up() for _ in range(50)))

    assert [purse.balance for purse in purses] == list(range(5, 255, 5))
    assert cut.commits - before == 1


async def test_who_comes_while_a_unit_is_about_to_begin_still_joins_it(far, cut):
    await open_account(far)
    before = cut.commits

    async def come(turns: int) -> Purse:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await far.run(top_up())

    purses = await asyncio.gather(*map(come, range(4)))

    assert [purse.balance for purse in purses] == [5, 10, 15, 20]
    assert cut.commits - before == 1


async def test_those_who_look_for_work_keep_nobody_else_waiting(far, cut):
    desk = Desk(far, Clock())
    account, people = await desk.open_account(), [await desk.person() for _ in range(20)]
    for _ in range(20):
        await desk.submit(account)
    before = cut.commits

    claims = [desk.claim(person) for person in people]
    leases, purses = await asyncio.gather(asyncio.gather(*claims), rush(far, *(top_up() for _ in range(20))))

    assert sorted(lease.task for (lease,) in leases) == list(range(1, 21))
    assert len(purses) == 20
    # What looks for nothing is one unit, twenty claims are two.
    assert cut.commits - before == 3


async def test_what_has_nothing_to_write_is_not_committed(far, cut):
    assert await far.run(Nothing()) == "nothing"
    assert cut.commits == 0


async def test_a_commit_whose_reply_is_lost_is_told_as_done_and_done_once(far, cut, url):
    await open_account(far)
    cut.after = 1

    purses = await rush(far, top_up(), top_up())

    assert [purse.balance for purse in purses] == [5, 10]
    assert told(url, "SELECT balance FROM accounts") == [(10,)]
    assert cut.after == 0


async def test_a_commit_that_never_arrived_is_made_again(far, cut, url):
    await open_account(far)
    cut.before = 1

    purse = await far.run(top_up())

    assert purse.balance == 5
    assert told(url, "SELECT balance FROM accounts") == [(5,)]
    assert (cut.before, far.trouble) == (0, None)


async def test_every_lost_commit_in_a_row_is_made_up_for(far, cut, url):
    await open_account(far)
    cut.before = 3

    assert (await far.run(top_up())).balance == 5

    cut.after = 2
    purses = await rush(far, *(top_up() for _ in range(10)))
    assert max(purse.balance for purse in purses) == 55
    assert told(url, "SELECT balance, (SELECT sum(amount) FROM entries) FROM accounts") == [(55, 55)]


async def test_a_commit_in_doubt_is_told_as_such_and_nothing_it_may_have_changed_is_remembered(url):
    heard: list[Heard] = []
    with Cut(url) as cut:
        store = PostgresStore(cut.url, Clock(), patience=Patience(verbs=0.1, outcome=0.3, first=0.01, most=0.05))
        await open_account(store)
        store.listen(heard.append)
        cut.after, cut.closes = 1, True

        with pytest.raises(Unavailable, match="not known"):
            await store.run(top_up())

        assert [(each.settings, each.missed) for each in heard] == [(True, True)]
        cut.mend()
        await until(lambda: store.trouble is None)
        assert (await store.run(top_up())).balance == 10
        await store.aclose()


async def test_a_server_that_ends_the_connection_between_units_is_nobodys_trouble(store, url):
    await open_account(store)
    told(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
              " AND pid <> pg_backend_pid()")  # fmt: skip

    assert (await store.run(top_up())).balance == 5
    assert store.trouble is None


@pytest.mark.parametrize("code", ["40P01", "40001", "55P03"])
async def test_what_fails_by_chance_is_run_again(store, url, code):
    await open_account(store)
    told(url, FAILING.format(code=code, times=2))

    purses = await rush(store, top_up(), top_up(), top_up())

    assert [purse.balance for purse in purses] == [5, 10, 15]
    assert told(url, "SELECT balance FROM accounts") == [(15,)]


async def test_what_fails_by_chance_again_and_again_is_told_in_the_end(store, url):
    await open_account(store)
    told(url, FAILING.format(code="40P01", times=1_000))

    with pytest.raises(Unavailable, match="it happens"):
        await store.run(top_up())

    assert "it happens" in (store.trouble or "")
    told(url, "DROP TRIGGER failing ON accounts")
    await store.recover()
    assert store.trouble is None
    assert (await store.run(top_up())).balance == 5


@pytest.mark.parametrize(
    "bad",
    [Unwritable(), Forbidden(), Broken(RuntimeError("crash"))],
    ids=["no column holds it", "the schema forbids it", "it crashes"],
)
async def test_one_bad_verb_fails_alone_and_the_queue_goes_on(store, bad):
    await open_account(store)

    outcomes = await rush(store, top_up(), top_up(), bad, top_up())

    balances = [each.balance for each in outcomes if isinstance(each, Purse)]
    assert balances == [5, 10, 15]
    assert isinstance(outcomes[2], Exception)
    assert store.trouble is None
    assert (await store.run(top_up())).balance == 20


async def test_while_the_database_is_away_callers_hear_so_and_all_goes_on_once_it_is_back(far, cut):
    await open_account(far)
    cut.cut()

    with pytest.raises(Unavailable, match="away"):
        await far.run(top_up())

    assert "away" in (far.trouble or "")
    # Nobody waits a second time for what is known to be away.
    tries = await rush(far, *(top_up() for _ in range(100)))
    assert {type(each) for each in tries} == {Unavailable}
    cut.mend()
    await until(lambda: far.trouble is None)
    assert (await far.run(top_up())).balance == 5


async def test_whoever_waits_when_the_database_goes_is_told_with_the_others(far, cut):
    await open_account(far)
    cut.cut()

    outcomes = await rush(far, *(top_up() for _ in range(200)))

    assert {type(each) for each in outcomes} == {Unavailable}


async def test_hearers_hear_after_the_commit_and_before_the_callers(store, url):
    heard: list[Any] = []
    store.listen(lambda news: heard.append((news.settings, told(url, "SELECT count(*) FROM accounts")[0][0])))

    opening = asyncio.create_task(open_account(store))
    opening.add_done_callback(lambda _: heard.append("the caller"))
    await opening
    await asyncio.sleep(0)

    assert heard == [(True, 1), "the caller"]


async def test_a_hearer_that_fails_keeps_nobody_waiting(store):
    failed: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context["message"]))

    def fail(heard: Heard) -> None:
        raise RuntimeError

    store.listen(fail)

    await open_account(store)

    assert failed == ["a hearer of the store failed"]


async def test_one_number_asked_for_on_two_nodes_at_once_is_given_once(url):
    nodes = [PostgresStore(url, Clock(), patience=SHORT) for _ in range(2)]
    for node in nodes:
        await node.run(Nothing())
    accounts = [Account(id=AccountId(7), name=f"account of {number}") for number in range(2)]

    outcomes = await asyncio.gather(
        *(node.run(OpenAccount(account=account)) for node, account in zip(nodes, accounts, strict=True)),
        return_exceptions=True,
    )

    assert sorted(type(each).__name__ for each in outcomes) == ["Account", "Refusal"]
    (opened,) = (each for each in outcomes if isinstance(each, Account))
    assert told(url, "SELECT name FROM accounts") == [(opened.name,)]
    for node in nodes:
        await node.aclose()


async def test_what_one_node_sets_the_next_unit_of_the_other_decides_by(url):
    clock = Clock()
    first, second = (Desk(PostgresStore(url, clock, patience=SHORT), clock) for _ in range(2))
    account, _ = await first.open_account(), await first.person()
    await second.submit(account)
    await first.set_price(7_777)

    n = await second.submit(account)

    assert (await second.task(n)).price == 7_777
    for desk in (first, second):
        await desk.store.aclose()


async def test_a_look_around_takes_in_what_another_node_set_and_tells_of_it_once(url):
    clock = Clock()
    first, second = (Desk(PostgresStore(url, clock, patience=SHORT), clock) for _ in range(2))
    heard: list[Heard] = []
    second.store.listen(heard.append)
    person = await first.person()

    await second.store.look()
    await second.store.look()

    assert second.store.house().solvers == (person,)
    assert heard == [Heard(settings=True)]
    for desk in (first, second):
        await desk.store.aclose()


async def test_places_rise_with_each_unit_though_two_nodes_settle(url):
    clock = Clock()
    desks = [Desk(PostgresStore(url, clock, patience=SHORT), clock) for _ in range(2)]
    desks[1].names = desks[0].names
    account, person = await desks[0].open_account(), await desks[0].person()

    settled = [await desks[number % 2].solved(account, person) for number in range(6)]

    places = [(await desks[0].task(n)).place for n in settled]
    assert places == sorted(set(places))
    for desk in desks:
        await desk.store.aclose()


async def test_a_rush_over_two_nodes_never_overspends(url):
    stores = [PostgresStore(url, Clock(), patience=SHORT) for _ in range(2)]
    await open_account(stores[0])
    await stores[0].run(top_up(amount=100))

    outcomes = await asyncio.gather(
        *(store.run(top_up(amount=-1)) for _ in range(100) for store in stores), return_exceptions=True
    )

    assert sorted({type(each).__name__ for each in outcomes}) == ["Purse", "Refusal"]
    assert sum(isinstance(each, Refusal) for each in outcomes) == 100
    assert told(url, "SELECT balance FROM accounts") == [(0,)]
    for store in stores:
        await store.aclose()


async def test_everybody_in_a_crowd_hears_once_and_of_what_others_were_told(url):
    """Units that follow close upon each other are told of late, but no caller before those who listen."""
    desk = Desk(PostgresStore(url, Clock(), patience=SHORT), Clock())
    account, _ = await desk.open_account(), await desk.person()
    heard: list[int] = []
    desk.store.listen(lambda news: heard.extend(task.n for task in news.tasks))
    sizes: list[int] = []

    async def submit() -> None:
        n = await desk.submit(account)
        assert n in heard
        sizes.append(desk.store.backlog)

    await asyncio.gather(*(submit() for _ in range(4 * BATCH)))

    assert len(heard) == len(set(heard)) == 4 * BATCH
    # Some were told while others waited, and the last when nobody did.
    assert max(sizes) >= CROWD
    assert sizes[-1] == 0
    await desk.store.aclose()


async def test_a_crowd_hears_of_what_is_durable_though_the_next_unit_fails(url):
    store = PostgresStore(url, Clock(), patience=SHORT)
    await open_account(store)

    good = [top_up() for _ in range(3 * BATCH)]
    outcomes = await rush(store, *good[:BATCH], Unwritable(), *good[BATCH:])

    assert [type(each) for each in outcomes].count(Purse) == 3 * BATCH
    assert told(url, "SELECT balance FROM accounts") == [(3 * BATCH * 5,)]
    await store.aclose()


async def test_who_waits_when_the_store_closes_hears_so(url):
    store = PostgresStore(url, Clock(), patience=SHORT)
    await open_account(store)
    waiting = [asyncio.create_task(store.run(top_up())) for _ in range(5)]
    await asyncio.sleep(0)

    await store.aclose()

    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(each) for each in outcomes} <= {Purse, Unavailable}
    with pytest.raises(Unavailable, match="closed"):
        await store.run(top_up())


async def test_a_node_that_stops_in_the_middle_of_a_unit_keeps_nobody_for_long(store, url):
    await open_account(store)
    stopped = Writer(url, "stopped", SHORT)
    connection = await stopped.connection()
    await connection.execute("BEGIN")
    await connection.execute("SELECT FROM accounts FOR UPDATE")

    assert (await store.run(top_up())).balance == 5

    stopped.close()
