"""The task types, one row each: their fields and limits, price and pay, and who serves them.
Rule: a type is served only as its row says; the operator's overrides are rows in the store."""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from answerdesk.model.money import NOTHING, Micros
from answerdesk.model.question import Kind


class Served(enum.StrEnum):
    """Who may serve a type."""

    PEOPLE = "people"
    MACHINES = "machines"
    #: Answered at creation from the vendors' published test keys.
    SANDBOX = "sandbox"


class Sort(enum.StrEnum):
    """What a field holds."""

    #: true, false, 0, 1, "0", "1", "true" or "false".
    FLAG = "flag"
    #: An integer or a text of digits, within the field's range.
    WHOLE = "whole"
    #: A text of at most `most` characters.
    WORDS = "words"
    #: A picture in base64.
    PICTURE = "picture"
    #: The name of a machine profile; one nobody knows is no fault.
    MODULE = "module"
    #: A language code; one nobody knows is ignored.
    LANGUAGE = "language"


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a task: its wire name, what it holds, and where in the question it goes."""

    name: str
    sort: Sort
    #: Dotted path in the Question ("constraints.min_length", "text"), or "media"/"picture".
    to: str
    required: bool = False
    least: int = 0
    most: int = 0
    #: For an integer: true and false are taken as 1 and 0.
    truth: bool = False
    #: Also read from the request's envelope.
    envelope: bool = False
    #: One sentence for the reference.
    about: str


class TaskType(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the catalogue."""

    name: str
    kind: Kind
    served: frozenset[Served]
    fields: tuple[Field, ...]
    price: Micros
    #: What a person earns for an accepted answer; machines earn nothing by default.
    pay: Micros
    machine_pay: Micros = NOTHING
    #: One sentence for the reference.
    about: str


class SizeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The largest media accepted: bytes of a picture, pixels of its longer side, bytes of an instruction picture."""

    picture: int = 600_000
    side: int = 4_096
    instruction: int = 100_000
    sound: int = 5_000_000


SERVER_LIMITS: Final = SizeLimits()

LONGEST_COMMENT: Final = 1_000
LONGEST_ANSWER: Final = 100
LONGEST_MODULE: Final = 100

#: The language codes of PROTOCOL §8.9.
_CODES: Final = (
    "en ru es pt uk vi fr id ar ja tr de zh fil pl th it nl sk bg ro hu ko cs az fa bn el lt lv sv sr hr he hi nb "
    "sl da uz fi ca ka ms te et ml be kk mr ne my bs hy mk pa"
)
#: What each name of a language means; Anti-Captcha calls its Russian pool rn.
LANGUAGES: Final = {"rn": "ru"} | {code: code for code in _CODES.split()}

CATALOG: Final[dict[str, TaskType]] = {
    row.name: row
    for row in (
        TaskType(
            name="ImageToTextTask",
            kind=Kind.TEXT,
            served=frozenset({Served.PEOPLE, Served.MACHINES}),
            price=Micros(1_000),
            pay=Micros(600),
            about="Read the characters in a picture.",
            fields=(
                Field(name="body", sort=Sort.PICTURE, to="media", required=True, about="The picture."),
                Field(
                    name="phrase", sort=Sort.FLAG, to="constraints.phrase", about="The answer has two or more words."
                ),
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
                Field(
                    name="comment", sort=Sort.WORDS, to="text", most=LONGEST_COMMENT, about="An instruction in words."
                ),
                Field(name="imgInstructions", sort=Sort.PICTURE, to="picture", about="An instruction as a picture."),
                Field(
                    name="capMonsterModule",
                    sort=Sort.MODULE,
                    to="options.module",
                    most=100,
                    about="The machine profile to read with; an unknown one means universal.",
                ),
                Field(
                    name="recognizingThreshold",
                    sort=Sort.WHOLE,
                    to="options.threshold",
                    most=100,
                    about="The least confidence, 0 to 100, the client takes from a machine.",
                ),
                Field(
                    name="languagePool",
                    sort=Sort.LANGUAGE,
                    to="lang",
                    envelope=True,
                    about="The language of the answer, a two-letter code; also read beside the task.",
                ),
            ),
        ),
    )
}
