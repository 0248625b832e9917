"""The order of createTask's checks (PROTOCOL §2.3), what an account may do, and idempotency keys (§2.4)."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from answerdesk.model.account import Standing
from answerdesk.model.money import parse
from answerdesk.model.question import Kind
from tests.serving import image_task, picture

#: What may be wrong with a createTask, in the order in which it is looked at, with 2captcha's number.
FAULTS = {
    "key": 1,
    "address": 11,
    "standing": 55,
    "task": 22,
    "type": 23,
    "parameter": 110,
    "picture": 3,
    "funds": 10,
    "worker": 2,
}
#: A request without a task has neither type nor fields, so nothing else can be wrong with those.
ALONE = {("task", "type"), ("task", "parameter"), ("task", "picture")}
TOGETHER = [pair for pair in itertools.combinations(FAULTS, 2) if pair not in ALONE]


def refused(server, *faults: str) -> dict:
    """The reply to a createTask with all these faults and no other."""
    if "worker" not in faults:
        server.worker()
    customer = server.customer(
        "0" if "funds" in faults else "1",
        allow_ips=("203.0.113.0/24", "2001:db8::/32") if "address" in faults else ("127.0.0.0/8",),
        standing=Standing.SUSPENDED if "standing" in faults else Standing.ACTIVE,
    )
    customer.key = "d" * 32 if "key" in faults else customer.key
    task = image_task(picture()[:50] if "picture" in faults else picture())
    if "type" in faults:
        task["type"] = "UnheardOfTask"
    if "parameter" in faults:
        task["numeric"] = 9
    return customer.create("none" if "task" in faults else task).json


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_alone_is_named(server, fault):
    assert refused(server, fault)["errorId"] == FAULTS[fault]


@pytest.mark.parametrize("pair", TOGETHER, ids="-".join)
def test_of_two_faults_the_earlier_is_named(server, pair):
    assert refused(server, *pair)["errorId"] == FAULTS[pair[0]]


def test_unreadable_json_is_named_before_the_key(server):
    reply = server.http.post("/createTask", b'{"clientKey":"' + b"d" * 32 + b'","task":').json

    assert reply["errorId"] == 22


def test_nothing_is_stored_or_charged_when_a_check_fails(server, person):
    customer = server.customer(max_open=1)
    for task in (image_task(picture()[:50]), image_task(numeric=9), {"type": "X"}):
        customer.create(task)
    held = server.balance_of(customer.account.id)
    reply = customer.create().json

    assert held == (parse("1"), 0)
    assert reply["errorId"] == 0, "the refused ones would have taken the only place"


def test_a_description_says_what_is_accepted_and_repeats_no_key(server, person):
    customer = server.customer()
    replies = [
        customer.create(image_task() | wrong).json["errorDescription"]
        for wrong in ({"numeric": 9}, {"minLength": "x"}, {"minLength": 5, "maxLength": 2}, {"body": customer.key})
    ]

    assert replies[0] == "task.numeric must be an integer 0..4 (got 9)"
    assert replies[1] == 'task.minLength must be an integer 0..100 (got "x")'
    assert not [text for text in replies if customer.key in text or len(text) > 300]


def test_a_suspended_account_may_do_nothing(server):
    customer = server.customer()
    before = customer.call("getBalance").json["errorId"]
    customer.change(standing=Standing.SUSPENDED)
    during = [customer.call(name, taskId=1).json["errorId"] for name in ("getBalance", "getTaskResult", "createTask")]
    customer.change(standing=Standing.ACTIVE)

    assert (before, during, customer.call("getBalance").json["errorId"]) == (0, [55] * 3, 0)


def test_a_revoked_key_is_unknown_at_once(server):
    customer = server.customer()
    assert customer.call("getBalance").json["errorId"] == 0

    server.revoke(customer.key, customer.account.id)

    assert customer.call("getBalance").json["errorId"] == 1


def test_a_task_nobody_is_granted_is_refused_and_free(server):
    server.worker(kinds=frozenset({Kind.AUDIO}))
    server.worker(enabled=False)
    server.worker(languages=frozenset({"de"}))
    customer = server.customer()

    nobody = customer.create(languagePool="fr").json
    somebody = customer.create(languagePool="de").json

    assert (nobody["errorId"], nobody["errorCode"]) == (2, "ERROR_NO_SLOT_AVAILABLE")
    assert somebody["errorId"] == 0


def test_an_account_s_open_tasks_are_limited(server, person):
    customer = server.customer(max_open=2)
    customer.ask()
    customer.ask()
    full = customer.create().json
    person.answer(person.take(), "abc")

    assert (full["errorId"], full["errorCode"]) == (2, "ERROR_NO_SLOT_AVAILABLE")
    assert customer.create().json["errorId"] == 0


def test_a_day_s_spending_is_limited_and_failures_do_not_count(server, person):
    customer = server.customer(spend_per_day=parse("0.002"))
    customer.ask()
    customer.ask()
    spent = customer.create().json
    person.decline(person.take())

    assert (spent["errorId"], spent["errorCode"]) == (10, "ERROR_ZERO_BALANCE")
    assert "a day" in spent["errorDescription"]
    assert [customer.create().json["errorId"] for _ in range(2)] == [0, 10]


def test_an_account_s_requests_are_limited(server):
    customer, other = server.customer(requests_per_second=5), server.customer()

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: customer.call("getBalance").json["errorId"], range(60)))

    assert set(numbers) == {0, 21}
    assert numbers.count(0) >= 5
    assert other.call("getBalance").json["errorId"] == 0


def test_the_same_idempotency_key_and_body_make_one_task(server, person):
    customer = server.customer()
    again = {"Idempotency-Key": "order 66"}

    first, second = customer.create(headers=again), customer.create(headers=again)

    assert first.body == second.body
    assert "x-task-replayed" not in first.headers
    assert second.headers["x-task-replayed"] == "1"
    assert server.balance_of(customer.account.id) == (parse("0.999"), parse("0.001"))


def test_an_idempotency_key_is_spent_once_even_in_a_storm(server, person):
    customer = server.customer()

    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: customer.create(headers={"Idempotency-Key": "storm"}), range(32)))

    assert len({reply.body for reply in replies}) == 1
    assert sum("x-task-replayed" not in reply.headers for reply in replies) == 1
    assert server.balance_of(customer.account.id) == (parse("0.999"), parse("0.001"))


def test_a_replay_costs_nothing_even_when_nothing_is_left(server, person):
    customer = server.customer("0.001")
    replies = {customer.create(headers={"Idempotency-Key": "x"}).body for _ in range(3)}

    assert len(replies) == 1
    assert json.loads(replies.pop())["errorId"] == 0


def test_an_idempotency_key_with_another_body_is_refused(server, person):
    customer = server.customer()
    key = {"Idempotency-Key": "k" * 128}
    customer.create(headers=key)
    other = customer.create(image_task(picture(1)), headers=key).json

    assert (other["errorId"], other["errorCode"]) == (110, "ERROR_BAD_PARAMETERS")
    assert "Idempotency-Key" in other["errorDescription"]


def test_idempotency_keys_are_each_account_s_own(server, person):
    one, other = server.customer(), server.customer()
    key = {"Idempotency-Key": "the same"}

    assert one.create(headers=key).json["taskId"] != other.create(headers=key).json["taskId"]


@pytest.mark.parametrize("key", ["k" * 129, "\t", "caf\xe9"])
def test_an_idempotency_key_is_at_most_128_printable_characters(server, person, key):
    reply = server.customer().create(headers={"Idempotency-Key": f"a{key}b"}).json

    assert (reply["errorId"], reply["errorCode"]) == (110, "ERROR_BAD_PARAMETERS")


def test_a_failed_request_does_not_spend_its_idempotency_key(server):
    customer, key = server.customer(), {"Idempotency-Key": "retry"}
    refused_ = customer.create(headers=key).json["errorId"]
    server.worker()

    assert (refused_, customer.create(headers=key).json["errorId"]) == (2, 0)
