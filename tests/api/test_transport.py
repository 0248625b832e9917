"""Transport rules T1 to T20 and client behaviours B1 to B18 of PROTOCOL, as seen on the wire."""

from __future__ import annotations

import json

import pytest

from tests.serving import image_task

JSON_TYPE = "application/json; charset=utf-8"
UNKNOWN_KEY = "e" * 32


def is_whole_json(reply) -> bool:
    """Whether a reply is JSON as every client takes it: labelled, with its length, bare of BOM and line breaks."""
    return (
        reply.headers["content-type"] == JSON_TYPE
        and int(reply.headers["content-length"]) == len(reply.body)
        and "transfer-encoding" not in reply.headers
        and reply.body == reply.body.strip()
        and isinstance(reply.json, dict)
    )


@pytest.mark.parametrize("method", ["createTask", "getTaskResult", "getBalance", "reportCorrect", "noSuchMethod"])
@pytest.mark.parametrize("key", [UNKNOWN_KEY, "", None, 12, [], {"a": 1}, "k" * 5_000, "ключ", "__", "__x"])
def test_a_wrong_key_is_an_ordinary_answer_everywhere(server, method, key):
    reply = server.http.post(f"/{method}", {"clientKey": key, "taskId": 5, "task": image_task()})

    assert reply.status == 200
    assert is_whole_json(reply)
    assert reply.json["errorCode"] == "ERROR_KEY_DOES_NOT_EXIST"
    assert "status" not in reply.json
    assert reply.json["errorDescription"]


@pytest.mark.parametrize(
    "path", ["/getTaskResults", "/in.php.bak", "/ping2", "/createTask;x", "/create%00Task", "/%C3%A9", "/%ff"]
)
def test_an_unknown_method_of_the_family_is_error_14(server, customer, path):
    reply = server.http.post(path, {"clientKey": customer.key})

    assert reply.status == 200
    assert (reply.json["errorId"], reply.json["errorCode"]) == (14, "ERROR_NO_SUCH_METHOD")
    assert reply.json["errorDescription"] == (
        "no such method; createTask, getTaskResult, getBalance, the report methods, getQueueStats, getSpendingStats"
        " and getAppStats are served"
    )


@pytest.mark.parametrize("path", ["/v2/createTask", "/a/b/c", "/createTask/x", "/api/nothing"])
def test_a_deeper_unknown_path_is_404(server, path):
    assert server.http.post(path, b"{}").status == 404


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "PATCH", "GET"])
def test_the_verb_does_not_matter_when_there_is_a_body(server, customer, person, verb):
    body = json.dumps({"clientKey": customer.key, "task": image_task()}).encode()

    assert server.http.request(verb, "/createTask", body).json.keys() == {"errorId", "taskId"}


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/createTask", "ERROR_TASK_ABSENT"),
        ("/getTaskResult", "ERROR_KEY_DOES_NOT_EXIST"),
        ("/getBalance/", "ERROR_KEY_DOES_NOT_EXIST"),
        ("/reportCorrect", "ERROR_KEY_DOES_NOT_EXIST"),
    ],
)
def test_a_browser_s_visit_explains_itself(server, path, code):
    reply = server.http.get(path)
    head = server.http.request("HEAD", path)

    assert reply.status == head.status == 200
    assert is_whole_json(reply)
    assert reply.json["errorCode"] == code
    assert head.body == b""


def test_addresses_outside_the_protocols(server):
    replies = {path: server.http.get(path) for path in ("/", "/ping", "/healthz", "/readyz", "/ping/")}

    assert {path: reply.status for path, reply in replies.items()} == dict.fromkeys(replies, 200)
    assert replies["/ping"].body == replies["/ping/"].body == b"pong"


def test_an_exact_spelling_wins_over_other_capitals(customer, person):
    customer.ask(Case=True, case=False, NUMERIC=3, Numeric=4, numeric=1)

    constraints = person.take()["question"]["constraints"]

    assert constraints.get("case", False) is False
    assert constraints["numeric"] == 1


def test_a_task_may_be_named_in_every_spelling_of_its_number(customer, person):
    task = customer.ask()
    person.answer(person.take(), "abc")

    replies = {customer.poll(spelled).body for spelled in (task, str(task), float(task), f"000{task}")}

    assert len(replies) == 1
    assert json.loads(replies.pop())["status"] == "ready"


def test_ids_are_small_positive_numbers_in_no_order(customer, person):
    ids = [customer.ask() for _ in range(20)]

    assert all(0 < task < 2**31 for task in ids)
    assert len(set(ids)) == 20
    assert sorted(ids) not in (ids, ids[::-1])
    assert max(ids) - min(ids) > 1_000


