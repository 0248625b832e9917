"""How often an answer of a given share of belief proves right, by profile and by what its readings said.
Rule: the curves belong to one version of the solver, and a share never loses by growing."""

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

# Fitted by `python benchmarks/ocr.py --fit --count 600`: isotonic regression over the log odds of the share, on
# generated pictures of a seed that the benchmark never measures. `universal` had 1,800 pictures (labels, words,
# arithmetic), of which 140 unsure first readings agreed with the second and 16 differed; `captcha_math`, `meter`
# (555 agreed, 45 differed) and `counter` had 600 each. Photographs are less kind than generated pictures: an
# operator's gold answers are the better judge of a threshold.
#: (profile, outcome) → points (log odds of the share, probability of being right), both rising
CURVES: Mapping[tuple[str, str], Curve] = MappingProxyType(
    {
        ("universal", "single"): (
            (-2.2, 0.1),
            (0.99, 0.5714),
            (2.62, 0.8),
            (3.62, 0.9286),
            (4.55, 0.9867),
            (5.56, 0.9926),
            (6.61, 0.9964),
            (7.56, 0.9969),
            (8.45, 0.9981),
        ),
        ("universal", "agree"): ((-2.2, 0.1), (2.13, 0.6538), (3.7, 0.878), (4.83, 0.9623)),
        ("universal", "differ"): ((-2.2, 0.1), (1.97, 0.6667)),
        ("captcha_math", "single"): (
            (-2.2, 0.1),
            (1.67, 0.7857),
            (4.26, 0.9444),
            (5.41, 0.973),
            (6.58, 0.9863),
            (7.56, 0.9943),
            (8.63, 0.9962),
        ),
        ("meter", "single"): (
            (-2.2, 0.1),
            (0.36, 0.675),
            (1.55, 0.7941),
            (2.52, 0.7945),
            (3.42, 0.8791),
            (4.51, 0.9569),
            (5.97, 0.9783),
        ),
        ("meter", "agree"): (
            (-2.2, 0.1),
            (1.3, 0.6596),
            (2.54, 0.8378),
            (3.57, 0.9032),
            (4.55, 0.9237),
            (5.98, 0.9827),
            (7.45, 0.9861),
        ),
        ("meter", "differ"): ((-2.2, 0.1), (2.6, 0.5957)),
        ("counter", "single"): ((-2.2, 0.1), (6.63, 0.9804), (7.58, 0.9931), (8.9, 0.9976)),
    }
)


def calibrated(profile: str, outcome: str, share: float) -> float:
    """Translate a share of belief into the probability that the whole answer is right; never falls as it grows."""
    curve = CURVES.get((profile, outcome)) or CURVES["universal", outcome]
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
