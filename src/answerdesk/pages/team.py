"""The pages at /team: who answers and how, changing, suspending and paying them.
Rule: plain forms that lead on to a page; a form sent twice does once what it says."""

from __future__ import annotations

import re
import secrets
from typing import Any, Final

import msgspec
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from answerdesk.desk.books import SaveSolver
from answerdesk.desk.payouts import PaidMeanwhile, PayOut
from answerdesk.desk.people import Change, MakeLink, SignOut
from answerdesk.model.account import digest
from answerdesk.model.fault import Refusal
from answerdesk.model.money import Micros, parse
from answerdesk.model.money import show as show_amount
from answerdesk.model.person import Link, Purpose, Role
from answerdesk.model.question import WORK_KINDS
from answerdesk.model.solver import Solver, SolverId
from answerdesk.pages.guard import OPERATORS, STAFF, Row, needs
from answerdesk.pages.ledger import ledger_of
from answerdesk.pages.members import (
    ANSWERING,
    Member,
    appointable,
    doubts,
    everybody,
    find,
    may_change,
    may_suspend,
    read_grants,
    sent_grants,
    work_of,
)
from answerdesk.pages.parts import parts, render, site_of
from answerdesk.pages.proof import proven

log = structlog.get_logger()

LINK_BYTES: Final = 32
#: What a page may say was done, in its address.
DONE: Final = frozenset(
    {"invited", "changed", "suspended", "resumed", "linked", "paid", "paid-before", "appointed", "signed-out"}
)
LONGEST_NOTE: Final = 200


@needs(*STAFF)
async def show(request: Request) -> Response:
    """List everybody."""
    members = await everybody(request)
    works = [(member, await work_of(request, member.solver)) for member in members]
    may_invite = request.state.person.role in OPERATORS
    return render(request, "team.html", works=works, doubts=await doubts(request), may_invite=may_invite)


@needs(*STAFF)
async def show_member(request: Request) -> Response:
    """Show one of them, with the forms that change them for those who may."""
    return await _page(request, await find(request))


@needs(*STAFF)
async def show_ledger(request: Request) -> Response:
    """Show what one of them earned and was paid, line by line."""
    member = await find(request)
    if member.solver is None:
        raise HTTPException(404)
    return await ledger_of(request, member.solver.id, name=member.name, back=f"/team/{member.key}")


@needs(*OPERATORS)
async def grant(request: Request) -> Response:
    """Change what somebody may be asked."""
    member = await _changeable(request)
    form = await request.form()
    grants = read_grants(form)
    if isinstance(grants, str):
        return await _page(request, member, 422, flaw=grants, **sent_grants(form))
    if member.person is not None:
        fresh = None
        if member.solver is None:
            number = SolverId(await parts(request).store.draw())
            fresh = Solver(id=number, name=member.name, machine=False, enabled=member.enabled)
        by = request.state.person.id
        change = Change(person=member.person, solver=fresh, by=by, **grants._asdict())
        return await _done(request, member, change, "changed")
    solver = msgspec.structs.replace(_solver(member), **grants._asdict())
    return await _done(request, member, SaveSolver(solver=solver), "changed")


@needs(*OPERATORS)
@proven()
async def suspend(request: Request) -> Response:
    """Keep somebody out: they are signed out, and what they hold goes to others."""
    return await _enable(request, "suspended", enabled=False)


@needs(*OPERATORS)
@proven()
async def resume(request: Request) -> Response:
    """Let somebody in again."""
    return await _enable(request, "resumed", enabled=True)


async def _enable(request: Request, done: str, *, enabled: bool) -> Response:
    member = await _changeable(request)
    if not may_suspend(request.state.person, member):
        raise HTTPException(403)
    if member.enabled is enabled:
        return lead_on(request, member, done)
    if member.person is not None:
        change = Change(person=member.person, settings={"enabled": enabled}, by=request.state.person.id)
        return await _done(request, member, change, done)
    return await _done(
        request, member, SaveSolver(solver=msgspec.structs.replace(_solver(member), enabled=enabled)), done
    )


@needs(*OPERATORS)
@proven()
async def appoint(request: Request) -> Response:
    """Give somebody another role; they are signed out, and come in again as what they are now."""
    member = await _changeable(request)
    role = str((await request.form()).get("role") or "")
    if member.person is None or not may_suspend(request.state.person, member):
        raise HTTPException(403)
    if role not in appointable(request.state.person):
        raise HTTPException(403 if role in set(Role) else 400)
    if role == member.person.role:
        return lead_on(request, member, "appointed")
    solver = None
    if member.solver is None and role in ANSWERING:
        number = SolverId(await parts(request).store.draw())
        solver = Solver(id=number, name=member.name, machine=False, enabled=member.enabled)
    settings = {"role": Role(role), "account": None}
    change = Change(person=member.person, settings=settings, solver=solver, by=request.state.person.id)
    return await _done(request, member, change, "appointed")


