"""The room where claims wait that found nothing.
Rule: one is woken for each place that comes free, and being woken promises nothing: whoever is looks again."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from answerdesk.api.http import Message
from answerdesk.desk.elsewhere import Opening, opening_of
from answerdesk.desk.ports import Heard
from answerdesk.model.question import Kind
from answerdesk.model.solver import Solver
from answerdesk.model.task import Route


@dataclass(slots=True, eq=False)
class Waiter:
    """A claim that found nothing."""

    solver: Solver
    kinds: frozenset[Kind]
    route: Route
    woken: asyncio.Future[None]

    def wants(self, opening: Opening) -> bool:
        """Tell whether a task with a free place is for this waiter."""
        asked = opening.kind in self.kinds and bool(opening.route & self.route)
        return asked and self.solver.may_have(opening.kind, opening.lang, opening.group)


class WaitingRoom:
    """Claims that wait, longest first; one is woken for each place that comes free."""

    def __init__(self) -> None:
        """Start empty and open."""
        self._waiters: deque[Waiter] = deque()
        self._untaken: Counter[Kind] = Counter()
        self._closed = False
        #: How often everybody was sent home.
        self.sent_home = 0

    def untaken(self, kinds: Iterable[Kind]) -> int:
        """Count the places of these kinds that ever came free while nobody waited for them."""
        return sum(self._untaken[kind] for kind in kinds)

    async def wait(self, solver: Solver, kinds: Iterable[Kind], seconds: float, gone: asyncio.Future[Message]) -> None:
        """Wait until there may be work, the time is up, the caller is gone, or the room closes."""
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        route = Route.MACHINES if solver.machine else Route.PEOPLE
        waiter = Waiter(solver, frozenset(kinds), route, loop.create_future())
        self._waiters.append(waiter)
        timer = loop.call_later(seconds, _wake, waiter)

        def leave(_: object) -> None:
            _wake(waiter)

        gone.add_done_callback(leave)
        try:
            await waiter.woken
        finally:
            timer.cancel()
            gone.remove_done_callback(leave)
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def hear(self, heard: Heard) -> None:
        """Wake one waiter for each task with a free place."""
        for task in heard.tasks:
            if (opening := opening_of(task)) is not None:
                self._open(opening, 1)
        for opening, count in heard.elsewhere.opened.items():
            self._open(opening, count)

    def _open(self, opening: Opening, count: int) -> None:
        if self._waiters:
            for waiter in [*islice((waiter for waiter in self._waiters if waiter.wants(opening)), count)]:
                self._waiters.remove(waiter)
                _wake(waiter)
                count -= 1
        self._untaken[opening.kind] += count

    @property
    def closed(self) -> bool:
        """Whether nobody may wait any more."""
        return self._closed

    def __len__(self) -> int:
        """Count those who wait."""
        return len(self._waiters)

    def let_go(self) -> None:
        """Send everybody home; those who come still may wait."""
        self.sent_home += 1
        for waiter in self._waiters:
            _wake(waiter)

    def close(self) -> None:
        """Send everybody home, and let nobody wait from now on."""
        self._closed = True
        self.let_go()


def _wake(waiter: Waiter) -> None:
    if not waiter.woken.done():
        waiter.woken.set_result(None)
