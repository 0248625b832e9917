"""The long run: as many faults as are asked for, then everything that was told is held against what is stored.

`python -m tests.chaos --rounds 200 --seed 1 [--report FILE]`; needs root and the Debian packages it names.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import run


def main() -> int:
    """Run, print a line a fault, and give whether nothing was contradicted."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Break a desk on many hosts.")
    parser.add_argument("--rounds", type=int, default=200, help="how many faults")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31), help="which faults, and which calls")
    parser.add_argument("--report", type=Path, help="where to write the summary, as Markdown")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-", dir="/tmp") as folder:
        report = run(Path(folder), given.seed, given.rounds, tell=lambda line: print(line, flush=True))
    print(report.summary())
    if given.report:
        given.report.write_text(report.markdown(), "utf-8")
    return bool(report.wrong)


if __name__ == "__main__":
    sys.exit(main())
