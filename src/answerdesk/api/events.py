"""Streams of settled tasks, one per listening client, in the order they settled.
Rule: what is pushed only makes it sooner; a stream reads the store from its own place, so nothing is ever missed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Final

from answerdesk.desk.board import final_reply
from answerdesk.desk.ports import Records
from answerdesk.model.account import AccountId
from answerdesk.model.task import Permutation, Task
from answerdesk.wire.native import task_json, write_event

#: Events waiting for a slow client beyond which it reads the store instead.
MOST_WAITING: Final = 256
#: How many events are read at once.
PAGE: Final = 200
#: How often a stream with nothing to say reads the store anyway, and shows that it is alive.
LOOK_SECONDS: Final = 5.0
LONGEST_NAME: Final = 19
ALIVE: Final = b": alive\n\n"


class Stream:
    """One client's place, and what was pushed to it since."""

    def __init__(self, place: int) -> None:
        """Start after a place."""
        self.place = place
        self.pushed: deque[tuple[int, bytes]] = deque()
        #: Whether something was not pushed, so that the store must be read.
        self.behind = True
        self.woken = asyncio.Event()


class Feed:
    """All streams of this process, by account."""

    def __init__(self, records: Records, ids: Permutation) -> None:
        """Take where settled tasks are read from."""
        self._records = records
        self._ids = ids
        self._streams: dict[AccountId, set[Stream]] = {}
        self._closed = False

    def hear(self, tasks: Iterable[Task]) -> None:
        """Push settled tasks to the streams of their accounts."""
        if not self._streams:
            return
        for task in tasks:
            streams = self._streams.get(task.account) if task.settled else None
            if streams:
                event = self._event(task)
                for stream in streams:
                    _push(stream, task.place, event)

    async def place_after(self, name: str) -> int:
        """Read a ``Last-Event-ID``; anything else means from now on."""
        if name.isascii() and name.isdigit() and len(name) < LONGEST_NAME:
            return int(name)
        return await self._records.last_settled()

    async def follow(self, account: AccountId, place: int) -> AsyncIterator[bytes]:
        """Give an account's events from a place on, until the feed closes."""
        stream = Stream(place)
        self._streams.setdefault(account, set()).add(stream)
        try:
            while not self._closed:
                yield await self._next(account, stream)
        finally:
            streams = self._streams[account]
            streams.discard(stream)
            if not streams:
                del self._streams[account]

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        for streams in self._streams.values():
            for stream in streams:
                stream.woken.set()

    async def _next(self, account: AccountId, stream: Stream) -> bytes:
        """Give the next bytes for a stream: its events, or a sign of life."""
        if not stream.behind and not stream.pushed:
            stream.woken.clear()
            try:
                await asyncio.wait_for(stream.woken.wait(), LOOK_SECONDS)
            except TimeoutError:
                stream.behind = True
        if stream.behind:
            return await self._read(account, stream) or ALIVE
        fresh = [(place, event) for place, event in stream.pushed if place > stream.place]
        stream.pushed.clear()
        if fresh:
            stream.place = fresh[-1][0]
        return b"".join(event for _, event in fresh) or ALIVE

    async def _read(self, account: AccountId, stream: Stream) -> bytes:
        """Read on from the stream's place; a page that is not full means it has caught up."""
        stream.pushed.clear()
        stream.behind = False
        tasks = await self._records.settled_after(account, stream.place, PAGE)
        stream.behind = stream.behind or len(tasks) == PAGE
        if tasks:
            stream.place = tasks[-1].place
        return b"".join(self._event(task) for task in tasks)

    def _event(self, task: Task) -> bytes:
        return write_event(str(task.place), task_json(self._ids.show(task.n), final_reply(task)))


def _push(stream: Stream, place: int, event: bytes) -> None:
    if len(stream.pushed) >= MOST_WAITING:
        stream.behind = True
    else:
        stream.pushed.append((place, event))
    stream.woken.set()
