"""The worker against a real server: its child may die, hang and fail, and the work goes on."""

import asyncio
import itertools
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from answerdesk.solve.cell import Cell, Limits
from answerdesk.solve.loop import LANES, NO_ENTRY, NO_SOLVER, STOPPED, Worker, run
from answerdesk.solve.plugin import SolverUnavailable
from answerdesk_client import AsyncWorkClient, Lease, Media, Question, Refused, Retry, Unavailable, Verdict
from tests.solve.desk import TOKEN, Server, blank
from tests.solve.sample_plugin import moody_solver as moody

pytestmark = pytest.mark.slow
QUICK = Limits(soft=1.0, hard=1.5, least=0.5, pause=0.2)


@asynccontextmanager
async def working(server, surroundings, limits=QUICK, token=TOKEN):
    cell = Cell(solver="moody", environment=surroundings, limits=limits)
    async with AsyncWorkClient(server.url, token, retry=Retry(patience=5)) as desk:
        worker = Worker(desk, cell)
        task = asyncio.create_task(worker.work())
        try:
            yield cell, task
        finally:
            worker.stop()
            await asyncio.wait([task])


async def test_questions_are_answered_and_each_answer_claims_the_next(board, server, surroundings):
    for task in range(1, 7):
        board.post(task, blank(size=(task, 5)), module="meter")

    async with working(server, surroundings):
        said = await asyncio.to_thread(board.wait_for, 6)

    assert said == {task: f"{task}x5 meter" for task in range(1, 7)}
    assert all(verb == "answer" and body["confidence"] == 0.9 for verb, _, body in board.said)
    assert all(body["claim"] == {"kinds": ["text"], "max": 1, "wait": 0, "reserve": False} for _, _, body in board.said)
    assert {claim["wait"] for claim in board.claims} == {0, 25}


@pytest.mark.parametrize("mood", [moody.DIE, moody.HANG], ids=["die", "hang"])
async def test_a_picture_that_breaks_the_child_costs_one_child_and_one_task(board, server, surroundings, mood):
    board.post(1, blank())
    board.post(2, blank(mood))
    for task in range(3, 9):
        board.post(task, blank())

    async with working(server, surroundings) as (cell, _):
        said = await asyncio.to_thread(board.wait_for, 8)
        deaths = cell.deaths

    assert said == dict.fromkeys(range(1, 9), "40x20 universal") | {2: "broken"}
    assert deaths == 1


async def test_a_picture_that_broke_a_child_never_meets_another(board, server, surroundings):
    board.post(1, blank(moody.DIE))
    async with working(server, surroundings) as (cell, _):
        await asyncio.to_thread(board.wait_for, 1)
        board.post(1, blank(moody.DIE))
        await asyncio.to_thread(board.wait_for, 2)
        board.post(2, blank())
        said = await asyncio.to_thread(board.wait_for, 3)
        deaths = cell.deaths

    assert said == {1: "broken", 2: "40x20 universal"}
    assert deaths == 1


async def test_what_cannot_be_read_is_declined_and_the_child_lives(board, server, surroundings):
    moods = {1: moody.FAIL, 2: moody.LIE, 3: moody.SWELL}
    for task, mood in moods.items():
        board.post(task, blank(mood))
    board.post(4, b"\x89PNG\r\n\x1a\n and then nothing of use")
    board.post(5, blank())

    async with working(server, surroundings) as (cell, _):
        said = await asyncio.to_thread(board.wait_for, 5)
        deaths = cell.deaths

    assert said == dict.fromkeys(moods, "unreadable") | {4: "broken", 5: "40x20 universal"}
    assert deaths == 0


async def test_an_answer_that_does_not_fit_is_declined(board, server, surroundings):
    board.refused_values.add("40x20 universal")
    board.post(1, blank())

    async with working(server, surroundings):
        said = await asyncio.to_thread(board.wait_for, 1)

    assert said == {1: "unreadable"}


async def test_a_lease_whose_media_are_gone_is_left_alone(board, server, surroundings):
    board.post(1, None)
    board.post(2, blank())

    async with working(server, surroundings):
        said = await asyncio.to_thread(board.wait_for, 1)

    assert said == {2: "40x20 universal"}


async def test_the_worker_outlives_a_restart_of_the_server(board, server, surroundings):
    async with working(server, surroundings):
        board.post(1, blank())
        await asyncio.to_thread(board.wait_for, 1)
        server.end()
        board.closing = False
        await asyncio.sleep(0.3)
        again = Server(board, server.server_port)
        board.post(2, blank())
        said = await asyncio.to_thread(board.wait_for, 2)
    again.end()

    assert said == dict.fromkeys((1, 2), "40x20 universal")


async def test_a_revoked_token_ends_the_work(board, server, surroundings):
    board.revoked = True

    async with working(server, surroundings) as (_, task):
        with pytest.raises(Refused) as refusal:
            await task

    assert refusal.value.number == 401


async def test_a_solver_that_cannot_run_here_ends_the_work(server, surroundings):
    async with working(server, surroundings | {"MOODY_UNFIT": "no such weights"}) as (_, task):
        with pytest.raises(SolverUnavailable, match="no such weights"):
            await task


