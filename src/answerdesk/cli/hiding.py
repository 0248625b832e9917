"""What is left out of the log: keys, tokens, passwords, cookies, links' secrets, by their name or by their looks.
Rule: one table of what gives a secret away; rather a word too few in a line than a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

#: Fields that are left out whole.
SECRET: Final = frozenset(
    {
        "apikey", "authorization", "clientkey", "code", "cookie", "credentials", "key", "passwd", "password", "secret",
        "secrets", "setcookie", "token", "totp",
    }
)  # fmt: skip
#: How much of a text is looked through, and kept.
LONGEST: Final = 16_000
HIDDEN: Final = "***"
#: How deep inside a field values are looked for.
_DEPTH: Final = 6
#: A name, as whoever assigns a value to it writes it, and the value unless it is hidden already.
_NAMES: Final = r"password|passwd|secrets?|token|client_?key|api[_-]?key|\bkey|totp|credentials?"
_QUOTED: Final = r"b?(?P<quote>\\*[\"'])(?!\*{3}).{0,4000}?(?P=quote)"
_PATTERNS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, flags), instead)
    for pattern, flags, instead in (
        # The secrets this house draws are written in hexadecimal; the last four characters tell which one it was.
        (r"(?<![0-9a-f])[0-9a-f]{28,}(?=[0-9a-f]{4}(?![0-9a-f]))", re.IGNORECASE, HIDDEN),
        (r"\bwhsec_[\w+/=-]+", 0, f"whsec_{HIDDEN}"),
        (r"\$argon2\w*\$[\w$=,+/.-]+", 0, HIDDEN),
        # The user and password of any address, and whatever an http address ends in: receivers have theirs there.
        (r"(\w://)[^\s/\"'@]{1,500}@", 0, rf"\1{HIDDEN}@"),
        (r"(https?://[^\s?\"'<>]{1,2000}\?)[^\s\"'<>]+", re.IGNORECASE, rf"\1{HIDDEN}"),
        (r"\b(bearer|basic)(\s+)(?!\*{3})[\w.~+/=:-]{6,}", re.IGNORECASE, rf"\1\2{HIDDEN}"),
        (r"(__Host-\w{1,40}=)[^\s;,\"']+", 0, rf"\1{HIDDEN}"),
        # A header's value goes on until its line or its quotes end.
        (
            rf"\b((?:set-)?cookie|(?:proxy-)?authorization)(\\*[\"']?\s*(?:[:=]|,(?=\s*b?\\*[\"']))\s*)(?:{_QUOTED}|.+)",
            re.IGNORECASE,
            rf"\1\2{HIDDEN}",
        ),
        # name=value, "name": "value", ('name', 'value'), name 'value'.
        (
            rf"((?:{_NAMES})\\*[\"']?\s*(?:[:=]|,(?=\s*b?\\*[\"']))?\s*){_QUOTED}",
            re.IGNORECASE,
            rf"\1{HIDDEN}",
        ),
        (
            rf"((?:{_NAMES})s?\\*[\"']?\s*[:=]\s*\(?)(?![\"'\\]|\*{{3}})[^\s,;&\"')}}\]]+",
            re.IGNORECASE,
            rf"\1{HIDDEN}",
        ),
    )
)


def hidden(text: str) -> str:
    """Leave out of a text what looks like a secret, or stands where one is named."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def without_secrets(fields: Mapping[Any, Any], depth: int = _DEPTH) -> dict[str, Any]:
    """Leave out the fields that are secret by their name, and of the others what looks like it."""
    return {
        hidden(str(name)): _without(value, depth - 1)
        for name, value in fields.items()
        if re.sub(r"[\W_]", "", str(name)).lower() not in SECRET
    }


def _without(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth > 0 and isinstance(value, Mapping):
        return without_secrets(value, depth)
    if depth > 0 and isinstance(value, list | tuple | set | frozenset) and not hasattr(value, "_fields"):
        return [_without(each, depth - 1) for each in value]
    return hidden(str(value))
