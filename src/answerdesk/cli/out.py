"""What the verbs print: one JSON document for programs, or text for people, in colour only on a terminal.
Rule: text from outside is shown without control characters and never as markup."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import click

from answerdesk.model import money
from answerdesk.model.account import Millis
from answerdesk.model.money import Micros

Record = Mapping[str, Any]


def clean(text: str) -> str:
    """Give a text as it may be shown: no control or direction characters, any white space as one blank."""
    return "".join(" " if char.isspace() else char for char in text if char.isspace() or char.isprintable())


def cost(amount: Micros) -> Decimal:
    """Give an amount as records carry it."""
    return money.number(amount)


def moment(at: Millis | None) -> str | None:
    """Give a time as records carry it, in UTC; None for never."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def document(value: Any) -> None:
    """Print one JSON document on one line; a terminal is sent plain ASCII, whatever the texts hold."""
    click.echo(json.dumps(value, default=_plainer, ensure_ascii=sys.stdout.isatty()))


def facts(record: Record, *, as_json: bool) -> None:
    """Print one record: as it is, or a line for each of its fields."""
    if as_json:
        document(record)
        return
    width = max(map(len, record))
    for name, value in record.items():
        click.echo(f"{name.replace('_', ' '):{width}}  {cell(value)}")


def table(records: Sequence[Record], columns: Iterable[str], *, as_json: bool, none: str) -> None:
    """Print records: as they are, or as a table of some columns; `none` is said where there is nothing."""
    if as_json:
        document(records)
        return
    if not records:
        click.echo(none)
        return
    heads = list(columns)
    rows = [[cell(record[name]) for name in heads] for record in records]
    titles = [name.replace("_", " ").upper() for name in heads]
    if sys.stdout.isatty():
        _table_on_terminal(titles, rows)
        return
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def cell(value: Any) -> str:
    """Give a field's value as people read it."""
    match value:
        case None | "" | []:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(map(cell, value))
        case dict():
            return "-" if not value else ", ".join(f"{name} {cell(said)}" for name, said in value.items())
        case Decimal():
            return f"{value:f}"
        case _:
            return clean(str(value))


def _table_on_terminal(titles: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        shown.add_column(title, overflow="fold")
    for row in rows:
        shown.add_row(*map(Text, row))
    Console().print(shown)


def _plainer(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    return str(value)
