"""The vendors' own examples of getTaskResult, request and replies, as their pages print them."""

from __future__ import annotations

import json

import pytest

from answerdesk.model.talk import Method, Processing, Refused, Reply
from answerdesk.model.task import FAILURES, Cause
from answerdesk.wire import DIALECTS
from answerdesk.wire.grammar import method_of, read_call, read_task_id
from tests.wire.samples import ready

UNSOLVED = Refused(fault=FAILURES[Cause.UNSOLVED][0], detail=FAILURES[Cause.UNSOLVED][1])

EXAMPLES = {
    "capmonster processing": (
        "capmonster",
        Processing(),
        """{
  "errorCode": null,
  "errorDescription": null,
  "errorId": 0,
  "status": "processing"
}""",
    ),
    "capmonster ready": (
        "capmonster",
        ready("answer"),
        """{
  "errorId":0,
  "status":"ready",
  "solution": {
    "text":"answer"
  }
}""",
    ),
    "2captcha processing": ("2captcha", Processing(), '{"errorId": 0, "status": "processing"}'),
    "2captcha failed": (
        "2captcha",
        UNSOLVED,
        """{
    "errorId": 12,
    "errorCode": "ERROR_CAPTCHA_UNSOLVABLE",
    "errorDescription": "Workers could not solve the Captcha"
}""",
    ),
    # The page leaves the solution empty, because its form depends on the type; this one is a text's.
    "2captcha ready": (
        "2captcha",
        ready(),
        """{
    "errorId": 0,
    "status": "ready",
    "solution": {"text": "hello"},
    "cost": "0.00299",
    "ip": "1.2.3.4",
    "createTime": 1692863536,
    "endTime": 1692863556,
    "solveCount": 1
}""",
    ),
}


@pytest.mark.parametrize(("dialect", "reply", "example"), EXAMPLES.values(), ids=EXAMPLES)
def test_a_reply_is_the_one_the_vendor_shows(dialect: str, reply: Reply, example: str) -> None:
    assert json.loads(DIALECTS[dialect].write(reply, Method.RESULT)) == json.loads(example)


@pytest.mark.parametrize(
    ("body", "key", "task"),
    [
        (
            b'{\n  "clientKey":"67b6bcbb1a728ea8d563de6d169a2057",\n  "taskId": 7654321\n}',
            "67b6bcbb1a728ea8d563de6d169a2057",
            7654321,
        ),
        (b'{\n   "clientKey": "YOUR_API_KEY", \n   "taskId": 74372499131\n}', "YOUR_API_KEY", 74372499131),
    ],
)
def test_a_request_is_read_as_the_vendor_shows_it(body: bytes, key: str, task: int) -> None:
    call = read_call(body)

    assert (call.key, read_task_id(call)) == (key, task)


@pytest.mark.parametrize("path", ["/getTaskResult", "/getTaskResult/"])
def test_the_method_is_found_under_both_paths_the_page_prints(path: str) -> None:
    assert method_of(path) is Method.RESULT
