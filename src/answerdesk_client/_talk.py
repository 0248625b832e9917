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
    """Seconds to go on trying, on top of what the server may rightly take. `wait` has its own timeout instead."""
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


def send(call: Call[T], retry: Retry) -> Talk[T]:
    """One call, with the patience of `retry`."""
    return insist(lambda _: call, retry, until=retry.clock() + call.hold + retry.patience)


def insist(ask: Callable[[float], Call[T]], retry: Retry, *, until: float, after: float = 0.0) -> Talk[T]:
    """Send what `ask` gives for the time of sending until it is replied to; `Unavailable` when no time is left."""
    tries = 0
    while True:
        call = ask(retry.clock() + after)
        heard = yield Step(call, after)
        if isinstance(heard, Reply) and heard.status not in _LATER:
            return call.parse(heard)
        after = retry.pause(tries, heard.retry_after if isinstance(heard, Reply) else None)
        tries += 1
        if retry.clock() + after > until:
            last = heard.why if isinstance(heard, Lost) else f"HTTP status {heard.status}"
            raise Unavailable(f"{call.method} {call.path} went unanswered {tries} times, the last for: {last}")


def wait(key: str, task: TaskId, timeout: float, retry: Retry) -> Talk[Solution]:
    """Ask for an answer until it is there, each time held by the server for as long as it likes; else `TimedOut`."""
    deadline = retry.clock() + timeout

    def ask(at: float) -> Call[Solution | None]:
        return _calls.result(key, task, hold=max(0, min(LONGEST_HOLD, int(deadline - at))))

    after = 0.0
    while True:
        sent = retry.clock() + after
        solution = yield from insist(ask, retry, until=deadline, after=after)
        if solution is not None:
            return solution
        now = retry.clock()
        if now >= deadline:
            raise TimedOut(task, timeout)
        after = max(0.0, min(sent + PACE, deadline) - now)
