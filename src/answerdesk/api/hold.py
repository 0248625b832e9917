"""Who waits: polls of unfinished tasks are held until their task settles or their time is up.
Rule: an event only makes it sooner; every half second all held tasks are read again, so none is ever needed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from typing import Final

from answerdesk.api.meters import Spread
from answerdesk.desk.board import Board
from answerdesk.desk.elsewhere import Settled as SettledElsewhere
from answerdesk.desk.ports import Store
from answerdesk.model.account import AccountId, Sequence
from answerdesk.model.talk import Ready, Refused
from answerdesk.model.task import Permutation, Task, TaskId

#: How often held tasks are read again.
REREAD_SECONDS: Final = 0.5
#: Polls whose time is up within this of each other are released together, the first of them by so much too late.
TICK_SECONDS: Final = 0.01
#: By how many seconds polls that were held are told apart.
HELD_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 15.0, 60.0)
#: Held polls of one account beyond which its further polls are answered at once.
MOST_OF_ACCOUNT: Final = 1_000

Name = tuple[AccountId, TaskId]
Settled = Ready | Refused
#: What else is forgotten of a task once it has settled.
Forget = Callable[[AccountId, TaskId], None]


class Hold:
    """Held polls by task, released by settle events."""

    def __init__(self, board: Board, ids: Permutation, most: int, most_of_account: int = MOST_OF_ACCOUNT) -> None:
        """Hold at most `most` polls in all."""
        self._board = board
        self._ids = ids
        self._most = most
        self._most_of_account = most_of_account
        self._held: dict[Name, list[asyncio.Future[Settled | None]]] = {}
        #: Who is released unanswered at which tick: a timer for each poll would cost more than all else of it.
        self._ending: dict[int, set[asyncio.Future[Settled | None]]] = {}
        self._of_account: dict[AccountId, int] = {}
        self._count = 0
        self._closed = False
        #: Held tasks that settled elsewhere, until they are read.
        self._told: dict[Sequence, None] = {}
        self._bell = asyncio.Event()
        #: How long polls were held that learned their answer, and those that did not.
        self.held = {True: Spread(HELD_SECONDS), False: Spread(HELD_SECONDS)}

    def __len__(self) -> int:
        """Count the polls held now."""
        return self._count

    def has_room(self, account: AccountId) -> bool:
        """Tell whether one more poll of the account may be held."""
        return (
            not self._closed and self._count < self._most and self._of_account.get(account, 0) < self._most_of_account
        )

    async def wait(self, account: AccountId, task: TaskId, seconds: float) -> Settled | None:
        """Wait for a task to settle; None when it did not in time."""
        name = (account, task)
        loop = asyncio.get_running_loop()
        poll: asyncio.Future[Settled | None] = loop.create_future()
        self._held.setdefault(name, []).append(poll)
        self._of_account[account] = self._of_account.get(account, 0) + 1
        self._count += 1
        began = loop.time()
        ending = self._ending_with(loop, began + seconds)
        ending.add(poll)
        try:
            reply = await poll
            self.held[reply is not None].add(loop.time() - began)
            return reply
        finally:
            ending.discard(poll)
            self._leave(name, poll)

    def settle(self, tasks: Iterable[Task], also: Forget) -> None:
        """Hang settled tasks on the board and release whoever waits for them."""
        self._settle(tasks, also, self._board.put)

    def _settle(self, tasks: Iterable[Task], also: Forget, tell: Callable[[Task, TaskId], Settled]) -> None:
        for task in tasks:
            if task.settled:
                shown = self._ids.show(task.n)
                reply = tell(task, shown)
                also(task.account, shown)
                for poll in self._held.get((task.account, shown), ()):
                    if not poll.done():
                        poll.set_result(reply)

    def hear(self, settled: Iterable[SettledElsewhere]) -> None:
        """Have those tasks read that somebody waits for; nobody else needs to know how they settled elsewhere."""
        for each in settled:
            if each.account in self._of_account and (each.account, self._ids.show(each.n)) in self._held:
                self._told[each.n] = None
                self._bell.set()

    async def told(self, store: Store, also: Forget) -> None:
        """Wait until held tasks settled elsewhere, and release whoever waits for them."""
        await self._bell.wait()
        self._bell.clear()
        numbers, self._told = self._told, {}
        await self._read(store, numbers, also)

    async def reread(self, store: Store, also: Forget) -> None:
        """Release whoever waits for tasks that settled without an event."""
        if self._held:
            await self._read(store, [self._ids.find(task) for _, task in self._held], also)

    async def _read(self, store: Store, numbers: Iterable[Sequence], also: Forget) -> None:
        tell = self._board.reading()
        self._settle(await store.settled_among(numbers), also, tell)

    def let_go(self) -> None:
        """Release every poll as still processing."""
        for polls in self._held.values():
            for poll in polls:
                _give_up(poll)

    def close(self) -> None:
        """Release every poll as still processing, and hold none from now on."""
        self._closed = True
        self.let_go()

    def _ending_with(self, loop: asyncio.AbstractEventLoop, until: float) -> set[asyncio.Future[Settled | None]]:
        """Give whoever is released together at a time of the loop's clock; the first of them sets the timer."""
        tick = math.ceil(until / TICK_SECONDS)
        ending = self._ending.get(tick)
        if ending is None:
            ending = self._ending[tick] = set()
            loop.call_at(tick * TICK_SECONDS, self._end, tick)
        return ending

    def _end(self, tick: int) -> None:
        # Those who are released leave the set only in turns of their own.
        for poll in self._ending.pop(tick):
            _give_up(poll)

    def _leave(self, name: Name, poll: asyncio.Future[Settled | None]) -> None:
        polls = self._held[name]
        polls.remove(poll)
        if not polls:
            del self._held[name]
        self._count -= 1
        left = self._of_account[name[0]] - 1
        if left:
            self._of_account[name[0]] = left
        else:
            del self._of_account[name[0]]


def _give_up(poll: asyncio.Future[Settled | None]) -> None:
    if not poll.done():
        poll.set_result(None)
