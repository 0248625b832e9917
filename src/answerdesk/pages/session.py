"""Coming in and going out: one-time links, passwords, and the end of a session.
Rule: every sign-in opens a fresh session in one unit and ends the one this browser had (UX §4)."""

from __future__ import annotations

import re
import secrets
from typing import Any, Final

import msgspec
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from answerdesk.desk.people import Enter, SignIn, SignOut
from answerdesk.model.account import digest
from answerdesk.model.fault import Refusal
from answerdesk.model.origin import is_trustworthy
from answerdesk.model.person import COOKIE, LIFE_MS, MOST_AGENT, MOST_PASSWORD, Person, PersonId, Session, handle
from answerdesk.pages.guard import FORM, JSON, Row, anyone, home_of, needs, wants_json
from answerdesk.pages.parts import parts, render
from answerdesk.pages.passwords import Busy, step_of

log = structlog.get_logger()

#: The secret of a session: 256 bits.
SECRET_BYTES: Final = 32
#: What reads addresses without anybody looking: whoever shows a link before it is opened.
_PREVIEWER: Final = re.compile(r"bot\b|crawler|spider|preview|externalhit|whatsapp|embedly", re.IGNORECASE)
_AHEAD: Final = ("sec-purpose", "purpose", "x-purpose", "x-moz")
#: Where nobody is sent after signing in, for they would be out again or in a circle.
_NO_WAY: Final = ("/sign-in", "/sign-out", "/enter/", "/api/", "/s/")


def fresh_session(request: Request) -> tuple[str, Session]:
    """Draw a session for this browser; gives the cookie's secret, of which only the digest is kept."""
    secret = secrets.token_hex(SECRET_BYTES)
    agent = request.headers.get("user-agent", "")[:MOST_AGENT]
    return secret, Session(digest=digest(secret), person=PersonId(0), agent=agent)


def before(request: Request) -> bytes | None:
    """Give the digest of the session this browser has."""
    token = request.cookies.get(COOKIE, "")
    return digest(token) if token else None


