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
#: where the admitted characters held less belief than this, per character (a logarithm), the hints do not fit
LEAST_FIT = -6.0


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
        if found is None:
            return Abstain(reason="nothing was read that the question admits")
        confidence = calibration.calibrated(profile.name, found.outcome, found.share)
        return Answer(value=constraint.answer(found.text), confidence=confidence)

    def weigh(
        self, picture: Image, constraint: Constraint, profile: Profile, in_time: Callable[[], bool]
    ) -> Evidence | None:
        """Read as the profile says."""
        first = self._first(picture, constraint, profile)
        alone = Evidence(text=first.text, outcome="single", share=first.share) if first else None
        sure = alone and calibration.calibrated(profile.name, alone.outcome, alone.share) >= SURE
        if profile.second is Second.NEVER or (profile.second is Second.UNSURE and sure) or not in_time():
            return alone
        second = self._second(picture, constraint, profile)
        return _together(first, second)

    def _first(self, picture: Image, constraint: Constraint, profile: Profile) -> ctc.Hypothesis | None:
        found = ctc.decode(self._recogniser.read(picture), self._rules.rule(constraint, profile))
        return found[0] if found and found[0].fit >= LEAST_FIT else None

    def _second(self, picture: Image, constraint: Constraint, profile: Profile) -> ctc.Hypothesis | None:
        """Read the regions that the detector finds, as one text."""
        places = regions(self._detector.look(picture))
        if len(places) == 1:
            return self._first(cut(picture, places[0]), constraint, profile)
        # Lengths and classes are facts of the whole text, so the parts are read without them.
        loose = self._rules.part(constraint, profile)
        parts = [ctc.decode(self._recogniser.read(cut(picture, place)), loose) for place in places]
        return _joined([part[0] for part in parts if part and part[0].fit >= LEAST_FIT], constraint)


def _joined(parts: Sequence[ctc.Hypothesis], constraint: Constraint) -> ctc.Hypothesis | None:
    """Make one text of its parts, with a space between where the asker wants words or arithmetic allows it."""
    share = 1.0
    for part in parts:
        share *= part.share
    for between in (" ", "") if constraint.hints.phrase or constraint.math else ("", " "):
        text = between.join(part.text for part in parts)
        if text and constraint.admits(text):
            fit = min(part.fit for part in parts)
            return ctc.Hypothesis(text=text, key=constraint.key(text), share=share, fit=fit)
    return None


def _together(first: ctc.Hypothesis | None, second: ctc.Hypothesis | None) -> Evidence | None:
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
