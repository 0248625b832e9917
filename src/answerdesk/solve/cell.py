"""The worker's side of its one child process: started, asked one question at a time, killed when it hangs, replaced.

A question that kills the child is answered `Broken` and never asked again by anybody here; the next
question meets a new child.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from answerdesk.solve import pipe
from answerdesk.solve.plugin import SolverUnavailable

log = logging.getLogger("answerdesk.solve")


class Late(Exception):
    """There is not enough time left to ask."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the child is allowed; all times in seconds."""

    #: a solver is asked to abstain after this
    soft: float = 2.0
    #: the child is killed after this
    hard: float = 10.0
    #: a question is not begun with less time than this
    least: float = 2.5
    #: loading a solver from a cold disk
    load: float = 60.0
    #: the longest pause before another child is started
    pause: float = 30.0
    #: bytes of address space
    memory: int = 2 << 30


@dataclass(slots=True, eq=False)
class _Child:
    process: Process
    hello: pipe.Hello
    #: done when the child has loaded its solver
    loading: asyncio.Task[pipe.FromChild]


@dataclass(slots=True, kw_only=True, eq=False)
class Cell:
    """Holds one child process at a time."""

    solver: str
    limits: Limits = field(default_factory=Limits)
    environment: Mapping[str, str] | None = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    lot: Callable[[], float] = random.random
    #: children that died or were killed
    deaths: int = 0
    _failures: int = 0
    _child: _Child | None = None
    _birth: asyncio.Task[_Child] | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def process(self) -> int | None:
        """The id of the child's process; None while there is none."""
        living = self._child is not None and self._child.process.returncode is None
        return self._child.process.pid if living and self._child else None

    async def up(self) -> pipe.Hello:
        """Have a child that knows its solver, after a pause when the last ones died; it may still be loading."""
        return (await self._living()).hello

    async def ready(self) -> None:
        """Have a child that has loaded its solver; raises `SolverUnavailable` when there can be none."""
        async with self._turn:
            await self._loaded(None)

    async def solve(self, job: pipe.Job, left: float) -> pipe.Outcome:
        """Ask the child, which has `left` seconds at most; raises `Late` when it can no longer be asked."""
        clock = asyncio.get_running_loop().time
        until = clock() + left
        try:
            async with asyncio.timeout(left - self.limits.least):
                await self._turn.acquire()
        except TimeoutError:
            raise Late from None
        try:
            child = await self._loaded(until - self.limits.least)
            return await self._ask(child, job, min(self.limits.hard, until - clock()))
        finally:
            self._turn.release()

    async def close(self) -> None:
        """End the child."""
        if self._birth is not None:
            self._birth.cancel()
            await asyncio.gather(self._birth, return_exceptions=True)
        if self._child is not None:
            await self._kill(self._child, "the worker ends", failed=False)

    async def _ask(self, child: _Child, job: pipe.Job, seconds: float) -> pipe.Outcome:
        try:
            async with asyncio.timeout(seconds):
                said = await _told(child.process, pipe.framed(job))
        except TimeoutError:
            await self._kill(child, f"no answer within {seconds:.1f} s")
            return pipe.Broken(reason="reading it took too long")
        except (EOFError, OSError, pipe.BadFrame) as error:
            await self._kill(child, f"while solving: {error}")
            return pipe.Broken(reason="the solver died of it")
        except asyncio.CancelledError:
            # Its answer would be taken for the next question's.
            await asyncio.shield(self._kill(child, "the question was given up", failed=False))
            raise
        if not isinstance(said, pipe.Solved | pipe.Abstained | pipe.Broken):
            await self._kill(child, f"{type(said).__name__} is no outcome")
            return pipe.Broken(reason="the solver said something else")
        self._failures = 0
        return said

    async def _living(self) -> _Child:
        if self._child is not None and self._child.process.returncode is not None:
            await self._kill(self._child, "while idle")
        if self._child is not None:
            return self._child
        if self._birth is None or self._birth.done():
            self._birth = asyncio.create_task(self._born())
        # Whoever waits may give up; the child comes all the same.
        return await asyncio.shield(self._birth)

    async def _loaded(self, until: float | None) -> _Child:
        """Wait for a child that can be asked; raises `Late` when there is none by then."""
        while True:
            try:
                async with asyncio.timeout_at(until):
                    child = await self._living()
                    await asyncio.wait([child.loading])
            except TimeoutError:
                raise Late from None
            try:
                said = child.loading.result()
            except (TimeoutError, EOFError, OSError, pipe.BadFrame) as error:
                await self._kill(child, f"it could not load: {error!r}")
                continue
            if isinstance(said, pipe.Ready):
                return child
            await self._kill(child, "it cannot run here")
            why = said.reason if isinstance(said, pipe.Unfit) else f"it said {type(said).__name__} when loading"
            raise SolverUnavailable(f"the solver {self.solver} cannot run here: {why}")

    async def _born(self) -> _Child:
        while True:
            if self._failures > 1:
                await self.sleep(self._pause())
            process = await self._started()
            try:
                async with asyncio.timeout(self.limits.load):
                    hello = await _heard(process)
            except (TimeoutError, EOFError, OSError, pipe.BadFrame) as error:
                self._failures += 1
                await self._ended(process, f"it did not start: {error!r}")
                continue
            except asyncio.CancelledError:
                await asyncio.shield(self._ended(process, "the worker ends"))
                raise
            if not isinstance(hello, pipe.Hello):
                await self._ended(process, "it did not greet")
                raise SolverUnavailable(f"the solver {self.solver} greeted with {type(hello).__name__}")
            self._child = _Child(process, hello, asyncio.create_task(self._heard_in_time(process)))
            return self._child

    async def _started(self) -> Process:
        environment = dict(self.environment if self.environment is not None else os.environ)
        # One question at a time on one core: pools of threads would only cost memory.
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        words = (sys.executable, "-P", "-m", "answerdesk.solve.child", self.solver, str(self.limits.memory))
        return await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE, env=environment)

    async def _heard_in_time(self, process: Process) -> pipe.FromChild:
        async with asyncio.timeout(self.limits.load):
            return await _heard(process)

    async def _kill(self, child: _Child, why: str, *, failed: bool = True) -> None:
        if self._child is child:
            self._child = None
        self._failures += failed
        child.loading.cancel()
        await asyncio.gather(child.loading, return_exceptions=True)
        await self._ended(child.process, why)

    async def _ended(self, process: Process, why: str) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        status = await process.wait()
        self.deaths += 1
        log.info("solver %s: the child process %d ended (%s): %s", self.solver, process.pid, status, why)

    def _pause(self) -> float:
        return min(self.limits.pause, 0.25 * 2.0 ** min(self._failures, 20)) * (0.5 + self.lot() / 2)


async def _told(process: Process, frame: bytes) -> pipe.FromChild:
    assert process.stdin is not None
    process.stdin.write(frame)
    await process.stdin.drain()
    return await _heard(process)


async def _heard(process: Process) -> pipe.FromChild:
    assert process.stdout is not None
    head = await process.stdout.readexactly(pipe.HEAD)
    return pipe.from_child(await process.stdout.readexactly(pipe.length(head)))
