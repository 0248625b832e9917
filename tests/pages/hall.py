"""A site in this process over a store in memory, and the people who come to it.
Rule: everybody comes in as people do, by a link; what a browser sends is sent, and nothing else."""

from __future__ import annotations

import secrets
from typing import Any, Self

import httpx
from argon2 import PasswordHasher

from answerdesk.desk.greeting import let_in
from answerdesk.desk.people import Enrol
from answerdesk.desk.visits import Visits
from answerdesk.model.account import AccountId
from answerdesk.model.person import COOKIE, Person, PersonId, Role
from answerdesk.model.question import Kind
from answerdesk.model.solver import Solver, SolverId
from answerdesk.model.task import Permutation
from answerdesk.pages.parts import make_parts
from answerdesk.pages.passwords import Passwords
from answerdesk.pages.site import Site
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock

ADDRESS = "https://desk.test"
#: What a browser sends with what its user does on a page of this site.
OWN = {"Sec-Fetch-Site": "same-origin", "Origin": ADDRESS}
BROWSER = {"Accept": "text/html,*/*;q=0.8", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"}


class Visitor:
    """A browser with a cookie jar of its own."""

    def __init__(self, hall: Hall, person: Person | None = None, address: str = ADDRESS) -> None:
        self.hall = hall
        #: Whose browser it is, as they were when they came.
        self.person = person
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=hall.site, client=("192.0.2.7", 1)), base_url=address, headers=BROWSER
        )

    @property
    def token(self) -> str:
        """The cookie's secret, empty for somebody not signed in."""
        return self.client.cookies.get(COOKIE) or ""

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers)

    async def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        """Send a form of this site; headers may be changed, or taken away by an empty one."""
        sent = {name: value for name, value in {**OWN, **headers}.items() if value}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.client.post(path, data=form or {}, headers={**kind, **sent})

    async def call(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """Send JSON as a script of this site does."""
        return await self.client.post(path, json=body, headers={**OWN, "Accept": "application/json", **headers})

    async def enter(self, secret: str) -> Self:
        reply = await self.get(f"/enter/{secret}")

        assert reply.status_code == 303, reply.text
        return self


class Hall:
    """A desk with its site."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = SqliteStore("", self.clock)
        self.visits = Visits(self.store, self.store)
        self.scheme = "https"
        self.parts = make_parts(
            store=self.store, visits=self.visits, clock=self.clock, ids=Permutation(bytes(range(24))),
            ip=lambda scope: str(scope["client"][0]), scheme=lambda scope: str(scope["scheme"]),
            passwords=Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
        )  # fmt: skip
        self.site = Site(self.parts)
        self._visitors: list[Visitor] = []

    def visitor(self, person: Person | None = None, address: str = ADDRESS) -> Visitor:
        """Open a browser in which nobody is signed in."""
        self._visitors.append(Visitor(self, person, address))
        return self._visitors[-1]

    async def enrol(self, name: str, role: Role, *, answers: bool | None = None, **grants: Any) -> Person:
        """Take somebody in; owners and workers may answer unless said otherwise."""
        person = Person(
            id=PersonId(await self.store.draw()), name=name, role=role,
            account=AccountId(1) if role is Role.CUSTOMER else None,
        )  # fmt: skip
        solver = None
        if role in {Role.OWNER, Role.WORKER} if answers is None else answers:
            kinds = grants.pop("kinds", frozenset({Kind.TEXT}))
            solver = Solver(id=SolverId(await self.store.draw()), name=name, machine=False, kinds=kinds, **grants)
        return await self.store.run(Enrol(person=person, solver=solver))

    async def link(self, person: Person) -> str:
        """Make somebody a link; gives its secret."""
        secret = secrets.token_hex(24)
        await let_in(self.store, person, secret)
        return secret

    async def come(self, name: str, role: Role, **grants: Any) -> Visitor:
        """Take somebody in and sign them in by a link."""
        person = await self.enrol(name, role, **grants)
        return await self.visitor(person).enter(await self.link(person))

    async def again(self, person: Person) -> Visitor:
        """Sign somebody in in one more browser."""
        return await self.visitor(person).enter(await self.link(person))

    async def close(self) -> None:
        for visitor in self._visitors:
            await visitor.client.aclose()
        self.site.close()
        self.store.close()
