"""The keys of the picture modes: those the modules name are those the page of the docs tells, in words that exist."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path

import pytest

PAGES = resources.files("answerdesk.pages")
WORDS = {language: json.loads((PAGES / "locale" / f"{language}.json").read_text("utf-8")) for language in ("en", "es")}
TOLD = (Path(__file__).parents[2] / "docs" / "howto" / "mark-pictures.md").read_text("utf-8")
#: The heading of each kind's section, and the modules whose keys it has.
SECTIONS = {
    "Look closer": ("view",),
    "Grid": ("grid",),
    "Points": ("points",),
    "Boxes": ("boxes", "marking"),
    "Outline": ("outline", "marking"),
    "Turn": ("rotate",),
    "Pieces": ("drag",),
}
MODULES = (
    "boxes", "carry", "drag", "grid", "marking", "outline", "parts", "pieces", "pointer", "points", "region", "rotate",
    "series", "shapes", "view",
)  # fmt: skip
SIGNS = {"ArrowLeft": "←", "ArrowUp": "↑", "Backspace": "⌫", "-": "−"}
LONGEST = 150


def source(module: str) -> str:
    return (PAGES / "static" / f"{module}.js").read_text("utf-8")


def printed(keys: str) -> str:
    parts = re.split(r"\+(?=.)", keys)
    return "+".join(SIGNS.get(part) or re.sub(r"^(?:Key|Digit)(?=.$)", "", part) for part in parts)


def named(module: str) -> set[tuple[str, str]]:
    """The rows a module names by itself, or from the table of keys."""
    rows = re.findall(r"\{ keys: '([^']+)', label: '([^']+)' \}", source(module))
    ids = re.search(r"VIEW_KEYS = \[([^\]]+)\]", source(module))
    table = dict(re.findall(r"\{ id: '([a-z.0-9]+)', keys: '([^']+)' \}", source("keys")))
    rows += [(table[row], f"key.{row}") for row in re.findall(r"'([^']+)'", ids[1])] if ids else []
    return {(printed(keys), WORDS["en"][label]) for keys, label in rows}


def told(heading: str) -> set[tuple[str, str]]:
    section = next(part for part in TOLD.split("\n## ") if part.startswith(heading))
    return set(re.findall(r"^\| `([^`]+)` \| (.+) \|$", section, re.MULTILINE))


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_docs_tell_the_keys_that_the_modes_name(heading: str) -> None:
    rows = {row for module in SECTIONS[heading] for row in named(module)}

    assert rows
    assert told(heading) == rows


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_only_what_every_language_can_say(module: str) -> None:
    text = source(module)
    literal = re.findall(r"['`]((?:mode|key)\.[a-z]+(?:\.[a-zA-Z0-9]+)*)['`]", text)
    # What stands in ${…} is the kind or the side.
    patterns = [re.sub(r"\$\{[^}]+\}", "[a-z]+", key) for key in re.findall(r"`(mode\.[^`]+)`", text)]

    for language, words in WORDS.items():
        assert [key for key in literal if key not in words] == [], language
        assert [wanted for wanted in patterns if not any(re.fullmatch(wanted, key) for key in words)] == [], language


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_short_and_writes_neither_markup_nor_inline_styles(module: str) -> None:
    text = source(module)

    assert len(text.splitlines()) <= LONGEST
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|DOMParser|document\.write|\beval\b|cssText", text) == []
    assert re.findall(r"\bstyle: ", text) == []
