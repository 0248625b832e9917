"""Two servers on one PostgreSQL are one desk: either takes any call, each hears of the other, and one may die."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.postgres import Server, server
from tests.serving import Customer, Serving, Worker, image_task, wait_until

pytestmark = pytest.mark.wide


def at(node: Serving, customer: Customer) -> Customer:
    """The same customer, calling another node."""
    return Customer(node, customer.account, customer.key)


def seated(node: Serving, worker: Worker) -> Worker:
    """The same worker at another node."""
    moved = Worker(node, worker.solver, "")
    moved.headers = worker.headers
    return moved


def refused(customer: Customer) -> bool:
    return bool(customer.call("getBalance").json["errorId"])


def on_duty(node: Serving) -> bool:
    """Whether the last word of a node about its duty is that it took it."""
    log = node.logged()
    return log.rfind("duty_taken") > log.rfind("duty_left")


@pytest.fixture
def url() -> Iterator[str]:
    made = server().empty_database()
    yield made
    server().drop(made)


@pytest.fixture
def nodes(tmp_path, url) -> Iterator[tuple[Serving, Serving]]:
    """Two nodes that start at the same time on an empty database."""
    with ThreadPoolExecutor(2) as starting, contextlib.ExitStack() as running:
        settings = {"database": url, "hold": 15, "deadline": 20, "callback_private": "true"}
        begun = [starting.submit(Serving, tmp_path / name, **settings) for name in "ab"]
        a, b = (running.enter_context(each.result()) for each in begun)
        yield a, b
    for node in (a, b):
        assert "Traceback" not in node.logged()


@pytest.fixture(autouse=True)
def folders(tmp_path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()


def test_a_task_created_at_one_node_and_answered_at_the_other_is_told_to_a_poll_held_at_the_first(nodes) -> None:
    a, b = nodes
    customer, person = a.customer(), b.worker()
    with ThreadPoolExecutor(1) as polling:
        for _ in range(5):
            task = customer.ask()
            held = polling.submit(customer.poll, task, 60)
            person.answer(person.take(), "4821")

            assert held.result().json["solution"] == {"text": "4821"}
            assert at(b, customer).poll(task).json["solution"] == {"text": "4821"}
    assert a.books_are_right()


def test_a_claim_that_waits_at_one_node_gets_what_is_created_at_the_other(nodes) -> None:
    a, b = nodes
    customer, person = a.customer(), b.worker()
    with ThreadPoolExecutor(1) as claiming:
        waiting = claiming.submit(person.claim, wait=20)
        task = customer.ask()
        (lease,) = waiting.result()

    assert lease["task"] == task


def test_what_an_operator_changes_counts_at_every_node(nodes) -> None:
    a, b = nodes
    made = a.cli("accounts", "add", "acme", "--balance", "5")
    customers = [Customer(node, None, made["key"]) for node in nodes]  # type: ignore[arg-type]

    assert [customer.balance() for customer in customers] == [5, 5]
    b.cli("accounts", "lock", "acme")
    wait_until(lambda: all(refused(each) for each in customers), "both nodes refuse a locked account")
    a.cli("accounts", "unlock", "acme")
    wait_until(lambda: not any(refused(each) for each in customers), "both nodes admit it again")


def test_two_nodes_that_start_together_make_one_first_account_and_one_owner(nodes) -> None:
    a, b = nodes
    keys = [(node.data / "first.key").exists() for node in nodes]

    assert sorted(keys) == [False, True]
    assert [account["name"] for account in a.cli("accounts", "list")] == ["first"]
    assert [person["name"] for person in b.cli("people", "list")] == ["owner"]
    assert a.books_are_right()


def test_when_a_node_dies_the_other_goes_on_and_takes_over_its_duty(nodes) -> None:
    wait_until(lambda: any(map(on_duty, nodes)), "a node is on duty")
    doomed, left = sorted(nodes, key=on_duty, reverse=True)
    customer, person = doomed.customer(), doomed.worker()
    answered, claimed, forgotten = customer.ask(), customer.ask(), customer.ask()
    lease, other = person.claim(most=2, wait=5)
    person.answer(lease, "4821")

    assert not on_duty(left)
    doomed.kill()
    customer, person = at(left, customer), seated(left, person)
    # What was acknowledged is there, and what was under way goes on.
    assert customer.poll(lease["task"]).json["solution"] == {"text": "4821"}
    assert person.answer(other, "1948").json["accepted"]
    assert customer.poll(other["task"]).json["solution"] == {"text": "1948"}
    wait_until(lambda: on_duty(left), "the other node is on duty")
    (last,) = {answered, claimed, forgotten} - {lease["task"], other["task"]}
    # Nobody polls it: a chore ends it.
    wait_until(lambda: left.cli("tasks", "show", str(last))["state"] == "failed", "the deadline of a task is minded")
    assert left.books_are_right()


def test_a_node_that_leaves_hands_its_duty_on_and_may_come_back(nodes) -> None:
    wait_until(lambda: any(map(on_duty, nodes)), "a node is on duty")
    first, other = sorted(nodes, key=on_duty, reverse=True)
    customer = first.customer()

    assert first.stop() == 0
    wait_until(lambda: on_duty(other), "the other node is on duty")
    first.start()
    assert [at(node, customer).call("getBalance").json["errorId"] for node in nodes] == [0, 0]
    # Whoever has the duty keeps it.
    assert (on_duty(first), on_duty(other)) == (False, True)


def test_while_the_database_is_away_callers_are_told_to_come_again_and_then_all_goes_on(tmp_path) -> None:
    # What is acknowledged outlives the server, if not the machine.
    own = Server(fsync="off").start()
    try:
        with Serving(tmp_path / "a", database=own.empty_database(), hold=0) as node:
            customer, person = node.customer(), node.worker()
            task = customer.ask()
            lease = person.take()
            own.stop()
            wait_until(lambda: node.http.get("/readyz").status == 503, "the node is not ready")

            # Nobody is told where the database is, but the log.
            assert str(own.folder) not in node.http.get("/readyz").body.decode()
            wait_until(lambda: str(own.folder) in node.logged(), "the log says what is wrong")
            assert customer.create().json["errorCode"] == "ERROR_NO_SLOT_AVAILABLE"
            assert customer.poll(task).json == {"errorId": 0, "status": "processing"}
            away = customer.call("getBalance")
            assert (away.status, away.headers["retry-after"]) == (503, "5")
            own.start()
            wait_until(lambda: node.http.get("/readyz").status == 200, "the node is ready again")
            assert person.answer(lease, "4821").json["accepted"]
            assert customer.poll(task).json["solution"] == {"text": "4821"}
            wait_until(lambda: on_duty(node), "the node is on duty again")
            assert node.books_are_right()
            assert "Traceback" not in node.logged()
    finally:
        own.remove()


class Receiver(ThreadingHTTPServer):
    """Takes callbacks and keeps them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.posts: list[bytes] = []


class Taking(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.posts.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_callback_is_posted_once_though_two_nodes_could(nodes) -> None:
    a, b = nodes
    tasks = []
    with Receiver() as receiver:
        Thread(target=receiver.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{receiver.server_port}"
        customer, person = a.customer(callback_hosts=(host,)), b.worker()
        for _ in range(5):
            tasks.append(customer.create(image_task(), callbackUrl=f"http://{host}/done").json["taskId"])
            person.answer(person.take(), "4821")
        for task in tasks:
            wait_until(partial(is_posted, b, task), "the post is booked")
        receiver.shutdown()

    assert len(receiver.posts) == len(set(receiver.posts)) == 5


def is_posted(node: Serving, task: int) -> bool:
    return bool(node.cli("callbacks", "show", str(task))["state"] == "done")
