"""How often an answer of a given share of belief proves right, by profile and by what its readings said.

Fitted for version 1 of the `ocr` solver with `python benchmarks/ocr.py --fit`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from types import MappingProxyType

#: the version of the solver whose shares these curves translate
VERSION = "1"
#: what the readings of a picture may say: there was one, or two that agree, or two that differ
OUTCOMES = ("single", "agree", "differ")
#: a share is placed by its log odds, within these bounds
FARTHEST = 14.0

Curve = Sequence[tuple[float, float]]

#: (profile, outcome) → points (log odds of the share, probability of being right), both rising
CURVES: Mapping[tuple[str, str], Curve] = MappingProxyType({})
#: a profile's curve that was not fitted
PLAIN: Curve = ((-FARTHEST, 0.0), (0.0, 0.35), (2.2, 0.7), (4.6, 0.93), (6.9, 0.98), (FARTHEST, 0.995))


def calibrated(profile: str, outcome: str, share: float) -> float:
    """Translate a share of belief into the probability that the whole answer is right; never falls as it grows."""
    curve = CURVES.get((profile, outcome)) or CURVES.get(("universal", outcome)) or PLAIN
    return along(curve, log_odds(share))


def log_odds(share: float) -> float:
    """Spread the shares near 0 and 1 apart, where the differences are."""
    if share <= 0.0:
        return -FARTHEST
    if share >= 1.0:
        return FARTHEST
    return max(-FARTHEST, min(FARTHEST, math.log(share / (1.0 - share))))


def along(curve: Curve, place: float) -> float:
    """Read a curve between its points; flat beyond its ends."""
    after = bisect_right(curve, place, key=lambda point: point[0])
    if after == 0:
        return curve[0][1]
    if after == len(curve):
        return curve[-1][1]
    (left, low), (right, high) = curve[after - 1], curve[after]
    return low + (high - low) * (place - left) / (right - left)
