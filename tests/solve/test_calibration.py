"""Confidence rises with belief, stays within 0 and 1, and belongs to the solver's version."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.solve import calibration
from answerdesk.solve.ocr import VERSION
from answerdesk.solve.profiles import PROFILES, Second

SHARES = st.floats(0, 1)
PLACES = st.tuples(st.sampled_from([*PROFILES, "somebody's own"]), st.sampled_from(calibration.OUTCOMES))


@given(PLACES, SHARES, SHARES)
def test_more_belief_is_never_less_confidence(place, first, second):
    low, high = sorted((first, second))

    less, more = (calibration.calibrated(place[0], place[1], share) for share in (low, high))
    assert 0 <= less <= more <= 1


@pytest.mark.parametrize("curve", calibration.CURVES.values())
def test_a_curve_rises_and_promises_no_certainty(curve):
    assert all(left < right and low < high for (left, low), (right, high) in pairwise(curve))
    assert 0 <= curve[0][1] <= curve[-1][1] < 1


def test_each_shipped_profile_has_its_curves():
    twice = {name for name, profile in PROFILES.items() if profile.second is not Second.NEVER}

    expected = {(name, "single") for name in PROFILES} | {
        (name, said) for name in twice for said in ("agree", "differ")
    }

    assert set(calibration.CURVES) == expected


def test_the_curves_belong_to_this_version_of_the_solver():
    assert calibration.VERSION == VERSION


def test_differing_readings_are_believed_less_than_agreeing_ones():
    for profile in ("universal", "meter"):
        agree, differ = (calibration.calibrated(profile, said, 0.99) for said in ("agree", "differ"))

        assert differ < agree


def test_an_unknown_profile_is_calibrated_as_universal():
    assert calibration.calibrated("yandexwave", "single", 0.9) == calibration.calibrated("universal", "single", 0.9)


def test_a_curve_is_straight_between_its_points_and_flat_beyond():
    curve = ((0.0, 0.2), (2.0, 0.6))

    assert [calibration.along(curve, place) for place in (-9, 0, 1, 2, 9)] == pytest.approx([0.2, 0.2, 0.4, 0.6, 0.6])


@given(SHARES)
def test_log_odds_are_bounded(share):
    assert abs(calibration.log_odds(share)) <= calibration.FARTHEST
