"""Makes the development environment and runs every test that needs no system package.

What follows a lone `--` goes to pytest: `python3 scripts/check.py -- -k money`.
"""

from __future__ import annotations

import argparse
import subprocess

import bootstrap

#: Which tests a run takes: everything but third-party programs and browsers, or the quick core.
CHOICES = {False: "not e2e and not browser", True: "not slow and not wide and not e2e and not browser"}


def main() -> int:
    parser = argparse.ArgumentParser(description="Install what the tests need and run them.")
    parser.add_argument("--fast", action="store_true", help="the quick core: every room by itself")
    parser.add_argument("--no-tests", action="store_true", help="only make the environment")
    parser.add_argument("pytest", nargs="*", help="further arguments of pytest, after --")
    given = parser.parse_args()
    python = bootstrap.environment("dev", bootstrap.chosen_venv())
    if given.no_tests:
        return 0
    bootstrap.say("running the tests")
    command = [python, "-m", "pytest", "-q", "-n", "3", "--dist", "loadfile", "-m", CHOICES[given.fast], *given.pytest]
    return subprocess.run(command, check=False, cwd=bootstrap.ROOT).returncode


if __name__ == "__main__":
    bootstrap.start(main)
