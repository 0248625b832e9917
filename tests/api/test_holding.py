"""Leases over HTTP as a workspace uses them: set aside, shown, kept, extended, given up and opened again."""

from __future__ import annotations

import time

import pytest

from answerdesk.desk.orders import End
from answerdesk.model.task import Cause, Permutation

NEXT = {"kinds": ["text"], "max": 1, "wait": 0, "reserve": True}


def test_one_request_answers_shows_the_next_and_reserves_the_one_after(server, customer, person):
    tasks = [customer.ask() for _ in range(3)]
    first = person.take()
    (second,) = person.call("claim", **NEXT).json["leases"]

    reply = person.answer(first, "abc", shown=second["lease"], claim=NEXT).json

    assert (first["reserved"], second["reserved"]) == (False, True)
    assert reply["accepted"]
    assert reply["shown"].keys() == {"lease", "until"}
    assert reply["shown"]["lease"] == second["lease"]
    assert reply["shown"]["until"] - time.time() > 50
    (third,) = reply["leases"]
    assert [first["task"], second["task"], third["task"]] == tasks
    assert third["reserved"]
    assert third["until"] - time.time() < 21
    assert server.books_are_right()


def test_what_cannot_be_shown_costs_no_answer(server, customer, person):
    customer.ask()
    first = person.take()
    gone = customer.ask()
    (reserved,) = person.call("claim", **NEXT).json["leases"]
    with server.store() as store:
        n = Permutation(store.permutation_key).find(gone)
    server.do(End(n=n, cause=Cause.CANCELLED))

    reply = person.answer(first, "abc", shown=reserved["lease"]).json
    again = person.answer(first, "abc", shown="0" * 32).json

    assert (reply["accepted"], reply["shown"]) == (True, {"lease": reserved["lease"], "why": "cancelled"})
    assert (again["accepted"], again["shown"]) == (True, {"lease": "0" * 32, "why": "expired"})


def test_a_decline_shows_the_next_too(customer, person):
    customer.ask()
    first = person.take()
    customer.ask()
    (reserved,) = person.call("claim", **NEXT).json["leases"]

    assert person.decline(first, shown=reserved["lease"]).json["shown"].keys() == {"lease", "until"}


def test_a_reservation_is_shown_kept_and_extended(customer, person):
    customer.ask()
    (reserved,) = person.call("claim", **NEXT).json["leases"]
    kept = person.call("keep", lease=reserved["lease"]).json
    shown = person.call("show", lease=reserved["lease"]).json
    extended = person.call("extend", lease=reserved["lease"]).json

    assert kept["until"] >= reserved["until"]
    assert shown["until"] - kept["until"] > 30
    assert extended["until"] == pytest.approx(shown["until"] + 30)
    assert person.call("extend", lease=reserved["lease"]).json == extended


def test_what_is_released_is_there_for_others_at_once(server, customer, person):
    task = customer.ask()
    (reserved,) = person.call("claim", **NEXT).json["leases"]
    other = server.worker()

    assert other.claim() == []
    assert person.call("release", leases=[reserved["lease"], "0" * 32]).body == b'{"released":1}'
    assert [lease["task"] for lease in other.claim()] == [task]


def test_a_decline_can_be_undone_while_the_task_is_open(server, customer, person):
    colleague = server.worker()
    colleague.claim()
    person.claim()
    task = customer.ask()
    lease = person.take()
    person.decline(lease)

    reopened = person.call("undo", lease=lease["lease"]).json

    assert (reopened["reopened"], reopened["question"]) == (True, lease["question"])
    assert reopened["until"] - time.time() > 50
    assert person.answer(lease, "abc").json["accepted"]
    assert customer.poll(task).json["solution"] == {"text": "abc"}
    assert person.call("undo", lease=lease["lease"]).body == b'{"reopened":false,"why":"settled"}'


@pytest.mark.parametrize("verb", ["show", "keep", "extend", "undo"])
def test_another_workers_lease_is_as_unknown_as_none(server, customer, person, verb):
    customer.ask()
    lease, stranger = person.take(), server.worker()

    replies = [stranger.call(verb, lease=token) for token in (lease["lease"], "0" * 32)]

    assert [reply.status for reply in replies] == [404, 404]
    assert replies[0].body == replies[1].body


@pytest.mark.parametrize(
    ("verb", "body", "named"),
    [
        ("claim", b'{"reserve":1}', "reserve"),
        ("answer", b'{"lease":"x","value":"a","shown":7}', "shown"),
        ("show", b"{}", "lease"),
        ("keep", b'{"lease":""}', "lease"),
        ("extend", b'{"lease":5}', "lease"),
        ("undo", b'{"lease":null}', "lease"),
        ("release", b'{"leases":"x"}', "leases"),
        ("release", b'{"leases":[' + b",".join([b'"x"'] * 65) + b"]}", "leases"),
    ],
)
def test_a_malformed_body_names_its_field(server, person, verb, body, named):
    reply = server.http.post(f"/api/work/{verb}", body, person.headers)

    assert reply.status == 400
    assert reply.json["error"].startswith(f"{named} ")
