"""What is told to whoever watches the desk: how a unit of writing went, and where a piece of work begins and ends.
Rule: a watcher is told and never asked; where nobody watches, nothing is made for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import msgspec

from answerdesk.desk.crew import Lane
from answerdesk.desk.sums import Sums
from answerdesk.model.account import Millis
from answerdesk.model.trust import Comparison


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """A unit that was committed or failed, and when each part of it ended, in seconds that never go back."""

    verbs: int
    began: float
    gathered: float
    decided: float
    ended: float
    failed: bool = False
    #: What was given by who watches when each verb was asked for.
    callers: tuple[object, ...] = ()

    @property
    def seconds(self) -> float:
        """From its first statement until it was durable."""
        return self.ended - self.began


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Who watches the writing."""

    #: Told of each unit once it is durable or has failed.
    ran: Callable[[Ran], None]
    #: Gives what is to be kept with a verb until its unit ran, None where nothing is.
    caller: Callable[[], object] | None = None


#: Marks a piece of work by name, from entering to leaving, with what is known of it by then.
Span = Callable[[str, Mapping[str, str | int]], AbstractContextManager[None]]


def unwatched(name: str, known: Mapping[str, str | int]) -> AbstractContextManager[None]:
    """Mark nothing."""
    del name, known
    return nullcontext()


class Glance(Protocol):
    """What whoever watches reads of the database, without keeping a request waiting."""

    async def lanes(self, now: Millis) -> list[Lane]:
        """Read the queue as it is now."""

    async def ran_out(self, since: Millis, till: Millis) -> dict[bool, int]:
        """Count the leases that ran out without a word after a time and until another, by whether a machine had them.

        What it costs grows with the solvers and with what it counts.
        """

    async def comparisons(self, now: Millis) -> list[Comparison]:
        """Add up how machines' answers compared with people's over the last days, as many as count."""

    async def sums(self) -> Sums:
        """Hold the ledger against the stored balances; costs a look at each of its lines."""

    async def aclose(self) -> None:
        """Wait for what is being read."""
