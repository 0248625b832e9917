"""The checkout's Python files as trees, and what a house rule finds in them.

A line that must break a rule says so: `# lint-skip: rule-name`, with the reason after it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "tests", "scripts", "samples", "benchmarks")
ESCAPE = re.compile(r"# lint-skip: (?P<rules>[a-z-]+(?:, ?[a-z-]+)*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    path: Path  # relative to the checkout
    text: str
    tree: ast.Module

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def parts(self) -> tuple[str, ...]:
        return self.path.parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    path: Path
    line: int
    rule: str
    says: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.says}"


Rule = Callable[[Source], Iterator[Finding]]


def parse(text: str, path: str = "src/answerdesk/room/thing.py") -> Source:
    return Source(path=Path(path), text=text, tree=ast.parse(text))


@cache
def sources() -> tuple[Source, ...]:
    """Give every Python file of the project itself."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    files += ROOT.glob("*.py")
    files += (ROOT / "docs").rglob("*.py")
    relative = sorted(path.relative_to(ROOT) for path in files if "__pycache__" not in path.parts)
    return tuple(parse((ROOT / path).read_text(encoding="utf-8"), str(path)) for path in relative)


def findings(rule: Rule, source: Source) -> list[Finding]:
    """Give what a rule finds, less what the lines themselves excuse."""
    lines = source.lines
    return [finding for finding in rule(source) if finding.rule not in excused(lines, finding.line)]


def excused(lines: list[str], number: int) -> set[str]:
    if not 0 < number <= len(lines):
        return set()
    found = ESCAPE.search(lines[number - 1])
    return set(re.split(r", ?", found["rules"])) if found else set()


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines from its `def` on."""
    return (function.end_lineno or function.lineno) - function.lineno + 1
