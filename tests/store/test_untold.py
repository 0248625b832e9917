"""What was erased, and what is remembered after a commit of which nobody knows whether it was done."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from answerdesk.api.hold import Hold
from answerdesk.desk.board import Board
from answerdesk.desk.chores import Forget
from answerdesk.desk.ports import Unavailable
from answerdesk.store.database import connect, migrate
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock
from tests.store.driver import TYPE, Desk
from tests.store.faulty import Faulty, trip


class Untold(Faulty):
    """A connection whose next commits are done and then fail, where it is told so."""

    def commit(self) -> None:
        self._connection.commit()
        self._pass("COMMIT")


@pytest.fixture
def line(tmp_path: Path) -> Untold:
    path = str(tmp_path / "desk.db")
    with closing(connect(path)) as fresh:
        migrate(fresh, lambda: bytes(24))
    return Untold(connect(path))


@pytest.fixture
def store(tmp_path: Path, line: Untold) -> Iterator[SqliteStore]:
    lines = [connect(str(tmp_path / "desk.db")), line]
    opened = SqliteStore(str(tmp_path / "desk.db"), Clock(), connect=lambda _: lines.pop(0))  # type: ignore[arg-type,return-value]
    with closing(opened):
        yield opened


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def desk(store: SqliteStore, board: Board) -> Desk:
    """A desk that hangs settled tasks on the board as a server does, after its use cases have heard of them."""
    desk = Desk(store, Clock(), board=board)
    hold = Hold(board, desk.ids, most=10)
    store.listen(lambda heard: hold.settle(heard.tasks, lambda *_: None))
    return desk


async def solved(desk: Desk):
    account, person = await desk.open_account(), await desk.person()
    n = await desk.solved(account, person)
    return account, n, desk.ids.show(n)


async def test_a_task_reported_and_erased_in_one_unit_does_not_stay_on_the_board(desk, board):
    account, n, task = await solved(desk)

    await asyncio.gather(desk.report(n, account, correct=True), desk.store.run(Forget(whole=(n,))))

    assert await desk.store.task(n) is None
    assert board.get(account.id, task) is None


async def test_a_task_that_may_be_erased_is_taken_off_the_board(desk, board, line):
    """Whoever asks next is told what the store says."""
    account, n, task = await solved(desk)
    before = board.get(account.id, task)
    line.fail("COMMIT", trip(sqlite3.SQLITE_IOERR, "disk I/O error"))

    with pytest.raises(Unavailable):
        await desk.store.run(Forget(whole=(n,)))

    assert before is not None
    assert await desk.store.task(n) is None
    assert board.get(account.id, task) is None


async def test_settings_that_may_be_written_are_read_again(desk, line):
    line.fail("COMMIT", trip(sqlite3.SQLITE_IOERR, "disk I/O error"))
    with pytest.raises(Unavailable):
        await desk.set_price(7)

    await desk.person()

    assert desk.store.house().price(1, TYPE).price == 7
