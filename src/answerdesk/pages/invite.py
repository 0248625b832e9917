"""The page at /team/invite: taking somebody in, and leading on to the link that lets them in.
Rule: nobody invites above themselves; a form sent twice takes one in."""

from __future__ import annotations

import secrets
from typing import Any, Final, NamedTuple

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from answerdesk.desk.books import OpenAccount
from answerdesk.desk.people import Enrol
from answerdesk.model.account import Account, AccountId, digest
from answerdesk.model.fault import Refusal
from answerdesk.model.person import MANAGES, Link, Person, PersonId, Purpose, Role, handle, name_flaw
from answerdesk.model.question import WORK_KINDS
from answerdesk.model.solver import Solver, SolverId
from answerdesk.pages.guard import OPERATORS, Row, needs
from answerdesk.pages.members import Grants, Member, read_grants, sent_grants
from answerdesk.pages.parts import parts, render
from answerdesk.pages.proof import proven
from answerdesk.pages.team import LINK_BYTES, lead_on

#: Whom a form invites.
INVITED: Final = (Role.WORKER, Role.CUSTOMER, Role.VIEWER, Role.OPERATOR, Role.OWNER)
#: Accounts that the form offers by name; further ones are found all the same.
MOST_OFFERED: Final = 200
KEY_BYTES: Final = 16


class Plan(NamedTuple):
    """Who is to be taken in, once nothing is wrong with what was sent."""

    name: str
    role: Role
    #: What they may be asked, None for somebody who does not answer.
    grants: Grants | None
    language: str
    #: A customer's account, or the name of one to open.
    account: AccountId | None
    opens: str


def _appoints(form: FormData, person: Person) -> bool:
    """Ask for a proof where somebody gets power over others."""
    del person
    return form.get("role") in OPERATORS


@needs(*OPERATORS)
@proven(_appoints)
async def invite(request: Request) -> Response:
    """Show the form, or take somebody in and lead to their page, which shows the link that lets them in."""
    if request.method != "POST":
        return await _page(request)
    form = await request.form()
    role = str(form.get("role") or "")
    if role not in _roles(request):
        raise HTTPException(403 if role in set(Role) else 400)
    sent = {
        "name": " ".join(str(form.get("name") or "").split()), "role": role, "answers": bool(form.get("answers")),
        "language": str(form.get("language") or ""), "account": " ".join(str(form.get("account") or "").split()),
        "opens": bool(form.get("opens")), **sent_grants(form),
    }  # fmt: skip
    plan = await _plan(request, form, sent)
    if isinstance(plan, str):
        return await _page(request, 422, flaw=plan, **sent)
    return await _taken_in(request, plan, sent)


async def _taken_in(request: Request, plan: Plan, sent: dict[str, Any]) -> Response:
    store, secret, key = parts(request).store, secrets.token_hex(LINK_BYTES), ""
    account, opens = plan.account, None
    if plan.opens:
        key, account = secrets.token_hex(KEY_BYTES), AccountId(await store.draw())
        opens = OpenAccount(account=Account(id=account, name=plan.opens), key=(digest(key), key[-4:]))
    person = Person(
        id=PersonId(await store.draw()), name=plan.name, role=plan.role, account=account, language=plan.language
    )
    solver = None
    if plan.grants is not None:
        number = SolverId(await store.draw())
        solver = Solver(id=number, name=plan.name, machine=False, **plan.grants._asdict())
    link = Link(digest=digest(secret), person=person.id, purpose=Purpose.INVITE)
    try:
        await store.run(Enrol(person=person, solver=solver, link=link, opens=opens, by=request.state.person.id))
    except Refusal as refusal:
        return await _page(request, 422, why=refusal.detail, **sent)
    return lead_on(request, Member(person, solver), "invited", secret, key)


async def _plan(request: Request, form: FormData, sent: dict[str, Any]) -> Plan | str:
    """Read who is to be taken in, or give the key of the sentence that says what is wrong."""
    made, name, role = parts(request), sent["name"], Role(sent["role"])
    if sent["language"] and sent["language"] not in made.words.languages:
        raise HTTPException(400)
    if name_flaw(name):
        return "team.name.flaw"
    if await made.roll.person_called(handle(name)) is not None:
        return "team.name.taken"
    grants = None
    # A customer asks; whoever also answers is granted that on their own page.
    if role is Role.WORKER or (sent["answers"] and role is not Role.CUSTOMER):
        read = read_grants(form)
        if isinstance(read, str):
            return read
        grants = read
    account = await _account(request, sent) if role is Role.CUSTOMER else (None, "")
    if isinstance(account, str):
        return account
    return Plan(name, role, grants, sent["language"], *account)


async def _account(request: Request, sent: dict[str, Any]) -> tuple[AccountId | None, str] | str:
    """Find a customer's account by name or number, or take the name of one to open."""
    wanted = sent["account"]
    known = await parts(request).records.accounts()
    named = next((account.id for account, _ in known if wanted == account.name), None)
    if not sent["opens"]:
        found = named or next((account.id for account, _ in known if wanted == str(account.id)), None)
        return "team.account.none" if found is None else (found, "")
    if named is not None:
        return "team.account.taken"
    return "team.account.flaw" if name_flaw(wanted) else (None, wanted)


def _roles(request: Request) -> tuple[Role, ...]:
    return tuple(role for role in INVITED if role in MANAGES[request.state.person.role])


async def _page(request: Request, status: int = 200, **given: Any) -> Response:
    accounts = sorted(account.name for account, _ in await parts(request).records.accounts())
    empty = {
        "name": "", "role": Role.WORKER, "answers": True, "kinds": list(WORK_KINDS), "languages": "", "groups": "",
        "language": "", "account": "", "opens": False, "flaw": "", "why": "",
    }  # fmt: skip
    return render(
        request,
        "invite.html",
        status,
        roles=_roles(request),
        all_kinds=WORK_KINDS,
        accounts=accounts[:MOST_OFFERED],
        page_languages=parts(request).words.languages,
        **{**empty, **given},
    )


ROUTES: Final = (Row("/team/invite", invite, ("GET", "POST")),)
