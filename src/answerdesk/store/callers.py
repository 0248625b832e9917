"""Those who wait for a unit: verbs with the futures of their callers, whoever listens, and whoever watches.
Rule: a caller hears once; what a hearer does with its news can spoil nothing."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakKeyDictionary

from answerdesk.desk.ports import Heard, Unavailable, Verb
from answerdesk.desk.watch import Ran, Watch

Waiting = tuple[Verb[Any], "asyncio.Future[Any]"]

#: Verbs waiting beyond which new ones are turned away rather than kept waiting.
MOST_WAITING: Final = 20_000
#: How often the loop turns before a unit takes its verbs: so often until all that have come lie in the queue, of which
#: a socket's are a few turns away. Fewer and larger units cost less, and where nothing comes no time is lost.
TURNS: Final = 6
#: For how many seconds at most: beside many polls a turn is long, and those who write would wait for who does not.
LINGER: Final = 0.003


class Callers:
    """The queue of verbs and everybody who is told what became of them."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._waiting: deque[Waiting] = deque()
        self._known: WeakKeyDictionary[asyncio.Future[Any], object] = WeakKeyDictionary()
        self.hearers: list[Callable[[Heard], None]] = []
        self.watch: Watch | None = None

    def __len__(self) -> int:
        """How many verbs wait for a unit."""
        return len(self._waiting)

    def add(self, verb: Verb[Any]) -> asyncio.Future[Any]:
        """Let a verb wait."""
        if len(self._waiting) >= MOST_WAITING:
            msg = "too many writes are waiting for the disk"
            raise Unavailable(msg)
        outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((verb, outcome))
        if self.watch is not None and self.watch.caller is not None:
            self._known[outcome] = self.watch.caller()
        return outcome

    def batch(self, most: int) -> list[Waiting]:
        """Take the first verbs whose callers still wait."""
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        return [waiting for waiting in taken if not waiting[1].done()]

    def turn_away(self, error: Exception) -> None:
        """Refuse everybody who waits."""
        refuse(list(self._waiting), error)
        self._waiting.clear()

    def tell(self, heard: Heard) -> None:
        """Tell whoever listens."""
        for hearer in self.hearers:
            try:
                hearer(heard)
            except Exception as error:  # noqa: BLE001 - what is durable must still reach its callers
                told = {"message": "a hearer of the store failed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(told)

    def tell_watch(self, batch: list[Waiting], began: float, gathered: float, decided: float, *, failed: bool) -> None:
        """Tell whoever watches how a unit went."""
        if self.watch is None:
            return
        callers = tuple(self._known.get(outcome) for _, outcome in batch) if self._known else ()
        ran = Ran(
            verbs=len(batch), began=began, gathered=gathered, decided=max(decided, gathered), ended=time.monotonic(),
            failed=failed, callers=callers,
        )  # fmt: skip
        self.watch.ran(ran)


def refuse(batch: list[Waiting], error: BaseException) -> None:
    """Let callers hear that nothing was written, and why."""
    for _, caller in batch:
        if not caller.done():
            caller.set_exception(error)


def give(batch: list[Waiting], outcomes: list[Any]) -> None:
    """Let callers hear what became of their verbs, which is durable."""
    for (_, caller), outcome in zip(batch, outcomes, strict=True):
        if caller.done():
            continue
        if isinstance(outcome, Exception):
            caller.set_exception(outcome)
        else:
            caller.set_result(outcome)
