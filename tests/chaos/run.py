"""One run: a desk, its callers, fault after fault by a seed, and the check at the end."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.desk import Desk
from tests.chaos.faults import FAULTS, befall
from tests.chaos.network import network


@dataclass
class Report:
    """What came of a run."""

    seed: int
    #: Fault, whom it befell, how long nobody was served, and how long until all was well after it was mended.
    rounds: list[tuple[str, str, float, float]] = field(default_factory=list)
    #: How often what was acknowledged.
    acknowledged: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """Say it in a few lines."""
        told = ", ".join(f"{count} × {what}" for what, count in sorted(self.acknowledged.items()))
        return "\n".join(
            [
                f"seed {self.seed}: {len(self.rounds)} faults; written down: {told}",
                *(self.wrong or ["no contradiction"]),
            ]
        )

    def markdown(self) -> str:
        """Lay it out for a file, a row a kind of fault."""
        rows = ["| fault | times | longest without service, s | longest until well again, s |", "|---|---|---|---|"]
        for name in FAULTS:
            own = [each for each in self.rounds if each[0] == name]
            if own:
                silent, well = max(each[2] for each in own), max(each[3] for each in own)
                rows.append(f"| {name} | {len(own)} | {silent:.1f} | {well:.1f} |")
        return f"{self.summary()}\n\n" + "\n".join(rows) + "\n"


def run(folder: Path, seed: int, rounds: int, tell: Callable[[str], None], only: tuple[str, ...] = ()) -> Report:
    """Make a desk in a folder, break it so many times and check; `only` names the faults to choose from."""
    # Programs of other users look into it.
    folder.chmod(0o755)
    dice = random.Random(seed)
    report = Report(seed)
    with network(f"desk{dice.randrange(10**6)}", folder) as hosts:
        desk = Desk(hosts, seed)
        desk.begin()
        names = list(only or FAULTS)
        for number in range(rounds):
            # Each in turn, and then by chance.
            name = names[number] if number < len(names) else dice.choice(names)
            whom, silent, well = befall(desk, name, dice)
            report.rounds.append((name, whom, silent, well))
            tell(f"{number + 1}. {name}: {whom}; without service {silent:.1f} s, well again after {well:.1f} s")
        history, report.wrong = desk.end()
        report.acknowledged = Counter(str(line["what"]) for line in history)
    return report
