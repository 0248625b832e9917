"""The simulator from a shell: one seed's life in full, or as many seeds as one likes until one breaks a rule.
Rule: whatever fails is printed with its seed, its last steps and the command that lives it again."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.run import Outcome, run

#: The last steps shown of a life that broke a rule.
LAST = 25


def told(outcome: Outcome, last: int = LAST) -> str:
    """What to print of a life that broke a rule."""
    return "\n".join(
        [
            f"seed {outcome.seed} broke {len(outcome.breaches)} rules; its last steps were",
            *outcome.history[-last:],
            *outcome.breaches[:10],
            f"again: python -m tests.simulation {outcome.seed}",
        ]
    )


def replay(seed: int) -> int:
    outcome = run(seed)
    lines = [*outcome.history, *outcome.breaches]
    lines.append(
        f"seed {seed}: {outcome.calls} calls, {outcome.commits} commits, {outcome.seconds:.0f} seconds lived,"
        f" {len(outcome.breaches)} rules broken, digest {outcome.digest}"
    )
    sys.stdout.write("\n".join(lines) + "\n")
    return bool(outcome.breaches)


def search(first: int, count: int) -> int:
    began, failed, calls, commits = time.monotonic(), 0, 0, 0
    for seed in range(first, first + count):
        outcome = run(seed)
        calls += outcome.calls
        commits += outcome.commits
        if outcome.breaches:
            failed += 1
            sys.stdout.write(told(outcome) + "\n")
        done = seed - first + 1
        if done % 500 == 0 or done == count:
            took = time.monotonic() - began
            sys.stdout.write(
                f"seeds {first} to {seed}: {failed} broke a rule; {done / took:.1f} seeds a second,"
                f" {calls / done:.0f} calls and {commits / done:.0f} commits each\n"
            )
            sys.stdout.flush()
    return bool(failed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", help="live this seed's life and print all of it")
    parser.add_argument("--seeds", type=int, default=1_000, help="how many seeds to live (default 1000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default 0)")
    given = parser.parse_args()
    return replay(given.seed) if given.seed is not None else search(given.first, given.seeds)


if __name__ == "__main__":
    sys.exit(main())
