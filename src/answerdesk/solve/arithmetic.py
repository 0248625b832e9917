"""Reads arithmetic as people print it ("12 + 7 = ?") and works it out in whole numbers.

Only the four operations, signs and brackets on whole numbers are known; anything else has no value.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

import msgspec

#: what each printed sign means; the recogniser is asked for the meanings only
SIGNS: Mapping[str, str] = MappingProxyType(
    {
        "*": "*×xX✕✖╳·⋅∗＊",
        "/": "/÷:：／∕",
        "+": "+＋十✚➕",
        "-": "-−–—－一➖",
        "=": "=＝",
        "?": "?？",
        "(": "(（",
        ")": ")）",
    }
)
#: more digits than this in a number, or more characters in all, are not an arithmetic question
DIGITS = 6
LONGEST = 40
DEPTH = 3

_BINARY: Mapping[type[ast.operator], Callable[[int, int], int]] = MappingProxyType(
    {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
)
_UNARY: Mapping[type[ast.unaryop], Callable[[int], int]] = MappingProxyType(
    {ast.UAdd: operator.pos, ast.USub: operator.neg}
)
#: what may follow what: (state, kind of character) → state; see `viable`
_MOVES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("start", "digit"): "number",
        ("start", "open"): "start",
        ("start", "minus"): "signed",
        ("signed", "digit"): "number",
        ("signed", "open"): "start",
        ("number", "digit"): "number",
        ("number", "minus"): "operand",
        ("number", "operator"): "operand",
        ("number", "close"): "closed",
        ("number", "equals"): "equals",
        ("number", "mark"): "end",
        ("closed", "minus"): "operand",
        ("closed", "operator"): "operand",
        ("closed", "close"): "closed",
        ("closed", "equals"): "equals",
        ("closed", "mark"): "end",
        ("operand", "digit"): "number",
        ("operand", "open"): "start",
        ("equals", "mark"): "end",
    }
)
_KINDS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys("0123456789", "digit")
    | {"+": "operator", "*": "operator", "/": "operator", "-": "minus"}
    | {"(": "open", ")": "close", "=": "equals", "?": "mark"}
)


def viable(prefix: str) -> bool:
    """Tell whether some arithmetic question begins with these characters."""
    return _state(prefix) is not None


def value(text: str) -> int | None:
    """Work out an arithmetic question; None when it is not one, or has no whole value."""
    state = _state(text)
    if state not in {"number", "closed", "equals", "end"}:
        return None
    body = text.replace(" ", "").rstrip("=?")
    if not any(sign in body[1:] for sign in "+-*/"):
        return None
    try:
        # Python refuses the leading zeros that people print.
        tree = ast.parse(_without_leading_zeros(body), mode="eval")
    except SyntaxError:
        return None
    return _value(tree.body)


class _Scan(msgspec.Struct, frozen=True):
    """Where a text has led: see `_MOVES`; digits in its last number; open brackets; whether a space came last."""

    state: str = "start"
    digits: int = 0
    depth: int = 0
    spaced: bool = False


def _state(text: str) -> str | None:
    scan = _scanned(text) if len(text) <= LONGEST else None
    if scan is None or (scan.depth and scan.state in {"equals", "end"}):
        return None
    return scan.state


# A decoder asks for the same beginnings again and again, each one character longer.
@lru_cache(maxsize=20_000)
def _scanned(text: str) -> _Scan | None:
    if not text:
        return _Scan()
    before = _scanned(text[:-1])
    return before and _step(before, text[-1])


def _step(before: _Scan, character: str) -> _Scan | None:
    if character == " ":
        return _Scan(before.state, before.digits, before.depth, spaced=True)
    kind = _KINDS.get(character, "")
    # "12 7" is two numbers, not one.
    if kind == "digit" and before.state == "number" and before.spaced:
        return None
    state = _MOVES.get((before.state, kind))
    digits = before.digits + 1 if kind == "digit" else 0
    depth = before.depth + (kind == "open") - (kind == "close")
    if state is None or digits > DIGITS or not 0 <= depth <= DEPTH:
        return None
    return _Scan(state, digits, depth)


def _without_leading_zeros(body: str) -> str:
    kept: list[str] = []
    for place, character in enumerate(body):
        inside = bool(kept) and kept[-1].isdigit()
        more = place + 1 < len(body) and body[place + 1].isdigit()
        if character != "0" or inside or not more:
            kept.append(character)
    return "".join(kept)


def _value(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(value=int() as number):
            return number
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            inner = _value(operand)
            return None if inner is None else _UNARY[type(op)](inner)
        case ast.BinOp(left=left, op=op, right=right):
            first, second = _value(left), _value(right)
            if first is None or second is None:
                return None
            if type(op) in _BINARY:
                return _BINARY[type(op)](first, second)
            if isinstance(op, ast.Div) and second and first % second == 0:
                return first // second
    return None
