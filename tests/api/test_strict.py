"""Accounts that ask for a vendor's own ways get them; all others get this desk's (PROTOCOL §1, §4.2, T4, G13)."""

from __future__ import annotations

import pytest

from answerdesk.model.account import Standing, Strictness
from tests.serving import image_task, picture

ALL = frozenset(Strictness)
LIMIT = 51_200


@pytest.mark.parametrize(
    ("settings", "balance", "status", "code"),
    [
        ({"allow_ips": ("203.0.113.1",)}, "1", 403, "ERROR_IP_NOT_ALLOWED"),
        ({}, "0", 402, "ERROR_ZERO_BALANCE"),
        ({"standing": Standing.SUSPENDED}, "1", 200, "ERROR_ACCOUNT_SUSPENDED"),
    ],
)
@pytest.mark.parametrize("strict", [ALL, frozenset()], ids=["strict", "not strict"])
def test_capmonsters_statuses_are_for_strict_accounts(server, settings, balance, status, code, strict):
    server.worker()
    customer = server.customer(balance, dialect="capmonster", strict=strict, **settings)

    reply = customer.create(image_task(picture(1)))

    assert (reply.status, reply.json["errorCode"]) == (status if strict else 200, code)


@pytest.mark.parametrize(("strict", "code"), [(ALL, "ERROR_NO_SUCH_METHOD"), (frozenset(), "ERROR_TASK_NOT_SUPPORTED")])
def test_an_unknown_type_is_an_unknown_method_to_a_strict_capmonster_account(server, strict, code):
    customer = server.customer(dialect="capmonster", strict=strict)

    assert customer.create({"type": "NoSuchTask"}).json["errorCode"] == code


@pytest.mark.parametrize(("strict", "number"), [(ALL, 1), (frozenset(), 0)])
def test_a_strict_account_has_its_vendors_size_limit(server, strict, number):
    server.worker()
    customer = server.customer(dialect="capmonster", strict=strict)
    big = picture(2) + bytes(LIMIT)

    reply = customer.create(image_task(big)).json

    assert reply["errorId"] == number
    assert reply.get("errorCode", "ERROR_TOO_BIG_CAPTCHA_FILESIZE") == "ERROR_TOO_BIG_CAPTCHA_FILESIZE"
