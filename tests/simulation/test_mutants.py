"""A simulator that finds nothing proves nothing: every desk with one part that is wrong is found out."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.simulation.broken import MUTANTS
from tests.simulation.run import run

#: Within how many lives a fault must show.
MOST = 200


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_desk_with_one_part_that_is_wrong_is_found_out(name) -> None:
    lives = (run(seed, MUTANTS[name]) for seed in range(MOST))
    found = list(islice((life.breaches for life in lives if life.breaches), 1))

    assert found, f"{MOST} lives of a desk where {name}, and nothing was noticed"
