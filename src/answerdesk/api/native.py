"""The native dialect over HTTP, under /v1: tasks, batches, events, balance and ledger, by bearer key.
Rule: one table of routes; errors are problem details that carry the same codes as every other dialect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

import structlog

from answerdesk.api.events import Feed
from answerdesk.api.front import Front
from answerdesk.api.http import Answer, Header, Peers, Receive, Scope, Send, bearer, text_header
from answerdesk.api.methods import preferred_wait, replay_of
from answerdesk.desk.board import final_reply
from answerdesk.desk.ports import Listing, Records, Store, Unavailable
from answerdesk.model.account import Account, Purse, Sequence
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.sizes import SERVER_LIMITS
from answerdesk.model.talk import Call, Processing, Reply
from answerdesk.model.task import Permutation, State, Task
from answerdesk.wire import native
from answerdesk.wire.grammar import read_call, read_draft
from answerdesk.wire.native_openapi import openapi

log = structlog.get_logger()

PROBLEM: Final = b"application/problem+json"
_STATES: Final = {"open": State.OPEN, "ready": State.READY, "failed": State.FAILED}
_RETRY: Final[tuple[Header, ...]] = ((b"retry-after", b"5"),)
_EVENTS: Final = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]


@dataclass(slots=True)
class Request:
    """One admitted call."""

    account: Account
    scope: Scope
    ip: str
    body: bytes
    query: dict[str, str]
    #: What follows the route's name in the path.
    rest: str


Handler = Callable[[Request], Awaitable[Answer]]


class Native:
    """Serves /v1."""

    def __init__(
        self, *, front: Front, peers: Peers, store: Store, records: Records, ids: Permutation, feed: Feed
    ) -> None:
        """Take the front, and what a customer may look back on."""
        self._front = front
        self._peers = peers
        self._store = store
        self._records = records
        self._ids = ids
        self._feed = feed
        self._routes: dict[tuple[str, str], Handler] = {
            ("POST", "tasks"): self._create,
            ("GET", "tasks"): self._list,
            ("POST", "tasks/batch"): self._batch,
            ("GET", "tasks/*"): self._show,
            ("DELETE", "tasks/*"): self._cancel,
            ("POST", "tasks/*/report"): self._report,
            ("GET", "balance"): self._balance,
            ("GET", "ledger"): self._ledger,
        }

    @property
    def routes(self) -> list[tuple[str, str]]:
        """Every route by verb and path, a star for an id."""
        return [*self._routes, ("GET", "events"), ("GET", "openapi.json")]

    async def serve(self, path: str, scope: Scope, body: bytes) -> Answer:
        """Answer one call; `path` is what follows ``/v1/``."""
        path = path.strip("/")
        if (scope["method"], path) == ("GET", "openapi.json"):
            return Answer(json.dumps(openapi()).encode())
        ip = self._peers.ip(scope)
        try:
            account = await self._admit(scope, ip)
            handler, rest = self._route(scope["method"], path)
            query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
            return await handler(Request(account, scope, ip, body, query, rest))
        except Refusal as refusal:
            self._front.count_refusal(refusal, ip)
            return _refused(refusal)
        except Unavailable as away:
            log.warning("store_unavailable", path=path, why=str(away))
            return _problem(native.problem(Fault.UNAVAILABLE, "the service is unavailable; try again in 5 seconds"))

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> Answer | None:
        """Send settled tasks as they settle, until the client leaves; gives an answer only where it refuses."""
        ip = self._peers.ip(scope)
        try:
            account = await self._admit(scope, ip)
            place = await self._feed.place_after(text_header(scope, b"last-event-id"))
        except Refusal as refusal:
            self._front.count_refusal(refusal, ip)
            return _refused(refusal)
        await send({"type": "http.response.start", "status": 200, "headers": _EVENTS})
        sending = asyncio.ensure_future(self._send_events(account, place, send))
        leaving = asyncio.ensure_future(_until_gone(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            sending.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
        return None

    async def _send_events(self, account: Account, place: int, send: Send) -> None:
        async for events in self._feed.follow(account.id, place):
            await send({"type": "http.response.body", "body": events, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _admit(self, scope: Scope, ip: str) -> Account:
        self._front.check_address(ip)
        return await self._front.admit(bearer(scope), ip)

    def _route(self, verb: str, path: str) -> tuple[Handler, str]:
        parts = path.split("/")
        starred = "/".join("*" if index == 1 else part for index, part in enumerate(parts))
        handler = self._routes.get((verb, path)) or self._routes.get((verb, starred))
        if handler is None:
            served = ", ".join(f"{served} /v1/{where}" for served, where in self.routes)
            raise Refusal(Fault.NO_SUCH_METHOD, f"served are {served}")
        return handler, parts[1] if len(parts) > 1 else ""

    async def _create(self, request: Request) -> Answer:
        call = read_call(request.body)
        draft = read_draft(call, case_default=False, limits=SERVER_LIMITS)
        replay = replay_of(request.scope, request.body)
        task, replayed = await self._front.create(request.account, draft, request.ip, native.NAME, replay)
        wait = preferred_wait(request.scope)
        reply: Reply = Processing()
        if wait:
            reply = await self._front.result(request.account, task, wait)
        headers: tuple[Header, ...] = ((b"location", b"/v1/tasks/%d" % task),)
        if replayed:
            headers += ((b"x-task-replayed", b"1"),)
        return Answer(native.write_task(task, reply), 201, headers=headers)

    async def _batch(self, request: Request) -> Answer:
        calls = native.read_batch(request.body, "")
        replay = replay_of(request.scope, request.body)
        outcomes = await asyncio.gather(
            *(self._one_of_batch(request, call, replay, index) for index, call in enumerate(calls))
        )
        return Answer(native.write_batch(list(outcomes)))

    async def _one_of_batch(
        self, request: Request, call: Call, replay: tuple[str, bytes] | None, index: int
    ) -> native.OutcomeJson:
        """Create one task of a batch; an idempotency key holds for each by its place."""
        try:
            draft = read_draft(call, case_default=False, limits=SERVER_LIMITS)
            own = (f"{replay[0]}#{index}", replay[1]) if replay else None
            task, _ = await self._front.create(request.account, draft, request.ip, native.NAME, own)
        except Refusal as refusal:
            return native.OutcomeJson(error=native.problem(refusal.fault, refusal.detail))
        except Unavailable:
            return native.OutcomeJson(
                error=native.problem(Fault.UNAVAILABLE, "this task was not stored; send it again")
            )
        return native.OutcomeJson(task=native.task_json(task, Processing()))

    async def _show(self, request: Request) -> Answer:
        task = native.read_id(request.rest)
        wait = native.read_number(request.query, "wait", 0, 60) if request.query.get("wait", "0") != "0" else 0
        preferred = preferred_wait(request.scope)
        reply = await self._front.result(request.account, task, preferred if preferred is not None else wait)
        return Answer(native.write_task(task, reply))

    async def _cancel(self, request: Request) -> Answer:
        task = native.read_id(request.rest)
        if not await self._front.cancel(request.account, task):
            settled = native.problem(Fault.BAD_PARAMETERS, "the task is settled; only an open task can be cancelled")
            return _problem(settled | {"status": 409})
        return Answer(native.write_task(task, await self._front.result(request.account, task, 0)))

    async def _report(self, request: Request) -> Answer:
        task, ask = native.read_id(request.rest), native.read_report(request.body)
        await self._front.report(request.account, task, correct=ask.correct, reason=ask.reason)
        return Answer(native.write_task(task, await self._front.result(request.account, task, 0)))

    async def _list(self, request: Request) -> Answer:
        most = native.read_number(request.query, "limit", 50, native.MOST_PAGE)
        status = request.query.get("status", "")
        if status and status not in _STATES:
            raise Refusal(Fault.BAD_PARAMETERS, f"status must be one of {', '.join(_STATES)}")
        before = self._ids.find(native.read_id(request.query["before"])) if request.query.get("before") else None
        listing = Listing(account=request.account.id, state=_STATES.get(status), before=before, most=most)
        tasks = await self._records.tasks(listing)
        following = self._ids.show(tasks[-1].n) if len(tasks) == most else None
        return Answer(native.write_tasks([self._task_json(task) for task in tasks], following))

    def _task_json(self, task: Task) -> native.TaskJson:
        return native.task_json(self._ids.show(task.n), final_reply(task) if task.settled else Processing())

    async def _balance(self, request: Request) -> Answer:
        purse = await self._store.purse(request.account.id)
        return Answer(native.write_balance(purse or Purse(account=request.account.id)))

    async def _ledger(self, request: Request) -> Answer:
        most = native.read_number(request.query, "limit", 50, native.MOST_PAGE)
        before = native.read_number(request.query, "before", 2**62, 2**62)
        entries = await self._records.entries(request.account.id, before, most)
        lines = [
            native.line_json(line, at, entry, self._ids.show(Sequence(entry.task)) if entry.task else None)
            for line, at, entry in entries
        ]
        return Answer(native.write_ledger(lines, entries[-1][0] if len(entries) == most else None))


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _refused(refusal: Refusal) -> Answer:
    return _problem(native.problem(refusal.fault, refusal.detail))


def _problem(made: native.Problem) -> Answer:
    headers = _RETRY if made["status"] in {429, 503} else ()
    return Answer(native.write_problem(made), made["status"], PROBLEM, headers)
