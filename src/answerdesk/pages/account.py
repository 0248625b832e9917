"""How somebody signs in, as their own page: where they are signed in, their password, and one-time codes.
Rule: whatever changes how somebody signs in ends every session but this one, which goes on under a new name."""

from __future__ import annotations

import re
from typing import Any, Final

import structlog
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from answerdesk.desk.people import SaveOwn, Secure, SignOut
from answerdesk.model.fault import Refusal
from answerdesk.model.person import LEAST_PASSWORD, MOST_AGENT, MOST_PASSWORD, Person, password_flaw
from answerdesk.pages.guard import OPERATORS, Row, needs
from answerdesk.pages.parts import parts, render
from answerdesk.pages.passwords import Busy, code_link, fresh_secret, step_of
from answerdesk.pages.proof import password_wrong, proven
from answerdesk.pages.session import fresh_session, give

log = structlog.get_logger()

#: What a page may say was done, in its address.
DONE: Final = frozenset({"ended", "password", "codes", "codes-off", "language"})
#: Under what name a secret waits for its first code.
CODES: Final = "codes"
#: What browsers say of themselves, from the word that tells most to the one that tells least.
_BROWSERS: Final = (
    ("Firefox/", "Firefox"), ("Edg/", "Edge"), ("OPR/", "Opera"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iOS"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def browser_of(agent: str) -> str:
    """Give a browser's name and system by what it says of itself, or the beginning of that."""
    browser = next((name for word, name in _BROWSERS if word in agent), "")
    system = next((name for word, name in _SYSTEMS if word in agent), "")
    return ", ".join(filter(None, (browser, system))) or agent[: MOST_AGENT // 4]


@needs()
async def show(request: Request) -> Response:
    """Show where somebody is signed in, and the forms that change how they sign in."""
    return await _page(request)


async def _page(request: Request, status: int = 200, **given: Any) -> Response:
    made, person, here = parts(request), request.state.person, request.state.session
    now = made.clock.now()
    held = [one for one in await made.roll.sessions(person.id) if one.live(now)]
    done = request.query_params.get("done", "")
    secret = made.once.see(here.digest, CODES, now) if not person.totp else None
    context = {
        "sessions": [(one, browser_of(one.agent), one.digest == here.digest) for one in held],
        "least": LEAST_PASSWORD,
        "most": MOST_PASSWORD,
        "done": done if done in DONE and status == 200 else "",
        "secret": secret,
        "spelled": " ".join(re.findall(".{1,4}", secret or "")),
        "link": code_link(secret, person.name) if secret else "",
        "languages": made.words.languages,
        "flaw": "",
    }
    return render(request, "sessions.html", status, **{**context, **given})


@needs()
async def end(request: Request) -> Response:
    """End one other session of this person, or all others."""
    named = str((await request.form()).get("session") or "")
    made, person, here = parts(request), request.state.person, request.state.session
    if not named:
        verb = SignOut(person=person.id, sessions=(here.digest,), but=True)
    else:
        held = await made.roll.sessions(person.id)
        verb = SignOut(person=person.id, sessions=tuple(one.digest for one in held if one.name == named))
    await made.store.run(verb)
    return RedirectResponse("/sessions?done=ended", 303)


def _unasked(form: FormData, person: Person) -> bool:
    """Ask for a proof where the form itself asks for no password: whoever found the browser could stay for ever.

    Who has no password would need a fresh link: that is asked of those who run the desk, and of nobody else.
    """
    return form.get("act") == "begin" if person.password else person.role in OPERATORS


@needs()
@proven(_unasked)
async def password(request: Request) -> Response:
    """Set or change the password; the present one is asked for where there is one."""
    form, person = await request.form(), request.state.person
    if flaw := await _present_wrong(request, form):
        return await _page(request, 422, flaw=flaw)
    given = _text(form, "new")
    if password_flaw(given, person.name):
        return await _page(request, 422, flaw="sessions.password.flaw")
    try:
        hashed = await parts(request).passwords.hash(given)
    except Busy:
        return await _page(request, 503, flaw="entry.busy")
    return await _secured(request, {"password": hashed}, "password")


@needs()
@proven(_unasked)
async def codes(request: Request) -> Response:
    """Begin to ask for one-time codes, confirm that the app shows them, or ask no more."""
    form, person = await request.form(), request.state.person
    made, here = parts(request), request.state.session
    now = made.clock.now()
    act = _text(form, "act")
    if act == "begin" and person.password and not person.totp:
        made.once.keep(here.digest, CODES, fresh_secret(), now)
        return RedirectResponse("/sessions#codes", 303)
    if act == "confirm" and not person.totp:
        secret = made.once.see(here.digest, CODES, now)
        step = step_of(secret, _text(form, "code"), now) if secret else 0
        if not secret or not step:
            return await _page(request, 422, flaw="entry.code.wrong" if secret else "sessions.codes.late")
        return await _secured(request, {"totp": secret, "totp_step": step}, "codes")
    if act == "stop" and person.totp:
        if flaw := await _present_wrong(request, form):
            return await _page(request, 422, flaw=flaw)
        return await _secured(request, {"totp": "", "totp_step": 0}, "codes-off")
    raise HTTPException(400)


@needs()
async def language(request: Request) -> Response:
    """Keep the language of the pages, empty for what the browser asks for."""
    chosen = _text(await request.form(), "language")
    if chosen and chosen not in parts(request).words.languages:
        raise HTTPException(400)
    await parts(request).store.run(SaveOwn(person=request.state.person.id, language=chosen))
    return RedirectResponse("/sessions?done=language", 303)


def _text(form: FormData, name: str) -> str:
    """Give a field's text; raises 400 for what is no text or longer than any field here."""
    given = form.get(name) or ""
    if not isinstance(given, str) or len(given) > MOST_PASSWORD + 1:
        raise HTTPException(400)
    return given


async def _present_wrong(request: Request, form: FormData) -> str | None:
    """Compare the present password where there is one; gives the key of what was wrong, None for nothing."""
    if not request.state.person.password:
        return None
    flaw = await password_wrong(request, _text(form, "present"))
    return "sessions.password.wrong" if flaw == "proof.wrong" else flaw


async def _secured(request: Request, settings: dict[str, Any], done: str) -> Response:
    """Write the change; this browser goes on in a fresh session, every other one ends."""
    secret, session = fresh_session(request)
    person = request.state.person
    try:
        await parts(request).store.run(Secure(person=person, settings=settings, session=session))
    except Refusal:
        return await _page(request, 409, flaw="sessions.stale")
    log.info("secured", person=person.id, what=done)
    return give(RedirectResponse(f"/sessions?done={done}", 303), secret)


ROUTES: Final = (
    Row("/sessions", show),
    Row("/sessions/end", end, ("POST",)),
    Row("/sessions/password", password, ("POST",)),
    Row("/sessions/codes", codes, ("POST",)),
    Row("/sessions/language", language, ("POST",)),
)
