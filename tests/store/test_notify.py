"""Nodes on a real PostgreSQL hear of each other's commits, know when they may have missed one, and share a duty."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import psycopg
import pytest

from answerdesk.desk.elsewhere import Opening
from answerdesk.desk.ports import Heard
from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.task import Route, State, Task
from answerdesk.store.news import ANYTHING, pack
from answerdesk.store.notify import Listener, Teller, channel_of, duty_of
from tests.postgres import server

KEY = bytes(24)
CHANNEL, DUTY = channel_of(KEY), duty_of(KEY)
PATIENCE = 30.0


async def becomes(true: Callable[[], Any]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - what is waited for rings no bell
            await asyncio.sleep(0.01)


class Node:
    """One node: what tells, what listens, and what was heard."""

    def __init__(self, url: str, name: str, key: bytes = KEY) -> None:
        self.url = url
        self.name = name
        self.heard: list[Heard] = []
        self.fails = False
        self.teller = Teller(self.connect, channel_of(key), name)
        self.listener = Listener(
            self.connect,
            channel=channel_of(key),
            duty=duty_of(key),
            node=name,
            hear=self._hear,
        )
        self._listening: asyncio.Task[None] | None = None

    def _hear(self, heard: Heard) -> None:
        self.heard.append(heard)
        if self.fails:
            raise LookupError

    async def connect(self) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(self.url, autocommit=True, application_name=self.name)

    async def start(self) -> Node:
        self._listening = asyncio.create_task(self.listener.run())
        await becomes(lambda: self.heard)
        return self

    async def stop(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await self.teller.aclose()

    @property
    def settled(self) -> list[int]:
        return [each.n for heard in self.heard for each in heard.elsewhere.settled]

    def tell(self, *numbers: int, **more: Any) -> None:
        """Commit something, as the store tells of it."""
        self.teller.tell(Heard(tasks=[task(n) for n in numbers], **more))


def task(n: int, state: State = State.READY) -> Task:
    """A task that settled, or one with a free place."""
    return Task(
        n=Sequence(n), account=AccountId(1), type="ImageToTextTask", kind=Kind.TEXT, price=Micros(1), question=b"{}",
        created=Millis(1), deadline=Millis(2), state=state, route=Route.PEOPLE, slots=int(state is State.OPEN),
    )  # fmt: skip


@pytest.fixture
def url() -> Iterator[str]:
    made = server().empty_database()
    yield made
    server().drop(made)


@pytest.fixture
async def start(url: str) -> AsyncIterator[Callable[..., Awaitable[Node]]]:
    """Start nodes; each has heard once that it may have missed something."""
    nodes: list[Node] = []

    async def start(name: str, key: bytes = KEY) -> Node:
        nodes.append(Node(url, name, key))
        return await nodes[-1].start()

    yield start
    for node in nodes:
        await node.stop()


def cut(url: str, name: str) -> None:
    """End every connection of a node, as a network does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (name,)
        )


async def test_a_node_hears_what_others_tell_and_not_itself(start) -> None:
    one, other = await start("one"), await start("other")
    one.tell(5, 3, 4, settings=True, erased=[Sequence(9)])
    await becomes(lambda: other.settled)

    assert other.settled == [5, 3, 4]
    assert other.heard[-1].settings
    assert list(other.heard[-1].erased) == [9]
    assert not other.heard[-1].missed
    other.tell(6)
    await becomes(lambda: one.settled)
    assert one.settled == [6]


async def test_a_rush_is_heard_whole_and_in_few_pieces(start) -> None:
    one, other = await start("one"), await start("other")
    for n in range(5_000):
        one.tell(n)
        if n % 500 == 0:
            await asyncio.sleep(0)
    await becomes(lambda: len(other.settled) == 5_000)

    assert other.settled == list(range(5_000))
    assert len(other.heard) < 50


async def test_of_free_places_is_heard_how_many_there_are_and_for_whom(start) -> None:
    one, other = await start("one"), await start("other")
    one.teller.tell(Heard(tasks=[task(n, State.OPEN) for n in range(2_000)]))
    await becomes(lambda: other.heard[-1].elsewhere.opened)

    assert other.heard[-1].elsewhere.opened == {Opening(Kind.TEXT, Route.PEOPLE): 2_000}
    assert other.settled == []


