"""Polls answered and tasks begun where they are read say what all others say, and let in nobody else."""

from __future__ import annotations

import json
import re
import time

import pytest

from answerdesk.model.account import Millis, Standing
from tests.api.older import answer
from tests.serving import image_task, read_reply

DIALECTS = ("capmonster", "2captcha", "anticaptcha")


@pytest.fixture
def settled(customer, person):
    """A task with its answer, polled once so that key and task are known."""
    task = customer.ask()
    answer(person, "W9H5K")
    customer.poll(task)
    return task


def polls(server, key, task):
    """Ask in the usual spelling and in an unusual one, by each protocol; gives pairs of replies."""
    usual, odd = {"clientKey": key, "taskId": task}, {"CLIENTKEY": key, "TaskID": str(task)}
    bearer = {"Authorization": f"Bearer {key}"}
    query = f"/res.php?key={key}&action=get&id={task}"
    http = server.http
    return [
        (http.post("/getTaskResult", usual), http.post("/getTaskResult", odd)),
        (http.get(f"/v1/tasks/{task}", bearer), http.get(f"/v1/tasks/{task}?wait=0", bearer)),
        (http.get(query), http.get(query.replace("get", "GET"))),
        (http.get(f"{query}&json=1"), http.get(f"{query}&json=true")),
    ]


def told(reply):
    """What a reply says, but for what differs from any to any other."""
    moving = {"x-request-id"}
    return reply.status, {name: reply.headers[name] for name in reply.headers.keys() - moving}, reply.body


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_settled_task_is_told_the_same_in_any_spelling(server, customer, settled, dialect):
    customer.change(dialect=dialect)
    for usual, odd in polls(server, customer.key, settled) + polls(server, customer.key, settled):
        assert told(usual) == told(odd)
        assert b"W9H5K" in usual.body


@pytest.mark.parametrize("agent", ["curl/8", "Zennolab.CapMonsterCloud.Client/1.0"])
@pytest.mark.parametrize("soft_id", [None, 53, "53", 7], ids=repr)
def test_hints_at_a_dialect_count_for_a_poll_answered_at_once(server, customer, settled, agent, soft_id):
    hints = {"User-Agent": agent}
    usual = {"clientKey": customer.key, "taskId": settled} | ({} if soft_id is None else {"softId": soft_id})
    odd = {("CLIENTKEY" if name == "clientKey" else name): value for name, value in usual.items()}
    for _ in range(2):
        replies = [server.http.post("/getTaskResult", json.dumps(body).encode(), hints) for body in (usual, odd)]
        assert told(replies[0]) == told(replies[1])


@pytest.mark.parametrize(
    "settings",
    [
        {"standing": Standing.SUSPENDED},
        {"allow_ips": ("192.0.2.1",)},
        {"polls_locked_until": Millis(2**52)},
    ],
    ids=["suspended", "elsewhere", "locked"],
)
def test_an_account_that_may_not_call_is_refused_its_settled_tasks(server, customer, settled, settings):
    customer.change(**settings)
    for usual, odd in polls(server, customer.key, settled):
        assert told(usual)[0] == told(odd)[0]
        assert b"W9H5K" not in usual.body
        assert b"W9H5K" not in odd.body


def test_a_stranger_is_not_told_of_a_settled_task(server, settled):
    stranger = server.customer()
    stranger.call("getBalance")
    for usual, odd in polls(server, stranger.key, settled):
        assert told(usual) == told(odd)
        assert b"W9H5K" not in usual.body


def test_a_revoked_key_is_told_nothing_more(server, customer, settled):
    server.revoke(customer.key, customer.account.id)
    for usual, odd in polls(server, customer.key, settled):
        assert told(usual) == told(odd)
        assert b"W9H5K" not in usual.body


def test_a_settled_poll_takes_from_the_account_s_rate(server, customer, settled):
    customer.change(requests_per_second=2)
    bodies = [customer.poll(settled).body for _ in range(20)]

    assert b"W9H5K" in bodies[0]
    assert any(b"requests a second" in body for body in bodies)


def created(server, body, *headers, pieces):
    """Ask for a task, in one piece or in two; gives status, headers and body, without what differs from any to any."""
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = ["POST /createTask HTTP/1.1", "Host: x", f"Content-Length: {len(encoded)}", *headers, "", ""]
    request = "\r\n".join(lines).encode() + encoded
    with server.http.raw() as line:
        for start in range(0, len(request), -(-len(request) // pieces)):
            line.sendall(request[start : start + -(-len(request) // pieces)])
            # Taken in before the next comes.
            time.sleep(0.05)
        reply = read_reply(line)
    return reply.status, reply.headers | {"x-request-id": "", "content-length": ""}, NUMBER.sub(b"N", reply.body)


CREATED = b'"errorId":0,'
NUMBER = re.compile(rb"(?<=taskId\":)\d+")
BODIES = {
    "a picture": {},
    "no task": {"task": None},
    "no such type": {"task": {"type": "Nonsense"}},
    "no picture": {"task": {"type": "ImageToTextTask"}},
    "no base64": {"task": {"type": "ImageToTextTask", "body": "%%%"}},
    "a host that is not registered": {"callbackUrl": "https://elsewhere.example/"},
}


@pytest.mark.parametrize("fields", BODIES.values(), ids=BODIES)
def test_a_task_is_taken_the_same_whichever_way_it_comes(server, customer, person, fields):
    body = {"clientKey": customer.key, "task": image_task()} | fields
    replies = [created(server, body, pieces=pieces) for pieces in (2, 1, 1)]

    assert replies[0] == replies[1] == replies[2]
    assert (CREATED in replies[0][2]) == (not fields)


@pytest.mark.parametrize("settings", [{"standing": Standing.SUSPENDED}, {"allow_ips": ("192.0.2.1",)}, {"max_open": 1}])
def test_who_may_not_create_is_told_the_same_whichever_way_it_comes(server, customer, person, settings):
    customer.ask()
    customer.change(**settings)
    body = {"clientKey": customer.key, "task": image_task()}

    two, one = (created(server, body, pieces=pieces) for pieces in (2, 1))
    assert two == one
    assert CREATED not in one[2]


def test_a_task_that_cannot_be_paid_is_refused_the_same_whichever_way_it_comes(server, person):
    poor = server.customer(balance="0")
    body = {"clientKey": poor.key, "task": image_task()}

    replies = [created(server, body, pieces=pieces) for pieces in (2, 1, 1)]
    assert replies[0] == replies[1] == replies[2]
    assert b"ZERO_BALANCE" in replies[0][2]


def test_a_request_that_is_sent_again_is_found_whichever_way_it_comes(server, customer, person):
    body = json.dumps({"clientKey": customer.key, "task": image_task()}).encode()
    header = "Idempotency-Key: once"
    replies = [created(server, body, header, pieces=pieces) for pieces in (1, 1, 2)]
    other = created(server, body + b" ", header, pieces=1)

    assert [reply[1].get("x-task-replayed") for reply in replies] == [None, "1", "1"]
    assert b"Idempotency-Key" in other[2]
    assert customer.balance() == 1 - 0.001


def test_creations_are_counted_whichever_way_they_come(server, customer, person):
    def counted():
        text = server.http.get("/metrics").body.decode()
        found = re.findall(r'answerdesk_requests_total\{[^}]*method="create"[^}]*\} (\d+)', text)
        return sum(map(int, found))

    customer.ask()
    before = counted()
    body = {"clientKey": customer.key, "task": image_task()}
    for pieces in (1, 2, 1):
        created(server, body, pieces=pieces)

    assert counted() == before + 3
