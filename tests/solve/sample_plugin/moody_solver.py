"""A solver as another package would ship it: answers with the size of the picture, and has moods for the tests.

The first pixel of a picture sets the mood: it dies, hangs, fails, swells, breaks its word or answers.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

from answerdesk.solve.plugin import Abstain, Answer, Item

DIE = (255, 0, 0)
HANG = (0, 255, 0)
FAIL = (0, 0, 255)
SWELL = (255, 255, 0)
LIE = (255, 0, 255)


class MoodySolver:
    name = "moody"
    version = "1.0"
    kinds: tuple[str, ...] = ("text",)
    languages: tuple[str, ...] = ()

    def available(self) -> tuple[bool, str]:
        unfit = os.environ.get("MOODY_UNFIT", "")
        return not unfit, unfit

    def load(self) -> None:
        sys.stdout.write("a library that prints does no harm\n")
        if os.environ.get("MOODY_LOAD") == "die":
            os._exit(4)

    def close(self) -> None:
        """Nothing was opened."""

    def solve(self, batch: Sequence[Item], deadline: float) -> list[Answer | Abstain]:
        sys.stdout.write("nor while solving\n")
        return [self._solve(item) for item in batch]

    def _solve(self, item: Item) -> Answer | Abstain:
        picture = item.media[0].picture
        if picture is None:
            return Abstain(reason="no picture")
        mood = picture.getpixel((0, 0))
        if mood == DIE:
            os._exit(3)
        if mood == HANG:
            time.sleep(3600)
        if mood == FAIL:
            raise ZeroDivisionError("a bad mood")
        if mood == SWELL:
            os.environ["MOODY_GREED"] = str(len(bytearray(8 << 30)))
        if mood == LIE:
            return Answer(value="too sure", confidence=7.0)
        return Answer(value=f"{picture.width}x{picture.height} {item.hints.profile}", confidence=0.9)
