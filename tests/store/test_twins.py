"""The random lives of a desk lived on SQLite and on PostgreSQL at once: the two never disagree."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from answerdesk.desk.board import Board
from answerdesk.desk.hunt import Hunt
from answerdesk.desk.sums import Spending
from answerdesk.model.account import Millis
from answerdesk.model.question import Kind
from answerdesk.model.task import Route
from answerdesk.store.postgres import PostgresStore
from answerdesk.store.sqlite import SqliteStore
from tests.postgres import server
from tests.store.driver import Desk
from tests.store.lives import QUICK, Life
from tests.store.test_machines import TaskLife
from tests.store.test_money_machine import MoneyLife
from tests.store.twins import Twins

#: Without shrinking, which would take long: the lives at length find the short way.
SHORT = settings(QUICK, max_examples=2, stateful_step_count=20, phases=(Phase.explicit, Phase.reuse, Phase.generate))
LONG = settings(SHORT, max_examples=8, stateful_step_count=50)


class TwinLife(Life):
    """Opens both, and looks at all that the port shows of either."""

    def __init__(self) -> None:
        super().__init__()
        self.url = ""

    def open_store(self) -> Any:
        self.url = self.url or server().database()
        return Twins(super().open_store(), PostgresStore(self.url, self.clock, block=5))

    @invariant()
    def both_show_the_same(self) -> None:
        if not hasattr(self, "desk") or not getattr(self, "solvers", None):
            return
        store: Any = self.desk.store
        self.do(self._look(store))

    async def _look(self, store: Any) -> None:
        now = self.clock.now()
        settled = []
        for account, _ in await store.accounts():
            settled += await store.settled_after(account.id, 0, 100)
            await store.reported(account.id, 10)
            await store.spending(account.id, Millis(0), Millis(2**50), Spending())
            await store.entries(account.id, 2**62, 50)
        await store.settled_among(self.numbers)
        await store.lanes(now)
        await store.traffic((Kind.TEXT,), None, now)
        await store.due(now, 100)
        for media in (True, False):
            await store.oldest(100, media=media)
        for solver in self.solvers:
            await store.wages(solver.id, now)
            await store.pace(solver.id, now)
            await store.standing(solver.id)
            await store.said(solver.id, 20)
            route = Route.MACHINES if solver.machine else Route.PEOPLE
            hunt = Hunt(
                solver=solver.id, kinds=(Kind.TEXT,), route=route, languages=("en", "de"), groups=("",), most=5, tries=3
            )
            await store.waiting(hunt, now)

    def teardown(self) -> None:
        super().teardown()
        if self.url:
            server().drop(self.url)


class TwinTasks(TwinLife, TaskLife):
    """Claims and answers."""

    def open_store(self) -> Any:
        self.url = self.url or server().database()
        return Twins(SqliteStore(str(self.path), self.clock, block=5), PostgresStore(self.url, self.clock, block=5))

    @rule(verbs=st.integers(0, 6), steps=st.integers(0, 12))
    def die(self, verbs: int, steps: int) -> None:
        """Close both, and go on as new processes do: with other numbers."""
        names, last = self.desk.names, self.desk._last  # noqa: SLF001 - goes on counting
        self.desk.store.close()
        self.desk = Desk(self.open_store(), self.clock, names, board=Board())
        self.desk._last = last  # noqa: SLF001 - same


class TwinMoney(TwinLife, MoneyLife):
    """Money, reports and payouts."""


class TestTwinTasks(TwinTasks.TestCase):  # type: ignore[misc,valid-type]
    settings = SHORT


class TestTwinMoney(TwinMoney.TestCase):  # type: ignore[misc,valid-type]
    settings = SHORT


@pytest.mark.slow
@pytest.mark.timeout(1800)
class TestTwinTasksAtLength(TwinTasks.TestCase):  # type: ignore[misc,valid-type]
    settings = LONG


@pytest.mark.slow
@pytest.mark.timeout(1800)
class TestTwinMoneyAtLength(TwinMoney.TestCase):  # type: ignore[misc,valid-type]
    settings = LONG
