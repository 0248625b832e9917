"""What kinds of pictures are read in which way: one row a profile, one table of character classes."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterable, Mapping
from enum import Enum
from types import MappingProxyType

import msgspec

from answerdesk.solve import arithmetic


class Second(Enum):
    """When a profile reads a second time, through the detector."""

    #: the pictures are tight crops, which the detector would only harm
    NEVER = "never"
    #: when the first reading is not sure
    UNSURE = "unsure"
    #: always, since the first reading's sureness cannot show its commonest error
    ALWAYS = "always"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of picture is read."""

    name: str
    sentence: str
    second: Second = Second.UNSURE
    #: a class of `CLASSES` that holds when the asker gave no numeric class
    charset: str = "script"
    #: read arithmetic even where the asker did not say so
    math: bool = False


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile(name="universal", sentence="Any short text on one line."),
            Profile(
                name="captcha_math", sentence="Arithmetic; the answer is its value.", math=True, second=Second.NEVER
            ),
            Profile(
                name="meter",
                sentence="A meter's display with some surroundings: digits and a decimal point.",
                charset="measure",
                second=Second.ALWAYS,
            ),
            Profile(
                name="counter", sentence="Digits cut out tightly, one strip.", charset="digits", second=Second.NEVER
            ),
        )
    }
)


def profile_of(name: str) -> Profile:
    """Find a profile; one that is not known is read as `universal` (PROTOCOL §6.2)."""
    return PROFILES.get(name, PROFILES["universal"])


def _plain(characters: str) -> dict[str, str]:
    return {character: character for character in characters}


def _with_wide(meanings: Mapping[str, str]) -> dict[str, str]:
    """Let a wide form (U+FF01 to U+FF5E) mean its plain one."""
    return {
        character: variants + (chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else "")
        for character, variants in meanings.items()
    }


def _letters(alphabet: Iterable[str]) -> str:
    return "".join(character for character in alphabet if len(character) == 1 and _european(character))


def _european(character: str) -> bool:
    if not character.isalpha():
        return False
    return unicodedata.name(character, "").startswith(("LATIN ", "GREEK ", "CYRILLIC "))


#: languages whose writing has more letters than the class "script" holds
OTHER_SCRIPTS = frozenset({"zh", "ja", "ko", "th", "ar", "he", "hi", "ka", "hy", "bn", "ta", "te"})
_MARKS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~°€£§№"


def meanings(name: str, alphabet: Iterable[str]) -> dict[str, str]:
    """Return a character class as {character: characters that mean it}."""
    known = tuple(alphabet)
    digits = _with_wide(_plain(string.digits))
    latin = _with_wide(_plain(string.ascii_letters))
    letters = _plain(_letters(known)) | latin
    classes: Mapping[str, dict[str, str]] = {
        "digits": digits,
        "measure": digits | {".": ".．。·", ",": ",，", "-": "-－−"},
        "letters": letters,
        "alphanumeric": digits | letters,
        "math": digits | dict(arithmetic.SIGNS) | {"": " "},
        "script": digits | letters | _with_wide(_plain(_MARKS)) | {" ": " "},
        "all": _plain("".join(character for character in known if len(character) == 1)),
    }
    return classes[name]
