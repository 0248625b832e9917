"""Turns a question's hints into the decoder's rule: which characters, which texts, which texts are the same."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import msgspec

from answerdesk.solve import arithmetic
from answerdesk.solve.ctc import Charset, Rule
from answerdesk.solve.plugin import Hints
from answerdesk.solve.profiles import OTHER_SCRIPTS, Profile, meanings

#: numeric class → character class (PROTOCOL §6.2)
NUMERIC = {1: "digits", 2: "letters", 3: "alphanumeric", 4: "alphanumeric"}


class Constraint(msgspec.Struct, frozen=True, kw_only=True):
    """What the hints admit."""

    hints: Hints
    math: bool

    def admits(self, text: str) -> bool:
        """Tell whether the hints admit the text as the answer, or as the arithmetic that gives it."""
        if self.math:
            worth = arithmetic.value(text)
            return worth is not None and self._fits(str(worth)) and (self.hints.numeric != 1 or worth >= 0)
        return self._fits(text) and self._classed(text) and (" " in text or not self.hints.phrase)

    def key(self, text: str) -> Hashable:
        """Return what makes two texts the same answer."""
        if self.math:
            return arithmetic.value(text)
        return text if self.hints.case else text.casefold()

    def answer(self, text: str) -> str:
        """Return the answer that the text read stands for."""
        return str(arithmetic.value(text)) if self.math else text

    def _fits(self, text: str) -> bool:
        return self.hints.shortest <= len(text) and (not self.hints.longest or len(text) <= self.hints.longest)

    def _classed(self, text: str) -> bool:
        digits = any(character.isdecimal() for character in text)
        letters = any(character.isalpha() for character in text)
        match self.hints.numeric:
            case 3:
                return digits != letters
            case 4:
                return digits and letters
        return True


class Rules:
    """The rules over one recogniser's alphabet; each character class is gathered once."""

    def __init__(self, alphabet: Sequence[str]) -> None:
        self._alphabet = alphabet
        self._charsets: dict[tuple[str, bool], Charset] = {}

    def rule(self, constraint: Constraint, profile: Profile) -> Rule:
        """Return the decoder's rule for a question."""
        hints = constraint.hints
        charset = self._charset(charset_name(constraint, profile), spaced=hints.phrase)
        return Rule(
            charset=charset,
            viable=arithmetic.viable if constraint.math else None,
            longest=0 if constraint.math else hints.longest,
            admits=constraint.admits,
            key=constraint.key,
        )

    def part(self, constraint: Constraint, profile: Profile) -> Rule:
        """Return the rule for a part of the text: the same characters, and nothing about the whole."""
        charset = self._charset(charset_name(constraint, profile), spaced=constraint.hints.phrase)
        return Rule(charset=charset, key=str if constraint.math or constraint.hints.case else str.casefold)

    def _charset(self, name: str, *, spaced: bool) -> Charset:
        if (name, spaced) not in self._charsets:
            meant = meanings(name, self._alphabet) | ({" ": " "} if spaced else {})
            self._charsets[name, spaced] = Charset.of(self._alphabet, meant)
        return self._charsets[name, spaced]


def constraint_of(hints: Hints, profile: Profile) -> Constraint:
    """Bring hints and profile together; a profile may mean arithmetic by itself."""
    return Constraint(hints=hints, math=hints.math or profile.math)


def charset_name(constraint: Constraint, profile: Profile) -> str:
    """Choose the class of characters."""
    hints = constraint.hints
    if constraint.math:
        return "math"
    if hints.numeric in NUMERIC:
        return NUMERIC[hints.numeric]
    # A question in a language of another script may have an answer in it.
    if profile.charset == "script" and (hints.lang or "").split("-")[0].lower() in OTHER_SCRIPTS:
        return "all"
    return profile.charset
