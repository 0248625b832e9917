"""Hundreds of simulated lives keep every invariant, and the same seed lives the same life, byte for byte.
Half of the hundreds are in `test_more_seeds`: two processes share the tests by their files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.__main__ import told
from tests.simulation.run import run

ROOT = Path(__file__).parents[2]
CHUNK = 25


@pytest.mark.parametrize("first", range(0, 250, CHUNK))
def test_every_life_keeps_the_invariants(first) -> None:
    broken = [outcome for outcome in map(run, range(first, first + CHUNK)) if outcome.breaches]

    assert not broken, "\n\n".join(map(told, broken[:3]))


def test_a_life_is_full_of_what_can_go_wrong() -> None:
    """Otherwise nothing above proves anything."""
    lives = [run(seed) for seed in range(40)]
    history = "\n".join(line for life in lives for line in life.history)
    seen = {
        what: history.count(what)
        for what in (
            "no reply", "-> 503", "-> 404", "-> 403", "-> 401",
            '"accepted":true', '"accepted":false', '"reopened":true',
            '"status":"ready"', '"status":"failed"', "the server is killed", "the clock is off", "put off",
            "top-up", "pay-out", "suspended", "disabled", "freed",
        )
    }  # fmt: skip

    assert min(seen.values()) > 0, seen
    assert sum(life.calls for life in lives) > 40 * 50
    assert sum(life.commits for life in lives) > 40 * 20


def lived_apart(seed: int, hashed: str) -> str:
    """The last line of a life in a process of its own, whose strings hash as told."""
    code = f"from tests.simulation.run import run; print(run({seed}).digest)"
    environment = {**os.environ, "PYTHONHASHSEED": hashed, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout.strip()


@pytest.mark.wide
@pytest.mark.parametrize("seed", [0, 7, 42])
def test_the_same_seed_lives_the_same_life_in_any_process(seed) -> None:
    here = run(seed).digest
    again = run(seed).digest
    apart = {lived_apart(seed, hashed) for hashed in ("1", "2")}

    assert again == here
    assert apart == {here}


def test_another_seed_lives_another_life() -> None:
    assert run(1).digest != run(2).digest
