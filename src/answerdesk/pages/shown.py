"""How values are written on a page: strangers' text made harmless, money, numbers and times as a language writes them.
Rule: filters of the templates, given the page's language; text that is not ours is isolated and hides nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import jinja2
from jinja2.runtime import Context
from markupsafe import Markup

from answerdesk.model.account import Millis
from answerdesk.model.money import Micros, show

#: Control characters, and those that turn the direction of text or cannot be seen at all.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_NAMED: Final[Mapping[int, str]] = {
    0x61C: "ALM", 0x200B: "ZWSP", 0x200E: "LRM", 0x200F: "RLM", 0x2028: "LS", 0x2029: "PS", 0x202A: "LRE",
    0x202B: "RLE", 0x202C: "PDF", 0x202D: "LRO", 0x202E: "RLO", 0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI",
    0x2069: "PDI", 0xFEFF: "BOM",
}  # fmt: skip


class Manner(NamedTuple):
    """How a language writes numbers: its signs, from how many digits on it groups, a share, and dollars."""

    point: str = "."
    group: str = ","
    from_digits: int = 4
    percent: str = "{}%"
    money: str = "${}"


_COMMA: Final = Manner(",", ".", 4, "{}\u00a0%", "{}\u00a0US$")
_SPACED: Final = Manner(",", "\u202f", 4, "{}\u00a0%", "{}\u00a0US$")
MANNERS: Final[Mapping[str, Manner]] = {
    "en": Manner(),
    "de": _COMMA,
    "es": _COMMA._replace(from_digits=5),
    "fr": _SPACED,
    "it": _COMMA,
    "pl": _SPACED._replace(from_digits=5),
    "pt": _COMMA,
    "ru": _SPACED,
    "uk": _SPACED,
}


def plain(text: object) -> str:
    """Show a stranger's text with its control and direction characters as signs, so that it can do nothing unseen."""
    return _UNSEEN.sub(_sign, str(text).replace("\r\n", "\n"))


def _sign(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"\u27e8{_NAMED.get(code, f'U+{code:04X}')}\u27e9"


def foreign(text: object, lang: str | None = None) -> Markup:
    """Isolate a stranger's text from ours, in its own language and direction."""
    return Markup('<bdi dir="auto"{}>{}</bdi>').format(Markup(' lang="{}"').format(lang) if lang else "", plain(text))


def number(language: str, value: float, decimals: int = 0) -> str:
    """Write a number with its language's signs."""
    manner = _manner(language)
    whole, _, rest = f"{abs(value):.{decimals}f}".partition(".")
    if len(whole) >= manner.from_digits:
        whole = f"{int(whole):,}".replace(",", manner.group)
    return f"{'-' if value < 0 else ''}{whole}{manner.point + rest if rest else ''}"


def money(language: str, amount: Micros) -> str:
    """Write an amount to the last digit that counts: at least two decimals, no needless more."""
    manner = _manner(language)
    whole, _, decimals = show(Micros(abs(amount)), least=2).partition(".")
    written = manner.money.format(f"{number(language, int(whole))}{manner.point}{decimals}")
    return f"-{written}" if amount < 0 else written


def percent(language: str, share: float) -> str:
    """Write a share as whole hundredths."""
    return _manner(language).percent.format(number(language, round(share * 100)))


def moment(language: str, at: Millis) -> Markup:
    """Write a time: in UTC from here, and in the reader's own zone and manner once times.js has seen it."""
    del language
    when = datetime.fromtimestamp(at / 1000, UTC)
    exact, shown = when.isoformat(timespec="seconds").replace("+00:00", "Z"), when.strftime("%Y-%m-%d %H:%M UTC")
    return Markup('<time datetime="{}">{}</time>').format(exact, shown)


def span(language: str, milliseconds: float) -> str:
    """Write how long something lasts: tenths of seconds, seconds, minutes, hours or days, whichever is one number."""
    seconds = milliseconds / 1000
    if seconds < 10:
        return f"{number(language, seconds, 1)}\u00a0s"
    for most, unit, size in ((120, "s", 1), (7_200, "min", 60), (172_800, "h", 3_600)):
        if seconds < most:
            return f"{number(language, int(seconds / size))}\u00a0{unit}"
    return f"{number(language, int(seconds / 86_400))}\u00a0d"


def _manner(language: str) -> Manner:
    return MANNERS.get(language.partition("-")[0], MANNERS["en"])


def _in_language(write: Callable[..., Any]) -> Callable[..., Any]:
    @jinja2.pass_context
    def filtered(context: Context, value: Any, *rest: Any) -> Any:
        return write(context["lang"], value, *rest)

    return filtered


#: By what name templates call each.
FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "foreign": foreign,
    "money": _in_language(money),
    "moment": _in_language(moment),
    "number": _in_language(number),
    "percent": _in_language(percent),
    "span": _in_language(span),
}
