"""A desk with people in it and its whole site, asked over HTTP inside this process, over a real store in memory.
Rule: whoever visits has a session of their own; every reply is checked for the headers that all pages have."""

from __future__ import annotations

import itertools
import re
from typing import Any

import httpx

from answerdesk.desk.people import Enrol, Enter, MakeLink
from answerdesk.desk.visits import Visits
from answerdesk.model.account import digest
from answerdesk.model.person import COOKIE, Link, Person, PersonId, Purpose, Role, Session
from answerdesk.model.solver import Solver, SolverId
from answerdesk.model.task import Permutation
from answerdesk.pages.parts import make_parts
from answerdesk.pages.site import CSP, Site
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock
from tests.store.driver import Desk

HOST = "desk.test"
ENTER = re.compile(rf"https://{re.escape(HOST)}(/enter/[0-9a-f]+)")


class Visitor:
    """Somebody's browser: their cookie, and forms as a browser sends them."""

    def __init__(self, town: Town, person: Person | None, secret: str = "", **headers: str) -> None:
        self.town = town
        self._person = person
        self.headers = {"accept": "text/html", "sec-fetch-site": "same-origin", **headers}
        if secret:
            self.headers["cookie"] = f"{COOKIE}={secret}"

    @property
    def person(self) -> Person:
        """Whoever signed in here."""
        assert self._person is not None, "nobody is signed in"
        return self._person

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self._send("GET", path, headers=headers)

    async def post(self, path: str, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        return await self._send("POST", path, headers=headers or {}, data=fields)

    async def follow(self, path: str, **fields: Any) -> httpx.Response:
        """Send a form that must succeed, and go where it leads."""
        reply = await self.post(path, **fields)
        assert reply.status_code == 303, reply.text
        return await self.get(reply.headers["location"])

    async def _send(self, verb: str, path: str, headers: dict[str, str], **body: Any) -> httpx.Response:
        sent = {**self.headers, **headers}
        if verb == "POST" and not body.get("data"):
            sent.setdefault("content-type", "application/x-www-form-urlencoded")
        transport = httpx.ASGITransport(self.town.site)
        async with httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}") as client:
            reply = await client.request(verb, path, headers=sent, **body)
        assert reply.headers["content-security-policy"] == CSP
        assert reply.headers["cache-control"] == "no-store"
        return reply


class Town:
    """The desk, its site, and who lives there."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = SqliteStore("", self.clock)
        self.desk = Desk(self.store, self.clock)
        made = make_parts(
            store=self.store,
            visits=Visits(self.store, self.store),
            clock=self.clock,
            ids=Permutation(bytes(range(24))),
            ip=lambda scope: "127.0.0.1",
            scheme=lambda scope: "https",
        )
        self.site = Site(made)
        self._numbers = itertools.count(1_000)

    async def enrol(self, name: str, role: Role = Role.WORKER, *, answers: bool = True, **grants: Any) -> Person:
        """Take somebody in, with a solver unless they only look on."""
        solver = Solver(id=SolverId(next(self._numbers)), name=name, machine=False, **grants) if answers else None
        person = Person(id=PersonId(next(self._numbers)), name=name, role=role)
        return await self.store.run(Enrol(person=person, solver=solver))

    async def visitor(self, person: Person | None = None, **headers: str) -> Visitor:
        """Sign somebody in by a link, or nobody."""
        if person is None:
            return Visitor(self, None, **headers)
        number = next(self._numbers)
        secret, link = f"{number:064x}", f"{number + 10**9:064x}"
        await self.store.run(MakeLink(link=Link(digest=digest(link), person=person.id, purpose=Purpose.ENTER)))
        session = Session(digest=digest(secret), person=PersonId(0))
        await self.store.run(Enter(link=digest(link), session=session))
        return Visitor(self, person, secret, **headers)

    async def somebody(self, role: Role, name: str = "", **options: Any) -> Visitor:
        """Take somebody in and sign them in."""
        return await self.visitor(await self.enrol(name or f"the {role}", role, **options))

    async def solver_of(self, person: Person) -> Solver:
        """Give the solver somebody answers by, as it is now."""
        known = await self.store.person(person.id)
        assert known is not None
        return next(solver for solver in self.store.house().solvers if solver.id == known.solver)

    async def earned(self, person: Person, answers: int = 1) -> None:
        """Have somebody answer tasks, each paid."""
        account, solver = await self.desk.open_account(), await self.solver_of(person)
        for _ in range(answers):
            await self.desk.solved(account, solver)

    async def wages(self, person: Person) -> tuple[int, int]:
        """What somebody earned and was paid."""
        found = await self.store.wages((await self.solver_of(person)).id, self.clock.now())
        return found.earned, found.paid
