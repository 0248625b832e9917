"""What a task's fields may hold, and those that many task types share.
Rule: a field is data: one reader per sort serves every type (PROTOCOL §6.1 to §6.12)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

import msgspec

from answerdesk.model.fault import Fault


class Sort(enum.StrEnum):
    """What a field holds."""

    #: true, false, 0, 1, "0", "1", "true" or "false".
    FLAG = "flag"
    #: An integer or a text of digits, within the field's range.
    WHOLE = "whole"
    #: A text of at most `most` characters.
    WORDS = "words"
    #: A picture in base64, or a list of up to `most` where that is more than 0.
    PICTURE = "picture"
    #: A sound in base64, alone or as a list of one.
    SOUND = "sound"
    #: The name of a machine profile; one nobody knows is no fault.
    MODULE = "module"
    #: A language code; one nobody knows is ignored.
    LANGUAGE = "language"
    #: One of some words, in capitals or not.
    CHOICE = "choice"
    #: Rows and columns in one text, such as 3x3.
    CELLS = "cells"
    #: The id of an earlier task, a number or a text of digits.
    TASK = "task"
    #: What a picture is of; whatever is not served is refused as a type would be.
    SCOPE = "scope"
    #: Tells which of a type's rows is meant.
    ROW = "row"
    #: Accepted and not used.
    UNUSED = "unused"


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a task: its wire name, what it holds, and where in the question it goes."""

    #: Dotted where it lies in an object of the task's.
    name: str
    sort: Sort
    #: Dotted path in the Question ("constraints.min_length", "text"), or "media"/"picture".
    to: str = ""
    required: bool = False
    #: What the lack of a required one is refused with.
    missing: Fault = Fault.BAD_PARAMETERS
    least: int = 0
    most: int = 0
    #: For an integer: true and false are taken as 1 and 0.
    truth: bool = False
    #: Also read from the request's envelope.
    envelope: bool = False
    #: The words accepted, in lower case, and what each means.
    choices: Mapping[str, str] = {}
    #: One sentence for the reference.
    about: str


LONGEST_COMMENT: Final = 1_000
LONGEST_ANSWER: Final = 100
LONGEST_MODULE: Final = 100
MOST_ROWS: Final = 20
MOST_CELLS: Final = MOST_ROWS * MOST_ROWS

#: The language codes of PROTOCOL §8.9.
_CODES: Final = (
    "en ru es pt uk vi fr id ar ja tr de zh fil pl th it nl sk bg ro hu ko cs az fa bn el lt lv sv sr hr he hi nb "
    "sl da uz fi ca ka ms te et ml be kk mr ne my bs hy mk pa"
)
#: What each name of a language means; Anti-Captcha calls its Russian pool rn.
LANGUAGES: Final = {"rn": "ru"} | {code: code for code in _CODES.split()}

BODY: Final = Field(name="body", sort=Sort.PICTURE, to="media", required=True, about="The picture.")
COMMENT: Final = Field(
    name="comment", sort=Sort.WORDS, to="text", most=LONGEST_COMMENT, about="An instruction in words."
)
INSTRUCTION: Final = Field(
    name="imgInstructions", sort=Sort.PICTURE, to="picture", about="An instruction as a picture."
)
LANGUAGE_POOL: Final = Field(
    name="languagePool",
    sort=Sort.LANGUAGE,
    to="lang",
    envelope=True,
    about="The language of the answer, a two-letter code; also read beside the task.",
)
WEBSITE: Final = Field(name="websiteURL", sort=Sort.UNUSED, about="Where the client saw the content; never fetched.")
MIN_CLICKS: Final = Field(
    name="minClicks",
    sort=Sort.WHOLE,
    to="constraints.min_clicks",
    most=MOST_CELLS,
    about="Fewest marks of an answer.",
)
MAX_CLICKS: Final = Field(
    name="maxClicks",
    sort=Sort.WHOLE,
    to="constraints.max_clicks",
    most=MOST_CELLS,
    about="Most marks of an answer, 0 for no limit; a grid's own is its cells.",
)
CAN_NO_ANSWER: Final = Field(
    name="canNoAnswer", sort=Sort.FLAG, to="constraints.can_no_answer", about="Nothing may fit."
)

#: Of a picture whose characters are to be read.
TEXT: Final = (
    BODY,
    Field(name="phrase", sort=Sort.FLAG, to="constraints.phrase", about="The answer has two or more words."),
    Field(
        name="case",
        sort=Sort.FLAG,
        to="constraints.case",
        about="Upper and lower case matter; on by default in the Anti-Captcha dialect.",
    ),
    Field(
        name="numeric",
        sort=Sort.WHOLE,
        to="constraints.numeric",
        most=4,
        truth=True,
        about="0 anything, 1 digits, 2 letters, 3 digits or letters, 4 digits and letters.",
    ),
    Field(name="math", sort=Sort.FLAG, to="constraints.math", about="The answer is a sum's result."),
    Field(
        name="minLength",
        sort=Sort.WHOLE,
        to="constraints.min_length",
        most=LONGEST_ANSWER,
        about="Fewest characters of the answer, 0 for no limit.",
    ),
    Field(
        name="maxLength",
        sort=Sort.WHOLE,
        to="constraints.max_length",
        most=LONGEST_ANSWER,
        about="Most characters of the answer, 0 for no limit.",
    ),
    COMMENT,
    INSTRUCTION,
    Field(
        name="capMonsterModule",
        sort=Sort.MODULE,
        to="options.module",
        most=LONGEST_MODULE,
        about="The machine profile to read with; an unknown one means universal.",
    ),
    Field(
        name="recognizingThreshold",
        sort=Sort.WHOLE,
        to="options.threshold",
        most=100,
        about="The least confidence, 0 to 100, the client takes from a machine.",
    ),
    LANGUAGE_POOL,
    WEBSITE,
)


def _side(name: str) -> Field:
    about = f"{name.title()} of cells; left out, 3 for a picture of 300 x 300 pixels and 4 for any other."
    return Field(name=name, sort=Sort.WHOLE, to=f"constraints.{name}", least=1, most=MOST_ROWS, about=about)


#: Of a picture whose cells are to be chosen.
GRID: Final = (
    BODY,
    _side("rows"),
    _side("columns"),
    COMMENT,
    INSTRUCTION,
    MIN_CLICKS,
    MAX_CLICKS,
    CAN_NO_ANSWER,
    Field(
        name="previousId",
        sort=Sort.TASK,
        to="options.previous",
        about="The earlier task of the same series of pictures.",
    ),
    Field(
        name="imgType",
        sort=Sort.SCOPE,
        about="Whose challenge the picture is from; any value is refused, as such pictures are not served.",
    ),
    LANGUAGE_POOL,
)
