"""The verb `people`: who signs in to the pages, and as what.
Rule: a link is shown once, when it is made, and lets one person in once; the desk keeps only its digest."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import click

from answerdesk.cli import options, out
from answerdesk.cli.ends import Failed, Misused
from answerdesk.cli.home import Home, of_home
from answerdesk.cli.opened import find_account, with_desk
from answerdesk.cli.running import shown_address
from answerdesk.config import read_settings
from answerdesk.desk.greeting import let_in, owner_of
from answerdesk.desk.people import Change, Enrol, Secure, SignOut
from answerdesk.desk.store import DeskStore
from answerdesk.model.account import AccountId, Millis, digest
from answerdesk.model.person import Link, Person, PersonId, Purpose, Role, Session, handle, password_flaw
from answerdesk.model.question import WORK_KINDS
from answerdesk.model.solver import Solver, SolverId
from answerdesk.store.folder import Wall

#: The secret of a link.
LINK_BYTES: Final = 24
#: Who answers tasks from the start.
ANSWERING: Final = frozenset({Role.OWNER, Role.WORKER})

ROLE: Final = click.Choice([str(role) for role in Role])
KINDS_HELP: Final = f"What the person may be asked, between commas: {', '.join(WORK_KINDS)}, or all."
LANG_HELP: Final = "The languages the person reads, as two-letter codes between commas. Default: every language."
GROUPS_HELP: Final = "The groups the person belongs to, between commas: they may have their accounts' tasks."


@click.group(cls=options.ListFirst)
def people() -> None:
    """People are named by name or id. What is changed counts for a running server at once."""


@people.command("invite")
@click.argument("name", type=options.NAME, help="What to call them; they sign in by it.")
@click.option("--role", type=ROLE, default="worker", show_default=True, help="What they are to the desk.")
@click.option("--kinds", type=options.KINDS, default=None, help=KINDS_HELP + " Default: all, for owners and workers.")
@click.option("--lang", "languages", type=options.LANGUAGE_LIST, default=frozenset(), help=LANG_HELP)
@click.option("--groups", type=options.GROUP_LIST, default=frozenset(), help=GROUPS_HELP + " Default: none.")
@click.option("--account", help="The account a customer sees, by name or id.")
@of_home
def invite(name: str, role: str, account: str | None, home: Home, as_json: bool, **grants: Any) -> None:
    """Take somebody in and print the link that lets them in once, within seven days."""
    became = Role(role)
    if (became is Role.CUSTOMER) is not (account is not None):
        raise Misused("a customer has an account, and nobody else has: --role customer and --account go together")
    answers = grants["kinds"] is not None or became in ANSWERING
    for option, grant in (("--lang", grants["languages"]), ("--groups", grants["groups"])):
        if grant and not answers:
            raise Misused(f"{option} is for people who answer: give --kinds, too, to let a {role} answer")
    secret = secrets.token_hex(LINK_BYTES)

    async def act(store: DeskStore) -> out.Record:
        await owner_of(store, store)
        owned = (await find_account(store, account))[0].id if account else None
        person = Person(id=PersonId(await store.draw()), name=name, role=became, account=owned)
        solver = await _solver(store, name, **grants) if answers else None
        link = Link(digest=digest(secret), person=person.id, purpose=Purpose.INVITE)
        enrolled = await store.run(Enrol(person=person, solver=solver, link=link))
        return {**await _record(store, enrolled), "link": _address(home, secret)}

    out.facts(with_desk(home, act, make=True), as_json=as_json)


async def _solver(store: DeskStore, name: str, **grants: Any) -> Solver:
    given: dict[str, Any] = {grant: value or frozenset() for grant, value in grants.items()}
    return Solver(id=SolverId(await store.draw()), name=name, machine=False, **given)


@people.command("list")
@of_home
def list_(home: Home, as_json: bool) -> None:
    """List everybody, those suspended too."""

    async def act(store: DeskStore) -> list[out.Record]:
        return [await _record(store, person) for person in await store.people()]

    columns = ("id", "name", "role", "enabled", "kinds", "languages", "password", "sessions", "seen")
    none = "There is nobody yet; `people invite` takes somebody in."
    out.table(with_desk(home, act), columns, as_json=as_json, none=none)


@people.command("show")
@click.argument("name", help="The person, by name or id.")
@of_home
def show(name: str, home: Home, as_json: bool) -> None:
    """Show one person, and where they are signed in."""

    async def act(store: DeskStore) -> tuple[out.Record, list[out.Record]]:
        person = await _find(store, name)
        now = Wall().now()
        held = [_session(one) for one in await store.sessions(person.id) if one.live(now)]
        return await _record(store, person), held

    record, held = with_desk(home, act)
    if as_json:
        out.document({**record, "signed_in": held})
        return
    out.facts(record, as_json=False)
    click.echo()
    out.table(held, ("session", "since", "seen", "browser"), as_json=False, none="Signed in nowhere.")


@people.command("link")
@click.argument("name", help="The person, by name or id.")
@of_home
def link(name: str, home: Home, as_json: bool) -> None:
    """Print a fresh link that lets somebody in once; links made for them before let nobody in any more."""
    secret = secrets.token_hex(LINK_BYTES)

    async def act(store: DeskStore, person: Person) -> out.Record:
        made = await let_in(store, person, secret)
        return {**await _record(store, person), "until": out.moment(made.until), "link": _address(home, secret)}

    out.facts(_with(home, name, act), as_json=as_json)


@people.command("set")
@click.argument("name", help="The person, by name or id.")
@click.option("--name", "new_name", type=options.NAME, help="What to call them from now on.")
@click.option("--role", type=ROLE, help="What they are to the desk from now on; they have to sign in again.")
@click.option("--kinds", type=options.KINDS, default=None, help=KINDS_HELP)
@click.option("--lang", "languages", type=options.LANGUAGE_LIST, default=None, help=LANG_HELP)
@click.option("--groups", type=options.GROUP_LIST, default=None, help=GROUPS_HELP + " none for no group.")
@click.option("--account", help="The account a customer sees, by name or id.")
@of_home
def set_(
    name: str, new_name: str | None, role: str | None, account: str | None, home: Home, as_json: bool,
    **grants: Any,
) -> None:  # fmt: skip
    """Change somebody; kinds given to somebody who answered nothing so far let them answer."""
    if not options.given(name=new_name, role=role, account=account, **grants):
        raise Misused("nothing to change: name at least one setting; see answerdesk people set --help")

    async def act(store: DeskStore, person: Person) -> out.Record:
        owned = (await find_account(store, account))[0].id if account else None
        settings = options.given(name=new_name, role=Role(role) if role else None, account=owned)
        if settings.get("role", Role.CUSTOMER) is not Role.CUSTOMER:
            settings["account"] = None
        if (settings.get("role", person.role) is Role.CUSTOMER) is not bool(settings.get("account", person.account)):
            raise Misused("a customer has an account, and nobody else has: --role customer and --account go together")
        wanted = grants["kinds"] is not None or settings.get("role") in ANSWERING
        solver = await _solver(store, new_name or person.name, **grants) if wanted else None
        verb = Change(person=person, settings=settings, solver=solver, **grants)
        return await _record(store, await store.run(verb))

    out.facts(_with(home, name, act), as_json=as_json)


@people.command("suspend")
@click.argument("name", help="The person, by name or id.")
@of_home
def suspend(name: str, home: Home, as_json: bool) -> None:
    """Sign somebody out everywhere and let them in no more; what they hold goes to others."""
    out.facts(_with(home, name, _enabling(on=False)), as_json=as_json)


@people.command("resume")
@click.argument("name", help="The person, by name or id.")
@of_home
def resume(name: str, home: Home, as_json: bool) -> None:
    """Let somebody in again who was suspended; links made before stay spent."""
    out.facts(_with(home, name, _enabling(on=True)), as_json=as_json)


def _enabling(*, on: bool) -> Callable[[DeskStore, Person], Awaitable[out.Record]]:
    async def act(store: DeskStore, person: Person) -> out.Record:
        return await _record(store, await store.run(Change(person=person, settings={"enabled": on})))

    return act


@people.command("revoke-sessions")
@click.argument("name", help="The person, by name or id.")
@of_home
def revoke_sessions(name: str, home: Home, as_json: bool) -> None:
    """Sign somebody out everywhere; they may sign in again."""

    async def act(store: DeskStore, person: Person) -> out.Record:
        ended = await store.run(SignOut(person=person.id, but=True))
        return {**await _record(store, person), "ended": ended}

    out.facts(_with(home, name, act), as_json=as_json)


@people.command("password")
@click.argument("name", help="The person, by name or id.")
@click.option("--remove", is_flag=True, help="Take the password away: from then on only links let the person in.")
@click.option("--forget-codes", is_flag=True, help="Ask for no one-time codes any more, where the app was lost.")
@of_home
def password(name: str, remove: bool, forget_codes: bool, home: Home, as_json: bool) -> None:
    """Set somebody's password, asked for on a terminal or read as the first line of the input.

    It signs the person out everywhere. On a new desk there is one person, called owner.
    """
    given = "" if remove or forget_codes else _read_password()
    if given and (flaw := password_flaw(given, name)):
        raise Misused(flaw)
    from answerdesk.pages.passwords import Passwords

    passwords = Passwords()
    hashed = passwords.make(given) if given else ""
    passwords.close()

    async def act(store: DeskStore, person: Person) -> out.Record:
        settings: dict[str, Any] = {"totp": "", "totp_step": 0} if forget_codes else {}
        if given or remove:
            settings["password"] = hashed
        return await _record(store, await store.run(Secure(person=person, settings=settings)))

    out.facts(_with(home, name, act), as_json=as_json)


def _read_password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    given = sys.stdin.readline().rstrip("\r\n")
    if not given:
        raise Misused("give the password as the first line of the input, or run this on a terminal to be asked for it")
    return given


def _with(home: Home, who: str, act: Callable[[DeskStore, Person], Awaitable[out.Record]]) -> out.Record:
    """Act on one person of the desk, which is made where there is none: its owner may want a password first."""

    async def acting(store: DeskStore) -> out.Record:
        await owner_of(store, store)
        return await act(store, await _find(store, who))

    return with_desk(home, acting, make=True)


async def _find(store: DeskStore, who: str) -> Person:
    """Find somebody by name or id; raises Failed."""
    known = await store.people()
    for person in known:
        if handle(who) == handle(person.name) or who == str(person.id):
            return person
    raise Failed(f"there is nobody called {who!r}; people are {', '.join(person.name for person in known[:20])}")


def _address(home: Home, secret: str) -> str:
    """Give a link as people open it: at the address they know the desk by, else where it listens."""
    settings = read_settings({"data": home.data}, os.environ)
    listened = f"{'https' if settings.tls else 'http'}://{settings.host}:{settings.port}"
    return f"{settings.public_url or shown_address(home.data) or listened}/enter/{secret}"


async def _record(store: DeskStore, person: Person) -> out.Record:
    solver = next((one for one in store.house().solvers if one.id == person.solver), None)
    now = Wall().now()
    sessions = [one for one in await store.sessions(person.id) if one.live(now)]
    return {
        "id": person.id,
        "name": person.name,
        "role": str(person.role),
        "enabled": person.enabled,
        "kinds": sorted(solver.kinds or WORK_KINDS) if solver else [],
        "languages": sorted(solver.languages) if solver else [],
        "groups": sorted(solver.groups) if solver else [],
        "worker": solver.id if solver else None,
        "account": await _account_name(store, person.account),
        "password": bool(person.password),
        "codes": bool(person.totp),
        "sessions": len(sessions),
        "seen": out.moment(max((one.seen for one in sessions), default=Millis(0))),
        "created": out.moment(person.created),
    }


async def _account_name(store: DeskStore, account: AccountId | None) -> str | None:
    found = await store.account(account) if account is not None else None
    return found.name if found else None


def _session(session: Session) -> out.Record:
    return {
        "session": session.name,
        "since": out.moment(session.created),
        "seen": out.moment(session.seen),
        "until": out.moment(session.until),
        "browser": session.agent,
    }
