"""When the write-ahead log is folded back beside the work, and when the work waits for it."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest

from answerdesk.store.group import BATCH, GroupCommit, Pace
from tests.store.faulty import account, heard_in_time, reached, run, rush


class Watched(GroupCommit):
    """A queue whose log has the size a test says, and whose checkpoints are only noted down."""

    def __init__(self, connection: Any, clock: Any, pace: Pace) -> None:
        self.size = 0
        self.held = False
        self.order: list[str] = []
        self.failing: list[Exception] = []
        super().__init__(connection, "", clock, pace)

    def _wal_size(self) -> int:
        return self.size

    def _checkpoint(self, truncate: bool) -> None:
        self.order.append("truncate" if truncate else "fold")
        if self.failing:
            raise self.failing.pop()
        if truncate and not self.held:
            self.size = 0


class TestLog:
    """When the write-ahead log is folded back beside the work, and when the work waits for it."""

    PACE = Pace(fold=10, pause=100, rest=1_000.0)

    @pytest.fixture
    def watch(self, faulty, clock):
        opened: list[Watched] = []

        def watch(pace: Pace = self.PACE) -> Watched:
            opened.append(Watched(faulty, clock, pace))
            opened[-1].hearers.append(lambda _: opened[-1].order.append("commit"))
            return opened[-1]

        yield watch
        for each in opened:
            each.close()

    async def write(self, group: Watched, *numbers: int) -> None:
        for number in numbers:
            await heard_in_time(group.queue(account(number)))

    async def test_a_short_log_is_left_alone(self, watch):
        group = watch()
        group.size = 9
        await self.write(group, 1, 2)

        assert group.order == ["commit"] * 2

    async def test_a_longer_one_is_folded_back_beside_the_work(self, watch):
        group = watch()
        group.size = 10
        await self.write(group, 1, 2)
        async with asyncio.timeout(30):
            # It is folded in a thread of its own, which no commit waits for.
            while "fold" not in group.order:  # noqa: ASYNC110 - nothing tells of a checkpoint's end
                await asyncio.sleep(0.005)

        assert "truncate" not in group.order

    async def test_one_too_long_is_truncated_before_the_next_commit(self, watch):
        group = watch()
        group.size = 101
        await heard_in_time(rush(group, [account(n) for n in range(1, BATCH + 2)]))

        assert group.order == ["commit", "truncate", "commit"]

    async def test_while_a_reader_keeps_it_long_the_queue_pauses_once_and_rests(self, watch):
        group = watch()
        group.size, group.held = 101, True
        await self.write(group, *range(1, 10))

        assert group.order[:2] == ["commit", "truncate"]
        assert group.order.count("truncate") == 1
        assert group.order.count("commit") == 9

    async def test_after_its_rest_it_tries_again(self, watch):
        group = watch(Pace(fold=10, pause=100, rest=0.0))
        group.size, group.held = 101, True
        await self.write(group, 1, 2, 3)
        assert group.order[:4] == ["commit", "truncate"] * 2
        group.held = False
        await self.write(group, 4, 5)

        assert group.size == 0

    @pytest.mark.parametrize("size", [50, 101])
    async def test_a_checkpoint_that_fails_is_told_and_stops_nothing(self, watch, size):
        group = watch(Pace(fold=10, pause=100, rest=0.0))
        group.failing.append(sqlite3.OperationalError("disk I/O error"))
        group.size = size
        await self.write(group, 1)
        while group._folding:  # noqa: ASYNC110, SLF001 - nothing tells of a checkpoint's end
            await asyncio.sleep(0)
        assert group.trouble == "checkpoint: disk I/O error"
        group.size = 0
        await self.write(group, 2)

        assert group.trouble is None

    async def test_a_store_that_closes_starts_no_checkpoint(self, watch, faulty):
        group = watch()
        group.size = 101
        waiting = asyncio.create_task(run(group, account(1)))
        await reached(faulty, "COMMIT")
        group.close()

        assert (await heard_in_time(waiting)).id == 1
        assert group.order == ["commit"]
