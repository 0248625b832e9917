"""The catalogue's rows hold together, and the limits are the vendors' numbers where an account wants them."""

from __future__ import annotations

import re

import msgspec
import pytest

from answerdesk.model.account import Account, AccountId, Strictness
from answerdesk.model.catalog import (
    BY_KIND,
    CATALOG,
    FAMILIES,
    OUT_OF_SCOPE,
    TYPES,
    VENDORS_NAMES,
    Form,
    Served,
    own_name,
)
from answerdesk.model.fields import Sort
from answerdesk.model.question import Constraints, Kind, Options
from answerdesk.model.sizes import SERVER_LIMITS, limits_for

ASKED = [row for row in CATALOG.values() if Served.SANDBOX not in row.served]


@pytest.mark.parametrize("row", ASKED, ids=lambda row: row.name)
def test_a_row_is_served_priced_and_described(row) -> None:
    assert row.served == {Served.PEOPLE, Served.MACHINES}
    assert 0 < row.pay < row.price
    assert row.machine_pay == 0
    assert row.about.endswith(".")
    assert len({field.name.lower() for field in row.fields}) == len(row.fields)


@pytest.mark.parametrize("row", ASKED, ids=lambda row: row.name)
def test_every_field_goes_to_a_place_the_question_has(row) -> None:
    parts = {"constraints": Constraints, "options": Options}
    for field in row.fields:
        place, _, name = field.to.partition(".")
        if place in parts:
            assert name in {*parts[place].__struct_fields__, "grid"}
        else:
            assert field.to in {"", "text", "lang", "media", "picture"}
        assert field.about.endswith(".")
        assert field.to or field.sort in {Sort.SCOPE, Sort.ROW, Sort.UNUSED, Sort.CHOICE}


def test_every_kind_that_is_asked_has_a_row_of_its_own() -> None:
    assert {kind: row.name for kind, row in BY_KIND.items()} == {
        Kind.TEXT: "ImageToTextTask",
        Kind.QUESTION: "TextCaptchaTask",
        Kind.AUDIO: "AudioTask",
        Kind.GRID: "GridTask",
        Kind.POINTS: "CoordinatesTask",
        Kind.BOXES: "BoundingBoxTask",
        Kind.OUTLINE: "DrawAroundTask",
        Kind.ROTATE: "RotateTask",
        Kind.DRAG: "DragAndDropTask",
    }


def test_a_familys_rows_are_the_catalogues() -> None:
    assert {name: set(family.rows) for name, family in FAMILIES.items()} == {
        "ImageToCoordinatesTask": {"points", "rectangles"},
        "ComplexImageTask": {"grid", "rotate", "coordinates", "text", "audio"},
    }
    for name, family in FAMILIES.items():
        assert [CATALOG[f"{name}/{member}"] for member in family.rows] == list(family.rows.values())
        assert name in TYPES
        assert name not in CATALOG


def test_no_type_out_of_scope_is_in_the_catalogue() -> None:
    assert not OUT_OF_SCOPE & set(TYPES)


@pytest.mark.parametrize("row", [row for row in ASKED if row.form is Form.COMPLEX], ids=lambda row: row.name)
def test_complex_pictures_name_no_third_party(row) -> None:
    scope = next(field for field in row.fields if field.sort is Sort.SCOPE)

    assert set(scope.choices) == {"recognition"}
    assert scope.required


def account(*strict: Strictness) -> Account:
    return Account(id=AccountId(1), name="a", strict=frozenset(strict))


#: dialect → bytes of a picture with characters, of any other, of an instruction picture, of a sound, pixels a side.
NUMBERS = {
    "capmonster": (51_200, 51_200, 51_200, 5_000_000, 4_096),
    "2captcha": (100_000, 600_000, 100_000, 1_000_000, 1_000),
    "anticaptcha": (500_000, 500_000, 100_000, 5_000_000, 4_096),
    "legacy": (600_000, 600_000, 100_000, 1_000_000, 1_000),
    "native": (600_000, 600_000, 100_000, 5_000_000, 4_096),
}


@pytest.mark.parametrize(("dialect", "numbers"), NUMBERS.items())
def test_an_account_may_have_the_vendors_own_limits(dialect, numbers) -> None:
    limits = limits_for(dialect, account(Strictness.LIMITS))

    found = limits.picture_of(Kind.TEXT), limits.picture_of(Kind.GRID), limits.instruction, limits.sound, limits.side
    assert found == numbers


@pytest.mark.parametrize("dialect", NUMBERS)
def test_every_other_account_has_the_desks_limits(dialect) -> None:
    others = set(Strictness) - {Strictness.LIMITS}

    assert limits_for(dialect, account(*others)) is SERVER_LIMITS
    assert msgspec.structs.astuple(SERVER_LIMITS) == (600_000, 0, 4_096, 100_000, 5_000_000)


@pytest.mark.parametrize("strict", [(), (Strictness.LIMITS,)], ids=["usual", "strict"])
def test_an_accounts_own_limits_go_before_the_desks_and_the_vendors(strict) -> None:
    own = msgspec.structs.replace(account(*strict), max_picture=60_000, max_side=2_000, max_sound=400_000)

    limits = limits_for("2captcha", own)

    assert (limits.picture_of(Kind.TEXT), limits.picture_of(Kind.GRID)) == (60_000, 60_000)
    assert (limits.instruction, limits.side, limits.sound) == (60_000, 2_000, 400_000)


def test_an_own_limit_leaves_the_others_as_they_are() -> None:
    own = msgspec.structs.replace(account(Strictness.LIMITS), max_sound=200)

    limits = limits_for("2captcha", own)

    assert limits == msgspec.structs.replace(limits_for("2captcha", account(Strictness.LIMITS)), sound=200)


@pytest.mark.parametrize(
    ("text", "read"), [("meter=text", ("meter", "text")), (" Dial.2 = Rotate ", ("dial.2", "rotate"))]
)
def test_an_operators_own_name_takes_one_of_the_forms(text, read):
    assert own_name(text) == read


@pytest.mark.parametrize(
    "text",
    ["meter", "meter=", "=text", "meter=boxes", "grid=text", "a b=text", f"{'x' * 65}=text", "m|=text",
     *(f"{name}=text" for name in sorted(VENDORS_NAMES))],
)  # fmt: skip
def test_a_name_that_is_a_vendors_or_taken_or_formless_is_no_name_of_ones_own(text):
    with pytest.raises(ValueError, match=re.escape(text)):
        own_name(text)
