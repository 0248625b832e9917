"""What a store tells of its own commits, and what of those of others: never one for the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from answerdesk.desk.elsewhere import QUIET, Opening, Settled
from answerdesk.model.question import Kind
from answerdesk.model.task import Route
from answerdesk.store.postgres import PostgresStore
from tests.fakes import Clock
from tests.postgres import server
from tests.store.driver import Desk


async def test_a_commit_is_told_where_it_was_made_by_its_tasks_alone(desk, collected) -> None:
    desk.store.listen(collected)
    account, person = await desk.open_account(), await desk.person()
    n = await desk.solved(account, person)
    told = [task for heard in collected.heard for task in heard.tasks]

    assert {task.n for task in told} == {n}
    assert [task.settled for task in told][:: len(told) - 1] == [False, True]
    assert all(heard.elsewhere == QUIET and not heard.missed for heard in collected.heard)


async def becomes(true: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - what is waited for rings no bell
            await asyncio.sleep(0.01)


@pytest.fixture
async def nodes() -> AsyncIterator[tuple[Desk, Desk]]:
    """Two desks on one database, the second of which listens."""
    url, clock = server().database(), Clock()
    one, other = Desk(PostgresStore(url, clock), clock), Desk(PostgresStore(url, clock), clock)
    yield one, other
    await one.store.aclose()
    await other.store.aclose()
    server().drop(url)


async def test_nodes_hear_for_whom_places_came_free_and_what_settled_and_read_no_task_for_it(nodes, collected) -> None:
    one, other = nodes
    other.store.listen(collected)
    other.store.look_around()
    await becomes(lambda: any(heard.missed for heard in collected.heard))
    account, person = await one.open_account(), await one.person()
    n = await one.solved(account, person)
    await becomes(lambda: any(heard.elsewhere.settled for heard in collected.heard))
    task = await one.task(n)
    told = [heard.elsewhere for heard in collected.heard]

    assert [each for elsewhere in told for each in elsewhere.settled] == [
        Settled(n=n, account=account.id, place=task.place)
    ]
    assert {opening for elsewhere in told for opening in elsewhere.opened} == {Opening(Kind.TEXT, Route.PEOPLE)}
    assert not any(heard.tasks for heard in collected.heard)
