"""What the random lives of a desk have in common."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from answerdesk.model.account import Sequence
from answerdesk.model.answer import Lease
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.solver import Solver
from answerdesk.store.sqlite import SqliteStore
from tests.fakes import Clock
from tests.store.driver import Desk

QUIET = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


QUICK = settings(max_examples=25, stateful_step_count=35, deadline=None, suppress_health_check=QUIET)


LONG = settings(max_examples=80, stateful_step_count=60, deadline=None, suppress_health_check=QUIET)


picks = st.integers(0, 9)


class Life(RuleBasedStateMachine):
    """A desk whose coroutines a machine's rules run to their end, one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.leases: list[tuple[Solver, Lease]] = []
        self.numbers: list[Sequence] = []
        self.desk: Desk

    def open_store(self) -> Any:
        """Open the store it lives on."""
        return SqliteStore("", self.clock)

    def do(self, coroutine) -> Any:
        return self.runner.run(coroutine)

    def refused(self, coroutine) -> tuple[Any, Fault | None]:
        """Do it, and give what came of it or why it was refused."""
        try:
            return self.do(coroutine), None
        except Refusal as refusal:
            return None, refusal.fault

    def person(self, pick: int) -> Solver:
        return self.solvers[pick % len(self.solvers)]

    def lease(self, pick: int) -> tuple[Solver, Lease]:
        return self.leases[pick % len(self.leases)]

    def number(self, pick: int) -> Sequence:
        return self.numbers[pick % len(self.numbers)]

    def teardown(self) -> None:
        # A life may end before it began.
        if hasattr(self, "desk"):
            self.desk.store.close()
        self.runner.close()

    solvers: list[Solver]
