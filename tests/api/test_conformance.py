"""The conformance vectors of PROTOCOL §11 that concern pictures, polls, balance, reports, keys and `test`."""

from __future__ import annotations

import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from answerdesk.model.money import parse
from tests.serving import Customer, Worker, image_task, picture

HOSTS = {"capmonster": "api.capmonster.cloud", "2captcha": "api.2captcha.com", "anticaptcha": "api.anti-captcha.com"}
UNKNOWN_KEY = "f" * 32
#: Every top-level field a reply may have (PROTOCOL T10).
ALLOWED = {
    "errorId", "errorCode", "errorDescription", "status", "solution", "cost", "ip", "createTime", "endTime",
    "solveCount", "balance", "taskId",
}  # fmt: skip
TRIPLE = {"errorId", "errorCode", "errorDescription"}


def in_dialect(name: str) -> dict[str, str]:
    return {"Host": HOSTS[name]}


@pytest.fixture(params=sorted(HOSTS))
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def solve(customer: Customer, person: Worker, value: str = "abc", **fields: Any) -> int:
    """Have one task answered by a person."""
    task = customer.ask(**fields)
    reply = person.answer(person.take(), value).json

    assert reply["accepted"]
    return task


def fail(customer: Customer, person: Worker) -> int:
    """Have one task given up."""
    task = customer.ask()

    assert person.decline(person.take()).json["accepted"]
    return task


def test_1_a_wrong_key_has_exactly_the_fields_of_each_dialect(server, dialect):
    reply = server.http.post("/createTask", {"clientKey": UNKNOWN_KEY, "task": image_task()}, in_dialect(dialect))

    assert reply.status == 200
    assert reply.json.keys() == TRIPLE | ({"taskId"} if dialect == "capmonster" else set())
    assert reply.json["errorId"] == 1
    assert reply.json["errorCode"] == "ERROR_KEY_DOES_NOT_EXIST"
    assert reply.json.get("taskId", 0) == 0


@pytest.mark.parametrize(
    ("path", "before", "kind"),
    [
        ("/createTask", b"", "text/plain; charset=utf-8"),
        ("/createTask", b"\xef\xbb\xbf", "application/json"),
        ("/createTask", b" \r\n\t", "application/x-www-form-urlencoded"),
        ("/createTask/", b"", "application/json"),
        ("/createTask%20", b"", "application/json"),
        ("/CREATETASK", b"", "multipart/form-data"),
    ],
)
def test_2_a_task_is_taken_whatever_the_label_and_the_slash(server, customer, person, path, before, kind):
    body = before + json.dumps({"clientKey": customer.key, "task": image_task()}).encode()

    reply = server.http.post(path, body, {"Content-Type": kind})

    assert reply.json.keys() == {"errorId", "taskId"}


PICTURE = base64.b64encode(picture()).decode()


@pytest.mark.parametrize(
    "fields",
    [
        {"Case": True, "CapMonsterModule": "universal"},
        {"numeric": True},
        {"numeric": "1", "math": "0", "phrase": 1, "minLength": "2", "maxLength": 5},
        {"body": f"data:image/png;base64,{PICTURE}"},
        {"body": "\n".join(re.findall(".{1,60}", PICTURE))},
        {"body": PICTURE.replace("+", "-").replace("/", "_").rstrip("=")},
        {"comment": None, "imgInstructions": None, "websiteURL": "http://example.com/", "unheardOf": {"deep": []}},
        {"comment": False, "languagePool": "rn"},
    ],
)
def test_3_lenient_spellings_are_accepted(customer, person, fields):
    reply = customer.create(image_task() | fields).json

    assert reply["errorId"] == 0, reply


@pytest.mark.parametrize(
    ("body", "number", "code"),
    [
        (b"{", 22, "TASK_ABSENT"),
        (b"", 22, "TASK_ABSENT"),
        (b"[]", 22, "TASK_ABSENT"),
        (b'{"clientKey":"KEY"}', 22, "TASK_ABSENT"),
        (b'{"clientKey":"KEY","task":null}', 22, "TASK_ABSENT"),
        (b'{"clientKey":"KEY","task":"ImageToTextTask"}', 22, "TASK_ABSENT"),
        (b'{"clientKey":"KEY","task":{}}', 23, "TASK_NOT_SUPPORTED"),
        (b'{"clientKey":"KEY","task":{"type":"SomethingElseTask"}}', 23, "TASK_NOT_SUPPORTED"),
    ],
)
def test_4_a_missing_task_and_an_unknown_type(server, customer, person, body, number, code):
    reply = server.http.post("/createTask", body.replace(b"KEY", customer.key.encode()))

    assert reply.status == 200
    assert reply.json.keys() == TRIPLE
    assert (reply.json["errorId"], reply.json["errorCode"]) == (number, f"ERROR_{code}")


