"""in.php and res.php on a running server: every encoding, every action, ids shared with the newer methods."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode

import pytest

from tests.api.older import BODY, FORM, JSON, PICTURE, TEXT, UNKNOWN_KEY, Old, answer


def multipart(fields: dict[str, str], data: bytes) -> tuple[dict[str, str], bytes]:
    parts = [
        f'--b0\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    file = b'--b0\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + data + b"\r\n"
    return {"Content-Type": "multipart/form-data; boundary=b0"}, "".join(parts).encode() + file + b"--b0--\r\n"


@pytest.mark.parametrize("how", ["urlencoded", "multipart", "json", "query", "get", "json called multipart"])
def test_a_picture_arrives_in_every_encoding(server, customer, machine, how):
    fields = {"key": customer.key, "method": "base64", "body": BODY, "numeric": "1", "textinstructions": "größer"}
    query = urlencode(fields)
    plain = {name: value for name, value in fields.items() if name != "body"} | {"method": "post"}
    verb, path, headers, body = {
        "urlencoded": ("POST", "/in.php", FORM, query.encode()),
        "multipart": ("POST", "/in.php", *multipart(plain, PICTURE)),
        "json": ("POST", "/in.php", {"Content-Type": "application/json"}, json.dumps(fields).encode()),
        "query": ("POST", f"/in.php?{query}", {}, b""),
        "get": ("GET", f"/in?{query}", {}, None),
        "json called multipart": (
            "PUT",
            "/in.php%20",
            {"Content-Type": "multipart/form-data"},
            json.dumps(fields).encode(),
        ),
    }[how]

    reply = server.http.request(verb, path, body, headers)
    (lease,) = machine.claim(wait=5)

    assert (reply.status, reply.headers["content-type"]) == (200, TEXT)
    assert reply.body == f"OK|{lease['task']}".encode()
    assert machine.media(lease["question"]["media"][0]["url"]).body == PICTURE
    assert lease["question"]["constraints"] == {"numeric": 1}
    assert lease["question"]["instruction"]["text"] == "größer"


def test_the_walk_of_a_task_as_text(old, machine):
    task = old.ask()

    before = old.act("get", id=task)
    answer(machine, "a b")
    after = [old.act("get", id=task), old.act("get", id=task), old.act("get2", id=task)]

    assert (before.status, before.headers["content-type"], before.body) == (200, TEXT, b"CAPCHA_NOT_READY")
    assert [reply.body for reply in after] == [b"OK|a b", b"OK|a b", b"OK|a b|0.00100"]


def test_the_walk_of_a_task_as_json(old, machine):
    sent = old.submit(json=1)
    task = sent.json["request"]

    before = old.act("get", id=task, json=1)
    answer(machine, "abc")

    assert (sent.headers["content-type"], sent.body) == (JSON, b'{"status":1,"request":"%b"}' % task.encode())
    assert before.body == b'{"status":0,"request":"CAPCHA_NOT_READY"}'
    assert old.act("get", id=task, json=1).body == b'{"status":1,"request":"abc"}'
    assert old.act("get2", id=task, json=1).body == b'{"status":1,"request":"abc","price":"0.00100"}'
    assert old.act("get", id=task).body == b"OK|abc"


def test_several_tasks_are_asked_for_at_once(old, machine):
    first = old.ask()
    answer(machine, "one")
    second = old.ask()

    assert old.say("get", ids=f"{first},{second},5,{first}") == "one|CAPCHA_NOT_READY|ERROR_WRONG_CAPTCHA_ID|one"
    assert old.act("get", ids=f"{first},{second}", json=1).json == {"status": 1, "request": "one|CAPCHA_NOT_READY"}
    assert old.say("get", ids=f"{first},x") == "ERROR_WRONG_ID_FORMAT"


@pytest.mark.parametrize(
    ("fields", "kind", "value", "text", "listed"),
    [
        ({"textcaptcha": "2+2?"}, "question", "4", "4", None),
        ({"method": "audio", "body": base64.b64encode(b"ID3" + bytes(200)).decode()}, "audio", "one", "one", None),
        ({"recaptcha": 1, "recaptcharows": 3, "recaptchacols": 3}, "grid", [9, 3, 8], "click:3/8/9", None),
        ({"recaptcha": 1, "can_no_answer": 1}, "grid", [], "No_matching_images", None),
        ({"recaptcha": 1, "canvas": 1}, "outline", [[[1, 2], [3, 4], [5, 6]]], "canvas:1,2,3,4,5,6;", None),
        (
            {"coordinatescaptcha": 1},
            "points",
            [[39, 5], [25, 7]],
            "coordinates:x=39,y=5;x=25,y=7",
            [{"x": "39", "y": "5"}, {"x": "25", "y": "7"}],
        ),
        (
            {"method": "bounding_box", "image": BODY},
            "boxes",
            [[1, 2, 30, 18]],
            '[{"xMin":1,"xMax":30,"yMin":2,"yMax":18}]',
            None,
        ),
        ({"method": "rotatecaptcha"}, "rotate", [40], "40", None),
        ({"method": "rotatecaptcha", "file_1": BODY, "file_2": BODY}, "rotate", [40, 200, 240], "40|200|240", None),
    ],
)  # fmt: skip
def test_every_kind_of_task_is_answered(old, machine, fields, kind, value, text, listed):
    hint = {} if kind in {"question", "audio", "rotate"} else {"textinstructions": "the red ones"}
    task = old.ask(**fields, **hint)

    answer(machine, value, kind)

    assert old.say("get", id=task) == f"OK|{text}"
    assert old.act("get", id=task, json=1).json == {"status": 1, "request": listed or text}


def test_a_task_that_nobody_can_answer_has_failed_for_good(old, machine):
    task = old.ask()
    (lease,) = machine.claim(wait=5)
    machine.decline(lease)

    assert [old.say("get", id=task) for _ in range(2)] == ["ERROR_CAPTCHA_UNSOLVABLE"] * 2
    assert old.act("get2", id=task, json=1).json == {
        "status": 0, "request": "ERROR_CAPTCHA_UNSOLVABLE", "error_text": "Workers could not solve the Captcha",
    }  # fmt: skip


def test_ids_are_shared_with_the_newer_methods(old, customer, machine):
    task = old.ask()
    answer(machine, "abc")
    newer = customer.ask()
    answer(machine, "def")

    assert customer.poll(int(task)).json["solution"] == {"text": "abc"}
    assert old.say("get", id=newer) == "OK|def"


def test_a_foreign_task_is_an_unknown_one(server, old, machine):
    task = Old(server.customer(), server).ask()
    answer(machine, "abc")

    for action in ("get", "get2", "reportgood", "reportbad"):
        assert old.act(action, id=task).body == old.act(action, id=1).body == b"ERROR_WRONG_CAPTCHA_ID"
        assert old.act(action, id=task, json=1).body == old.act(action, id=1, json=1).body


@pytest.mark.parametrize(
    ("fields", "code", "says"),
    [
        ({"key": ""}, "ERROR_WRONG_USER_KEY", "key has 0 characters"),
        ({"key": "a" * 31}, "ERROR_WRONG_USER_KEY", "key has 31 characters"),
        ({"key": UNKNOWN_KEY}, "ERROR_KEY_DOES_NOT_EXIST", "key is missing, unknown or revoked"),
        ({"method": "magic"}, "ERROR_BAD_PARAMETERS", 'method "magic" is not served'),
        ({"body": "***"}, "ERROR_UPLOAD", "body is not base64"),
        ({"body": ""}, "ERROR_ZERO_CAPTCHA_FILESIZE", "file or body is missing"),
        ({"body": BODY[:96]}, "ERROR_ZERO_CAPTCHA_FILESIZE", "at least 100"),
        ({"body": "QUFB" * 250_000}, "ERROR_TOO_BIG_CAPTCHA_FILESIZE", "750,000 bytes"),
        ({"body": "QUFB" * 100}, "ERROR_IMAGE_TYPE_NOT_SUPPORTED", "image/png"),
        ({"numeric": "9"}, "ERROR_BAD_PARAMETERS", "numeric must be an integer 0..4"),
        ({"recaptcha": 1}, "ERROR_BAD_PARAMETERS", "textinstructions and imginstructions are both missing"),
        ({"pingback": "https://nowhere.example/x"}, "ERROR_BAD_PARAMETERS", "pingback: the host nowhere.example"),
        ({"method": "turnstile", "sitekey": "0x", "pageurl": "https://a.b"}, "ERROR_BAD_PARAMETERS", "test site keys"),
        ({"method": "hcaptcha", "sitekey": "x"}, "ERROR_PAGEURL", "pageurl must be"),
    ],
)  # fmt: skip
def test_in_php_says_what_was_wrong(old, person, fields, code, says):
    reply = old.submit(json="1", **fields)

    assert reply.status == 200
    assert reply.json.keys() == {"status", "request", "error_text"}
    assert (reply.json["status"], reply.json["request"]) == (0, code)
    assert says in reply.json["error_text"]
    assert old.submit(**fields).body == code.encode()
    assert old.customer.balance() == 1


def test_no_money_and_no_worker_have_their_codes(server, old):
    poor = Old(server.customer("0"), server)

    assert old.submit(textcaptcha="?").body == b"ERROR_NO_SLOT_AVAILABLE"
    server.worker()
    assert poor.submit().body == b"ERROR_ZERO_BALANCE"


def test_a_suspended_account_and_a_foreign_address_have_their_codes(server, old):
    suspended = Old(server.customer(standing="suspended"), server)
    elsewhere = Old(server.customer(allow_ips=("203.0.113.0/24",)), server)

    assert suspended.submit().body == suspended.act("getbalance").body == b"ERROR_ACCOUNT_SUSPENDED"
    assert elsewhere.submit().body == elsewhere.act("getbalance").body == b"ERROR_IP_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"action": ""}, "ERROR_EMPTY_ACTION"),
        ({"action": "fetch"}, "ERROR_EMPTY_ACTION"),
        ({"action": "get", "id": "abc"}, "ERROR_WRONG_ID_FORMAT"),
        ({"action": "get"}, "ERROR_WRONG_ID_FORMAT"),
        ({"action": "get2", "id": "987654321"}, "ERROR_WRONG_CAPTCHA_ID"),
        ({"action": "get", "id": "0"}, "ERROR_WRONG_CAPTCHA_ID"),
        ({"action": "getbalance", "key": UNKNOWN_KEY}, "ERROR_KEY_DOES_NOT_EXIST"),
        ({"action": "getbalance", "key": "abc"}, "ERROR_WRONG_USER_KEY"),
        ({"action": "add_pingback"}, "ERROR_BAD_PARAMETERS"),
        ({"action": "add_pingback", "addr": "ftp://x"}, "ERROR_BAD_PARAMETERS"),
        ({"action": "del_pingback", "addr": "a b"}, "ERROR_BAD_PARAMETERS"),
        ({"action": "add_pingback", "addr": "https://example.com/a|b"}, "ERROR_BAD_PARAMETERS"),
    ],
)
def test_res_php_says_what_was_wrong(old, fields, code):
    assert old.call("/res.php", **fields).body == code.encode()
    reply = old.call("/res.php", json=1, **fields)
    assert (reply.json["status"], reply.json["request"]) == (0, code)
    assert reply.json["error_text"]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "application/json"}, b'{"key":'),
        ({"Content-Type": "multipart/form-data"}, b"--b0\r\n"),
        ({"Content-Type": "multipart/form-data; boundary=b0"}, b"--b0\r\nnonsense"),
    ],
)
def test_a_malformed_post_is_told_as_asked_for(server, headers, body):
    reply = server.http.request("POST", "/in.php?json=1", body, headers)

    assert reply.status == 200
    assert reply.json["request"] == "ERROR_UPLOAD"
    assert server.http.request("POST", "/in.php", body, headers).body == b"ERROR_UPLOAD"


def test_the_balance_is_a_bare_number(server):
    rich = Old(server.customer("12.5"), server)

    assert rich.say("getbalance") == "12.5"
    assert rich.act("getbalance", json=1).body == b'{"status":1,"request":"12.5"}'


def test_reports_are_taken_once_and_may_change(old, machine):
    task = old.ask()
    early = old.act("reportbad", id=task, json=1).json
    answer(machine, "abc")

    assert (early["request"], early["error_text"]) == ("ERROR_REPORT_NOT_RECORDED", "task is not finished")
    assert old.say("reportgood", id=task) == "OK_REPORT_RECORDED"
    assert old.say("reportgood", id=task) == "ERROR_DUPLICATE_REPORT"
    assert old.say("getbalance") == "0.999"
    assert old.act("reportbad", id=task, json=1).json == {"status": 1, "request": "OK_REPORT_RECORDED"}
    assert old.say("reportbad", id=task) == "ERROR_DUPLICATE_REPORT"
    assert old.say("getbalance") == "1"


def test_what_the_operator_registered_is_listed_first_and_dropped_by_its_host(server, person):
    old = Old(server.customer(callback_hosts=("example.com", "hooks.example.net:8443")), server)
    for addr in ("https://example.com/a", "https://example.com/b"):
        assert old.say("add_pingback", addr=addr) == "OK_PINGBACK"
    assert old.say("add_pingback", addr="example.com") == "OK_PINGBACK"
    assert (
        old.say("get_pingback") == "OK|example.com|hooks.example.net:8443|https://example.com/a|https://example.com/b"
    )

    assert old.say("del_pingback", addr="https://example.com/a") == "OK"
    assert old.say("get_pingback") == "OK|example.com|hooks.example.net:8443|https://example.com/b"
    assert old.say("del_pingback", addr="https://example.com/never") == "OK"
    assert old.say("get_pingback") == "OK|hooks.example.net:8443"


def test_pingbacks_are_registered_listed_and_dropped(old, person):
    assert old.say("get_pingback") == "OK"
    assert old.say("add_pingback", addr="https://Example.com/done") == "OK_PINGBACK"
    assert old.say("add_pingback", addr="203.0.113.5:8000") == "OK_PINGBACK"
    assert old.say("add_pingback", addr="example.com") == "OK_PINGBACK"
    listed = "OK|https://Example.com/done|203.0.113.5:8000|example.com"
    assert old.act("get_pingback", json=1).json == {"status": 1, "request": listed}
    assert old.submit(pingback="https://example.com/other").body.startswith(b"OK|")
    assert old.say("del_pingback", addr="https://Example.com/done") == "OK"
    assert old.say("get_pingback") == "OK|203.0.113.5:8000|example.com"
    assert old.submit(pingback="https://example.com/other").body.startswith(b"OK|")
    assert old.say("del_pingback", addr="http://example.com/x") == "OK"
    assert old.say("get_pingback") == "OK|203.0.113.5:8000"
    assert old.say("del_pingback", addr="all") == "OK"
    assert old.say("get_pingback") == "OK"
    assert old.submit(pingback="https://example.com/other").body == b"ERROR_BAD_PARAMETERS"


@pytest.mark.parametrize(
    ("fields", "token"),
    [
        ({"method": "turnstile", "sitekey": "1x00000000000000000000AA"}, b"OK|XXXX.DUMMY.TOKEN.XXXX"),
        (
            {"method": "userrecaptcha", "googlekey": "6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI"},
            b"OK|sandbox-recaptcha-v2-test-token",
        ),
        ({"method": "turnstile", "sitekey": "2x00000000000000000000AB"}, b"ERROR_CAPTCHA_UNSOLVABLE"),
    ],
)
def test_a_published_test_key_is_answered_at_once_for_nothing(old, fields, token):
    task = old.ask(pageurl="https://example.com", **fields)

    assert old.act("get", id=task).body == token
    assert old.customer.balance() == 1


def test_a_key_may_carry_a_threshold(old, machine):
    old.ask(key=f"{old.customer.key}__recognizingthreshold_70")

    (lease,) = machine.claim(wait=5)
    assert lease["question"]["options"] == {"module": "universal", "threshold": 70}


def test_the_same_idempotency_key_makes_one_task(old, person):
    headers = {"Idempotency-Key": "one"}
    first, second = (old.call("/in.php", headers, body=BODY) for _ in range(2))

    assert first.body == second.body
    assert second.headers["x-task-replayed"] == "1"
    assert old.call("/in.php", headers, body=BODY, numeric=1).body == b"ERROR_BAD_PARAMETERS"


def test_case_matters_by_default_where_the_account_speaks_anti_captcha(server, machine):
    for dialect, constraints in (("anticaptcha", {"case": True}), ("2captcha", {})):
        Old(server.customer(dialect=dialect), server).ask()
        (lease,) = machine.claim(wait=5)
        assert lease["question"]["constraints"] == constraints
