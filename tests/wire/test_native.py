"""The native dialect's bytes: every reply by kind and fault, and readers that refuse whatever is not theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.account import AccountId, Millis, Purse
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.money import BOOKS, Entry, Micros, Move
from answerdesk.model.question import Kind
from answerdesk.model.talk import UNKNOWN_TASK, Processing, Ready, Refused
from answerdesk.model.task import FAILURES, LARGEST_ID, Cause, TaskId
from answerdesk.wire import native

ANSWERS: dict[Kind, tuple[Any, bytes]] = {
    Kind.TEXT: ("4821 \u00e9\n", b'"4821 \xc3\xa9\\n"'),
    Kind.QUESTION: ("Paris", b'"Paris"'),
    Kind.AUDIO: ("seven", b'"seven"'),
    Kind.GRID: ([1, 9], b"[1,9]"),
    Kind.POINTS: ([[39, 59]], b"[[39,59]]"),
    Kind.BOXES: ([[1, 2, 3, 4]], b"[[1,2,3,4]]"),
    Kind.OUTLINE: ([[[1, 2], [3, 4], [5, 6]]], b"[[[1,2],[3,4],[5,6]]]"),
    Kind.ROTATE: ([40, 320.5], b"[40,320.5]"),
    Kind.DRAG: ([[120, 48], None], b"[[120,48],null]"),
    Kind.TOKEN: ({"token": "a"}, b'{"token":"a"}'),
}


def ready(kind: Kind) -> Ready:
    return Ready(
        type="AnyTask", kind=kind, value=ANSWERS[kind][0], cost=Micros(1_200), ip="1.2.3.4",
        created=Millis(1692863536123), ended=Millis(1692863556000), solve_count=2,
    )  # fmt: skip


@pytest.mark.parametrize("kind", Kind)
def test_a_ready_task_by_kind(kind) -> None:
    assert native.write_task(TaskId(7), ready(kind)) == (
        b'{"id":7,"status":"ready","type":"AnyTask","kind":"%b","answer":%b,"cost":"0.00120",'
        b'"created":1692863536.123,"ended":1692863556.0,"solveCount":2}' % (kind.encode(), ANSWERS[kind][1])
    )


def test_an_open_task() -> None:
    assert native.write_task(TaskId(7), Processing()) == b'{"id":7,"status":"open"}'


@pytest.mark.parametrize("cause", FAILURES)
def test_a_failed_task_by_cause(cause: Cause) -> None:
    fault, detail = FAILURES[cause]
    title = {Fault.CAPTCHA_UNSOLVABLE: b"Captcha unsolvable", Fault.BAD_DUPLICATES: b"Bad duplicates"}[fault]

    assert native.write_task(TaskId(7), Refused(fault=fault, detail=detail)) == (
        b'{"id":7,"status":"failed","error":{"type":"about:blank","title":"%b","status":422,"detail":"%b",'
        b'"code":"ERROR_%b"}}' % (title, detail.encode(), fault.encode())
    )


@pytest.mark.parametrize("fault", Fault)
def test_a_problem_by_fault(fault) -> None:
    """Every fault has a status, and its code is the one of the other dialects."""
    written = native.write_problem(native.problem_of(Refusal(fault, "why")))
    title = fault.replace("_", " ").capitalize()

    assert written.decode() == (
        f'{{"type":"about:blank","title":"{title}","status":{native.STATUSES[fault]},"detail":"why",'
        f'"code":"ERROR_{fault}"}}'
    )
    assert 400 <= native.STATUSES[fault] < 600


def test_a_reason_holds_no_nul_which_not_every_store_can_keep() -> None:
    read = native.read_report(b'{"correct": false, "reason": "blurred\\u0000!"}')

    assert read.reason == "blurred\N{REPLACEMENT CHARACTER}!"


def test_a_problem_may_have_a_status_of_its_own() -> None:
    assert native.problem(Fault.BAD_PARAMETERS, "settled", 409)["status"] == 409


@pytest.mark.parametrize("kind", Kind)
def test_an_event_is_a_task_on_one_line(kind) -> None:
    """An answer's own line breaks end no event."""
    shown = native.task_json(TaskId(7), ready(kind))
    event = native.write_event("12", shown)

    assert event == b"id: 12\nevent: settled\ndata: %b\n\n" % native.write_task(TaskId(7), ready(kind))
    assert event.count(b"\n") == 4


def test_a_place_is_an_event_that_nobody_is_told_of() -> None:
    assert native.write_place("12") == b"id: 12\n\n"


def test_lists_and_their_next() -> None:
    shown = native.task_json(TaskId(7), Processing())

    assert native.write_tasks([shown], 7) == b'{"tasks":[{"id":7,"status":"open"}],"next":7}'
    assert native.write_tasks([], None) == b'{"tasks":[],"next":null}'
    assert native.write_ledger([], None) == b'{"lines":[],"next":null}'


