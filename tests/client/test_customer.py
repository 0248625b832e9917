"""What customers send and what they make of the replies (PROTOCOL §2 to §5)."""

import base64
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from answerdesk_client import AnswerdeskError, Refused, Solution, TaskId, TimedOut, Unavailable, Unsolvable
from tests.client.loopback import Says, says

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
BASE64 = base64.b64encode(PNG).decode()
PROCESSING = says(errorId=0, status="processing")
READY = says(errorId=0, status="ready", solution={"text": "hello"})


def test_a_picture_becomes_a_task_of_the_documented_shape(desk, server):
    server.will_say(says(errorId=0, taskId=1837465021))
    assert desk.create(PNG) == 1837465021
    (heard,) = server.heard
    assert (heard.method, heard.path) == ("POST", "/createTask")
    assert heard.json == {"clientKey": "key-1", "task": {"type": "ImageToTextTask", "body": BASE64}}
    assert heard.headers["content-type"] == "application/json"


def test_every_option_has_its_wire_name(desk, server):
    server.will_say(says(errorId=0, taskId=1))
    desk.create(
        PNG,
        phrase=True,
        case=False,
        numeric=4,
        math=True,
        min_length=2,
        max_length=9,
        comment="digits only",
        img_instructions=PNG,
        cap_monster_module="universal",
        recognizing_threshold=70,
        website_url="https://example.org/form",
        language_pool="en",
    )
    assert server.heard[0].json == {
        "clientKey": "key-1",
        "languagePool": "en",
        "task": {
            "type": "ImageToTextTask",
            "body": BASE64,
            "phrase": True,
            "case": False,
            "numeric": 4,
            "math": True,
            "minLength": 2,
            "maxLength": 9,
            "comment": "digits only",
            "imgInstructions": BASE64,
            "capMonsterModule": "universal",
            "recognizingThreshold": 70,
            "websiteURL": "https://example.org/form",
        },
    }


def test_an_option_given_as_none_is_left_out(desk, server):
    server.will_say(says(errorId=0, taskId=1))
    desk.create(PNG, comment=None)
    assert "comment" not in server.heard[0].json["task"]


def test_a_picture_may_be_a_file_or_base64_already(desk, server, tmp_path):
    server.will_say(*[says(errorId=0, taskId=n) for n in (1, 2, 3)])
    file = tmp_path / "meter.png"
    file.write_bytes(PNG)
    desk.create(file)
    desk.create(BASE64)
    desk.create(f"data:image/vnd.x;base64,{BASE64}")
    assert [heard.json["task"]["body"].rpartition(",")[2] for heard in server.heard] == [BASE64] * 3


def test_a_file_name_is_not_mistaken_for_base64(desk, server):
    with pytest.raises(ValueError, match=r"pathlib\.Path\('meter\.png'\)"):
        desk.create("meter.png")
    assert not server.heard


def test_an_unknown_option_is_named_with_the_known_ones(desk, server):
    with pytest.raises(TypeError, match=r"unknown option colour; known are .*phrase"):
        desk.create(PNG, colour="red")
    assert not server.heard


def test_each_create_has_an_idempotency_key_of_its_own_unless_one_is_given(desk, server):
    server.will_say(*[says(errorId=0, taskId=1)] * 3)
    desk.create(PNG)
    desk.create(PNG)
    desk.create(PNG, idempotency_key="order-7")
    first, second, third = (heard.headers["idempotency-key"] for heard in server.heard)
    assert len({first, second, third}) == 3
    assert third == "order-7"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(
            {"errorId": 0, "status": "ready", "solution": {"text": "answer"}},
            Solution(text="answer", raw={"text": "answer"}),
            id="capmonster",
        ),
        pytest.param(
            {
                "errorId": 0,
                "status": "ready",
                "solution": {"text": "hello"},
                "cost": "0.00299",
                "ip": "1.2.3.4",
                "createTime": 1692863536,
                "endTime": 1692863556,
                "solveCount": 1,
            },
            Solution(
                text="hello",
                raw={"text": "hello"},
                cost=Decimal("0.00299"),
                created=datetime(2023, 8, 24, 7, 52, 16, tzinfo=UTC),
                ended=datetime(2023, 8, 24, 7, 52, 36, tzinfo=UTC),
                solve_count=1,
            ),
            id="2captcha",
        ),
        pytest.param(
            {"errorId": 0, "status": "ready", "solution": {"text": "a", "url": "u"}, "cost": 0.0007, "solveCount": "0"},
            Solution(text="a", raw={"text": "a", "url": "u"}, cost=Decimal("0.0007"), solve_count=0),
            id="anti-captcha",
        ),
        pytest.param(
            {"errorId": 0, "errorCode": None, "status": "ready", "solution": {"click": [3, 8]}, "new": {"field": 1}},
            Solution(text="", raw={"click": [3, 8]}),
            id="another kind, and a field from the future",
        ),
    ],
)
def test_an_answer_of_any_dialect_is_read(desk, server, fields, expected):
    server.will_say(says(**fields))
    assert desk.result(TaskId(7)) == expected
    assert (server.heard[0].path, server.heard[0].json) == ("/getTaskResult", {"clientKey": "key-1", "taskId": 7})
    assert "prefer" not in server.heard[0].headers


@pytest.mark.parametrize("nulls", [{}, {"errorCode": None, "errorDescription": None}], ids=["2captcha", "capmonster"])
def test_an_unfinished_task_has_no_result_yet(desk, server, nulls):
    server.will_say(says(errorId=0, status="processing", **nulls))
    assert desk.result(TaskId(7)) is None