def give(response: Response, secret: str) -> Response:
    """Send a session's cookie along."""
    response.set_cookie(COOKIE, secret, max_age=LIFE_MS // 1000, path="/", secure=True, httponly=True, samesite="lax")
    return response


def take(response: Response) -> Response:
    """Have the browser forget its session."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return response


def refuse_in_the_open(request: Request) -> None:
    """Refuse to sign anybody in where the line can be read and browsers keep no secure cookie."""
    if not is_trustworthy(parts(request).scheme(request.scope), request.headers.get("host", "")):
        raise HTTPException(403, "error.open")


@anyone
async def enter(request: Request) -> Response:
    """Open a one-time link. Whoever only looks ahead gets a page with a button, and the link stays unspent."""
    refuse_in_the_open(request)
    if request.method != "POST" and is_looking_ahead(request):
        return render(request, "enter.html", spent=False)
    link = digest(request.path_params["secret"])
    if await parts(request).roll.link(link) is None:
        # Whoever tries addresses is told without a write.
        return render(request, "enter.html", 410, spent=True)
    secret, session = fresh_session(request)
    try:
        _, person = await parts(request).store.run(Enter(link=link, session=session, before=before(request)))
    except Refusal:
        return render(request, "enter.html", 410, spent=True)
    log.info("entered", person=person.id, by="link")
    return give(RedirectResponse(home_of(person.role), 303), secret)


def is_looking_ahead(request: Request) -> bool:
    """Tell whether a link is only looked at: fetched ahead, by a program that previews, or not as a page."""
    ahead = any(re.search("prefetch|prerender|preview", request.headers.get(name, "")) for name in _AHEAD)
    mode = request.headers.get("sec-fetch-mode", "navigate") != "navigate"
    previewed = _PREVIEWER.search(request.headers.get("user-agent", "")) is not None
    return request.method == "HEAD" or ahead or mode or previewed


@anyone
async def sign_in(request: Request) -> Response:
    """Show the form, or sign in by name and password, and a code where one is asked for."""
    if request.method != "POST":
        way = _way(request.query_params.get("next", ""))
        if request.state.person is not None:
            return RedirectResponse(way or home_of(request.state.person.role), 303)
        return _form(request, 200, way=way)
    refuse_in_the_open(request)
    given = await _given(request)
    way = _way(given["next"])
    person, why = await _known(request, given)
    if person is None:
        return _turned(request, given, why)
    step = step_of(person.totp, given["code"], parts(request).clock.now()) if person.totp else 0
    if person.totp and not step:
        if given["code"]:
            return _turned(request, given, "code.wrong")
        _give_back(request, given["name"])
        return _turned(request, given, "code")
    secret, session = fresh_session(request)
    verb = SignIn(person=person, session=session, step=step, before=before(request))
    try:
        person = (await parts(request).store.run(verb))[1]
    except Refusal:
        return _turned(request, given, "code.used" if step else "wrong")
    _give_back(request, given["name"])
    log.info("entered", person=person.id, by="password")
    home = way or home_of(person.role)
    if wants_json(request):
        return give(JSONResponse({"name": person.name, "role": person.role, "home": home}), secret)
    return give(RedirectResponse(home, 303), secret)


async def _known(request: Request, given: dict[str, str]) -> tuple[Person | None, str]:
    """Compare the password; gives whose it is, or nobody and why."""
    made = parts(request)
    name = handle(given["name"])
    if not made.attempts.take(name, made.ip(request.scope), made.clock.monotonic()):
        log.warning("sign_ins_slowed", ip=made.ip(request.scope))
        return None, "often"
    person = await made.roll.person_called(name)
    hashed = person.password if person is not None and person.enabled else ""
    try:
        right = await made.passwords.matches(hashed, given["password"])
    except Busy:
        _give_back(request, given["name"])
        return None, "busy"
    return (person, "") if right and person is not None else (None, "wrong")


def _give_back(request: Request, name: str) -> None:
    made = parts(request)
    made.attempts.give_back(handle(name), made.ip(request.scope), made.clock.monotonic())


_STATUS: Final = {"often": 429, "busy": 503}
#: After how many seconds it is worth trying again where passwords are compared as fast as this machine can.
BUSY_SECONDS: Final = 5


def _turned(request: Request, given: dict[str, str], why: str) -> Response:
    """Say why somebody was not let in; a wrong name and a wrong password look the same."""
    status = _STATUS.get(why, 401)
    if wants_json(request):
        sentence = parts(request).words.say("en", f"entry.{why}")
        response: Response = JSONResponse({"error": sentence, "why": why}, status)
    else:
        way, code = _way(given["next"]), why.startswith("code")
        response = _form(request, status, name=given["name"], why=why, way=way, code=code)
    if why in _STATUS:
        response.headers["Retry-After"] = str(_wait(request, given["name"]) if why == "often" else BUSY_SECONDS)
    return response


def _wait(request: Request, name: str) -> int:
    made = parts(request)
    return made.attempts.wait(handle(name), made.ip(request.scope), made.clock.monotonic())


def _form(request: Request, status: int, **context: Any) -> Response:
    return render(request, "sign-in.html", status, **{"name": "", "why": "", "way": "", "code": False, **context})


async def _given(request: Request) -> dict[str, str]:
    """Read what was sent, as a form or as JSON; what is missing is empty."""
    names = ("name", "password", "code", "next")
    if wants_json(request):
        try:
            sent = msgspec.json.decode(await request.body(), type=dict[str, Any])
        except msgspec.MsgspecError:
            raise HTTPException(400) from None
    else:
        sent = dict(await request.form())
    given = {name: sent.get(name) or "" for name in names}
    if not all(isinstance(said, str) and len(said) <= MOST_PASSWORD for said in given.values()):
        raise HTTPException(400)
    return given


def _way(given: str) -> str:
    """Give the page of this site that is wanted after signing in, empty for none or another site's."""
    inside = re.fullmatch(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*", given)
    return "" if inside is None or given.startswith(_NO_WAY) else given


@needs()
async def sign_out(request: Request) -> Response:
    """End this session, or with `everywhere` all of the person's."""
    form = await request.form()
    session, person = request.state.session, request.state.person
    everywhere = bool(form.get("everywhere"))
    await parts(request).store.run(
        SignOut(person=person.id, sessions=() if everywhere else (session.digest,), but=everywhere)
    )
    return take(RedirectResponse("/sign-in", 303))


ROUTES: Final = (
    Row("/enter/{secret}", enter, ("GET", "POST")),
    Row("/sign-in", sign_in, ("GET", "POST"), FORM + JSON),
    Row("/sign-out", sign_out, ("POST",)),
)
