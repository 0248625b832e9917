"""The native dialect over HTTP, under /v1: tasks, batches, events, balance and ledger, by bearer key.
Rule: one table of routes; errors are problem details that carry the same codes as every other dialect."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

import structlog

from answerdesk.api.broadcast import pour_of
from answerdesk.api.events import Feed
from answerdesk.api.front import MOST_WAIT, Front
from answerdesk.api.http import (
    CALLED,
    MOST_BODY,
    NO_FAULT,
    Answer,
    Header,
    Peers,
    Receive,
    Scope,
    Send,
    bearer,
    request_id,
    text_header,
)
from answerdesk.api.methods import REPLAYED, preferred_wait, replay_of
from answerdesk.desk.board import final_reply
from answerdesk.desk.ports import Listing, Store, Unavailable
from answerdesk.desk.records import Records
from answerdesk.model.account import Account, Purse, Sequence
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.sizes import limits_for
from answerdesk.model.talk import UNKNOWN_TASK, Call, Processing, Refused, Reply
from answerdesk.model.task import LARGEST_ID, Permutation, State, Task, TaskId
from answerdesk.wire import native
from answerdesk.wire.grammar import read_draft
from answerdesk.wire.native_openapi import openapi

log = structlog.get_logger()

PROBLEM: Final = b"application/problem+json"
_STATES: Final = {"open": State.OPEN, "ready": State.READY, "failed": State.FAILED}
#: What goes with a status.
_BESIDE: Final[Mapping[int, tuple[Header, ...]]] = {
    401: ((b"www-authenticate", b"Bearer"),),
    429: ((b"retry-after", b"5"),),
    503: ((b"retry-after", b"5"),),
}
#: Served without the table of handlers.
_APART: Final = (("GET", "events"), ("GET", "openapi.json"))
_NOTHING_ASKED: Final[Mapping[str, str]] = {}
#: How many tasks of a batch are read before others have their turn.
BREATH: Final = 32
_EVENTS: Final = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]


@dataclass(slots=True)
class Request:
    """One admitted call."""

    account: Account
    scope: Scope
    ip: str
    body: bytes
    query: Mapping[str, str]
    #: What follows the route's name in the path.
    rest: str


class Made(NamedTuple):
    """A task as it was stored."""

    task: TaskId
    replayed: bool
    #: Whether it may have been settled when it was made.
    settled: bool


class NotAllowed(Refusal):
    """An address that is served by other verbs."""

    def __init__(self, verbs: tuple[str, ...]) -> None:
        """Name the verbs."""
        super().__init__(Fault.NO_SUCH_METHOD, f"this address takes {', '.join(verbs)}")
        self.verbs = verbs


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
        self._verbs: dict[str, tuple[str, ...]] = {}
        for verb, path in self.routes:
            self._verbs[path] = (*self._verbs.get(path, ()), verb)

    @property
    def routes(self) -> list[tuple[str, str]]:
        """Every route by verb and path, a star for an id."""
        return [*self._routes, *_APART]

    def at_once(self, name: str, scope: Scope) -> Answer | None:
        """Show a task on the board; None for any other call, which `serve` answers. Raises a Refusal as well."""
        if scope["query_string"]:
            return None
        task = native.read_id(name)
        found = self._front.settled(bearer(scope), self._peers.ip(scope), task)
        if found is None:
            return None
        reply = found[1]
        fault = str(reply.fault) if isinstance(reply, Refused) else NO_FAULT
        scope[CALLED] = ("GET /v1/tasks/*", native.NAME, fault)
        return Answer(native.write_task(task, reply))

    async def serve(self, path: str, scope: Scope, body: bytes) -> Answer:
        """Answer one call; `path` is what follows ``/v1/``."""
        path = path.strip("/")
        if (scope["method"], path) == ("GET", "openapi.json"):
            return Answer(_openapi())
        ip = self._peers.ip(scope)
        try:
            account = await self._admit(scope, ip)
            handler, rest = self._route(scope, path)
            query = scope["query_string"]
            asked = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)) if query else _NOTHING_ASKED
            return await handler(Request(account, scope, ip, body, asked, rest))
        except Refusal as refusal:
            return self._refused(refusal, ip, scope)
        except Unavailable as away:
            return _away(path, away)

    async def stream(self, scope: Scope, receive: Receive, send: Send, also: tuple[Header, ...] = ()) -> Answer | None:
        """Send settled tasks as they settle, until the client leaves; gives an answer only where it refuses."""
        _call(scope, "GET", "events")
        ip = self._peers.ip(scope)
        try:
            account = await self._admit(scope, ip)
            self._feed.check_room(account.id)
            place = await self._feed.place_after(account.id, text_header(scope, b"last-event-id"))
        except Refusal as refusal:
            return self._refused(refusal, ip, scope)
        except Unavailable as away:
            return _away("events", away)
        headers = [*_EVENTS, request_id(scope), *also]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        sending = asyncio.ensure_future(self._send_events(account, place, scope, send))
        leaving = asyncio.ensure_future(_until_gone(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            sending.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
        return None

    async def _send_events(self, account: Account, place: int, scope: Scope, send: Send) -> None:
        """Send until the feed closes, or the key may no longer call."""
        key, ip = bearer(scope), self._peers.ip(scope)
        with contextlib.suppress(Refusal):
            async with contextlib.aclosing(self._feed.follow(account.id, place, pour_of(scope, send))) as following:
                async for events in following:
                    await self._front.readmit(key, ip)
                    if events:
                        await send({"type": "http.response.body", "body": events, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _admit(self, scope: Scope, ip: str) -> Account:
        self._front.check_address(ip)
        return await self._front.admit(bearer(scope), ip)

    def _route(self, scope: Scope, path: str) -> tuple[Handler, str]:
        verb = scope["method"]
        handler = self._routes.get((verb, path))
        if handler is not None:
            _call(scope, verb, path)
            return handler, ""
        head, _, rest = path.partition("/")
        name, _, tail = rest.partition("/")
        starred = f"{head}/*/{tail}" if tail else f"{head}/*"
        handler = self._routes.get((verb, starred)) if path not in self._verbs else None
        if handler is not None:
            _call(scope, verb, starred)
            return handler, name
        verbs = self._verbs.get(path) or self._verbs.get(starred)
        if verbs is not None:
            raise NotAllowed(verbs)
        served = ", ".join(f"{served} /v1/{where}" for served, where in self.routes)
        raise Refusal(Fault.NO_SUCH_METHOD, f"served are {served}")

    def _refused(self, refusal: Refusal, ip: str, scope: Scope) -> Answer:
        self._front.count_refusal(refusal, ip)
        method = scope[CALLED][0] if CALLED in scope else "v1"
        scope[CALLED] = (method, native.NAME, str(refusal.fault))
        if isinstance(refusal, NotAllowed):
            made = native.problem(refusal.fault, refusal.detail, 405)
            return _problem(made, (b"allow", ", ".join(refusal.verbs).encode()))
        return _problem(native.problem_of(refusal), seconds=refusal.seconds)

    async def _create(self, request: Request) -> Answer:
        made = await self._made(request, native.read_task(request.body), replay_of(request.scope, request.body))
        wait = preferred_wait(request.scope) or 0
        reply = await self._standing(request.account, made, wait)
        headers: tuple[Header, ...] = ((b"location", b"/v1/tasks/%d" % made.task),)
        return Answer(native.write_task(made.task, reply), 201, headers=headers + REPLAYED * made.replayed)

    async def _made(self, request: Request, call: Call, replay: tuple[str, bytes] | None) -> Made:
        limits, own_names = limits_for(native.NAME, request.account), self._front.terms.own_names
        disabled = request.account.disabled_types
        draft = read_draft(call, case_default=False, limits=limits, own_names=own_names, disabled=disabled)
        task, replayed = await self._front.create(request.account, draft, request.ip, native.NAME, replay)
        # A sandbox account's script may have it settled as well.
        return Made(task, replayed, settled=draft.sandbox is not None or request.account.sandbox)

    async def _standing(self, account: Account, made: Made, wait: float) -> Reply:
        """Tell how a task that was just stored stands; it is acknowledged even if that cannot be told."""
        if not (wait or made.replayed or made.settled):
            return Processing()
        try:
            return await self._front.result(account, made.task, wait)
        except (Refusal, Unavailable) as why:
            log.warning("task_untold", task=made.task, why=str(why))
            return Processing()

    async def _batch(self, request: Request) -> Answer:
        replay = replay_of(request.scope, request.body)
        making = []
        for index, call in enumerate(native.read_batch(request.body)):
            making.append(asyncio.ensure_future(self._one_of_batch(request, call, replay, index)))
            if index % BREATH == BREATH - 1:
                # Those begin now, and others have their turn before the next.
                await asyncio.sleep(0)
        return Answer(native.write_batch(await asyncio.gather(*making)))

    async def _one_of_batch(
        self, request: Request, call: Call, replay: tuple[str, bytes] | None, index: int
    ) -> native.OutcomeJson:
        """Create one task of a batch; an idempotency key holds for each by its place."""
        try:
            made = await self._made(request, call, (f"{replay[0]}#{index}", replay[1]) if replay else None)
        except Refusal as refusal:
            return native.OutcomeJson(error=native.problem_of(refusal))
        except Unavailable as away:
            log.warning("store_unavailable", path="tasks/batch", why=str(away))
            untold = "this task was not stored; send it again"
            return native.OutcomeJson(error=native.problem(Fault.UNAVAILABLE, untold))
        return native.OutcomeJson(task=native.task_json(made.task, await self._standing(request.account, made, 0)))

    async def _show(self, request: Request) -> Answer:
        task = native.read_id(request.rest)
        preferred = preferred_wait(request.scope)
        wait = native.read_number(request.query, "wait", 0, int(MOST_WAIT), least=0)
        reply = await self._front.result(request.account, task, wait if preferred is None else preferred)
        return Answer(native.write_task(task, reply))

    async def _cancel(self, request: Request) -> Answer:
        task = native.read_id(request.rest)
        if not await self._front.cancel(request.account, task):
            settled = "the task is settled; only an open task can be cancelled"
            return _problem(native.problem(Fault.BAD_PARAMETERS, settled, 409))
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
        before = await self._place(request)
        listing = Listing(account=request.account.id, state=_STATES.get(status), before=before, most=most)
        tasks = await self._records.tasks(listing)
        following = self._ids.show(tasks[-1].n) if len(tasks) == most else None
        return Answer(native.write_tasks([self._task_json(task) for task in tasks], following))

    async def _place(self, request: Request) -> Sequence | None:
        """Read where a page begins: at a task of the account's, or where one was that is forgotten by now."""
        task = TaskId(native.read_number(request.query, "before", 0, LARGEST_ID))
        if not task:
            return None
        place = self._ids.find(task)
        newest = await self._records.tasks(Listing(account=request.account.id, most=1))
        if newest and place > newest[0].n:
            raise Refusal(Fault.NO_SUCH_CAPCHA_ID, f"before: {UNKNOWN_TASK}")
        return place

    def _task_json(self, task: Task) -> native.TaskJson:
        return native.task_json(self._ids.show(task.n), final_reply(task) if task.settled else Processing())

    async def _balance(self, request: Request) -> Answer:
        purse = await self._store.purse(request.account.id)
        return Answer(native.write_balance(purse or Purse(account=request.account.id)))

    async def _ledger(self, request: Request) -> Answer:
        most = native.read_number(request.query, "limit", 50, native.MOST_PAGE)
        before = native.read_number(request.query, "before", native.LARGEST_LINE, native.LARGEST_LINE)
        entries = await self._records.entries(request.account.id, before, most)
        lines = [
            native.line_json(line, at, entry, self._ids.show(Sequence(entry.task)) if entry.task else None)
            for line, at, entry in entries
        ]
        return Answer(native.write_ledger(lines, entries[-1][0] if len(entries) == most else None))


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _call(scope: Scope, verb: str, path: str) -> None:
    """Say what the request was: a route of the table."""
    scope[CALLED] = (f"{verb} /v1/{path}", native.NAME, NO_FAULT)


def _problem(made: native.Problem, *also: Header, seconds: int = 0) -> Answer:
    beside = ((b"retry-after", b"%d" % seconds),) if seconds else _BESIDE.get(made["status"], ())
    return Answer(native.write_problem(made), made["status"], PROBLEM, (*also, *beside))


def _away(path: str, why: Unavailable) -> Answer:
    log.warning("store_unavailable", path=path, why=str(why))
    return UNAVAILABLE


@functools.cache
def _openapi() -> bytes:
    return json.dumps(openapi()).encode()


UNAVAILABLE: Final = _problem(native.problem(Fault.UNAVAILABLE, "the service is unavailable; try again in 5 seconds"))
TOO_BIG: Final = _problem(
    native.problem(Fault.TOO_BIG_CAPTCHA_FILESIZE, f"the body is larger than {MOST_BODY} bytes"),
    (b"connection", b"close"),
)
