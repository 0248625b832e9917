"""The task types, one row each: their fields and limits, price and pay, and who serves them.
Rule: a type is served only as its row says; the operator's overrides are rows in the store."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from answerdesk.model.fault import Fault
from answerdesk.model.fields import (
    BODY,
    CAN_NO_ANSWER,
    COMMENT,
    GRID,
    INSTRUCTION,
    LANGUAGE_POOL,
    LANGUAGES,
    MAX_CLICKS,
    MIN_CLICKS,
    TEXT,
    WEBSITE,
    Field,
    Sort,
)
from answerdesk.model.money import NOTHING, Micros
from answerdesk.model.question import Constraints, Kind
from answerdesk.model.sandbox import TOKEN_TYPES


class Served(enum.StrEnum):
    """Who may serve a type."""

    PEOPLE = "people"
    MACHINES = "machines"
    #: Answered at creation from the vendors' published test keys.
    SANDBOX = "sandbox"


class Form(enum.StrEnum):
    """Whose form a type's solution has; the rest of a reply is the dialect's."""

    #: 2captcha's, which the vendors share for texts.
    TWOCAPTCHA = "2captcha"
    #: Anti-Captcha's: marks as bare lists of numbers.
    ANTICAPTCHA = "anticaptcha"
    #: CapMonster's complex pictures: an answer and the type of it.
    COMPLEX = "complex"
    #: The fields a vendor's token types answer with.
    TOKEN = "token"  # noqa: S105 - a name


class TaskType(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the catalogue."""

    #: Its name on the wire; of a family's row a slash and what picks it follow.
    name: str
    kind: Kind
    served: frozenset[Served] = frozenset({Served.PEOPLE, Served.MACHINES})
    fields: tuple[Field, ...]
    #: What an answer must satisfy where the fields do not say otherwise.
    constraints: Constraints = Constraints()
    #: The language where the fields name none, None for any.
    lang: str | None = None
    #: Whether an instruction is needed, in words or as a picture.
    instructed: bool = False
    form: Form = Form.TWOCAPTCHA
    price: Micros
    #: What a person earns for an accepted answer; machines earn nothing by default.
    pay: Micros
    machine_pay: Micros = NOTHING
    #: One sentence for the reference.
    about: str


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """A type on the wire of which one more field tells the row."""

    #: Where the field lies, dotted.
    by: str
    #: What it means to leave the field out, None where that is refused.
    default: str | None = None
    #: What a value that picks no row is refused with.
    fault: Fault
    #: The rows by the field's value in lower case.
    rows: Mapping[str, TaskType]


#: What the refusal of a task outside the service's scope says.
SCOPE: Final = "pictures and tokens of third parties' live challenges are not served here"

#: Types that are bound to one third party's challenge, whatever picture they carry (PROTOCOL §6.10).
OUT_OF_SCOPE: Final = frozenset({"TemuCaptchaTask", "SmartCaptchaTask", "VKCaptchaImageTask", "PazlCaptchaTask"})

#: Names of complex pictures that are bound to a third party's challenge: no desk may call its own so (PROTOCOL §6.12).
VENDORS_NAMES: Final = frozenset(
    {
        "oocl_rotate_new", "oocl_rotate_double_new", "betpunch_3x3_rotate", "bls_3x3", "shein", "baidu", "bills_audio",
        "dli", "recaptcha", "hcaptcha", "funcaptcha",
    }
)  # fmt: skip
#: Where a complex picture says what it is called.
COMPLEX_NAME: Final = "metadata.Task"
_OWN_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")

_READ: Final = "Read the characters in a picture."
_HEAR: Final = "Write down what is said in a recording."
_CLICK: Final = "Click the points of a picture that fit the instruction."
_BOX: Final = "Draw boxes around what fits the instruction."

_FREE: Final = Constraints()
_ONE_MARK: Final = Constraints(min_clicks=1)
_SIX_MARKS: Final = Constraints(min_clicks=1, max_clicks=6)
#: Degrees of one step in the workspace.
_STEP: Final = Constraints(angle=40)
_MARKED: Final = (BODY, COMMENT, INSTRUCTION)
#: Anti-Captcha's coordinates: at most six marks, and never without words.
_COORDINATES: Final = (
    BODY,
    msgspec.structs.replace(COMMENT, required=True, missing=Fault.EMPTY_COMMENT),
    Field(name="mode", sort=Sort.ROW, about="points, the default, or rectangles; tells the answer."),
    LANGUAGE_POOL,
    WEBSITE,
)


