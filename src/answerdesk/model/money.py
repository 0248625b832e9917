"""Money in integer micro-units and the moves of the double-entry ledger.
Rule: a move takes from one book what it gives to another, so the ledger always sums to zero."""

from __future__ import annotations

import enum
import re
from decimal import Decimal
from functools import lru_cache
from typing import Final, NewType

import msgspec

#: One millionth of the currency unit: the finest price the vendors print is 0.000001.
Micros = NewType("Micros", int)

MICROS_PER_UNIT: Final = 1_000_000
#: The largest amount accepted anywhere; keeps every sum far inside 64 bits.
MOST: Final = Micros(1_000_000_000 * MICROS_PER_UNIT)
NOTHING: Final = Micros(0)

_AMOUNT = re.compile(r"(-?)([0-9]{1,10})(?:\.([0-9]{1,6}))?")


def parse(text: str) -> Micros:
    """Read a decimal amount such as ``"0.00299"``; raises ValueError saying what is accepted."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        msg = f"{text!r} is not an amount: digits with at most 6 decimals, such as 12.5"
        raise ValueError(msg)
    sign, whole, decimals = match.groups()
    micros = int(whole) * MICROS_PER_UNIT + int((decimals or "").ljust(6, "0"))
    if micros > MOST:
        msg = f"{text!r} is above the largest amount, {MOST // MICROS_PER_UNIT}"
        raise ValueError(msg)
    return Micros(-micros if sign else micros)


@lru_cache(maxsize=1_024)
def show(amount: Micros, *, least: int = 5) -> str:
    """Print a plain decimal with at least `least` decimals and no exponent (PROTOCOL §3.3)."""
    whole, decimals = divmod(abs(amount), MICROS_PER_UNIT)
    digits = f"{decimals:06d}"
    digits = digits[:least] + digits[least:].rstrip("0")
    return f"{'-' if amount < 0 else ''}{whole}" + (f".{digits}" if digits else "")


def number(amount: Micros) -> Decimal:
    """Give the amount as a JSON number without exponent or needless zeros (PROTOCOL §4.1)."""
    return Decimal(show(amount, least=0))


class Move(enum.StrEnum):
    """Why money moved."""

    #: The operator credits an account; a negative amount debits it.
    TOPUP = "topup"
    #: A created task sets its price aside.
    HOLD = "hold"
    #: A ready task's price is earned by the house.
    CHARGE = "charge"
    #: A failed task's price goes back to the account.
    RELEASE = "release"
    #: A charged price is given back.
    REFUND = "refund"
    #: A solver earns its pay for an answer.
    PAY = "pay"
    #: A solver takes an answer back, and its pay goes with it.
    UNPAY = "unpay"
    #: The operator pays a solver's earnings out.
    PAYOUT = "payout"


class Book(enum.StrEnum):
    """The books; `balance` and `held` belong to an account, `earned` to a solver, the rest to the house."""

    OUTSIDE = "outside"
    BALANCE = "balance"
    HELD = "held"
    INCOME = "income"
    WAGES = "wages"
    EARNED = "earned"


#: Where each move takes its amount from, and where it puts it.
BOOKS: Final[dict[Move, tuple[Book, Book]]] = {
    Move.TOPUP: (Book.OUTSIDE, Book.BALANCE),
    Move.HOLD: (Book.BALANCE, Book.HELD),
    Move.CHARGE: (Book.HELD, Book.INCOME),
    Move.RELEASE: (Book.HELD, Book.BALANCE),
    Move.REFUND: (Book.INCOME, Book.BALANCE),
    Move.PAY: (Book.WAGES, Book.EARNED),
    Move.UNPAY: (Book.EARNED, Book.WAGES),
    Move.PAYOUT: (Book.EARNED, Book.OUTSIDE),
}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger; `account`, `solver` and `task` (a sequence number) are 0 where none is meant."""

    move: Move
    amount: Micros
    account: int = 0
    solver: int = 0
    task: int = 0
    note: str = ""


def wages_by(entry: Entry) -> tuple[int, int]:
    """Tell what an entry adds to what a solver earned in all, and to what it was paid out."""
    if entry.move is Move.PAYOUT:
        return 0, entry.amount
    source, goal = BOOKS[entry.move]
    return entry.amount * ((goal is Book.EARNED) - (source is Book.EARNED)), 0


def sums(entries: list[Entry]) -> dict[tuple[Book, int], int]:
    """Add up every book as (book, owner) → micro-units; the values sum to zero by construction."""
    totals: dict[tuple[Book, int], int] = {}
    for entry in entries:
        for book, sign in zip(BOOKS[entry.move], (-1, 1), strict=True):
            owner = {Book.BALANCE: entry.account, Book.HELD: entry.account, Book.EARNED: entry.solver}.get(book, 0)
            totals[book, owner] = totals.get((book, owner), 0) + sign * entry.amount
    return totals
