"""Group commit on PostgreSQL: while one batch of verbs is decided and committed, the next collects.
Rule: a caller hears of its verb after the commit is durable, or that nothing was written; what failed by chance is run
again, and one bad verb fails nobody else."""

from __future__ import annotations

import asyncio
import contextvars
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import psycopg

from answerdesk.desk.ports import NO_CHANGES, Changes, Clock, Heard, House, Needs, Rows, Unavailable, Verb
from answerdesk.model.account import Millis
from answerdesk.model.task import Permutation
from answerdesk.store.callers import LINGER, TURNS, Callers, Waiting, give, refuse
from answerdesk.store.transaction import Unit
from answerdesk.store.trips import Connection
from answerdesk.store.writer import Doubt, Writer, cut_after

#: No version of the house: whatever it is, it is news.
_UNKNOWN: Final = -1
#: Verbs in one unit: more would only lengthen the wait of the first.
BATCH: Final = 128
#: Those of them that look for work.
HUNTS: Final = 16
#: How many wait where those of a unit that is durable hear of it only while the next one commits: they come back with
#: more, which is then read while the database is at work and not while it has nothing to do.
CROWD: Final = BATCH // 2
#: How often a unit that failed by chance is run again, and how long it waits before, at most, at first.
TRIES: Final = 5
REST: Final = 0.01
#: A deadlock, two units that cannot both stand, a lock that somebody held for too long: another time all is well.
BY_CHANCE: Final = frozenset({"40P01", "40001", "55P03"})
#: The server goes, or no longer takes writes: a new connection may find another that does.
GOING: Final = frozenset({"57P01", "57P02", "57P03", "25P03", "25006"})


class _Beat:
    """A verb that writes nothing but that its node is there."""

    needs = Needs()

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, None]:
        """Decide nothing."""
        del rows, now
        return NO_CHANGES, None


class _Broken(psycopg.OperationalError):
    """The connection broke, and nothing of its unit was written."""


def _by_chance(error: Exception) -> bool:
    """Tell whether the same unit may go well another time."""
    return isinstance(error, _Broken) or (isinstance(error, psycopg.Error) and error.sqlstate in BY_CHANCE)


def _apart(batch: list[Waiting]) -> Iterator[list[Waiting]]:
    """Take verbs that look for work apart: they ask one after the other, and lock no rows of others meanwhile."""
    looks = {id(waiting): _looks(waiting[0]) for waiting in batch}
    if others := [waiting for waiting in batch if not looks[id(waiting)]]:
        yield others
    looking = [waiting for waiting in batch if looks[id(waiting)]]
    for start in range(0, len(looking), HUNTS):
        yield looking[start : start + HUNTS]


def _looks(verb: Verb[Any]) -> bool:
    try:
        return verb.needs.hunt is not None
    except Exception:  # noqa: BLE001 - its own trouble, told to its caller when it runs
        return False


