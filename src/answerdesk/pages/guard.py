"""Who may see what: each page says it, and a page that does not say it is not served.
Rule: nobody signed in is asked to sign in; somebody who may not is told so, never what is there."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from answerdesk.model.origin import SAFE
from answerdesk.model.person import Role

Endpoint = Callable[[Request], Awaitable[Response]]

#: Where an endpoint keeps who may see it, None for everybody.
ROLES: Final = "roles"
#: Those who look at the desk, and those who run it.
STAFF: Final = (Role.OWNER, Role.OPERATOR, Role.VIEWER)
OPERATORS: Final = (Role.OWNER, Role.OPERATOR)
#: A form's body; more is refused before it is read.
MOST_BODY: Final = 64 * 2**10


class Row(NamedTuple):
    """An address of the site. Besides GET, which answers HEAD too, its methods are forms or JSON calls."""

    path: str
    endpoint: Endpoint
    methods: tuple[str, ...] = ("GET",)
    #: Whether an unsafe call brings JSON, a form, or either.
    takes: tuple[str, ...] = ("application/x-www-form-urlencoded",)
    most: int = MOST_BODY


JSON: Final = ("application/json",)
FORM: Final = ("application/x-www-form-urlencoded",)
UPLOAD: Final = ("multipart/form-data",)


def anyone(endpoint: Endpoint) -> Endpoint:
    """Let everybody see a page, signed in or not."""
    endpoint.__dict__[ROLES] = None
    return endpoint


def needs(*roles: Role) -> Callable[[Endpoint], Endpoint]:
    """Let only people of these roles see a page; all roles, where none is named."""
    allowed = frozenset(roles or Role)

    def guard(endpoint: Endpoint) -> Endpoint:
        @functools.wraps(endpoint)
        async def guarded(request: Request) -> Response:
            person = request.state.person
            if person is None:
                return challenge(request)
            if person.role not in allowed:
                raise HTTPException(403)
            return await endpoint(request)

        guarded.__dict__[ROLES] = allowed
        return guarded

    return guard


def answers(endpoint: Endpoint) -> Endpoint:
    """Let only people see a page who may answer tasks, whatever their role."""

    @needs()
    @functools.wraps(endpoint)
    async def guarded(request: Request) -> Response:
        if request.state.solver is None:
            raise HTTPException(403)
        return await endpoint(request)

    return guarded


def challenge(request: Request) -> Response:
    """Ask for a sign-in: a page leads there and back, a script is told."""
    if wants_json(request):
        return JSONResponse({"error": "the session has ended; sign in again"}, 401)
    if request.method not in SAFE:
        return RedirectResponse("/sign-in", 303)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/sign-in?next={quote(here, safe='')}", 303)


def wants_json(request: Request) -> bool:
    """Tell whether a script asks, not somebody who looks at a page."""
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    accepted = request.headers.get("accept", "")
    return sent == "application/json" or ("application/json" in accepted and "text/html" not in accepted)


def home_of(role: Role) -> str:
    """Give the page somebody begins with."""
    return {Role.WORKER: "/work", Role.CUSTOMER: "/sessions"}.get(role, "/team")