@needs(*OPERATORS)
@proven()
async def sign_out(request: Request) -> Response:
    """Sign somebody out everywhere; they may come in again."""
    member = await _changeable(request)
    if member.person is None or not may_suspend(request.state.person, member):
        raise HTTPException(403)
    return await _done(request, member, SignOut(person=member.person.id, but=True), "signed-out")


@needs(*OPERATORS)
@proven()
async def link(request: Request) -> Response:
    """Make somebody a fresh link; those made before let nobody in any more."""
    member = await _changeable(request)
    if member.person is None:
        raise HTTPException(404)
    secret = secrets.token_hex(LINK_BYTES)
    fresh = Link(digest=digest(secret), person=member.person.id, purpose=Purpose.INVITE)
    return await _done(request, member, MakeLink(link=fresh, by=request.state.person.id), "linked", secret)


@needs(*OPERATORS)
@proven()
async def pay(request: Request) -> Response:
    """Book a payout: the form says what had been paid when it was shown, so that it works once."""
    member = await _changeable(request)
    if member.solver is None:
        raise HTTPException(404)
    form = await request.form()
    written, before = str(form.get("amount") or ""), str(form.get("before") or "")
    note = " ".join(str(form.get("note") or "").replace("\0", " ").split())[:LONGEST_NOTE]
    if not re.fullmatch(r"[0-9]{1,16}", before):
        raise HTTPException(400)
    try:
        amount = parse(written.strip().lstrip("$").replace(",", "."))
    except ValueError:
        return await _page(request, member, 422, flaw="team.pay.flaw", amount=written, note=note)
    try:
        await parts(request).store.run(
            PayOut(solver=member.solver.id, amount=amount, before=Micros(int(before)), note=note)
        )
    except PaidMeanwhile:
        return lead_on(request, member, "paid-before")
    except Refusal:
        return await _page(request, member, 422, flaw="team.pay.most", amount=written, note=note)
    return lead_on(request, member, "paid")


async def _changeable(request: Request) -> Member:
    member = await find(request)
    if not may_change(request.state.person, member):
        raise HTTPException(403)
    return member


def _solver(member: Member) -> Solver:
    assert member.solver is not None, "who is no person is a solver"
    return member.solver


async def _done(request: Request, member: Member, verb: Any, done: str, secret: str = "") -> Response:
    """Run a verb and lead on to the member's page, which says what was done."""
    try:
        await parts(request).store.run(verb)
    except Refusal as refusal:
        return await _page(request, member, 422, why=refusal.detail)
    return lead_on(request, member, done, secret)


def lead_on(request: Request, member: Member, done: str, secret: str = "", key: str = "") -> Response:
    """Lead on to a member's page, which says what was done and shows its maker the link and key that came of it."""
    made, here = parts(request), request.state.session.digest
    log.info("team_changed", what=done, whom=member.key, by=request.state.person.id)
    if secret:
        made.once.keep(here, member.key, f"{site_of(request)}/enter/{secret}", made.clock.now())
    if key:
        made.once.keep(here, f"{member.key} key", key, made.clock.now())
    return RedirectResponse(f"/team/{member.key}?done={done}", 303)


async def _page(request: Request, member: Member, status: int = 200, **given: Any) -> Response:
    """Write a member's page, with what was wrong in the form that was sent, if anything was."""
    made, viewer = parts(request), request.state.person
    done = request.query_params.get("done", "")
    work = await work_of(request, member.solver)
    here, now = request.state.session.digest, made.clock.now()
    owned = member.person.account if member.person else None
    account = await made.store.account(owned) if owned is not None else None
    usual = {
        "flaw": "", "why": "", "amount": show_amount(work.wages.owed, least=2), "note": "",
        "kinds": list(member.kinds), "languages": member.languages, "groups": member.groups,
    }  # fmt: skip
    return render(
        request,
        "member.html",
        status,
        member=member,
        work=work,
        all_kinds=WORK_KINDS,
        may_change=may_change(viewer, member),
        may_suspend=may_suspend(viewer, member),
        roles=appointable(viewer),
        done=done if done in DONE and status == 200 else "",
        link=made.once.see(here, member.key, now) if done else None,
        key=made.once.see(here, f"{member.key} key", now) if done else None,
        account=account.name if account else "",
        **{**usual, **given},
    )


ROUTES: Final = (
    Row("/team", show),
    Row("/team/{who}", show_member),
    Row("/team/{who}/ledger", show_ledger),
    Row("/team/{who}/grants", grant, ("POST",)),
    Row("/team/{who}/suspend", suspend, ("POST",)),
    Row("/team/{who}/resume", resume, ("POST",)),
    Row("/team/{who}/role", appoint, ("POST",)),
    Row("/team/{who}/sign-out", sign_out, ("POST",)),
    Row("/team/{who}/link", link, ("POST",)),
    Row("/team/{who}/payout", pay, ("POST",)),
)
