"""The verb `demo`: a throwaway desk with a robot client and simulated people, all of it living within a minute.
Rule: the robot and the people speak to the server over HTTP like anybody; nothing outlives the command."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import tempfile
import threading
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

import click
import structlog

from answerdesk.cli import options, out
from answerdesk.cli.home import Home
from answerdesk.cli.opened import with_desk
from answerdesk.config import read_settings
from answerdesk.desk.books import SaveSolver
from answerdesk.desk.store import DeskStore
from answerdesk.model.account import digest
from answerdesk.model.question import WORK_KINDS, Kind
from answerdesk.model.solver import Solver, SolverId
from answerdesk.pages.samples import Sample, draw
from answerdesk.pages.words import ENGLISH, read_words
from answerdesk_client import AnswerdeskError, AsyncClient, AsyncWorkClient, Lease, Order, Refused, Task

if TYPE_CHECKING:
    from answerdesk.announcing import Announcement

log = structlog.get_logger()

#: How many simulated people there are unless told otherwise, and at most.
PEOPLE: Final = 2
MOST_PEOPLE: Final = 50
#: The robot waits once this many of its tasks are open: enough for a newcomer to find some.
MOST_OPEN: Final = 20
#: Seconds between the robot's tasks, and the least and most that a simulated person looks at one.
PERIOD: Final = 1.0
LOOKS: Final = (1.5, 4.0)
#: How often a simulated person says something else than is right.
SLIPS: Final = 0.05
#: Seconds after which a person who was switched off looks whether it still is.
OFF: Final = 1.0
#: Seconds they are given to end.
PATIENCE: Final = 5.0

_ABOUT: Final = """
A robot client sends about one task a second, of every kind; simulated people answer most of them.
Open the address under /enter/ to be the owner, then
  {url}/work    answer some yourself
  {url}/team    suspend the simulated people, and let them go on
  {url}/queue   see what waits
Ctrl+C ends it; nothing of it stays.
"""


class Stage:
    """What everybody on it knows: the answers to what the robot asked, and what it is still waiting for."""

    def __init__(self, url: str, key: str, random: Random, tell: Callable[[Task, Sample], None]) -> None:
        """Take the desk's address, the robot's key, and what tells of a settled task."""
        self._tell = tell
        self.url = url
        self.key = key
        self.random = random
        self.known: dict[int, Sample] = {}
        self._room = asyncio.Semaphore(MOST_OPEN)

    async def ask(self) -> None:
        """Send a task of every kind in turn, as long as not too many are open."""
        say = partial(read_words().say, ENGLISH)
        async with AsyncClient(self.url, self.key) as desk:
            while True:
                for kind in self.random.sample(WORK_KINDS, len(WORK_KINDS)):
                    await asyncio.sleep(PERIOD)
                    await self._room.acquire()
                    sample = draw(kind, self.random, say)
                    self.known[await desk.create(order(sample))] = sample

    async def tell(self) -> None:
        """Print each answer as it comes."""
        async with AsyncClient(self.url, self.key) as desk, contextlib.aclosing(desk.events()) as events:
            async for event in events:
                task = event.task
                sample = self.known.pop(task.id, None)
                if sample is not None:
                    self._room.release()
                    self._tell(task, sample)

    async def answer(self, token: str) -> None:
        """Be one simulated person: look a while, then say what is right, mostly; wait while switched off."""
        async with AsyncWorkClient(self.url, token) as desk:
            while True:
                try:
                    for lease in await desk.claim(WORK_KINDS, wait=5):
                        await asyncio.sleep(self.random.uniform(*LOOKS))
                        await self._say(desk, lease)
                except Refused as refused:
                    if refused.number != 401:
                        raise
                    await asyncio.sleep(OFF)

    async def _say(self, desk: AsyncWorkClient, lease: Lease) -> None:
        sample = self.known.get(lease.task)
        if sample is None or self.random.random() < SLIPS:
            await desk.decline(lease, "unreadable")
        else:
            await desk.answer(lease, sample.answer)


def order(sample: Sample) -> Order:
    """Make the order that asks a sample's question."""
    return _ORDERS[sample.question.kind](sample, sample.question.text or "")


