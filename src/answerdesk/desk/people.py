"""The use cases over people: invited, let in by a link or a password, changed, suspended, signed out.
Rule: a link is spent in the unit that opens its session; whoever is suspended has no session left."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec

from answerdesk.desk.books import OpenAccount, SaveSolver
from answerdesk.desk.ports import NO_CHANGES, Changes, Needs, Rows
from answerdesk.desk.roll import RollChanges, RollNeeds
from answerdesk.model.account import Millis
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.person import (
    LASTS,
    LIFE_MS,
    Link,
    Person,
    PersonId,
    Role,
    Session,
    handle,
    may_manage,
    name_flaw,
)
from answerdesk.model.question import Kind
from answerdesk.model.solver import Solver

T = TypeVar("T")
replace = msgspec.structs.replace

SPENT: Final = "this link was opened before or its time is past; ask for a fresh one: `answerdesk people link NAME`"
STALE: Final = "something else changed meanwhile; sign in again"
LAST_OWNER: Final = "this is the last owner who can sign in; make somebody else an owner first"


class Enrol(msgspec.Struct, frozen=True, kw_only=True):
    """Take somebody in, with the solver they answer by and the link that invites them, if any."""

    person: Person
    solver: Solver | None = None
    link: Link | None = None
    #: The account that is opened for a customer.
    opens: OpenAccount | None = None
    #: Who does it, None for whoever has the desk's folder.
    by: PersonId | None = None

    @property
    def needs(self) -> Needs:
        """Everybody, for names must differ, and what opening an account looks at."""
        return replace(self.opens.needs if self.opens else Needs(), roll=RollNeeds(everybody=True))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Person]:
        """Refuse a name that is taken; write all of it."""
        _check_may(self.by, self.person.role, self.person.role, rows)
        _check_name(self.person, rows)
        person = replace(self.person, created=now, solver=self.solver.id if self.solver else None)
        links = (_dated(self.link, now),) if self.link else ()
        solvers = (replace(self.solver, created=now),) if self.solver else ()
        opened = self.opens.decide(rows, now)[0] if self.opens else NO_CHANGES
        return replace(opened, solvers=solvers, roll=(RollChanges(people=(person,), links=links),)), person


class MakeLink(msgspec.Struct, frozen=True, kw_only=True):
    """Make a fresh link for somebody; those made before let nobody in any more."""

    link: Link
    #: Who does it, None for whoever has the desk's folder.
    by: PersonId | None = None

    @property
    def needs(self) -> Needs:
        """Whose it is, and the links there are."""
        return Needs(roll=RollNeeds(people=(self.link.person, *_some(self.by)), of=(self.link.person,)))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Link]:
        """Refuse somebody who may not come in."""
        person = _known(self.link.person, rows)
        _check_may(self.by, person.role, person.role, rows)
        if not person.enabled:
            raise _suspended(person)
        link = _dated(self.link, now)
        dropped = tuple(one.digest for one in rows.roll.links_of(person.id))
        return Changes(roll=(RollChanges(dropped=dropped), RollChanges(links=(link,)))), link


class Enter(msgspec.Struct, frozen=True, kw_only=True):
    """Open a session by a link, which is spent; the session this browser had before ends."""

    link: bytes
    session: Session
    before: bytes | None = None

    @property
    def needs(self) -> Needs:
        """The link and whose it is."""
        return Needs(roll=RollNeeds(links=(self.link,), sessions=_some(self.before)))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, tuple[Session, Person]]:
        """Refuse a link that was opened before; of two at once the first is let in."""
        link = rows.roll.links.get(self.link)
        person = rows.roll.people.get(link.person) if link else None
        if link is None or person is None or not link.live(now) or not person.enabled:
            raise Refusal(Fault.KEY_DOES_NOT_EXIST, SPENT)
        session = _opened(self.session, person, now)
        spent = RollChanges(links=(replace(link, used=now),), sessions=(session,), ended=_some(self.before))
        return Changes(solvers=_there(person, rows), roll=(spent,)), (session, person)


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """Open a session for somebody whose password was right; the session this browser had before ends."""

    #: The person as they were when the password was compared.
    person: Person
    session: Session
    #: The time step of the one-time code that came with it, 0 where none is asked for.
    step: int = 0
    before: bytes | None = None

    @property
    def needs(self) -> Needs:
        """The person as they are now."""
        return Needs(roll=RollNeeds(people=(self.person.id,), sessions=_some(self.before)))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, tuple[Session, Person]]:
        """Refuse when password or code changed meanwhile, and a code that was used."""
        person = _known(self.person.id, rows)
        if not person.enabled:
            raise _suspended(person)
        if (person.password, person.totp) != (self.person.password, self.person.totp):
            raise Refusal(Fault.KEY_DOES_NOT_EXIST, STALE)
        people: tuple[Person, ...] = ()
        if person.totp:
            if self.step <= person.totp_step:
                raise Refusal(Fault.KEY_DOES_NOT_EXIST, "this code was used before; wait for the next one")
            person = replace(person, totp_step=self.step)
            people = (person,)
        session = _opened(self.session, person, now)
        change = RollChanges(people=people, sessions=(session,), ended=_some(self.before))
        return Changes(solvers=_there(person, rows), roll=(change,)), (session, person)


class SignOut(msgspec.Struct, frozen=True, kw_only=True):
    """End some of a person's sessions: those named, or all but the named; gives how many."""

    person: PersonId
    sessions: tuple[bytes, ...] = ()
    but: bool = False

    @property
    def needs(self) -> Needs:
        """The person's sessions."""
        return Needs(roll=RollNeeds(of=(self.person,)))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, int]:
        """Somebody else's sessions are never ended."""
        del now
        ended = tuple(
            one.digest for one in rows.roll.sessions_of(self.person) if (one.digest in self.sessions) is not self.but
        )
        return (Changes(roll=(RollChanges(ended=ended),)) if ended else NO_CHANGES), len(ended)


