"""A server told to stop says so first: whoever watches it looks elsewhere, whoever is served is served whole."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys

import pytest

from tests.api.streams import Listener
from tests.serving import PATIENCE, Http, Serving, image_task, read_all, read_reply, wait_until

#: Longer than any test takes: what ends it is the second signal.
DRAIN = 300


@pytest.fixture
def leaving(tmp_path):
    with Serving(tmp_path, drain=DRAIN, hold=15) as server:
        yield server
        # Whoever tells it twice means at once.
        server.process.send_signal(signal.SIGTERM)
        assert server.stop() == 0
        assert "Traceback" not in server.logged()


def readiness(server):
    reply = server.http.get("/readyz")
    return reply.status, reply.body


def tell_to_stop(server):
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: readiness(server) == (503, b"stopping"), "the server is ready no more")


def send(line, verb, path, fields=None, *headers):
    body = json.dumps(fields).encode() if fields is not None else b""
    head = [f"{verb} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers, "", ""]
    line.sendall("\r\n".join(head).encode() + body)


def test_a_leaving_server_is_not_ready_and_serves_on(leaving) -> None:
    customer, person = leaving.customer(), leaving.worker()

    assert readiness(leaving) == (200, b"ready")
    tell_to_stop(leaving)
    task = customer.ask()
    person.answer(person.take(), "4821")

    assert customer.poll(task).json["solution"] == {"text": "4821"}
    assert leaving.http.get("/healthz").status == 200


def test_a_kept_connection_s_next_request_is_answered_and_its_last(leaving) -> None:
    customer, _ = leaving.customer(), leaving.worker()
    with contextlib.closing(leaving.http.raw()) as line:
        send(line, "POST", "/getBalance", {"clientKey": customer.key})
        before = read_reply(line)
        tell_to_stop(leaving)
        send(line, "POST", "/createTask", {"clientKey": customer.key, "task": image_task()})
        after = read_reply(line)

        assert "connection" not in before.headers
        assert after.headers["connection"] == "close"
        assert after.json["errorId"] == 0
        assert read_all(line) == b""


def test_held_polls_are_answered_at_once_on_connections_that_end(leaving) -> None:
    customer, _ = leaving.customer(), leaving.worker()
    task = customer.ask()
    with contextlib.closing(leaving.http.raw()) as line, contextlib.closing(leaving.http.raw()) as ahead:
        for held in (line, ahead):
            send(held, "POST", "/getTaskResult", {"clientKey": customer.key, "taskId": task}, "Prefer: wait=60")
        # Sent ahead of its turn: it is answered too.
        send(ahead, "POST", "/getBalance", {"clientKey": customer.key})
        customer.poll(task, 1)
        tell_to_stop(leaving)
        reply = read_reply(line)

        assert reply.json == {"errorId": 0, "status": "processing"}
        assert reply.headers["connection"] == "close"
        assert read_all(line) == b""
        assert b'"balance"' in read_all(ahead)


def test_streams_end_with_a_hint_to_connect_again(leaving) -> None:
    customer = leaving.customer()
    with Listener(leaving, customer) as one, Listener(leaving, customer) as other:
        tell_to_stop(leaving)

        assert one.ended.wait(PATIENCE)
        assert other.ended.wait(PATIENCE)
        hints = [line for stream in (one, other) for line in stream.lines if line.startswith(b"retry: ")]
        assert len(set(hints)) == 2


def claims_waiting(server):
    return b"\nanswerdesk_claims_waiting 1.0\n" in server.http.get("/metrics").body


def test_a_claim_that_waits_goes_empty_at_once_on_a_connection_that_ends(leaving) -> None:
    person = leaving.worker()
    token = f"Authorization: {person.headers['Authorization']}"
    with contextlib.closing(leaving.http.raw()) as line:
        send(line, "POST", "/api/work/claim", {"wait": 30}, token)
        # By itself it would wait for longer.
        line.settimeout(PATIENCE / 2)
        wait_until(lambda: claims_waiting(leaving), "the claim waits")
        tell_to_stop(leaving)
        reply = read_reply(line)

        assert reply.body == b'{"leases":[]}'
        assert reply.headers["connection"] == "close"
        assert read_all(line) == b""


def test_a_claim_may_wait_at_a_leaving_server_and_is_sent_home_when_it_stops(leaving) -> None:
    person = leaving.worker()
    token = f"Authorization: {person.headers['Authorization']}"
    tell_to_stop(leaving)
    with contextlib.closing(leaving.http.raw()) as line:
        send(line, "POST", "/api/work/claim", {"wait": 30}, token)
        wait_until(lambda: claims_waiting(leaving), "the claim waits")
        leaving.process.send_signal(signal.SIGTERM)

        assert read_reply(line).body == b'{"leases":[]}'


def test_after_its_time_to_leave_a_server_stops_by_itself(tmp_path) -> None:
    with Serving(tmp_path, drain=0.2) as server:
        server.process.send_signal(signal.SIGTERM)

        assert server.process.wait(PATIENCE) == 0


def test_whoever_sits_before_the_server_does_not_wait_for_it_to_leave(tmp_path) -> None:
    with Serving(tmp_path, drain=DRAIN) as server:
        server.process.send_signal(signal.SIGINT)

        assert server.process.wait(PATIENCE) == 0


def test_a_desk_is_not_ready_until_its_owners_link_was_printed(tmp_path) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    # A reader that is behind: whatever the server prints waits.
    os.write(writing, b"." * fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ))
    data = tmp_path / "data"
    command = [sys.executable, "-m", "answerdesk.cli", "serve", "--solver", "none", "--port", "0", "--data", str(data)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ANSWERDESK_")}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=writing, stderr=log, env=environ)
    os.close(writing)
    try:
        wait_until((data / "address").exists, "the server runs")
        http = Http(int((data / "address").read_text().rpartition(":")[2]))
        before = http.get("/readyz")
        with open(reading, "rb") as printed:  # noqa: PTH123 - a descriptor
            said = iter(printed.readline, b"")
            link = next(line for line in said if b"/enter/" in line)
            wait_until(lambda: http.get("/readyz").status == 200, "the desk is ready")

        assert (before.status, before.body) == (503, b"starting")
        assert link.startswith(b"http://127.0.0.1:")
    finally:
        process.terminate()
        process.wait(PATIENCE)