async def test_free_places_alone_gather_until_something_settles(start) -> None:
    one, other = await start("one"), await start("other")
    one.teller = Teller(one.connect, CHANNEL, "one", rest=3_600)
    one.teller.tell(Heard(tasks=[task(1, State.OPEN)]))
    await becomes(lambda: other.heard[-1].elsewhere.opened)
    pieces = len(other.heard)
    for n in (2, 3):
        one.teller.tell(Heard(tasks=[task(n, State.OPEN)]))
        await asyncio.sleep(0.05)
    one.tell(4)
    await becomes(lambda: other.settled)

    assert len(other.heard) == pieces + 1
    assert other.heard[-1].elsewhere.opened == {Opening(Kind.TEXT, Route.PEOPLE): 2}


async def test_a_hearer_that_fails_hears_on(start) -> None:
    one, other = await start("one"), await start("other")
    other.heard.clear()
    other.fails = True
    one.tell(1)
    await becomes(lambda: other.heard)
    other.fails = False
    one.tell(2)
    await becomes(lambda: len(other.heard) == 2)

    assert other.settled == [1, 2]


async def test_a_node_that_was_cut_off_knows_that_it_may_have_missed_something(start, url) -> None:
    one, other = await start("one"), await start("other")
    other.heard.clear()
    cut(url, "other")
    await becomes(lambda: any(heard.missed and heard.settings for heard in other.heard))
    one.tell(7)
    await becomes(lambda: other.settled)

    assert other.settled == [7]


async def test_what_could_not_be_told_is_told_as_missed(start, url) -> None:
    one, other = await start("one"), await start("other")
    one.tell(1)
    await becomes(lambda: other.settled)
    other.heard.clear()
    cut(url, "one")
    one.tell(2)
    await becomes(lambda: any(heard.missed for heard in other.heard))
    other.heard.clear()
    one.tell(3)
    await becomes(lambda: other.settled)

    assert other.settled == [3]


async def test_what_a_command_did_is_told_before_it_closes(start, url) -> None:
    listening = await start("listening")
    listening.heard.clear()
    command = Node(url, "command")
    command.tell(settings=True)
    await command.stop()
    await becomes(lambda: listening.heard)

    assert (listening.heard[0].settings, listening.heard[0].missed) == (True, False)


async def test_what_was_to_be_told_in_a_loop_that_is_gone_is_told_from_another(start, url) -> None:
    listening = await start("listening")
    listening.heard.clear()
    elsewhere = Node(url, "elsewhere")

    async def tell_and_go() -> None:
        elsewhere.tell(1, settings=True)

    await asyncio.to_thread(asyncio.run, tell_and_go())
    await elsewhere.stop()
    await becomes(lambda: listening.heard)

    assert listening.heard[0].settings
    elsewhere.tell(2)
    await becomes(lambda: 2 in listening.settled)
    await elsewhere.stop()


async def test_two_desks_in_one_database_do_not_hear_of_each_other(start) -> None:
    one, other, third = await start("one"), await start("other", bytes(23) + b"1"), await start("third")
    one.tell(1)
    await becomes(lambda: third.settled)

    assert other.settled == []
    await becomes(lambda: other.listener.on_duty)
    await becomes(lambda: one.listener.on_duty)


async def test_what_no_node_wrote_is_taken_for_anything(start, url) -> None:
    node = await start("one")
    node.heard.clear()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_notify(%s, 'hello')", (CHANNEL,))
    await becomes(lambda: node.heard)

    assert node.heard[0].missed
    assert pack("", ANYTHING)


async def test_one_node_is_on_duty_and_another_takes_over_when_it_is_gone(start) -> None:
    nodes = [await start(name) for name in ("one", "two", "three")]
    await becomes(lambda: any(node.listener.on_duty for node in nodes))
    (first,) = (node for node in nodes if node.listener.on_duty)
    await first.stop()

    assert not first.listener.on_duty
    await becomes(lambda: any(node.listener.on_duty for node in nodes))
    assert sum(node.listener.on_duty for node in nodes) == 1


async def test_a_node_that_was_cut_off_has_no_duty_until_it_takes_it_again(start, url) -> None:
    node = await start("one")
    await becomes(lambda: node.listener.on_duty)
    with psycopg.connect(url, autocommit=True) as other:
        cut(url, "one")
        other.execute("SELECT pg_advisory_lock(%s)", (DUTY,))
        await becomes(lambda: not node.listener.on_duty)
    await becomes(lambda: node.listener.on_duty)


@pytest.mark.slow
async def test_a_node_that_hangs_loses_its_duty_to_another(start, url) -> None:
    hung = await psycopg.AsyncConnection.connect(url, autocommit=True)
    await hung.execute("SET idle_session_timeout = '7s'")
    await hung.execute("SELECT pg_advisory_lock(%s)", (DUTY,))
    node = await start("one")

    assert not node.listener.on_duty
    await becomes(lambda: node.listener.on_duty)
    await hung.close()
