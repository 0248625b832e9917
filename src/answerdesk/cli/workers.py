"""The verb `workers`: those who answer, people and machines.
Rule: a token is shown once, when it is made; the desk keeps only its digest."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any, Final

import click
import msgspec

from answerdesk.cli import options, out
from answerdesk.cli.ends import Failed, Misused
from answerdesk.cli.home import Home, of_home
from answerdesk.cli.opened import find_solver, with_desk
from answerdesk.desk.books import SaveSolver
from answerdesk.desk.store import DeskStore
from answerdesk.desk.work import Free
from answerdesk.model.account import digest
from answerdesk.model.question import WORK_KINDS
from answerdesk.model.solver import Solver, SolverId


@click.group()
def workers() -> None:
    """Workers are named by name or id. What is changed counts for a running server at once."""


_KINDS: Final = f"What the worker may be asked, between commas: {', '.join(WORK_KINDS)}, or all."
_LANGUAGES: Final = "The languages the worker reads, as two-letter codes between commas."
_GROUPS: Final = "The groups the worker belongs to, between commas: it may have their accounts' tasks."


@workers.command("add")
@click.argument("name", type=options.NAME, help="What to call it; no other worker may be called so.")
@click.option("--kinds", type=options.KINDS, default="all", show_default=True, help=_KINDS)
@click.option(
    "--lang",
    "languages",
    type=options.LANGUAGE_LIST,
    default=frozenset(),
    help=f"{_LANGUAGES} Default: every language.",
)
@click.option("--groups", type=options.GROUP_LIST, default=frozenset(), help=f"{_GROUPS} Default: none.")
@click.option("--machine", is_flag=True, help="A machine, which is asked before people and earns nothing.")
@of_home
def add(name: str, home: Home, as_json: bool, **grants: Any) -> None:
    """Enrol a worker and print its token for the work API; a revoked one of that name gets a new token."""
    token = secrets.token_hex(16)

    async def act(store: DeskStore) -> out.Record:
        known = next((solver for solver in store.house().solvers if solver.name == name), None)
        if known and known.enabled:
            raise Failed(f"there is a worker {name!r} already; revoke it first to give it a new token")
        base = known or Solver(id=SolverId(await store.draw()), name=name, machine=grants["machine"])
        solver = msgspec.structs.replace(base, **grants, enabled=True)
        saved = await store.run(SaveSolver(solver=solver, token=digest(token)))
        return {**_record(saved), "token": token}

    out.facts(with_desk(home, act, make=True), as_json=as_json)


@workers.command("list")
@of_home
def list_(home: Home, as_json: bool) -> None:
    """List all workers, revoked ones too."""

    async def act(store: DeskStore) -> list[out.Record]:
        return [_record(solver) for solver in store.house().solvers]

    columns = ("id", "name", "machine", "enabled", "kinds", "languages", "seen")
    out.table(with_desk(home, act), columns, as_json=as_json, none="There are no workers; `workers add` enrols one.")


@workers.command("set")
@click.argument("name", help="The worker, by name or id.")
@click.option("--kinds", type=options.KINDS, help=_KINDS)
@click.option("--lang", "languages", type=options.LANGUAGE_LIST, help=_LANGUAGES)
@click.option("--any-lang", is_flag=True, help="Let the worker have tasks of every language.")
@click.option("--groups", type=options.GROUP_LIST, help=f"{_GROUPS} none for no group.")
@of_home
def set_(name: str, any_lang: bool, home: Home, as_json: bool, **grants: frozenset[Any] | None) -> None:
    """Change what a worker may have; what is not named stays."""
    changed = {grant: value for grant, value in grants.items() if value is not None}
    changed |= {"languages": frozenset()} if any_lang else {}
    if not changed:
        raise Misused("nothing to change: name at least one grant; see answerdesk workers set --help")

    async def act(store: DeskStore) -> out.Record:
        solver = msgspec.structs.replace(find_solver(store, name), **changed)
        return _record(await store.run(SaveSolver(solver=solver)))

    out.facts(with_desk(home, act), as_json=as_json)


@workers.command("revoke")
@click.argument("name", help="The worker, by name or id.")
@of_home
def revoke(name: str, home: Home, as_json: bool) -> None:
    """End a worker's token and give what it holds to others."""

    async def act(store: DeskStore) -> out.Record:
        solver = find_solver(store, name)
        freed, saved = await asyncio.gather(
            store.run(Free(solvers=(solver.id,))),
            store.run(SaveSolver(solver=msgspec.structs.replace(solver, enabled=False))),
        )
        return {**_record(saved), "freed": freed}

    out.facts(with_desk(home, act), as_json=as_json)


def _record(solver: Solver) -> out.Record:
    return {
        "id": solver.id,
        "name": solver.name,
        "machine": solver.machine,
        "enabled": solver.enabled,
        "kinds": sorted(solver.kinds or WORK_KINDS),
        "languages": sorted(solver.languages),
        "groups": sorted(solver.groups),
        "seen": out.moment(solver.seen),
        "created": out.moment(solver.created),
    }