class See(msgspec.Struct, frozen=True, kw_only=True):
    """Note that a session is in use; one that ended stays ended."""

    session: bytes

    @property
    def needs(self) -> Needs:
        """The session."""
        return Needs(roll=RollNeeds(sessions=(self.session,)))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Session | None]:
        """Write the time, if it still holds."""
        session = rows.roll.sessions.get(self.session)
        if session is None or not session.live(now):
            return NO_CHANGES, None
        seen = replace(session, seen=now)
        return Changes(roll=(RollChanges(seen=(seen,)),)), seen


class Secure(msgspec.Struct, frozen=True, kw_only=True):
    """Change how somebody signs in: password and one-time codes; every session ends but a fresh one, if given."""

    #: The person as they were when the old password was compared.
    person: Person
    #: Fields of Person: password, totp, totp_step.
    settings: dict[str, Any]
    session: Session | None = None

    @property
    def needs(self) -> Needs:
        """The person and their sessions."""
        return Needs(roll=RollNeeds(people=(self.person.id,), of=(self.person.id,)))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Person]:
        """Refuse when it was changed meanwhile."""
        person = _known(self.person.id, rows)
        if (person.password, person.totp) != (self.person.password, self.person.totp):
            raise Refusal(Fault.KEY_DOES_NOT_EXIST, STALE)
        changed = replace(person, **self.settings)
        ended = tuple(one.digest for one in rows.roll.sessions_of(person.id))
        fresh = (_opened(self.session, person, now),) if self.session else ()
        return Changes(roll=(RollChanges(people=(changed,), ended=ended), RollChanges(sessions=fresh))), changed


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Change somebody, or suspend them or let them in again; a new role or a suspension ends their sessions."""

    #: The person as last read; what they are now is what is changed.
    person: Person
    #: Fields of Person: name, role, enabled, account, language.
    settings: dict[str, Any] = {}
    #: What the person may be asked from now on, None for as before; no kinds means every kind.
    kinds: frozenset[Kind] | None = None
    languages: frozenset[str] | None = None
    #: The groups the person belongs to from now on, None for as before.
    groups: frozenset[str] | None = None
    #: The number of a solver for somebody who has none, where they are to answer.
    solver: Solver | None = None
    #: Who does it, None for whoever has the desk's folder.
    by: PersonId | None = None

    @property
    def needs(self) -> Needs:
        """Everybody, for names must differ and an owner must stay, and what the person's solver holds."""
        held = () if self.person.solver is None else (self.person.solver,)
        return Needs(leases_of=held, roll=RollNeeds(everybody=True, of=(self.person.id,)))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Person]:
        """Change the person and the solver they answer by as one."""
        person = _known(self.person.id, rows)
        changed = replace(person, **self.settings)
        _check_may(self.by, person.role, changed.role, rows)
        if changed.name != person.name or (person.solver is None and self.solver is not None):
            _check_name(changed, rows)
        if _is_owner(person) and not _is_owner(changed) and not _other_owner(person, rows):
            raise Refusal(Fault.BAD_PARAMETERS, LAST_OWNER)
        answers = self._solver(person, changed, rows)
        if answers is not None:
            changed = replace(changed, solver=answers.id)
        solving = SaveSolver(solver=answers).decide(rows, now)[0] if answers else NO_CHANGES
        leaves = changed.role is not person.role or not changed.enabled
        ended = tuple(one.digest for one in rows.roll.sessions_of(person.id)) if leaves else ()
        dropped = tuple(one.digest for one in rows.roll.links_of(person.id)) if not changed.enabled else ()
        return replace(solving, roll=(RollChanges(people=(changed,), ended=ended, dropped=dropped),)), changed

    def _solver(self, person: Person, changed: Person, rows: Rows) -> Solver | None:
        """Give the solver as it is to be, None where nothing about it changes."""
        had = next((one for one in rows.house.solvers if one.id == person.solver), None) or self.solver
        if had is None:
            if (self.kinds, self.languages, self.groups) == (None, None, None):
                return None
            msg = f"{person.name} answers no tasks, so there is nothing to grant; --kinds KINDS or all lets them answer"
            raise Refusal(Fault.BAD_PARAMETERS, msg)
        grants = replace(
            had,
            name=changed.name,
            enabled=changed.enabled,
            kinds=had.kinds if self.kinds is None else self.kinds,
            languages=had.languages if self.languages is None else self.languages,
            groups=had.groups if self.groups is None else self.groups,
        )
        return grants if grants != had or person.solver is None else None


