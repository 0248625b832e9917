"""The darkroom: pictures are fully decoded and drawn anew in a child process, and sounds recorded anew.
Rule: a stranger's picture is never decoded in this process; a child that hangs or dies costs that one picture."""

from __future__ import annotations

import asyncio
import struct
import sys
from typing import Final

from answerdesk.model.media import REDRAWN, RERECORDED

#: A picture that takes longer is refused, and the child with it.
SECONDS: Final = 10.0
_HEAD: Final = struct.Struct(">BI")


class Undecodable(Exception):
    """The picture cannot be decoded; the message says why."""


class Darkroom:
    """One child process that redraws one picture at a time; started when first needed, and anew when it died."""

    def __init__(self, seconds: float = SECONDS) -> None:
        """Allow each picture this long."""
        self._seconds = seconds
        self._child: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def redraw(self, data: bytes) -> tuple[bytes, str]:
        """Give a picture drawn anew, upright, or a sound recorded anew, without metadata, and its type.

        Raises Undecodable.
        """
        async with self._turn:
            child = await self._ready()
            try:
                async with asyncio.timeout(self._seconds):
                    return await _ask(child, data)
            except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
                await self._stop()
                msg = "it took too long" if isinstance(error, TimeoutError) else "it broke the decoder"
                raise Undecodable(msg) from error
            except asyncio.CancelledError:
                # A reply may be half read: this child's next one would be taken for another picture's.
                await self._stop()
                raise

    async def close(self) -> None:
        """End the child."""
        await self._stop()

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

    async def _stop(self) -> None:
        child, self._child = self._child, None
        if child is not None and child.returncode is None:
            child.kill()
            await child.wait()


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
