"""Every route for everybody: without a key, with a wrong one, as a stranger, and as the owner.
What is another's is, to the byte, what is not there."""

from __future__ import annotations

import itertools
import json
from typing import Any, NamedTuple

import pytest

from answerdesk.api.native import Native
from answerdesk.model.talk import Method
from answerdesk.wire.grammar import METHODS
from answerdesk.wire.legacy import Action
from answerdesk.wire.openapi import openapi
from tests.api.streams import create
from tests.serving import Customer, Reply, Serving, Worker, image_task

WRONG = "f" * 32
#: An id that no desk of these tests gives out.
ABSENT = 2**52 + 1
#: The routes of the native dialect, as they are without a desk behind them.
NATIVE = Native(**dict.fromkeys(("front", "peers", "store", "records", "ids", "feed"))).routes  # type: ignore[arg-type]
WORK = [(verb.upper(), path) for path, verbs in openapi()["paths"].items() for verb in verbs]
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "tasks"): {"task": image_task()},
    ("POST", "tasks/batch"): {"tasks": [{"task": image_task()}]},
    ("POST", "tasks/*/report"): {"correct": False},
}


class Seen(NamedTuple):
    """What of a reply may tell somebody something."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def seen(reply: Reply) -> Seen:
    kept = sorted((name, value) for name, value in reply.headers.items() if name != "x-request-id")
    return Seen(reply.status, tuple(kept), reply.body)


def native(server: Serving, key: str | None, verb: str, path: str, task: int) -> Seen:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    body = BODIES.get((verb, path))
    sent = None if body is None else json.dumps(body).encode()
    return seen(server.http.request(verb, f"/v1/{path.replace('*', str(task))}", sent, headers))


@pytest.mark.parametrize(("verb", "path"), NATIVE)
def test_a_native_route_is_shut_without_a_key_and_with_a_wrong_one(server, customer, person, verb, path) -> None:
    (task,) = create(server, customer)
    replies = {key: native(server, key, verb, path, task) for key in (None, WRONG, "", "\xe9", customer.key[:-1])}

    if path == "openapi.json":
        assert {reply.status for reply in replies.values()} == {200}
        return
    assert len(set(replies.values())) == 1
    assert replies[None].status == 401


@pytest.mark.parametrize(("verb", "path"), [route for route in NATIVE if "*" in route[1]])
@pytest.mark.parametrize("state", ["open", "ready", "failed"])
def test_a_strangers_task_is_an_unknown_one(server, customer, person, verb, path, state) -> None:
    (task,) = create(server, customer)
    if state == "ready":
        person.answer(person.take(), "4821")
    if state == "failed":
        native(server, customer.key, "DELETE", "tasks/*", task)
    stranger = server.customer()
    foreign, absent = (native(server, stranger.key, verb, path, which) for which in (task, ABSENT))

    assert foreign == absent
    assert foreign.status == 404
    assert native(server, customer.key, "GET", "tasks/*", task).status == 200


@pytest.mark.parametrize("path", ["tasks", "ledger", "balance"])
def test_a_list_shows_nothing_of_a_stranger(server, customer, person, path) -> None:
    create(server, customer)
    stranger, alone = server.customer(), server.customer()
    shown = [json.loads(native(server, who.key, "GET", path, 0).body) for who in (stranger, alone)]
    rows = [[{**line, "line": 0, "at": 0} for line in page.pop("lines", [])] for page in shown]

    assert shown[0] == shown[1]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("dialect", ["capmonster", "2captcha", "anticaptcha"])
def test_a_method_tells_a_stranger_what_it_tells_of_nothing(server, person, name, dialect) -> None:
    customer, stranger = server.customer(dialect=dialect), server.customer(dialect=dialect)
    task = customer.ask()
    foreign, absent = (seen(stranger.call(name, {"Prefer": "wait=0"}, taskId=which)) for which in (task, ABSENT))

    if METHODS[name] in {Method.RESULT, Method.REPORT_CORRECT, Method.REPORT_INCORRECT}:
        assert foreign == absent
        assert json.loads(foreign.body)["errorCode"] == "ERROR_NO_SUCH_CAPCHA_ID"


@pytest.mark.parametrize("name", [name for name, asked in METHODS.items() if asked is not Method.TEST])
def test_a_method_is_shut_with_a_wrong_key(server, customer, person, name) -> None:
    task = customer.ask()
    keys = (None, WRONG, "", 5, customer.key[:-1])
    bodies = [{"clientKey": key, "taskId": task, "task": image_task()} for key in keys]
    replies = {seen(server.http.post(f"/{name}", body)) for body in bodies}

    assert len(replies) == 1
    if METHODS[name] is not Method.QUEUE_STATS:
        assert json.loads(replies.pop().body)["errorCode"] == "ERROR_KEY_DOES_NOT_EXIST"


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("as_json", [0, 1])
def test_an_older_action_tells_a_stranger_what_it_tells_of_nothing(server, customer, person, action, as_json) -> None:
    task, stranger = customer.ask(), server.customer()
    query = f"/res.php?action={action}&json={as_json}&addr=https://a.example/"

    def ask(key: str, which: int) -> Seen:
        return seen(server.http.get(f"{query}&key={key}&id={which}", {"Prefer": "wait=0"}))

    assert ask(stranger.key, task) == ask(stranger.key, ABSENT)
    assert ask(WRONG, task) == ask(WRONG, ABSENT) == ask(customer.key[:-1] + "x", task)
    assert b"KEY_DOES_NOT_EXIST" in ask(WRONG, task).body


WORK_BODIES = {
    "/api/work/claim": lambda lease: {"kinds": ["text"], "max": 1, "wait": 0},
    "/api/work/answer": lambda lease: {"lease": lease, "value": "4821"},
    "/api/work/decline": lambda lease: {"lease": lease, "reason": "unreadable"},
    "/api/work/release": lambda lease: {"leases": [lease]},
    **{f"/api/work/{verb}": lambda lease: {"lease": lease} for verb in ("show", "keep", "extend", "undo")},
}
#: What is the caller's own whatever lease is named, or tells no lease apart from none.
OWN = ("/api/work/claim", "/api/work/me", "/api/work/release")


def work(server: Serving, headers: dict[str, str], verb: str, path: str, lease: str) -> Seen:
    body = WORK_BODIES[path](lease) if path in WORK_BODIES else None
    where = path.replace("{lease}", lease).replace("{index}", "0")
    return seen(server.http.request(verb, where, None if body is None else json.dumps(body).encode(), headers))


@pytest.mark.parametrize(("verb", "path"), WORK)
def test_a_lease_is_its_holders_alone(server, customer, verb, path) -> None:
    holder, other = server.worker(), server.worker()
    customer.ask()
    lease = holder.take()["lease"]
    nobody = [work(server, headers, verb, path, lease) for headers in ({}, {"Authorization": f"Bearer {WRONG}"})]
    foreign, absent = (work(server, other.headers, verb, path, which) for which in (lease, "0" * 32))

    assert len(set(nobody)) == 1
    assert nobody[0].status == 401
    assert foreign == absent
    assert foreign.status == (200 if path in OWN else 404)
    assert work(server, holder.headers, verb, path, lease).status == 200


def test_keys_and_tokens_open_only_their_own_doors(server, customer: Customer, person: Worker) -> None:
    token = person.headers["Authorization"].removeprefix("Bearer ")
    as_worker = [work(server, {"Authorization": f"Bearer {customer.key}"}, verb, path, "0" * 32) for verb, path in WORK]
    as_customer = [native(server, token, verb, path, 1) for verb, path in NATIVE if path != "openapi.json"]

    assert {reply.status for reply in itertools.chain(as_worker, as_customer)} == {401}
