"""Unmodified third-party clients read real pictures through a running server and its real machine."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


def test_capmonsters_client_reads_pays_and_hears_of_errors(told):
    heard = told("with_capmonster.py")

    assert heard["read"] == heard["options"] == "SN-4827-K19"
    assert heard["sum"] == "19"
    assert heard["many"] == ["SN-4827-K19"] * 4
    assert isinstance(heard["balance"], float)
    assert "ERROR_KEY_DOES_NOT_EXIST" in heard["wrong key"]
    assert "ERROR_KEY_DOES_NOT_EXIST" in heard["wrong key balance"]
    assert "ERROR_CAPTCHA_UNSOLVABLE" in heard["unsolvable"]


def test_an_anticaptcha_client_reads_reports_and_hears_of_errors(told):
    heard = told("with_anticaptcha.py")

    assert heard["read"] == heard["async"] == "SN-4827-K19"
    assert heard["word"] == "harbour"
    assert round(heard["before"] - heard["balance"], 6) == 0.002
    assert heard["reported"] is True
    assert round(heard["after report"] - heard["balance"], 6) == 0.001
    assert "ERROR_KEY_DOES_NOT_EXIST" in heard["wrong key"]
    assert "ERROR_NO_SUCH_CAPCHA_ID" in heard["unknown id"]
    assert "ERROR_CAPTCHA_UNSOLVABLE" in heard["unsolvable"]
