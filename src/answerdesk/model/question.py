"""What is asked: a frozen value of one of nine kinds, with its constraints and what its media are.
Rule: past the wire every task is a Question; solvers of any sort see nothing else (PROTOCOL §6.14)."""

from __future__ import annotations

import enum
from typing import Final

import msgspec


class Kind(enum.StrEnum):
    """What sort of answer a question wants."""

    #: The characters in a picture.
    TEXT = "text"
    #: The answer to a written question.
    QUESTION = "question"
    #: The words in a recording.
    AUDIO = "audio"
    #: The cells of a picture that match.
    GRID = "grid"
    #: Points on a picture.
    POINTS = "points"
    #: Rectangles on a picture.
    BOXES = "boxes"
    #: Closed outlines on a picture.
    OUTLINE = "outline"
    #: Degrees by which pictures stand upright.
    ROTATE = "rotate"
    #: Where pieces belong on a background.
    DRAG = "drag"
    #: A vendor's published test token: answered at creation, asked of nobody.
    TOKEN = "token"  # noqa: S105 - a name


#: The kinds that people and machines answer.
WORK_KINDS: Final = tuple(kind for kind in Kind if kind is not Kind.TOKEN)


class Constraints(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What an answer must satisfy; a field at its default does not apply."""

    phrase: bool = False
    case: bool = False
    #: 0 anything, 1 digits, 2 letters, 3 digits or letters, 4 digits and letters (PROTOCOL §6.2).
    numeric: int = 0
    math: bool = False
    min_length: int = 0
    max_length: int = 0
    #: Cells of a grid.
    rows: int = 0
    columns: int = 0
    #: Fewest and most marks, 0 for no limit of the question's own.
    min_clicks: int = 0
    max_clicks: int = 0
    #: Whether "nothing fits" is an answer.
    can_no_answer: bool = False
    #: Degrees of one step when turning.
    angle: int = 0


class Options(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the client wants: a machine profile's name, the least confidence (0..100) it takes, its form of a reply."""

    module: str = "universal"
    threshold: int | None = None
    #: The id of an earlier task of the same series of pictures.
    previous: str | None = None
    #: Whether an empty grid is told in words.
    worded: bool = False
    #: Whether the desk itself asks, to hold a machine's answer against people's: no client wants this.
    compares: bool = False


class Medium(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the header of a picture or sound says: its media type and, for a picture, its pixels."""

    type: str
    #: Pixels as a person sees the picture, set upright.
    width: int = 0
    height: int = 0
    #: The EXIF orientation 1..8: answers are given upright and sent in the pixels as submitted.
    orientation: int = 1


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is asked; the bytes lie apart, in the order of `media`, the instruction picture last."""

    kind: Kind
    #: The instruction in words.
    text: str | None = None
    #: The instruction as a picture.
    picture: Medium | None = None
    media: tuple[Medium, ...] = ()
    constraints: Constraints = Constraints()
    options: Options = Options()
    lang: str | None = None
