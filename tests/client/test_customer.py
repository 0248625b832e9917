"""What customers send and what they make of the replies: the server's own API under /v1."""

import base64
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from answerdesk_client import (
    AnswerdeskError,
    LedgerLine,
    Order,
    Refused,
    Solution,
    Task,
    TaskId,
    TimedOut,
    Unavailable,
    Unsolvable,
)
from tests.client.loopback import Says, says

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
BASE64 = base64.b64encode(PNG).decode()
OPEN = says(id=7, status="open")
READY = says(id=7, status="ready", type="ImageToTextTask", kind="text", answer="hello")
CREATED = says(201, id=7, status="open")


def problem(http, code, detail="", **more):
    return says(http, type="about:blank", title="No", status=http, code=code, detail=detail, **more)


def failed(code):
    return says(id=7, status="failed", error={"code": code, "status": 422, "detail": "nobody", "title": "No"})


def test_a_picture_becomes_a_task_of_the_documented_shape(desk, server):
    server.will_say(says(201, id=1837465021, status="open"))
    assert desk.create(PNG) == 1837465021
    (heard,) = server.heard
    assert (heard.method, heard.path) == ("POST", "/v1/tasks")
    assert heard.json == {"task": {"type": "ImageToTextTask", "body": BASE64}}
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["authorization"] == "Bearer key-1"
    assert "prefer" not in heard.headers


def test_every_option_of_a_text_has_its_wire_name(desk, server):
    server.will_say(CREATED)
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


@pytest.mark.parametrize(
    ("order", "asked"),
    [
        (Order.question("2 + 2?"), {"task": {"type": "TextCaptchaTask", "comment": "2 + 2?"}}),
        (
            Order.question("2 + 2?", language_pool="en"),
            {"task": {"type": "TextCaptchaTask", "comment": "2 + 2?"}, "languagePool": "en"},
        ),
        (Order.audio(PNG, lang="de"), {"task": {"type": "AudioTask", "body": BASE64, "lang": "de"}}),
        (
            Order.grid(PNG, "a bus", rows=3, columns=4, min_clicks=1, max_clicks=2, can_no_answer=True),
            {
                "task": {
                    "type": "GridTask", "body": BASE64, "comment": "a bus", "rows": 3, "columns": 4, "minClicks": 1,
                    "maxClicks": 2, "canNoAnswer": True,
                }
            },
        ),
        (
            Order.points(PNG, img_instructions=PNG, language_pool="en"),
            {"task": {"type": "CoordinatesTask", "body": BASE64, "imgInstructions": BASE64}, "languagePool": "en"},
        ),
        (
            Order.boxes(PNG, "cars", can_no_answer=True),
            {"task": {"type": "BoundingBoxTask", "body": BASE64, "comment": "cars", "canNoAnswer": True}},
        ),
        (Order.outline(PNG, "a car"), {"task": {"type": "DrawAroundTask", "body": BASE64, "comment": "a car"}}),
        (Order.rotate(PNG, PNG, angle=10), {"task": {"type": "RotateTask", "body": [BASE64] * 2, "angle": 10}}),
        (
            Order.drag(PNG, [PNG, PNG], "the pieces"),
            {
                "task": {
                    "type": "DragAndDropTask", "background": BASE64, "images": [BASE64] * 2, "comment": "the pieces",
                }
            },
        ),
        (
            Order(type="AnyTask", fields={"a": 1}, callback_url="https://a.example/", soft_id=5),
            {"task": {"type": "AnyTask", "a": 1}, "callbackUrl": "https://a.example/", "softId": 5},
        ),
    ],
)  # fmt: skip
def test_an_order_is_sent_under_its_types_name(desk, server, order, asked):
    server.will_say(CREATED)
    desk.create(order)
    assert server.heard[0].json == asked


def test_an_option_given_as_none_is_left_out(desk, server):
    server.will_say(CREATED)
    desk.create(PNG, comment=None)
    assert "comment" not in server.heard[0].json["task"]


def test_a_picture_may_be_a_file_or_base64_already(desk, server, tmp_path):
    server.will_say(*[says(201, id=n, status="open") for n in (1, 2, 3)])
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


@pytest.mark.parametrize(
    ("make", "known"),
    [
        (lambda: Order.text(PNG, colour="red"), "phrase"),  # type: ignore[call-arg]
        (lambda: Order.grid(PNG, colour="red"), "language_pool.*rows"),  # type: ignore[call-arg]
        (lambda: Order.rotate(PNG, colour="red"), "angle"),  # type: ignore[call-arg]
    ],
)
def test_an_unknown_option_is_named_with_the_known_ones(make, known):
    with pytest.raises(TypeError, match=rf"unknown option colour; known are .*{known}"):
        make()


