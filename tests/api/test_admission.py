"""How a caller spoke to the desk, and who calls the work API: a token, or a session of this site's own pages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from answerdesk.api.admission import Admission
from answerdesk.api.http import Answer, Peers
from answerdesk.api.work import WorkApi
from answerdesk.desk.ports import Unavailable
from answerdesk.model.person import COOKIE
from answerdesk.model.solver import Solver, SolverId
from tests.fakes import Clock

SOLVER = Solver(id=SolverId(1), name="ann", machine=False)
OTHER = Solver(id=SolverId(2), name="bob", machine=False)


def scope(method: str = "POST", client: str = "192.0.2.7", scheme: str = "http", **headers: str) -> dict[str, Any]:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"method": method, "client": (client, 1), "scheme": scheme, "headers": named}


class Known:
    """An entrance that knows one token, and visits that know one session."""

    async def solver(self, token: str) -> Solver | None:
        return OTHER if token == "token" else None

    async def visit(self, token: str, _: int) -> Any:
        return {"session": SimpleNamespace(solver=SOLVER), "viewer": SimpleNamespace(solver=None)}.get(token)


def admission() -> Admission:
    known: Any = Known()
    return Admission(known, known, Clock())


OWN = {"host": "desk.test", "sec_fetch_site": "same-origin", "content_type": "application/json; charset=utf-8"}


@pytest.mark.parametrize(
    ("method", "headers", "solver"),
    [
        ("POST", {"authorization": "Bearer token"}, OTHER),
        ("POST", {"authorization": "Bearer token", "cookie": f"{COOKIE}=session"}, OTHER),
        ("POST", {**OWN, "cookie": f"{COOKIE}=session"}, SOLVER),
        ("POST", {**OWN, "cookie": f"a=b; {COOKIE}=session"}, SOLVER),
        ("GET", {"cookie": f"{COOKIE}=session"}, SOLVER),
        ("GET", {"cookie": f"{COOKIE}=session", "sec_fetch_site": "cross-site"}, SOLVER),
    ],
)
async def test_a_token_counts_before_a_session_and_a_session_for_its_own_site(method, headers, solver):
    assert await admission().solver(scope(method, **headers)) == solver


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {}, 401),
        ("POST", {"authorization": "Bearer other"}, 401),
        ("POST", {**OWN, "authorization": "Bearer other", "cookie": f"{COOKIE}=session"}, 401),
        ("POST", {**OWN, "authorization": "Basic token", "cookie": f"{COOKIE}=session"}, 401),
        ("POST", {**OWN, "cookie": f"{COOKIE}=other"}, 401),
        ("POST", {**OWN, "cookie": "session=session"}, 401),
        ("POST", {**OWN, "cookie": f"{COOKIE}=viewer"}, 403),
        ("GET", {"cookie": f"{COOKIE}=viewer"}, 403),
        ("POST", {**OWN, "cookie": f"{COOKIE}=session", "sec_fetch_site": "same-site"}, 403),
        ("POST", {"cookie": f"{COOKIE}=session", "content_type": "application/json", "host": "desk.test"}, 403),
        ("POST", {**OWN, "cookie": f"{COOKIE}=session", "content_type": "text/plain"}, 415),
        ("POST", {**OWN, "cookie": f"{COOKIE}=session", "content_type": ""}, 415),
    ],
)
async def test_whoever_else_calls_is_told_why_not(method, headers, status):
    refused = await admission().solver(scope(method, **headers))

    assert isinstance(refused, Answer)
    assert refused.status == status


@pytest.mark.parametrize(
    ("client", "spoken", "forwarded", "scheme"),
    [
        ("192.0.2.7", "http", "https", "http"),
        ("192.0.2.7", "https", "http", "https"),
        ("10.0.0.1", "http", "https", "https"),
        ("10.0.0.1", "http", "HTTPS", "https"),
        ("10.0.0.1", "http", "http, https", "https"),
        ("10.0.0.1", "http", "https, http", "http"),
        ("10.0.0.1", "http", "", "http"),
        ("10.0.0.1", "https", "gopher", "https"),
    ],
)
def test_only_our_proxies_say_how_they_were_spoken_to(client, spoken, forwarded, scheme):
    headers = {"x_forwarded_proto": forwarded} if forwarded else {}

    assert Peers(["10.0.0.0/8"]).scheme(scope("GET", client, spoken, **headers)) == scheme


async def test_who_cannot_be_looked_up_is_told_to_come_again():
    class Away:
        async def solver(self, _: str) -> Solver | None:
            raise Unavailable("the database is away")

    away: Any = Away()
    nobody: Any = None
    work = WorkApi(
        store=nobody, admission=Admission(away, away, Clock()), room=nobody, ids=nobody, names=nobody, clock=Clock(),
        darkroom=nobody, crew=nobody,
    )  # fmt: skip
    answer = await work.serve("claim", scope(authorization="Bearer token"), b"{}", nobody)

    assert (answer.status, dict(answer.headers)) == (503, {b"retry-after": b"5"})
