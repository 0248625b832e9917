"""The stores every conformance test is run over: one row each, with what it can do.
Rule: a further adapter is one more class here; no test names a store."""

from __future__ import annotations

from pathlib import Path

from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock


class Memory:
    """SQLite in memory: gone with its store."""

    #: Whether a second store opened here works on the same data.
    shared = False

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.clock = clock
        self._opened: list[SqliteStore] = []

    def open(self, *, block: int = 1_000) -> SqliteStore:
        return self._keep(SqliteStore("", self.clock, block=block))

    def _keep(self, store: SqliteStore) -> SqliteStore:
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

    def open(self, *, block: int = 1_000) -> SqliteStore:
        return self._keep(SqliteStore(str(self.path), self.clock, block=block))


BACKENDS = (Memory, File)
