"""Streams of settled tasks, one per listening client, in the order they settled.
Rule: what is poured only makes it sooner; a stream reads the store from its own place, so nothing is ever missed."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import AsyncGenerator
from typing import Final

import structlog

from answerdesk.api.broadcast import Pour, framed
from answerdesk.desk.board import final_reply
from answerdesk.desk.elsewhere import Settled
from answerdesk.desk.ports import Heard, Unavailable
from answerdesk.desk.records import Records
from answerdesk.model.account import AccountId
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.task import Permutation, Task
from answerdesk.wire.native import task_json, write_event, write_farewell, write_place

log = structlog.get_logger()

#: Events of an account kept for those of its streams that wait for them; who is further behind reads the store.
MOST_WAITING: Final = 256
#: How many events are read at once.
PAGE: Final = 200
#: How often a stream with nothing to say shows that it is alive, and one of its account's reads the store even so.
ALIVE_SECONDS: Final = 5.0
#: By how much less for some, in as many steps, so that those who were told something at once do not all say so at once.
SPREAD: Final = 0.2
STEPS: Final = 64
#: Streams of one account beyond which no more are opened.
MOST_OF_ACCOUNT: Final = 200
#: Streams of all accounts together.
MOST_STREAMS: Final = 2_000
#: Accounts looked at in one round for what other processes settled.
MOST_LOOKS: Final = 100
LONGEST_NAME: Final = 19
ALIVE: Final = b": alive\n\n"
#: When those whose stream is ended here are told to come again, in as many steps.
LEAST_RETRY_MS: Final = 200
MOST_RETRY_MS: Final = 2_000
#: How many times as long as an account's streams were written to everybody else has before the next ones are, within
#: bounds in seconds: what settles meanwhile is written at once.
REST: Final = 2.0
LEAST_REST: Final = 0.002
MOST_REST: Final = 0.02


_streams = itertools.count()


class Stream:
    """One client's place."""

    def __init__(self, place: int, pour: Pour | None) -> None:
        """Start after a place; `pour` writes to its connection at once, where that can be done."""
        #: Everything up to here was told.
        self.place = place
        #: Whether what comes next must be read from the store.
        self.behind = True
        #: When something was last told, and how long after that a sign of life is due.
        self.spoke = time.monotonic()
        #: Which of the steps is its own.
        self.step = next(_streams) % STEPS
        self._silence = ALIVE_SECONDS * (1 - SPREAD * self.step / STEPS)
        self._pour = pour
        #: What its own task waits for; nothing may be poured while that task is about to send.
        self._sleep: asyncio.Future[None] | None = None
        self._stirred = False

    @property
    def rests(self) -> bool:
        """Tell whether its own task, with everything told, waits for news."""
        return not self.behind and self._sleep is not None and not self._sleep.done()

    @property
    def due(self) -> float:
        """Tell when its next sign of life is due."""
        return self.spoke + self._silence

    def wake(self) -> None:
        """Let its own task look round, now or once it would wait."""
        self._stirred = True
        if self._sleep is not None and not self._sleep.done():
            self._sleep.set_result(None)

    async def rest(self) -> None:
        """Wait until woken, at most until the next sign of life is due."""
        if not self._stirred:
            loop = asyncio.get_running_loop()
            self._sleep = loop.create_future()
            timer = loop.call_later(max(0.0, self.due - time.monotonic()), self.wake)
            try:
                await self._sleep
            finally:
                timer.cancel()
                self._sleep = None
        self._stirred = False

    def pour(self, place: int, piece: bytes, now: float) -> bool:
        """Write what came up to a place; False if the connection does not take it now."""
        if self._pour is None or not self._pour(piece):
            return False
        self.place, self.spoke = place, now
        return True