class Absent:
    """A service that is never there, and counts how often it is asked."""

    def __init__(self):
        self.asked = 0

    async def claim(self, kinds, max=1, wait=25.0) -> list[Lease]:  # noqa: A002
        self.asked += 1
        raise Unavailable("nobody listens")

    async def media(self, url) -> bytes:
        raise Unavailable("nobody listens")

    async def answer(self, lease, value, confidence=None, claim=None) -> Verdict:
        raise Unavailable("nobody listens")

    async def decline(self, lease, reason, claim=None) -> Verdict:
        raise Unavailable("nobody listens")


async def test_an_absent_service_is_asked_again_after_pauses_only(surroundings):
    desk, pauses = Absent(), []
    cell = Cell(solver="moody", environment=surroundings)

    async def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) >= 6:
            worker.stop()

    worker = Worker(desk, cell, sleep=sleep, lot=itertools.cycle([0.0, 0.5, 0.9]).__next__)
    await worker.work()

    assert set(pauses) == {0.5, 1.0, 1.4}
    assert desk.asked <= len(pauses) + 1


class OneLease:
    """A service with a single lease, whose time is as given."""

    def __init__(self, until):
        question = Question(kind="text", media=(Media(url="/m", type="image/png"),))
        self.leases = [Lease(lease="l", task=1, kind="text", until=until, question=question)]
        self.said = []
        self.claims = 0
        self.done_with = asyncio.Event()

    async def claim(self, kinds, max=1, wait=25.0):  # noqa: A002
        self.claims += 1
        if self.leases:
            return [self.leases.pop()]
        # Each lane claims once; whoever claims a third time is done with the lease.
        if self.claims > LANES:
            self.done_with.set()
        await asyncio.sleep(3600)
        return []

    async def media(self, url):
        return blank()

    async def answer(self, lease, value, confidence=None, claim=None):
        self.said.append(value)
        return Verdict(accepted=True)

    async def decline(self, lease, reason, claim=None):
        self.said.append(reason)
        return Verdict(accepted=True)


@pytest.mark.parametrize(
    ("until", "expected"),
    [(1_015.0, ["40x20 universal"]), (1_002.0, []), (900.0, ["40x20 universal"]), (9_999.0, ["40x20 universal"])],
    ids=["in time", "too late", "server's clock behind", "server's clock ahead"],
)
async def test_a_lease_is_solved_only_when_its_time_allows(surroundings, until, expected):
    desk = OneLease(until)
    cell = Cell(solver="moody", environment=surroundings)
    worker = Worker(desk, cell, clock=lambda: 1_000.0)
    task = asyncio.create_task(worker.work())
    await desk.done_with.wait()
    worker.stop()
    await task

    assert desk.said == expected


@contextmanager
def started(server, surroundings, *, token=TOKEN, with_parent=False):
    parent = "os.getppid()" if with_parent else None
    words = f"run(solver='moody', url={server.url!r}, token={token!r}, parent={parent})"
    line = (sys.executable, "-c", f"import os, sys; from answerdesk.solve.loop import run; sys.exit({words})")
    with subprocess.Popen(line, env=surroundings, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_sigterm_ends_the_process_and_its_child(board, server, surroundings):
    board.post(1, blank())
    with started(server, surroundings) as process:
        board.wait_for(1)
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=True
        ).stdout.split()
        process.send_signal(signal.SIGTERM)

        assert process.wait(20) == STOPPED
    assert len(children) == 1
    assert not Path("/proc", children[0]).exists()


def test_the_resident_process_imports_no_recogniser(server, surroundings):
    line = "import sys, answerdesk.solve.loop; print(sorted({'numpy', 'onnxruntime', 'PIL'} & set(sys.modules)))"
    said = subprocess.run((sys.executable, "-c", line), capture_output=True, text=True, check=True, env=surroundings)

    assert said.stdout.strip() == "[]"


def test_a_bad_token_is_told_in_one_sentence(server, surroundings):
    with started(server, surroundings, token="someone-elses") as process:
        _, said = process.communicate(timeout=30)

    assert process.returncode == NO_ENTRY
    assert said.endswith("worker moody: HTTP_401: this token is not known\n")


def test_an_unknown_solver_is_told_with_the_known_ones(capsys):
    assert run(solver="nobody", url="http://127.0.0.1:9", token=TOKEN) == NO_SOLVER

    assert capsys.readouterr().err.startswith('worker nobody: there is no solver named "nobody"; installed solvers: ')


def test_an_orphaned_worker_ends_when_it_was_asked_to(board, server, surroundings):
    words = f"run(solver='moody', url={server.url!r}, token={TOKEN!r}, parent=os.getppid())"
    parent = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import os; from answerdesk.solve.loop import run; {words}"])
print(child.pid, flush=True)
time.sleep(3600)
"""
    board.post(1, blank())
    with subprocess.Popen(
        (sys.executable, "-c", parent), env=surroundings, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        board.wait_for(1)
        process.kill()
    while _lives(worker):
        time.sleep(0.1)


def _lives(process):
    """Tell whether it runs; a zombie, which nobody may be left to collect, does not."""
    try:
        return Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
