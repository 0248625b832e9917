"""Amounts read back as printed, and every set of ledger entries sums to zero."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.money import BOOKS, MOST, Book, Entry, Micros, Move, number, parse, show, sums

amounts = st.integers(-MOST, MOST).map(Micros)
entries = st.builds(
    Entry,
    move=st.sampled_from(Move),
    amount=st.integers(0, MOST),
    account=st.integers(0, 3),
    solver=st.integers(0, 3),
    task=st.integers(0, 9),
)


@given(amounts, st.integers(0, 6))
def test_what_is_shown_reads_back_as_the_same_amount(amount, least):
    assert parse(show(amount, least=least)) == amount


@given(amounts)
def test_an_amount_shows_at_least_five_decimals_and_no_exponent(amount):
    shown = show(amount)

    assert len(shown.partition(".")[2]) in {5, 6}
    assert "e" not in shown.lower()
    assert Decimal(shown) * 1_000_000 == amount


@given(amounts)
def test_a_json_number_is_plain_and_has_no_needless_zeros(amount):
    text = format(number(amount), "f")

    assert json.loads(text, parse_float=Decimal, parse_int=Decimal) * 1_000_000 == amount
    assert not ("." in text and text.endswith(("0", ".")))
    assert str(number(amount)) == text


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (2_990, "0.00299"),
        (2_995, "0.002995"),
        (700, "0.00070"),
        (0, "0.00000"),
        (-1, "-0.000001"),
        (MOST, "1000000000.00000"),
    ],
)
def test_prices_are_shown_as_the_vendors_print_them(micros, text):
    assert show(Micros(micros)) == text


@pytest.mark.parametrize(
    ("text", "micros"),
    [("12.5", 12_500_000), (" 1 ", 1_000_000), ("-0.5", -500_000), ("-0", 0), ("0.000001", 1), ("007", 7_000_000)],
)
def test_an_amount_may_be_written_plainly(text, micros):
    assert parse(text) == micros


@pytest.mark.parametrize(
    "text", ["", "1e3", "1,5", "0.0000001", ".5", "1.", "--1", "+1", "١", "nan", "12345678901", "1 2"]
)
def test_what_is_no_amount_is_refused_with_what_is_accepted(text):
    with pytest.raises(ValueError, match="at most 6 decimals"):
        parse(text)


def test_an_amount_above_the_largest_is_refused():
    with pytest.raises(ValueError, match="above the largest amount, 1000000000"):
        parse("1000000000.000001")


@given(st.lists(entries))
def test_the_books_always_sum_to_zero(booked):
    assert sum(sums(booked).values()) == 0


@given(st.lists(entries))
def test_only_a_customers_and_a_solvers_books_have_owners(booked):
    owned = {book for book, owner in sums(booked) if owner}

    assert owned <= {Book.BALANCE, Book.HELD, Book.EARNED}


def test_every_move_has_its_two_books():
    assert set(BOOKS) == set(Move)
    assert all(source is not target for source, target in BOOKS.values())


def test_a_task_that_is_charged_and_refunded_costs_nothing():
    price = Micros(1_000)
    moves = [Entry(move=move, amount=price, account=1, task=5) for move in (Move.HOLD, Move.CHARGE, Move.REFUND)]

    assert sums(moves) == {(Book.BALANCE, 1): 0, (Book.HELD, 1): 0, (Book.INCOME, 0): 0}
