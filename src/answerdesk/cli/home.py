"""Where a desk is, as the command line, the environment and the settings file say it.
Rule: a database that is named holds the desk; what belongs to this machine stays in the folder."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from answerdesk.cli import options
from answerdesk.config import PREFIX, SETTINGS, choose_setting
from answerdesk.model.database import DatabaseUrl

_DATABASE: Final = next(setting for setting in SETTINGS if setting.name == "database")

database_option = click.option(
    "--database", metavar="URL", help=f"{_DATABASE.about}  [env var: {PREFIX}DATABASE]", default=None
)


class Home(NamedTuple):
    """A desk's folder, and its database where that is none in the folder."""

    data: Path
    database: DatabaseUrl | None = None


def find_home(data: Path, database: str | None) -> Home:
    """Find where a desk is, with what was given on the command line; raises BadSetting."""
    return Home(data, choose_setting("database", {"data": data, "database": database}, os.environ).value)


def of_home(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb that opens a desk the options of all such: folder and database, as its `home`, and JSON."""

    @functools.wraps(command)
    def at_home(*args: Any, data: Path, database: str | None, **given: Any) -> Any:
        return command(*args, home=find_home(data, database), **given)

    return options.of_desk(database_option(at_home))
