"""Polls that are answered without waiting say what all others say, and let in nobody whom the others would not."""

from __future__ import annotations

import json

import pytest

from answerdesk.model.account import Millis, Standing
from tests.api.older import answer

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