class Channel:
    """One account's streams, and the events that some of them may not have been told."""

    def __init__(self, since: int, gaps: int = 0) -> None:
        """Know every event after a place that the feed hears of, which so far had missed some so often."""
        self.streams: set[Stream] = set()
        #: The furthest place its account is known to have reached.
        self.heard = since
        #: Of how many of the feed's gaps its streams know to read what may be missing.
        self.gaps = gaps
        #: When one of them last read the store without a reason.
        self.looked = time.monotonic()
        self._events: deque[tuple[int, bytes]] = deque()
        self._since = since

    def add(self, place: int, event: bytes) -> None:
        """Take an event in; the oldest is for the store to tell once there are too many."""
        if len(self._events) >= MOST_WAITING:
            self._since, _ = self._events.popleft()
        self._events.append((place, event))
        self.heard = place

    def miss(self, place: int) -> None:
        """Note that something up to a place may be missing here."""
        self._events.clear()
        self._since = self.heard = max(self.heard, place)
        self.wake()

    def after(self, place: int) -> tuple[int, bytes] | None:
        """Give the last place and all events after one, empty when there are none; None when the store must be read."""
        if place < self._since:
            return None
        fresh = [event for at, event in self._events if at > place]
        return (self._events[-1][0] if fresh else place), b"".join(fresh)

    def pour(self) -> None:
        """Write to every stream that rests, and wake those that cannot be written to."""
        now = time.monotonic()
        pieces: dict[int, tuple[int, bytes]] = {}
        for stream in self.streams:
            if not stream.rests:
                continue
            if (found := pieces.get(stream.place)) is None:
                found = pieces[stream.place] = self._piece_after(stream.place)
            last, piece = found
            if last != stream.place and not (piece and stream.pour(last, piece, now)):
                stream.wake()
        self._forget()

    def _piece_after(self, place: int) -> tuple[int, bytes]:
        """Frame all events after a place; nothing, up to no place, when the store must be read."""
        last, events = self.after(place) or (0, b"")
        return last, framed(events) if events else b""

    def wake(self) -> None:
        """Let every stream look round."""
        for stream in self.streams:
            stream.wake()

    def _forget(self) -> None:
        """Forget what every stream was told."""
        told = min((stream.place for stream in self.streams), default=self._since)
        while self._events and self._events[0][0] <= told:
            self._since, _ = self._events.popleft()


