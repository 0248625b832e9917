"""2captcha's older API over HTTP: in.php submits, res.php does everything else (PROTOCOL §8).
Rule: whatever arrives, in whichever encoding, by whichever verb, the status is 200 and the words are the vendor's."""

from __future__ import annotations

from typing import Final

import structlog

from answerdesk.api.front import Front
from answerdesk.api.http import CALLED, JSON, NO_FAULT, TEXT, Answer, Header, Peers, Scope, text_header
from answerdesk.api.limits import Floods, Strict
from answerdesk.api.methods import CROWDED, REPLAYED, UNAVAILABLE, preferred_wait, replay_of
from answerdesk.desk.books import Register
from answerdesk.desk.ports import Store, Unavailable
from answerdesk.model.account import Account, Strictness
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.limit import is_loopback
from answerdesk.model.sizes import limits_for
from answerdesk.model.talk import UNKNOWN_TASK, Refused, Reply
from answerdesk.model.task import TaskId
from answerdesk.wire import choose, legacy
from answerdesk.wire.grammar import call_of
from answerdesk.wire.legacy import Action, Endpoint, Said
from answerdesk.wire.legacy_form import Form, read_form
from answerdesk.wire.legacy_task import UPLOAD, Coded, read_task

log = structlog.get_logger()

_ANY_ORIGIN: Final[Header] = (b"access-control-allow-origin", b"*")
SERVER_ERRORS: Final = "get_server_errors"


