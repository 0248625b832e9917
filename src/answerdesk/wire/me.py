"""What a solver is told of itself: its grants, its day, and what waits for it.
Rule: money is text, and nothing shows how a single answer was judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

import msgspec

from answerdesk.model import money
from answerdesk.model.question import WORK_KINDS, Kind
from answerdesk.model.solver import Solver

_encode = msgspec.json.Encoder().encode


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A solver's day so far: answers, accuracy, earnings, and what waits for it by kind."""

    done: int
    accuracy: float | None
    earned: money.Micros
    waiting: Mapping[Kind, int]


class MeJson(TypedDict):
    """Who calls, what they may be asked, how their day went, and how much waits for them.

    The day is that of UTC. Accuracy is null until enough answers were judged, and changes once in ten answers or so.
    What waits is counted up to a thousand a kind.
    """

    name: str
    kinds: list[Kind]
    languages: list[str]
    done: int
    accuracy: float | None
    earned: str
    waiting: dict[str, int]


def write_me(solver: Solver, day: Day) -> bytes:
    """Write who calls and how their day went."""
    return _encode(
        MeJson(
            name=solver.name,
            kinds=[kind for kind in WORK_KINDS if solver.may_have(kind, None)],
            languages=sorted(solver.languages),
            done=day.done,
            accuracy=day.accuracy,
            earned=money.show(day.earned, least=4),
            waiting={str(kind): count for kind, count in day.waiting.items()},
        )
    )
