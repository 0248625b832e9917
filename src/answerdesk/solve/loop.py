"""The machine worker: claims questions over the work API, has them solved in its child process, answers.

It speaks the verbs that people's workspaces speak. It imports no recogniser, so it stays small and lives
through whatever a picture does to the child.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import signal
import ssl
import sys
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

import msgspec

from answerdesk.solve import pipe
from answerdesk.solve.cell import Cell, Late
from answerdesk.solve.plugin import Hints, SolverUnavailable, SolverUnknown, find
from answerdesk_client import AnswerdeskError, AsyncWorkClient, Claim, Lease, Refused, Retry, Verdict

log = logging.getLogger("answerdesk.solve")

#: exit codes
STOPPED = 0
NO_SOLVER = 2
NO_ENTRY = 3

#: one fetches and answers over the network while the other's question is being solved
LANES = 2
#: seconds a machine's lease is good for, and what is kept back of it for the answer's way
LEASE = 15.0
WAY = 1.0
WAIT = 25.0
#: seconds between tries when the server is away, and when it says no to a claim
PAUSE = 1.0
#: seconds that questions in hand may still take once the worker is told to stop
FINISH = 2.5
#: how many tasks that broke a child are remembered
REMEMBERED = 10_000
UNAUTHORISED = 401
UNFITTING = 400


_T = TypeVar("_T")


#: marks a piece of work by name, with what is known of it when it ends, and by a traceparent what caused it
Span = Callable[[str, Mapping[str, str | int], str], AbstractContextManager[None]]


def _unwatched(_: str, __: Mapping[str, str | int], ___: str) -> AbstractContextManager[None]:
    return contextlib.nullcontext()


class _Stopped(Exception):
    """The worker was told to stop."""


class Desk(Protocol):
    """What the worker needs of the service; `AsyncWorkClient` is it."""

    async def claim(self, kinds: Iterable[str], max: int = 1, wait: float = WAIT) -> list[Lease]:  # noqa: A002
        ...

    async def answer(
        self, lease: Lease, value: object, confidence: float | None = None, claim: Claim | None = None
    ) -> Verdict: ...

    async def decline(self, lease: Lease, reason: str, claim: Claim | None = None) -> Verdict: ...

    async def media(self, url: str) -> bytes: ...


class Worker:
    """Claims, has solved, answers; until told to stop."""

    def __init__(
        self,
        desk: Desk,
        cell: Cell,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        lot: Callable[[], float] = random.random,
        span: Span = _unwatched,
    ) -> None:
        self._span = span
        self._desk = desk
        self._cell = cell
        self._clock = clock
        self._sleep = sleep
        self._lot = lot
        self._stop = asyncio.Event()
        self._poisoned: OrderedDict[int, None] = OrderedDict()

    def stop(self) -> None:
        """Claim nothing more; what is in hand is finished if it is quick."""
        self._stop.set()

    async def work(self) -> None:
        """Work until told to stop; raises when the token or the solver is no good."""
        lanes = [asyncio.create_task(lane) for lane in (self._fit(), *(self._lane() for _ in range(LANES)))]
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([*lanes, stopping], return_when=asyncio.FIRST_COMPLETED)
            if self._stop.is_set():
                await asyncio.wait(lanes, timeout=FINISH)
        finally:
            for task in (stopping, *lanes):
                task.cancel()
            ends = await asyncio.gather(*lanes, return_exceptions=True)
            await self._cell.close()
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _fit(self) -> None:
        """Learn that the solver cannot run here before a question has to wait for it."""
        with contextlib.suppress(_Stopped):
            await self._unless_stopped(self._cell.ready())
            await self._stop.wait()

    async def _lane(self) -> None:
        leases: list[Lease] = []
        while not self._stop.is_set():
            try:
                kinds = (await self._unless_stopped(self._cell.up())).kinds
                leases = leases or await self._unless_stopped(self._desk.claim(kinds, max=1, wait=WAIT))
                while leases:
                    lease, *leases = leases
                    leases += await self._serve(lease, kinds)
            except _Stopped:
                return
            except AnswerdeskError as error:
                _unless_unauthorised(error)
                log.warning("the service cannot be worked for just now: %s", error)
                await self._pause()

    async def _serve(self, lease: Lease, kinds: tuple[str, ...]) -> list[Lease]:
        """Solve one lease and say the outcome; returns what the same trip claimed."""
        left = self._left(lease)
        try:
            outcome = await self._solved(lease, left)
        except Late:
            log.warning("task %d was left to others: its time ran out", lease.task)
            return []
        except Refused as error:
            # The lease or its media are gone; nobody waits for a word from us.
            _unless_unauthorised(error)
            log.info("task %d was left to others: %s", lease.task, error)
            return []
        then = None if self._stop.is_set() else Claim(kinds=kinds, max=1, wait=0)
        return (await self._said(lease, outcome, then)).leases

    async def _solved(self, lease: Lease, left: float) -> pipe.Outcome:
        if lease.task in self._poisoned:
            return pipe.Broken(reason="it broke a child process before")
        loop = asyncio.get_running_loop()
        until = loop.time() + left
        try:
            async with asyncio.timeout(left):
                media = [
                    pipe.Medium(type=medium.type, data=await self._desk.media(medium.url))
                    for medium in lease.question.media
                ]
        except TimeoutError:
            raise Late from None
        hints = Hints.from_question(msgspec.to_builtins(lease.question))
        job = pipe.Job(kind=lease.kind, media=tuple(media), hints=hints, seconds=self._cell.limits.soft)
        known: dict[str, str | int] = {"answerdesk.kind": lease.kind}
        with self._span("solve", known, lease.trace):
            outcome = await self._cell.solve(job, until - loop.time())
            known["answerdesk.outcome"] = type(outcome).__name__.lower()
        if isinstance(outcome, pipe.Broken):
            self._remember(lease.task)
            log.warning("task %d is broken: %s", lease.task, outcome.reason)
        return outcome

    async def _said(self, lease: Lease, outcome: pipe.Outcome, then: Claim | None) -> Verdict:
        match outcome:
            case pipe.Solved(value=value, confidence=confidence):
                try:
                    return await self._desk.answer(lease, value, confidence, then)
                except Refused as error:
                    if error.number != UNFITTING:
                        raise
                    log.warning("task %d: the answer does not fit the question: %s", lease.task, error)
                    return await self._desk.decline(lease, "unreadable", then)
            case pipe.Abstained():
                return await self._desk.decline(lease, "unreadable", then)
            case pipe.Broken():
                return await self._desk.decline(lease, "broken", then)

    def _left(self, lease: Lease) -> float:
        left = lease.until - self._clock()
        # The two clocks disagree when the lease seems over at once, or longer than any is given.
        return (left if 0 < left <= LEASE else LEASE) - WAY

    def _remember(self, task: int) -> None:
        self._poisoned[task] = None
        if len(self._poisoned) > REMEMBERED:
            self._poisoned.popitem(last=False)

    async def _pause(self) -> None:
        with contextlib.suppress(_Stopped):
            await self._unless_stopped(self._sleep(PAUSE * (0.5 + self._lot())))

    async def _unless_stopped(self, awaitable: Awaitable[_T]) -> _T:
        """Await something, or raise as soon as the worker is told to stop."""
        waiting = asyncio.ensure_future(awaitable)
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait([waiting, stopping], return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
            raise _Stopped
        finally:
            for task in (waiting, stopping):
                task.cancel()
            await asyncio.gather(waiting, stopping, return_exceptions=True)


def run(
    *, solver: str, url: str, token: str, name: str | None = None, parent: int | None = None,
    tls: ssl.SSLContext | None = None, span: Span = _unwatched,
) -> int:  # fmt: skip
    """Work until SIGTERM or SIGINT, or until process `parent` is this one's parent no more; returns an exit code."""
    try:
        find(solver)
        asyncio.run(_run(solver, url, token, parent, tls, span))
    except (SolverUnknown, SolverUnavailable, ValueError) as error:
        return _failed(name or solver, error, NO_SOLVER)
    except Refused as error:
        return _failed(name or solver, error, NO_ENTRY)
    return STOPPED


async def _run(solver: str, url: str, token: str, parent: int | None, tls: ssl.SSLContext | None, span: Span) -> None:
    cell = Cell(solver=solver)
    # The child imports and loads while this process is still connecting.
    starting = asyncio.create_task(cell.up())
    await asyncio.sleep(0)
    # A lost reply is asked for again as long as a lease lasts; past that the loop itself goes on trying.
    async with AsyncWorkClient(url, token, tls=tls, retry=Retry(patience=LEASE)) as desk:
        worker = Worker(desk, cell, span=span)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        watching = asyncio.create_task(_orphaned(parent, worker.stop)) if parent is not None else None
        try:
            await worker.work()
        finally:
            for task in (starting, watching):
                if task is not None:
                    task.cancel()


async def _orphaned(parent: int, stop: Callable[[], None]) -> None:
    while os.getppid() == parent:  # noqa: ASYNC110  only the kernel knows, and it sends no event
        await asyncio.sleep(0.5)
    stop()


def _failed(name: str, error: Exception, code: int) -> int:
    sys.stderr.write(f"worker {name}: {error}\n")
    return code


def _unless_unauthorised(error: AnswerdeskError) -> None:
    if isinstance(error, Refused) and error.number == UNAUTHORISED:
        raise error
