"""Measures what the service promises of speed and size, and writes benchmarks/RESULTS.md.
Named benchmarks alone are shown only; --quick tells whether they run at all, and its figures mean nothing."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import browser
import callbacks
import cases
import claims
import forgetting
import machine
import native
import nodes
import sizes
from runs import Bench, Figure

HERE: Final = Path(__file__).parent
BENCHES: Final[dict[str, Callable[[Bench], None]]] = {
    "poll": cases.poll,
    "submit": cases.submit,
    "mix": cases.mix,
    "loop": cases.loop,
    "native": native.native,
    "waiting": native.waiting,
    "claim": claims.claim,
    "hold": sizes.hold,
    "callbacks": callbacks.callbacks,
    "scale": sizes.scale,
    "memory": sizes.memory,
    "start": sizes.start,
    "browser": browser.browser,
    # On PostgreSQL; what `pg-submit` is held against needs the group `bench` of pyproject.toml.
    "pg-submit": nodes.submit,
    "pg-poll": nodes.poll,
    "pg-mix": nodes.mix,
    "pg-nodes": nodes.pair,
    "pg-heard": nodes.heard,
    "pg-scale": nodes.scale,
    "pg-forget": forgetting.retention,
}


def measure(names: Iterable[str], folder: Path, kept: Path | None, *, quick: bool) -> list[Figure]:
    """Run benchmarks, each with the disk it used given back before the next."""
    figures = []
    for name in names:
        bench = Bench(name, Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder)), quick, kept)
        try:
            BENCHES[name](bench)
        finally:
            shutil.rmtree(bench.folder)
        figures += bench.figures
    return figures


def page(figures: Iterable[Figure], described: dict[str, str]) -> str:
    """Write the results as a page."""
    lines = ["# Results", "", "Made by `just bench`; what each benchmark does is said in `benchmarks/`.", ""]
    lines += [f"- {name}: {value}" for name, value in described.items()]
    lines += ["", "| bench | what | figure | must be | |", "|---|---|---|---|---|"]
    mark = {None: "", True: "met", False: "**missed**"}
    lines += [f"| {f.bench} | {f.what} | {f.value} | {f.must} | {mark[f.good]} |" for f in figures]
    return "\n".join(lines) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="BENCH", help=f"of {', '.join(BENCHES)}; all without any")
    parser.add_argument("--quick", action="store_true", help="small and short: shows that it runs")
    parser.add_argument("--folder", type=Path, default=HERE / ".data", help="where databases are made (a real disk)")
    parser.add_argument("--keep", type=Path, help="keep the folders that take long to make here, and use them again")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - BENCHES.keys():
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    return arguments


def main() -> int:
    """Measure, show, write; 1 if a figure is not what it must be."""
    arguments = _arguments()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    machine.stay_on(machine.LOAD_CORE)
    described = machine.described(arguments.folder)
    print("\n".join(f"{name}: {value}" for name, value in described.items()))
    figures = measure(arguments.names or BENCHES, arguments.folder, arguments.keep, quick=arguments.quick)
    if not (arguments.names or arguments.quick):
        (HERE / "RESULTS.md").write_text(page(figures, described))
    return 0 if arguments.quick else int(any(figure.good is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