class Legacy:
    """Serves in.php and res.php."""

    def __init__(self, front: Front, peers: Peers, store: Store, *, cross_origin: bool = False) -> None:
        """Take the front, and where pingbacks are kept; `cross_origin` if every reply allows any origin anyway."""
        self._front = front
        self._peers = peers
        self._store = store
        self._cross_origin = cross_origin
        # The blocks of PROTOCOL §8.8 that protect the server: by address, and by account and address.
        self._wrong_keys = Floods(5, within=600, lasts=600)
        self._no_funds = Floods(120, within=60, lasts=300)
        self._turns = Floods(61, within=3, lasts=10)
        self._strict = Strict()

    def at_once(self, scope: Scope) -> Answer | None:
        """Answer a poll of a task on the board; None for any other call, which `serve` answers.

        Raises a Refusal as well.
        """
        poll = legacy.read_poll(scope["query_string"])
        if poll is None:
            return None
        ip = self._peers.ip(scope)
        self._check_address(ip)
        found = self._front.settled(poll.key, ip, poll.task)
        if found is None:
            return None
        reply = found[1]
        scope[CALLED] = ("res", legacy.NAME, str(reply.fault) if isinstance(reply, Refused) else NO_FAULT)
        return Answer(legacy.write(legacy.result(reply), as_json=poll.as_json), type=JSON if poll.as_json else TEXT)

    def crowded(self, endpoint: Endpoint, scope: Scope) -> Answer:
        """Answer for a body that found no room; what is known of the call is its address."""
        if endpoint is not Endpoint.IN:
            return UNAVAILABLE
        _call(endpoint, scope, Fault.NO_SLOT_AVAILABLE)
        as_json = read_form(scope["query_string"], "", b"").flag("json")
        said = legacy.refused(Refused(fault=Fault.NO_SLOT_AVAILABLE, detail=CROWDED), endpoint)
        return Answer(legacy.write(said, as_json=as_json), type=JSON if as_json else TEXT)

    async def serve(self, endpoint: Endpoint, scope: Scope, body: bytes) -> Answer:
        """Answer one call; a HEAD does nothing."""
        if scope["method"] == "HEAD":
            return Answer(b"", type=TEXT)
        form = read_form(scope["query_string"], text_header(scope, b"content-type"), body)
        as_json = form.flag("json")
        try:
            said, headers = await self._said(endpoint, form, scope, body)
        except Unavailable as away:
            log.warning("store_unavailable", endpoint=endpoint, why=str(away))
            _call(endpoint, scope, Fault.UNAVAILABLE)
            excuse = self._excuse(endpoint, form)
            if excuse is None:
                return UNAVAILABLE
            said, headers = excuse, ()
        reply, kind = legacy.write(said, as_json=as_json), JSON if as_json else TEXT
        if form.flag("debug_dump"):
            reply, kind = form.dump() + reply, TEXT
        if form.flag("header_acao") and not self._cross_origin:
            headers = (*headers, _ANY_ORIGIN)
        return Answer(reply, type=kind, headers=headers)

    async def _said(self, endpoint: Endpoint, form: Form, scope: Scope, body: bytes) -> tuple[Said, tuple[Header, ...]]:
        ip = self._peers.ip(scope)
        _call(endpoint, scope)
        try:
            self._check_address(ip)
            if form.trouble is not None:
                raise Coded(UPLOAD, form.trouble)
            if endpoint is Endpoint.IN and form.text("method") == SERVER_ERRORS:
                return legacy.server_errors(), ()
            account = await self._admit(form, ip)
            if endpoint is Endpoint.IN:
                return await self._submit(account, form, scope, body)
            return await self._act(account, form, scope), ()
        except Refusal as refusal:
            self._count(refusal, ip)
            _call(endpoint, scope, refusal.fault)
            return legacy.refusal(refusal, endpoint), ()

    def _check_address(self, ip: str) -> None:
        seconds = self._wrong_keys.blocked_for(ip, self._front.clock.monotonic())
        if seconds and not is_loopback(ip):
            text = f"too many wrong keys came from {ip}; it is blocked for {seconds} more seconds"
            raise Coded(legacy.WRONG_KEYS, text, Fault.IP_BLOCKED)
        self._front.check_address(ip)

    def _count(self, refusal: Refusal, ip: str) -> None:
        self._front.count_refusal(refusal, ip)
        if refusal.fault is Fault.KEY_DOES_NOT_EXIST:
            self._wrong_keys.count(ip, self._front.clock.monotonic())

    async def _admit(self, form: Form, ip: str) -> Account:
        key = call_of({"clientKey": form.text("key")}).key
        try:
            return await self._front.admit(key, ip)
        except Refusal as refusal:
            raise legacy.wrong_key(key, refusal) from None

    async def _submit(self, account: Account, form: Form, scope: Scope, body: bytes) -> tuple[Said, tuple[Header, ...]]:
        ip = self._peers.ip(scope)
        self._check_turn(account, ip)
        spoken = choose(
            host=text_header(scope, b"host"), account=account.dialect, user_agent=text_header(scope, b"user-agent"),
            soft_id=None, default=self._front.terms.dialect,
        )  # fmt: skip
        limits = limits_for(legacy.NAME, account)
        draft = read_task(form, case_default=spoken.case_default, limits=limits, disabled=account.disabled_types)
        replay = replay_of(scope, b"%b\0%b" % (scope["query_string"], body))
        try:
            task, replayed = await self._front.create(account, draft, ip, legacy.NAME, replay)
        except Refusal as refusal:
            if refusal.fault is Fault.ZERO_BALANCE:
                self._no_funds.count((account.id, ip), self._front.clock.monotonic())
            if refusal.fault is Fault.NO_SLOT_AVAILABLE:
                self._strict.refused(account, self._front.clock.monotonic())
            raise
        self._strict.made(account)
        return legacy.created(task), REPLAYED if replayed else ()

    def _check_turn(self, account: Account, ip: str) -> None:
        """Refuse whoever submits faster than anybody needs to, or goes on and on without money."""
        now, name = self._front.clock.monotonic(), (account.id, ip)
        self._turns.count(name, now)
        bidding, refused = self._strict.submits(account, now)
        if bidding:
            text = f"120 tasks within a minute found nobody free; wait {bidding} more seconds"
            raise Coded(legacy.NO_SLOTS, text, Fault.NO_SLOT_AVAILABLE)
        if refused:
            text = f"more than three tasks found nobody free for each submitted; wait {refused} more seconds"
            raise Coded(legacy.MOSTLY_NO_SLOTS, text, Fault.NO_SLOT_AVAILABLE)
        if is_loopback(ip):
            return
        if seconds := self._turns.blocked_for(name, now):
            text = f"more than 60 tasks came within 3 seconds; wait {seconds} more seconds"
            raise Coded(legacy.IN_A_HURRY, text, Fault.TOO_MUCH_REQUESTS)
        if seconds := self._no_funds.blocked_for(name, now):
            text = f"120 tasks within a minute found no money on the account; wait {seconds} more seconds"
            raise Coded(legacy.NO_FUNDS, text, Fault.ZERO_BALANCE)

    async def _act(self, account: Account, form: Form, scope: Scope) -> Said:
        self._check_asks(account)
        match action := legacy.read_action(form):
            case Action.GET | Action.GET_PRICED:
                if action is Action.GET and form.get("ids") is not None:
                    return await self._results(account, form, self._peers.ip(scope))
                reply = await self._front.result(account, legacy.read_id(form), preferred_wait(scope))
                self._front.is_back()
                if isinstance(reply, Refused):
                    _call(Endpoint.RES, scope, reply.fault)
                return legacy.result(reply, priced=action is Action.GET_PRICED)
            case Action.BALANCE:
                return legacy.balance(await self._front.balance(account))
            case Action.REPORT_GOOD | Action.REPORT_BAD:
                return await self._report(account, form, correct=action is Action.REPORT_GOOD)
            case Action.ADD_PINGBACK:
                await self._store.run(Register(account=account.id, add=(legacy.read_address(form),)))
                return Said(text=legacy.PINGBACK_ADDED)
            case Action.DROP_PINGBACK:
                every = form.text("addr").lower() == legacy.EVERY_ADDRESS
                drop = None if every else (legacy.read_address(form),)
                await self._store.run(Register(account=account.id, drop=drop))
                return Said(text=legacy.PINGBACK_DROPPED)
            case Action.GET_PINGBACK:
                return legacy.pingbacks(account)

    def _check_asks(self, account: Account) -> None:
        """Refuse a strict account that asks more than 20 times for each task it submits, and 1,200 times besides."""
        if seconds := self._strict.asks(account, self._front.clock.monotonic()):
            text = f"more than 20 calls came for each task submitted, and 1200 besides; wait {seconds} more seconds"
            raise Coded(legacy.TOO_MANY_ASKS, text, Fault.TOO_MUCH_REQUESTS)

    async def _results(self, account: Account, form: Form, ip: str) -> Said:
        """Answer for several tasks at once, never held: whoever asks for many comes again anyway."""
        replies: list[Reply] = []
        for task in legacy.read_ids(form):
            try:
                replies.append(await self._front.result(account, _known(task), 0))
            except Refusal as refusal:
                if refusal.fault is not Fault.NO_SUCH_CAPCHA_ID:
                    raise
                self._front.count_refusal(refusal, ip)
                replies.append(Refused(fault=refusal.fault, detail=refusal.detail))
        self._front.is_back()
        return legacy.results(replies)

    async def _report(self, account: Account, form: Form, *, correct: bool) -> Said:
        task = legacy.read_id(form)
        if not correct and Strictness.REPORTS in account.strict:
            await self._check_share(account)
        try:
            news = await self._front.report(account, task, correct=correct, window_ms=legacy.REPORT_WINDOW_MS)
        except Refusal as refusal:
            if refusal.fault is not Fault.NO_SUCH_CAPCHA_ID or refusal.detail == UNKNOWN_TASK:
                raise
            raise Coded(legacy.REPORT_NOT_RECORDED, refusal.detail, refusal.fault) from None
        if not news:
            raise Coded(legacy.DUPLICATE_REPORT, "this verdict on this task was recorded before")
        return Said(text=legacy.REPORT_RECORDED)

    async def _check_share(self, account: Account) -> None:
        """Refuse a strict account that reports more of its answers than the vendor believes."""
        answered, wrong = await self._store.reported(account.id, legacy.MOST_REPORTED)
        if answered >= legacy.LEAST_REPORTED and wrong > legacy.WRONG_SHARE * answered:
            share = f"{legacy.WRONG_SHARE:.0%}"
            text = f"{wrong} of the last {answered} answers were reported wrong; at most {share} may be"
            raise Coded(legacy.REPORT_NOT_RECORDED, text, Fault.NO_SUCH_CAPCHA_ID)

    def _excuse(self, endpoint: Endpoint, form: Form) -> Said | None:
        """Speak for a store that can promise nothing now (PROTOCOL §5.3); None where only the status can tell."""
        if endpoint is Endpoint.IN:
            detail = "the service cannot store tasks at the moment; nothing was charged, try again in a few seconds"
            return legacy.refused(Refused(fault=Fault.NO_SLOT_AVAILABLE, detail=detail), endpoint)
        asked = form.text("action").lower() in {Action.GET, Action.GET_PRICED}
        return Said(text=legacy.NOT_READY, done=False) if asked and self._front.is_away_briefly() else None


def _call(endpoint: Endpoint, scope: Scope, fault: Fault | None = None) -> None:
    """Say what the request was."""
    scope[CALLED] = (str(endpoint), legacy.NAME, NO_FAULT if fault is None else str(fault))


def _known(task: TaskId | None) -> TaskId:
    if task is None:
        raise Refusal(Fault.NO_SUCH_CAPCHA_ID, UNKNOWN_TASK)
    return task
