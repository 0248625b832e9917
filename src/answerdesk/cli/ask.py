"""The verb `ask`: pictures in, their texts out, over HTTP like any customer.
Rule: it knows a server by its address and a key alone, and shows what came back as plain text."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from answerdesk.cli import options, out
from answerdesk.cli.ends import DONE, FAILED, Failed, Misused
from answerdesk.cli.running import address_of
from answerdesk.cli.trust import ca_option, trusted
from answerdesk.config import FIRST_KEY

if TYPE_CHECKING:
    from answerdesk_client import Progress

#: What a folder is searched for.
PICTURES: Final = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp"})
STDIN: Final = "-"
#: Seconds to go on trying a server that does not answer.
PATIENCE: Final = 10.0


class Line(NamedTuple):
    """Where to ask, by which key, and whom to trust there."""

    url: str
    key: str
    tls: ssl.SSLContext | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A picture with its text, or why it has none."""

    file: str
    text: str = ""
    task: int | None = None
    cost: Decimal | None = None
    seconds: float = 0.0
    code: str = ""
    error: str = ""

    def record(self) -> out.Record:
        """Give what came of it as JSON does."""
        if self.error:
            return {"file": self.file, "task": self.task, "error": {"code": self.code or None, "text": self.error}}
        return {
            "file": self.file, "task": self.task, "text": self.text, "cost": self.cost,
            "seconds": round(self.seconds, 3),
        }  # fmt: skip


_TEXT_OPTIONS: Final = (
    click.option("--numeric", type=click.IntRange(0, 4), help="0 anything, 1 digits, 2 letters, 3 digits or letters,"
                 " 4 digits and letters."),
    click.option("--math", is_flag=True, default=None, help="The picture shows a sum; its result is wanted."),
    click.option("--case/--no-case", default=None, help="Upper and lower case matter, or do not."),
    click.option("--phrase", is_flag=True, default=None, help="The answer has two or more words."),
    click.option("--min-length", type=click.IntRange(0), help="Fewest characters of the answer."),
    click.option("--max-length", type=click.IntRange(0), help="Most characters of the answer."),
    click.option("--comment", help="An instruction for whoever reads the picture."),
    click.option("--module", "cap_monster_module", help="The machine profile to read with."),
    click.option("--threshold", "recognizing_threshold", type=click.IntRange(0, 100),
                 help="The least confidence taken from a machine, in percent."),
    click.option("--lang", "language_pool", help="The language of the answer, as a two-letter code."),
)  # fmt: skip


