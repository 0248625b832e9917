"""What an account has of its own counts in every dialect and for no other (PROTOCOL §4.8, §4.9, §5.1, §6.1)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.older import Old
from tests.serving import Customer, Serving, image_task, picture


def refused_elsewhere(server: Serving, customer: Customer, task: dict[str, Any]) -> list[str]:
    """Create a picture task by the native and by the older API and give why either refused it."""
    headers = {"authorization": f"Bearer {customer.key}", "content-type": "application/json"}
    native = server.http.post("/v1/tasks", {"task": task}, headers).json
    older = Old(customer, server).submit(body=task["body"], json=1).json
    return [str(native.get("detail", native)), str(older.get("error_text", older))]


@pytest.mark.parametrize("dialect", ["capmonster", "2captcha", "anticaptcha"])
def test_an_accounts_own_limit_refuses_a_smaller_picture(server, dialect):
    server.worker()
    small, usual = server.customer(dialect=dialect, max_picture=2_000), server.customer(dialect=dialect)
    task = image_task(picture(1) + bytes(2_000))

    reply = small.create(task).json

    assert reply["errorCode"].endswith("TOO_BIG_CAPTCHA_FILESIZE")
    assert "the limit for this account is 2,000" in reply["errorDescription"]
    assert usual.create(task).json["errorId"] == 0


def test_an_accounts_own_limit_counts_in_the_other_apis(server):
    server.worker()
    customer = server.customer(max_side=50)

    for told in refused_elsewhere(server, customer, image_task(picture(1))):
        assert "is 60 x 20 pixels; at most 50 on a side" in told


def test_an_accounts_own_limit_admits_a_larger_picture(server):
    server.worker()
    customer = server.customer(max_picture=900_000)

    assert customer.create(image_task(picture(1) + bytes(800_000))).json["errorId"] == 0


@pytest.mark.parametrize("dialect", ["capmonster", "2captcha", "anticaptcha"])
def test_a_disabled_type_is_not_supported_for_the_account(server, dialect):
    server.worker()
    off = {"disabled_types": frozenset({"ImageToTextTask"})}
    customer, usual = server.customer(dialect=dialect, **off), server.customer(dialect=dialect)

    reply = customer.create(image_task()).json

    assert reply["errorId"] == (1 if dialect == "capmonster" else 23)
    assert reply["errorCode"] == "ERROR_TASK_NOT_SUPPORTED"
    assert '"ImageToTextTask" are disabled for this account; accepted: TextCaptchaTask,' in reply["errorDescription"]
    assert usual.create(image_task()).json["errorId"] == 0
    assert customer.balance() == 1


def test_a_disabled_type_is_not_supported_in_the_other_apis(server):
    server.worker()
    customer = server.customer(disabled_types=frozenset({"ImageToTextTask"}))

    for told in refused_elsewhere(server, customer, image_task()):
        assert 'tasks of type "ImageToTextTask" are disabled for this account' in told


def test_a_type_is_refused_before_its_fields_are_looked_at(server):
    customer = server.customer(disabled_types=frozenset({"GridTask", "ComplexImageTask/text", "RecaptchaV2Task"}))

    codes = [
        customer.create({"type": "ComplexImageTask", "class": "recognition", "metadata": {"Task": task}}).json
        for task in ("text", "rotate")
    ]

    assert "disabled" in customer.create({"type": "GridTask"}).json["errorDescription"]
    assert "disabled" in customer.create({"type": "RecaptchaV2Task"}).json["errorDescription"]
    assert ["disabled" in told["errorDescription"] for told in codes] == [True, False]


def test_a_sandboxs_tasks_are_answered_by_its_members_alone_and_for_nothing(server):
    customer = server.customer("0", sandbox=True, group="shop")
    member, stranger = server.worker(groups=frozenset({"shop"})), server.worker()
    task = customer.ask()

    assert stranger.claim() == []
    member.answer(member.take(), "abc")

    told = customer.poll(task).json
    assert (told["solution"]["text"], customer.balance()) == ("abc", 0)
    assert server.books_are_right()
