"""The numbered migrations of each database, as they lie in a folder of their own.
Rule: names no driver; a database of a newer version is refused with a sentence."""

from __future__ import annotations

from importlib import resources
from typing import Literal

from answerdesk.desk.ports import Unavailable


def migrations(database: Literal["sqlite", "postgres"]) -> list[tuple[str, str]]:
    """Give a database's migrations in order, as (name, SQL)."""
    folder = resources.files("answerdesk.store") / "migrations" / database
    return sorted((entry.name, entry.read_text("utf-8")) for entry in folder.iterdir() if entry.name.endswith(".sql"))


def newer(schema: int, known: int) -> Unavailable:
    """Say that a database has had migrations that this version does not know."""
    return Unavailable(
        f"this database is of a newer answerdesk (schema {schema}, this one knows {known}); upgrade answerdesk"
    )
