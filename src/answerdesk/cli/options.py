"""The options verbs share, and how what is given on the command line becomes values.
Rule: what is not accepted is refused in one sentence that says what is, before anything is opened."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from answerdesk.config import PREFIX, SETTINGS
from answerdesk.model import money
from answerdesk.model.account import CallbackForm, NoMatch
from answerdesk.model.catalog import CATALOG, FAMILIES
from answerdesk.model.fields import LANGUAGES
from answerdesk.model.limit import network_of
from answerdesk.model.person import name_flaw
from answerdesk.model.question import WORK_KINDS, Kind
from answerdesk.model.sizes import BYTES_BOUNDS, SIDE_BOUNDS
from answerdesk.model.solver import GROUP as GROUP_NAME

F = TypeVar("F", bound=Callable[..., Any])

DIALECTS: Final = ("capmonster", "2captcha", "anticaptcha")

_DATA: Final = SETTINGS[0]


class Read(click.ParamType[Any]):
    """A parameter read by a function that raises ValueError with the sentence."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        """Take what it is called in the help."""
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a text; what is a value already is kept."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _limit(text: str) -> money.Micros:
    amount = money.parse(text)
    if amount < 0:
        msg = f"{text!r} is negative; 0 is for no limit"
        raise ValueError(msg)
    return amount


class Number(click.FloatRange):
    """A number within bounds; what is not a number lies in none, though it compares as if it lay in all."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a number."""
        if math.isnan(number := super().convert(value, param, ctx)):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


def _one_of(text: str, known: Any, what: str) -> str:
    if text not in known:
        msg = f"unknown {what} {text!r}; accepted are {', '.join(known)}"
        raise ValueError(msg)
    return text


def _kinds(text: str) -> frozenset[Kind]:
    """Read kinds between commas; the empty set is every kind."""
    if text == "all":
        return frozenset()
    return frozenset(Kind(_one_of(part.strip(), [*map(str, WORK_KINDS), "all"], "kind")) for part in text.split(","))


def _languages(text: str) -> frozenset[str]:
    return frozenset(LANGUAGES[_one_of(part.strip(), LANGUAGES, "language")] for part in text.split(","))


def _network(text: str) -> str:
    network = network_of(text)
    if network is None:
        msg = f"{text!r} is not an address or a network, such as 192.0.2.7 or 10.0.0.0/8"
        raise ValueError(msg)
    return str(network)


def _name(text: str) -> str:
    text = text.strip()
    if flaw := name_flaw(text):
        raise ValueError(flaw)
    return text


def _group(text: str) -> str:
    """Read a group's name; none is the empty one."""
    if not GROUP_NAME.fullmatch(text.strip()):
        msg = f"{text!r} is not a group: 1 to 40 letters, digits, dashes or underscores, or none"
        raise ValueError(msg)
    return "" if text.strip() == "none" else text.strip()


def _groups(text: str) -> frozenset[str]:
    return frozenset(_group(part) for part in text.split(",")) - {""}


def _bounded(bounds: tuple[int, int], unit: str) -> Callable[[str], int]:
    """Make a reader of a number within bounds, or of 0 for the desk's own."""
    least, most = bounds

    def read(text: str) -> int:
        number = int(text) if text.isascii() and text.isdigit() else -1
        if number and not least <= number <= most:
            msg = f"{text!r} is not {least:,} to {most:,} {unit}, or 0 for the desk's own limit"
            raise ValueError(msg)
        return number

    return read


def _type(text: str) -> str:
    return _one_of(text, CATALOG, "task type")


def _types(text: str) -> frozenset[str]:
    """Read a type, or all types of a family; none is no type."""
    if text == "none":
        return frozenset()
    if text in FAMILIES:
        return frozenset(row.name for row in FAMILIES[text].rows.values())
    return frozenset({_type(text)})


NAME: Final = Read("name", _name)
AMOUNT: Final = Read("amount", money.parse)
LIMIT: Final = Read("amount", _limit)
KINDS: Final = Read("kinds", _kinds)
LANGUAGE_LIST: Final = Read("languages", _languages)
GROUP: Final = Read("group", _group)
GROUP_LIST: Final = Read("groups", _groups)
NETWORK: Final = Read("network", _network)
TYPE: Final = Read("type", _type)
MEDIA_BYTES: Final = Read("bytes", _bounded(BYTES_BOUNDS, "bytes"))
MEDIA_SIDE: Final = Read("pixels", _bounded(SIDE_BOUNDS, "pixels"))
TYPES: Final = Read("type", _types)
NO_MATCH: Final = Read("no-match", lambda text: NoMatch(_one_of(text, [*map(str, NoMatch)], "way to tell no match")))
CALLBACK_FORM: Final = Read(
    "form", lambda text: CallbackForm(_one_of(text, [*map(str, CallbackForm)], "form of callbacks"))
)
DIALECT: Final = Read("dialect", lambda text: _one_of(text, DIALECTS, "dialect"))

data_option = click.option(
    "--data",
    type=Read("dir", _DATA.read),
    default=_DATA.default,
    envvar=f"{PREFIX}DATA",
    show_envvar=True,
    show_default=True,
    help=_DATA.about,
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def of_desk(command: F) -> F:
    """Give a verb the options every one has: where the desk is, and JSON."""
    return data_option(json_option(command))


def given(**options: Any) -> dict[str, Any]:
    """Keep the options that were given."""
    return {name: value for name, value in options.items() if value not in {None, ()}}


class ListFirst(click.Group):
    """A group whose `list` may be left out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` where no subcommand is named."""
        helped = set(args) & set(ctx.help_option_names)
        if not helped and (not args or args[0].startswith("-")):
            args = ["list", *args]
        return super().parse_args(ctx, args)
