"""People, their sessions and links on SQLite: gathered for verbs, written, and read.
Rule: nothing here decides; rows come in as values and go out as values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from answerdesk.desk.roll import RollChanges, RollNeeds, RollRows
from answerdesk.model.account import Millis
from answerdesk.model.person import IDLE_MS, Link, Person, PersonId, Purpose, Session, handle
from answerdesk.store.records import SqliteRecords
from answerdesk.store.tables import Row

_encode = msgspec.json.Encoder().encode
_PERSON = msgspec.json.Decoder(Person)

_SESSION: Final = "digest, person, created, seen, until, agent"
_LINK: Final = "digest, person, purpose, until, used"


def _person_row(person: Person) -> Row:
    return person.id, handle(person.name), _encode(person)


def _session_row(session: Session) -> Row:
    return session.digest, session.person, session.created, session.seen, session.until, session.agent


def _session_from(row: Row) -> Session:
    digest, person, created, seen, until, agent = row
    return Session(digest=digest, person=person, created=created, seen=seen, until=until, agent=agent)


def _link_row(link: Link) -> Row:
    return link.digest, link.person, str(link.purpose), link.until, link.used


def _link_from(row: Row) -> Link:
    digest, person, purpose, until, used = row
    return Link(digest=digest, person=person, purpose=Purpose(purpose), until=until, used=used)


def gather(db: sqlite3.Connection, rows: RollRows, needs: Iterable[RollNeeds], now: Millis) -> None:
    """Read what these verbs need and the unit has not yet seen."""
    for need in needs:
        past = (now, now - IDLE_MS, need.past)
        sessions = [
            *_each(db, f"SELECT {_SESSION} FROM sessions WHERE digest = ?", need.sessions),
            *_each(db, f"SELECT {_SESSION} FROM sessions WHERE person = ?", need.of),
            *db.execute(f"SELECT {_SESSION} FROM sessions WHERE until <= ? OR seen <= ? LIMIT ?", past),
        ]
        for row in sessions:
            rows.sessions.setdefault(row[0], _session_from(row))
        links = [
            *_each(db, f"SELECT {_LINK} FROM links WHERE digest = ?", need.links),
            *_each(db, f"SELECT {_LINK} FROM links WHERE person = ?", need.of),
            *db.execute(f"SELECT {_LINK} FROM links WHERE until <= ? LIMIT ?", (now, need.past)),
        ]
        for row in links:
            rows.links.setdefault(row[0], _link_from(row))
        wanted = {*need.people, *(row[1] for row in (*sessions, *links))}
        everybody = db.execute("SELECT about FROM people") if need.everybody else ()
        for (about,) in [*_each(db, "SELECT about FROM people WHERE id = ?", wanted), *everybody]:
            person = _PERSON.decode(about)
            rows.people.setdefault(person.id, person)


def _each(db: sqlite3.Connection, select: str, values: Iterable[Any]) -> list[Row]:
    return [row for value in values for row in db.execute(select, (value,))]


def write(db: sqlite3.Connection, decided: Iterable[RollChanges]) -> None:
    """Write out what was decided, in its order."""
    for changes in decided:
        run = db.executemany
        run(
            "INSERT INTO people (id, handle, about) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET handle = excluded.handle, about = excluded.about",
            map(_person_row, changes.people),
        )
        opened = map(_session_row, changes.sessions)
        run(f"INSERT OR REPLACE INTO sessions ({_SESSION}) VALUES (?, ?, ?, ?, ?, ?)", opened)
        run("UPDATE sessions SET seen = ? WHERE digest = ?", ((one.seen, one.digest) for one in changes.seen))
        run("DELETE FROM sessions WHERE digest = ?", ((digest,) for digest in changes.ended))
        run(f"INSERT OR REPLACE INTO links ({_LINK}) VALUES (?, ?, ?, ?, ?)", map(_link_row, changes.links))
        run("DELETE FROM links WHERE digest = ?", ((digest,) for digest in changes.dropped))


class SqliteRoll(SqliteRecords):
    """The roll port, on the connection that reads."""

    async def session(self, digest: bytes) -> tuple[Session, Person] | None:
        """Find by digest."""
        select = f"SELECT {_SESSION}, about FROM sessions JOIN people ON people.id = sessions.person WHERE digest = ?"
        rows = self._rows(select, digest)
        return (_session_from(rows[0][:-1]), _PERSON.decode(rows[0][-1])) if rows else None

    async def link(self, digest: bytes) -> tuple[Link, Person] | None:
        """Find by digest."""
        select = f"SELECT {_LINK}, about FROM links JOIN people ON people.id = links.person WHERE digest = ?"
        rows = self._rows(select, digest)
        return (_link_from(rows[0][:-1]), _PERSON.decode(rows[0][-1])) if rows else None

    async def person(self, person: PersonId) -> Person | None:
        """Read one."""
        rows = self._rows("SELECT about FROM people WHERE id = ?", person)
        return _PERSON.decode(rows[0][0]) if rows else None

    async def person_called(self, handle: str) -> Person | None:
        """Find by the unique form of the name."""
        rows = self._rows("SELECT about FROM people WHERE handle = ?", handle)
        return _PERSON.decode(rows[0][0]) if rows else None

    async def people(self) -> list[Person]:
        """List by id."""
        return [_PERSON.decode(row[0]) for row in self._rows("SELECT about FROM people ORDER BY id")]

    async def sessions(self, person: PersonId | None) -> list[Session]:
        """List by when they were seen."""
        select = f"SELECT {_SESSION} FROM sessions WHERE ? IS NULL OR person = ? ORDER BY seen DESC, digest"
        return [_session_from(row) for row in self._rows(select, person, person)]

    async def links(self, now: Millis) -> list[Link]:
        """List those not spent and not past."""
        select = f"SELECT {_LINK} FROM links WHERE used = 0 AND until > ? ORDER BY until"
        return [_link_from(row) for row in self._rows(select, now)]
