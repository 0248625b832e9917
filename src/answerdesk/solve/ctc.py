"""A CTC decoder whose hypotheses are only those that a rule admits, and what share of the belief each holds.

Belief in a text is the sum over all its alignments. It is shared out among admitted texts only: columns
of characters that are not admitted are taken away before decoding, never characters afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: how many prefixes survive a frame, and how believed a character must be to be tried in one: the first search
WIDTH, FLOOR = 24, 1e-4
#: and the second one, when the first left nothing admitted; narrower in a long picture, whose time is bounded so
WIDER, LOWER = 150, 1e-9
STEPS = 8_000
#: how many characters are tried in one frame
WIDEST = 14
#: a search ends when the texts it still holds are this little against those the rule broke off
HOPELESS = 1e-6
#: keeps shares finite where a frame believes in nothing that is admitted
LEAST = 1e-12


class Charset(msgspec.Struct, frozen=True, eq=False):
    """The characters that may be read; each gathers the columns that mean it. Column 0 is CTC's blank."""

    characters: tuple[str, ...]
    columns: NDArray[np.intp]
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, alphabet: Sequence[str], meanings: Mapping[str, str]) -> Charset:
        """Build from {character: all characters that mean it}, leaving out what the alphabet lacks.

        What stands under "" means nothing, as the blank does.
        """
        places = {character: place for place, character in enumerate(alphabet)}
        characters: list[str] = []
        columns = [0, *(places[variant] for variant in meanings.get("", "") if variant in places)]
        starts = [0]
        for character, variants in meanings.items():
            found = [places[variant] for variant in dict.fromkeys(variants) if variant in places]
            if found and character:
                characters.append(character)
                starts.append(len(columns))
                columns.extend(found)
        return cls(tuple(characters), np.array(columns), np.array(starts))

    def narrow(self, frames: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
        """Share each frame among the blank and these characters; also the log of what belief they held."""
        gathered = np.add.reduceat(frames[:, self.columns].astype(np.float64), self.starts, axis=1)
        held = gathered.sum(axis=1, keepdims=True)
        shared = (gathered + LEAST) / (held + LEAST * gathered.shape[1])
        return shared, float(np.log(np.clip(held, LEAST, 1.0)).sum())


def anything(_text: str) -> bool:
    """Admit every text."""
    return True


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Which texts are admitted and which of them are the same answer."""

    charset: Charset
    #: False when no admitted text begins so
    viable: Callable[[str], bool] | None = None
    longest: int = 0
    admits: Callable[[str], bool] = anything
    #: texts with one key are one answer
    key: Callable[[str], Hashable] = str


class Hypothesis(msgspec.Struct, frozen=True, kw_only=True):
    """One answer: its likeliest text, its key, and its share of the belief in all admitted answers."""

    text: str
    key: Hashable
    share: float
    #: log of the belief that the admitted characters held before the rest was taken away, per character
    fit: float
    #: log of the belief that admitted texts held among all texts of those characters
    strain: float


def decode(frames: NDArray[np.float32], rule: Rule) -> list[Hypothesis]:
    """Find the admitted answers, most believed first; none when nothing admitted is believable."""
    shared, held = rule.charset.narrow(frames)
    wider = max(WIDTH, min(WIDER, STEPS // len(shared)))
    for width, floor in ((WIDTH, FLOOR), (wider, LOWER)):
        found = search(shared, rule, width, floor)
        groups = _grouped(found.beliefs, rule)
        if groups:
            return _shares(groups, found, held)
    return []


class Found(msgspec.Struct, frozen=True):
    """The belief in each text that survived a search, and the belief in texts that the rule broke off."""

    beliefs: Mapping[str, float]
    barred: float


def search(shared: NDArray[np.float64], rule: Rule, width: int, floor: float) -> Found:
    """Prefix beam search."""
    # prefix → (belief ending in blank, belief ending in its last character)
    beam: dict[str, tuple[float, float]] = {"": (1.0, 0.0)}
    barred = 0.0
    for frame in shared:
        likely = _likely(frame, floor)
        grown: dict[str, list[float]] = {}
        for prefix, (blank, solid) in beam.items():
            barred += _grow(grown, prefix, (blank, solid), float(frame[0]), likely, rule)
        if sum(map(sum, grown.values())) < HOPELESS * barred:
            return Found({}, barred)
        kept = sorted(grown.items(), key=lambda entry: -(entry[1][0] + entry[1][1]))[:width]
        beam = {prefix: (ends[0], ends[1]) for prefix, ends in kept}
    return Found({text: blank + solid for text, (blank, solid) in beam.items()}, barred)


def _grow(
    grown: dict[str, list[float]],
    prefix: str,
    ends: tuple[float, float],
    nothing: float,
    likely: list[tuple[int, float]],
    rule: Rule,
) -> float:
    """Lengthen a prefix by one frame; returns the belief that went where the rule admits nothing."""
    blank, solid = ends
    both = blank + solid
    characters = rule.charset.characters
    last = prefix[-1:]
    barred = 0.0
    grown.setdefault(prefix, [0.0, 0.0])[0] += both * nothing
    full = bool(rule.longest) and len(prefix) >= rule.longest
    for place, belief in likely:
        character = characters[place]
        if character == last:
            grown[prefix][1] += solid * belief
        # A repeated character needs a blank between.
        extra = (blank if character == last else both) * belief
        if not extra:
            continue
        longer = prefix + character
        if longer in grown:
            grown[longer][1] += extra
        elif character == " " and last in {"", " "}:
            # A space at the beginning, or another beside it, is nothing.
            grown[prefix][0] += extra
        elif full or (rule.viable and not rule.viable(longer)):
            barred += extra
        else:
            grown[longer] = [0.0, extra]
    return barred


def _likely(frame: NDArray[np.float64], floor: float) -> list[tuple[int, float]]:
    beliefs = frame[1:]
    places = np.flatnonzero(beliefs > floor)
    if len(places) > WIDEST:
        places = places[np.argsort(-beliefs[places])[:WIDEST]]
    return [(int(place), float(beliefs[place])) for place in places]


def _grouped(beliefs: Mapping[str, float], rule: Rule) -> dict[Hashable, dict[str, float]]:
    groups: dict[Hashable, dict[str, float]] = {}
    for raw, belief in beliefs.items():
        text = raw.strip()
        if text and belief > 0 and rule.admits(text):
            group = groups.setdefault(rule.key(text), {})
            group[text] = group.get(text, 0.0) + belief
    return groups


def _shares(groups: Mapping[Hashable, Mapping[str, float]], found: Found, held: float) -> list[Hypothesis]:
    beliefs = {key: sum(group.values()) for key, group in groups.items()}
    admitted, seen = sum(beliefs.values()), sum(found.beliefs.values())
    # Whatever is admitted, a picture may have nothing on it.
    nothing = found.beliefs.get("", 0.0)
    if nothing >= max(beliefs.values()):
        return []
    # What the beam lost is supposed to be admitted as often as what it kept, and to speak for other answers.
    coverage = min(1.0, seen / max(seen, 1.0 - found.barred))
    strain = math.log(admitted / (seen + found.barred))
    hypotheses = []
    for key, belief in beliefs.items():
        text = max(groups[key].items(), key=itemgetter(1))[0]
        share = min(1.0, belief / (admitted + nothing) * coverage)
        fit = held / max(1, len(text))
        hypotheses.append(Hypothesis(text=text, key=key, share=share, fit=fit, strain=strain))
    return sorted(hypotheses, key=lambda hypothesis: -hypothesis.share)
