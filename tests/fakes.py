"""The outside world as tests hand it in: a clock that is set by hand, and names that come in a known order.
Rule: nothing here reads a real clock or draws real randomness."""

from __future__ import annotations

import random

from answerdesk.model.account import Millis

#: A Tuesday morning, far enough from midnight (UTC) that an hour's pass stays on the day.
MORNING = Millis(1_760_000_400_000)


class Clock:
    """A clock that stands still until a test moves it, and may be set back."""

    def __init__(self, now: Millis = MORNING) -> None:
        self._now = now
        self._monotonic = 1_000.0

    def now(self) -> Millis:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def pass_by(self, milliseconds: int) -> None:
        """Let time pass: both clocks go on."""
        self._now = Millis(self._now + milliseconds)
        self._monotonic += milliseconds / 1000

    def set_to(self, now: int) -> None:
        """Set the wall clock, back too; what is monotonic does not notice."""
        self._now = Millis(now)


class Names:
    """Names of 32 hex characters, the same sequence for the same seed."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)

    def secret(self) -> str:
        return f"{self._random.getrandbits(128):032x}"
