"""How much of request bodies that are not whole yet may be in memory, of all connections together.
Rule: the body that began first always goes on, so that bodies which wait for each other never stand still."""

from __future__ import annotations

import asyncio
from typing import Final

#: A body no longer than this is nobody's concern: its connection may have as much in its buffer.
SMALL: Final = 64 * 2**10
#: How long a body waits for its turn.
PATIENCE_SECONDS: Final = 10.0


class Crowded(Exception):
    """No room came free for a body in time."""


class Share:
    """What one body has of a budget."""

    __slots__ = ("taken", "waits", "wanted")

    def __init__(self) -> None:
        """Have nothing."""
        self.taken = 0
        self.wanted = 0
        self.waits: asyncio.Future[None] | None = None


class Budget:
    """Bytes that bodies being collected may take up; one body at a time may go beyond them."""

    def __init__(self, most: int, patience: float = PATIENCE_SECONDS) -> None:
        """Let bodies have at most so many bytes, and wait so many seconds for them."""
        self._most = most
        self._patience = patience
        #: Bodies longer than the small ones, in the order in which they became so.
        self._shares: dict[Share, None] = {}
        #: How many bytes they have.
        self.taken = 0

    async def grow(self, share: Share, size: int) -> None:
        """Let a body take up so much before more of it is received; raises Crowded when there is no room in time."""
        if size <= SMALL:
            return
        self._shares.setdefault(share)
        share.wanted = size
        if self._grant(share):
            return
        share.waits = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._patience):
                await share.waits
        except TimeoutError:
            raise Crowded from None
        finally:
            share.waits = None

    def release(self, share: Share) -> None:
        """Take back what a body had, and let others go on, those who began before others first."""
        if share not in self._shares:
            return
        del self._shares[share]
        self.taken -= share.taken
        for other in self._shares:
            if other.waits is not None and not other.waits.done():
                if not self._grant(other):
                    return
                other.waits.set_result(None)

    def _grant(self, share: Share) -> bool:
        more = share.wanted - share.taken
        if self.taken + more > self._most and next(iter(self._shares)) is not share:
            return False
        share.taken += more
        self.taken += more
        return True
