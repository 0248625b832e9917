"""The machine worker that runs beside a server, in a process of its own: enrolled, started, and started again.
Rule: it is a worker like any other, over the work API; only its start is the server's matter."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from answerdesk.api.server import STOP_SECONDS
from answerdesk.config import ANCHORS, Settings
from answerdesk.desk.books import SaveSolver
from answerdesk.desk.store import DeskStore
from answerdesk.desk.work import Free
from answerdesk.model.account import digest
from answerdesk.model.question import Kind
from answerdesk.model.solver import Solver, SolverId
from answerdesk.solve.plugin import SolverUnknown, make
from answerdesk.store.folder import read_line, write_secret

if TYPE_CHECKING:
    # What it imports costs a quarter of a second, and serves https alone.
    from answerdesk.api.certificates import Certificate

log = structlog.get_logger()

#: What names no machine solver.
NO_SOLVER: Final = "none"
#: What leads to the database.
NOT_FOR_WORKERS: Final = frozenset({"ANSWERDESK_DATABASE", "PGPASSWORD"})
#: A worker that ran this long did not fail at its start.
LONG_RUN_SECONDS: Final = 60.0


async def enrol_machine(store: DeskStore, settings: Settings) -> tuple[str | None, str | None]:
    """Enrol this folder's machine solver and free what it held; gives its token, or why there is none."""
    if settings.solver == NO_SOLVER:
        return None, None
    try:
        solver = make(settings.solver)
    except (SolverUnknown, ImportError) as error:
        return None, str(error)
    able, why = solver.available()
    if not able:
        return None, why
    host = socket.gethostname()
    path = settings.data / f"{settings.solver}.token"
    token = read_line(path) or secrets.token_hex(16)
    write_secret(path, token)
    known = await _known_machine(store, settings, token, f"{settings.solver}@{host}")
    name = known.name if known else _free_name(store, f"{settings.solver}@{host}")
    kinds = frozenset(Kind(kind) for kind in solver.kinds)
    enrolled = msgspec.structs.replace(
        known or Solver(id=SolverId(await store.draw()), name=name, machine=True, host=host),
        kinds=kinds,
        languages=frozenset(solver.languages),
    )
    await store.run(SaveSolver(solver=enrolled, token=digest(token)))
    await store.run(Free(solvers=(enrolled.id,)))
    return token, None


async def _known_machine(store: DeskStore, settings: Settings, token: str, name: str) -> Solver | None:
    """Find this folder's machine: by its token, or by its name where no other folder's can be called so."""
    by_token = await store.solver_by_token(digest(token))
    if by_token is not None or settings.database is not None:
        return by_token
    return next((one for one in store.house().solvers if one.name == name), None)


def _free_name(store: DeskStore, name: str) -> str:
    """Give a name that no solver has: on one host several nodes may serve one database, each with a machine."""
    taken = {one.name for one in store.house().solvers}
    numbered = (f"{name} {n}" for n in range(2, len(taken) + 3))
    return next(each for each in (name, *numbered) if each not in taken)


def environ_of_worker(environ: Mapping[str, str], token: str) -> dict[str, str]:
    """Give a worker's environment: it reads pictures of strangers, and needs no secret but a token of its own."""
    return {name: value for name, value in environ.items() if name not in NOT_FOR_WORKERS} | {"ANSWERDESK_TOKEN": token}


async def keep_working(settings: Settings, url: str, token: str, certificate: Certificate | None = None) -> None:
    """Run the machine worker in a process of its own, and again with back-off when it ends."""
    pinned = ["--pinned", str(settings.data / ANCHORS)] if certificate else []
    traced = ["--trace-endpoint", settings.trace_endpoint] if settings.trace_endpoint else []
    pause = 1.0
    while True:
        began = time.monotonic()
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "answerdesk.cli", "worker", "--solver", settings.solver, "--url", url,
            *pinned, *traced, "--parent", str(os.getpid()), env=environ_of_worker(os.environ, token),
        )  # fmt: skip
        try:
            code = await worker.wait()
        finally:
            if worker.returncode is None:
                worker.terminate()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(worker.wait(), STOP_SECONDS)
        pause = 1.0 if time.monotonic() - began > LONG_RUN_SECONDS else min(pause * 2, 60.0)
        log.warning("worker_ended", code=code, again_in=pause)
        await asyncio.sleep(pause)
