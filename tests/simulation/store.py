"""The real SQLite store over connections that fail as the seed says: refused, failed, done but not told, slow, cut off.
Rule: what was committed is on the file for whoever opens it next, and of anything else nothing is left."""

from __future__ import annotations

import asyncio
import functools
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from answerdesk.store.database import connect, migrate
from answerdesk.store.group import Pace, is_busy
from answerdesk.store.sqlite import SqliteStore
from tests.simulation.world import World, drawn
from tests.store.faulty import trip

#: The longest that a commit takes, in seconds: longer than others bear with it.
LONGEST = 0.9
PERMUTATION_KEY = bytes(range(24))
#: The log is folded back so soon that a short life sees it, too.
PACE = Pace(patience=0.6, fold=2**17, every=15.0)


@functools.cache
def _template() -> bytes:
    """An empty desk's file, made once: to migrate takes longer than many a life."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        with closing(connect(str(path))) as fresh:
            migrate(fresh, lambda: PERMUTATION_KEY)
        return path.read_bytes()


def same(statement: str) -> str:
    return statement


class Disk:
    """One desk's file, and what goes wrong with it."""

    def __init__(
        self, world: World, folder: Path, rewrite: Callable[[str], str] = same, store: type[SqliteStore] = SqliteStore
    ) -> None:
        self.world = world
        self._store = store
        self.path = folder / "desk.db"
        self.path.write_bytes(_template())
        #: What a broken adapter makes of a statement.
        self.rewrite = rewrite
        #: Whether a commit is lost that was told to be done.
        self.loses: Callable[[], bool] = lambda: False
        #: Who looks at what lies there after each commit.
        self.watchers: list[Callable[[sqlite3.Connection], None]] = []

    def lag(self, dice: Random) -> tuple[float, float]:
        """How long a commit takes, and how much later it is heard of."""
        seldom = 0.0 if self.world.calm else 0.03
        mean = self.world.weather.disk
        return min(drawn(dice, mean, seldom), LONGEST), min(drawn(dice, mean / 2), LONGEST)

    async def open(self, who: str, block: int) -> tuple[SqliteStore, list[Line]]:
        """Open as a process of its own; gives its connections as well, for whoever cuts it off."""
        lines: list[Line] = []

        def opened(path: str) -> Any:
            lines.append(Line(self, connect(path), self.world.dice(f"{who}/{len(lines)}")))
            return lines[-1]

        while True:
            try:
                return self._store(str(self.path), self.world, block=block, pace=PACE, connect=opened), lines
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                for line in lines:
                    line.close()
                lines.clear()
                await asyncio.sleep(0.3)


class Line:
    """One connection to the file."""

    def __init__(self, disk: Disk, connection: sqlite3.Connection, dice: Random) -> None:
        connection.execute("PRAGMA synchronous = OFF")
        self._disk = disk
        self._db = connection
        self._dice = dice
        self._world = disk.world

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        weather = self._world.weather
        if statement == "BEGIN IMMEDIATE" and self._world.chance(self._dice, weather.refused):
            busy = self._dice.random() < 0.5
            raise trip(sqlite3.SQLITE_BUSY if busy else sqlite3.SQLITE_IOERR, "refused, as the seed says")
        if statement.startswith("PRAGMA busy_timeout"):
            # A real wait: nobody could let go of the lock meanwhile.
            statement = "PRAGMA busy_timeout = 0"
        return self._db.execute(self._disk.rewrite(statement), *values)

    def executemany(self, statement: str, rows: Any) -> sqlite3.Cursor:
        rows = list(rows)
        if rows and self._world.chance(self._dice, self._world.weather.failed / 8):
            raise trip(sqlite3.SQLITE_FULL, "no room, as the seed says")
        return self._db.executemany(self._disk.rewrite(statement), rows)

    def commit(self) -> None:
        if self._disk.loses():
            self._db.rollback()
            return
        if self._world.chance(self._dice, self._world.weather.failed):
            raise trip(sqlite3.SQLITE_IOERR, "not committed, as the seed says")
        self._db.commit()
        for watcher in self._disk.watchers:
            watcher(self._db)
        if self._world.chance(self._dice, self._world.weather.unknown):
            raise trip(sqlite3.SQLITE_IOERR, "committed, but not told so, as the seed says")

    def rollback(self) -> None:
        self._db.rollback()

    @property
    def in_transaction(self) -> bool:
        return self._db.in_transaction

    def executescript(self, script: str) -> sqlite3.Cursor:
        return self._db.executescript(script)

    def close(self) -> None:
        self._db.close()