_ORDERS: Final[dict[Kind, Callable[[Sample, str], Order]]] = {
    Kind.TEXT: lambda sample, text: Order.text(sample.media[0], comment=text),
    Kind.QUESTION: lambda _, text: Order.question(text),
    Kind.AUDIO: lambda sample, text: Order.audio(sample.media[0], lang="en", comment=text),
    Kind.GRID: lambda sample, text: Order.grid(
        sample.media[0], text, rows=sample.question.constraints.rows, columns=sample.question.constraints.columns
    ),
    Kind.POINTS: lambda sample, text: Order.points(sample.media[0], text, max_clicks=len(sample.answer)),
    Kind.BOXES: lambda sample, text: Order.boxes(sample.media[0], text),
    Kind.OUTLINE: lambda sample, text: Order.outline(sample.media[0], text),
    Kind.ROTATE: lambda sample, text: Order.rotate(
        *sample.media, comment=text, angle=sample.question.constraints.angle
    ),
    Kind.DRAG: lambda sample, text: Order.drag(sample.media[0], sample.media[1:], text),
}


def _tell_as_json(task: Task, sample: Sample) -> None:
    """Print what became of a task as one JSON line."""
    right = task.status == "ready" and sample.fits(task.answer)
    out.document({"task": task.id, "kind": task.kind, "status": task.status, "answer": task.answer, "right": right})


def _tell_in_a_line(task: Task, sample: Sample) -> None:
    """Print what became of a task for a reader."""
    click.echo(_line(task, sample))


def _line(task: Task, sample: Sample) -> str:
    seconds = (task.ended - task.created).total_seconds() if task.ended and task.created else 0.0
    if task.status != "ready":
        return f"{sample.question.kind:9} {seconds:5.1f} s  no answer"
    right = "right" if sample.fits(task.answer) else "WRONG"
    said = out.clean(str(task.answer))
    shown = said if len(said) <= 40 else f"{said[:37]}..."
    return f"{sample.question.kind:9} {seconds:5.1f} s  {right}  ${task.cost or Decimal(0):f}  {shown}"


def enrol(data: Path, people: int) -> list[str]:
    """Enrol simulated people who may answer everything; gives their tokens."""
    tokens = [secrets.token_hex(16) for _ in range(people)]

    async def act(store: DeskStore) -> None:
        for i, token in enumerate(tokens, 1):
            solver = Solver(id=SolverId(await store.draw()), name=f"simulated {i}", machine=False)
            await store.run(SaveSolver(solver=solver, token=digest(token)))

    with_desk(Home(data), act)
    return tokens


class Crew(threading.Thread):
    """The robot and the simulated people, on a loop of their own beside the server's."""

    def __init__(self, ready: Announcement, people: int, tell: Callable[[Task, Sample], None]) -> None:
        """Take the desk they come to, how many simulated people there are, and what tells of their work."""
        super().__init__(name="crew", daemon=True)
        self._ready = ready
        self._people = people
        self._tell = tell
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()

    def run(self) -> None:
        """Enrol, act until told to stop; a desk that is gone ends it too."""
        tokens = enrol(self._ready.data, self._people)
        try:
            self._loop.run_until_complete(self._act(tokens))
        except* AnswerdeskError as gone:
            log.warning("demo_ended", why=str(gone.exceptions[0]))
        finally:
            self._loop.close()

    async def _act(self, tokens: list[str]) -> None:
        stage = Stage(self._ready.url, self._ready.key or "", Random(), self._tell)  # noqa: S311 - a demo's dice
        async with asyncio.TaskGroup() as group:
            acts = (stage.ask(), stage.tell(), *map(stage.answer, tokens))
            going = [group.create_task(act) for act in acts]
            await self._over.wait()
            for one in going:
                one.cancel()

    def stop(self) -> None:
        """End their work."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._over.set)
        self.join(PATIENCE)


@click.command()
@click.option("--host", help="The address to listen on. Default: this machine's own.")
@click.option("--port", default="0", show_default=True, help="The port to listen on; 0 for any free one.")
@click.option(
    "--people", type=click.IntRange(0, MOST_PEOPLE), default=PEOPLE, show_default=True,
    help="How many simulated people answer; 0 leaves everything to you.",
)  # fmt: skip
@options.json_option
def demo(host: str | None, port: str, people: int, as_json: bool) -> None:
    """The desk lies in a folder for the while and is removed at the end; your own data is not touched."""
    from answerdesk import main
    from answerdesk.cli.logs import log_structured
    from answerdesk.cli.serve import announce

    crews: list[Crew] = []

    def ready(told: Announcement) -> None:
        announce(told, as_json=as_json)
        if not as_json:
            click.echo(_ABOUT.format(url=told.url))
        crews.append(Crew(told, people, _tell_as_json if as_json else _tell_in_a_line))
        crews[0].start()

    log_structured("warning")
    with tempfile.TemporaryDirectory(prefix="answerdesk-demo-") as folder:
        flags = options.given(data=Path(folder), host=host, port=port, solver="none")
        try:
            main.serve(read_settings(flags, {}), ready)
        finally:
            for crew in crews:
                crew.stop()
