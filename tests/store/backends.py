"""The stores every conformance test is run over: one row each, with what it can do.
Rule: a further adapter is one more class here; no test names a store."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from answerdesk.store.cluster import open_connection
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

    async def look(self, store: Any) -> None:
        """Let a store notice what others wrote."""
        store.look_around()

    def meddle(self, statement: str) -> None:
        """Write past the verbs, as nobody should."""
        self._opened[0]._group._db.execute(statement)  # noqa: SLF001 - in memory there is no other way in

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

    async def look(self, store: Any) -> None:
        # What it notices by itself within a second.
        await store.look()

    def meddle(self, statement: str) -> None:
        with closing(open_connection(self.url)) as connection:
            connection.execute(statement)

    def close(self) -> None:
        super().close()
        server().drop(self.url)


BACKENDS = (Memory, File, Postgres)
#: For tests that count the steps SQLite takes.
on_sqlite = pytest.mark.parametrize("backend", [Memory], ids=["memory"], indirect=True)