def test_fields_that_clients_send_for_themselves_are_ignored(customer, person):
    envelope = {
        "softId": "1899", "soft_id": 55, "languagePool": "rn", "callbackUrl": None, "header_acao": 1, "errorId": 0,
        "errorCode": None, "taskId": None, "task_id": {}, "": "",
    }  # fmt: skip

    reply = customer.create(image_task(languagePool="xx", comment=False), **envelope).json
    polled = customer.call("getTaskResult", {"Prefer": "wait=0"}, **envelope | {"taskId": reply["taskId"]}).json

    assert reply["errorId"] == 0
    assert polled["status"] == "processing"


def test_an_empty_callback_is_none(customer, person):
    assert [customer.create(callbackUrl=url).json["errorId"] for url in ("", None, False)] == [0, 0, 0]


def test_a_finished_task_may_be_polled_without_end(server, person):
    customer = server.customer()
    task = customer.ask()
    person.answer(person.take(), "abc")

    replies = {customer.poll(task).body for _ in range(200)}

    assert len(replies) == 1
    assert json.loads(replies.pop())["status"] == "ready"


def test_asking_a_result_for_the_balance_is_answered_with_an_error(customer):
    reply = customer.call("getTaskResult").json

    assert (reply["errorId"], reply["errorCode"]) == (16, "ERROR_NO_SUCH_CAPCHA_ID")


def test_another_origin_may_call_only_where_the_operator_says_so(server, strict):
    shut = server.http.request("OPTIONS", "/createTask", None, {"Origin": "http://a.example"})
    opened = strict.http.request("OPTIONS", "/createTask", None, {"Origin": "http://a.example"})
    posted = strict.http.post("/getBalance", {"clientKey": "x"})

    assert (shut.status, opened.status) == (200, 200)
    assert shut.body == opened.body == b""
    assert "access-control-allow-origin" not in shut.headers
    assert opened.headers["access-control-allow-origin"] == posted.headers["access-control-allow-origin"] == "*"


def test_every_reply_names_its_request(server, customer):
    names = {server.http.get("/ping").headers["x-request-id"], customer.call("getBalance").headers["x-request-id"]}

    assert len(names) == 2


def test_connections_are_kept_between_calls_but_not_for_http_1_0(server):
    with server.http.raw() as line:
        line.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        came = b""
        while came.count(b"pong") < 3:
            came += line.recv(4096)

    old = server.http.exchange(b"GET /ping HTTP/1.0\r\n\r\n")

    assert came.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert old.endswith(b"\r\n\r\npong")
    assert b"connection: close" in old.lower()


@pytest.mark.parametrize(
    ("host", "of_account", "agent", "soft_id", "spoken"),
    [
        ("api.2captcha.com", "capmonster", "Zennolab.CapMonsterCloud.Client.Py/1", 54, "2captcha"),
        ("API.Anti-Captcha.com.:8080", "capmonster", "x", None, "anticaptcha"),
        ("rucaptcha.com", "capmonster", "x", None, "2captcha"),
        ("127.0.0.1", "anticaptcha", "Zennolab.CapMonsterCloud.Client.Py/1", 54, "anticaptcha"),
        ("127.0.0.1", None, "Zennolab.CapMonsterCloud.Client.Js/2", None, "capmonster"),
        ("127.0.0.1", None, "x", 54, "capmonster"),
        ("127.0.0.1", None, "x", "55", "capmonster"),
        ("127.0.0.1", None, "x", 1899, "2captcha"),
        ("api.2captcha.com.evil.example", None, "x", None, "2captcha"),
        ("api.capmonster.cloud.evil.example", None, "x", None, "2captcha"),
    ],
)
def test_the_dialect_is_chosen_by_host_account_hint_and_default(server, host, of_account, agent, soft_id, spoken):
    customer = server.customer(dialect=of_account)

    balance = customer.call("getBalance", {"Host": host, "User-Agent": agent}, softId=soft_id).json
    failed = customer.call("createTask", {"Host": host, "User-Agent": agent}, softId=soft_id).json

    assert ("captchaCredits" in balance) is (spoken == "anticaptcha")
    assert failed["errorId"] == (1 if spoken == "capmonster" else 22)
    assert ("taskId" in failed) is (spoken == "capmonster")


def test_the_servers_default_dialect_is_spoken_when_nothing_else_says(server, strict):
    customers = [server.customer(), strict.customer()]

    assert [customer.call("createTask").json["errorId"] for customer in customers] == [22, 1]


def test_a_refused_account_is_answered_in_its_own_dialect(server):
    customer = server.customer(dialect="capmonster", allow_ips=("203.0.113.7",))

    assert customer.create().json["errorId"] == 1
    assert customer.create().json["taskId"] == 0


def test_the_default_of_case_is_the_dialects(customer, person):
    asked = []
    for host in ("api.2captcha.com", "api.anti-captcha.com"):
        customer.create(headers={"Host": host})
        lease = person.take()
        asked.append(lease["question"]["constraints"].get("case", False))
        person.decline(lease)

    assert asked == [False, True]
