"""Reads what the code declares: the meanings beside enum members, header names, fixed paths, signatures.

Nothing is listed by hand here, so that something new in the code is something new in the reference.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Final, NamedTuple

API: Final = Path(__file__).resolve().parent.parent / "src" / "answerdesk" / "api"
#: The functions that read a request's header, by its name in lower case.
HEADER_READERS: Final = frozenset({"header", "text_header"})
HEADER_NAME: Final = re.compile(rb"[a-z][a-z-]+")


def meanings(enum: type[Enum]) -> dict[str, str]:
    """Give each member's value with the `#:` comment above it."""
    found: dict[str, str] = {}
    said: list[str] = []
    for line in map(str.strip, inspect.getsource(enum).splitlines()):
        if line.startswith("#:"):
            said.append(line.removeprefix("#:").strip())
            continue
        name = line.partition(" = ")[0]
        if name in enum.__members__:
            found[str(enum[name].value)] = " ".join(said)
        said = []
    return found


def trees(folder: Path) -> Iterator[ast.Module]:
    """Parse every module of a folder."""
    for path in sorted(folder.glob("*.py")):
        yield ast.parse(path.read_text("utf-8"))


def request_headers(folder: Path = API) -> set[str]:
    """Give the names of the request headers that the code reads, or compares a header's name with."""
    return {
        given.value.decode()
        for tree in trees(folder)
        for node in ast.walk(tree)
        for given in _named(node)
        if isinstance(given, ast.Constant) and isinstance(given.value, bytes) and HEADER_NAME.fullmatch(given.value)
    }


def _named(node: ast.AST) -> list[ast.expr]:
    """Give where a header's name may stand in a node: an argument of a reader, the other side of `name ==`."""
    match node:
        case ast.Call(func=ast.Name(id=reader), args=arguments) if reader in HEADER_READERS:
            return arguments
        case ast.Compare(left=ast.Name(id="name"), comparators=others):
            return others
        case _:
            return []


def reply_headers(folder: Path = API) -> set[str]:
    """Give the names of the headers that the code sends: the first of every pair that begins with such a name."""
    return {
        first.value.decode()
        for tree in trees(folder)
        for node in ast.walk(tree)
        if isinstance(node, ast.Tuple) and len(node.elts) == 2
        for first in node.elts[:1]
        if isinstance(first, ast.Constant) and isinstance(first.value, bytes) and HEADER_NAME.fullmatch(first.value)
    }


def fixed_paths(folder: Path = API) -> set[str]:
    """Give the addresses that the code compares a path with, or matches it against."""
    found: set[str] = set()
    for tree in trees(folder):
        for node in ast.walk(tree):
            if isinstance(node, ast.MatchValue) and isinstance(node.value, ast.Constant):
                found.add(str(node.value.value))
    return {path for path in found if path.startswith("/")}


class Call(NamedTuple):
    """One public method: its signature as written, and what its docstring begins with."""

    signature: str
    about: str


def first_sentence(text: str) -> str:
    """Give a docstring's first paragraph on one line."""
    return " ".join(inspect.cleandoc(text).split("\n\n")[0].split())


def calls(cls: type) -> list[Call]:
    """Give the public methods of a class and of its bases in this package, in the order written."""
    package = cls.__module__.partition(".")[0]
    return [
        _call(node)
        for owner in (cls, *cls.__mro__[1:])
        if owner.__module__.partition(".")[0] == package
        for node in _class(owner).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
    ]


def constructor(cls: type) -> str:
    """Give a class's constructor as written, without `self`, one argument a line."""
    node = next(node for node in _class(cls).body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    one_by_one = _call(node).signature.removeprefix("__init__(").removesuffix(")").split(", ")
    lines = "\n".join(f"    {argument}," for argument in _joined(one_by_one))
    return f"{cls.__name__}(\n{lines}\n)"


def _joined(parts: list[str]) -> Iterator[str]:
    """Put together again what was parted inside brackets."""
    whole = ""
    for part in parts:
        whole = f"{whole}, {part}" if whole else part
        if whole.count("[") == whole.count("]"):
            yield whole
            whole = ""


def fields(cls: type) -> list[tuple[str, str, str]]:
    """Give a class's annotated fields as (name, annotation with its default, the text below it)."""
    found: list[tuple[str, str, str]] = []
    body = _class(cls).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            default = f" = {ast.unparse(node.value)}" if node.value is not None else ""
            about = ast.literal_eval(after.value) if _is_text(after) else ""  # type: ignore[union-attr]
            found.append((node.target.id, ast.unparse(node.annotation) + default, first_sentence(about)))
    return found


def exported(package: str) -> dict[str, Any]:
    """Give the public names of a package."""
    module = importlib.import_module(package)
    return {name: getattr(module, name) for name in module.__all__}


def _class(cls: type) -> ast.ClassDef:
    node = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(node, ast.ClassDef)
    return node


def _call(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Call:
    arguments = node.args
    arguments.args = [argument for argument in arguments.args if argument.arg != "self"]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None and node.name != "__init__" else ""
    word = "await " if isinstance(node, ast.AsyncFunctionDef) else ""
    return Call(f"{word}{node.name}({ast.unparse(arguments)}){returns}", first_sentence(ast.get_docstring(node) or ""))


def _is_text(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
