"""When to send, to send again and to stop: generators that yield what they want done and are sent what came of it, so
that both colours share every decision."""

import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from answerdesk_client import _native
from answerdesk_client._calls import Call, Reply
from answerdesk_client._errors import TimedOut, Unavailable
from answerdesk_client._native import LONGEST_HOLD, Lines, Page
from answerdesk_client._orders import Order
from answerdesk_client._values import Solution, Task, TaskId

T = TypeVar("T")

PACE = 2.0
"""Seconds from one ask for an answer to the next when the server does not hold them, as documented (PROTOCOL §3.5)."""

LATER = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Lost:
    """A call that got no reply, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Step:
    """What a talk wants done: pause for `after` seconds, then send `call`."""

    call: Call[Any]
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Open:
    """The same for a call whose reply goes on and on; it is heard of as a `Reply` without a body where that begins."""

    call: Call[Any]
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Read:
    """Wants the next piece of what was opened last, empty at its end."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Has something for the caller."""

    value: Any


Wish: TypeAlias = Step | Open | Read | Tell
Heard: TypeAlias = Reply | Lost | bytes | None
Talk: TypeAlias = Generator[Wish, Heard, T]


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
        reply = heard if isinstance(heard, Reply) else None
        if reply and reply.status not in LATER:
            return call.parse(reply)
        after = retry.pause(tries, reply.retry_after if reply else None)
        tries += 1
        if retry.clock() + after > until:
            last = f"HTTP status {reply.status}" if reply else getattr(heard, "why", "")
            raise Unavailable(f"{call.method} {call.path} went unanswered {tries} times, the last for: {last}")


def wait(task: TaskId, timeout: float, retry: Retry) -> Talk[Solution]:
    """Ask for an answer until it is there, each time held by the server for as long as it likes; else `TimedOut`."""
    deadline = retry.clock() + timeout

    def ask(at: float) -> Call[Task]:
        return _native.show(task, _held(deadline - at))

    after = 0.0
    while True:
        sent = retry.clock() + after
        found = _native.solution((yield from insist(ask, retry, until=deadline, after=after)))
        if found is not None:
            return found
        now = retry.clock()
        if now >= deadline:
            raise TimedOut(task, timeout)
        after = max(0.0, min(sent + PACE, deadline) - now)


def solve(order: Order, idempotency_key: str, timeout: float, retry: Retry) -> Talk[Solution]:
    """Make a task with its answer in the same trip, or wait on for it; else `TimedOut`."""
    deadline = retry.clock() + timeout
    made = yield from send(_native.create(order, idempotency_key, _held(timeout)), retry)
    found = _native.solution(made)
    if found is not None:
        return found
    left = deadline - retry.clock()
    if left <= 0:
        raise TimedOut(made.id, timeout)
    return (yield from wait(made.id, left, retry))


def pages(ask: Callable[[int | None], Call[Page[T]]], retry: Retry) -> Talk[None]:
    """Tell the rows of one page after the other."""
    before: int | None = None
    while True:
        page = yield from send(ask(before), retry)
        for row in page.rows:
            yield Tell(row)
        if page.next is None:
            return
        before = page.next


def follow(last: str | None, retry: Retry) -> Talk[None]:
    """Tell events for ever, through whatever breaks the stream; `Unavailable` when patience with that ends."""
    lines = Lines(last)
    tries, after, until = 0, 0.0, retry.clock() + retry.patience
    while True:
        heard = yield Open(_native.events(lines.last), after)
        asked = None
        if isinstance(heard, Reply):
            asked = heard.retry_after
            if heard.status not in LATER:
                _native.accepted(heard)
                while isinstance(heard := (yield Read()), bytes) and heard:
                    tries, until = 0, retry.clock() + retry.patience
                    for event in lines.feed(heard):
                        yield Tell(event)
                lines = Lines(lines.last)
        after = retry.pause(tries, asked)
        tries += 1
        if retry.clock() + after > until:
            why = heard.why if isinstance(heard, Lost) else "it ended at once"
            raise Unavailable(f"the stream of events was not there {tries} times, the last for: {why}")


def _held(seconds: float) -> int:
    return max(0, min(LONGEST_HOLD, int(seconds)))
