"""The page at /queue: what waits, since when, and who could take it, kept up to date while somebody looks.
Rule: one small call every two seconds from a tab that is seen; figures come written, scripts only put them in place."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from answerdesk.desk.crew import MANY, Lane
from answerdesk.model.account import Millis
from answerdesk.model.solver import Solver, staff_for
from answerdesk.pages.guard import STAFF, Row, needs
from answerdesk.pages.parts import language_of, parts, render, say
from answerdesk.pages.shown import number, span


@needs(*STAFF)
async def show(request: Request) -> Response:
    """Show the queue as it is now."""
    return render(request, "queue.html", queue=await _queue(request), may_try=True)


@needs(*STAFF)
async def now(request: Request) -> Response:
    """Give the page's figures anew."""
    return JSONResponse(await _queue(request))


async def _queue(request: Request) -> dict[str, Any]:
    """Write all figures in the reader's language; the page and its script show the same."""
    made, language = parts(request), language_of(request)
    at = made.clock.now()
    solvers = made.store.house().solvers
    lanes = await made.crew.lanes(at)
    rows = [_row(request, lane, solvers, at) for lane in lanes]
    waits = [lane.oldest for lane in lanes if lane.oldest is not None]
    return {
        "waiting": _many(language, sum(lane.waiting for lane in lanes), any(lane.waiting >= MANY for lane in lanes)),
        "working": number(language, sum(lane.working for lane in lanes)),
        "oldest": _age(language, min(waits, default=None), at),
        "people": number(language, sum(not solver.machine and solver.on_shift(at) for solver in solvers)),
        "machines": number(language, sum(solver.machine and solver.on_shift(at) for solver in solvers)),
        "lanes": rows,
        "alone": [
            say(request, "queue.alone", kind=say(request, f"queue.kind.{row['kind']}")) for row in rows if row["alone"]
        ],
    }


def _row(request: Request, lane: Lane, solvers: tuple[Solver, ...], at: Millis) -> dict[str, Any]:
    language, staff = language_of(request), staff_for(solvers, lane.kind, None, at)
    on_shift = staff.people_on_shift + staff.machines_on_shift
    return {
        "kind": lane.kind,
        "waiting": _many(language, lane.waiting, lane.waiting >= MANY),
        "oldest": _age(language, lane.oldest, at),
        "working": number(language, lane.working),
        "people": say(request, "queue.of", on=staff.people_on_shift, all=staff.people),
        "machines": say(request, "queue.of", on=staff.machines_on_shift, all=staff.machines),
        "idle": not (lane.waiting or lane.working),
        "alone": bool(lane.waiting and not on_shift),
    }


def _many(language: str, count: int, more: bool) -> str:  # noqa: FBT001 - whether the count stopped early
    return f"{number(language, count)}{'+' if more else ''}"


def _age(language: str, since: Millis | None, at: Millis) -> str:
    return "–" if since is None else span(language, max(0, at - since) // 1000 * 1000)


ROUTES: Final = (Row("/queue", show), Row("/queue/now", now))
