"""The JSON dialects over HTTP: each call goes bytes → talk → desk → talk → bytes, each room entered once.
Rule: whatever goes wrong, a protocol route answers in the caller's dialect with HTTP 200 (PROTOCOL T5, §5.3)."""

from __future__ import annotations

import hashlib
from asyncio import Future, ensure_future
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog

from answerdesk.api.front import Front
from answerdesk.api.gallery import Gallery
from answerdesk.api.http import CALLED, NO_FAULT, TEXT, Answer, Coming, Header, Peers, Scope, header, text_header
from answerdesk.api.stats import Stats
from answerdesk.desk.entrance import Turned
from answerdesk.desk.ports import Unavailable
from answerdesk.model.account import Account, Strictness
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.sizes import limits_for
from answerdesk.model.talk import Balance, Call, Created, Draft, Method, Processing, Ready, Refused, Reply, Reported
from answerdesk.model.task import TaskId
from answerdesk.wire import Dialect, choose
from answerdesk.wire.echo import write_test
from answerdesk.wire.grammar import read_call, read_draft, read_poll, read_task_id
from answerdesk.wire.stats import read_app, read_queue, read_spending

log = structlog.get_logger()

#: The longest idempotency key (PROTOCOL §2.4).
MOST_KEY: Final = 128
_RETRY: Final[tuple[Header, ...]] = ((b"retry-after", b"5"),)
REPLAYED: Final[tuple[Header, ...]] = ((b"x-task-replayed", b"1"),)
CROWDED: Final = "too many large requests are on their way; nothing was charged, try again in a few seconds"
UNAVAILABLE: Final = Answer(b'{"error":"the service is unavailable; try again in 5 seconds"}', 503, headers=_RETRY)


@dataclass(slots=True)
class Caller:
    """One request on its way: where it came from, and what is known of its dialect."""

    scope: Scope
    ip: str
    #: The server's dialect.
    default: str
    #: The account's, once the account is known.
    account: str | None = None
    soft_id: object = None
    #: Where the account wants its vendor's own ways.
    strict: frozenset[Strictness] = frozenset()
    _chosen: Dialect | None = None

    def learn(self, account: Account) -> None:
        """Take note of whose request it is."""
        self.account, self.strict = account.dialect, account.strict
        self._chosen = None

    @property
    def dialect(self) -> Dialect:
        """Choose by what is known, once as long as no more is."""
        if self._chosen is None:
            self._chosen = choose(
                host=text_header(self.scope, b"host"),
                account=self.account,
                user_agent=text_header(self.scope, b"user-agent"),
                soft_id=self.soft_id,
                default=self.default,
            )
        return self._chosen


