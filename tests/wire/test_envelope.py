"""What stands beside the task of a createTask: where the reply is to be posted, and which program asks."""

from __future__ import annotations

from typing import Any

import pytest

from answerdesk.model.fault import Fault
from tests.wire.samples import create, draft, refusal

CALLBACKS = ["http://a.example", "https://a.example:8443/done?x=1", "  https://a.example/ "]


@pytest.mark.parametrize("url", CALLBACKS)
def test_a_callback_is_kept_for_the_desk_to_judge(url: str) -> None:
    assert draft(create(callbackUrl=url)).callback == url.strip()


@pytest.mark.parametrize("url", ["a.example", "ftp://a.example", "https://u:p@a.example/", "http://", "https://a b/"])
def test_a_callback_that_no_one_can_call_is_refused(url: str) -> None:
    refused = refusal(create(callbackUrl=url))

    assert refused.fault is Fault.BAD_PARAMETERS
    assert refused.detail.startswith("callbackUrl must be an http or https address without a user name, such as ")


@pytest.mark.parametrize(
    ("envelope", "number"),
    [
        ({"softId": 54}, 54),
        ({"softId": "1899"}, 1899),
        ({"soft_id": "1899"}, 1899),
        ({"softId": "x", "soft_id": 7}, 7),
        ({"softId": 0}, 0),
        ({"softId": -1}, None),
        ({"softId": 2**53}, None),
        ({"softId": [1]}, None),
        ({"softId": True}, None),
        ({}, None),
    ],
)
def test_the_program_is_told_by_its_number_and_never_a_fault(envelope: dict[str, Any], number: int | None) -> None:
    assert draft(create(**envelope)).soft_id == number
