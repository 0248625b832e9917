"""Who may call the work API: a solver by its bearer token, or a person by the session of their browser.
Rule: a session acts only for this site's own pages, and what cannot be told is refused (UX §4)."""

from __future__ import annotations

from typing import Final

from answerdesk.api.http import Answer, Scope, bearer, text_header
from answerdesk.desk.entrance import Entrance
from answerdesk.desk.ports import Clock
from answerdesk.desk.visits import Visits
from answerdesk.model.origin import SAFE, cookie, is_own
from answerdesk.model.person import COOKIE
from answerdesk.model.solver import Solver
from answerdesk.wire.work import write_problem

_UNKNOWN: Final = "the bearer token is missing, unknown or revoked; send Authorization: Bearer TOKEN"
_NO_SESSION: Final = "the session has ended; sign in again"
_FOREIGN: Final = "a session's calls come from this desk's own pages; programs send Authorization: Bearer TOKEN"
_NO_JSON: Final = "send application/json"
_NO_SOLVER: Final = "this person may not answer tasks; an operator grants that"


class Admission:
    """Finds the solver of a call."""

    def __init__(self, entrance: Entrance, visits: Visits, clock: Clock) -> None:
        """Take who knows tokens and who knows sessions."""
        self._entrance = entrance
        self._visits = visits
        self._clock = clock

    async def solver(self, scope: Scope) -> Solver | Answer:
        """Give who calls, or why they may not; a token that was sent is what counts."""
        token = cookie(text_header(scope, b"cookie"), COOKIE)
        if not token or text_header(scope, b"authorization"):
            return await self._entrance.solver(bearer(scope)) or _problem(401, _UNKNOWN)
        site, origin = text_header(scope, b"sec-fetch-site"), text_header(scope, b"origin")
        if not is_own(scope["method"], site, origin, text_header(scope, b"host")):
            return _problem(403, _FOREIGN)
        kind = text_header(scope, b"content-type").partition(";")[0].strip().lower()
        if scope["method"] not in SAFE and kind != "application/json":
            return _problem(415, _NO_JSON)
        visit = await self._visits.visit(token, self._clock.now())
        if visit is None:
            return _problem(401, _NO_SESSION)
        return visit.solver or _problem(403, _NO_SOLVER)


def _problem(status: int, text: str) -> Answer:
    return Answer(write_problem(text), status)
