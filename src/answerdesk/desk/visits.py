"""Who is signed in in which browser: from a session's secret to the person, and the solver they answer as.
Rule: what is remembered here is dropped whenever settings change anywhere, so an ended session ends at once."""

from __future__ import annotations

import contextlib
from typing import Final

import msgspec

from answerdesk.desk.people import See
from answerdesk.desk.ports import Heard, Store, Unavailable
from answerdesk.desk.roll import Roll
from answerdesk.model.account import Millis, digest
from answerdesk.model.person import SEEN_EVERY_MS, Person, Session
from answerdesk.model.solver import Solver

#: More sessions than this are not remembered at once; the store finds the others.
MOST_REMEMBERED: Final = 10_000


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """A session that holds, whose it is, and what they answer as, None for somebody who does not."""

    session: Session
    person: Person
    solver: Solver | None = None


class Visits:
    """Finds who is signed in by the secret of a cookie."""

    def __init__(self, store: Store, roll: Roll) -> None:
        """Listen for changes of settings."""
        self._store = store
        self._roll = roll
        self._visits: dict[str, Visit] = {}
        store.listen(self._hear)

    async def visit(self, token: str, now: Millis) -> Visit | None:
        """Find a session that holds, and note now and then that it is in use."""
        visit = self._visits.get(token) or await self._find(token)
        if visit is None or not visit.session.live(now):
            return None
        if now - visit.session.seen >= SEEN_EVERY_MS:
            visit = await self._seen(visit, token)
        return visit

    async def _find(self, token: str) -> Visit | None:
        found = await self._roll.session(digest(token)) if token else None
        if found is None or not found[1].enabled:
            return None
        session, person = found
        solvers = self._store.house().solvers if person.solver is not None else ()
        solver = next((one for one in solvers if one.id == person.solver and one.enabled), None)
        visit = Visit(session=session, person=person, solver=solver)
        self._remember(token, visit)
        return visit

    async def _seen(self, visit: Visit, token: str) -> Visit | None:
        """Write it down; while that cannot be written, the session holds all the same."""
        with contextlib.suppress(Unavailable):
            seen = await self._store.run(See(session=visit.session.digest))
            if seen is None:
                return None
            visit = msgspec.structs.replace(visit, session=seen)
            if token in self._visits:
                self._remember(token, visit)
        return visit

    def _remember(self, token: str, visit: Visit) -> None:
        if len(self._visits) < MOST_REMEMBERED or token in self._visits:
            self._visits[token] = visit

    def _hear(self, heard: Heard) -> None:
        if heard.settings:
            self._visits.clear()
