"""A solver's ledger page by page, for the solver and for the operator.
Rule: by keyset, so that the oldest page costs what the newest does."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from answerdesk.model.account import Sequence
from answerdesk.model.money import BOOKS, Book, Entry, Micros
from answerdesk.model.solver import SolverId
from answerdesk.pages.parts import parts, render

LINES: Final = 50
#: Above every line of the ledger.
NEWEST: Final = 2**62


async def ledger_of(request: Request, solver: SolverId, *, name: str, back: str) -> Response:
    """Write one page of it, newest first."""
    asked = request.query_params.get("before", "")
    if asked and not (asked.isascii() and asked.isdecimal() and int(asked) <= NEWEST):
        raise HTTPException(400)
    made = parts(request)
    found = await made.crew.earnings(solver, int(asked) if asked else NEWEST, LINES + 1)
    lines = [(line, at, entry, signed(entry)) for line, at, entry in found[:LINES]]
    return render(
        request,
        "ledger.html",
        lines=lines,
        tasks={entry.task: made.ids.show(Sequence(entry.task)) for _, _, entry in found if entry.task},
        wages=await made.crew.wages(solver, made.clock.now()),
        older=lines[-1][0] if len(found) > LINES else None,
        first=not asked,
        name=name,
        back=back,
    )


def signed(entry: Entry) -> Micros:
    """Give what an entry does to what is owed: more, or below zero less."""
    return entry.amount if BOOKS[entry.move][1] is Book.EARNED else Micros(-entry.amount)
