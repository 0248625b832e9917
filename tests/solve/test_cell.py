"""The one child: confined, killed on time, replaced after growing pauses, never outliving its worker."""

import asyncio
import itertools
import os
import signal
from pathlib import Path

import pytest

from answerdesk.solve import pipe
from answerdesk.solve.cell import Cell, Late, Limits
from answerdesk.solve.plugin import Hints
from tests.solve.desk import blank
from tests.solve.sample_plugin import moody_solver as moody

pytestmark = pytest.mark.slow


def job(colour=(200, 200, 200), kind="image/png"):
    medium = pipe.Medium(type=kind, data=blank(colour))
    return pipe.Job(kind="text", media=(medium,), hints=Hints(), seconds=2.0)


def lives(process):
    return Path("/proc", str(process)).exists()


def limits_of(process):
    return Path("/proc", str(process), "limits").read_text()


@pytest.fixture
async def cell(surroundings):
    cell = Cell(solver="moody", environment=surroundings)
    yield cell
    await cell.close()


async def test_the_child_greets_with_what_its_solver_can_do(cell):
    assert await cell.up() == pipe.Hello(solver="moody", version="1.0", kinds=("text",))


async def test_the_child_is_confined(cell):
    await cell.up()
    limits = limits_of(cell.process)

    lines = dict(line.split("  ", 1) for line in limits.splitlines()[1:])
    assert lines["Max core file size"].split()[0] == "0"
    assert lines["Max address space"].split()[0] == str(cell.limits.memory)


async def test_questions_asked_at_once_are_solved_one_after_another(cell):
    said = await asyncio.gather(*(cell.solve(job(), 15) for _ in range(5)))

    assert said == [pipe.Solved(value="40x20 universal", confidence=0.9)] * 5
    assert cell.deaths == 0


async def test_sound_is_handed_over_undecoded(cell):
    assert await cell.solve(job(kind="audio/mpeg"), 15) == pipe.Abstained(reason="no picture")


async def test_a_question_given_up_does_not_answer_the_next(cell):
    await cell.solve(job(), 15)
    given_up = asyncio.create_task(cell.solve(job(moody.HANG), 15))
    await asyncio.sleep(0.1)
    given_up.cancel()
    await asyncio.wait([given_up])

    assert await cell.solve(job(), 15) == pipe.Solved(value="40x20 universal", confidence=0.9)


async def test_no_question_is_begun_without_time_for_it(cell):
    with pytest.raises(Late):
        await cell.solve(job(), cell.limits.least / 2)


async def test_a_child_that_ended_while_idle_is_not_blamed_on_the_next_question(cell):
    await cell.solve(job(), 15)
    first = cell.process
    os.kill(first, signal.SIGKILL)
    while cell.process is not None:  # noqa: ASYNC110  asyncio learns of it in its own time
        await asyncio.sleep(0.01)

    assert await cell.solve(job(), 15) == pipe.Solved(value="40x20 universal", confidence=0.9)
    assert cell.process != first


async def test_children_that_die_loading_are_replaced_after_growing_pauses(surroundings):
    pauses: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) >= 5:
            enough.set()

    cell = Cell(
        solver="moody",
        environment=surroundings | {"MOODY_LOAD": "die"},
        limits=Limits(pause=3.0),
        sleep=sleep,
        lot=itertools.repeat(1.0).__next__,
    )
    solving = asyncio.create_task(cell.solve(job(), 600))
    await enough.wait()
    solving.cancel()
    await asyncio.wait([solving])
    await cell.close()

    assert pauses[:5] == [1.0, 2.0, 3.0, 3.0, 3.0]


async def test_closing_ends_the_child(cell):
    await cell.up()
    process = cell.process
    await cell.close()

    assert not lives(process)
