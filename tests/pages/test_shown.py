"""How values are written: strangers' text that hides nothing, and numbers as each language writes them."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.account import Millis
from answerdesk.model.money import Micros
from answerdesk.pages import shown

DOM = Path(shown.__file__).parent / "static" / "dom.js"


@given(st.text())
def test_no_character_that_cannot_be_seen_is_left(text):
    left = shown.plain(text)

    assert not [sign for sign in left if unicodedata.category(sign) == "Cc" and sign not in "\t\n"]
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f\ufeff]", left)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "M"])))
def test_what_can_be_seen_is_left_alone(text):
    assert shown.plain(text) == text


def test_scripts_show_the_same_characters_as_signs():
    (theirs,) = re.findall(r"UNSEEN = /\[(.+)\]/g", DOM.read_text("utf-8"))
    assert re.compile(f"[{theirs}]".replace("\\0", "\\x00")).pattern.encode().decode("unicode_escape") == (
        shown._UNSEEN.pattern  # noqa: SLF001 - two tables that must agree
    )


@given(st.text(), st.none() | st.text("abc\"'<>-", max_size=5))
def test_a_strangers_text_never_leaves_its_element(text, lang):
    written = str(shown.foreign(text, lang))

    assert re.fullmatch(r'<bdi dir="auto"( lang="[^"<>]*")?>[^<>]*</bdi>', written, re.DOTALL)


@pytest.mark.parametrize(
    ("language", "value", "decimals", "written"),
    [
        ("en", 1_234_567, 0, "1,234,567"),
        ("en", -0.5, 1, "-0.5"),
        ("es", 1_234, 0, "1234"),
        ("es-MX", 12_345.5, 1, "12.345,5"),
        ("de", 1_234, 0, "1.234"),
        ("fr", 1_234, 0, "1\u202f234"),
        ("tlh", 1_234, 0, "1,234"),
    ],
)
def test_a_number_has_its_languages_signs(language, value, decimals, written):
    assert shown.number(language, value, decimals) == written


@pytest.mark.parametrize(
    ("language", "amount", "written"),
    [
        ("en", 600, "$0.0006"),
        ("en", 12_000_000, "$12.00"),
        ("en", -1_234_500_000, "-$1,234.50"),
        ("es", 31_200, "0,0312\u00a0US$"),
    ],
)
def test_money_keeps_every_digit_that_counts(language, amount, written):
    assert shown.money(language, Micros(amount)) == written


@pytest.mark.parametrize(
    ("milliseconds", "written"),
    [
        (0, "0.0 s"), (4_250, "4.2 s"), (9_999, "10.0 s"), (12_900, "12 s"), (119_999, "119 s"), (120_000, "2 min"),
        (7_200_000, "2 h"), (172_800_000, "2 d"),
    ],
)  # fmt: skip
def test_a_span_is_one_number_with_its_unit(milliseconds, written):
    assert shown.span("en", milliseconds).replace("\u00a0", " ") == written


def test_a_time_is_exact_for_scripts_and_plain_without_them():
    assert str(shown.moment("en", Millis(1_760_000_400_000))) == (
        '<time datetime="2025-10-09T09:00:00Z">2025-10-09 09:00 UTC</time>'
    )


def test_a_share_is_in_hundredths():
    assert (shown.percent("en", 0.984), shown.percent("es", 1.0)) == ("98%", "100\u00a0%")
