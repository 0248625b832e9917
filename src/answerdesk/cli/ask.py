"""The verb `ask`: pictures in, their texts out, over HTTP like any customer.
Rule: it knows a server by its address and a key alone, and shows what came back as plain text."""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
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
    from answerdesk_client import AsyncClient

#: What a folder is searched for.
PICTURES: Final = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
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
    type=click.FloatRange(1, 86_400),
    default=300.0,
    show_default=True,
    help="Seconds to wait for each answer.",
)
@click.option("--jobs", type=click.IntRange(1, 256), default=8, show_default=True, help="Pictures asked at once.")
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
    asked = asyncio.run(_ask(pictures, line, timeout, jobs, options.given(**wishes), as_json=as_json))
    if as_json:
        out.document([one.record() for one in asked])
    return FAILED if any(one.error for one in asked) else DONE


async def _ask(
    pictures: list[str], line: Line, patience: float, jobs: int, wishes: dict[str, Any], *, as_json: bool
) -> list[Asked]:
    from answerdesk_client import AsyncClient, Retry

    try:
        client = AsyncClient(line.url, line.key, tls=line.tls, retry=Retry(patience=PATIENCE))
    except ValueError as error:
        raise Misused(f"--url: {error}") from None
    places = asyncio.Semaphore(jobs)
    width = max(map(len, map(out.clean, pictures)))
    async with client as desk:

        async def one(file: str) -> Asked:
            async with places:
                return await _asked(desk, file, patience, wishes)

        tasks = [asyncio.create_task(one(file)) for file in pictures]
        with _progress(len(tasks)) as (advance, quiet):
            for task in tasks:
                task.add_done_callback(lambda _: advance())
            for task in tasks:
                said = await task
                if not as_json:
                    with quiet():
                        _show(said, width)
        return [task.result() for task in tasks]


async def _asked(desk: AsyncClient, file: str, patience: float, wishes: dict[str, Any]) -> Asked:
    from answerdesk_client import AnswerdeskError, TaskId

    task: int | None = None
    began = time.monotonic()
    try:
        task = await desk.create(_read(file), **wishes)
        solution = await desk.wait(TaskId(task), timeout=patience)
    except OSError as error:
        return Asked(file=file, error=error.strerror or str(error))
    except AnswerdeskError as error:
        return Asked(file=file, task=task, code=getattr(error, "code", ""), error=str(error))
    taken = time.monotonic() - began
    return Asked(file=file, task=task, text=solution.text, cost=solution.cost, seconds=taken)


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
