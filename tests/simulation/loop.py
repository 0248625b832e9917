"""An event loop whose time is a number: it jumps to whatever happens next, and no thread ever runs.
Rule: the order of everything follows from what was scheduled, so the same seed gives the same history."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Any


class Stalled(Exception):
    """Everybody waits for something that nobody will ever do."""


class VirtualLoop(asyncio.BaseEventLoop):
    """What the real code awaits goes on here; work for a thread is done inline, once its time has come."""

    def __init__(self, lag: Callable[[], tuple[float, float]] = lambda: (0.0, 0.0)) -> None:
        super().__init__()
        self._virtual = 0.0
        # The base class asks its selector what happened outside: nothing does.
        self._selector = self
        #: How long work in a thread takes, and how much later it is heard of.
        self.lag = lag
        self._ties = itertools.count()

    def time(self) -> float:
        return self._virtual

    def select(self, timeout: float | None) -> tuple[()]:
        if timeout is None:
            raise Stalled("nothing is left that could happen")
        if timeout > 0:
            self._virtual = max(self._virtual, self._scheduled[0].when())  # type: ignore[attr-defined]
        return ()

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """Keep timers of one moment in the order in which they were set, which a heap alone does not."""
        timer = _Timer(when, next(self._ties), callback, args, self, context)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        timer._scheduled = True  # type: ignore[attr-defined]  # noqa: SLF001 - as the base class marks its own
        return timer

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        done = self.create_future()
        takes, untold = self.lag()
        self.call_later(takes, self._carry_out, done, func, args, untold)
        return done

    def _carry_out(self, done: asyncio.Future[Any], func: Callable[..., Any], args: Any, untold: float) -> None:
        try:
            result = func(*args)
        except Exception as error:  # noqa: BLE001 - it is whose work it was that must hear of it
            self.call_later(untold, _fail, done, error)
        else:
            self.call_later(untold, _finish, done, result)

    def _process_events(self, events: Any) -> None:
        """Nothing comes from outside."""

    def _write_to_self(self) -> None:
        """No other thread calls."""


class _Timer(asyncio.TimerHandle):
    def __init__(self, when: float, tie: int, callback: Any, args: Any, loop: VirtualLoop, context: Any) -> None:
        super().__init__(when, callback, args, loop, context)
        self._place = when, tie

    def __lt__(self, other: Any) -> bool:
        return self._place < other._place


def _finish(done: asyncio.Future[Any], result: Any) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: asyncio.Future[Any], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
        # A process that was killed meanwhile hears nothing of it.
        done.exception()
