"""Measures the `ocr` solver on generated pictures, and fits its calibration on others.

python benchmarks/ocr.py                     exact match, CPU time and precision at coverage
python benchmarks/ocr.py --fit --count 800   prints the curves of answerdesk/solve/calibration.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ocr_sets import SETS, Sample, samples

from answerdesk.solve import calibration
from answerdesk.solve.constraint import constraint_of
from answerdesk.solve.evidence import SURE, Engine, together
from answerdesk.solve.ocr import OcrSolver
from answerdesk.solve.plugin import Answer, Item, Media
from answerdesk.solve.profiles import PROFILES, Second

MEASURED, FITTED = 1, 2
#: which sets a profile's curves are fitted on
FITS = {
    "universal": ("labels", "words", "arithmetic"),
    "captcha_math": ("arithmetic",),
    "meter": ("meters",),
    "counter": ("counters",),
}
THRESHOLD = 0.97
#: a curve has no step of fewer pictures
FEWEST = 25


@dataclass(frozen=True, slots=True)
class Trial:
    """One reading's share, and whether it was right."""

    share: float
    right: bool


def measure(name: str, count: int, solver: OcrSolver) -> list[Trial]:
    """Print one set's row."""
    drawn = samples(name, MEASURED, count)
    started = time.process_time()
    trials = []
    for sample in drawn:
        media = Media(type="image/png", data=b"", picture=sample.picture)
        outcome = solver.solve([Item(kind="text", media=(media,), hints=sample.hints)], time.monotonic() + 60)[0]
        said = outcome if isinstance(outcome, Answer) else Answer(value="", confidence=0.0)
        trials.append(Trial(said.confidence, _same(said.value, sample)))
    spent = (time.process_time() - started) / count * 1000
    row(name, trials, f"{spent:6.0f}")
    return trials


def row(name: str, trials: Sequence[Trial], spent: str) -> None:
    """Print exact match, CPU ms, and precision at coverage."""
    sure = [trial for trial in trials if trial.share >= THRESHOLD]
    precision = share_right(sure) * 100 if sure else float("nan")
    coverage = len(sure) / len(trials) * 100
    print(f"{name:<12} {share_right(trials) * 100:6.1f} {spent} {precision:10.1f} @ {coverage:.0f}")


def share_right(trials: Sequence[Trial]) -> float:
    """Return the part that is right."""
    return sum(trial.right for trial in trials) / len(trials)


def _same(value: str, sample: Sample) -> bool:
    return value.casefold() == sample.right.casefold() if not sample.hints.case else value == sample.right


def fit(count: int) -> None:
    """Print the curves, fitted on pictures that are never measured."""
    engine = Engine()
    for name, sets in FITS.items():
        drawn = [sample for each in sets for sample in samples(each, FITTED, count)]
        for outcome, trials in trials_of(engine, name, drawn).items():
            print(f'        ("{name}", "{outcome}"): {curve(trials)},  # {len(trials)} pictures')


def trials_of(engine: Engine, name: str, drawn: Iterable[Sample]) -> dict[str, list[Trial]]:
    """Read the pictures both ways, as a profile does; the second reading is asked only where the first is unsure."""
    profile = PROFILES[name]
    first: list[Trial] = []
    both: list[tuple[float, str, Trial]] = []
    for sample in drawn:
        constraint = constraint_of(sample.hints, profile)
        one = engine.first(sample.picture, constraint, profile)
        if one:
            first.append(Trial(one.share, _same(constraint.answer(one.text), sample)))
        if profile.second is Second.NEVER:
            continue
        two = engine.second(sample.picture, constraint, profile)
        if found := together(one, two):
            trial = Trial(found.share, _same(constraint.answer(found.text), sample))
            both.append((one.share if one else 0.0, found.outcome, trial))
    single = curve(first)
    unsure = [
        (outcome, trial)
        for share, outcome, trial in both
        if profile.second is Second.ALWAYS or calibration.along(single, calibration.log_odds(share)) < SURE
    ]
    later = {kind: [trial for outcome, trial in unsure if outcome == kind] for kind in ("agree", "differ")}
    return {"single": first} | {kind: trials for kind, trials in later.items() if trials}


def curve(trials: Sequence[Trial]) -> tuple[tuple[float, float], ...]:
    """Fit a rising step function over the log odds (pool adjacent violators); returns the middles of its steps.

    Each step is counted with one wrong and one right answer more than were seen, so none promises certainty. Below
    the first step, where few pictures fall, the curve goes down to a share of 0.1 that means no more than itself.
    """
    pooled: list[list[Trial]] = []
    for step in steps_of(sorted(trials, key=lambda trial: trial.share)):
        pooled.append(step)
        while len(pooled) > 1 and _smoothed(pooled[-2]) >= _smoothed(pooled[-1]):
            pooled[-2:] = [[*pooled[-2], *pooled[-1]]]
    points = [(round(_middle(step), 2), round(_smoothed(step), 4)) for step in pooled]
    low = (round(calibration.log_odds(0.1), 2), 0.1)
    return (low, *points) if points[0] > low and points[0][1] > low[1] else tuple(points)


def steps_of(ordered: Sequence[Trial]) -> list[list[Trial]]:
    """Cut the trials where their log odds pass a whole number, into steps that are not too small."""
    steps: list[list[Trial]] = [[]]
    for before, trial in pairwise((ordered[0], *ordered)):
        crossed = int(calibration.log_odds(before.share)) != int(calibration.log_odds(trial.share))
        if crossed and len(steps[-1]) >= FEWEST:
            steps.append([])
        steps[-1].append(trial)
    if len(steps) > 1 and len(steps[-1]) < FEWEST:
        steps[-2:] = [[*steps[-2], *steps[-1]]]
    return steps


def _smoothed(step: Sequence[Trial]) -> float:
    return (sum(trial.right for trial in step) + 1) / (len(step) + 2)


def _middle(step: Sequence[Trial]) -> float:
    return calibration.log_odds(step[len(step) // 2].share)


def main() -> None:
    """Measure, or fit."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--fit", action="store_true", help="print the calibration's curves instead")
    words.add_argument("--count", type=int, default=300, help="pictures a set (default: 300)")
    said = words.parse_args()
    if said.fit:
        return fit(said.count)
    solver = OcrSolver()
    solver.load()
    print(f"{'set':<12} {'exact%':>6} CPU ms precision% @ coverage% at {THRESHOLD}")
    trials = [trial for name in SETS for trial in measure(name, said.count, solver)]
    return row("all", trials, "      ")


if __name__ == "__main__":
    main()
