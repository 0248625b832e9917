"""A batch of the async client whose server is killed and started again meanwhile: nothing lost, nothing made twice."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import sqlite3
import threading
from collections.abc import Iterator

import pytest

from answerdesk.desk.ports import Listing
from answerdesk.desk.work import Free
from answerdesk.model.question import Kind
from answerdesk.model.task import State
from answerdesk_client import AsyncClient, Order, Retry, Solution
from tests.serving import Customer, Serving, Worker, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

COUNT = 900
AT_ONCE = 300
KILLS = 4


class Machines:
    """Some machines that repeat what they are asked, through every outage."""

    def __init__(self, workers: list[Worker]) -> None:
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(worker,)) for worker in workers]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _work(self, worker: Worker) -> None:
        while not self._over.is_set():
            # A server that is gone, or goes while it is spoken to.
            with contextlib.suppress(OSError, http.client.HTTPException):
                for lease in worker.claim(8, wait=1, kinds=("question",)):
                    worker.answer(lease, f"I say {lease['question']['instruction']['text']}")
            self._over.wait(0.01)


@pytest.fixture
def server(tmp_path) -> Iterator[Serving]:
    """A server that comes back where it was."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Serving(tmp_path, port=port, poll_limit=0, hold=1) as running:
        yield running


def cut_while_tasks_are_made(server: Serving, workers: list[Worker]) -> None:
    """Kill the server between the first commit of a batch and its reply, and start it again."""
    with contextlib.closing(sqlite3.connect(server.data / "answerdesk.db")) as database:
        before = tasks_in(database)
        wait_until(lambda: tasks_in(database) > before, "tasks are made")
        server.kill()
    server.start()
    server.do(Free(solvers=tuple(worker.solver.id for worker in workers)))


def tasks_in(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT count(*) FROM tasks").fetchone()[0])


async def batch_through(server: Serving, customer: Customer, workers: list[Worker]) -> list[object]:
    """Run the batch through so many power cuts."""

    def interrupt() -> None:
        for _ in range(KILLS):
            cut_while_tasks_are_made(server, workers)

    orders = [Order.question(f"number {i}") for i in range(COUNT)]
    async with AsyncClient(server.url, customer.key, retry=Retry(patience=60)) as desk:
        interrupting = asyncio.create_task(asyncio.to_thread(interrupt))
        outcomes = await desk.batch(orders, timeout=120, at_once=AT_ONCE)
        await interrupting
    return list(outcomes)


async def test_a_batch_outlives_four_power_cuts_of_its_server_and_is_made_and_paid_once(server):
    customer = server.customer("10")
    workers = [server.worker(machine=True, kinds=frozenset({Kind.QUESTION})) for _ in range(4)]

    with Machines(workers):
        outcomes = await batch_through(server, customer, workers)

    assert [each.text if isinstance(each, Solution) else each for each in outcomes] == [
        f"I say number {i}" for i in range(COUNT)
    ]
    with server.store() as store:
        tasks = await store.tasks(Listing(account=customer.account.id, most=10 * COUNT))
    asked = [task.asked().text for task in tasks]
    assert sorted(asked, key=str) == sorted((f"number {i}" for i in range(COUNT)), key=str)
    assert {task.state for task in tasks} == {State.READY}
    price = tasks[0].price
    assert server.balance_of(customer.account.id) == (10_000_000 - COUNT * price, 0)
    assert server.books_are_right()