def _text_options(command: options.F) -> options.F:
    for option in reversed(_TEXT_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("files", nargs=-1, required=True, help="Pictures, folders to search for them, or - for standard input.")
@_text_options
@click.option(
    "--timeout",
    type=options.Number(1, 86_400),
    default=300.0,
    show_default=True,
    help="Seconds to wait for each answer.",
)
@click.option(
    "--jobs", type=click.IntRange(1, 10_000), default=1_000, show_default=True, help="Pictures open at a time."
)
@click.option("--url", help="The server's address. Default: where the data folder's server runs.")
@click.option(
    "--key",
    envvar="ANSWERDESK_KEY",
    show_envvar=True,
    help="The account's key. Default: the first account's, from the data folder.",
)
@ca_option
@options.of_desk
def ask(
    files: tuple[str, ...], timeout: float, jobs: int, url: str | None, key: str | None, ca: Path | None, data: Path,
    as_json: bool, **wishes: Any,
) -> int:  # fmt: skip
    """Prints for each its text, what it cost and how long it took. The exit code is 1 if any has no text."""
    pictures = list(_pictures(files))
    address = url or address_of(data)
    line = Line(address, key or _first_key(data), trusted(address, data, ca=ca, found=url is None))
    with _progress(len(pictures)) as (advance, quiet):
        shown = _Printer(pictures, advance, quiet, as_json=as_json)
        asked = _ask(pictures, line, {"timeout": timeout, "at_once": jobs}, options.given(**wishes), shown)
    if as_json:
        out.document([one.record() for one in asked])
    return FAILED if any(one.error for one in asked) else DONE


class _Printer:
    """Prints each line as soon as it and all before it are there."""

    def __init__(
        self, files: list[str], advance: Callable[[], object], quiet: Callable[[], AbstractContextManager[object]],
        *, as_json: bool,
    ) -> None:  # fmt: skip
        self._width = max(map(len, map(out.clean, files)))
        self._advance = advance
        self._quiet = quiet
        self._as_json = as_json
        self._next = 0
        self.said: dict[int, Asked] = {}

    def take(self, place: int, asked: Asked) -> None:
        self.said[place] = asked
        self._advance()
        while (one := self.said.get(self._next)) is not None:
            self._next += 1
            if not self._as_json:
                with self._quiet():
                    _show(one, self._width)


def _ask(
    pictures: list[str], line: Line, bounds: dict[str, Any], wishes: dict[str, Any], shown: _Printer
) -> list[Asked]:
    from answerdesk_client import AnswerdeskError, Client, Order, Retry

    try:
        client = Client(line.url, line.key, tls=line.tls, retry=Retry(patience=PATIENCE))
    except ValueError as error:
        raise Misused(f"--url: {error}") from None
    #: Which picture each order is of; those that cannot be read make none.
    places: list[int] = []

    def orders() -> Iterator[Order]:
        for place, file in enumerate(pictures):
            try:
                order = Order.text(_read(file), **wishes)
            except OSError as error:
                shown.take(place, Asked(file=file, error=error.strerror or str(error)))
                continue
            places.append(place)
            yield order

    def heard(progress: Progress) -> None:
        place = places[progress.index]
        shown.take(place, _asked(pictures[place], progress))

    with client as desk:
        try:
            desk.batch(orders(), progress=heard, **bounds)
        except AnswerdeskError as error:
            for place, file in enumerate(pictures):
                if place not in shown.said:
                    shown.take(place, Asked(file=file, code=getattr(error, "code", ""), error=str(error)))
    return [shown.said[place] for place in range(len(pictures))]


def _asked(file: str, progress: Progress) -> Asked:
    outcome, task = progress.outcome, progress.task
    if isinstance(outcome, Exception):
        return Asked(file=file, task=task, code=getattr(outcome, "code", ""), error=str(outcome))
    seconds = (outcome.ended - outcome.created).total_seconds() if outcome.ended and outcome.created else 0.0
    return Asked(file=file, task=task, text=outcome.text, cost=outcome.cost, seconds=seconds)


def _read(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()


def _show(asked: Asked, width: int) -> None:
    file = out.clean(asked.file)
    if asked.error:
        click.echo(f"answerdesk: {file}: {out.clean(asked.error)}", err=True)
        return
    cost = "-" if asked.cost is None else f"${asked.cost:.6f}"
    click.echo(f"{file:{width}}  {out.clean(asked.text) or '-'}  {cost}  {asked.seconds:.2f} s")


@contextmanager
def _progress(count: int) -> Iterator[tuple[Callable[[], object], Callable[[], AbstractContextManager[object]]]]:
    """Show how far it is, on a terminal and for more than one; gives how to advance, and how to print beside it."""
    if count == 1 or not sys.stderr.isatty():
        yield lambda: None, nullcontext
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    bar = Progress(
        *Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False,
    )  # fmt: skip
    task = bar.add_task("reading", total=count)

    @contextmanager
    def aside() -> Iterator[None]:
        bar.stop()
        try:
            yield
        finally:
            bar.start()

    with bar:
        yield lambda: bar.advance(task), aside


def _pictures(files: tuple[str, ...]) -> Iterator[str]:
    if files.count(STDIN) > 1:
        raise Misused("standard input can be read once only; give - one time")
    for file in files:
        if file == STDIN or not Path(file).is_dir():
            yield file
            continue
        inside = (path for path in Path(file).rglob("*") if path.suffix.lower() in PICTURES)
        found = sorted(str(path) for path in inside if path.is_file())
        if not found:
            raise Failed(f"the folder {file} holds no pictures; looked for {', '.join(sorted(PICTURES))}")
        yield from found


def _first_key(data: Path) -> str:
    try:
        return (data / FIRST_KEY).read_text("utf-8").strip()
    except OSError:
        raise Failed(f"{data} holds no {FIRST_KEY}: give an account's key with --key or ANSWERDESK_KEY") from None
