"""Proving anew who one is, for what pays, lets in or keeps out: asked for in place, and what was sent goes on.
Rule: a proof opens a session of its own, as a sign-in does, so how old a proof is, is how old its session is."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final

import structlog
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from answerdesk.desk.people import Enter, SignIn
from answerdesk.desk.ports import Verb
from answerdesk.model.account import digest
from answerdesk.model.fault import Refusal
from answerdesk.model.origin import SAFE
from answerdesk.model.person import COOKIE, MOST_PASSWORD, Person, Session, handle
from answerdesk.pages.guard import Endpoint
from answerdesk.pages.parts import parts, render
from answerdesk.pages.passwords import Busy, step_of
from answerdesk.pages.session import fresh_session, give

log = structlog.get_logger()

#: The fields of a proof: none of them is what an endpoint reads.
PROOF: Final = "proof"
CODE: Final = "proof-code"
LINK: Final = "proof-link"


def always(form: FormData, person: Person) -> bool:
    """Ask for a proof whatever was sent."""
    del form, person
    return True


def proven(wanted: Callable[[FormData, Person], bool] = always) -> Callable[[Endpoint], Endpoint]:
    """Let an endpoint do what was sent only for somebody who proved within minutes who they are."""

    def guard(endpoint: Endpoint) -> Endpoint:
        @functools.wraps(endpoint)
        async def guarded(request: Request) -> Response:
            state = request.state
            if request.method in SAFE or state.session.fresh(parts(request).clock.now()):
                return await endpoint(request)
            form = await request.form()
            if not wanted(form, state.person):
                return await endpoint(request)
            secret, session = fresh_session(request)
            proof = await _proof(request, form, session)
            if isinstance(proof, str):
                return _asked(request, form, proof)
            before = state.session.digest
            try:
                state.session, state.person = await parts(request).store.run(proof)
            except Refusal:
                return _asked(request, form, "entry.code.used" if state.person.password else "proof.link.spent")
            parts(request).once.carry(before, state.session.digest)
            log.info("proved", person=state.person.id)
            response = await endpoint(request)
            # What changes how somebody signs in sends a session of its own.
            return response if COOKIE in response.headers.get("set-cookie", "") else give(response, secret)

        return guarded

    return guard


async def _proof(request: Request, form: FormData, session: Session) -> Verb[tuple[Session, Person]] | str:
    """Give what opens the session that proves who is there, or the key of what is missing or wrong; empty to ask."""
    person: Person = request.state.person
    before = request.state.session.digest
    if not person.password:
        link = _text(form, LINK).strip().rstrip("/").rpartition("/")[2]
        if not link:
            return ""
        found = await parts(request).roll.link(digest(link))
        if found is None or found[1].id != person.id:
            return "proof.link.spent"
        return Enter(link=digest(link), session=session, before=before)
    if not _text(form, PROOF):
        return ""
    if flaw := await password_wrong(request, _text(form, PROOF)):
        return flaw
    step = step_of(person.totp, _text(form, CODE), parts(request).clock.now()) if person.totp else 0
    if person.totp and not step:
        return "entry.code.wrong"
    return SignIn(person=person, session=session, step=step, before=before)


async def password_wrong(request: Request, given: str) -> str | None:
    """Compare a password with that of whoever is signed in; gives the key of what was wrong, None for nothing."""
    person: Person = request.state.person
    made = parts(request)
    caller = handle(person.name), made.ip(request.scope), made.clock.monotonic()
    if not made.attempts.take(*caller):
        return "entry.often"
    try:
        right = await made.passwords.matches(person.password, given)
    except Busy:
        right = None
    if right is not False:
        made.attempts.give_back(*caller)
    return {True: None, None: "entry.busy", False: "proof.wrong"}[right]


def _asked(request: Request, form: FormData, flaw: str) -> Response:
    """Ask for a proof on a page that holds all that was sent, for whoever is in that session to send on."""
    proof = {PROOF, CODE, LINK}
    kept = [(name, value) for name, value in form.multi_items() if name not in proof and isinstance(value, str)]
    path = request.url.path
    return render(request, "proof.html", 401, kept=kept, flaw=flaw, back=path.rpartition("/")[0], most=MOST_PASSWORD)


def _text(form: FormData, name: str) -> str:
    given = form.get(name) or ""
    if not isinstance(given, str) or len(given) > MOST_PASSWORD:
        raise HTTPException(400)
    return given
