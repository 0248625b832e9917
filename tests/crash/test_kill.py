"""Fifty power cuts under load: whatever was acknowledged is there afterwards, once, and the money is right."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from answerdesk.model.money import BOOKS, Book, Move, parse
from answerdesk.model.task import Permutation
from tests.serving import Customer, Reply, Serving, Worker, image_task, picture

KILLS = 50
TASK = image_task(picture())
#: What a call ends in when the server is cut off under it.
CUT = (OSError, http.client.HTTPException)


@dataclass
class Record:
    """What the server has acknowledged, by those it told."""

    #: Idempotency key to task, with the account.
    created: dict[str, tuple[int, int]] = field(default_factory=dict)
    #: Task to the text that was accepted for it, and how often its lease's holder was paid.
    accepted: dict[int, str] = field(default_factory=dict)
    #: (task, worker) of accepted answers.
    paid: set[tuple[int, int]] = field(default_factory=set)
    declined: set[int] = field(default_factory=set)
    #: Task to the first final reply somebody read.
    final: dict[int, bytes] = field(default_factory=dict)
    reported: set[int] = field(default_factory=set)
    tried: int = 0
    #: What contradicts what was acknowledged before.
    wrong: list[str] = field(default_factory=list)


class Crowd:
    """Customers and workers who go on calling whatever happens to the server, each in a thread of its own."""

    def __init__(self, server: Serving) -> None:
        self.record = Record()
        self.customers = [server.customer("1000") for _ in range(2)]
        self.people = [server.worker() for _ in range(3)]
        self._over = threading.Event()
        self._names = itertools.count()
        acts: list[tuple[Callable[[Any], None], Any]] = [
            (self._create, one) for one in self.customers for _ in range(2)
        ]
        acts += [(self._work, one) for one in self.people]
        acts += [(self._poll, one) for one in self.customers] + [(self._report, self.customers[0])]
        self._threads = [threading.Thread(target=self._go_on, args=act) for act in acts]
        self.failures: list[BaseException] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self, act: Callable[[Any], None], who: Any) -> None:
        while not self._over.is_set():
            try:
                act(who)
            except CUT:
                time.sleep(0.05)
            except BaseException as error:  # noqa: BLE001 - told by the test, which sees no thread's end
                self.failures.append(error)
                return

    def _insist(self, call: Callable[[], Reply]) -> Reply | None:
        """Send the same call until it is answered, as a client does that must know."""
        while not self._over.is_set():
            with contextlib.suppress(*CUT):
                return call()
            time.sleep(0.05)
        return None

    def _create(self, customer: Customer) -> None:
        name = f"order {next(self._names)}"
        self.record.tried += 1
        reply = self._insist(lambda: customer.create(TASK, {"Idempotency-Key": name}))
        if reply is not None and reply.json["errorId"] == 0:
            self.record.created[name] = customer.account.id, reply.json["taskId"]

    def _work(self, person: Worker) -> None:
        for lease in person.claim(most=4, wait=0.2):
            task = lease["task"]
            if task % 10 == 0:
                reply = self._insist(lambda lease=lease: person.decline(lease))  # type: ignore[misc]
                if reply is not None and reply.json["accepted"]:
                    self.record.declined.add(task)
                continue
            reply = self._insist(lambda lease=lease: person.answer(lease, f"text of {lease['task']}"))  # type: ignore[misc]
            if reply is not None and reply.json["accepted"]:
                self.record.accepted[task] = f"text of {task}"
                self.record.paid.add((task, person.solver.id))

    def _poll(self, customer: Customer) -> None:
        own = [task for account, task in list(self.record.created.values()) if account == customer.account.id]
        if not own:
            return
        task = random.choice(own)
        reply = customer.poll(task, 0)
        if reply.json["errorId"] not in {0, 12}:
            self.record.wrong.append(f"task {task} was acknowledged, then {reply.body!r}")
        if reply.json.get("status") != "processing":
            before = self.record.final.setdefault(task, reply.body)
            if before != reply.body:
                self.record.wrong.append(f"task {task} answered {before!r}, then {reply.body!r}")
        elif task in self.record.final:
            self.record.wrong.append(f"task {task} was final, then processing")

    def _report(self, customer: Customer) -> None:
        ready = [task for task, body in list(self.record.final.items()) if b'"ready"' in body]
        time.sleep(0.02)
        if ready:
            task = random.choice(ready)
            reply = self._insist(lambda: customer.call("reportIncorrect", taskId=task))
            if reply is not None and reply.json["errorId"] == 0:
                self.record.reported.add(task)


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Serving, Record]]:
    """A server after its last start, and what the crowd had been told before."""
    with Serving(tmp_path_factory.mktemp("kill"), poll_limit=0) as server:
        crowd = Crowd(server)
        with crowd:
            for _ in range(KILLS):
                time.sleep(random.uniform(0.05, 0.4))
                server.kill()
                server.start()
            time.sleep(0.3)
        server.kill()
        server.start()
        if crowd.failures:
            raise crowd.failures[0]
        yield server, crowd.record


@pytest.fixture
def rows(aftermath: tuple[Serving, Record]) -> Iterator[sqlite3.Connection]:
    """The stored rows, read by their own SQL and not by the store's."""
    with contextlib.closing(sqlite3.connect(aftermath[0].data / "answerdesk.db")) as database:
        yield database


pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def ids(server: Serving) -> Permutation:
    with server.store() as store:
        return Permutation(store.permutation_key)


def test_the_load_was_one(aftermath):
    """Otherwise everything below proves nothing."""
    _, record = aftermath

    assert len(record.created) > 500
    assert len(record.accepted) > 200
    assert len(record.declined) > 5
    assert len(record.final) > 50
    assert len(record.reported) > 5


def test_nothing_acknowledged_was_ever_contradicted(aftermath):
    assert aftermath[1].wrong == []


def test_every_acknowledged_task_is_there_and_no_id_was_given_twice(aftermath, rows):
    server, record = aftermath
    shown = ids(server)
    stored = {shown.show(n): account for n, account in rows.execute("SELECT n, account FROM tasks")}
    tasks = [task for _, task in record.created.values()]
    replays = dict(rows.execute("SELECT key, n FROM replays"))

    assert len(set(tasks)) == len(tasks)
    assert {task: account for account, task in record.created.values()}.items() <= stored.items()
    assert {name: shown.find(task) for name, (_, task) in record.created.items()}.items() <= replays.items()
    assert len(stored) == len(replays) <= record.tried


def test_every_accepted_answer_is_what_the_customer_reads_byte_for_byte(aftermath):
    server, record = aftermath
    customers = {customer.account.id: customer for customer in server.customers}
    owners = {task: customers[account] for account, task in record.created.values()}
    told = {task: text for task, text in record.accepted.items() if task in owners}
    read = {task: owners[task].poll(task, 0) for task in told}
    again = {task: owners[task].poll(task, 0).body for task in record.final if task in owners}

    assert {task: reply.json.get("solution", {}).get("text") for task, reply in read.items()} == told
    assert again == {task: body for task, body in record.final.items() if task in owners}


def test_every_charge_is_booked_once(aftermath, rows):
    server, record = aftermath
    shown = ids(server)
    moves = Counter(rows.execute("SELECT n, move FROM entries WHERE n > 0 AND move <> 'pay'"))
    after = {0: [], 1: [Move.CHARGE], 2: [Move.RELEASE]}
    for n, state, refunded in rows.execute("SELECT n, state, refunded FROM tasks"):
        expected = [Move.HOLD, *after[state], *([Move.REFUND] if refunded else [])]
        booked = {move: count for move in Move if (count := moves.pop((n, str(move)), 0))}
        assert booked == dict.fromkeys(expected, 1)
    refunded = {shown.show(n) for (n,) in rows.execute("SELECT n FROM tasks WHERE refunded")}

    assert not moves, "an entry without its task"
    assert record.reported <= refunded


def test_every_accepted_answer_is_paid_once(aftermath, rows):
    server, record = aftermath
    shown = ids(server)
    paid = Counter(rows.execute("SELECT n, solver FROM entries WHERE move = 'pay'"))

    assert max(paid.values()) == 1
    assert {(shown.find(task), solver) for task, solver in record.paid} <= paid.keys()


def test_the_ledger_sums_to_zero_and_equals_the_stored_balances(aftermath, rows):
    server, _ = aftermath
    books: Counter[tuple[Book, int]] = Counter()
    for move, amount, account, solver in rows.execute("SELECT move, amount, account, solver FROM entries"):
        for book, sign in zip(BOOKS[Move(move)], (-1, 1), strict=True):
            owner = {Book.BALANCE: account, Book.HELD: account, Book.EARNED: solver}.get(book, 0)
            books[book, owner] += sign * amount
    held = rows.execute("SELECT id, balance, held, open_tasks FROM accounts").fetchall()
    unfinished = Counter(account for (account,) in rows.execute("SELECT account FROM tasks WHERE state = 0"))

    assert sum(books.values()) == 0
    assert {one: (balance, set_aside, count) for one, balance, set_aside, count in held} == {
        one: (books[Book.BALANCE, one], books[Book.HELD, one], unfinished[one]) for one, *_ in held
    }
    assert sum(books[Book.BALANCE, c.account.id] for c in server.customers) < 2 * parse("1000")
    assert server.books_are_right()


def test_one_live_lease_at_most_for_a_task_and_its_worker(rows):
    twice = rows.execute("SELECT n, solver FROM leases GROUP BY n, solver HAVING count(*) > 1").fetchall()
    answered = rows.execute(
        "SELECT n FROM leases WHERE json_extract(verdict, '$.accepted') AND outcome = 'answered'"
        " GROUP BY n HAVING count(*) > 1"
    ).fetchall()

    assert twice == []
    assert answered == []


def test_the_database_is_sound_and_its_log_did_not_grow_for_ever(aftermath, rows):
    database = aftermath[0].data / "answerdesk.db"

    assert rows.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert Path(f"{database}-wal").stat().st_size < 64 * 2**20
