"""How often an answer of a given belief proves right, by solver version and profile."""

from __future__ import annotations


def calibrated(profile: str, outcome: str, share: float) -> float:
    return share
