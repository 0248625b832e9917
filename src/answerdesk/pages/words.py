"""What pages say, in every language there is a file for in locale/: flat keys, and values put into braces.
Rule: English says everything; another language may lack a key and then says it in English."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Final

ENGLISH: Final = "en"
#: Languages written from right to left.
RIGHT_TO_LEFT: Final = frozenset({"ar", "fa", "he", "ur", "yi"})
#: As much of Accept-Language as is read.
MOST_ACCEPTED: Final = 500


class Words:
    """All sentences of all languages."""

    def __init__(self, sentences: Mapping[str, Mapping[str, str]]) -> None:
        """Take each language's sentences by key."""
        english = sentences[ENGLISH]
        self._sentences = {language: {**english, **said} for language, said in sentences.items()}

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages there are, English first."""
        return (ENGLISH, *sorted(self._sentences.keys() - {ENGLISH}))

    def choose(self, own: str, accepted: str) -> str:
        """Give the language to speak: somebody's own, else the best that a browser accepts, else English."""
        for wanted in (own, *_by_weight(accepted[:MOST_ACCEPTED])):
            for tag in (wanted, wanted.partition("-")[0]):
                if tag in self._sentences:
                    return tag
        return ENGLISH

    def say(self, language: str, key: str, **values: object) -> str:
        """Say a sentence; raises KeyError for a key that English does not have."""
        said = self._sentences[language][key]
        for name, value in values.items():
            said = said.replace(f"{{{name}}}", str(value))
        return said

    def among(self, language: str, prefixes: Iterable[str]) -> dict[str, str]:
        """Give the sentences whose keys begin in one of these ways, for the scripts of a page."""
        wanted = tuple(prefixes)
        return {key: said for key, said in self._sentences[language].items() if key.startswith(wanted)}

    def direction(self, language: str) -> str:
        """Give the direction a language is written in, as HTML says it."""
        return "rtl" if language.partition("-")[0] in RIGHT_TO_LEFT else "ltr"


def _by_weight(accepted: str) -> list[str]:
    """Give the languages of an Accept-Language header, the most wanted first."""
    weighed = []
    for place, part in enumerate(accepted.lower().split(",")):
        tag, _, weight = part.partition(";q=")
        try:
            weighed.append((-float(weight or 1), place, tag.strip()))
        except ValueError:
            continue
    return [tag for weight, _, tag in sorted(weighed) if weight and tag]


def read_words() -> Words:
    """Read every file of locale/."""
    folder = resources.files("answerdesk.pages") / "locale"
    files = [entry for entry in folder.iterdir() if entry.name.endswith(".json")]
    return Words({file.name.removesuffix(".json"): json.loads(file.read_text("utf-8")) for file in files})
