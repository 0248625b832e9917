"""What a claim looks for in the queue.
Rule: values only; how the queue is looked through is the store's matter."""

from __future__ import annotations

import msgspec

from answerdesk.model.question import Kind
from answerdesk.model.solver import SolverId
from answerdesk.model.task import Route


class Hunt(msgspec.Struct, frozen=True, kw_only=True):
    """A search of the queue: open tasks with a free place of which this solver has said nothing."""

    solver: SolverId
    kinds: tuple[Kind, ...]
    route: Route
    #: Empty for every language.
    languages: tuple[str, ...]
    #: Whose tasks it may have: everybody's ("") and those for its groups alone.
    groups: tuple[str, ...]
    most: int
    #: How many leases of one task a solver may have held, all of which ended without a word.
    tries: int