class Methods:
    """Serves the wire methods of every JSON dialect."""

    def __init__(self, front: Front, peers: Peers, stats: Stats, gallery: Gallery | None) -> None:
        """Take the front, whom to believe about addresses, who counts, and where pictures are published, if at all."""
        self._front = front
        self._peers = peers
        self._stats = stats
        self._gallery = gallery

    def at_once(self, scope: Scope, body: bytes) -> Answer | None:
        """Answer a poll of a task on the board; None for any other, which `serve` answers. Raises a Refusal as well."""
        poll = read_poll(body)
        if poll is None:
            return None
        task = TaskId(poll.taskId)
        found = self._front.settled(poll.clientKey, self._peers.ip(scope), task)
        if found is None:
            return None
        account, reply = found
        if self._gallery is not None and isinstance(reply, Ready):
            reply = self._gallery.publish(task, reply, scope)
        dialect = choose(
            host=text_header(scope, b"host"), account=account.dialect, user_agent=text_header(scope, b"user-agent"),
            soft_id=poll.softId, default=self._front.terms.dialect,
        )  # fmt: skip
        # A literal where nothing else is to be said, for a word of an enumeration takes longer to be looked up.
        fault = NO_FAULT if isinstance(reply, Ready) else str(reply.fault)
        scope[CALLED] = ("result", dialect.name, fault)
        return Answer(dialect.write(reply, Method.RESULT))

    def begin(self, scope: Scope, body: bytes) -> Coming | None:
        """Begin a createTask of a known key; None for any other, which `serve` answers. Raises a Refusal as well."""
        call = read_call(body)
        account = self._front.known(call.key)
        if account is None:
            return None
        caller = self._caller(scope)
        caller.soft_id = call.body.get("softId")
        caller.learn(account)
        draft, replay = self._draft(call, account, caller, body)
        outcome = self._front.begin(account, draft, caller.ip, caller.dialect.name, replay)
        return None if outcome is None else Coming(ensure_future(outcome), partial(self._created, caller))

    def _created(self, caller: Caller, outcome: Future[Any]) -> Answer:
        try:
            reply, headers = _told(*self._front.made(outcome.result()))
        except (Refusal, Unavailable) as error:
            return self._failed(error, Method.CREATE, caller)
        _call(Method.CREATE, caller)
        return Answer(caller.dialect.write(reply, Method.CREATE), headers=headers)

    async def serve(self, method: Method, scope: Scope, body: bytes) -> Answer:
        """Answer one call."""
        caller = self._caller(scope)
        try:
            self._front.check_address(caller.ip)
            if method is Method.TEST:
                _call(method, caller)
                return Answer(write_test(body, "Array" if caller.dialect.name == "anticaptcha" else "Dict"), type=TEXT)
            call = read_call(body)
            if method is Method.QUEUE_STATS:
                _call(method, caller)
                return Answer(caller.dialect.write(await self._stats.queue(read_queue(call)), method))
            reply, headers = await self._reply(method, call, caller, body)
        except (Refusal, Unavailable) as error:
            return self._failed(error, method, caller)
        _call(method, caller, reply.fault if isinstance(reply, Refused) else None)
        return Answer(caller.dialect.write(reply, method), headers=headers)

    def crowded(self, method: Method | None, scope: Scope) -> Answer:
        """Answer for a body that found no room."""
        if method is not Method.CREATE:
            return UNAVAILABLE
        caller = self._caller(scope)
        _call(method, caller, Fault.NO_SLOT_AVAILABLE)
        return Answer(caller.dialect.write(Refused(fault=Fault.NO_SLOT_AVAILABLE, detail=CROWDED), method))

    def explain(self, method: Method, scope: Scope) -> Answer:
        """Answer a browser's visit to a JSON method (PROTOCOL T20)."""
        fault = Fault.TASK_ABSENT if method is Method.CREATE else Fault.KEY_DOES_NOT_EXIST
        detail = "this address takes a POST with a JSON object as its body; nothing was sent"
        reply, caller = Refused(fault=fault, detail=detail), self._caller(scope)
        _call(method, caller, fault)
        return Answer(caller.dialect.write(reply, method))

    async def _reply(self, method: Method, call: Call, caller: Caller, body: bytes) -> tuple[Reply, tuple[Header, ...]]:
        account = await self._admit(call, caller)
        match method:
            case Method.RESULT:
                return await self._result(call, account, caller), ()
            case Method.CREATE:
                return await self._create(call, account, caller, body)
            case Method.BALANCE:
                return Balance(amount=await self._front.balance(account)), ()
            case Method.SPENDING_STATS:
                return await self._stats.spending(account, read_spending(call)), ()
            case Method.APP_STATS:
                return await self._stats.app(account, read_app(call)), ()
            case Method.REPORT_CORRECT | Method.REPORT_INCORRECT:
                await self._report(read_task_id(call), account, caller, correct=method is Method.REPORT_CORRECT)
                return Reported(), ()
            case _:
                msg = (
                    "no such method; createTask, getTaskResult, getBalance, the report methods, getQueueStats,"
                    " getSpendingStats and getAppStats are served"
                )
                raise Refusal(Fault.NO_SUCH_METHOD, msg)

    async def _admit(self, call: Call, caller: Caller) -> Account:
        caller.soft_id = call.body.get("softId")
        try:
            account = await self._front.admit(call.key, caller.ip)
        except Turned as turned:
            caller.learn(turned.account)
            raise
        caller.learn(account)
        return account

    async def _create(
        self, call: Call, account: Account, caller: Caller, body: bytes
    ) -> tuple[Reply, tuple[Header, ...]]:
        draft, replay = self._draft(call, account, caller, body)
        return _told(*await self._front.create(account, draft, caller.ip, caller.dialect.name, replay))

    def _draft(
        self, call: Call, account: Account, caller: Caller, body: bytes
    ) -> tuple[Draft, tuple[str, bytes] | None]:
        """Read a createTask, and what tells it from another one that is sent again."""
        dialect = caller.dialect
        limits, own_names = limits_for(dialect.name, account), self._front.terms.own_names
        draft = read_draft(
            call, case_default=dialect.case_default, limits=limits, own_names=own_names,
            disabled=account.disabled_types,
        )  # fmt: skip
        return draft, replay_of(caller.scope, body)

    async def _result(self, call: Call, account: Account, caller: Caller) -> Reply:
        task = read_task_id(call)
        reply = await self._front.result(account, task, preferred_wait(caller.scope))
        self._front.is_back()
        if self._gallery is not None and isinstance(reply, Ready):
            return self._gallery.publish(task, reply, caller.scope)
        return reply

    async def _report(self, task: TaskId, account: Account, caller: Caller, *, correct: bool) -> None:
        window = caller.dialect.strict_report_ms if Strictness.REPORTS in account.strict else None
        await self._front.report(account, task, correct=correct, window_ms=window)

    def _caller(self, scope: Scope) -> Caller:
        return Caller(scope, self._peers.ip(scope), self._front.terms.dialect)

    def _failed(self, error: Refusal | Unavailable, method: Method, caller: Caller) -> Answer:
        """Answer for a call that was refused, or that the store could not serve."""
        if isinstance(error, Refusal):
            self._front.count_refusal(error, caller.ip)
            return _refused(error, method, caller)
        _call(method, caller, Fault.UNAVAILABLE)
        return self._away(method, caller, str(error))

    def _away(self, method: Method, caller: Caller, why: str) -> Answer:
        """Answer for a store that can promise nothing now (PROTOCOL §5.3)."""
        log.error("store_unavailable", method=method, why=why)
        if method is Method.CREATE:
            detail = "the service cannot store tasks at the moment; nothing was charged, try again in a few seconds"
            return Answer(caller.dialect.write(Refused(fault=Fault.NO_SLOT_AVAILABLE, detail=detail), method))
        if method is Method.RESULT and self._front.is_away_briefly():
            return Answer(caller.dialect.write(Processing(), method))
        return UNAVAILABLE