def _complex(
    kind: Kind, name: str, about: str, *fields: Field, most: int = 1, constraints: Constraints = _FREE
) -> TaskType:
    """Make a row of CapMonster's complex pictures under a name of no vendor's (PROTOCOL §6.12)."""
    sort, payload = (Sort.SOUND, "audio") if kind is Kind.AUDIO else (Sort.PICTURE, "image")
    return TaskType(
        name=f"ComplexImageTask/{name}",
        kind=kind,
        constraints=constraints,
        form=Form.COMPLEX,
        price=Micros(1_200),
        pay=Micros(700),
        about=about,
        fields=(
            Field(
                name="class",
                sort=Sort.SCOPE,
                required=True,
                choices={"recognition": ""},
                about="recognition; the classes of third parties' challenges are refused.",
            ),
            Field(name=COMPLEX_NAME, sort=Sort.ROW, required=True, about=f"{name}; tells the answer."),
            Field(name="imagesBase64", sort=sort, to="media", required=True, most=most, about="What it is about."),
            msgspec.structs.replace(COMMENT, name="metadata.TaskArgument"),
            Field(
                name="metadata.PayloadType",
                sort=Sort.CHOICE,
                choices={payload: payload},
                about=f"{payload.title()}, or left out.",
            ),
            *fields,
            WEBSITE,
        ),
    )


_ROWS: Final = (
    TaskType(
        name="ImageToTextTask",
        kind=Kind.TEXT,
        price=Micros(1_000),
        pay=Micros(600),
        about=_READ,
        fields=TEXT,
    ),
    TaskType(
        name="TextCaptchaTask",
        kind=Kind.QUESTION,
        price=Micros(1_000),
        pay=Micros(600),
        about="Answer a question in words.",
        fields=(
            msgspec.structs.replace(COMMENT, required=True, about="The question."),
            LANGUAGE_POOL,
        ),
    ),
    TaskType(
        name="AudioTask",
        kind=Kind.AUDIO,
        lang="en",
        price=Micros(1_000),
        pay=Micros(600),
        about=_HEAR,
        fields=(
            Field(name="body", sort=Sort.SOUND, to="media", required=True, about="The recording."),
            Field(
                name="lang",
                sort=Sort.CHOICE,
                to="lang",
                choices=LANGUAGES,
                about="The language that is spoken, a two-letter code.",
            ),
            COMMENT,
        ),
    ),
    TaskType(
        name="GridTask",
        kind=Kind.GRID,
        constraints=_ONE_MARK,
        instructed=True,
        price=Micros(1_200),
        pay=Micros(700),
        about="Choose the cells of a picture that fit the instruction.",
        fields=GRID,
    ),
    TaskType(
        name="CoordinatesTask",
        kind=Kind.POINTS,
        constraints=_ONE_MARK,
        price=Micros(1_200),
        pay=Micros(700),
        about=_CLICK,
        fields=(*_MARKED, MIN_CLICKS, MAX_CLICKS, LANGUAGE_POOL),
    ),
    TaskType(
        name="BoundingBoxTask",
        kind=Kind.BOXES,
        instructed=True,
        price=Micros(1_200),
        pay=Micros(700),
        about=_BOX,
        fields=(*_MARKED, CAN_NO_ANSWER, LANGUAGE_POOL),
    ),
    TaskType(
        name="DrawAroundTask",
        kind=Kind.OUTLINE,
        instructed=True,
        price=Micros(1_200),
        pay=Micros(700),
        about="Draw outlines around what fits the instruction.",
        fields=(*_MARKED, CAN_NO_ANSWER, LANGUAGE_POOL),
    ),
    TaskType(
        name="RotateTask",
        kind=Kind.ROTATE,
        constraints=_STEP,
        price=Micros(500),
        pay=Micros(300),
        about="Turn pictures upright.",
        fields=(
            msgspec.structs.replace(BODY, most=10, about="The picture, or a list of up to ten."),
            Field(
                name="angle",
                sort=Sort.WHOLE,
                to="constraints.angle",
                least=1,
                most=180,
                about="Degrees of one step in the workspace; an answer may be any angle.",
            ),
            COMMENT,
            INSTRUCTION,
            LANGUAGE_POOL,
        ),
    ),
    TaskType(
        name="DragAndDropTask",
        kind=Kind.DRAG,
        price=Micros(1_200),
        pay=Micros(700),
        about="Put pieces where they belong on a background.",
        fields=(
            Field(name="background", sort=Sort.PICTURE, to="media", required=True, about="The background."),
            Field(name="images", sort=Sort.PICTURE, to="media", required=True, most=20, about="The pieces."),
            COMMENT,
            LANGUAGE_POOL,
        ),
    ),
    TaskType(
        name="ImageToCoordinatesTask/points",
        kind=Kind.POINTS,
        constraints=_SIX_MARKS,
        form=Form.ANTICAPTCHA,
        price=Micros(1_200),
        pay=Micros(700),
        about=_CLICK,
        fields=_COORDINATES,
    ),
    TaskType(
        name="ImageToCoordinatesTask/rectangles",
        kind=Kind.BOXES,
        constraints=_SIX_MARKS,
        form=Form.ANTICAPTCHA,
        price=Micros(1_200),
        pay=Micros(700),
        about=_BOX,
        fields=_COORDINATES,
    ),
    _complex(
        Kind.GRID,
        "grid",
        "Choose the cells of a picture, or the pictures, that fit the instruction.",
        Field(
            name="metadata.Grid",
            sort=Sort.CELLS,
            to="constraints.grid",
            about="Rows and columns such as 3x3; left out, as for a GridTask, or one cell a picture.",
        ),
        most=25,
        constraints=_ONE_MARK,
    ),
    _complex(Kind.ROTATE, "rotate", "Turn pictures upright.", most=10, constraints=_STEP),
    _complex(
        Kind.POINTS, "coordinates", "Click the points of a picture that fit the instruction.", constraints=_ONE_MARK
    ),
    _complex(Kind.TEXT, "text", _READ),
    _complex(Kind.AUDIO, "audio", _HEAR),
)

