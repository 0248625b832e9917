"""Many orders at once, as a talk: made a batch at a time, and heard of through one stream of events. Where there is no
stream they are polled, and whatever was missed is looked at once more before it is called late."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from uuid import uuid4

from answerdesk_client import _native
from answerdesk_client._calls import Call, Reply
from answerdesk_client._errors import AnswerdeskError, Refused, TimedOut
from answerdesk_client._native import MOST_BATCH, MOST_BYTES, Lines
from answerdesk_client._orders import Order
from answerdesk_client._talk import Open, Read, Retry, Talk, insist, send
from answerdesk_client._values import Progress, Solution, Task, TaskId

POLL_SECONDS = 5
"""How long one poll is held where there is no stream."""


class Batch:
    """Orders under way."""

    def __init__(
        self, orders: Iterable[Order], *, timeout: float, at_once: int, progress: Callable[[Progress], object] | None,
        retry: Retry,
    ) -> None:  # fmt: skip
        self._orders = enumerate(map(_native.encoded, orders))
        self._timeout = timeout
        self._at_once = at_once
        self._progress = progress
        self._retry = retry
        self._lines = Lines()
        self._is_open = False
        #: The open tasks in the order they were made: whose they are, and until when each is waited for.
        self._waiting: dict[TaskId, tuple[int, float]] = {}
        self._outcomes: dict[int, Solution | AnswerdeskError] = {}
        self._next: tuple[int, bytes] | None = None

    def run(self) -> Talk[list[Solution | AnswerdeskError]]:
        """Bring every order to its end; gives the outcomes in the order of the orders."""
        yield from self._open()
        while True:
            yield from self._fill()
            if not self._waiting:
                return [outcome for _, outcome in sorted(self._outcomes.items())]
            if not (yield from self._end_late()):
                yield from self._listen()

    def _open(self, after: float = 0.0) -> Talk[None]:
        """Open the stream and learn the place it starts from; where that was not known, look at every open task."""
        known = self._lines.last is not None
        self._lines = Lines(self._lines.last)
        call = _native.events(self._lines.last)
        heard = yield Open(call, after)
        if not isinstance(heard, Reply) or heard.status != _GOOD:
            return
        self._is_open = True
        while self._is_open and self._lines.last is None:
            yield from self._read()
        if not known:
            for task in list(self._waiting):
                yield from self._look(task, 0, self._retry.clock() + self._retry.patience)

    def _listen(self) -> Talk[None]:
        """Hear what settled; without a stream, poll the oldest task once and try to have one again."""
        if self._is_open:
            yield from self._read()
            return
        task, (_, deadline) = next(iter(self._waiting.items()))
        hold = max(0, min(POLL_SECONDS, int(deadline - self._retry.clock())))
        yield from self._look(task, hold, deadline)
        if self._waiting:
            yield from self._open(self._retry.first)

    def _read(self) -> Talk[None]:
        piece = yield Read()
        if not isinstance(piece, bytes) or not piece:
            self._is_open = False
            return
        for event in self._lines.feed(piece):
            self._settle(event.task)

    def _fill(self) -> Talk[None]:
        """Make as many tasks as may be open, once there is room for a good part of them."""
        while len(self._waiting) <= self._at_once // 2:
            chunk = self._take(min(MOST_BATCH, self._at_once - len(self._waiting)))
            if not chunk:
                return
            call = _native.create_batch([order for _, order in chunk], str(uuid4()))
            made: Sequence[Task | AnswerdeskError]
            try:
                made = yield from send(call, self._retry)
            except AnswerdeskError as error:
                if not self._waiting and not self._outcomes:
                    raise
                made = [error] * len(chunk)
            deadline = self._retry.clock() + self._timeout
            for (index, _), task in zip(chunk, made, strict=True):
                if isinstance(task, AnswerdeskError):
                    self._end(index, None, task)
                else:
                    self._waiting[task.id] = index, deadline
                    self._settle(task)

    def _take(self, most: int) -> list[tuple[int, bytes]]:
        """Take orders for one batch, within what a server reads at once."""
        chunk: list[tuple[int, bytes]] = []
        size = 0
        ahead = [self._next] if self._next else []
        self._next = None
        for index, order in chain(ahead, self._orders):
            size += len(order)
            if chunk and size > MOST_BYTES:
                self._next = index, order
                break
            chunk.append((index, order))
            if len(chunk) == most:
                break
        return chunk

    def _end_late(self) -> Talk[bool]:
        """End the tasks whose time is up, after a last look; tells whether there were any."""
        now = self._retry.clock()
        late = [task for task, (_, deadline) in self._waiting.items() if deadline <= now]
        for task in late:
            yield from self._look(task, 0, now + self._retry.patience)
            if task in self._waiting:
                self._end(self._waiting.pop(task)[0], task, TimedOut(task, self._timeout))
        return bool(late)

    def _look(self, task: TaskId, hold: int, until: float) -> Talk[None]:
        """Look at one task; where even that is refused, this is what became of it."""
        call: Call[Task] = _native.show(task, hold)
        try:
            self._settle((yield from insist(lambda _: call, self._retry, until=until)))
        except AnswerdeskError as error:
            if isinstance(error, Refused) or until >= self._waiting[task][1]:
                self._end(self._waiting.pop(task)[0], task, error)

    def _settle(self, task: Task) -> None:
        outcome = _native.outcome(task)
        if outcome is not None and task.id in self._waiting:
            self._end(self._waiting.pop(task.id)[0], task.id, outcome)

    def _end(self, index: int, task: TaskId | None, outcome: Solution | AnswerdeskError) -> None:
        self._outcomes[index] = outcome
        if self._progress is not None:
            self._progress(Progress(done=len(self._outcomes), index=index, task=task, outcome=outcome))


_GOOD = 200
