"""What every read is written on: one statement and its values, and the rows that come back.
Rule: reads are short; a database that cannot be read is Unavailable, and says why."""

from __future__ import annotations

from typing import Any

from answerdesk.store.tables import Row


class Reading:
    """A database that can be asked."""

    async def _rows(self, select: str, *values: Any) -> list[Row]:
        """Run one statement, written in SQLite's words; a list among the values is one value. Raises Unavailable."""
        raise NotImplementedError
