"""How SQL that is written once, in SQLite's words, is said to PostgreSQL: a table of the words in which they differ.
Rule: only spelling differs; a statement that means something else is written for its database, beside it."""

from __future__ import annotations

import functools
import re
from typing import Final

#: In order: what SQLite is told, and what PostgreSQL is told instead. A list is one value in both.
WORDS: Final = (
    # Which index, and which table first, PostgreSQL finds by its statistics.
    (r" INDEXED BY \w+", ""),
    (r"\bCROSS JOIN\b", "JOIN"),
    (r"\bNOT IN \(SELECT value FROM json_each\(\?\)\)", "<> ALL (?)"),
    (r"\bIN \(SELECT value FROM json_each\(\?\)\)", "= ANY (?)"),
    (r"\bSELECT value FROM json_each\(\?\)", "SELECT unnest(CAST(? AS text[]))"),
    (r"%", "%%"),
    (r"\?", "%s"),
)

#: PostgreSQL's own time of day, in milliseconds.
CLOCK: Final = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"


@functools.cache
def postgres(statement: str) -> str:
    """Say a statement in PostgreSQL's words and with the driver's marks; statements are few, so each is turned once."""
    for said, instead in WORDS:
        statement = re.sub(said, instead, statement)
    return statement
