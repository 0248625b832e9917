"""One run: a desk, its callers, fault after fault by a seed, and the check at the end."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.desk import Desk
from tests.chaos.faults import FAULTS, Befallen, befall
from tests.chaos.network import network


@dataclass
class Report:
    """What came of a run."""

    seed: int
    rounds: list[Befallen] = field(default_factory=list)
    #: When orders were acknowledged, in order.
    orders: list[float] = field(default_factory=list)
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

    def silence(self, fault: Befallen) -> float:
        """Give the longest time within a fault in which no order was acknowledged, in seconds."""
        within = [fault.begun, *(at for at in self.orders if fault.begun < at < fault.mended), fault.mended]
        return max(later - earlier for earlier, later in itertools.pairwise(within))

    def markdown(self) -> str:
        """Lay it out for a file, a row a kind of fault."""
        rows = ["| fault | times | longest without service, s | longest until well again, s |", "|---|---|---|---|"]
        for name in FAULTS:
            own = [each for each in self.rounds if each.name == name]
            if own:
                silent, healed = max(map(self.silence, own)), max(each.healed for each in own)
                rows.append(f"| {name} | {len(own)} | {silent:.1f} | {healed:.1f} |")
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
            tell(f"{number + 1}. {name} …")
            fault = befall(desk, name, dice)
            report.rounds.append(fault)
            tell(f"{number + 1}. {name}: {fault.whom}; well again {fault.healed:.1f} s after it was mended")
        blind = [fault.blind for fault in report.rounds if fault.blind]
        history, report.wrong = desk.end(blind)
        report.orders = [float(line["at"]) for line in history if line["what"] == "created"]
        report.acknowledged = Counter(str(line["what"]) for line in history)
    return report
