"""The child process that decodes and solves: `python -m answerdesk.solve.child SOLVER BYTES`, spoken to over its pipes.

It may crash, hang or swell without harm to anybody: its memory is bounded, it dumps no core, and it ends
when the worker does.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
import threading
import time
from queue import SimpleQueue
from typing import BinaryIO

from answerdesk.solve import pipe, plugin
from answerdesk.solve.picture import Undecodable, decode

log = logging.getLogger("answerdesk.solve")


def main(name: str, memory: int) -> int:
    """Load a solver and solve until the worker is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the worker's to handle
    confine(memory)
    jobs, answers = _pipes()
    queue: SimpleQueue[pipe.Job] = SimpleQueue()
    threading.Thread(target=_listen, args=(jobs, queue), daemon=True).start()
    solver = plugin.make(name)
    _say(answers, pipe.Hello(solver=solver.name, version=solver.version, kinds=tuple(solver.kinds)))
    fit, why = solver.available()
    if not fit:
        _say(answers, pipe.Unfit(reason=why))
        return 1
    solver.load()
    _say(answers, pipe.Ready())
    while True:
        _say(answers, work(solver, queue.get()))


def confine(memory: int) -> None:
    """Bound this process's memory and forbid core dumps, which would keep customers' pictures on disk."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (memory if most == resource.RLIM_INFINITY else min(memory, most), most))


def work(solver: plugin.Solver, job: pipe.Job) -> pipe.Outcome:
    """Decode and solve one question; whatever goes wrong in a solver is an abstention."""
    deadline = time.monotonic() + job.seconds
    try:
        media = tuple(_opened(medium) for medium in job.media)
    except Undecodable as error:
        return pipe.Broken(reason=str(error))
    item = plugin.Item(kind=job.kind, media=media, hints=job.hints)
    try:
        outcome = plugin.checked(solver.solve([item], deadline), 1)[0]
    except Exception:
        log.exception("the solver failed on a question and goes on")
        return pipe.Abstained(reason="the solver failed")
    match outcome:
        case plugin.Answer(value=value, confidence=confidence):
            return pipe.Solved(value=value, confidence=confidence)
        case plugin.Abstain(reason=reason):
            return pipe.Abstained(reason=reason)


def _opened(medium: pipe.Medium) -> plugin.Media:
    picture = decode(medium.data) if medium.type.startswith("image/") else None
    return plugin.Media(type=medium.type, data=medium.data, picture=picture)


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the pipes for ourselves: what a library prints goes to the error stream, not into a frame."""
    jobs = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return jobs, answers


def _listen(jobs: BinaryIO, queue: SimpleQueue[pipe.Job]) -> None:
    while (job := pipe.read_job(jobs)) is not None:
        queue.put(job)
    # The worker is gone, and the solver may be deep in foreign code: nothing is left to tidy up.
    os._exit(0)


def _say(answers: BinaryIO, message: pipe.FromChild) -> None:
    answers.write(pipe.framed(message))
    answers.flush()


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s")
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
