"""What other processes' commits did, as far as somebody may wait for it here, and the ranges they forgot.
Rule: small values that cost nothing to hear of; who waits for a task reads it, and nobody else does."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Ordered

import msgspec

from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.question import Kind
from answerdesk.model.task import Route, Task


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """A task that settled: which, whose, and its place among those that did."""

    n: Sequence
    account: AccountId
    place: int


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A range of numbers whose tasks lie together, so that they can be forgotten at once: `first` to below `past`."""

    first: Sequence
    past: Sequence
    #: From when on no task is created with a number of it; None while they are drawn.
    closed: Millis | None = None
    #: Whether its tasks, or their media, were not dropped before: what is kept still had to stay then.
    whole: bool = True
    media: bool = True


class Opening(msgspec.Struct, frozen=True, array_like=True):
    """What a task in which a place came free asks of who claims it."""

    kind: Kind
    route: Route
    lang: str | None = None
    group: str = ""


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard of other processes."""

    settled: Ordered[Settled] = ()
    #: In how many tasks places came free, by what they ask.
    opened: Mapping[Opening, int] = {}
    #: Whether callbacks came to be owed.
    owed: bool = False


QUIET = Elsewhere()


def opening_of(task: Task) -> Opening | None:
    """Tell what a task asks of who claims it; None for one that is settled or has no place free now."""
    if task.settled or not task.slots or task.free_at:
        return None
    return Opening(task.kind, task.route, task.lang, task.group)
