"""The `test` method: shows a client what arrived (PROTOCOL §4.3).
Rule: plain text of bounded size, and every client key is cut to its first four characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from answerdesk.wire.fields import is_sprawling

MOST_BYTES: Final = 16_384
DEEPEST: Final = 20
_KEPT: Final = 4

#: A client key in JSON, in a form or in something like them: four plain characters stay, the rest up to its end goes.
_KEYS: Final = (
    re.compile(r'("clientKey"\s*:\s*"[^"\\]{0,4})(?:[^"\\]|\\.?)*', re.IGNORECASE),
    re.compile(r"""(\bclientKey["']?\s*[:=]\s*["']?[^"'\\&\s]{0,4})[^"'&\s]*""", re.IGNORECASE),
)


def write_test(body: bytes, array_word: str) -> bytes:
    """Dump a body as parsed and as it came; `array_word` is what the vendor calls a list or an object."""
    try:
        parsed = None if is_sprawling(body) else msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        parsed = None
    raw = body[:MOST_BYTES].decode("utf-8", "replace")
    for key in _KEYS:
        raw = key.sub(r"\1…", raw)
    text = "\n".join(["Parsed input JSON:", *_dump(parsed, array_word), "Raw POST input:", raw])
    given = parsed.get("clientKey") if isinstance(parsed, dict) else None
    if isinstance(given, str) and len(given) > _KEPT:
        text = text.replace(given, given[:_KEPT] + "…")
    return text.encode()[:MOST_BYTES].decode("utf-8", "ignore").encode()


def _dump(parsed: Any, array_word: str) -> list[str]:
    """Give the dump's lines, no more than could ever be shown."""
    lines, room = [], MOST_BYTES
    for line in _lines("", parsed, array_word, 0):
        lines.append(line[:room])
        room -= len(line) + 1
        if room <= 0:
            break
    return lines


def _lines(label: str, value: Any, array_word: str, depth: int) -> Iterator[str]:
    """Yield a value the way PHP's print_r lays it out."""
    indent = "    " * (2 * depth)
    if not isinstance(value, (dict, list)) or depth > DEEPEST:
        yield label + _scalar(value)
        return
    yield label + array_word
    yield f"{indent}("
    for name, item in value.items() if isinstance(value, dict) else enumerate(value):
        shown = item[:_KEPT] + "…" if _is_key(name, item) else item
        yield from _lines(f"{indent}    [{name}] => ", shown, array_word, depth + 1)
    yield f"{indent})"


def _is_key(name: object, item: object) -> bool:
    return isinstance(name, str) and name.lower() == "clientkey" and isinstance(item, str)


def _scalar(value: Any) -> str:
    match value:
        case str():
            return value
        case dict() | list():
            return "…"
        case _:
            return msgspec.json.encode(value).decode()
