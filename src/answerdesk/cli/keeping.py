"""The verbs `backup` and `restore`: a desk in one file, and back.
Rule: what is there is never written over; the desk that gives way is kept aside."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from answerdesk.cli import out
from answerdesk.cli.ends import Failed
from answerdesk.cli.home import Home, of_home
from answerdesk.store.folder import DATABASE, only_server, put_back, save_copy

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", type=_FILE, help="Where to write the copy.")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@of_home
def backup(file: Path, force: bool, home: Home, as_json: bool) -> None:
    """The copy is whole and consistent. Keep it as safe as the desk: all accounts, tasks and pictures are in it.

    A desk in a PostgreSQL database is backed up by the database's own pg_dump or pg_basebackup.
    """
    _only_a_file(home, "backed up by its own tools: pg_dump, or pg_basebackup with archived logs")
    data = home.data
    if not (data / DATABASE).exists():
        raise Failed(f"there is no desk in {data} to copy")
    if file.exists() and not force:
        raise Failed(f"{file} exists; name another file, or replace it with --force")
    save_copy(data, file)
    out.facts({"file": str(file), "bytes": file.stat().st_size}, as_json=as_json)


@click.command()
@click.argument("file", type=_FILE, help="What `backup` wrote.")
@click.option("--force", is_flag=True, help="Let a desk that is there give way; its file is kept aside.")
@of_home
def restore(file: Path, force: bool, home: Home, as_json: bool) -> None:
    """Ids issued since the backup are not issued again. Refused while a server runs on the data folder."""
    _only_a_file(home, "restored by its own tools: pg_restore of what pg_dump wrote, or the copy of pg_basebackup")
    data = home.data
    if not file.is_file():
        raise Failed(f"there is no file {file}")
    aside = data / f"{DATABASE}.until-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    with only_server(data):
        if (data / DATABASE).exists() and not force:
            raise Failed(f"there is a desk in {data}; let it give way with --force, which keeps its file aside")
        replaced = put_back(file, data, aside)
    out.facts({"data": str(data), "kept_aside": str(aside) if replaced else None}, as_json=as_json)


def _only_a_file(home: Home, how: str) -> None:
    """Refuse a desk that is no file: a database is in better hands with its own tools."""
    if home.database is not None:
        raise Failed(f"the desk is in the database {home.database}, which is {how}")
