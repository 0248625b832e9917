"""The desk as verbs open it: beside a running server, for the length of one command.
Rule: who is meant is found by name or id, and who is not found is said."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from answerdesk.cli.ends import Failed
from answerdesk.cli.home import Home
from answerdesk.desk.store import DeskStore
from answerdesk.model.account import Account, Purse
from answerdesk.model.solver import Solver
from answerdesk.store.folder import DATABASE, ELSEWHERE, open_desk, read_line

T = TypeVar("T")

#: As many names as a sentence lists.
MOST_LISTED: Final = 20


def with_desk(home: Home, act: Callable[[DeskStore], Awaitable[T]], *, make: bool = False) -> T:
    """Open a desk, act, and close it; only with `make` is one made where there is none."""
    if home.database is None and (elsewhere := read_line(home.data / ELSEWHERE)):
        msg = f"the server of {home.data} has its desk in {elsewhere}; name that by --database or ANSWERDESK_DATABASE"
        raise Failed(msg)
    if not make and home.database is None and not (home.data / DATABASE).exists():
        msg = f"there is no desk in {home.data}; `answerdesk serve --data {home.data}` makes one"
        raise Failed(msg)

    async def acting() -> T:
        async with contextlib.aclosing(open_desk(*home, make=make)) as store:
            return await act(store)

    return asyncio.run(acting())


async def find_account(store: DeskStore, who: str) -> tuple[Account, Purse]:
    """Find an account by its name or id; raises Failed."""
    known = await store.accounts()
    for account, purse in known:
        if who in {account.name, str(account.id)}:
            return account, purse
    msg = f"there is no account {who!r}; {_listed([account.name for account, _ in known], 'accounts')}"
    raise Failed(msg)


def find_solver(store: DeskStore, who: str) -> Solver:
    """Find a worker by name or id; raises Failed."""
    known = store.house().solvers
    for solver in known:
        if who in {solver.name, str(solver.id)}:
            return solver
    msg = f"there is no worker {who!r}; {_listed([solver.name for solver in known], 'workers')}"
    raise Failed(msg)


def _listed(names: list[str], what: str) -> str:
    if not names:
        return f"there are no {what} yet"
    more = ", ..." if len(names) > MOST_LISTED else ""
    return f"{what} are {', '.join(names[:MOST_LISTED])}{more}"
