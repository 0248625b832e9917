"""When to send, to send again and to stop: generators that yield `Step`s and are sent what came back, so that both
colours share every decision."""

import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from answerdesk_client import _calls
from answerdesk_client._calls import LONGEST_HOLD, Call, Reply
from answerdesk_client._errors import TimedOut, Unavailable
from answerdesk_client._values import Solution, TaskId

T = TypeVar("T")

PACE = 2.0
"""Seconds from one ask for an answer to the next when the server does not hold them, as documented (PROTOCOL §3.5)."""

_LATER = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Lost:
    """A call that got no reply, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Step:
    """What a talk wants done: pause for `after` seconds, then send `call`."""

    call: Call[Any]
    after: float = 0.0


Talk: TypeAlias = Generator[Step, Reply | Lost, T]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How long to insist when the server cannot be reached or says "later", and how the pauses between tries grow."""

    patience: float = 30.0
    """Seconds to go on trying, on top of what the server may rightly take."""
    first: float = 0.1
    longest: float = 5.0
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random

    def pause(self, tries: int, asked: str | None) -> float:
        """Seconds before the next try: as many as the server asked for, or twice the last, half of it drawn by lot."""
        if asked is not None and asked.isascii() and asked.isdigit():
            return float(asked[:9])
        doubled = min(self.longest, self.first * 2.0 ** min(tries, 32))
        return doubled * (0.5 + 0.5 * self.jitter())


PATIENT = Retry()


def insist(call: Call[T], retry: Retry, *, after: float = 0.0, until: float | None = None) -> Talk[T]:
    """Send a call until it is replied to, or raise `Unavailable` once the next try would come too late."""
    deadline = retry.clock() + after + call.hold + retry.patience if until is None else until
    tries = 0
    while True:
        heard = yield Step(call, after)
        if isinstance(heard, Reply) and heard.status not in _LATER:
            return call.parse(heard)
        after = retry.pause(tries, heard.retry_after if isinstance(heard, Reply) else None)
        tries += 1
        if retry.clock() + after > deadline:
            last = heard.why if isinstance(heard, Lost) else f"HTTP status {heard.status}"
            raise Unavailable(f"{call.method} {call.path} failed {tries} times, at last with: {last}")


def wait(key: str, task: TaskId, timeout: float, retry: Retry) -> Talk[Solution]:
    """Ask for an answer until it is there, held by the server for as long as it likes to, or raise `TimedOut`."""
    deadline = retry.clock() + timeout
    after = 0.0
    while True:
        left = deadline - retry.clock() - after
        hold = max(0, min(LONGEST_HOLD, int(left)))
        sent = retry.clock() + after
        solution = yield from insist(_calls.result(key, task, hold), retry, after=after, until=max(deadline, sent))
        if solution is not None:
            return solution
        now = retry.clock()
        if now >= deadline:
            raise TimedOut(task, timeout)
        after = max(0.0, min(sent + PACE - now, deadline - now))