def _told(task: TaskId, replayed: bool) -> tuple[Created, tuple[Header, ...]]:  # noqa: FBT001 - as it is given
    return Created(task=task), REPLAYED if replayed else ()


def _call(method: Method, caller: Caller, fault: Fault | None = None) -> None:
    """Say what the request was."""
    caller.scope[CALLED] = (str(method), caller.dialect.name, NO_FAULT if fault is None else str(fault))


def _refused(refusal: Refusal, method: Method, caller: Caller) -> Answer:
    """Write a refusal, in the vendor's own way where the account asked for that."""
    dialect, fault = caller.dialect, refusal.fault
    _call(method, caller, fault)
    if Strictness.TYPES in caller.strict:
        fault = dialect.strict_faults.get(fault, fault)
    status = dialect.strict_statuses.get(fault, 200) if Strictness.HTTP in caller.strict else 200
    return Answer(dialect.write(Refused(fault=fault, detail=refusal.detail), method), status)


def replay_of(scope: Scope, body: bytes) -> tuple[str, bytes] | None:
    """Read the idempotency key and digest the body it goes with (PROTOCOL §2.4)."""
    key = text_header(scope, b"idempotency-key")
    if not key:
        return None
    if len(key) > MOST_KEY or not (key.isascii() and key.isprintable()):
        msg = f"Idempotency-Key must be 1..{MOST_KEY} printable ASCII characters (got {len(key)})"
        raise Refusal(Fault.BAD_PARAMETERS, msg)
    return key, hashlib.sha256(body).digest()


def preferred_wait(scope: Scope) -> float | None:
    """Read ``Prefer: wait=N``; None when nothing of that sort was preferred."""
    prefer = header(scope, b"prefer")
    if not prefer:
        return None
    for preference in prefer.decode("latin-1").split(","):
        name, _, value = preference.strip().partition("=")
        value = value.strip().strip('"')
        if name.strip().lower() == "wait" and value.isascii() and value.isdigit():
            return float(value[:9])
    return None