class Feed:
    """All streams of this process, by account."""

    def __init__(self, records: Records, ids: Permutation, most: int = MOST_STREAMS) -> None:
        """Take where settled tasks are read from; at most `most` streams are open."""
        self._records = records
        self._ids = ids
        self._most = most
        self._channels: dict[AccountId, Channel] = {}
        self._count = 0
        #: The furthest place heard of: what comes right after it has no task before it that was missed.
        self._heard = 0
        #: How often something else came. Where several nodes write, places have gaps of their own, and only those of
        #: one account rise with its commits.
        self._gaps = 0
        #: The accounts with news, in the order it came.
        self._news: dict[AccountId, None] = {}
        #: Whether news is about to be told.
        self.telling = False
        self._closed = False

    def hear(self, heard: Heard) -> None:
        """Take newly settled tasks in for the streams of their accounts; after a gap those read the store."""
        if heard.settings:
            # Those who listen may be admitted no longer.
            self._wake()
        for task in heard.tasks:
            next_one = task.place == self._heard + 1
            if task.place > self._heard:
                self._gaps += not next_one
                self._heard = task.place
            channel = self._channels.get(task.account)
            # A settled task that was only reported on keeps its place, and is no news.
            if channel is None or task.place <= channel.heard:
                continue
            if next_one and channel.gaps == self._gaps:
                channel.add(task.place, self._event(task))
                self._news[task.account] = None
            else:
                self._miss(channel, task.place)
        for settled in heard.elsewhere.settled:
            self._hear_of(settled)
        if self._news and not self.telling:
            self.telling = True
            # Polls that were released just now have their turn before.
            asyncio.get_running_loop().call_soon(self._tell)

    def _hear_of(self, settled: Settled) -> None:
        """Let the streams of a task's account read what settled elsewhere; nobody else has a use for it."""
        if settled.place > self._heard:
            self._gaps += 1
            self._heard = settled.place
        channel = self._channels.get(settled.account)
        if channel is not None and settled.place > channel.heard:
            self._miss(channel, settled.place)

    async def look(self) -> None:
        """Let the streams read what another process settled; of many accounts, those last looked at wait."""
        for account in list(self._channels)[:MOST_LOOKS]:
            last = await self._records.last_settled(account)
            if (channel := self._channels.pop(account, None)) is not None:
                self._channels[account] = channel
                if last > channel.heard:
                    self._miss(channel, last)

    async def place_after(self, account: AccountId, name: str) -> int:
        """Read a ``Last-Event-ID``; anything else, or a place the account has not reached, means from now on."""
        last = await self._records.last_settled(account)
        if name.isascii() and name.isdigit() and len(name) <= LONGEST_NAME:
            return min(int(name), last)
        return last

    def check_room(self, account: AccountId) -> None:
        """Refuse a stream too many."""
        channel = self._channels.get(account)
        if self._count >= self._most or (channel is not None and len(channel.streams) >= MOST_OF_ACCOUNT):
            msg = f"too many event streams are open; an account may have {MOST_OF_ACCOUNT}, and one tells everything"
            raise Refusal(Fault.NO_SLOT_AVAILABLE, msg)

    async def follow(self, account: AccountId, place: int, pour: Pour | None = None) -> AsyncGenerator[bytes]:
        """Give its place, then an account's events from there on, until the feed closes.

        Empty bytes say nothing, but who listens should be looked at again. What is poured is not given.
        """
        stream = Stream(place, pour)
        channel = self._channels.setdefault(account, Channel(place, self._gaps))
        channel.streams.add(stream)
        self._count += 1
        try:
            yield write_place(str(place))
            while not self._closed:
                yield await self._next(account, channel, stream)
            # Not all at once: who listened here does so elsewhere, or here again.
            yield write_farewell(LEAST_RETRY_MS + stream.step * (MOST_RETRY_MS - LEAST_RETRY_MS) // STEPS)
        finally:
            self._count -= 1
            channel.streams.discard(stream)
            if not channel.streams and self._channels.get(account) is channel:
                del self._channels[account]

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        for channel in self._channels.values():
            channel.wake()

    def _miss(self, channel: Channel, place: int) -> None:
        channel.gaps = self._gaps
        channel.miss(place)

    def _tell(self) -> None:
        """Tell one account's news, then let everybody else have their turn."""
        account = next(iter(self._news))
        del self._news[account]
        # The bytes leave at the end of the loop's round, which is a part of what telling takes.
        asyncio.get_running_loop().call_soon(self._told, time.monotonic())
        if (channel := self._channels.get(account)) is not None:
            channel.pour()

    def _told(self, began: float) -> None:
        rest = min(MOST_REST, max(LEAST_REST, REST * (time.monotonic() - began)))
        asyncio.get_running_loop().call_later(rest, self._tell_on)

    def _tell_on(self) -> None:
        if self._news:
            self._tell()
        else:
            self.telling = False

    async def _next(self, account: AccountId, channel: Channel, stream: Stream) -> bytes:
        """Give the next bytes for a stream: its events, a sign of life, or nothing when it was woken."""
        found = None if stream.behind else channel.after(stream.place)
        if found is None:
            return self._spoken(stream, await self._read(account, channel, stream) or ALIVE)
        stream.place, events = found
        if events:
            return self._spoken(stream, events)
        await stream.rest()
        now = time.monotonic()
        if now < stream.due:
            return b""
        if now - channel.looked < ALIVE_SECONDS * (1 - SPREAD):
            return self._spoken(stream, ALIVE)
        # However little there is to say: what nobody heard of is in the store.
        channel.looked = now
        stream.behind = True
        return b""

    def _spoken(self, stream: Stream, said: bytes) -> bytes:
        stream.spoke = time.monotonic()
        return said

    async def _read(self, account: AccountId, channel: Channel, stream: Stream) -> bytes:
        """Read on from the stream's place; a page that is not full means it has caught up."""
        heard, known = channel.heard, channel.after(stream.place)
        try:
            tasks = await self._records.settled_after(account, stream.place, PAGE)
        except Unavailable as away:
            # It says so at its next sign of life, when it reads again.
            log.warning("store_unavailable", path="events", why=str(away))
            await stream.rest()
            return b""
        stream.behind = len(tasks) == PAGE
        if tasks:
            stream.place = tasks[-1].place
        if not stream.behind:
            stream.place = max(stream.place, heard)
        if tasks and known is not None and not known[1]:
            # The others know no more of it.
            self._miss(channel, stream.place)
        return b"".join(self._event(task) for task in tasks)

    def _event(self, task: Task) -> bytes:
        return write_event(str(task.place), task_json(self._ids.show(task.n), final_reply(task)))