#: Token types cost nothing and are asked of nobody; what they must carry is said in the sandbox's own table.
_TOKENS: Final = tuple(
    TaskType(
        name=name,
        kind=Kind.TOKEN,
        served=frozenset({Served.SANDBOX}),
        fields=(),
        form=Form.TOKEN,
        price=NOTHING,
        pay=NOTHING,
        about=f"Answer a published test key of {family.vendor} with its published test token.",
    )
    for name, family in TOKEN_TYPES.items()
)

#: Every row by its name: what prices, rules and tasks refer to.
CATALOG: Final[dict[str, TaskType]] = {row.name: row for row in (*_ROWS, *_TOKENS)}


def _family(name: str) -> dict[str, TaskType]:
    return {member: row for row in _ROWS for family, _, member in (row.name.partition("/"),) if family == name}


FAMILIES: Final[Mapping[str, Family]] = {
    "ImageToCoordinatesTask": Family(
        by="mode", default="points", fault=Fault.BAD_PARAMETERS, rows=_family("ImageToCoordinatesTask")
    ),
    "ComplexImageTask": Family(by=COMPLEX_NAME, fault=Fault.TASK_NOT_SUPPORTED, rows=_family("ComplexImageTask")),
}


def own_name(text: str) -> tuple[str, str]:
    """Read an operator's own name for complex pictures and whose form they take, as name=form; raises ValueError."""
    name, _, form = (part.strip().lower() for part in text.partition("="))
    forms = FAMILIES["ComplexImageTask"].rows
    if form not in forms or name in forms or name in VENDORS_NAMES or not _OWN_NAME.fullmatch(name):
        raise ValueError(text)
    return name, form


#: Every name a client may send as the type of a task that people or machines answer.
TYPES: Final = tuple(dict.fromkeys(row.name.partition("/")[0] for row in _ROWS))

#: The row that stands for a kind of question where no type is named.
BY_KIND: Final[Mapping[Kind, TaskType]] = {row.kind: row for row in reversed(_ROWS) if row.form is Form.TWOCAPTCHA}
