"""Puts Markdown together for the pages that scripts write: headings, lists, and lines of the house's width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Final

WIDTH: Final = 116
NOTE: Final = "<!-- Written by scripts/reference.py from the code's own tables. Change those, then run it. -->"


def page(title: str, about: str, parts: Iterable[str]) -> str:
    """Put a page together."""
    return "\n\n".join([f"# {title}", NOTE, wrapped(about), *parts]) + "\n"


def wrapped(text: str, indent: str = "") -> str:
    """Break running text into lines of the house's width."""
    return textwrap.fill(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )  # fmt: skip


def bullet(text: str) -> str:
    """Give one item of a list."""
    return wrapped(f"- {text}", "  ")


def bullets(items: Iterable[str]) -> str:
    """Give a list."""
    return "\n".join(map(bullet, items))
