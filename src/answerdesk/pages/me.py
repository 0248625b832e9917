"""The pages at /me: what somebody did, how fast, what it earned, and what was paid out.
Rule: one's own alone; of single answers it tells what was said and paid, never whether it was right (UX §3.1)."""

from __future__ import annotations

import statistics
from typing import Any, Final, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from answerdesk.desk.crew import Said
from answerdesk.model.answer import Outcome
from answerdesk.model.question import WORK_KINDS, Kind
from answerdesk.pages.guard import Row, answers, needs
from answerdesk.pages.ledger import ledger_of
from answerdesk.pages.members import work_of
from answerdesk.pages.parts import parts, render, say

#: How many answers the history shows, and over how many the times are taken.
HISTORY: Final = 50
TIMED: Final = 100
#: The longest answer that is shown whole.
LONGEST_SHOWN: Final = 300

_decode = msgspec.json.Decoder().decode


class Line(NamedTuple):
    """One line of the history."""

    said: Said
    #: What was said, or why it was given back.
    words: str
    #: Whether it is the solver's own text, not ours.
    own: bool
    instruction: str | None
    lang: str | None
    #: Addresses of the media while they are kept, with `audio` or `image`.
    media: tuple[tuple[str, str], ...]


@needs()
async def show(request: Request) -> Response:
    """Show somebody their own work; who does not answer sees how to get about."""
    solver = request.state.solver
    if solver is None:
        return render(request, "me.html", work=None, kinds=(), lines=())
    said = await parts(request).crew.said(solver.id, TIMED)
    return render(
        request,
        "me.html",
        work=await work_of(request, solver),
        kinds=by_kind(said),
        lines=[_line(request, each) for each in said[:HISTORY]],
    )


@answers
async def show_ledger(request: Request) -> Response:
    """Show what one earned and was paid, line by line."""
    return await ledger_of(request, request.state.solver.id, name="", back="/me")


def by_kind(said: list[Said]) -> list[tuple[Kind, int, float]]:
    """Count answers by kind, with the median time from seeing a task to answering it."""
    took: dict[Kind, list[int]] = {}
    for each in said:
        if each.task is not None and each.lease.outcome is Outcome.ANSWERED:
            took.setdefault(each.task.kind, []).append(each.lease.ended - each.lease.shown)
    return [(kind, len(took[kind]), statistics.median(took[kind])) for kind in WORK_KINDS if kind in took]


def _line(request: Request, said: Said) -> Line:
    lease, question = said.lease, said.task.legible() if said.task else None
    answered = lease.outcome is Outcome.ANSWERED
    words = _written(_decode(lease.said)) if answered else say(request, f"work.reason.{lease.decline}")
    count = len(question.media) if question and said.media else 0
    sorts = [
        "audio" if medium.type.startswith("audio/") else "image" for medium in (question.media if question else ())
    ]
    return Line(
        said=said,
        words=words,
        own=answered,
        instruction=question.text if question else None,
        lang=question.lang if question else None,
        media=tuple((f"/api/work/media/{lease.token}/{i}", sorts[i]) for i in range(count)),
    )


def _written(value: Any) -> str:
    """Write an answer in one line: text as it is, cells between commas, points and boxes as numbers."""
    if isinstance(value, str):
        text = value
    elif any(isinstance(part, list) for part in value):
        text = "; ".join(map(_part, value))
    else:
        text = ", ".join(map(_part, value)) or "–"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _part(part: Any) -> str:
    if isinstance(part, list):
        return " ".join(f"({_part(each)})" if isinstance(each, list) else str(each) for each in part)
    return "–" if part is None else str(part)


ROUTES: Final = (Row("/me", show), Row("/me/ledger", show_ledger))