def test_a_batch_is_tasks_and_problems() -> None:
    task = native.OutcomeJson(task=native.task_json(TaskId(7), Processing()))
    error = native.OutcomeJson(error=native.problem(Fault.TASK_NOT_SUPPORTED, "no"))

    assert native.write_batch([task, error]) == (
        b'{"outcomes":[{"task":{"id":7,"status":"open"}},{"error":{"type":"about:blank","title":"Task not supported",'
        b'"status":400,"detail":"no","code":"ERROR_TASK_NOT_SUPPORTED"}}]}'
    )


def test_a_balance() -> None:
    purse = Purse(account=AccountId(1), balance=Micros(1_234_567), held=Micros(10))

    assert native.write_balance(purse) == b'{"balance":"1.234567","held":"0.00001"}'


@pytest.mark.parametrize("move", Move)
def test_a_line_says_what_it_did_to_the_balance(move) -> None:
    entry = Entry(move=move, amount=Micros(1_000), account=1, note="why")
    line = native.line_json(3, Millis(1692863536123), entry, TaskId(7))
    source, target = (book.name for book in BOOKS[move])

    assert line["balance"] == {("BALANCE", False): "-0.00100", (False, "BALANCE"): "0.00100"}.get(
        (source == "BALANCE" and "BALANCE", target == "BALANCE" and "BALANCE"), "0.00000"
    )
    assert (line["line"], line["at"], line["amount"], line["task"]) == (3, 1692863536.123, "0.00100", 7)
    assert json.loads(native.write_ledger([line], 3)) == {"lines": [line], "next": 3}


def test_a_task_is_read_into_a_call_of_createtask() -> None:
    body = {"task": {"type": "ImageToTextTask"}, "callbackUrl": None, "softId": "12", "languagePool": "en", "more": 1}
    (batched,) = native.read_batch(json.dumps({"tasks": [body]}).encode())

    assert native.read_task(json.dumps(body).encode()) == batched
    assert dict(batched.body) == {name: value for name, value in body.items() if name != "more"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "it is not JSON in UTF-8"),
        (b"\xff", "it is not JSON in UTF-8"),
        (b"{" * 50_000, "it is not JSON in UTF-8"),
        (b"{}", "missing required field `tasks`"),
        (b'{"tasks":[]}', "length >= 1"),
        (b'{"tasks":[{"task":5}]}', "expected `object`, got `int` - at `$.tasks[0].task`"),
        (b'{"tasks":[{"task":{},"softId":[]}]}', "at `$.tasks[0].softId`"),
    ],
)
def test_a_refused_body_says_what_and_where(body, said) -> None:
    with pytest.raises(Refusal) as refused:
        native.read_batch(body)

    assert said in refused.value.detail
    assert refused.value.fault is Fault.BAD_PARAMETERS


def refusal(read: Callable[[Any], object], given: object) -> Refusal | None:
    """Give why a reader refused, None where it read."""
    try:
        read(given)
    except Refusal as refused:
        return refused
    return None


@given(st.binary() | st.recursive(st.none() | st.booleans() | st.text() | st.integers(), lambda each: (
    st.lists(each) | st.dictionaries(st.sampled_from(["task", "tasks", "correct", "reason", "softId"]), each)
)).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_whatever_a_body_is_it_is_read_or_refused(body) -> None:
    for read in (native.read_task, native.read_batch, native.read_report):
        refused = refusal(read, body)
        assert refused is None or (refused.fault is Fault.BAD_PARAMETERS and len(refused.detail) <= 400)


numbers = st.text() | st.integers().map(str) | st.text("0123456789", max_size=6_000)


@given(numbers)
def test_whatever_names_a_task_it_is_an_id_or_an_unknown_task(text) -> None:
    refused = refusal(native.read_id, text)

    if refused is None:
        assert 1 <= native.read_id(text) <= LARGEST_ID
    else:
        assert (refused.fault, refused.detail) == (Fault.NO_SUCH_CAPCHA_ID, UNKNOWN_TASK)


@given(numbers, st.integers(0, 5), st.integers(5, 2**62))
def test_whatever_a_query_says_it_is_within_its_bounds_or_refused(text, least, most) -> None:
    def read(given: str) -> int:
        return native.read_number({"limit": given}, "limit", 50, most, least=least)

    refused = refusal(read, text)

    if refused is None:
        assert least <= read(text) <= most
    else:
        assert refused.detail == f"limit must be a whole number {least}..{most}"


def test_what_a_query_leaves_out_is_the_default() -> None:
    assert native.read_number({}, "limit", 50, 500) == 50
