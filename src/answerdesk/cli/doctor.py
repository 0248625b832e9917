"""The verbs `doctor` and `version`: whether a desk and its machine are well, and what runs here.
Rule: a check says what it found; one that finds something wrong says what to do about it."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import stat
from collections.abc import Callable
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from answerdesk.cli import options, out
from answerdesk.cli.ends import DONE, FAILED
from answerdesk.cli.home import Home, database_option, find_home
from answerdesk.cli.opened import with_desk
from answerdesk.cli.running import readiness, shown_address
from answerdesk.cli.trust import trusted
from answerdesk.config import FIRST_KEY, read_settings
from answerdesk.desk.store import DeskStore
from answerdesk.model.database import DatabaseUrl
from answerdesk.store.folder import DATABASE, Wall
from answerdesk.store.health import SQLITE, examine

#: Below this much free space something is wrong.
LEAST_FREE: Final = 256 * 2**20
#: A server with fewer files than this holds too few connections.
LEAST_FILES: Final = 1_024


class Wrong(Exception):
    """What a check found wrong."""


class Given(NamedTuple):
    """Where the desk is, as the command line says it."""

    data: Path
    database: str | None

    @property
    def flags(self) -> dict[str, Any]:
        """The same, as settings are given."""
        return self._asdict()

    @property
    def home(self) -> Home:
        """Where the desk is; raises BadSetting."""
        return find_home(*self)


def _settings(given: Given) -> str:
    read_settings(given.flags, os.environ)
    return "all accepted"


def _folder(given: Given) -> str:
    data, database = given.home
    if database is None and not (data / DATABASE).exists():
        raise Wrong(f"there is no desk in {data}; `answerdesk serve --data {data}` makes one")
    for path in (data / DATABASE, data / FIRST_KEY, *data.glob("*.token"), *data.glob("tls/*.key")):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Wrong(f"others may read {path}; `chmod 600 {path}` ends that")
    return f"{data}, secrets readable by their owner only"


def _database(given: Given) -> str:
    data, database = given.home
    if database is not None:
        return _database_server(database)
    found = examine(data / DATABASE)
    if found.integrity != "ok":
        raise Wrong(f"damaged: {found.integrity}; restore the last backup")
    if found.schema > found.known:
        raise Wrong(f"of a newer answerdesk (schema {found.schema}, this one knows {found.known}); upgrade answerdesk")
    if (found.journal, found.synchronous) != ("wal", "full"):
        raise Wrong(f"journal {found.journal}, synchronous {found.synchronous}: the disk cannot keep a write-ahead log")
    return f"sound; SQLite {SQLITE}, journal wal, synchronous full, schema {found.schema}"


def _database_server(database: DatabaseUrl) -> str:
    try:
        from answerdesk.store.checkup import check_up
    except ImportError as error:
        raise Wrong(f"PostgreSQL needs the extra `postgres`: pip install 'answerdesk[postgres]' ({error})") from error
    found = check_up(database, Wall().now)
    if found.wrong:
        raise Wrong(f"{database}: {'; '.join(found.wrong)}")
    schema = "; ".join((f"schema {found.schema}", *found.put_off))
    return f"{database}: PostgreSQL {found.version}, {found.promise}, {found.room} connections left, {schema}"


def _ledger(given: Given) -> str:
    sums = with_desk(given.home, lambda store: store.sums())
    if sums.drifting:
        raise Wrong(f"balances differ from the ledger: {', '.join(map(out.clean, sums.drifting))}")
    return f"{sums.entries} bookings add up to every balance"


def _rules(given: Given) -> str:
    async def unread(store: DeskStore) -> tuple[str, ...]:
        return store.house().unread

    if names := with_desk(given.home, unread):
        raise Wrong(
            f"those of {', '.join(map(out.clean, names))} cannot be read: no machine answers such tasks alone;"
            " `answerdesk rules set TYPE ...` writes them anew"
        )
    return "all readable"


def _disk(given: Given) -> str:
    data = given.data
    free = shutil.disk_usage(next(path for path in (data, *data.absolute().parents) if path.exists())).free
    if free < LEAST_FREE:
        raise Wrong(f"{free / 2**20:.0f} MiB free; at least {LEAST_FREE // 2**20} are wanted")
    return f"{free / 2**30:.1f} GiB free"


def _files(given: Given) -> str:
    del given
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = "any number" if hard == resource.RLIM_INFINITY else str(hard)
    if hard != resource.RLIM_INFINITY and hard < LEAST_FILES:
        raise Wrong(f"at most {most} files may be open; raise the hard limit to {LEAST_FILES} or more")
    return f"{soft} files may be open now, {most} once serving"


def _solver(given: Given) -> str:
    from answerdesk.solve.plugin import SolverUnknown, make

    name = read_settings(given.flags, os.environ).solver
    if name == "none":
        return "none wanted"
    try:
        able, why = make(name).available()
    except (SolverUnknown, ImportError) as error:
        able, why = False, str(error)
    if not able:
        raise Wrong(f"{name} cannot run: {why}")
    return f"{name} can run"


def _server(given: Given) -> str:
    data = given.data
    url = shown_address(data)
    if url is None:
        return "not running"
    if why := readiness(url, trusted(url, data, ca=None, found=True)):
        raise Wrong(why)
    return f"ready at {url}"


CHECKS: Final[dict[str, Callable[[Given], str]]] = {
    "settings": _settings,
    "folder": _folder,
    "database": _database,
    "ledger": _ledger,
    "rules": _rules,
    "disk": _disk,
    "files": _files,
    "solver": _solver,
    "server": _server,
}


@click.command()
@options.of_desk
@database_option
def doctor(data: Path, database: str | None, as_json: bool) -> int:
    """The exit code is 1 if something is wrong."""
    given = Given(data, database)
    found = [_checked(name, check, given) for name, check in CHECKS.items()]
    out.table(found, ("check", "ok", "found"), as_json=as_json, none="")
    return DONE if all(record["ok"] for record in found) else FAILED


def _checked(name: str, check: Callable[[Given], str], given: Given) -> out.Record:
    try:
        return {"check": name, "ok": True, "found": check(given)}
    except Exception as wrong:  # noqa: BLE001 - whatever a check meets is what it found
        message = wrong.format_message() if isinstance(wrong, click.ClickException) else str(wrong)
        return {"check": name, "ok": False, "found": message or type(wrong).__name__}


@click.command()
@options.json_option
def version(as_json: bool) -> None:
    """Nothing is opened."""
    names = ("answerdesk", "click", "msgspec", "uvicorn")
    said = {name: installed_version(name) for name in names} | {"python": platform.python_version()}
    out.facts({**said, "sqlite": SQLITE}, as_json=as_json)
