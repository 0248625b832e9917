"""The darkroom: pictures are fully decoded and drawn anew in child processes, and sounds recorded anew.
Rule: a stranger's picture is never decoded in this process; a child that hangs or dies costs that one picture."""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from answerdesk.desk.ports import Unavailable
from answerdesk.model.media import REDRAWN, RERECORDED, SOUNDS, sniff

#: A picture that takes longer is refused, and the child with it.
SECONDS: Final = 10.0
_HEAD: Final = struct.Struct(">BI")
#: A picture of more pixels, or a medium of more bytes, is work of a tenth of a second and more.
MOST_QUICK_PIXELS: Final = 1_000_000
MOST_QUICK_BYTES: Final = 300_000
#: How many media, and how many bytes of them, are taken in at once: whoever comes then is told to come again.
MOST_WAITING: Final = 256
MOST_BYTES: Final = 64 * 2**20
#: Children at least, so that there is always one for what is quick, and at most.
LEAST_HANDS: Final = 2
MOST_HANDS: Final = 4
#: What a picture that moves has, by type, and how often at least: it is many pictures.
_MOVES: Final = {"image/gif": (b"!\xf9\x04", 2), "image/webp": (b"ANIM", 1), "image/png": (b"acTL", 1)}


class Undecodable(Exception):
    """The picture cannot be decoded; the message says why."""


class Hand(Protocol):
    """Makes one medium anew at a time."""

    async def redraw(self, data: bytes) -> tuple[bytes, str]:
        """Give a medium made anew and its type; raises Undecodable."""

    async def close(self) -> None:
        """Let go of everything."""


class Darkroom:
    """Some hands, of which one at least is never given what takes long: what is quick waits behind one such at most."""

    def __init__(self, hands: Sequence[Hand] = (), *, most: int = MOST_WAITING, most_bytes: int = MOST_BYTES) -> None:
        """Take the hands, by default as many children as there are cores."""
        cores = min(max(os.cpu_count() or 1, LEAST_HANDS), MOST_HANDS)
        self._hands = tuple(hands) or tuple(Child() for _ in range(cores))
        #: The last one used comes first: a child that nobody needs is never started.
        self._idle = list(reversed(self._hands))
        self._turn = asyncio.Semaphore(len(self._hands))
        self._slow = asyncio.Semaphore(max(1, len(self._hands) - 1))
        self._most = most
        self._most_bytes = most_bytes
        self._waiting = 0
        self._bytes = 0

    async def redraw(self, data: bytes) -> tuple[bytes, str]:
        """Give a picture drawn anew, upright, or a sound recorded anew, without metadata, and its type.

        Raises Undecodable, or Unavailable where too many wait already.
        """
        async with self._place(len(data)), contextlib.AsyncExitStack() as turns:
            if is_slow(data):
                await turns.enter_async_context(self._slow)
            await turns.enter_async_context(self._turn)
            hand = self._idle.pop()
            turns.callback(self._idle.append, hand)
            return await hand.redraw(data)

    async def close(self) -> None:
        """Let the hands go."""
        for hand in self._hands:
            await hand.close()

    @contextlib.asynccontextmanager
    async def _place(self, size: int) -> AsyncIterator[None]:
        if self._waiting >= self._most or (self._waiting and self._bytes + size > self._most_bytes):
            msg = f"{self._waiting} pictures and sounds wait to be made anew already; try again in a few seconds"
            raise Unavailable(msg)
        self._waiting += 1
        self._bytes += size
        try:
            yield
        finally:
            self._waiting -= 1
            self._bytes -= size


def is_slow(data: bytes) -> bool:
    """Tell by its header whether a medium takes long to make anew: large, long or moving."""
    medium = sniff(data)
    if medium is None:
        return False
    if len(data) > MOST_QUICK_BYTES or medium.width * medium.height > MOST_QUICK_PIXELS:
        return True
    mark, often = _MOVES.get(medium.type, (b"", 0))
    return medium.type in SOUNDS or (often > 0 and data.count(mark) >= often)


class Child:
    """One child process that redraws one picture at a time; started when first needed, and anew when it died."""

    def __init__(self, seconds: float = SECONDS) -> None:
        """Allow each picture this long."""
        self._seconds = seconds
        self._child: asyncio.subprocess.Process | None = None

    async def redraw(self, data: bytes) -> tuple[bytes, str]:
        """Have the child make a medium anew; one that breaks it or takes too long costs the child."""
        child = await self._ready()
        try:
            async with asyncio.timeout(self._seconds):
                return await _ask(child, data)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
            await self.close()
            msg = "it took too long" if isinstance(error, TimeoutError) else "it broke the decoder"
            raise Undecodable(msg) from error
        except asyncio.CancelledError:
            # A reply may be half read: this child's next one would be taken for another picture's.
            await self.close()
            raise

    async def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None and child.returncode is None:
            child.kill()
            await child.wait()

    async def _ready(self) -> asyncio.subprocess.Process:
        if self._child is None or self._child.returncode is not None:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "answerdesk.api.redraw",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        return self._child


async def _ask(child: asyncio.subprocess.Process, data: bytes) -> tuple[bytes, str]:
    if child.stdin is None or child.stdout is None:
        msg = "the child has no pipes"
        raise ConnectionError(msg)
    child.stdin.write(_HEAD.pack(0, len(data)) + data)
    await child.stdin.drain()
    failed, size = _HEAD.unpack(await child.stdout.readexactly(_HEAD.size))
    reply = await child.stdout.readexactly(size)
    if failed:
        raise Undecodable(reply.decode("utf-8", "replace"))
    return reply, RERECORDED if reply.startswith(b"RIFF") else REDRAWN
