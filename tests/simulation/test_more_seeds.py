"""The other hundreds of simulated lives, which keep every invariant too."""

from __future__ import annotations

import pytest

from tests.simulation.__main__ import told
from tests.simulation.run import run

CHUNK = 25


@pytest.mark.parametrize("first", range(250, 500, CHUNK))
def test_every_later_life_keeps_the_invariants(first) -> None:
    broken = [outcome for outcome in map(run, range(first, first + CHUNK)) if outcome.breaches]

    assert not broken, "\n\n".join(map(told, broken[:3]))
