"""The evaluator against Python's own arithmetic, and against what is no arithmetic."""

import operator
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.solve import arithmetic

NUMBERS = st.integers(0, 10**arithmetic.DIGITS - 1)
SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul}
ENDS = st.sampled_from(["", "=", "=?", " = ?", "?"])
CHARACTERS = "".join(arithmetic.SIGNS) + string.digits + " "


@given(NUMBERS, st.sampled_from(sorted(SIGNS)), NUMBERS, st.sampled_from(["", " "]), ENDS)
def test_two_numbers_give_what_python_gives(first, sign, second, gap, end):
    assert arithmetic.value(f"{first}{gap}{sign}{gap}{second}{end}") == SIGNS[sign](first, second)


@given(NUMBERS, st.integers(1, 999), ENDS)
def test_a_quotient_is_given_when_it_is_whole(quotient, divisor, end):
    product = quotient * divisor
    expected = quotient if len(str(product)) <= arithmetic.DIGITS else None

    assert arithmetic.value(f"{product}/{divisor}{end}") == expected


@given(NUMBERS, NUMBERS, NUMBERS, st.sampled_from(sorted(SIGNS)), st.sampled_from(sorted(SIGNS)))
def test_multiplication_comes_before_addition(first, second, third, one, two):
    text = f"{first}{one}{second}{two}{third}"
    if one != "*" and two == "*":
        expected = SIGNS[one](first, SIGNS[two](second, third))
    else:
        expected = SIGNS[two](SIGNS[one](first, second), third)

    assert arithmetic.value(text) == expected


@given(st.text(CHARACTERS, max_size=30))
def test_whatever_has_a_value_grows_through_viable_prefixes(text):
    if arithmetic.value(text) is not None:
        assert all(arithmetic.viable(text[:end]) for end in range(len(text) + 1))


@given(st.text(max_size=60))
def test_no_text_raises(text):
    worth = arithmetic.value(text)

    assert worth is None or isinstance(worth, int)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("007 + 3", 10),
        ("2*(3+4)=?", 14),
        ("(1+2)*(3+4)", 21),
        ("-3+10", 7),
        ("8-10=", -2),
        ("100/5/2", 10),
        ("0*5", 0),
    ],
)
def test_what_people_print_is_worked_out(text, expected):
    assert arithmetic.value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "12", "-12", "12=", "7/2", "7/0", "1+", "+1", "12 7+1", "(1+2", "1+2)", "1+2=3", "1+2=?=", "1234567+1"),
        *("2**9", "1+-2", "a+1", "1.5+1", "__import__('os')+1", "1,2+3", "9" * 300 + "+1"),
    ],
)
def test_what_is_no_arithmetic_has_no_value(text):
    assert arithmetic.value(text) is None


@pytest.mark.parametrize("text", ["=", "1++", "1=2", "1 2", "1234567", "1??", "((((1", ")"])
def test_a_hopeless_beginning_is_not_viable(text):
    assert not arithmetic.viable(text)
