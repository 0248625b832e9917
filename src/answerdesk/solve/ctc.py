"""A CTC decoder whose hypotheses are only those that a rule admits, and what share of the belief each holds.

Belief in a text is the sum over all its alignments. It is shared out among admitted texts only: columns
of characters that are not admitted are taken away before decoding, never characters afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: how many prefixes survive a frame: first try, and when that leaves nothing admitted
BEAMS = (24, 200)
#: a character less believed than this in a frame is not tried there, first and second try
FLOORS = (1e-4, 1e-9)
#: how many characters are tried in one frame
WIDEST = 14
#: keeps shares finite where a frame believes in nothing that is admitted
LEAST = 1e-12


class Charset(msgspec.Struct, frozen=True, eq=False):
    """The characters that may be read; each gathers the columns that mean it. Column 0 is CTC's blank."""

    characters: tuple[str, ...]
    columns: NDArray[np.intp]
    starts: NDArray[np.intp]

    @classmethod
    def of(cls, alphabet: Sequence[str], meanings: Mapping[str, str]) -> Charset:
        """Build from {character: all characters that mean it}, leaving out what the alphabet lacks."""
        places = {character: place for place, character in enumerate(alphabet)}
        characters: list[str] = []
        columns = [0]
        starts = [0]
        for character, variants in meanings.items():
            found = [places[variant] for variant in dict.fromkeys(variants) if variant in places]
            if found:
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
    #: log belief, per character, that the admitted characters held before the rest was taken away
    fit: float


def decode(frames: NDArray[np.float32], rule: Rule) -> list[Hypothesis]:
    """Find the admitted answers, most believed first; none when nothing admitted is believable."""
    shared, held = rule.charset.narrow(frames)
    for width, floor in zip(BEAMS, FLOORS, strict=True):
        beliefs = search(shared, rule, width, floor)
        groups = _grouped(beliefs, rule)
        if groups:
            return _shares(groups, sum(beliefs.values()), held)
    return []


def search(shared: NDArray[np.float64], rule: Rule, width: int, floor: float) -> dict[str, float]:
    """Prefix beam search: the belief in each surviving text."""
    # prefix → (belief ending in blank, belief ending in its last character)
    beam: dict[str, tuple[float, float]] = {"": (1.0, 0.0)}
    for frame in shared:
        likely = _likely(frame, floor)
        grown: dict[str, list[float]] = {}
        for prefix, (blank, solid) in beam.items():
            _grow(grown, prefix, blank, solid, float(frame[0]), likely, rule)
        kept = sorted(grown.items(), key=lambda entry: -(entry[1][0] + entry[1][1]))[:width]
        beam = {prefix: (ends[0], ends[1]) for prefix, ends in kept}
    return {text: blank + solid for text, (blank, solid) in beam.items()}


def _grow(
    grown: dict[str, list[float]],
    prefix: str,
    blank: float,
    solid: float,
    nothing: float,
    likely: list[tuple[int, float]],
    rule: Rule,
) -> None:
    both = blank + solid
    characters = rule.charset.characters
    last = prefix[-1:]
    grown.setdefault(prefix, [0.0, 0.0])[0] += both * nothing
    full = bool(rule.longest) and len(prefix) >= rule.longest
    for place, belief in likely:
        character = characters[place]
        if character == last:
            grown[prefix][1] += solid * belief
        # A repeated character needs a blank between.
        extra = (blank if character == last else both) * belief
        if full or not extra or (character == " " and last in {"", " "}):
            continue
        longer = prefix + character
        if longer in grown:
            grown[longer][1] += extra
        elif rule.viable is None or rule.viable(longer):
            grown[longer] = [0.0, extra]


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


def _shares(groups: Mapping[Hashable, Mapping[str, float]], seen: float, held: float) -> list[Hypothesis]:
    admitted = sum(sum(group.values()) for group in groups.values())
    # What the beam lost is supposed to be admitted as often as what it kept, and to speak for other answers.
    coverage = min(1.0, seen)
    found = []
    for key, group in groups.items():
        text = max(group, key=lambda text: group[text])
        share = sum(group.values()) / admitted * coverage
        found.append(Hypothesis(text=text, key=key, share=min(1.0, share), fit=held / max(1, len(text))))
    return sorted(found, key=lambda hypothesis: -hypothesis.share)