class Pipeline:
    """One writer, its queue of verbs, and what is remembered between units."""

    def __init__(self, writer: Writer, house: House, version: int, clock: Clock | None, ids: Permutation) -> None:
        """Take the writer, and the house with its version as they were read at opening."""
        self._ids = ids
        self._writer = writer
        self._clock = clock
        self.house = house
        self._version = version
        self.callers = Callers()
        #: Told what this node wrote, for other nodes to hear.
        self.announce: Callable[[Heard], None] = lambda _: None
        self._working: asyncio.Task[None] | None = None
        self._closed = False
        self._trouble: str | None = None
        #: Whether a unit was not durable in time, and none was since.
        self._stalled = False
        writer.left = self._turn_away
        #: A batch is nobody's own: what is logged of it names none of its callers.
        self._context = contextvars.Context()
        #: Tells of a unit that is durable.
        self._late: Callable[[], None] | None = None
        #: When the unit under way began, had gathered, and had decided.
        self._times = (0.0, 0.0, 0.0)

    @property
    def trouble(self) -> str | None:
        """Why nothing can be promised now, None where all is well."""
        return self._writer.trouble or self._trouble

    def queue(self, verb: Verb[Any]) -> asyncio.Future[Any]:
        """Queue a verb; what it comes to is told once it is durable."""
        if self._closed:
            msg = "the store is closed"
            raise Unavailable(msg)
        if self._writer.away or (self._stalled and not isinstance(verb, _Beat)):
            raise Unavailable(f"{self.trouble}")
        outcome = self.callers.add(verb)
        loop = asyncio.get_running_loop()
        if self._working is None or self._working.done() or self._working.get_loop() is not loop:
            self._working = loop.create_task(self._work(), context=self._context)
        return outcome

    async def recover(self) -> None:
        """Try a write while the last one failed."""
        if self.trouble is not None and not self._writer.away:
            await self.queue(_Beat())

    def learn(self, house: House, version: int) -> None:
        """Take in what another node made of the house."""
        news = version != self._version
        if version >= self._version:
            self.house, self._version = house, version
        if news:
            self.callers.tell(Heard(settings=True))

    def _turn_away(self) -> None:
        self.callers.turn_away(Unavailable(f"{self._writer.trouble}"))

    async def _work(self) -> None:
        while len(self.callers):
            end = time.monotonic() + LINGER
            for _ in range(TURNS):
                if len(self.callers) < BATCH and time.monotonic() < end:
                    await asyncio.sleep(0)
            for batch in _apart(self.callers.batch(BATCH)):
                try:
                    await self._run(batch)
                finally:
                    if len(self.callers) < CROWD:
                        self._tell_late()

    async def _run(self, batch: list[Waiting]) -> None:
        """Run a batch until it is durable or refused; what fails in company is run verb by verb."""
        for tries in range(TRIES):
            try:
                await self._unit(batch, alone=False)
            except Unavailable as error:
                self._fail(batch, error)
                return
            except Exception as error:  # noqa: BLE001 - the driver's, or a value that no column can hold
                if _by_chance(error) and tries < TRIES - 1:
                    # Two units that met once must not meet again in step.
                    await asyncio.sleep(random.uniform(0, REST * 2**tries))  # noqa: S311
                    continue
                if len(batch) == 1:
                    self._fail(batch, error)
                    return
                break
            else:
                return
        for waiting in batch:
            await self._run([waiting])

    async def _unit(self, batch: list[Waiting], *, alone: bool) -> None:
        """Run a batch in one transaction; alone among those who change the house, once it is seen to change it."""
        connection = await self._writer.connection()
        unit = Unit(self._writer.trips, self._writer.columns, self.house, self._clock, self._ids)
        outcomes: list[Any] = []
        again = False
        try:
            with cut_after(connection, self._writer.patience.unit, self._stall):
                outcomes = await self._decide(unit, batch, alone=alone)
                again = unit.touches_house and not alone
                if again or not (unit.changes or self._trouble):
                    await connection.rollback()
                else:
                    asyncio.get_running_loop().call_soon(self._tell_late)
                    await unit.commit()
        except BaseException as error:
            await self._clear(connection, error)
            if not connection.closed or not isinstance(error, Exception):
                raise
            if not (unit.ending and await self._was_committed(unit)):
                raise _Broken(f"the connection broke: {str(error).strip()}") from error
        if again:
            await self._unit(batch, alone=True)
        else:
            self._finish(batch, unit, outcomes)

    def _stall(self) -> None:
        """Let nobody queue behind a commit that does not come to an end, until one does."""
        self._stalled, self._trouble = True, "the database does not commit: it may wait for a standby that is away"
        self.callers.turn_away(Unavailable(self._trouble))

    async def _was_committed(self, unit: Unit) -> bool:
        """Ask how a unit ended; where nobody can tell, let nothing be remembered that it may have changed."""
        try:
            return await self._writer.ended(unit.number)
        except Doubt:
            self._version = _UNKNOWN
            self.callers.tell(Heard(settings=True, erased=unit.heard().erased, missed=True))
            raise

    async def _decide(self, unit: Unit, batch: list[Waiting], *, alone: bool) -> list[Any]:
        """Decide each verb on the rows as the verbs before it leave them."""
        began = time.monotonic()
        self._times = (began, began, began)
        needs = [verb.needs for verb, _ in batch]
        unit.begin(self._writer.node, needs, alone=alone)
        await unit.gather(needs, self._version)
        gathered = time.monotonic()
        outcomes: list[Any] = []
        for (verb, _), need in zip(batch, needs, strict=True):
            if need.hunt:
                self._tell_late()
                await unit.hunt(need.hunt)
            outcomes.append(unit.decide(verb, alone=len(batch) == 1))
        self._times = (began, gathered, time.monotonic())
        return outcomes

    def _tell_late(self) -> None:
        late, self._late = self._late, None
        if late is not None:
            late()

    async def _clear(self, connection: Connection, error: BaseException) -> None:
        """Leave nothing of a unit that failed on the connection."""
        self._tell_late()
        going = isinstance(error, psycopg.Error) and error.sqlstate in GOING
        try:
            if going or not isinstance(error, Exception):
                connection.pgconn.finish()
            elif not connection.closed:
                await connection.rollback()
        except psycopg.Error:
            connection.pgconn.finish()

    def _finish(self, batch: list[Waiting], unit: Unit, outcomes: list[Any]) -> None:
        self._trouble, self._stalled = None, False
        news = unit.found != self._version
        if unit.version >= self._version:
            self.house, self._version = unit.rows.house, unit.version
        self.callers.tell_watch(batch, *self._times, failed=False)
        if news:
            self.callers.tell(Heard(settings=True))
        self._tell_late()
        self._late = partial(self._tell, batch, unit, outcomes)

    def _tell(self, batch: list[Waiting], unit: Unit, outcomes: list[Any]) -> None:
        if unit.changes:
            heard = unit.heard()
            self.callers.tell(heard)
            self.announce(heard)
        give(batch, outcomes)

    def _fail(self, batch: list[Waiting], error: BaseException) -> None:
        self.callers.tell_watch(batch, *self._times, failed=True)
        if isinstance(error, psycopg.Error):
            reason = str(error).strip() or type(error).__name__
            # A rule of the schema that one verb broke is that verb's trouble, not the store's.
            if not isinstance(error, (psycopg.IntegrityError, psycopg.DataError)):
                self._trouble = reason
            error = Unavailable(f"the store could not commit: {reason}")
        refuse(batch, error)

    def close(self) -> None:
        """Turn away who waits, and close at once."""
        self._closed = True
        self.callers.turn_away(Unavailable("the store is closing"))
        if self._working is not None and not self._working.done() and not self._working.get_loop().is_closed():
            self._working.cancel()
        self._writer.close()

    async def aclose(self) -> None:
        """Finish the unit under way and close."""
        self._closed = True
        self.callers.turn_away(Unavailable("the store is closing"))
        if self._working is not None and self._working.get_loop() is asyncio.get_running_loop():
            await asyncio.wait([self._working])
        self.close()
