"""The verb `copy`: a desk moved from its file to a PostgreSQL database, and checked there row by row.
Rule: the old desk stays as it was, but is not served again by mistake."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from answerdesk.cli import options, out
from answerdesk.cli.ends import Failed, Misused
from answerdesk.desk.ports import Unavailable
from answerdesk.model.database import DatabaseUrl
from answerdesk.store.folder import DATABASE, MOVED, InUse, only_server, write_secret

if TYPE_CHECKING:
    from answerdesk.store.copying import Hearer

_FROM: Final = "sqlite:"
#: So much of a digest tells two tables apart, and leaves a row on one line.
_SHOWN_DIGITS: Final = 16


@click.command()
@click.option("--from", "source", metavar="sqlite:DIR", help="The data folder of the desk. Default: that of --data.")
@click.option("--to", "target", metavar="URL", required=True, help="An empty PostgreSQL database: postgresql://...")
@click.option("--ahead", is_flag=True, help="Send what is long while the desk is served; the rest follows without it.")
@options.of_desk
def copy(source: str | None, target: str, ahead: bool, data: Path, as_json: bool) -> None:
    """Stop the desk's server first, or copy ahead. What broke off goes on when the same command is given again."""
    folder = _folder(source) if source else data
    try:
        url = DatabaseUrl(target)
    except ValueError as error:
        raise Misused(f"--to: {error}, such as postgresql://USER@HOST/NAME") from None
    if not (folder / DATABASE).is_file():
        raise Failed(f"there is no desk in {folder} to copy")
    try:
        from answerdesk.store.copying import OtherDesk, copy_ahead, copy_desk
    except ImportError:
        raise Failed("PostgreSQL needs the extra `postgres`: pip install 'answerdesk[postgres]'") from None
    _check_options(url)
    try:
        if ahead:
            with _shown() as hear:
                sent = copy_ahead(folder / DATABASE, url.reveal(), hear)
            _tell_ahead(sent, as_json=as_json)
            return
        with _unserved(folder), _shown() as hear:
            copied = copy_desk(folder / DATABASE, url.reveal(), hear)
            write_secret(folder / MOVED, str(url))
    except ValueError as error:
        raise Failed(str(error)) from None
    except (OtherDesk, Unavailable) as error:
        raise Failed(f"{url}: {' '.join(str(error).split())}") from None
    digits = None if as_json else _SHOWN_DIGITS
    records = [
        {"table": each.table, "rows": each.rows, "written": each.written, "sha256": each.digest[:digits]}
        for each in copied
    ]
    out.table(records, ("table", "rows", "written", "sha256"), as_json=as_json, none="")
    if not as_json:
        click.echo(f"Every row is there. Serve it with --database; the desk in {folder} is left as it was.")


def _tell_ahead(sent: Mapping[str, int], *, as_json: bool) -> None:
    records = [{"table": table, "written": written} for table, written in sent.items()]
    out.table(records, ("table", "written"), as_json=as_json, none="")
    if not as_json:
        click.echo("So far. Stop the server, and copy without --ahead: what has changed since then follows.")


def _folder(source: str) -> Path:
    if not source.startswith(_FROM) or source == _FROM:
        raise Misused("--from takes the data folder of a desk on SQLite: sqlite:DIR")
    path = Path(source.removeprefix(_FROM)).expanduser()
    return path.parent if path.name == DATABASE else path


def _check_options(url: DatabaseUrl) -> None:
    """Refuse a URL the driver does not take; what it says of it may quote it."""
    from answerdesk.store.cluster import conninfo

    try:
        conninfo(url.reveal())
    except ValueError:
        raise Misused(f"--to: {url} has an option that PostgreSQL does not know") from None


@contextlib.contextmanager
def _unserved(folder: Path) -> Iterator[None]:
    """Keep the desk from being served meanwhile."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(only_server(folder))
        except InUse as error:
            raise Failed(f"{error}; stop it and copy then, or copy --ahead while it is up") from None
        yield


@contextlib.contextmanager
def _shown() -> Iterator[Hearer]:
    """Show how far each table is, on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _table, _done, _count: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TaskID, TimeRemainingColumn

    bars: dict[str, TaskID] = {}
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def hear(table: str, done: int, count: int) -> None:
            if table not in bars:
                bars[table] = progress.add_task(table, total=count)
            progress.update(bars[table], completed=done)

        yield hear
