"""What is told to whoever watches the desk: how a unit of writing went, and where a piece of work begins and ends.
Rule: a watcher is told and never asked; where nobody watches, nothing is made for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

import msgspec


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


#: Marks a piece of work by name, from entering to leaving, with what is known of it.
Span = Callable[[str, Mapping[str, str | int]], AbstractContextManager[object]]
