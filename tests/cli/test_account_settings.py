"""What an account may have of its own, as the operator sets it: PROTOCOL §4.8, §4.9, §5.1 and §6.1."""

from __future__ import annotations

import pytest


def test_an_account_has_media_limits_of_its_own(desk):
    own = ("--max-picture", "2000000", "--max-side", "8000", "--max-sound", "900000")
    opened = desk("accounts", "add", "acme", *own, "--json").json
    assert (opened["max_picture"], opened["max_side"], opened["max_sound"]) == (2_000_000, 8_000, 900_000)

    changed = desk("accounts", "set", "acme", "--max-side", "0", "--json").json
    assert (changed["max_picture"], changed["max_side"]) == (2_000_000, 0)


@pytest.mark.parametrize(
    ("option", "number", "accepted"),
    [
        ("--max-picture", "99", "100 to 6,000,000 bytes"),
        ("--max-picture", "6000001", "100 to 6,000,000 bytes"),
        ("--max-sound", "-1", "100 to 6,000,000 bytes"),
        ("--max-side", "16385", "10 to 16,384 pixels"),
        ("--max-side", "wide", "10 to 16,384 pixels"),
    ],
)
def test_a_media_limit_out_of_bounds_is_refused(desk, option, number, accepted):
    refused = desk("accounts", "add", "acme", option, number)

    assert refused.code == 2
    assert f"{number!r} is not {accepted}, or 0" in refused.err


def test_types_are_disabled_for_an_account_by_name_or_family(desk):
    opened = desk("accounts", "add", "acme", "--disable-type", "GridTask", "--disable-type", "ImageToCoordinatesTask")
    assert opened.code == 0

    told = ["GridTask", "ImageToCoordinatesTask/points", "ImageToCoordinatesTask/rectangles"]
    assert desk("accounts", "show", "acme", "--json").json["disabled_types"] == told
    assert desk("accounts", "set", "acme", "--disable-type", "none", "--json").json["disabled_types"] == []


def test_an_unknown_type_cannot_be_disabled(desk):
    refused = desk("accounts", "add", "acme", "--disable-type", "GreedTask")

    assert refused.code == 2
    assert "unknown task type 'GreedTask'" in refused.err


def test_an_account_is_a_sandbox_with_a_group_of_its_own(desk):
    alone = desk("accounts", "add", "acme", "--sandbox")
    assert alone.code == 1
    assert "a sandbox account needs a group" in alone.err

    assert desk("accounts", "add", "acme", "--sandbox", "--group", "acme", "--json").json["sandbox"] is True
    assert desk("accounts", "set", "acme", "--group", "none").code == 1
    assert desk("accounts", "set", "acme", "--no-sandbox", "--group", "none", "--json").json["sandbox"] is False


def test_an_account_has_its_callbacks_in_the_form_it_wants(desk):
    assert desk("accounts", "add", "acme", "--json").json["callback_form"] == "vendor"
    assert desk("accounts", "set", "acme", "--callback-form", "json", "--json").json["callback_form"] == "json"

    refused = desk("accounts", "set", "acme", "--callback-form", "xml")
    assert refused.code == 2
    assert "unknown form of callbacks 'xml'; accepted are vendor, json" in refused.err
