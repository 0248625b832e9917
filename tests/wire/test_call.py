"""Reading a request before it is known whose it is: bytes, key, method and task id."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.talk import Call, Method
from answerdesk.model.task import LARGEST_ID
from answerdesk.wire.grammar import UNKNOWN_TASK, method_of, read_call, read_poll, read_task_id
from tests.wire.samples import KEY

POLL = {"clientKey": KEY, "taskId": 7654321}
COMPACT = json.dumps(POLL).encode()


@pytest.mark.parametrize(
    "body",
    [
        COMPACT,
        b"\xef\xbb\xbf" + COMPACT,
        b" \r\n\t" + COMPACT + b"\n",
        b"\n\xef\xbb\xbf\n" + COMPACT,
        b"\v\f" + COMPACT + b"\0",
        json.dumps(POLL, indent=4).encode(),
        json.dumps({"ClientKey": KEY, "TASKID": 7654321}).encode(),
        json.dumps(POLL | {"errorId": 0, "errorCode": "", "softId": "x", "header_acao": 1}).encode(),
    ],
)
def test_marks_blanks_and_capitals_around_a_request_do_not_matter(body: bytes) -> None:
    call = read_call(body)

    assert (call.key, read_task_id(call)) == (KEY, 7654321)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"}", b"null", b"[]", b"1", b'"x"', b"[{}]", b"\xff\xfe{}", b"{} {}", b"clientKey=1"),
        *(b'{"taskId": NaN}', b'{"taskId": Infinity}', b'{"taskId": -Infinity}', b'{"taskId": 1e999}'),
        *(b'{"clientKey": "\xff"}', b'{"clientKey": "\xed\xa0\x80"}', b'{"clientKey": "\\ud800"}', b'{"\\udc00": 1}'),
        *(b"[" * 100_000, b'{"a":' * 100_000, b'{"task":' + b"[" * 100_000),
        b'{"taskId": ' + b"9" * 10_000 + b"}",
        "{}".encode("utf-16"),
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_json_object_is_an_absent_task(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        read_call(body)

    assert refused.value.fault is Fault.TASK_ABSENT
    assert "object" in refused.value.detail
    assert len(refused.value.detail) <= 300


@pytest.mark.parametrize("fields", [{}, {"clientKey": None}, {"clientKey": 1}, {"clientKey": ["a"]}, {"clientKey": ""}])
def test_a_request_without_a_key_is_read_with_an_empty_one(fields: dict) -> None:
    assert read_call(json.dumps(fields).encode()).key == ""


@pytest.mark.parametrize(
    ("suffix", "module", "threshold"),
    [
        ("", None, None),
        ("__recognizingthreshold_70", None, 70),
        ("__solvemedia", "solvemedia", None),
        ("__solvemedia__recognizingthreshold_70", "solvemedia", 70),
        ("__recognizingthreshold_0__wikimedia_paddle_ensemble", "wikimedia_paddle_ensemble", 0),
        ("__nocache", None, None),
        ("__nocache__RecognizingThreshold_5", None, 5),
        ("__recognizingthreshold_7000", "recognizingthreshold_7000", None),
        ("__recognizingthreshold_", "recognizingthreshold_", None),
        ("__recognizingthreshold_٣", "recognizingthreshold_٣", None),
        ("__", None, None),
        ("____a", "a", None),
        ("__" + "m" * 101, None, None),
    ],
)
def test_capmonsters_options_are_split_off_the_key(suffix: str, module: str | None, threshold: int | None) -> None:
    call = read_call(json.dumps({"clientKey": KEY + suffix}).encode())

    assert (call.key, call.module, call.threshold) == (KEY, module, threshold)


@pytest.mark.parametrize(
    ("given", "task"),
    [
        *((1, 1), (2**31, 2**31), (2**53 - 1, 2**53 - 1), (7.0, 7), (1e3, 1000)),
        *(("7", 7), ("007", 7), (str(2**53 - 1), 2**53 - 1), ("0" * 400 + "7", 7)),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_task_id_may_be_an_integer_an_integral_float_or_digits(given: object, task: int) -> None:
    assert read_task_id(Call(key=KEY, body={"taskId": given})) == task


@pytest.mark.parametrize(
    "given",
    [
        *(None, True, False, 0, -1, 2**53, 2**63, 2**64, 10**30, 1.5, -1.0, 0.0, 1e300, float("inf"), float("nan")),
        *("", "0", "-1", "+1", " 1", "1.0", "1e3", "12x", "٣", "²", "0x1", "1_000", "9" * 17, "9" * 5000, "null"),
        *([], [1], {}, {"taskId": 1}),
    ],
    ids=lambda given: repr(given)[:20],
)
def test_every_other_task_id_is_unknown_in_the_same_words(given: object) -> None:
    with pytest.raises(Refusal) as refused:
        read_task_id(Call(key=KEY, body={"taskId": given}))

    assert (refused.value.fault, refused.value.detail) == (Fault.NO_SUCH_CAPCHA_ID, UNKNOWN_TASK)


def test_a_missing_task_id_is_unknown_in_the_same_words() -> None:
    with pytest.raises(Refusal) as refused:
        read_task_id(Call(key=KEY, body={}))

    assert refused.value.detail == UNKNOWN_TASK


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("createTask", Method.CREATE),
        ("getTaskResult", Method.RESULT),
        ("getBalance", Method.BALANCE),
        ("reportCorrect", Method.REPORT_CORRECT),
        ("reportCorrectRecaptcha", Method.REPORT_CORRECT),
        ("reportIncorrect", Method.REPORT_INCORRECT),
        ("reportIncorrectImageCaptcha", Method.REPORT_INCORRECT),
        ("reportIncorrectRecaptcha", Method.REPORT_INCORRECT),
        ("reportIncorrectTokenCaptcha", Method.REPORT_INCORRECT),
        ("reportIncorrectHcaptcha", Method.REPORT_INCORRECT),
        ("test", Method.TEST),
        ("pushAntiGateVariable", Method.UNKNOWN),
        ("createTask2", Method.UNKNOWN),
        ("in.php", Method.UNKNOWN),
    ],
)
def test_a_method_is_found_whatever_spaces_slashes_and_capitals(name: str, method: Method) -> None:
    for path in (
        f"/{name}",
        f"/{name}/",
        f"/{name} ",
        f"/{name}// ",
        f"/{name} /",
        f" /{name}",
        f"/{name.lower()}",
        f"/{name.upper()}",
    ):
        assert method_of(path) is method


@pytest.mark.parametrize("path", ["", "/", "//", " ", "/api/createTask", "/createTask/x", "/a/b/c", "/createTask/ /x"])
def test_the_root_and_deeper_paths_are_no_methods(path: str) -> None:
    assert method_of(path) is None


@pytest.mark.parametrize(
    "body", [COMPACT, json.dumps(POLL, indent=4).encode(), json.dumps(POLL | {"softId": 53}).encode()]
)
def test_a_poll_in_its_usual_spelling_is_read_in_one_go(body: bytes) -> None:
    poll, call = read_poll(body), read_call(body)

    assert poll is not None
    assert (poll.clientKey, poll.taskId, poll.softId) == (call.key, read_task_id(call), call.body.get("softId"))


_NAMES = st.sampled_from(["clientKey", "taskId", "softId", "clientkey", "TaskId", "task", "languagePool"])
_SOME = st.one_of(st.none(), st.booleans(), st.integers(-2, 2**60), st.floats(), st.text(max_size=4), st.just(KEY))


@given(st.dictionaries(_NAMES, _SOME).map(lambda fields: fields | {"clientKey": fields.get("clientKey", KEY)}))
def test_what_is_read_as_a_usual_poll_is_read_as_any_call_is(fields: dict) -> None:
    body = json.dumps(fields).encode()
    poll = read_poll(body)
    if poll is not None and 1 <= poll.taskId <= LARGEST_ID and "__" not in poll.clientKey:
        call = read_call(body)
        assert (poll.clientKey, poll.taskId) == (call.key, read_task_id(call))


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b"[" * 100_000, b"\xff", b'{"taskId":1}', COMPACT + b"x"])
def test_what_is_no_usual_poll_is_left_to_the_reader_of_any_call(body: bytes) -> None:
    assert read_poll(body) is None
