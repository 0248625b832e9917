"""The people of the desk as verbs and pages see them: the rows a verb may ask for, and what it may write.
Rule: like every port it mirrors use cases; a session that ended stays ended, whatever is written after it."""

from __future__ import annotations

from typing import Protocol

import msgspec

from answerdesk.model.account import Millis
from answerdesk.model.person import Link, Person, PersonId, Session


class RollNeeds(msgspec.Struct, frozen=True, kw_only=True):
    """Which people, sessions and links a verb looks at. A link or a session brings its person."""

    people: tuple[PersonId, ...] = ()
    #: Whether everybody is looked at: names must differ, and one owner must stay.
    everybody: bool = False
    sessions: tuple[bytes, ...] = ()
    links: tuple[bytes, ...] = ()
    #: All sessions and links of these people.
    of: tuple[PersonId, ...] = ()
    #: How many sessions and links to find whose time is past.
    past: int = 0


class RollChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What a verb decided of people; rows are given whole."""

    people: tuple[Person, ...] = ()
    sessions: tuple[Session, ...] = ()
    #: Sessions of which only `seen` changed.
    seen: tuple[Session, ...] = ()
    #: Sessions that end, and links that are forgotten.
    ended: tuple[bytes, ...] = ()
    links: tuple[Link, ...] = ()
    dropped: tuple[bytes, ...] = ()

    @property
    def settings(self) -> bool:
        """Whether somebody who is remembered may be somebody else now."""
        return bool(self.people or self.ended)


class RollRows:
    """The people a batch of verbs looks at, as they stand after the verbs before."""

    def __init__(self) -> None:
        """Start with nobody."""
        self.people: dict[PersonId, Person] = {}
        self.sessions: dict[bytes, Session] = {}
        self.links: dict[bytes, Link] = {}

    def sessions_of(self, person: PersonId) -> tuple[Session, ...]:
        """Give the sessions of somebody whose rows were asked for."""
        return tuple(session for session in self.sessions.values() if session.person == person)

    def links_of(self, person: PersonId) -> tuple[Link, ...]:
        """Give the links of somebody whose rows were asked for."""
        return tuple(link for link in self.links.values() if link.person == person)

    def absorb(self, *decided: RollChanges) -> None:
        """Let the verbs after this one see what was decided."""
        for changes in decided:
            self._absorb(changes)

    def _absorb(self, changes: RollChanges) -> None:
        self.people |= {person.id: person for person in changes.people}
        self.sessions |= {session.digest: session for session in changes.sessions}
        self.sessions |= {one.digest: one for one in changes.seen if one.digest in self.sessions}
        self.links |= {link.digest: link for link in changes.links}
        for digest in changes.ended:
            self.sessions.pop(digest, None)
        for digest in changes.dropped:
            self.links.pop(digest, None)


class Roll(Protocol):
    """The people on record."""

    async def session(self, digest: bytes) -> tuple[Session, Person] | None:
        """Find a session, live or not, and whose it is."""

    async def link(self, digest: bytes) -> tuple[Link, Person] | None:
        """Find a link, spent or not, and whose it is."""

    async def person(self, person: PersonId) -> Person | None:
        """Read one person."""

    async def person_called(self, handle: str) -> Person | None:
        """Find a person by the form in which names are told apart."""

    async def people(self) -> list[Person]:
        """List everybody, in the order they came."""

    async def sessions(self, person: PersonId | None) -> list[Session]:
        """List sessions, of one person or all, the last seen first."""

    async def links(self, now: Millis) -> list[Link]:
        """List the links that still let somebody in."""
