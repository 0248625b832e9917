"""Waiting for a result (PROTOCOL §3.5): the hold, the poll limit and the lock."""

from __future__ import annotations

import contextlib
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.serving import Serving, read_reply, wait_until

PROCESSING = b'{"errorId":0,"status":"processing"}'


def begin_poll(server, customer, task, wait=None):
    """Send a poll without reading its reply."""
    line = server.http.raw()
    body = json.dumps({"clientKey": customer.key, "taskId": task}).encode()
    prefer = f"Prefer: wait={wait}\r\n" if wait is not None else ""
    head = f"POST /getTaskResult HTTP/1.1\r\nHost: x\r\n{prefer}Content-Length: {len(body)}\r\n\r\n"
    line.sendall(head.encode() + body)
    return line


def came(line) -> bool:
    """Whether something to read has arrived."""
    line.setblocking(False)
    try:
        return bool(line.recv(1, 2))  # MSG_PEEK
    except BlockingIOError:
        return False
    finally:
        line.settimeout(30)


def test_a_held_poll_learns_of_the_answer_itself(server, customer, person):
    task = customer.ask()
    lease = person.take()
    with begin_poll(server, customer, task, wait=30) as held:
        customer.poll(task, 0)
        before = came(held)
        person.answer(lease, "abc")
        reply = read_reply(held)

    assert not before
    assert reply.json["status"] == "ready"


def test_a_held_poll_learns_of_a_failure_itself(server, customer, person):
    task = customer.ask()
    lease = person.take()
    with begin_poll(server, customer, task, wait=30) as held:
        person.decline(lease)
        reply = read_reply(held)

    assert reply.json["errorId"] == 12


def test_all_who_wait_for_one_task_get_the_same_bytes(server, customer, person):
    task = customer.ask()
    lease = person.take()
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(begin_poll(server, customer, task, wait=30)) for _ in range(20)]
        customer.poll(task, 0)
        person.answer(lease, "abc")
        bodies = {read_reply(line).body for line in lines}

    assert len(bodies) == 1
    assert bodies == {customer.poll(task).body}


@pytest.mark.parametrize("prefer", ["respond-async, wait=0", 'WAIT="0"', "wait=0; x=1, wait=0", " wait = 0 "])
def test_a_client_may_prefer_not_to_wait(server, customer, person, prefer):
    task = customer.ask()
    replies = [customer.call("getTaskResult", {"Prefer": prefer}, taskId=task).body for _ in range(3)]

    assert replies == [PROCESSING] * 3


def test_past_the_cap_of_held_polls_an_account_is_answered_at_once_and_uncounted(server, person):
    customer = server.customer()
    task = customer.ask()
    with contextlib.ExitStack() as stack:
        tasks = [task, *(customer.ask() for _ in range(9))]
        for n in range(1000):
            stack.enter_context(begin_poll(server, customer, tasks[n % 10], wait=60))
        wait_until(lambda: customer.poll(task, 50).body == PROCESSING, "a poll is not held any more")
        replies = {customer.poll(task, 60).body for _ in range(150)}
        held_for_another = server.customer()
        other = held_for_another.ask()
        with begin_poll(server, held_for_another, other, wait=60) as line:
            held_for_another.poll(other, 0)
            others_answered = came(line)

    assert replies == {PROCESSING}
    assert not others_answered


def polled_too_often(customer, task, most=120) -> list:
    """The replies to one poll more than allowed."""
    return [customer.poll(task).json for _ in range(most + 1)]


