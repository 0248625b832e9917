"""The work API: the one door for people and machines, by bearer token.
Rule: a claim that finds nothing waits; it is woken by new work, and looks again every second by itself."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog

from answerdesk.api.admission import Admission
from answerdesk.api.http import CALLED, NO_FAULT, Answer, Header, Message, Receive, Scope
from answerdesk.api.pictures import Darkroom, Undecodable
from answerdesk.api.series import EARLIER, earlier_of
from answerdesk.api.waiting import WaitingRoom
from answerdesk.desk import holding, work
from answerdesk.desk.crew import MANY, Crew
from answerdesk.desk.ports import Clock, Names, Store, Unavailable
from answerdesk.model.account import DAY_MS, Millis, Sequence
from answerdesk.model.answer import Decline, Lapse, Lease
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.question import WORK_KINDS, Question
from answerdesk.model.solver import Solver
from answerdesk.model.task import Permutation, Task
from answerdesk.wire.me import Day, write_me
from answerdesk.wire.openapi import openapi
from answerdesk.wire.work import (
    AnswerCall,
    ClaimCall,
    DeclineCall,
    Given,
    HeldJson,
    held_json,
    read_answer,
    read_claim,
    read_decline,
    read_lease,
    read_release,
    write_held,
    write_leases,
    write_problem,
    write_released,
    write_undone,
    write_verdict,
)

log = structlog.get_logger()

#: How often a waiting claim looks by itself: a lease that ran out is claimable without any event.
LOOK_SECONDS: Final = 1.0
NO_EARLIER: Final = "there is no earlier picture: none is named, it is not kept any more, or the lease has ended"
_RETRY: Final[tuple[Header, ...]] = ((b"retry-after", b"5"),)
#: Media come from strangers: never rendered as a page, never kept, never guessed at.
_MEDIA_HEADERS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"content-disposition", b"attachment"),
    (b"cache-control", b"private, no-store"),
)
_STATUS: Final = {Fault.NO_SUCH_CAPCHA_ID: 404}
_UNSERVED: Final = (
    "the work API serves POST claim, answer, decline, show, keep, extend, release and undo,"
    " and GET me and media/LEASE/INDEX"
)


Said = work.Answer | work.GiveBack


class WorkApi:
    """Serves what solvers do with leases, and the media under them."""

    def __init__(  # noqa: PLR0913 - each a part of the house
        self, *, store: Store, admission: Admission, room: WaitingRoom, ids: Permutation, names: Names, clock: Clock,
        darkroom: Darkroom, crew: Crew, origin: Callable[[Sequence], str] = lambda _: "",
    ) -> None:  # fmt: skip
        """Take the desk, the room where claims wait, and who knows which traced request made a task."""
        self._origin = origin
        self._store = store
        self._admission = admission
        self._room = room
        self._ids = ids
        self._names = names
        self._clock = clock
        self._darkroom = darkroom
        self._crew = crew
        self._posts: dict[str, Callable[[Solver, bytes, Receive], Awaitable[Answer]]] = {
            "claim": self._claim,
            "answer": self._answer,
            "decline": self._decline,
            "show": functools.partial(self._hold, holding.Show),
            "keep": functools.partial(self._hold, holding.Keep),
            "extend": functools.partial(self._hold, holding.Extend),
            "release": self._release,
            "undo": self._undo,
        }

    async def serve(self, path: str, scope: Scope, body: bytes, receive: Receive) -> Answer:
        """Answer one call; `path` is what follows ``/api/work/``, `receive` tells when the caller is gone."""
        verb = scope["method"]
        called = path if path in self._posts or path == "me" else "media" if path.startswith("media/") else "work"
        scope[CALLED] = (called, "work", NO_FAULT)
        if path == "openapi.json" and verb == "GET":
            return Answer(document())
        try:
            # Who calls is read of the store, too.
            solver = await self._admission.solver(scope)
            if isinstance(solver, Answer):
                return solver
            if path == "me" and verb == "GET":
                return await self._me(solver)
            if path.startswith("media/") and verb == "GET":
                return await self._media(solver, path.removeprefix("media/"))
            post = self._posts.get(path)
            if post is None or verb != "POST":
                return _problem(404, _UNSERVED)
            return await post(solver, body, receive)
        except Refusal as refusal:
            scope[CALLED] = (called, "work", str(refusal.fault))
            return _problem(_STATUS.get(refusal.fault, 400), refusal.detail)
        except Unavailable as away:
            log.warning("store_unavailable", method=path, why=str(away))
            return _problem(503, "the service is unavailable; try again in 5 seconds", _RETRY)

    async def _me(self, solver: Solver) -> Answer:
        """Tell a solver of its day; whatever was done, every part costs the same."""
        now, crew = self._clock.now(), self._crew
        hunt = work.Claim(solver=solver, kinds=WORK_KINDS, names=()).hunt
        day = Day(
            done=await crew.answered_since(solver.id, Millis(now - now % DAY_MS)),
            accuracy=(await crew.standing(solver.id)).accuracy,
            earned=(await crew.wages(solver.id, now)).today,
            waiting=await crew.waiting(msgspec.structs.replace(hunt, most=MANY), now),
        )
        return Answer(write_me(solver, day))

    async def _claim(self, solver: Solver, body: bytes, receive: Receive) -> Answer:
        return Answer(write_leases(await self._leases(solver, read_claim(body), receive)))

    async def _answer(self, solver: Solver, body: bytes, receive: Receive) -> Answer:
        call = read_answer(body)
        verb = work.Answer(solver=solver, lease=call.lease, value=call.value, confidence=call.confidence)
        return await self._said(verb, call, receive)

    async def _decline(self, solver: Solver, body: bytes, receive: Receive) -> Answer:
        call = read_decline(body)
        if call.reason is Decline.BROKEN and solver.machine:
            await self._spoil_if_undecodable(solver, call.lease)
        verb = work.GiveBack(solver=solver, lease=call.lease, reason=call.reason)
        return await self._said(verb, call, receive)

    async def _said(self, verb: Said, call: AnswerCall | DeclineCall, receive: Receive) -> Answer:
        """Run an answer or decline, what is shown after it and the next claim in one unit; a refusal leaves nothing."""
        solver, claim = verb.solver, call.claim
        turn = holding.Turn(said=verb, show=call.shown, claim=self._claim_of(solver, claim) if claim else None)
        done = await self._store.run(turn)
        shown = _shown(call.shown, done.shown) if call.shown is not None else None
        given = await self._legible(solver, done.given)
        if claim is not None and not given and (claim.wait or done.given):
            # What was said stands, whatever becomes of the waiting.
            with contextlib.suppress(Unavailable):
                given = await self._leases(solver, claim, receive)
        return Answer(write_verdict(done.verdict, given, shown))

    async def _hold(
        self, verb: type[holding.Show | holding.Keep | holding.Extend], solver: Solver, body: bytes, _: Receive
    ) -> Answer:
        token = read_lease(body).lease
        return Answer(write_held(_shown(token, await self._store.run(verb(solver=solver, lease=token)))))

    async def _release(self, solver: Solver, body: bytes, _: Receive) -> Answer:
        leases = read_release(body).leases
        return Answer(write_released(await self._store.run(holding.Release(solver=solver, leases=leases))))

    async def _undo(self, solver: Solver, body: bytes, _: Receive) -> Answer:
        held = await self._store.run(holding.Undo(solver=solver, lease=read_lease(body).lease))
        (given,) = await self._legible(solver, [(held.lease, held.task)]) or (None,)
        return Answer(write_undone(held.why or given or Lapse.SETTLED))

    def _claim_of(self, solver: Solver, call: ClaimCall) -> work.Claim:
        names = tuple(self._names.secret() for _ in range(call.max))
        kinds = call.kinds or WORK_KINDS
        return work.Claim(solver=solver, kinds=kinds, names=names, reserve=call.reserve, ids=self._ids)

    async def _leases(self, solver: Solver, call: ClaimCall, receive: Receive) -> list[Given]:
        until = self._clock.monotonic() + call.wait
        kinds = call.kinds or WORK_KINDS
        gone: asyncio.Future[Message] | None = None
        sent_home = self._room.sent_home
        try:
            while True:
                untaken = self._room.untaken(kinds)
                found = await self._store.run(self._claim_of(solver, call))
                given = await self._legible(solver, found)
                if found and not given:
                    # What could not be read has ended; the next may be read.
                    continue
                left = until - self._clock.monotonic()
                if given or left <= 0 or self._room.closed or self._room.sent_home != sent_home:
                    return given
                if self._room.untaken(kinds) != untaken:
                    # A task of the same commit may have come behind the claim.
                    continue
                gone = gone or asyncio.ensure_future(receive())
                await self._room.wait(solver, kinds, min(left, LOOK_SECONDS), gone)
                if gone.done():
                    # Nobody is there to hear of a lease.
                    return []
        finally:
            if gone is not None:
                gone.cancel()

    async def _given(self, solver: Solver, lease: Lease, task: Task, question: Question) -> Given:
        """Give a lease with its question, and the earlier picture of its series if there is one to see."""
        earlier = await earlier_of(self._store, self._ids, solver, task) if question.options.previous else None
        shown = earlier[0] if earlier else None
        trace = self._origin(task.n) if solver.machine else ""
        return Given(lease=lease, task=self._ids.show(task.n), question=question, earlier=shown, trace=trace)

    async def _legible(self, solver: Solver, found: list[tuple[Lease, Task]]) -> list[Given]:
        """Give leases to their holder; a task whose question cannot be read any more ends at once."""
        given = []
        for lease, task in found:
            if (question := task.legible()) is not None:
                given.append(await self._given(solver, lease, task, question))
                continue
            log.error("question_unreadable", task=self._ids.show(task.n), n=task.n)
            await self._store.run(work.Spoil(lease=lease.token))
        return given

    async def _media(self, solver: Solver, path: str) -> Answer:
        """Give the bytes under a lease: the original to machines, a copy made anew without metadata to people."""
        token, _, number = path.partition("/")
        lease = await self._store.lease(token)
        if lease is not None and lease.solver == solver.id and number == EARLIER:
            return await self._earlier(solver, lease)
        if lease is None or lease.solver != solver.id or not number.isascii() or not number.isdigit():
            return _problem(404, work.UNKNOWN_LEASE)
        task = await self._store.task(lease.task)
        data = await self._store.content(lease.task, int(number)) if task and len(number) < 4 else None
        if task is None or data is None:
            return _problem(404, "the media is not there: it was never part of the task, or its time is past")
        question = task.legible()
        if question is None:
            await self._store.run(work.Spoil(lease=token))
            return _problem(410, "its question cannot be read any more; its task has ended")
        index = int(number)
        medium = question.media[index] if index < len(question.media) else question.picture
        kind = medium.type if medium else "application/octet-stream"
        if not solver.machine:
            try:
                data, kind = await self._darkroom.redraw(data)
            except Undecodable as reason:
                await self._store.run(work.Spoil(lease=token))
                return _problem(410, f"it cannot be decoded ({reason}); its task has ended")
        return Answer(data, type=kind.encode(), headers=_MEDIA_HEADERS)

    async def _earlier(self, solver: Solver, lease: Lease) -> Answer:
        """Give the earlier picture of a series to whoever holds the task that continues it, while they hold it."""
        task = await self._store.task(lease.task) if lease.live(self._clock.now()) else None
        found = await earlier_of(self._store, self._ids, solver, task) if task else None
        if found is None:
            return _problem(404, NO_EARLIER)
        data, kind = found[1], found[0].type
        if not solver.machine:
            try:
                data, kind = await self._darkroom.redraw(data)
            except Undecodable:
                # The task at hand can be answered without it.
                return _problem(404, NO_EARLIER)
        return Answer(data, type=kind.encode(), headers=_MEDIA_HEADERS)

    async def _spoil_if_undecodable(self, solver: Solver, token: str) -> None:
        """End a task whose picture or sound a machine found broken and that indeed cannot be decoded."""
        lease = await self._store.lease(token)
        if lease is None or lease.solver != solver.id or lease.outcome is not None:
            return
        task = await self._store.task(lease.task)
        question = task.legible() if task else None
        for index in range(len(question.media) if question else 0):
            data = await self._store.content(lease.task, index)
            if data is None:
                continue
            try:
                await self._darkroom.redraw(data)
            except Undecodable as reason:
                log.info("media_undecodable", task=self._ids.show(lease.task), why=str(reason))
                await self._store.run(work.Spoil(lease=token))
                return


def _shown(token: str, held: holding.Held | Lapse | None) -> HeldJson:
    if isinstance(held, holding.Held):
        return held_json(token, held.lease.until, held.why)
    return held_json(token, 0, held or Lapse.EXPIRED)


@functools.cache
def document() -> bytes:
    """Describe the work API, once: anybody may ask for it, as often as they like."""
    return json.dumps(openapi()).encode()


def _problem(status: int, text: str, headers: tuple[Header, ...] = ()) -> Answer:
    return Answer(write_problem(text), status, headers=headers)