def test_an_order_takes_no_options_beside_it(desk, server):
    with pytest.raises(TypeError, match="an Order has its options already; numeric belong into it"):
        desk.create(Order.text(PNG), numeric=1)
    assert not server.heard


def test_each_create_has_an_idempotency_key_of_its_own_unless_one_is_given(desk, server):
    server.will_say(*[CREATED] * 3)
    desk.create(PNG)
    desk.create(PNG)
    desk.create(PNG, idempotency_key="order-7")
    first, second, third = (heard.headers["idempotency-key"] for heard in server.heard)
    assert len({first, second, third}) == 3
    assert third == "order-7"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"type": "ImageToTextTask", "kind": "text", "answer": "hello", "cost": "0.00100", "created": 1692863536.5,
             "ended": 1692863556, "solveCount": 1},
            Solution(
                task=TaskId(7), value="hello", text="hello", type="ImageToTextTask", kind="text",
                cost=Decimal("0.00100"), created=datetime(2023, 8, 24, 7, 52, 16, 500_000, tzinfo=UTC),
                ended=datetime(2023, 8, 24, 7, 52, 36, tzinfo=UTC), solve_count=1,
            ),
        ),
        (
            {"type": "GridTask", "kind": "grid", "answer": [3, 8], "new": {"field": 1}},
            Solution(task=TaskId(7), value=[3, 8], type="GridTask", kind="grid"),
        ),
    ],
    ids=["a text", "another kind, and a field from the future"],
)  # fmt: skip
def test_an_answer_is_read_with_its_value_and_as_text_where_it_is_one(desk, server, fields, expected):
    server.will_say(says(id=7, status="ready", **fields))
    assert desk.result(TaskId(7)) == expected
    assert (server.heard[0].method, server.heard[0].path) == ("GET", "/v1/tasks/7?wait=0")


def test_an_unfinished_task_has_no_result_yet(desk, server):
    server.will_say(OPEN)
    assert desk.result(TaskId(7)) is None


def test_the_balance_is_exact(desk, server):
    server.will_say(says(balance="345.678901", held="0.00000"))
    assert desk.balance() == Decimal("345.678901")
    assert (server.heard[0].method, server.heard[0].path) == ("GET", "/v1/balance")


def test_a_report_says_which_task_and_which_way_and_why(desk, server):
    server.will_say(READY, READY)
    assert desk.report(TaskId(7), correct=True) is None
    desk.report(TaskId(7), correct=False, reason="an 8 for a 3")
    assert [heard.json for heard in server.heard] == [
        {"correct": True, "reason": ""},
        {"correct": False, "reason": "an 8 for a 3"},
    ]
    assert server.heard[0].path == "/v1/tasks/7/report"


def test_a_task_is_cancelled_unless_it_was_settled(desk, server):
    server.will_say(failed("ERROR_CAPTCHA_UNSOLVABLE"), problem(409, "ERROR_BAD_PARAMETERS", "settled"))
    assert desk.cancel(TaskId(7)) is True
    assert desk.cancel(TaskId(7)) is False
    assert {(heard.method, heard.path) for heard in server.heard} == {("DELETE", "/v1/tasks/7")}


def test_tasks_are_told_over_all_pages(desk, server):
    server.will_say(
        says(tasks=[{"id": 9, "status": "open"}, {"id": 8, "status": "open"}], next=8),
        says(tasks=[{"id": 7, "status": "open"}], next=None),
    )
    assert list(desk.tasks("open")) == [Task(id=TaskId(n), status="open") for n in (9, 8, 7)]
    assert [heard.path for heard in server.heard] == [
        "/v1/tasks?limit=200&status=open",
        "/v1/tasks?limit=200&status=open&before=8",
    ]


def test_a_page_is_asked_for_only_when_it_is_wanted(desk, server):
    server.will_say(says(tasks=[{"id": 9, "status": "open"}, {"id": 8, "status": "open"}], next=8))
    assert next(iter(desk.tasks())).id == 9
    assert len(server.heard) == 1


def test_the_ledger_is_told_to_the_last_digit(desk, server):
    line = {
        "line": 3,
        "at": 1692863536,
        "move": "hold",
        "amount": "0.00100",
        "balance": "-0.00100",
        "task": 7,
        "note": "",
    }
    server.will_say(says(lines=[line], next=None))
    assert list(desk.ledger()) == [
        LedgerLine(
            line=3, at=datetime(2023, 8, 24, 7, 52, 16, tzinfo=UTC), move="hold", amount=Decimal("0.00100"),
            balance=Decimal("-0.00100"), task=TaskId(7),
        )
    ]  # fmt: skip


