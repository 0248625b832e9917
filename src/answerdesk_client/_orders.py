"""What can be ordered: an `Order` for each kind of answer, and any task type by its name."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Unpack

from msgspec import Struct

from answerdesk_client._values import (
    BoxesOptions,
    GridOptions,
    MarkedOptions,
    Picture,
    PointsOptions,
    RotateOptions,
    Sound,
    TextOptions,
)

_WIRE = {"cap_monster_module": "capMonsterModule", "website_url": "websiteURL"}
_ENVELOPE = frozenset({"language_pool"})
_PICTURES = frozenset({"img_instructions"})


class Order(Struct, frozen=True, kw_only=True):
    """A task to be made: its type by name, and its fields as the server's task types have them.

    ```python
    from pathlib import Path
    from answerdesk_client import Order

    Order.text(Path("meter.png"), numeric=1)
    Order.grid(Path("street.png"), "the cells with a bus", rows=3, columns=3)
    Order(type="ImageToTextTask", fields={"body": "iVBORw0KGgo..."})
    ```
    """

    type: str
    fields: Mapping[str, Any]
    language_pool: str | None = None
    """Which people to ask, as a language code."""
    callback_url: str | None = None
    """Where the server posts the result; its host must be registered for the account."""
    soft_id: int | None = None

    @staticmethod
    def text(picture: Picture, **options: Unpack[TextOptions]) -> "Order":
        """The characters in a picture."""
        return _order("ImageToTextTask", {"body": base64_of(picture)}, options, TextOptions)

    @staticmethod
    def question(text: str, *, language_pool: str | None = None) -> "Order":
        """The answer, in words, to a question in words."""
        return Order(type="TextCaptchaTask", fields={"comment": text}, language_pool=language_pool)

    @staticmethod
    def audio(sound: Sound, *, lang: str | None = None, comment: str | None = None) -> "Order":
        """What is said in a recording, in a language given as its two-letter code."""
        fields = {"body": base64_of(sound), "lang": lang, "comment": comment}
        return Order(type="AudioTask", fields={name: value for name, value in fields.items() if value is not None})

    @staticmethod
    def grid(picture: Picture, comment: str | None = None, **options: Unpack[GridOptions]) -> "Order":
        """The cells of a picture that fit the instruction, counted from 1, from the top left row by row."""
        return _order("GridTask", _marked(picture, comment), options, GridOptions)

    @staticmethod
    def points(picture: Picture, comment: str | None = None, **options: Unpack[PointsOptions]) -> "Order":
        """The points of a picture that fit the instruction, in pixels from the top left."""
        return _order("CoordinatesTask", _marked(picture, comment), options, PointsOptions)

    @staticmethod
    def boxes(picture: Picture, comment: str | None = None, **options: Unpack[BoxesOptions]) -> "Order":
        """Boxes around what fits the instruction, each its left, top, right and bottom edge."""
        return _order("BoundingBoxTask", _marked(picture, comment), options, BoxesOptions)

    @staticmethod
    def outline(picture: Picture, comment: str | None = None, **options: Unpack[BoxesOptions]) -> "Order":
        """Outlines around what fits the instruction, each a list of points."""
        return _order("DrawAroundTask", _marked(picture, comment), options, BoxesOptions)

    @staticmethod
    def rotate(*pictures: Picture, comment: str | None = None, **options: Unpack[RotateOptions]) -> "Order":
        """Degrees clockwise that set up to ten pictures upright, one for each."""
        return _order("RotateTask", _commented({"body": _bodies(pictures)}, comment), options, RotateOptions)

    @staticmethod
    def drag(
        background: Picture, pieces: Iterable[Picture], comment: str | None = None, **options: Unpack[MarkedOptions]
    ) -> "Order":
        """Where the centres of up to twenty pieces belong on a background, None for one that belongs nowhere."""
        fields = {"background": base64_of(background), "images": _bodies(pieces)}
        return _order("DragAndDropTask", _commented(fields, comment), options, MarkedOptions)

    def ask(self) -> dict[str, Any]:
        """The order as the wire has it."""
        envelope = {"languagePool": self.language_pool, "callbackUrl": self.callback_url, "softId": self.soft_id}
        said = {name: value for name, value in envelope.items() if value is not None}
        return {"task": {"type": self.type, **self.fields}, **said}


def order_of(what: "Order | Picture", options: TextOptions) -> Order:
    """A picture alone asks for its text; an order has its options already."""
    if not isinstance(what, Order):
        return Order.text(what, **options)
    if options:
        raise TypeError(f"an Order has its options already; {', '.join(sorted(options))} belong into it")
    return what


def _order(name: str, fields: dict[str, Any], options: Mapping[str, Any], known: type) -> Order:
    names = frozenset(known.__annotations__)
    for base in getattr(known, "__orig_bases__", ()):
        names |= frozenset(getattr(base, "__annotations__", ()))
    if unknown := options.keys() - names:
        raise TypeError(f"unknown option {', '.join(sorted(unknown))}; known are {', '.join(sorted(names))}")
    given = {name: value for name, value in options.items() if value is not None}
    fields |= {_wire(name): _shown(name, value) for name, value in given.items() if name not in _ENVELOPE}
    return Order(type=name, fields=fields, **{name: given[name] for name in _ENVELOPE & given.keys()})


def _wire(name: str) -> str:
    """An option's name as the wire spells it."""
    first, *rest = name.split("_")
    return _WIRE.get(name) or first + "".join(word.capitalize() for word in rest)


def _shown(name: str, value: Any) -> Any:
    return base64_of(value) if name in _PICTURES else value


def _marked(picture: Picture, comment: str | None) -> dict[str, Any]:
    return _commented({"body": base64_of(picture)}, comment)


def _commented(fields: dict[str, Any], comment: str | None) -> dict[str, Any]:
    return fields if comment is None else fields | {"comment": comment}


def _bodies(pictures: Iterable[Picture]) -> list[str]:
    return [base64_of(picture) for picture in pictures]


def base64_of(picture: Picture) -> str:
    """A picture or sound as the wire wants it."""
    if isinstance(picture, PathLike):
        picture = Path(picture).read_bytes()
    if not isinstance(picture, str):
        return b64encode(picture).decode()
    if "." in picture.rpartition(",")[2]:
        raise ValueError(f"a picture given as str must be base64; for a file pass pathlib.Path({picture[:80]!r})")
    return picture
