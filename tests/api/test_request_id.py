"""Each request has one id: the well-formed one it came with, or one drawn for it; its reply and log lines tell it."""

from __future__ import annotations

import json

import pytest

from answerdesk.api.http import begin, current_id, id_of
from tests.api.older import answer

GIVEN = "4f2a-Req.7:a=b/c"


def replies(server, customer, person, task, headers):
    """Ask at every door: without waiting and by a task, of each protocol, the native and work API, pages and errors."""
    key, http = customer.key, server.http
    bearer = {"Authorization": f"Bearer {key}", **headers}
    return {
        "result": http.post("/getTaskResult", {"clientKey": key, "taskId": task}, headers),
        "balance": http.post("/getBalance", {"clientKey": key}, headers),
        "refused": http.post("/getBalance", {"clientKey": "x"}, headers),
        "res": http.get(f"/res.php?key={key}&action=get&id={task}", headers),
        "native": http.get(f"/v1/tasks/{task}", bearer),
        "problem": http.get("/v1/nothing", bearer),
        "work": http.get("/api/work/me", {**person.headers, **headers}),
        "page": http.get("/sign-in", {"Accept": "text/html", **headers}),
        "missing": http.get("/no/such/page", headers),
        "ready": http.get("/readyz", headers),
    }


@pytest.fixture
def settled(customer, person):
    task = customer.ask()
    answer(person, "W9H5K")
    customer.poll(task)
    return task


def test_the_id_a_request_came_with_is_its_reply_s(server, customer, person, settled):
    told = {
        name: reply.headers["x-request-id"]
        for name, reply in replies(server, customer, person, settled, {"X-Request-Id": GIVEN}).items()
    }

    assert told == dict.fromkeys(told, GIVEN)


def test_without_one_each_reply_has_an_id_of_its_own(server, customer, person, settled):
    told = [reply.headers["x-request-id"] for reply in replies(server, customer, person, settled, {}).values()]

    assert len(set(told)) == len(told)


def test_what_a_request_came_with_changes_nothing_else_of_its_reply(server, customer, person, settled):
    plain, named = (replies(server, customer, person, settled, headers) for headers in ({}, {"X-Request-Id": GIVEN}))
    for name, reply in plain.items():
        other = named[name]
        kept = [(header, value) for header, value in reply.headers.items() if header != "x-request-id"]

        assert kept == [(header, value) for header, value in other.headers.items() if header != "x-request-id"]
        assert list(reply.headers) == list(other.headers)
        assert name == "page" or reply.body == other.body


@pytest.mark.parametrize("given", ["", "a" * 129, "two words", "-x", 'a"b', "a;b", "\u00e9", "a,b", "<x>"])
def test_an_id_that_is_not_well_formed_is_replaced(server, given):
    reply = server.http.get("/ping", {"X-Request-Id": given.encode().decode("latin-1")})

    assert reply.headers["x-request-id"] != given
    assert len(reply.headers["x-request-id"]) == 12


def test_the_first_of_several_ids_counts(server):
    sent = b"GET /ping HTTP/1.1\r\nHost: x\r\nX-Request-Id: one\r\nX-Request-Id: two\r\nConnection: close\r\n\r\n"

    assert b"x-request-id: one\r\n" in server.http.exchange(sent)


def test_what_is_done_for_a_request_knows_its_id():
    scope = {"headers": [(b"x-request-id", GIVEN.encode())]}
    before = current_id()
    begin(scope)

    assert before is None
    assert current_id() == GIVEN == id_of(scope).decode()


def test_the_log_lines_of_a_request_tell_its_id(server, customer, person):
    task, number, reply = customer.ask(), 0, None
    while reply is None or not reply.json["errorId"]:
        number += 1
        headers = {"X-Request-Id": f"poll-{task}-{number}", "Prefer": "wait=0"}
        reply = customer.call("getTaskResult", headers, taskId=task)
    lines = [json.loads(line) for line in server.logged().splitlines() if line.startswith("{")]
    locks = [line["request"] for line in lines if line["event"] == "polls_locked"]

    assert reply.headers["x-request-id"] == f"poll-{task}-{number}"
    assert f"poll-{task}-{number}" in locks
