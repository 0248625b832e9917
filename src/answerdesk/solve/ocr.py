"""The `ocr` solver: short text, numbers and arithmetic out of one picture, as the question's hints allow.

A first reading of the whole picture; by profile, a second one of what the detector found. Agreement of
the two is the better evidence. Heavy libraries are imported by `load`, in the child process only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from answerdesk.solve import weights
from answerdesk.solve.plugin import Abstain, Answer, Item
from answerdesk.solve.profiles import profile_of

if TYPE_CHECKING:
    from answerdesk.solve.evidence import Engine

#: raised whenever a change may change an answer or a confidence; the calibration belongs to one version
VERSION = "1"
NEEDS = ("numpy", "onnxruntime", "PIL")


class OcrSolver:
    """Reads one picture a question."""

    name = "ocr"
    version = VERSION
    kinds: tuple[str, ...] = ("text",)
    languages: tuple[str, ...] = ()

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._engine: Engine | None = None

    def available(self) -> tuple[bool, str]:
        """Tell whether the extra `ocr` is installed, without importing it."""
        missing = [package for package in NEEDS if find_spec(package) is None]
        if missing:
            return False, f'{", ".join(missing)} is not installed; install the extra "ocr" (answerdesk[ocr])'
        try:
            weights.locate(weights.RECOGNISER)
            weights.locate(weights.DETECTOR)
        except weights.WeightsMissing as error:
            return False, str(error)
        return True, ""

    def load(self) -> None:
        """Open the recogniser; the detector waits for the first picture that needs it."""
        from answerdesk.solve.evidence import Engine

        self._engine = Engine()

    def close(self) -> None:
        """Let go of the networks."""
        self._engine = None

    def solve(self, batch: Sequence[Item], deadline: float) -> list[Answer | Abstain]:
        """Read each item's picture; what is reached after the deadline is abstained from."""
        return [self._solve(item, deadline) for item in batch]

    def _solve(self, item: Item, deadline: float) -> Answer | Abstain:
        if self._engine is None:
            return Abstain(reason="the recogniser is not loaded")
        if item.kind not in self.kinds or len(item.media) != 1 or item.media[0].picture is None:
            return Abstain(reason="only a text question with exactly one picture is read")
        if self._clock() >= deadline:
            return Abstain(reason="no time left")
        picture, hints = item.media[0].picture, item.hints
        profile = profile_of(hints.profile)
        return self._engine.read(picture, hints, profile, lambda: self._clock() < deadline)
