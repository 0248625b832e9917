"""People, their sessions and links: gathered for verbs, and written.
Rule: nothing here decides; rows come in as values and go out as values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from answerdesk.desk.roll import RollChanges, RollNeeds, RollRows
from answerdesk.model.account import Millis
from answerdesk.model.person import IDLE_MS, Link, Person, Purpose, Session, handle
from answerdesk.store.tables import Asking, Row, Statement

_encode = msgspec.json.Encoder().encode
PERSON = msgspec.json.Decoder(Person)

SESSION: Final = "digest, person, created, seen, until, agent"
LINK: Final = "digest, person, purpose, until, used"
_NEW_SESSION: Final = (
    f"INSERT INTO sessions ({SESSION}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET"
    " person = excluded.person, created = excluded.created, seen = excluded.seen, until = excluded.until,"
    " agent = excluded.agent"
)
_NEW_LINK: Final = (
    f"INSERT INTO links ({LINK}) VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET"
    " person = excluded.person, purpose = excluded.purpose, until = excluded.until, used = excluded.used"
)


def _person_row(person: Person) -> Row:
    return person.id, handle(person.name), _encode(person)


def _session_row(session: Session) -> Row:
    return session.digest, session.person, session.created, session.seen, session.until, session.agent


def session_from(row: Row) -> Session:
    """Read a session."""
    digest, person, created, seen, until, agent = row
    return Session(digest=digest, person=person, created=created, seen=seen, until=until, agent=agent)


def _link_row(link: Link) -> Row:
    return link.digest, link.person, str(link.purpose), link.until, link.used


def link_from(row: Row) -> Link:
    """Read a link."""
    digest, person, purpose, until, used = row
    return Link(digest=digest, person=person, purpose=Purpose(purpose), until=until, used=used)


def gather(rows: RollRows, need: RollNeeds, now: Millis) -> Asking[None]:
    """Ask for what a verb needs and the unit has not yet seen."""
    past = (now, now - IDLE_MS, need.past)
    sessions = yield from _each(f"SELECT {SESSION} FROM sessions WHERE digest = ?", need.sessions)
    sessions += yield from _each(f"SELECT {SESSION} FROM sessions WHERE person = ?", need.of)
    links = yield from _each(f"SELECT {LINK} FROM links WHERE digest = ?", need.links)
    links += yield from _each(f"SELECT {LINK} FROM links WHERE person = ?", need.of)
    if need.past:
        sessions += yield f"SELECT {SESSION} FROM sessions WHERE until <= ? OR seen <= ? LIMIT ?", past
        links += yield f"SELECT {LINK} FROM links WHERE until <= ? LIMIT ?", (now, need.past)
    for row in sessions:
        rows.sessions.setdefault(row[0], session_from(row))
    for row in links:
        rows.links.setdefault(row[0], link_from(row))
    wanted = dict.fromkeys([*need.people, *(row[1] for row in (*sessions, *links))])
    found = yield from _each("SELECT about FROM people WHERE id = ?", wanted)
    if need.everybody:
        found += yield "SELECT about FROM people", ()
    for (about,) in found:
        person = PERSON.decode(about)
        rows.people.setdefault(person.id, person)


def _each(select: str, values: Iterable[Any]) -> Asking[list[Row]]:
    found: list[Row] = []
    for value in values:
        found += yield select, (value,)
    return found


def statements(decided: Iterable[RollChanges]) -> Iterator[Statement]:
    """Give what was decided as it is written, in its order."""
    for changes in decided:
        yield (
            "INSERT INTO people (id, handle, about) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET handle = excluded.handle, about = excluded.about",
            [*map(_person_row, changes.people)],
        )
        yield _NEW_SESSION, [*map(_session_row, changes.sessions)]
        yield "UPDATE sessions SET seen = ? WHERE digest = ?", [(one.seen, one.digest) for one in changes.seen]
        yield "DELETE FROM sessions WHERE digest = ?", [(digest,) for digest in changes.ended]
        yield _NEW_LINK, [*map(_link_row, changes.links)]
        yield "DELETE FROM links WHERE digest = ?", [(digest,) for digest in changes.dropped]
