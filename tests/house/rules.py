"""The house's rules that no linter knows: each reads one file and yields what breaks it."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from tests.house.source import Finding, Rule, Source, functions, length

LONGEST_FUNCTION = 60
LONGEST_FILE = 400
LONGEST_EXCUSED_FILE = 600
LONGEST_DOCSTRING = 3
VAGUE_NAME = re.compile(r"(Manager|Service|Helper|Util)s?$|(^|_)(manager|service|helper|util)s?$")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")  # lint-skip: unfinished
EXAMPLE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
PATCHING_MODULES = {"mock", "unittest.mock", "pytest_mock"}
PATCHING_FIXTURES = {"monkeypatch", "mocker"}
PURE_ROOMS = {"model", "desk", "wire"}
CLOCK_CALL = re.compile(r"(^|\.)date(time)?\.(now|utcnow|today)$")
CLIENT_MODULES = {"urllib.request", "http.client"}
PACKAGE_DEPTH = 4  # src/answerdesk/room/thing.py


def _found(source: Source, line: int, rule: str, says: str) -> Finding:
    return Finding(path=source.path, line=line, rule=rule, says=says)


def long_function(source: Source) -> Iterator[Finding]:
    for function in functions(source.tree):
        if length(function) > LONGEST_FUNCTION:
            says = f"{function.name} has {length(function)} lines, at most {LONGEST_FUNCTION}"
            yield _found(source, function.lineno, "long-function", says)


def long_file(source: Source) -> Iterator[Finding]:
    """A file may excuse itself on its first line, up to a length that none may pass; tests need no excuse."""
    count = len(source.lines)
    if count > LONGEST_EXCUSED_FILE:
        yield _found(source, 0, "long-file", f"{count} lines, never more than {LONGEST_EXCUSED_FILE}")
    elif count > LONGEST_FILE and source.parts[0] != "tests":
        yield _found(source, 1, "long-file", f"{count} lines, at most {LONGEST_FILE}")


def module_docstring(source: Source) -> Iterator[Finding]:
    text = EXAMPLE.sub("", ast.get_docstring(source.tree) or "")
    if not text:
        yield _found(source, 1, "module-docstring", "say in one to three lines what this module is and its rule")
    elif len([line for line in text.splitlines() if line.strip()]) > LONGEST_DOCSTRING:
        yield _found(source, 1, "module-docstring", f"at most {LONGEST_DOCSTRING} lines beside an example")


def patching(source: Source) -> Iterator[Finding]:
    for node in ast.walk(source.tree):
        names: set[str] = set()
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names} & PATCHING_MODULES
        elif isinstance(node, ast.ImportFrom):
            inside = {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
            names = inside & (PATCHING_MODULES | {"pytest.MonkeyPatch"})
        elif isinstance(node, ast.arg):
            names = {node.arg} & PATCHING_FIXTURES
        elif isinstance(node, ast.Attribute):
            names = {node.attr} & {"MonkeyPatch"}
        for name in names:
            yield _found(source, getattr(node, "lineno", 1), "patching", f"{name}: hand a fake in instead")


def vague_name(source: Source) -> Iterator[Finding]:
    if VAGUE_NAME.search(source.path.stem):
        yield _found(source, 1, "vague-name", f"{source.path.name} says nothing of what it holds")
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and VAGUE_NAME.search(node.name):
            yield _found(source, node.lineno, "vague-name", f"{node.name} says nothing of what it is")


def unfinished(source: Source) -> Iterator[Finding]:
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type in {tokenize.COMMENT, tokenize.STRING} and UNFINISHED.search(token.string):
            yield _found(source, token.start[0], "unfinished", "finish it, or leave it out")


def own_clock(source: Source) -> Iterator[Finding]:
    """The pure rooms are told the time; `datetime` would be a way round the import contracts."""
    if source.parts[:2] != ("src", "answerdesk") or source.parts[2] not in PURE_ROOMS:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and CLOCK_CALL.search(ast.unparse(node)):
            yield _found(source, node.lineno, "own-clock", f"{ast.unparse(node)}: take the unit's `now`")


def own_http(source: Source) -> Iterator[Finding]:
    """The import contracts see `urllib` and `http` only whole, and their other halves are harmless."""
    if source.parts[0] != "src":
        return
    for node in ast.walk(source.tree):
        names: set[str] = set()
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
        for name in names & CLIENT_MODULES:
            yield _found(source, getattr(node, "lineno", 1), "own-http", f"{name}: only `deliver` goes outside")


def nested_room(source: Source) -> Iterator[Finding]:
    if source.parts[0] == "src" and len(source.parts) > PACKAGE_DEPTH:
        yield _found(source, 1, "nested-room", "a room of code is flat; folders inside it hold data")


RULES: tuple[Rule, ...] = (
    long_function,
    long_file,
    module_docstring,
    patching,
    vague_name,
    unfinished,
    own_clock,
    own_http,
    nested_room,
)
