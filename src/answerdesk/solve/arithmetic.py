"""Reads arithmetic as people print it ("12 + 7 = ?") and works it out in whole numbers.

Only the four operations, signs and brackets on whole numbers are known; anything else has no value.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType

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


def _state(text: str) -> str | None:
    state: str | None = "start"
    digits = depth = 0
    previous = ""
    for character in text[: LONGEST + 1]:
        if character == " ":
            previous = character
            continue
        kind = _KINDS.get(character, "")
        # "12 7" is two numbers, not one.
        if kind == "digit" and state == "number" and previous == " ":
            return None
        state = _MOVES.get((state or "", kind))
        digits = digits + 1 if kind == "digit" else 0
        depth += (kind == "open") - (kind == "close")
        if state is None or digits > DIGITS or not 0 <= depth <= DEPTH:
            return None
        previous = character
    if len(text) > LONGEST or (depth and state in {"equals", "end"}):
        return None
    return state


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