@pytest.mark.parametrize(
    ("body", "number", "code"),
    [
        (picture()[:99], 3, "ZERO_CAPTCHA_FILESIZE"),
        (b"", 3, "ZERO_CAPTCHA_FILESIZE"),
        (picture() + bytes(600_000), 4, "TOO_BIG_CAPTCHA_FILESIZE"),
        (b"words and no picture at all, " * 10, 15, "IMAGE_TYPE_NOT_SUPPORTED"),
    ],
)
def test_5_pictures_that_are_none_or_of_the_wrong_size(customer, person, body, number, code):
    reply = customer.create(image_task(body)).json

    assert (reply["errorId"], reply["errorCode"]) == (number, f"ERROR_{code}")


def test_5_a_task_without_its_picture(customer, person):
    reply = customer.create({"type": "ImageToTextTask"}).json

    assert (reply["errorId"], reply["errorCode"]) == (3, "ERROR_ZERO_CAPTCHA_FILESIZE")


@pytest.mark.parametrize(
    ("dialect", "processing"),
    [
        ("capmonster", b'{"errorId":0,"errorCode":null,"errorDescription":null,"status":"processing"}'),
        ("2captcha", b'{"errorId":0,"status":"processing"}'),
        ("anticaptcha", b'{"errorId":0,"status":"processing"}'),
    ],
)
def test_6_an_unanswered_task_is_processing(server, customer, person, dialect, processing):
    task = customer.ask()

    at_once = customer.call("getTaskResult", in_dialect(dialect) | {"Prefer": "wait=0"}, taskId=task)
    held = customer.call("getTaskResult", in_dialect(dialect) | {"Prefer": "wait=1"}, taskId=task)

    assert at_once.body == held.body == processing


def test_7_polls_of_an_answered_task_are_byte_for_byte_alike(server, person, dialect):
    customer = server.customer()
    task = solve(customer, person, " SN-4827 ")
    customer.headers = in_dialect(dialect)

    first, second = customer.poll(task), customer.poll(str(task))

    assert first.body == second.body
    assert first.json.keys() <= ALLOWED - {"taskId", "balance"}
    assert first.json["solution"] == {"text": "SN-4827"}
    if dialect == "capmonster":
        assert first.body == b'{"errorId":0,"status":"ready","solution":{"text":"SN-4827"}}'
    else:
        assert first.json["cost"] == "0.00100"
        assert first.json["createTime"] <= first.json["endTime"]
        assert first.json["ip"] == "127.0.0.1"
        assert first.json["solveCount"] == 1


@pytest.mark.parametrize("named", [987_654_321, "12x", 0, -5, None, 1.5, True, [], {}, "", 2**53, 10**40, "9" * 400])
def test_8_ids_that_name_no_task_of_the_caller_get_one_reply(server, person, named):
    customer, stranger = server.customer(), server.customer()
    foreign = solve(stranger, person)
    known = customer.poll(foreign)

    reply = customer.poll(named)

    assert known.json["errorId"] == 16
    assert known.json["errorCode"] == "ERROR_NO_SUCH_CAPCHA_ID"
    assert reply.body == known.body
    assert reply.headers.keys() == known.headers.keys()


def test_8_a_foreign_task_stays_unknown_whatever_its_state(server, person):
    customer, stranger = server.customer(), server.customer()
    unfinished = stranger.ask()
    replies = {customer.poll(unfinished).body}
    person.answer(person.take(), "mine")
    replies |= {customer.poll(unfinished).body, customer.poll(fail(stranger, person)).body, customer.poll(404).body}
    replies |= {customer.call(method, taskId=unfinished).body for method in ("reportCorrect", "reportIncorrect")}

    assert len(replies) == 1


def test_9_an_unsolvable_task_is_stable_and_free(server, person, dialect):
    customer = server.customer()
    task = fail(customer, person)
    customer.headers = in_dialect(dialect)

    first, second = customer.poll(task), customer.poll(task)

    assert first.body == second.body
    assert first.json.keys() == TRIPLE
    assert first.json["errorId"] == (1 if dialect == "capmonster" else 12)
    assert first.json["errorCode"] == "ERROR_CAPTCHA_UNSOLVABLE"
    assert first.json["errorDescription"] == "Workers could not solve the Captcha"
    assert server.balance_of(customer.account.id) == (parse("1"), 0)
    assert server.books_are_right()


