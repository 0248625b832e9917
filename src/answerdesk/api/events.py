"""Streams of settled tasks, one per listening client, in the order they settled.
Rule: what is pushed only makes it sooner; a stream reads the store from its own place, so nothing is ever missed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from typing import Final

import structlog

from answerdesk.desk.board import final_reply
from answerdesk.desk.ports import Records, Unavailable
from answerdesk.model.account import AccountId
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.task import Permutation, Task
from answerdesk.wire.native import task_json, write_event, write_place

log = structlog.get_logger()

#: Events waiting for a slow client beyond which it reads the store instead.
MOST_WAITING: Final = 256
#: How many events are read at once.
PAGE: Final = 200
#: How often a stream with nothing to say shows that it is alive, and reads the store even so.
ALIVE_SECONDS: Final = 5.0
#: Streams of one account beyond which no more are opened.
MOST_OF_ACCOUNT: Final = 200
#: Streams of all accounts together.
MOST_STREAMS: Final = 2_000
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

    def push(self, place: int, event: bytes) -> None:
        """Add an event, or note that there were too many."""
        if len(self.pushed) >= MOST_WAITING:
            self.behind = True
        else:
            self.pushed.append((place, event))
        self.woken.set()

    def fall_behind(self) -> None:
        """Note that something settled that is not pushed."""
        self.behind = True
        self.woken.set()


class Feed:
    """All streams of this process, by account."""

    def __init__(self, records: Records, ids: Permutation, most: int = MOST_STREAMS) -> None:
        """Take where settled tasks are read from; at most `most` streams are open."""
        self._records = records
        self._ids = ids
        self._most = most
        self._streams: dict[AccountId, set[Stream]] = {}
        self._count = 0
        #: The place of the last task pushed: what comes after it without a gap has been missed by nobody.
        self._heard = 0
        self._closed = False

    def hear(self, tasks: Iterable[Task]) -> None:
        """Push newly settled tasks to the streams of their accounts; after a gap every stream reads the store."""
        for task in tasks:
            place = task.place
            # A settled task that was only reported on keeps its place, and is no news.
            if place <= self._heard:
                continue
            if place > self._heard + 1:
                self._fall_behind()
            self._heard = place
            streams = self._streams.get(task.account)
            if streams:
                event = self._event(task)
                for stream in streams:
                    stream.push(place, event)

    async def look(self) -> None:
        """Let the streams read what another process settled."""
        if not self._streams:
            return
        last = await self._records.last_settled()
        if last > self._heard:
            self._heard = last
            self._fall_behind()

    async def place_after(self, name: str) -> int:
        """Read a ``Last-Event-ID``; anything else, or a place no task has reached, means from now on."""
        last = await self._records.last_settled()
        if name.isascii() and name.isdigit() and len(name) <= LONGEST_NAME:
            return min(int(name), last)
        return last

    def check_room(self, account: AccountId) -> None:
        """Refuse a stream too many."""
        if self._count >= self._most or len(self._streams.get(account, ())) >= MOST_OF_ACCOUNT:
            msg = f"too many event streams are open; an account may have {MOST_OF_ACCOUNT}, and one tells everything"
            raise Refusal(Fault.NO_SLOT_AVAILABLE, msg)

    async def follow(self, account: AccountId, place: int) -> AsyncGenerator[bytes]:
        """Give its place, then an account's events from there on, until the feed closes."""
        stream = Stream(place)
        self._streams.setdefault(account, set()).add(stream)
        self._count += 1
        try:
            yield write_place(str(place))
            while not self._closed:
                yield await self._next(account, stream)
        finally:
            self._count -= 1
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

    def _fall_behind(self) -> None:
        for streams in self._streams.values():
            for stream in streams:
                stream.fall_behind()

    async def _next(self, account: AccountId, stream: Stream) -> bytes:
        """Give the next bytes for a stream: its events, or a sign of life."""
        if not stream.behind and not stream.pushed:
            stream.woken.clear()
            await _wait(stream.woken)
            if not stream.pushed:
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
        try:
            tasks = await self._records.settled_after(account, stream.place, PAGE)
        except Unavailable as away:
            # It says so at its next sign of life, when it reads again.
            log.warning("store_unavailable", path="events", why=str(away))
            stream.woken.clear()
            await _wait(stream.woken)
            stream.behind = True
            return b""
        stream.behind = stream.behind or len(tasks) == PAGE
        if tasks:
            stream.place = tasks[-1].place
        return b"".join(self._event(task) for task in tasks)

    def _event(self, task: Task) -> bytes:
        return write_event(str(task.place), task_json(self._ids.show(task.n), final_reply(task)))


async def _wait(woken: asyncio.Event) -> None:
    """Wait until woken, at most until the next sign of life is due."""
    timer = asyncio.get_running_loop().call_later(ALIVE_SECONDS, woken.set)
    try:
        await woken.wait()
    finally:
        timer.cancel()
