"""How a desk's first owner comes in: made with the desk, let in by a link until there is a password.
Rule: nobody is an owner by default but the one who reads what `serve` prints."""

from __future__ import annotations

from typing import Final

from answerdesk.desk.people import Enrol, MakeLink
from answerdesk.desk.ports import Store, Unavailable
from answerdesk.desk.roll import Roll
from answerdesk.model.account import digest
from answerdesk.model.fault import Refusal
from answerdesk.model.limit import is_loopback
from answerdesk.model.person import Link, Person, PersonId, Purpose, Role
from answerdesk.model.solver import Solver, SolverId

#: What the first owner is called.
OWNER: Final = "owner"


class Exposed(RuntimeError):
    """A desk that could be reached from outside and is not fit for it; the message says what is missing."""


async def owner_of(store: Store, roll: Roll) -> Person:
    """Give the owner who came first of those who may sign in, made where there is none.

    The owner may answer every kind, but counts as somebody to ask only once they came in: a desk of machines alone has
    nobody who will ever look.
    """
    if (owner := await _first_owner(roll)) is not None:
        return owner
    taken = {person.name for person in await roll.people()} | {solver.name for solver in store.house().solvers}
    name = next(name for n in range(1, len(taken) + 2) if (name := OWNER if n == 1 else f"{OWNER} {n}") not in taken)
    person = Person(id=PersonId(await store.draw()), name=name, role=Role.OWNER)
    solver = Solver(id=SolverId(await store.draw()), name=name, machine=False, enabled=False)
    try:
        return await store.run(Enrol(person=person, solver=solver))
    except (Refusal, Unavailable):
        # Another node may have been quicker.
        if (owner := await _first_owner(roll)) is None:
            raise
        return owner


async def _first_owner(roll: Roll) -> Person | None:
    owners = (person for person in await roll.people() if person.role is Role.OWNER and person.enabled)
    return next(owners, None)


async def has_password(roll: Roll) -> bool:
    """Tell whether some owner can sign in by a password."""
    return any(person.role is Role.OWNER and person.enabled and person.password for person in await roll.people())


async def let_in(store: Store, person: Person, secret: str) -> Link:
    """Make a link that signs somebody in once."""
    purpose = Purpose.ENTER if person.role is Role.OWNER else Purpose.INVITE
    return await store.run(MakeLink(link=Link(digest=digest(secret), person=person.id, purpose=purpose)))


async def owners_link(store: Store, roll: Roll, secret: str) -> str | None:
    """Make the owner's link of a secret, as long as no owner has a password; gives the secret where that is so."""
    owner = await owner_of(store, roll)
    if await has_password(roll):
        return None
    await let_in(store, owner, secret)
    return secret


async def check_exposure(roll: Roll, host: str, *, secured: bool) -> None:
    """Refuse to listen for other machines without an owner's password and https, or a proxy that speaks it.

    Raises Exposed.
    """
    if host == "localhost" or is_loopback(host):
        return
    missing = []
    if not secured:
        missing.append("https (serve with --tls, or behind a proxy that speaks it with --behind-proxy ADDRESS)")
    if not await has_password(roll):
        missing.append(f"an owner's password (set it with `answerdesk people password {OWNER}`)")
    if missing:
        msg = f"{host} is reached from other machines, which needs {' and '.join(missing)}"
        raise Exposed(msg)
