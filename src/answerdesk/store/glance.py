"""What whoever watches a desk reads of its database: the queue, leases that ran out, the ledger added up.
Rule: each reading has a connection and a thread of its own, so that no request waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

from answerdesk.desk.crew import Lane
from answerdesk.desk.sums import Sums
from answerdesk.model.account import Millis
from answerdesk.model.trust import Comparison
from answerdesk.store.crew import CrewReads
from answerdesk.store.database import SqliteReading, connect
from answerdesk.store.records import RecordReads

T = TypeVar("T")


class _Reader(SqliteReading, RecordReads, CrewReads):
    """What is read beside the server."""


class SqliteGlance:
    """Reads a desk's file beside its server."""

    def __init__(self, path: str) -> None:
        """Take the file's path; nothing is opened yet."""
        self._path = path
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="glance")

    async def lanes(self, now: Millis) -> list[Lane]:
        """Read the queue as it is now."""
        return await self._read(lambda reader: reader.lanes(now))

    async def ran_out(self, since: Millis, till: Millis) -> dict[bool, int]:
        """Count the leases that ran out without a word after a time and until another, by whether a machine had them.

        What it costs grows with the solvers and with what it counts.
        """
        return await self._read(lambda reader: reader.ran_out(since, till))

    async def comparisons(self, now: Millis) -> list[Comparison]:
        """Add up how machines' answers compared with people's over the last days, as many as count."""
        return await self._read(lambda reader: reader.comparisons(now))

    async def sums(self) -> Sums:
        """Hold the ledger against the stored balances; costs a look at each of its lines."""
        return await self._read(lambda reader: reader.sums())

    async def aclose(self) -> None:
        """Wait for what is being read."""
        await asyncio.to_thread(self._threads.shutdown)

    async def _read(self, ask: Callable[[_Reader], Coroutine[Any, Any, T]]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._here, ask)

    def _here(self, ask: Callable[[_Reader], Coroutine[Any, Any, T]]) -> T:
        with closing(connect(self._path)) as connection:
            reading = ask(_Reader(connection))
            try:
                reading.send(None)
            except StopIteration as read:
                outcome: T = read.value
                return outcome
            finally:
                reading.close()
            msg = "a reading of the file waits for nothing"
            raise AssertionError(msg)
