"""The stream of settled tasks: in order, whole, resumable, and over when the server stops."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from answerdesk.api.events import MOST_OF_ACCOUNT, MOST_WAITING, PAGE
from tests.api.streams import Listener, auth, call, create
from tests.serving import Serving, Worker, wait_until


def answer(person: Worker, count: int) -> list[int]:
    """Answer so many tasks one after the other; gives their ids in that order."""
    done: list[int] = []
    while len(done) < count:
        for lease in person.claim(most=min(16, count - len(done)), wait=5):
            person.answer(lease, "4821")
            done.append(lease["task"])
    return done


def test_settled_tasks_come_in_the_order_they_settled(server, customer, person) -> None:
    with Listener(server, customer) as stream:
        first, second, third = create(server, customer, 3)
        call(server, customer, "DELETE", f"tasks/{second}")
        answered = answer(person, 2)

        assert stream.tasks(3) == [second, *answered]
        assert set(answered) == {first, third}
        assert stream.reply.getheader("content-type") == "text/event-stream"
        assert stream.reply.getheader("x-request-id")
        assert [event.task["status"] for event in stream.events] == ["failed", "ready", "ready"]
        assert stream.events[1].task == call(server, customer, "GET", f"tasks/{answered[0]}").json


def test_a_stream_tells_its_place_before_anything_settled(server, customer, person) -> None:
    """So that a client which lost the connection at once misses nothing either."""
    with Listener(server, customer) as stream:
        place = stream.last
    task, other = create(server, customer, 2)
    answered = answer(person, 2)
    with Listener(server, customer, place) as stream:
        assert stream.tasks(2) == answered
        assert set(answered) == {task, other}


def test_a_stream_resumes_where_it_was_left(server, customer, person) -> None:
    create(server, customer, 6)
    with Listener(server, customer) as stream:
        answered = answer(person, 2)
        stream.tasks(2)
        last = stream.last
    answered += answer(person, 2)
    with Listener(server, customer, last) as stream:
        assert stream.tasks(2) == answered[2:]
        answered += answer(person, 2)

        assert stream.tasks(4) == answered[2:]
    with Listener(server, customer, "0") as stream:
        assert stream.tasks(6) == answered


@pytest.mark.parametrize("name", ["", "x", "-1", "9" * 19, "9" * 30, "1.5"])
def test_a_place_that_never_was_means_from_now_on(server, customer, person, name) -> None:
    create(server, customer, 2)
    answer(person, 1)
    with Listener(server, customer, name) as stream:
        wait_until(lambda: len(stream.lines) >= 2, "the stream tells its place")
        answered = answer(person, 1)

        assert stream.tasks(1) == answered


def test_a_stream_is_one_accounts_own(server, customer, person) -> None:
    stranger = server.customer()
    with Listener(server, customer) as stream, Listener(server, stranger) as other:
        create(server, customer)
        create(server, stranger)
        answered = answer(person, 2)

        assert stream.tasks(1) + other.tasks(1) in (answered, answered[::-1])


def test_a_report_is_no_second_event(server, customer, person) -> None:
    with Listener(server, customer) as stream:
        create(server, customer, 3)
        answered = answer(person, 2)
        for task in answered:
            call(server, customer, "POST", f"tasks/{task}/report", {"correct": False})
        answered += answer(person, 1)

        assert stream.tasks(3) == answered


def test_what_another_process_settled_is_told_between_what_this_one_did(server, customer, person) -> None:
    """Nothing is pushed for the task cancelled elsewhere, and what is pushed after it must not hide it."""
    with Listener(server, customer) as stream:
        tasks = create(server, customer, 6)
        order = answer(person, 1)
        for _ in range(2):
            mine = next(task for task in tasks if task not in order)
            lease = person.take()
            elsewhere = next(task for task in tasks if task not in {*order, mine, lease["task"]})
            command = [sys.executable, "-m", "answerdesk.cli", "tasks", "cancel", str(elsewhere), "--data", server.data]
            subprocess.run(command, check=True, capture_output=True)
            person.answer(lease, "4821")
            order += [elsewhere, lease["task"]]

        assert stream.tasks(5, patience=6) == order


def test_what_another_process_settled_comes_by_itself(server, customer, person) -> None:
    with Listener(server, customer) as stream:
        (task,) = create(server, customer)
        server.tidy()

        assert stream.tasks(1, patience=6) == [task]


def test_a_slow_client_gets_everything_once(server, person) -> None:
    count = MOST_WAITING + 2 * PAGE + 7
    customer = server.customer("10")
    create(server, customer, count)
    slow = Listener(server, customer)
    # Nobody reads while all of them settle.
    answered = answer(person, count)
    with slow:
        assert slow.tasks(count) == answered
        time.sleep(0.1)
        assert len(slow.events) == count


@pytest.mark.slow
def test_an_idle_stream_shows_that_it_is_alive(server, customer) -> None:
    with Listener(server, customer) as stream:
        wait_until(lambda: stream.lines.count(b": alive\n") >= 2, "a second sign of life", 12)


def test_a_revoked_key_hears_nothing_more(server, customer, person) -> None:
    with Listener(server, customer) as stream:
        create(server, customer)
        server.revoke(customer.key, customer.account.id)
        answer(person, 1)
        wait_until(stream.ended.is_set, "the stream ends", 8)

        assert stream.events == []


def test_a_stream_without_a_key_is_a_problem(server) -> None:
    reply = call(server, None, "GET", "events")

    assert (reply.status, reply.headers["content-type"]) == (401, "application/problem+json")


def test_one_account_cannot_take_all_the_streams(server, customer) -> None:
    lines = []
    request = f"GET /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {customer.key}\r\n\r\n".encode()
    try:
        for _ in range(MOST_OF_ACCOUNT):
            lines.append(server.http.raw())
            lines[-1].sendall(request)
            assert lines[-1].recv(12) == b"HTTP/1.1 200"
        refused = call(server, customer, "GET", "events")
    finally:
        for line in lines:
            line.close()

    assert (refused.status, refused.json["code"]) == (503, "ERROR_NO_SLOT_AVAILABLE")
    wait_until(
        lambda: server.http.request("HEAD", "/v1/balance", None, auth(customer)).status == 405, "it still serves"
    )


@pytest.mark.slow
def test_a_stream_is_resumed_after_a_power_cut(tmp_path) -> None:
    with Serving(tmp_path) as server:
        customer, person = server.customer(), server.worker()
        create(server, customer, 4)
        with Listener(server, customer) as stream:
            answered = answer(person, 2)
            stream.tasks(1)
            server.kill()
            wait_until(stream.ended.is_set, "the stream is cut")
            heard = [event.task["id"] for event in stream.events]
            last = stream.last
        server.start()
        answered += answer(person, 2)
        with Listener(server, customer, last) as stream:
            heard += stream.tasks(4 - len(heard))

        assert heard == answered


def test_a_stream_ends_when_the_server_stops(tmp_path) -> None:
    with Serving(tmp_path) as server:
        customer = server.customer()
        with Listener(server, customer) as stream:
            assert server.stop() == 0
            wait_until(stream.ended.is_set, "the stream ends")
        log = server.logged()

    assert "Traceback" not in log
