"""A full disk and a log that grows: nothing acknowledged is lost, and the desk recovers by itself."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from answerdesk.desk.ports import Listing, Unavailable
from answerdesk.store.database import connect
from answerdesk.store.group import Pace
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock
from tests.store.driver import Desk, draft

PICTURE = os.urandom(40_000)
SMALL = Pace(fold=200_000, pause=1_000_000, wait=0.05, rest=0.0)


def wal_size(path: Path) -> int:
    return Path(f"{path}-wal").stat().st_size


async def submit_many(desk: Desk, account, count: int = 64) -> tuple[list[Any], list[Unavailable]]:
    """Submit pictures all at once; give the acknowledged numbers, and what the others were told."""
    told = await asyncio.gather(*(desk.submit(account, draft(PICTURE)) for _ in range(count)), return_exceptions=True)
    refused = [each for each in told if isinstance(each, Unavailable)]
    made = [each for each in told if isinstance(each, int)]
    assert len(made) + len(refused) == count
    return made, refused


async def stored(desk: Desk) -> set[int]:
    return {task.n for task in await desk.store.tasks(Listing(most=100_000))}


async def fill_up(path: str, limit: int) -> None:
    """Fill the disk, as a process of its own whose files may not grow past a limit; tell what was acknowledged."""
    clock = Clock()
    desk = Desk(SqliteStore(path, clock, pace=Pace(fold=2**40, pause=2**40)), clock)
    account, _ = await desk.open_account(balance=10**9), await desk.person()
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    made: list[int] = []
    refused: list[Unavailable] = []
    while len(refused) < 100:
        more, failed = await submit_many(desk, account)
        made += more
        refused += failed
    trouble = desk.store.trouble
    still_there = await stored(desk)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    later, failed = await submit_many(desk, account)
    told = {
        "made": made,
        "lost": sorted(set(made) - still_there),
        "trouble": trouble,
        "words": str(refused[0]),
        "later": later,
        "failed_later": len(failed),
        "trouble_later": desk.store.trouble,
        "drifting": (await desk.store.sums()).drifting,
    }
    print(json.dumps(told))  # noqa: T201 - read by the test that started this process
    sys.stdout.flush()
    # As a process that is killed: nothing is closed.
    os._exit(0)


@pytest.fixture
def filled(tmp_path) -> dict[str, Any]:
    """Give what a process told that worked on a full disk until there was room again, and was then killed."""
    command = [sys.executable, "-m", "tests.store.test_faults", str(tmp_path / "desk.db"), "6000000"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_a_full_disk_turns_callers_away_loses_nothing_and_recovers_once_there_is_room(filled, tmp_path, clock):
    told, path = filled, tmp_path / "desk.db"
    assert len(told["made"]) > 64
    assert told["lost"] == []
    assert told["trouble"]
    assert told["trouble"] in told["words"]
    assert (len(told["later"]), told["failed_later"], told["trouble_later"], told["drifting"]) == (64, 0, None, [])
    again = Desk(SqliteStore(str(path), clock), clock)
    assert set(told["made"]) | set(told["later"]) == await stored(again)
    assert (await again.store.sums()).drifting == ()
    assert await again.store.content(told["made"][-1], 0)
    again.store.close()


async def test_a_database_at_its_largest_fails_what_does_not_fit_and_takes_what_does(file, clock):
    """Pages run out inside a batch: its verbs are tried one by one, and as many as fit are kept."""
    connection = connect(str(file.path))
    connection.close()
    store = file.open()
    desk = Desk(store, clock)
    account, _ = await desk.open_account(balance=10**9), await desk.person()
    writer = store._group._db  # noqa: SLF001 - the limit holds for one connection, the writer's
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages + 300}")

    made, refused = await submit_many(desk, account, 100)

    assert made
    assert refused
    assert "full" in str(refused[0])
    assert set(made) == await stored(desk)
    assert (await store.sums()).drifting == ()
    writer.execute("PRAGMA max_page_count = 1000000")
    assert len((await submit_many(desk, account, 10))[0]) == 10
    assert store.trouble is None


class TestLog:
    """The write-ahead log of a busy desk."""

    @pytest.fixture
    def desk(self, file, clock):
        file.open().close()
        store = SqliteStore(str(file.path), clock, pace=SMALL)
        yield Desk(store, clock)
        store.close()

    async def settle_down(self, desk: Desk) -> None:
        """Wait for the checkpoint under way, if any."""
        while desk.store._group._folding:  # noqa: ASYNC110, SLF001 - nothing tells of a checkpoint's end
            await asyncio.sleep(0.001)

    async def test_grown_past_the_pause_it_is_truncated_and_work_goes_on(self, desk, file):
        account, _ = await desk.open_account(balance=10**9), await desk.person()
        largest = 0
        numbers: set[int] = set()
        for _ in range(6):
            made, _ = await submit_many(desk, account)
            numbers |= set(made)
            largest = max(largest, wal_size(file.path))
            await self.settle_down(desk)

        assert largest > SMALL.pause
        assert wal_size(file.path) < SMALL.pause
        assert numbers == await stored(desk)

    async def test_a_reader_that_kept_it_from_shrinking_is_outlasted(self, desk, file):
        account, _ = await desk.open_account(balance=10**9), await desk.person()
        with closing(connect(str(file.path))) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM tasks").fetchone()
            for _ in range(3):
                made, refused = await submit_many(desk, account)
                assert (len(made), refused) == (64, [])
            assert wal_size(file.path) > 3 * SMALL.pause
            reader.execute("ROLLBACK")
        await submit_many(desk, account, 1)
        await self.settle_down(desk)
        await submit_many(desk, account, 1)
        await self.settle_down(desk)

        assert wal_size(file.path) < SMALL.pause
        assert desk.store.trouble is None


if __name__ == "__main__":
    asyncio.run(fill_up(sys.argv[1], int(sys.argv[2])))


async def test_a_desk_recovers_without_a_caller_once_the_disk_has_room(tmp_path):
    clock = Clock()
    desk = Desk(SqliteStore(str(tmp_path / "desk.db"), clock), clock)
    account, _ = await desk.open_account(balance=10**9), await desk.person()
    writer = desk.store._group._db  # noqa: SLF001  the page limit is the writer's own
    writer.execute(f"PRAGMA max_page_count = {writer.execute('PRAGMA page_count').fetchone()[0]}")
    _, refused = await submit_many(desk, account)
    assert refused
    assert desk.store.trouble is not None
    writer.execute("PRAGMA max_page_count = 1000000")

    await desk.store.recover()

    assert desk.store.trouble is None
    desk.store.close()