def test_the_121st_poll_of_an_unfinished_task_locks_the_account(strict):
    person, customer, other = strict.worker(), strict.customer(dialect="2captcha"), strict.customer()
    task = customer.ask()
    replies = polled_too_often(customer, task)
    locked = [customer.call(name, taskId=task).json for name in ("getBalance", "createTask", "reportCorrect")]

    assert {reply.get("status") for reply in replies[:120]} == {"processing"}
    assert replies[120]["errorId"] == 21
    assert replies[120]["errorCode"] == "ERROR_IP_BLOCKED"
    assert "1 more second" in replies[120]["errorDescription"]
    assert {reply["errorId"] for reply in locked} <= {0, 21}
    assert locked[0]["errorId"] == 21
    assert other.call("getBalance").json["errorId"] == 0
    assert person.answer(person.take(), "work goes on").json["accepted"]
    assert wait_until(lambda: customer.poll(task).json.get("status"), "the lock ends") == "ready"


def test_capmonster_names_the_lock_in_its_own_code(strict):
    strict.worker()
    customer = strict.customer()
    replies = polled_too_often(customer, customer.ask())

    assert (replies[120]["errorId"], replies[120]["errorCode"]) == (1, "ERROR_TOO_MUCH_REQUESTS")


def test_polls_of_each_task_are_counted_apart(strict):
    strict.worker()
    customer = strict.customer()
    tasks = [customer.ask() for _ in range(3)]
    replies = [customer.poll(task).json for task in tasks for _ in range(100)]

    assert {reply["errorId"] for reply in replies} == {0}


def test_polls_of_a_finished_task_are_not_counted(strict):
    person, customer = strict.worker(), strict.customer()
    task = customer.ask()
    for _ in range(119):
        customer.poll(task)
    person.answer(person.take(), "abc")
    replies = {customer.poll(task).body for _ in range(130)}

    assert replies == {b'{"errorId":0,"status":"ready","solution":{"text":"abc"}}'}


@pytest.mark.slow
def test_a_lock_outlives_the_server(tmp_path):
    with Serving(tmp_path, hold=0, poll_limit=3, poll_lock=600) as server:
        server.worker()
        customer = server.customer()
        polled_too_often(customer, customer.ask(), 3)
        server.kill()
        server.start()
        reply = customer.call("getBalance").json

    assert reply["errorId"] == 21
    assert int(reply["errorDescription"].split(" for ")[1].split()[0]) in range(500, 601)


@pytest.mark.slow
def test_with_holds_a_client_that_polls_through_a_whole_deadline_stays_below_the_limit(tmp_path):
    """Deadline ÷ hold polls fit, and twenty more."""
    with Serving(tmp_path, hold=0.02, deadline=5) as server:
        server.worker()
        customer = server.customer()
        task = customer.ask()
        polls, ends = 0, time.monotonic() + 20
        while (reply := customer.poll(task).json).get("status") == "processing" and time.monotonic() < ends:
            polls += 1

    assert polls > 120
    assert reply["errorId"] == 12, "the deadline ended it, not the limit"


@pytest.mark.slow
def test_a_task_past_its_deadline_fails_without_anybody_asking_and_costs_nothing(tmp_path):
    with Serving(tmp_path, deadline=5) as server:
        person, customer = server.worker(), server.customer()
        task = customer.ask()
        lease = person.take()
        reply = customer.poll(task, 30).json
        late = person.answer(lease, "too late").json
        books = server.books_are_right()
        balance = customer.balance()

    assert reply["errorId"] == 12
    assert (late["accepted"], late["paid"]) == (False, "0")
    assert late["why"] in {"settled", "expired"}
    assert balance == 1
    assert books


def test_many_accounts_poll_at_once_without_hearing_of_each_other(server, person):
    customers = [server.customer() for _ in range(5)]
    tasks = [customer.ask() for customer in customers]
    with ThreadPoolExecutor(5) as pool:
        polls = [pool.submit(customer.poll, task, 30) for customer, task in zip(customers, tasks, strict=True)]
        for lease in person.claim(most=5, wait=5):
            person.answer(lease, f"text of {lease['task']}")
        texts = [poll.result().json["solution"]["text"] for poll in polls]

    assert texts == [f"text of {task}" for task in tasks]
