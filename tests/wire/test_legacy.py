"""Every reply of in.php and res.php, byte for byte, as text and as JSON; every code; every id and address."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.account import Account, AccountId
from answerdesk.model.callback import hosts_of
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.talk import UNKNOWN_TASK, Processing, Refused
from answerdesk.model.task import FAILURES, LARGEST_ID, Cause, TaskId
from answerdesk.wire import legacy
from answerdesk.wire.legacy import Endpoint, Said, endpoint_of, read_action, read_address, read_id, read_ids, write
from answerdesk.wire.legacy_form import read_form
from answerdesk.wire.legacy_task import Coded
from tests.wire.samples import KEY, ready

UNSOLVED = Refused(fault=Fault.CAPTCHA_UNSOLVABLE, detail=FAILURES[Cause.UNSOLVED][1])
REPORTS = ("ERROR_REPORT_NOT_RECORDED", "ERROR_DUPLICATE_REPORT")


def registered(by_operator: tuple[str, ...] = (), by_customer: tuple[str, ...] = ()) -> Account:
    return Account(id=AccountId(1), name="acme", callback_hosts=by_operator, pingbacks=by_customer)


def both(said: Said) -> tuple[bytes, bytes]:
    return write(said, as_json=False), write(said, as_json=True)


@pytest.mark.parametrize(
    ("said", "text", "as_json"),
    [
        (legacy.created(TaskId(2122988149)), b"OK|2122988149", b'{"status":1,"request":"2122988149"}'),
        (legacy.result(ready("abc")), b"OK|abc", b'{"status":1,"request":"abc"}'),
        (
            legacy.result(ready("ABCDE", cost=850), priced=True),
            b"OK|ABCDE|0.00085",
            b'{"status":1,"request":"ABCDE","price":"0.00085"}',
        ),
        (legacy.result(Processing()), b"CAPCHA_NOT_READY", b'{"status":0,"request":"CAPCHA_NOT_READY"}'),
        (legacy.result(Processing(), priced=True), b"CAPCHA_NOT_READY", b'{"status":0,"request":"CAPCHA_NOT_READY"}'),
        (
            legacy.result(UNSOLVED),
            b"ERROR_CAPTCHA_UNSOLVABLE",
            b'{"status":0,"request":"ERROR_CAPTCHA_UNSOLVABLE","error_text":"Workers could not solve the Captcha"}',
        ),
        (
            legacy.results((ready("ANS1"), Processing(), ready([3, 8], kind=Kind.GRID), UNSOLVED)),
            b"ANS1|CAPCHA_NOT_READY|click:3/8|ERROR_CAPTCHA_UNSOLVABLE",
            b'{"status":1,"request":"ANS1|CAPCHA_NOT_READY|click:3/8|ERROR_CAPTCHA_UNSOLVABLE"}',
        ),
        (legacy.balance(Micros(1_234_000)), b"1.234", b'{"status":1,"request":"1.234"}'),
        (legacy.balance(Micros(10)), b"0.00001", b'{"status":1,"request":"0.00001"}'),
        (legacy.balance(Micros(5_000_000)), b"5", b'{"status":1,"request":"5"}'),
        (Said(text=legacy.REPORT_RECORDED), b"OK_REPORT_RECORDED", b'{"status":1,"request":"OK_REPORT_RECORDED"}'),
        (Said(text=legacy.PINGBACK_ADDED), b"OK_PINGBACK", b'{"status":1,"request":"OK_PINGBACK"}'),
        (Said(text=legacy.PINGBACK_DROPPED), b"OK", b'{"status":1,"request":"OK"}'),
        (
            legacy.pingbacks(registered(("a.b",), ("1.2.3.4:80",))),
            b"OK|a.b|1.2.3.4:80",
            b'{"status":1,"request":"OK|a.b|1.2.3.4:80"}',
        ),
        (legacy.pingbacks(registered()), b"OK", b'{"status":1,"request":"OK"}'),
        (
            legacy.refused(Refused(fault=Fault.ZERO_BALANCE, detail="clientKey is poor"), Endpoint.IN),
            b"ERROR_ZERO_BALANCE",
            b'{"status":0,"request":"ERROR_ZERO_BALANCE","error_text":"key is poor"}',
        ),
    ],
)
def test_every_reply_byte_for_byte(said, text, as_json) -> None:
    assert both(said) == (text, as_json)


ANSWERS: list[tuple[Kind, Any, str, Any]] = [
    (Kind.TEXT, "a b", "a b", None),
    (Kind.TEXT, "größer|€", "größer|€", None),
    (Kind.QUESTION, "4", "4", None),
    (Kind.AUDIO, "one two", "one two", None),
    (Kind.GRID, [3, 8, 9], "click:3/8/9", None),
    (Kind.GRID, [], "No_matching_images", None),
    (
        Kind.POINTS,
        [[39, 59], [252, 72]],
        "coordinates:x=39,y=59;x=252,y=72",
        [{"x": "39", "y": "59"}, {"x": "252", "y": "72"}],
    ),
    (Kind.BOXES, [[559, 164, 797, 430]], '[{"xMin":559,"xMax":797,"yMin":164,"yMax":430}]', None),
    (Kind.BOXES, [], "No_matching_images", None),
    (Kind.OUTLINE, [[[1, 2], [3, 4], [5, 6]], [[7, 8], [9, 10], [11, 12]]], "canvas:1,2,3,4,5,6;7,8,9,10,11,12;", None),
    (Kind.ROTATE, [40], "40", None),
    (Kind.ROTATE, [40, 200, 240.4], "40|200|240", None),
    (Kind.DRAG, [[5, 6], None], '[{"x":5,"y":6},null]', None),
]


@pytest.mark.parametrize(("kind", "value", "text", "listed"), ANSWERS)
def test_every_kind_of_answer_as_text_and_as_json(kind, value, text, listed) -> None:
    said = legacy.result(ready(value, kind=kind))
    price = legacy.result(ready(value, kind=kind), priced=True)

    assert write(said, as_json=False) == f"OK|{text}".encode()
    assert json.loads(write(said, as_json=True)) == {"status": 1, "request": listed or text}
    assert write(price, as_json=False) == f"OK|{text}|0.00299".encode()
    assert json.loads(write(price, as_json=True)) == {"status": 1, "request": listed or text, "price": "0.00299"}


FAULTS = [
    ("KEY_DOES_NOT_EXIST", "ERROR_KEY_DOES_NOT_EXIST", "ERROR_KEY_DOES_NOT_EXIST"),
    ("NO_SLOT_AVAILABLE", "ERROR_NO_SLOT_AVAILABLE", "ERROR_NO_SLOT_AVAILABLE"),
    ("ZERO_CAPTCHA_FILESIZE", "ERROR_ZERO_CAPTCHA_FILESIZE", "ERROR_ZERO_CAPTCHA_FILESIZE"),
    ("TOO_BIG_CAPTCHA_FILESIZE", "ERROR_TOO_BIG_CAPTCHA_FILESIZE", "ERROR_TOO_BIG_CAPTCHA_FILESIZE"),
    ("PAGEURL", "ERROR_PAGEURL", "ERROR_PAGEURL"),
    ("ZERO_BALANCE", "ERROR_ZERO_BALANCE", "ERROR_ZERO_BALANCE"),
    ("IP_NOT_ALLOWED", "ERROR_IP_NOT_ALLOWED", "ERROR_IP_NOT_ALLOWED"),
    ("CAPTCHA_UNSOLVABLE", "ERROR_CAPTCHA_UNSOLVABLE", "ERROR_CAPTCHA_UNSOLVABLE"),
    ("BAD_DUPLICATES", "ERROR_BAD_DUPLICATES", "ERROR_BAD_DUPLICATES"),
    ("NO_SUCH_METHOD", "ERROR_BAD_PARAMETERS", "ERROR_EMPTY_ACTION"),
    ("IMAGE_TYPE_NOT_SUPPORTED", "ERROR_IMAGE_TYPE_NOT_SUPPORTED", "ERROR_IMAGE_TYPE_NOT_SUPPORTED"),
    ("NO_SUCH_CAPCHA_ID", "ERROR_WRONG_CAPTCHA_ID", "ERROR_WRONG_CAPTCHA_ID"),
    ("EMPTY_COMMENT", "ERROR_BAD_PARAMETERS", "ERROR_BAD_PARAMETERS"),
    ("IP_BLOCKED", "IP_BANNED", "IP_BANNED"),
    ("TOO_MUCH_REQUESTS", "MAX_USER_TURN", "ERROR: 1005"),
    ("TASK_ABSENT", "ERROR_BAD_PARAMETERS", "ERROR_BAD_PARAMETERS"),
    ("TASK_NOT_SUPPORTED", "ERROR_BAD_PARAMETERS", "ERROR_BAD_PARAMETERS"),
    ("RECAPTCHA_INVALID_SITEKEY", "ERROR_GOOGLEKEY", "ERROR_GOOGLEKEY"),
    ("ACCOUNT_SUSPENDED", "ERROR_ACCOUNT_SUSPENDED", "ERROR_ACCOUNT_SUSPENDED"),
    ("BAD_PARAMETERS", "ERROR_BAD_PARAMETERS", "ERROR_BAD_PARAMETERS"),
    ("BAD_IMGINSTRUCTIONS", "ERROR_BAD_PARAMETERS", "ERROR_BAD_PARAMETERS"),
]


@pytest.mark.parametrize(("fault", "submitting", "asking"), FAULTS)
def test_every_fault_has_its_code(fault, submitting, asking) -> None:
    for endpoint, code in ((Endpoint.IN, submitting), (Endpoint.RES, asking)):
        said = legacy.refusal(Refusal(Fault(fault), "why"), endpoint)

        assert both(said) == (code.encode(), b'{"status":0,"request":"%b","error_text":"why"}' % code.encode())


def test_no_fault_is_left_out() -> None:
    assert {fault for fault, _, _ in FAULTS} == {str(fault) for fault in Fault} - {"UNAVAILABLE"}


def test_a_code_of_this_api_alone_is_printed_as_it_is() -> None:
    said = legacy.refusal(Coded("ERROR: 1002", "wait"), Endpoint.IN)

    assert both(said) == (b"ERROR: 1002", b'{"status":0,"request":"ERROR: 1002","error_text":"wait"}')


def test_a_long_sentence_is_cut() -> None:
    said = legacy.refusal(Refusal(Fault.BAD_PARAMETERS, "x" * 400), Endpoint.IN)

    assert len(said.error_text) == 300


def test_the_list_of_errors_has_every_code_once() -> None:
    text, as_json = both(legacy.server_errors())
    codes = text.decode().split("\n")

    assert json.loads(as_json) == {"status": 1, "request": codes}
    assert len(codes) == len(set(codes))
    assert {code for row in FAULTS for code in row[1:]} <= set(codes)
    assert {
        "ERROR_WRONG_USER_KEY",
        "ERROR_UPLOAD",
        "ERROR_WRONG_ID_FORMAT",
        "ERROR: 1002",
        "ERROR: 1004",
        *REPORTS,
    } <= set(codes)


@pytest.mark.parametrize("path", ["/in.php", "/in", "/in.php/", "/in.php ", "/IN.PHP", "/in.php / "])
def test_a_path_may_trail_off(path) -> None:
    assert endpoint_of(path) is Endpoint.IN
    assert endpoint_of(path.lower().replace("in", "res")) is Endpoint.RES


@pytest.mark.parametrize("path", ["/", "", "/in.php/x", "/x/in.php", "/input", "/createTask", "/res.phpx"])
def test_other_paths_lead_elsewhere(path) -> None:
    assert endpoint_of(path) is None


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("id=abc", "ERROR_WRONG_ID_FORMAT"),
        ("id=", "ERROR_WRONG_ID_FORMAT"),
        ("", "ERROR_WRONG_ID_FORMAT"),
        ("id=-5", "ERROR_WRONG_ID_FORMAT"),
        ("id=1.5", "ERROR_WRONG_ID_FORMAT"),
        ("id=%D9%A3", "ERROR_WRONG_ID_FORMAT"),
        ("id=0", "ERROR_WRONG_CAPTCHA_ID"),
        (f"id={LARGEST_ID + 1}", "ERROR_WRONG_CAPTCHA_ID"),
        ("id=" + "9" * 5000, "ERROR_WRONG_CAPTCHA_ID"),
    ],
)
def test_an_id_that_is_none_is_refused(given, code) -> None:
    with pytest.raises(Refusal) as refused:
        read_id(read_form(given.encode(), "", b""))

    assert legacy.refusal(refused.value, Endpoint.RES).text == code


@given(task=st.integers(1, LARGEST_ID))
def test_an_id_is_read_from_text_and_number(task) -> None:
    assert read_id(read_form(b"id=%d" % task, "", b"")) == task
    assert read_id(read_form(b"", "", b'{"id":%d}' % task)) == task


def test_several_ids_keep_their_order() -> None:
    assert read_ids(read_form(b"ids=7,%200,3", "", b"")) == [7, None, 3]


@pytest.mark.parametrize("given", ["1,,2", "1,x", ",", "1,2,", ",".join(["1"] * (legacy.MOST_IDS + 1))])
def test_a_list_of_ids_that_is_none_is_refused_whole(given) -> None:
    with pytest.raises(Coded) as refused:
        read_ids(read_form(f"ids={given}".encode(), "", b""))

    assert refused.value.code == "ERROR_WRONG_ID_FORMAT"


@pytest.mark.parametrize("given", ["", "action=", "action=fetch"])
def test_an_action_must_be_known(given) -> None:
    with pytest.raises(Refusal, match="accepted: get, get2, getbalance") as refused:
        read_action(read_form(given.encode(), "", b""))

    assert legacy.refusal(refused.value, Endpoint.RES).text == "ERROR_EMPTY_ACTION"


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("https://Example.com/done?x=1", "example.com"),
        ("http://example.com:8000/done", "example.com:8000"),
        ("https://example.com:443/", "example.com"),
        ("example.com", "example.com"),
        ("example.com:8000", "example.com:8000"),
        ("203.0.113.5", "203.0.113.5"),
        ("http://127.0.0.1:9/", "127.0.0.1:9"),
        ("http://[2001:db8::1]/x", "2001:db8::1"),
    ],
)
def test_an_address_is_kept_as_it_was_given_and_its_host_may_be_called(given, host) -> None:
    address = read_address(read_form(b"", "", json.dumps({"addr": given}).encode()))

    assert address == given
    assert hosts_of(registered(by_customer=(address,))) == (host,)


@pytest.mark.parametrize(
    "given", ["", "ftp://example.com", "http://", "a b", "http://u:p@example.com/", "x" * 3000, "a:b:c"]
)
def test_an_address_that_is_none_is_refused(given) -> None:
    with pytest.raises(Refusal, match="addr must be a URL"):
        read_address(read_form(b"", "", json.dumps({"addr": given}).encode()))


@pytest.mark.parametrize("key", ["", "abc", KEY[:-1], KEY + "0"])
def test_a_key_of_the_wrong_length_is_told_from_one_nobody_has(key) -> None:
    unknown = Refusal(Fault.KEY_DOES_NOT_EXIST, "unknown")

    assert legacy.refusal(legacy.wrong_key(key, unknown), Endpoint.IN).text == "ERROR_WRONG_USER_KEY"
    assert legacy.wrong_key(KEY, unknown) is unknown


def test_a_key_of_any_length_may_be_refused_for_another_reason() -> None:
    refusal = Refusal(Fault.IP_NOT_ALLOWED, "from elsewhere")

    assert legacy.wrong_key("abc", refusal) is refusal


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (ready("a b&ü"), b"id=7&code=a+b%26%C3%BC"),
        (ready([[39, 59]], kind=Kind.POINTS), b"id=7&code=coordinates%3Ax%3D39%2Cy%3D59"),
        (UNSOLVED, b"id=7&code=ERROR_CAPTCHA_UNSOLVABLE"),
    ],
)
def test_a_pingback_posts_the_id_and_the_answer_or_the_code(reply, body) -> None:
    assert legacy.write_callback(reply, TaskId(7)) == ("application/x-www-form-urlencoded", body)


def test_an_unknown_task_has_one_code_and_one_sentence() -> None:
    said = legacy.refusal(Refusal(Fault.NO_SUCH_CAPCHA_ID, UNKNOWN_TASK), Endpoint.RES)

    assert (said.text, said.error_text) == ("ERROR_WRONG_CAPTCHA_ID", UNKNOWN_TASK)


@given(query=st.binary(max_size=60))
def test_any_query_is_read_or_refused(query) -> None:
    form = read_form(query, "", b"")
    for read in (read_id, read_ids, read_action, read_address):
        try:
            read(form)
        except Refusal as refusal:
            said = legacy.refusal(refusal, Endpoint.RES)
            write(said, as_json=True)
            write(said, as_json=False)


@pytest.mark.parametrize(
    ("query", "as_json"),
    [
        (b"key=%b&action=get&id=7", False),
        (b"action=get&json=1&id=7&key=%b", True),
        (b"id=7&key=%b&json=0&action=get", False),
    ],
)
def test_a_poll_in_its_usual_spelling_is_read_in_one_go(query: bytes, as_json: bool) -> None:
    assert legacy.read_poll(query % KEY.encode()) == legacy.Poll(key=KEY, task=TaskId(7), as_json=as_json)


_PAIRS = st.sampled_from(
    [
        *("key=abc", "key=a__b", "key=", "key", "action=get", "action=get2", "action=GET", "id=7", "id=07", "id=0"),
        *("id=", "id=x", "ids=1,2", "json=1", "json=0", "json=true", "json=", "header_acao=1", "", "=", "id=7=8"),
        *("ID=9", "j_son=1", f"id={LARGEST_ID}", f"id={10**16}", "id=%37", "id=+7"),
    ]
)


@given(st.lists(_PAIRS, max_size=6).map(lambda pairs: "&".join(["key=abc", *pairs]).encode()))
def test_what_is_read_as_a_usual_poll_is_read_as_any_form_is(query: bytes) -> None:
    poll = legacy.read_poll(query)
    if poll is not None and 1 <= poll.task <= LARGEST_ID:
        form = read_form(query, "", b"")
        assert (poll.key, poll.task, poll.as_json) == (form.text("key"), read_id(form), form.flag("json"))
        assert read_action(form) is legacy.Action.GET
        assert not form.flag("header_acao")
        assert form.get("ids") is None