def test_a_problem_is_a_refusal_with_its_code_status_and_text(desk, server):
    server.will_say(problem(402, "ERROR_ZERO_BALANCE", "the balance is 0 and the task costs 0.00100"))
    with pytest.raises(Refused) as refusal:
        desk.create(PNG)
    assert (refusal.value.code, refusal.value.number) == ("ERROR_ZERO_BALANCE", 402)
    assert str(refusal.value) == "ERROR_ZERO_BALANCE: the balance is 0 and the task costs 0.00100"
    assert not isinstance(refusal.value, Unsolvable)


@pytest.mark.parametrize("code", ["ERROR_CAPTCHA_UNSOLVABLE", "ERROR_BAD_DUPLICATES"])
def test_a_task_given_up_is_unsolvable(desk, server, code):
    server.will_say(failed(code))
    with pytest.raises(Unsolvable, match=f"{code}: nobody"):
        desk.wait(TaskId(7))


@pytest.mark.parametrize(
    "reply",
    [
        Says(b"<html>welcome to the hotel's network</html>"),
        Says(b""),
        Says(b"[]"),
        says(status="open"),
        says(id=7),
        says(id=7, status="ready", answer="a", cost="NaN"),
        Says(b'{"answer":' * 5000),
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


def test_solve_is_one_trip_where_the_answer_comes_in_time(desk, server):
    server.will_say(says(201, id=7, status="ready", type="ImageToTextTask", kind="text", answer="hello"))
    assert desk.solve(PNG, numeric=1).text == "hello"
    assert [(heard.path, heard.headers["prefer"]) for heard in server.heard] == [("/v1/tasks", "wait=60")]


def test_solve_creates_one_task_and_waits_for_what_is_left(desk, server):
    server.will_say(says(201, id=7, status="open", takes=60.0), says(id=7, status="open", takes=60.0), READY)
    assert desk.solve(PNG, timeout=130).text == "hello"
    assert [heard.path for heard in server.heard] == ["/v1/tasks", "/v1/tasks/7?wait=60", "/v1/tasks/7?wait=10"]


def test_solve_ends_on_time_and_names_the_task(desk, server):
    server.will_say(says(201, id=7, status="open", takes=5.0))
    with pytest.raises(TimedOut, match="task 7 was unfinished after 5 seconds"):
        desk.solve(PNG, timeout=5)


def test_waiting_asks_the_server_to_hold_the_reply_for_what_is_left(desk, server):
    held = says(id=7, status="open", takes=60.0)
    server.will_say(held, held, READY)
    assert desk.wait(TaskId(7), timeout=150).text == "hello"
    assert [heard.path.partition("=")[2] for heard in server.heard] == ["60", "60", "30"]


def test_waiting_on_a_held_reply_never_sleeps(desk, server, moment):
    server.will_say(says(id=7, status="open", takes=3.0), READY)
    desk.wait(TaskId(7))
    assert moment.slept == []


def test_waiting_on_a_server_that_holds_nothing_keeps_a_decent_pace(desk, server, moment):
    server.will_say(OPEN, says(id=7, status="open", takes=0.5), READY)
    desk.wait(TaskId(7))
    assert moment.slept == [2.0, 1.5]


def test_waiting_ends_on_time_and_names_the_task(desk, server, moment):
    server.will_say(*[OPEN] * 4)
    with pytest.raises(TimedOut, match="task 7 was unfinished after 5 seconds") as end:
        desk.wait(TaskId(7), timeout=5)
    assert (end.value.task, end.value.timeout) == (7, 5)
    assert moment.now == 1005.0
    assert [heard.path.partition("=")[2] for heard in server.heard] == ["5", "3", "1", "0"]


def test_waiting_no_time_at_all_still_looks_once(desk, server):
    server.will_say(READY)
    assert desk.wait(TaskId(7), timeout=0).text == "hello"


def test_waiting_rides_out_a_restart_and_then_asks_for_no_more_than_is_left(desk, server, moment):
    away = Says(b"", status=503, headers="Retry-After: 20\r\n")
    server.will_say(away, away, READY)
    assert desk.wait(TaskId(7), timeout=60).text == "hello"
    assert moment.slept == [20.0, 20.0]
    assert [heard.path.partition("=")[2] for heard in server.heard] == ["60", "40", "20"]


def test_waiting_on_a_server_that_stays_away_ends_on_time_too(desk, server, moment):
    server.will_say(OPEN, *[Says(b"", status=503, headers="Retry-After: 20\r\n")] * 4)
    with pytest.raises(Unavailable, match="HTTP status 503"):
        desk.wait(TaskId(7), timeout=50)
    assert moment.slept == [2.0, 20.0, 20.0]


def test_one_name_catches_everything():
    assert {Refused, Unsolvable, Unavailable, TimedOut} <= {*AnswerdeskError.__subclasses__(), Unsolvable}
    assert issubclass(Unsolvable, Refused)