def test_10_an_empty_purse_buys_nothing(server, person):
    customer = server.customer("0.000999")

    reply = customer.create().json

    assert (reply["errorId"], reply["errorCode"]) == (10, "ERROR_ZERO_BALANCE")
    assert server.balance_of(customer.account.id) == (parse("0.000999"), 0)


def test_10_a_storm_of_tasks_cannot_overspend(server, person):
    customer = server.customer("0.0105")

    with ThreadPoolExecutor(16) as pool:
        replies = [reply.json for reply in pool.map(lambda _: customer.create(), range(40))]

    assert sum(reply["errorId"] == 0 for reply in replies) == 10
    assert {reply["errorId"] for reply in replies} == {0, 10}
    assert server.balance_of(customer.account.id) == (parse("0.0005"), parse("0.01"))
    assert server.books_are_right()


def test_11_reports_may_be_repeated_and_changed_but_refund_once(server, person):
    customer = server.customer()
    task = solve(customer, person)
    verdicts = ["reportIncorrect"] * 3 + ["reportCorrect"] * 2 + ["reportIncorrectImageCaptcha"] * 19

    replies = {customer.call(verdict, taskId=task).body for verdict in verdicts}

    assert replies == {b'{"errorId":0,"status":"success"}'}
    assert customer.balance() == 1
    assert server.books_are_right()


def test_11_all_eight_names_of_the_reports_are_served(server, person, dialect):
    customer = server.customer()
    task = solve(customer, person)
    names = (
        "reportCorrect reportIncorrect reportCorrectRecaptcha reportIncorrectImageCaptcha reportIncorrectRecaptcha"
        " reportIncorrectTokenCaptcha reportIncorrectHcaptcha reportincorrectimagecaptcha"
    )

    replies = [customer.call(name, in_dialect(dialect), taskId=task).body for name in names.split()]

    assert replies == [b'{"errorId":0,"status":"success"}'] * 8


def test_11_only_a_finished_task_of_ones_own_can_be_reported(server, person):
    customer, stranger = server.customer(), server.customer()
    unfinished, failed, foreign = customer.ask(), None, None
    early = customer.call("reportIncorrect", taskId=unfinished).json
    person.answer(person.take(), "abc")
    failed, foreign = fail(customer, person), solve(stranger, person)
    replies = [customer.call("reportCorrect", taskId=task).json for task in (failed, foreign, None)]

    assert early["errorId"] == 16
    assert early["errorDescription"] == "task is not finished"
    assert [reply["errorId"] for reply in replies] == [16] * 3


@pytest.mark.parametrize(
    ("held", "shown"),
    [("0.00001", "0.00001"), ("0.000001", "0.000001"), ("0", "0"), ("12.5", "12.5"), ("1000000", "1000000")],
)
def test_12_a_balance_is_a_plain_number(server, dialect, held, shown):
    customer = server.customer(held)

    reply = customer.call("getBalance", in_dialect(dialect), taskId=None, softId=1)

    credits_ = ',"captchaCredits":0' if dialect == "anticaptcha" else ""
    assert reply.body.decode() == f'{{"errorId":0,"balance":{shown}{credits_}}}'


def test_17_test_shows_what_arrived_and_masks_the_key(server, customer):
    sent = {"clientKey": customer.key, "task": {"type": "ImageToTextTask", "flags": [1, None]}}

    plain = server.http.post("/test", sent)
    other = server.http.post("/test/", sent, in_dialect("anticaptcha"))

    assert plain.headers["content-type"] == "text/plain; charset=utf-8"
    assert plain.body.decode().startswith(f"Parsed input JSON:\nDict\n(\n    [clientKey] => {customer.key[:4]}…\n")
    assert b"Raw POST input:\n{" in plain.body
    assert b"Array\n" in other.body
    assert b"Dict\n" not in other.body
    assert customer.key.encode() not in plain.body + other.body


def test_17_test_needs_no_key_and_survives_anything(server):
    replies = [
        server.http.post("/test", body) for body in (b"", b"\xff\xfe", b"[" * 100_000, b"clientKey=" + b"k" * 32)
    ]

    assert [reply.status for reply in replies] == [200] * 4
    assert all(len(reply.body) <= 16_384 for reply in replies)
    assert b"kkkkk" not in replies[3].body


def test_20_a_suffix_of_the_key_sets_the_threshold_and_the_module(server, customer):
    machine = server.worker(machine=True)
    plain = customer.ask()
    lease = machine.take()
    machine.decline(lease)
    customer.key += "__wikimedia__recognizingthreshold_70__nocache"
    suffixed = customer.ask()
    options = machine.take()["question"]["options"]

    assert lease["question"]["options"] == {"module": "universal"}
    assert options == {"module": "wikimedia", "threshold": 70}
    assert plain != suffixed
