"""How often one may guess: wrong sign-ins by name and by address.
Rule: counted in memory and bounded; an address of this machine is counted by its names alone."""

from __future__ import annotations

import math
from typing import Final

from answerdesk.model.limit import Bucket, forget_oldest, is_loopback
from answerdesk.model.person import LONGEST_NAME

#: Wrong tries of one name at once, and how fast further ones are earned; the same for one address.
OF_NAME: Final = (10.0, 1 / 60)
OF_ADDRESS: Final = (30.0, 1 / 20)
#: How many names and addresses are counted at once; the oldest are forgotten first.
MOST_COUNTED: Final = 50_000


class Attempts:
    """Wrong sign-ins."""

    def __init__(self) -> None:
        """Start with nobody counted."""
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def take(self, name: str, ip: str, now: float) -> bool:
        """Take a try before it is known whether it is right; False when there were too many."""
        taken = [bucket.take(now) for bucket in self._of(name, ip, now)]
        return all(taken)

    def wait(self, name: str, ip: str, now: float) -> int:
        """Give after how many whole seconds there is a next try."""
        missing = [(1 - bucket.tokens) / bucket.rate - (now - bucket.at) for bucket in self._of(name, ip, now)]
        return max(1, math.ceil(max(missing)))

    def give_back(self, name: str, ip: str, now: float) -> None:
        """Give a try back that was right."""
        for bucket in self._of(name, ip, now):
            bucket.tokens = min(bucket.size, bucket.tokens + 1)

    def _of(self, name: str, ip: str, now: float) -> list[Bucket]:
        found = [self._bucket(("name", name[:LONGEST_NAME]), *OF_NAME, now)]
        if not is_loopback(ip):
            found.append(self._bucket(("address", ip), *OF_ADDRESS, now))
        return found

    def _bucket(self, key: tuple[str, str], size: float, rate: float, now: float) -> Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket.full(size, rate, now)
            forget_oldest(self._buckets, MOST_COUNTED)
        return bucket
