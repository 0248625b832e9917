"""The people on record, their sessions and links, as pages read them.
Rule: rows come in and go out as values; whether somebody may come in is decided elsewhere."""

from __future__ import annotations

from answerdesk.model.account import Millis
from answerdesk.model.person import Link, Person, PersonId, Session
from answerdesk.store.people import LINK, PERSON, SESSION, link_from, session_from
from answerdesk.store.reading import Reading


class RollReads(Reading):
    """The roll port."""

    async def session(self, digest: bytes) -> tuple[Session, Person] | None:
        """Find by digest."""
        select = f"SELECT {SESSION}, about FROM sessions JOIN people ON people.id = sessions.person WHERE digest = ?"
        rows = await self._rows(select, digest)
        return (session_from(rows[0][:-1]), PERSON.decode(rows[0][-1])) if rows else None

    async def link(self, digest: bytes) -> tuple[Link, Person] | None:
        """Find by digest."""
        select = f"SELECT {LINK}, about FROM links JOIN people ON people.id = links.person WHERE digest = ?"
        rows = await self._rows(select, digest)
        return (link_from(rows[0][:-1]), PERSON.decode(rows[0][-1])) if rows else None

    async def person(self, person: PersonId) -> Person | None:
        """Read one."""
        rows = await self._rows("SELECT about FROM people WHERE id = ?", person)
        return PERSON.decode(rows[0][0]) if rows else None

    async def person_called(self, handle: str) -> Person | None:
        """Find by the unique form of the name."""
        rows = await self._rows("SELECT about FROM people WHERE handle = ?", handle)
        return PERSON.decode(rows[0][0]) if rows else None

    async def people(self) -> list[Person]:
        """List by id."""
        return [PERSON.decode(row[0]) for row in await self._rows("SELECT about FROM people ORDER BY id")]

    async def sessions(self, person: PersonId | None) -> list[Session]:
        """List by when they were seen."""
        select = (
            f"SELECT {SESSION} FROM sessions WHERE CAST(? AS bigint) IS NULL OR person = ? ORDER BY seen DESC, digest"
        )
        return [session_from(row) for row in await self._rows(select, person, person)]

    async def links(self, now: Millis) -> list[Link]:
        """List those not spent and not past."""
        select = f"SELECT {LINK} FROM links WHERE used = 0 AND until > ? ORDER BY until, digest"
        return [link_from(row) for row in await self._rows(select, now)]
