"""A store that could not write for a while goes on where it was, whatever it tried meanwhile."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from answerdesk.desk.ports import Unavailable
from answerdesk.store.database import connect, migrate
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock
from tests.store.driver import Desk
from tests.store.faulty import Faulty, trip


async def test_no_number_is_drawn_twice_after_a_store_has_recovered(tmp_path: Path) -> None:
    """Numbers taken before the trouble are behind it for every process that opens the file later."""
    path, clock, lines = str(tmp_path / "desk.db"), Clock(), []

    def faulty(where: str) -> sqlite3.Connection:
        lines.append(Faulty(connect(where)))
        return lines[-1]  # type: ignore[return-value]

    with closing(connect(path)) as fresh:
        migrate(fresh, lambda: bytes(24))
    with closing(SqliteStore(path, clock, block=5, connect=faulty)) as store:
        desk = Desk(store, clock)
        before = [await store.draw() for _ in range(7)]
        lines[1].fail("COMMIT", trip(sqlite3.SQLITE_IOERR, "disk I/O error"))
        with pytest.raises(Unavailable):
            await desk.open_account()
        await store.recover()
        recovered = store.trouble is None
        between = [await store.draw() for _ in range(7)]
    with closing(SqliteStore(path, clock, block=5)) as store:
        after = [await store.draw() for _ in range(7)]

    assert recovered
    assert min(between) > max(before)
    assert min(after) > max(between)
