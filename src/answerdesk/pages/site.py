"""The site: every page by its address, and the rules that hold for all of them.
Rule: what a rule cannot tell is refused; every reply carries the headers of UX §4, whoever wrote it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from answerdesk.desk.ports import Unavailable
from answerdesk.model.origin import SAFE, cookie, is_own
from answerdesk.model.person import COOKIE
from answerdesk.pages import account, invite, me, queue, session, team, workspace
from answerdesk.pages.guard import ROLES, Row, anyone, home_of
from answerdesk.pages.parts import Parts, parts, render, say

log = structlog.get_logger()

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:;"
    " font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
#: On every reply of the site. `strict-origin` and not `no-referrer`, which would turn a form's Origin into `null`.
HEADERS: Final = (
    ("content-security-policy", CSP),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "strict-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cache-control", "no-store"),
)
NOT_FOUND: Final = "nothing is served at this address"


@anyone
async def home(request: Request) -> Response:
    """Lead from the bare address to where somebody begins."""
    person = request.state.person
    return RedirectResponse(home_of(person.role) if person else "/sign-in", 303)


ROUTES: Final[tuple[Row, ...]] = (
    Row("/", home),
    *session.ROUTES,
    *account.ROUTES,
    *workspace.ROUTES,
    *invite.ROUTES,
    *team.ROUTES,
    *queue.ROUTES,
    *me.ROUTES,
)


class Site:
    """The pages as one ASGI application, behind the rules that hold for all of them."""

    def __init__(self, made: Parts, rows: Iterable[Row] = ROUTES) -> None:
        """Take what pages are made of; raises LookupError for a row that does not say who may see it."""
        self._parts = made
        self.rows = (*rows, Row("/s/{hash}/{name}", anyone(made.static.show)))
        self._app = Starlette(
            routes=[Route(row.path, Page(row), methods=list(row.methods)) for row in self.rows],
            exception_handlers={HTTPException: _failed},
        )
        self._app.router.redirect_slashes = False
        self._app.state.parts = made
        self._heads = frozenset(row.path.split("/")[1] for row in self.rows) - {""}

    def owns(self, path: str) -> bool:
        """Tell whether an address is the site's, by the first of its names."""
        return path.split("/", 2)[1] in self._heads if path.startswith("/") else False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS:
                    headers.setdefault(name, value)
            await send(message)

        scope["app"] = self._app
        scope["state"] = {"person": None, "solver": None, "session": None}
        await self._app(scope, receive, sending)

    def close(self) -> None:
        """Take down what pages have running."""
        self._parts.passwords.close()


class Page:
    """One row as an ASGI application: the rules, then its endpoint, and whatever goes wrong as a page."""

    def __init__(self, row: Row) -> None:
        """Take the row."""
        if ROLES not in row.endpoint.__dict__:
            msg = f"{row.path}: nothing says who may see it; mark its endpoint with needs(...) or anyone"
            raise LookupError(msg)
        self._row = row

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, _capped(receive, self._row.most))
        try:
            response = await self._answer(request)
        except HTTPException as failure:
            response = await _failed(request, failure)
        except Unavailable as away:
            log.warning("store_unavailable", path=scope["path"][:200], why=str(away))
            response = _said(request, 503, "error.503", {"Retry-After": "5"})
        except (ClientDisconnect, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("crashed", path=scope["path"][:200])
            response = _said(request, 500, "error.500")
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method not in SAFE:
            self._check(request.method, request.headers)
        await _admit(request)
        return await self._row.endpoint(request)

    def _check(self, method: str, headers: Headers) -> None:
        """Refuse what another site sent, what is no form or JSON as the row takes it, and what is too long."""
        site, origin, host = (headers.get(name, "") for name in ("sec-fetch-site", "origin", "host"))
        if not is_own(method, site, origin, host):
            raise HTTPException(403, "error.foreign")
        if headers.get("content-type", "").partition(";")[0].strip().lower() not in self._row.takes:
            raise HTTPException(415)
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self._row.most:
            raise HTTPException(413)


async def _admit(request: Request) -> None:
    """Find out who is signed in."""
    token = cookie(request.headers.get("cookie", ""), COOKIE)
    if not token:
        return
    made = parts(request)
    visit = await made.visits.visit(token, made.clock.now())
    if visit is not None:
        request.state.person, request.state.solver, request.state.session = visit.person, visit.solver, visit.session


def _capped(receive: Receive, most: int) -> Receive:
    """Take in no more of a body than a row allows."""
    left = most

    async def taking() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413)
        return message

    return taking


async def _failed(request: Request, failure: Exception) -> Response:
    """Say what went wrong; a detail that is a key says it better than the status does."""
    assert isinstance(failure, HTTPException)
    key = failure.detail if failure.detail.startswith("error.") else f"error.{failure.status_code}"
    return _said(request, failure.status_code, key, failure.headers)


def _said(request: Request, status: int, key: str, headers: object = None) -> Response:
    """Write an error as a page for people and as JSON for everything else."""
    if "text/html" in request.headers.get("accept", ""):
        response = render(request, "error.html", status, status=status, key=key)
    else:
        response = JSONResponse({"error": NOT_FOUND if status == 404 else say(request, key)}, status)
    if isinstance(headers, dict):
        response.headers.update(headers)
    return response
