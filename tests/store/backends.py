"""The stores every conformance test is run over: one row each, with what it can do.
Rule: a further adapter is one more class here; no test names a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from answerdesk.store.postgres import PostgresStore
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock
from tests.postgres import server


class Memory:
    """SQLite in memory: gone with its store."""

    #: Whether a second store opened here works on the same data.
    shared = False

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.clock = clock
        self._opened: list[Any] = []

    def open(self, *, block: int = 1_000) -> Any:
        return self._keep(SqliteStore("", self.clock, block=block))

    def _keep(self, store: Any) -> Any:
        self._opened.append(store)
        return store

    def close(self) -> None:
        for store in self._opened:
            store.close()


class File(Memory):
    """SQLite on a file."""

    shared = True

    def __init__(self, folder: Path, clock: Clock) -> None:
        super().__init__(folder, clock)
        self.path = folder / "desk.db"

    def open(self, *, block: int = 1_000) -> Any:
        return self._keep(SqliteStore(str(self.path), self.clock, block=block))


class Postgres(Memory):
    """PostgreSQL on a server of this process, each test with a database of its own."""

    shared = True

    def __init__(self, folder: Path, clock: Clock) -> None:
        super().__init__(folder, clock)
        self.url = server().database()

    def open(self, *, block: int = 1_000) -> Any:
        return self._keep(PostgresStore(self.url, self.clock, block=block))

    def close(self) -> None:
        super().close()
        server().drop(self.url)


BACKENDS = (Memory, File)
#: Joins them once it writes.
GROWING = (Postgres,)
