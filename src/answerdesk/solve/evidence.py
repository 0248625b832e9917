"""Brings the readings of one picture together into an answer and its confidence.

Shares of belief come from the decoder; what they are worth is the calibration's word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import msgspec
from PIL.Image import Image

from answerdesk.solve import calibration, ctc
from answerdesk.solve.constraint import Constraint, Rules, constraint_of
from answerdesk.solve.plugin import Abstain, Answer, Hints
from answerdesk.solve.profiles import Profile, Second
from answerdesk.solve.reading import Detector, Recogniser
from answerdesk.solve.regions import cut, regions

#: a first reading this sure is not read again where the profile reads twice only when unsure
SURE = 0.97
#: where admitted characters held less belief than this, per character, the hints speak of another picture (a logarithm)
LEAST_FIT = -6.0
#: and so they do where admitted texts held less than this of what those characters spell
LEAST_STRAIN = -9.0


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the readings of a picture gave, before calibration."""

    text: str
    #: one of `calibration.OUTCOMES`
    outcome: str
    share: float


class Engine:
    """The networks and the ways of reading with them."""

    def __init__(self) -> None:
        self._recogniser = Recogniser()
        self._rules = Rules(self._recogniser.alphabet)

    @cached_property
    def _detector(self) -> Detector:
        return Detector()

    def read(self, picture: Image, hints: Hints, profile: Profile, in_time: Callable[[], bool]) -> Answer | Abstain:
        """Read a picture; a second reading is left out when there is no time for it."""
        constraint = constraint_of(hints, profile)
        found = self.weigh(picture, constraint, profile, in_time)
        if found is None and hints.phrase:
            # One word where several were promised: told, but as something that differs from what was said.
            constraint = constraint_of(msgspec.structs.replace(hints, phrase=False), profile)
            found = self.weigh(picture, constraint, profile, in_time)
            found = found and msgspec.structs.replace(found, outcome="differ")
        if found is None:
            return Abstain(reason="nothing was read that the question admits")
        confidence = calibration.calibrated(profile.name, found.outcome, found.share)
        return Answer(value=constraint.answer(found.text), confidence=confidence)

    def weigh(
        self, picture: Image, constraint: Constraint, profile: Profile, in_time: Callable[[], bool]
    ) -> Evidence | None:
        """Read as the profile says."""
        first = self.first(picture, constraint, profile)
        alone = Evidence(text=first.text, outcome="single", share=first.share) if first else None
        sure = alone and calibration.calibrated(profile.name, alone.outcome, alone.share) >= SURE
        if profile.second is Second.NEVER or (profile.second is Second.UNSURE and sure) or not in_time():
            return alone
        second = self.second(picture, constraint, profile)
        return together(first, second)

    def first(self, picture: Image, constraint: Constraint, profile: Profile) -> ctc.Hypothesis | None:
        """Read the whole picture as one line."""
        found = ctc.decode(self._recogniser.read(picture), self._rules.rule(constraint, profile))
        return found[0] if found and _fitting(found[0]) else None

    def second(self, picture: Image, constraint: Constraint, profile: Profile) -> ctc.Hypothesis | None:
        """Read the regions that the detector finds, as one text."""
        places = regions(self._detector.look(picture))
        if len(places) == 1:
            return self.first(cut(picture, places[0]), constraint, profile)
        # Lengths and classes are facts of the whole text, so the parts are read without them.
        loose = self._rules.part(constraint, profile)
        parts = [ctc.decode(self._recogniser.read(cut(picture, place)), loose) for place in places]
        return _joined([part[0] for part in parts if part and _fitting(part[0])], constraint)


def _fitting(reading: ctc.Hypothesis) -> bool:
    return reading.fit >= LEAST_FIT and reading.strain >= LEAST_STRAIN


def _joined(parts: Sequence[ctc.Hypothesis], constraint: Constraint) -> ctc.Hypothesis | None:
    """Make one text of its parts, with a space between where the asker wants words or arithmetic allows it."""
    share = 1.0
    for part in parts:
        share *= part.share
    for between in (" ", "") if constraint.hints.phrase or constraint.math else ("", " "):
        text = between.join(part.text for part in parts)
        if text and constraint.admits(text):
            fit, strain = min(part.fit for part in parts), min(part.strain for part in parts)
            return ctc.Hypothesis(text=text, key=constraint.key(text), share=share, fit=fit, strain=strain)
    return None


def together(first: ctc.Hypothesis | None, second: ctc.Hypothesis | None) -> Evidence | None:
    """Compare two readings."""
    match first, second:
        case None, None:
            return None
        case ctc.Hypothesis(), None:
            return Evidence(text=first.text, outcome="differ", share=first.share)
        case None, ctc.Hypothesis():
            return Evidence(text=second.text, outcome="differ", share=second.share)
        case ctc.Hypothesis(), ctc.Hypothesis():
            likelier = max(first, second, key=lambda reading: reading.share)
            outcome = "agree" if first.key == second.key else "differ"
            return Evidence(text=likelier.text, outcome=outcome, share=likelier.share)
    return None