def test_the_balance_is_exact(desk, server):
    server.will_say(Says(b'{"errorId":0,"balance":345.678901}'))
    assert desk.balance() == Decimal("345.678901")
    assert (server.heard[0].path, server.heard[0].json) == ("/getBalance", {"clientKey": "key-1"})


@pytest.mark.parametrize(("correct", "path"), [(True, "/reportCorrect"), (False, "/reportIncorrect")])
def test_a_report_says_which_task_and_which_way(desk, server, correct, path):
    server.will_say(says(errorId=0, status="success"))
    assert desk.report(TaskId(7), correct=correct) is None
    assert (server.heard[0].path, server.heard[0].json) == (path, {"clientKey": "key-1", "taskId": 7})


@pytest.mark.parametrize("status", [200, 403], ids=["the documented status", "a strict server's own"])
def test_a_fault_is_a_refusal_with_its_code_number_and_text(desk, server, status):
    server.will_say(
        says(status, errorId=10, errorCode="ERROR_ZERO_BALANCE", errorDescription="price 0.0006, left 0", taskId=0)
    )
    with pytest.raises(Refused) as refusal:
        desk.create(PNG)
    assert (refusal.value.code, refusal.value.number) == ("ERROR_ZERO_BALANCE", 10)
    assert str(refusal.value) == "ERROR_ZERO_BALANCE: price 0.0006, left 0"
    assert not isinstance(refusal.value, Unsolvable)


@pytest.mark.parametrize("code", ["ERROR_CAPTCHA_UNSOLVABLE", "ERROR_BAD_DUPLICATES"])
def test_a_task_given_up_is_unsolvable(desk, server, code):
    server.will_say(says(errorId=1, errorCode=code))
    with pytest.raises(Unsolvable, match=code):
        desk.wait(TaskId(7))


@pytest.mark.parametrize(
    "reply",
    [
        Says(b"<html>welcome to the hotel's network</html>"),
        Says(b""),
        Says(b"[]"),
        says(errorId=0),
        says(errorId=0, status="ready"),
        says(errorId=0, status="ready", solution={"text": "a"}, cost="NaN"),
        Says(b'{"solution":' * 5000),
        Says(b"oops", status=500),
        says(501, error="no such verb"),
    ],
)
def test_a_reply_that_makes_no_sense_is_unavailable_and_quoted(desk, server, reply):
    server.will_say(reply)
    with pytest.raises(Unavailable):
        desk.result(TaskId(7))
    assert len(server.heard) == 1


def test_a_path_the_server_does_not_have_is_refused_by_its_status(desk, server):
    server.will_say(Says(b"Not Found", status=404))
    with pytest.raises(Refused) as refusal:
        desk.balance()
    assert (refusal.value.code, refusal.value.number, refusal.value.description) == ("HTTP_404", 404, "Not Found")


def test_solve_creates_one_task_and_waits_for_it(desk, server):
    server.will_say(says(errorId=0, taskId=7), PROCESSING, READY)
    assert desk.solve(PNG, numeric=1).text == "hello"
    assert [heard.path for heard in server.heard] == ["/createTask", "/getTaskResult", "/getTaskResult"]
    assert server.heard[2].json["taskId"] == 7


def test_waiting_asks_the_server_to_hold_the_reply_for_what_is_left(desk, server):
    held = says(errorId=0, status="processing", takes=60.0)
    server.will_say(held, held, READY)
    assert desk.wait(TaskId(7), timeout=150).text == "hello"
    assert [heard.headers["prefer"] for heard in server.heard] == ["wait=60", "wait=60", "wait=30"]


def test_waiting_on_a_held_reply_never_sleeps(desk, server, moment):
    server.will_say(says(errorId=0, status="processing", takes=3.0), READY)
    desk.wait(TaskId(7))
    assert moment.slept == []


def test_waiting_on_a_server_that_holds_nothing_keeps_the_documented_pace(desk, server, moment):
    server.will_say(PROCESSING, says(errorId=0, status="processing", takes=0.5), READY)
    desk.wait(TaskId(7))
    assert moment.slept == [2.0, 1.5]


def test_waiting_ends_on_time_and_names_the_task(desk, server, moment):
    server.will_say(*[PROCESSING] * 4)
    with pytest.raises(TimedOut, match="task 7 was unfinished after 5 seconds") as end:
        desk.wait(TaskId(7), timeout=5)
    assert (end.value.task, end.value.timeout) == (7, 5)
    assert moment.now == 1005.0
    assert [heard.headers["prefer"] for heard in server.heard] == ["wait=5", "wait=3", "wait=1", "wait=0"]


def test_waiting_no_time_at_all_still_looks_once(desk, server):
    server.will_say(READY)
    assert desk.wait(TaskId(7), timeout=0).text == "hello"


def test_waiting_rides_out_a_restart_and_then_asks_for_no_more_than_is_left(desk, server, moment):
    away = Says(b"", status=503, headers="Retry-After: 20\r\n")
    server.will_say(away, away, READY)
    assert desk.wait(TaskId(7), timeout=60).text == "hello"
    assert moment.slept == [20.0, 20.0]
    assert [heard.headers["prefer"] for heard in server.heard] == ["wait=60", "wait=40", "wait=20"]


def test_waiting_on_a_server_that_stays_away_ends_on_time_too(desk, server, moment):
    server.will_say(PROCESSING, *[Says(b"", status=503, headers="Retry-After: 20\r\n")] * 4)
    with pytest.raises(Unavailable, match="HTTP status 503"):
        desk.wait(TaskId(7), timeout=50)
    assert moment.slept == [2.0, 20.0, 20.0]


def test_one_name_catches_everything():
    assert {Refused, Unsolvable, Unavailable, TimedOut} <= {*AnswerdeskError.__subclasses__(), Unsolvable}
    assert issubclass(Unsolvable, Refused)
