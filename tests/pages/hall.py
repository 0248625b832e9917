"""A desk with its site in this process over a store in memory, and the people who come to it.
Rule: everybody comes in as people do, by a link; every page is looked at for the headers that all pages have."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any, Final, Self

import httpx
from argon2 import PasswordHasher

from answerdesk.desk.greeting import let_in
from answerdesk.desk.people import Enrol
from answerdesk.desk.visits import Visits
from answerdesk.model.account import AccountId
from answerdesk.model.person import COOKIE, Person, PersonId, Role
from answerdesk.model.solver import Solver, SolverId
from answerdesk.model.task import Permutation
from answerdesk.pages.parts import make_parts
from answerdesk.pages.passwords import Passwords
from answerdesk.pages.site import CSP, Site
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock
from tests.store.driver import Desk

ADDRESS: Final = "https://desk.test"
#: A link as a page shows it.
ENTER: Final = re.compile(rf"{re.escape(ADDRESS)}(/enter/[0-9a-f]+)")
#: Far above the numbers that the store draws for people.
FIRST: Final = 10_000
#: What a browser sends with what its user does on a page of this site.
OWN = {"Sec-Fetch-Site": "same-origin", "Origin": ADDRESS}
BROWSER = {"Accept": "text/html,*/*;q=0.8", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"}


def link_in(page: str) -> str:
    """Find the link a page shows; gives its path."""
    found = ENTER.search(page)
    assert found is not None, page
    return found[1]


class Visitor:
    """A browser with a cookie jar of its own."""

    def __init__(self, hall: Hall, person: Person | None, address: str, headers: Mapping[str, str]) -> None:
        self.hall = hall
        self._person = person
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=hall.site, client=("192.0.2.7", 1)), base_url=address,
            headers={**BROWSER, **headers}, event_hooks={"response": [_check_headers]},
        )  # fmt: skip

    @property
    def person(self) -> Person:
        """Whose browser it is, as they were when they came."""
        assert self._person is not None, "nobody is signed in"
        return self._person

    @property
    def token(self) -> str:
        """The cookie's secret, empty for somebody not signed in."""
        return self.client.cookies.get(COOKIE) or ""

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers)

    async def post(self, path: str, form: Mapping[str, Any] | None = None, **headers: str) -> httpx.Response:
        """Send a form of this site; headers may be changed, or taken away by an empty one."""
        sent = {name: value for name, value in {**OWN, **headers}.items() if value}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.client.post(path, data=dict(form or {}), headers={**kind, **sent})

    async def follow(self, path: str, form: Mapping[str, Any] | None = None) -> httpx.Response:
        """Send a form that must succeed, and go where it leads."""
        reply = await self.post(path, form)

        assert reply.status_code == 303, reply.text
        return await self.get(reply.headers["location"])

    async def call(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """Send JSON as a script of this site does."""
        return await self.client.post(path, json=body, headers={**OWN, "Accept": "application/json", **headers})

    async def enter(self, secret: str) -> Self:
        reply = await self.get(f"/enter/{secret}")

        assert reply.status_code == 303, reply.text
        return self


async def _check_headers(reply: httpx.Response) -> None:
    assert reply.headers["content-security-policy"] == CSP
    assert reply.headers["cache-control"] == "no-store" or reply.request.url.path.startswith("/s/")


class Hall:
    """A desk with its site, where tasks are asked and answered too."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = SqliteStore("", self.clock)
        self.desk = Desk(self.store, self.clock, first=FIRST)
        self.visits = Visits(self.store, self.store)
        self.scheme = "https"
        self.parts = make_parts(
            store=self.store, visits=self.visits, clock=self.clock, ids=Permutation(bytes(range(24))),
            ip=lambda scope: str(scope["client"][0]), scheme=lambda scope: str(scope["scheme"]),
            passwords=Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
        )  # fmt: skip
        self.site = Site(self.parts)
        self._visitors: list[Visitor] = []

    def visitor(self, person: Person | None = None, address: str = ADDRESS, **headers: str) -> Visitor:
        """Open a browser in which nobody is signed in."""
        self._visitors.append(Visitor(self, person, address, headers))
        return self._visitors[-1]

    async def enrol(self, name: str, role: Role = Role.WORKER, *, answers: bool | None = None, **grants: Any) -> Person:
        """Take somebody in; owners and workers may answer unless said otherwise."""
        person = Person(
            id=PersonId(await self.store.draw()), name=name, role=role,
            account=AccountId(1) if role is Role.CUSTOMER else None,
        )  # fmt: skip
        solver = None
        if role in {Role.OWNER, Role.WORKER} if answers is None else answers:
            solver = Solver(id=SolverId(await self.store.draw()), name=name, machine=False, **grants)
        return await self.store.run(Enrol(person=person, solver=solver))

    async def link(self, person: Person) -> str:
        """Make somebody a link; gives its secret."""
        secret = secrets.token_hex(24)
        await let_in(self.store, person, secret)
        return secret

    async def come(self, name: str, role: Role = Role.WORKER, **grants: Any) -> Visitor:
        """Take somebody in and sign them in by a link."""
        return await self.again(await self.enrol(name, role, **grants))

    async def again(self, person: Person, **headers: str) -> Visitor:
        """Sign somebody in in one more browser."""
        return await self.visitor(person, **headers).enter(await self.link(person))

    async def solver_of(self, person: Person) -> Solver:
        """Give the solver somebody answers by, as it is now."""
        known = await self.store.person(person.id)
        assert known is not None
        return next(solver for solver in self.store.house().solvers if solver.id == known.solver)

    async def called(self, name: str) -> Person:
        """Give the one person of a name."""
        (found,) = [person for person in await self.store.people() if person.name == name]
        return found

    async def earned(self, person: Person, answers: int = 1) -> None:
        """Have somebody answer tasks, each paid."""
        account, solver = await self.desk.open_account(), await self.solver_of(person)
        for _ in range(answers):
            await self.desk.solved(account, solver)

    async def wages(self, person: Person) -> tuple[int, int]:
        """What somebody earned and was paid."""
        found = await self.store.wages((await self.solver_of(person)).id, self.clock.now())
        return found.earned, found.paid

    async def close(self) -> None:
        for visitor in self._visitors:
            await visitor.client.aclose()
        self.site.close()
        self.store.close()
