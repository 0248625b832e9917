"""How nodes on one PostgreSQL hear of each other's commits, and agree on who does the chores: LISTEN and NOTIFY.
Rule: it only makes sooner what is looked at anyway; after a gap it says that something may have been missed."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final

import psycopg
import structlog
from psycopg import sql

from answerdesk.desk.ports import Heard
from answerdesk.store import columns
from answerdesk.store.cluster import configure, conninfo
from answerdesk.store.columns import Text
from answerdesk.store.news import ANYTHING, Gathering, pack, unpack
from answerdesk.store.trips import Trips

log = structlog.get_logger()

#: How often whoever listens shows that it is alive, and tries for the duty.
LOOK_SECONDS: Final = 2.0
#: After how much silence the server ends a listening session, and its duty with it: its process hangs or is cut off.
SILENCE_SECONDS: Final = 7
#: How long a round trip to the server may take.
TRIP_SECONDS: Final = 5.0
#: The first pause after a connection was lost, and the longest.
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 5.0
#: How long after a telling more places may come free before they are told of: a commit of its own for each unit of
#: creations costs all nodes more than who claims elsewhere loses by that.
REST_SECONDS: Final = 0.02
#: How long a node that closes may take to tell what it has not told yet.
FAREWELL_SECONDS: Final = 2.0

Connection = psycopg.AsyncConnection[Any]
Connect = Callable[[], Awaitable[Connection]]

_TELL: Final = "SELECT pg_notify(%s, told) FROM unnest(%s) AS told"
#: What a connection that is gone, or cannot be made, raises.
_LOST: Final = (psycopg.Error, OSError, TimeoutError)


def channel_of(key: bytes) -> str:
    """Name the channel of the desk with this permutation key: several desks may lie in one database."""
    return f"answerdesk_{hashlib.sha256(b'channel' + key).hexdigest()[:16]}"


def duty_of(key: bytes) -> int:
    """Give the number of the advisory lock that whoever is on duty holds."""
    return int.from_bytes(hashlib.sha256(b"duty" + key).digest()[:8], "big", signed=True)


class Pauses:
    """Pauses between tries, each up to twice as long as the one before."""

    def __init__(self) -> None:
        """Begin with the shortest."""
        self._next = FIRST_PAUSE_SECONDS

    @property
    def first(self) -> bool:
        """Tell whether nothing failed since the last success: what goes on failing is logged once."""
        return self._next == FIRST_PAUSE_SECONDS

    def reset(self) -> None:
        """Begin anew: a try succeeded."""
        self._next = FIRST_PAUSE_SECONDS

    async def pause(self) -> None:
        """Sleep, not in step with others."""
        seconds, self._next = self._next, min(2 * self._next, LONGEST_PAUSE_SECONDS)
        await asyncio.sleep(seconds * random.uniform(0.5, 1.0))  # noqa: S311 - only spreads tries


class Teller:
    """Tells other nodes what this one's commits changed, by a connection of its own."""

    def __init__(self, connect: Connect, channel: str, node: str, rest: float = REST_SECONDS) -> None:
        """Take how to connect; nothing is opened before there is something to tell."""
        self._connect = connect
        self._rest = rest
        #: Set when what is to be told cannot rest.
        self._pressing = asyncio.Event()
        self._channel = channel
        self._node = node
        self._gathering = Gathering()
        self._connection: Connection | None = None
        self._trips: Trips | None = None
        self._telling: asyncio.Task[None] | None = None

    def tell(self, heard: Heard) -> None:
        """Have it told soon; while one telling is under way the next one gathers."""
        self._gathering.hear(heard)
        if self._gathering.pressing:
            self._pressing.set()
        self._move()
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    def _move(self) -> None:
        """Come to the running loop: what was under way in one that is gone was told, or not."""
        if self._telling is not None and self._telling.get_loop() is not asyncio.get_running_loop():
            if self._telling.cancelled() or not self._telling.done():
                self._gathering.lose()
            self.close()

    async def aclose(self) -> None:
        """Tell what is left, for a short while, and close."""
        self._move()
        self._pressing.set()
        if self._telling is None and self._gathering:
            self._telling = asyncio.get_running_loop().create_task(self._tell())
        if self._telling is not None:
            _, late = await asyncio.wait((self._telling,), timeout=FAREWELL_SECONDS)
            for telling in late:
                telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        await self._hang_up()

    def close(self) -> None:
        """Close at once."""
        telling, self._telling = self._telling, None
        if telling is not None and not telling.done() and not telling.get_loop().is_closed():
            telling.cancel()
        connection, self._connection, self._trips = self._connection, None, None
        if connection is not None:
            connection.pgconn.finish()

    async def _tell(self) -> None:
        pauses = Pauses()
        self._pressing = asyncio.Event()
        while payloads := pack(self._node, self._gathering.take()):
            self._pressing.clear()
            try:
                async with asyncio.timeout(TRIP_SECONDS):
                    await self._send(payloads)
                pauses.reset()
            except _LOST as error:
                # It may have been told or not; whoever hears this looks at everything.
                self._gathering.lose()
                if pauses.first:
                    log.warning("telling_failed", why=str(error) or type(error).__name__)
                await self._hang_up()
                await pauses.pause()
            else:
                await self._gather()

    async def _gather(self) -> None:
        """Let places that come free gather, until there is anything else to tell."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._rest):
                await self._pressing.wait()

    async def _send(self, payloads: list[str]) -> None:
        if self._connection is None or self._trips is None:
            self._connection = await self._connect()
            columns.adapt(self._connection)
            # A commit that only tells need not wait for the disk.
            await self._connection.execute("SET synchronous_commit = off")
            self._trips = Trips(self._connection)
        # After each commit: what is told costs more than it should where the driver makes a cursor for it.
        await self._trips.ask((_TELL, (self._channel, Text(payloads))))

    async def _hang_up(self) -> None:
        connection, self._connection, self._trips = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(*_LOST):
                await connection.close()


class Listener:
    """Hears what other nodes tell, and holds the duty while no other node does, by a connection of its own."""

    def __init__(self, connect: Connect, *, channel: str, duty: int, node: str, hear: Callable[[Heard], None]) -> None:
        """Take how to connect, whose news are its own, and whom to tell."""
        self._connect = connect
        self._channel = channel
        self._duty = duty
        self._node = node
        self._hear = hear
        #: Whether chores and deliveries are this node's matter now.
        self.on_duty = False

    async def run(self) -> None:
        """Listen until cancelled, connecting again whenever the connection is lost."""
        pauses = Pauses()
        while True:
            try:
                await self._listen(pauses)
            except _LOST as error:
                if pauses.first:
                    log.warning("listening_lost", why=str(error) or type(error).__name__)
            finally:
                self._set_duty(on=False)
            await pauses.pause()

    async def _listen(self, pauses: Pauses) -> None:
        async with asyncio.timeout(TRIP_SECONDS):
            connection = await self._connect()
        try:
            async with asyncio.timeout(TRIP_SECONDS):
                await connection.execute(sql.SQL("SET idle_session_timeout = {}").format(f"{SILENCE_SECONDS}s"))
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
            pauses.reset()
            # What was told before is not told again.
            self._pass_on(ANYTHING)
            while True:
                async with asyncio.timeout(TRIP_SECONDS):
                    await self._show_life(connection)
                async for notice in connection.notifies(timeout=LOOK_SECONDS):
                    self._take(notice.payload)
        finally:
            with contextlib.suppress(*_LOST):
                await connection.close()

    async def _show_life(self, connection: Connection) -> None:
        """Ask the server for the duty, or for nothing: it answers, or the connection is as good as lost."""
        if self.on_duty:
            await connection.execute("SELECT 1")
            return
        asked = await connection.execute("SELECT pg_try_advisory_lock(%s)", (self._duty,))
        row = await asked.fetchone()
        self._set_duty(on=bool(row and row[0]))

    def _set_duty(self, *, on: bool) -> None:
        if on is not self.on_duty:
            self.on_duty = on
            log.info("duty_taken" if on else "duty_left", node=self._node)

    def _take(self, payload: str) -> None:
        node, heard = unpack(payload)
        if node != self._node:
            self._pass_on(heard)

    def _pass_on(self, heard: Heard) -> None:
        try:
            self._hear(heard)
        except Exception:
            log.exception("news_not_heard")


class Neighbours:
    """The other nodes on a desk's database: told of this one's commits, and listened to while somebody serves here."""

    def __init__(self, url: str, node: str, key: bytes, *, hear: Callable[[Heard], None]) -> None:
        """Take where they meet, what this node and desk are known by, and whom to tell."""
        self._conninfo = conninfo(url)
        self.channel = channel = channel_of(key)
        self._node = node
        self._teller = Teller(self._connect, channel, node)
        self._listener = Listener(self._connect, channel=channel, duty=duty_of(key), node=node, hear=hear)
        self._listening: asyncio.Task[None] | None = None

    @property
    def on_duty(self) -> bool:
        """Whether chores and deliveries are this node's matter now."""
        return self._listener.on_duty

    def tell(self, heard: Heard) -> None:
        """Tell them what was committed here."""
        self._teller.tell(heard)

    def packed(self, heard: Heard) -> list[str]:
        """Write down what they would be told, for whoever tells it within a transaction."""
        gathering = Gathering()
        gathering.hear(heard)
        return pack(self._node, gathering.take())

    def listen(self) -> None:
        """Listen from now on, and be on duty while nobody else is."""
        if self._listening is None or self._listening.done():
            self._listening = asyncio.get_running_loop().create_task(self._listener.run())

    async def _connect(self) -> Connection:
        connection = await psycopg.AsyncConnection.connect(self._conninfo)
        try:
            await configure(connection)
        except BaseException:
            connection.pgconn.finish()
            raise
        return connection

    def close(self) -> None:
        """Close at once."""
        if self._listening is not None and not self._listening.get_loop().is_closed():
            self._listening.cancel()
        self._teller.close()

    async def aclose(self) -> None:
        """Listen no more, tell what is left to tell, and close."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await self._teller.aclose()
