"""The form of a callback's body: its dialect's own, or JSON where the account wants that (PROTOCOL §4.8, G25)."""

from __future__ import annotations

import json

import pytest

from answerdesk.model.account import CallbackForm
from answerdesk.model.fault import Fault
from answerdesk.model.talk import Refused
from answerdesk.model.task import TaskId
from answerdesk.wire import DIALECTS
from answerdesk.wire.callback import write_callback
from tests.wire.samples import ready

FAILED = Refused(fault=Fault.CAPTCHA_UNSOLVABLE, detail="no")
JSON = "application/json; charset=utf-8"
EVERY = ("capmonster", "2captcha", "anticaptcha", "legacy", "native")


@pytest.mark.parametrize("dialect", ["2captcha", "legacy"])
def test_a_form_becomes_the_json_of_a_result_and_the_task(dialect: str) -> None:
    kind, body = write_callback(dialect, ready("é&b"), TaskId(7), CallbackForm.JSON)

    assert kind == JSON
    assert json.loads(body) == {**DIALECTS["2captcha"].ready(ready("é&b")), "taskId": 7}


@pytest.mark.parametrize("dialect", ["2captcha", "legacy"])
def test_a_failure_as_json_has_the_error(dialect: str) -> None:
    _, body = write_callback(dialect, FAILED, TaskId(7), CallbackForm.JSON)

    assert body.decode() == ('{"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE","errorDescription":"no","taskId":7}')


@pytest.mark.parametrize("dialect", ["capmonster", "anticaptcha", "native"])
def test_what_is_json_already_stays_as_it_is(dialect: str) -> None:
    usual = write_callback(dialect, ready("abc"), TaskId(7), CallbackForm.VENDOR)

    assert write_callback(dialect, ready("abc"), TaskId(7), CallbackForm.JSON) == usual


@pytest.mark.parametrize("dialect", EVERY)
def test_without_a_wish_it_is_the_vendors(dialect: str) -> None:
    usual = write_callback(dialect, ready("abc"), TaskId(7))

    assert usual == write_callback(dialect, ready("abc"), TaskId(7), CallbackForm.VENDOR)
    assert (usual[1] == b"id=7&code=abc") is (dialect in {"2captcha", "legacy"})
