"""What looking back adds up to: the ledger against the balances, spending by the hour, what goes on in a queue.
Rule: values only; which rows are added up is the store's matter."""

from __future__ import annotations

import msgspec

from answerdesk.model.account import Millis
from answerdesk.model.money import NOTHING, Micros
from answerdesk.model.solver import SolverId


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger against the stored balances."""

    #: Accounts whose stored balance or held sum differs from the ledger's, and solvers whose wages do.
    drifting: tuple[str, ...]
    entries: int


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """Whose spending: narrowed to task types, a program, or an address."""

    types: tuple[str, ...] = ()
    soft_id: int | None = None
    ip: str | None = None


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """One hour's charges: its start, how many, how much."""

    hour: Millis
    count: int
    amount: Micros


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """What goes on in a queue: who holds its tasks, and how the last ones answered went."""

    busy: frozenset[SolverId] = frozenset()
    #: How many were looked at, and what they took and cost on average.
    count: int = 0
    milliseconds: int = 0
    price: Micros = NOTHING