class SaveOwn(msgspec.Struct, frozen=True, kw_only=True):
    """Change what is a person's own: language, hot keys, practice done; `practised` is added to what was."""

    person: PersonId
    language: str | None = None
    keys: dict[str, str] | None = None
    practised: frozenset[Kind] = frozenset()

    @property
    def needs(self) -> Needs:
        """The person."""
        return Needs(roll=RollNeeds(people=(self.person,)))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Person]:
        """Keep what is not named."""
        del now
        person = _known(self.person, rows)
        changed = replace(
            person,
            language=person.language if self.language is None else self.language,
            keys=person.keys if self.keys is None else self.keys,
            practised=person.practised | self.practised,
        )
        return (Changes(roll=(RollChanges(people=(changed,)),)) if changed != person else NO_CHANGES), changed


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """Forget sessions and links whose time is past; gives how many."""

    most: int

    @property
    def needs(self) -> Needs:
        """Some that are past."""
        return Needs(roll=RollNeeds(past=self.most))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, int]:
        """Forget them, those aside that another verb of this unit looks at."""
        ended = tuple(one.digest for one in rows.roll.sessions.values() if not one.live(now))
        dropped = tuple(one.digest for one in rows.roll.links.values() if one.until <= now)
        if not ended and not dropped:
            return NO_CHANGES, 0
        return Changes(roll=(RollChanges(ended=ended, dropped=dropped),)), len(ended) + len(dropped)


def _check_name(person: Person, rows: Rows) -> None:
    """Refuse a name that cannot be, or that somebody else or somebody else's solver has."""
    if flaw := name_flaw(person.name):
        raise Refusal(Fault.BAD_PARAMETERS, flaw)
    for other in rows.roll.people.values():
        if other.id != person.id and handle(other.name) == handle(person.name):
            raise Refusal(Fault.BAD_PARAMETERS, f"there is somebody called {other.name!r} already; take another name")
    for solver in rows.house.solvers:
        if solver.id != person.solver and solver.name == person.name:
            raise Refusal(Fault.BAD_PARAMETERS, f"there is a worker called {solver.name!r} already; take another name")


def _opened(session: Session, person: Person, now: Millis) -> Session:
    return replace(session, person=person.id, created=now, seen=now, until=Millis(now + LIFE_MS))


def _there(person: Person, rows: Rows) -> tuple[Solver, ...]:
    """Give the solver of somebody who comes in for the first time and may be asked from now on."""
    own = (solver for solver in rows.house.solvers if solver.id == person.solver)
    return tuple(replace(solver, enabled=True) for solver in own if not solver.enabled)


def _dated(link: Link, now: Millis) -> Link:
    return replace(link, until=Millis(now + LASTS[link.purpose]))


def _some(one: T | None) -> tuple[T, ...]:
    return () if one is None else (one,)


def _check_may(by: PersonId | None, role: Role, becomes: Role, rows: Rows) -> None:
    """Refuse what somebody's role does not let them do to people; an operator makes nobody an owner."""
    if by is not None and not may_manage(_known(by, rows).role, role, becomes):
        raise Refusal(Fault.BAD_PARAMETERS, f"your role lets you change no {role if role == becomes else becomes}")


def _known(person: PersonId, rows: Rows) -> Person:
    found = rows.roll.people.get(person)
    if found is None:
        raise Refusal(Fault.BAD_PARAMETERS, f"nobody has the number {person}")
    return found


def _suspended(person: Person) -> Refusal:
    msg = f"{person.name} is suspended; `answerdesk people resume` lets them in again"
    return Refusal(Fault.ACCOUNT_SUSPENDED, msg)


def _is_owner(person: Person) -> bool:
    return person.role is Role.OWNER and person.enabled


def _other_owner(person: Person, rows: Rows) -> bool:
    return any(_is_owner(other) for other in rows.roll.people.values() if other.id != person.id)
