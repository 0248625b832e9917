"""The address `/metrics`: who may read it, and what is read for it.
Rule: it is never anonymous beyond this machine, and no request waits for what is read for it (decision 0025)."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Coroutine, Mapping
from ipaddress import ip_address
from typing import Any, Final

import structlog

from answerdesk.api.http import CALLED, NO_FAULT, TEXT, Answer, Scope, bearer, header, text_header
from answerdesk.api.meters import Numbers, counted
from answerdesk.desk.crew import Lane
from answerdesk.desk.ports import Clock, House, Unavailable
from answerdesk.desk.sums import Sums
from answerdesk.desk.trials import trials
from answerdesk.desk.watch import Glance
from answerdesk.model.account import Millis
from answerdesk.model.limit import is_loopback
from answerdesk.model.question import WORK_KINDS

log = structlog.get_logger()

#: How old what was read of the queue and of leases may be.
QUEUE_SECONDS: Final = 10.0
#: How old it may be how machines compare with people.
PROFILE_SECONDS: Final = 60.0
#: How old the ledger's sums may be, and how many times as long as the adding took they rest at least.
LEDGER_SECONDS: Final = 300.0
LEDGER_REST: Final = 20
_LOCAL_ONLY: Final = (
    "metrics are read on the machine itself, by its own address and by no browser's page; to read them from elsewhere,"
    " name a file with a token by the setting metrics_token_file"
)
_UNKNOWN: Final = "send Authorization: Bearer TOKEN, with the token in the file of the setting metrics_token_file"
#: What proxies say of whom they speak for.
_FORWARDED: Final = (b"forwarded", b"via", b"x-forwarded-for", b"x-real-ip")
_NOT_KEPT: Final = ((b"cache-control", b"no-store"),)

#: Writes numbers by their metric's name in the form an Accept header asks for; gives the text and its type.
Render = Callable[[Mapping[str, Numbers], str], tuple[bytes, str]]


class Look:
    """Reads what costs something, only when somebody asks and not again before it has aged."""

    def __init__(self, glance: Glance, house: Callable[[], House], clock: Clock) -> None:
        """Take what to read; leases are counted from now on."""
        self._glance = glance
        self._house = house
        self._clock = clock
        self._looking: dict[str, asyncio.Task[None]] = {}
        self._due: dict[str, float] = {}
        self._failed: set[str] = set()
        self._counted_till = clock.now()
        self._expiries = {"people": 0, "machines": 0}
        self._lanes: list[Lane] = []
        self._lanes_at = self._counted_till
        self._sums: tuple[Millis, Sums] | None = None
        self._worse = 0

    async def numbers(self) -> dict[str, Numbers]:
        """Give the numbers of the queue and of leases, and of the ledger once it was added up, unwaited for."""
        self._start("ledger", self._add_up)
        await asyncio.gather(
            self._start("queue", self._read_queue),
            self._start("leases", self._count_leases),
            self._start("profiles", self._compare),
        )
        on_shift = {machine: counted(self._on_shift(machine=machine)) for machine in (False, True)}
        numbers: dict[str, Numbers] = {
            "answerdesk_people_on_shift": on_shift[False],
            "answerdesk_machines_on_shift": on_shift[True],
            "answerdesk_lease_expiries_total": counted(self._expiries.items()),
            "answerdesk_unread": {(): len(self._failed)},
            "answerdesk_profiles_worse": {(): self._worse},
            "answerdesk_queue_tasks": counted((lane.kind.value, lane.waiting) for lane in self._lanes),
            "answerdesk_queue_leases": counted((lane.kind.value, lane.working) for lane in self._lanes),
            "answerdesk_queue_age_seconds": counted(
                (lane.kind.value, max(0, self._lanes_at - (lane.oldest or self._lanes_at)) / 1000)
                for lane in self._lanes
            ),
        }
        if self._sums is not None:
            at, sums = self._sums
            numbers["answerdesk_ledger_drift"] = {(): len(sums.drifting)}
            numbers["answerdesk_ledger_entries"] = {(): sums.entries}
            numbers["answerdesk_ledger_checked_timestamp_seconds"] = {(): at / 1000}
        return numbers

    async def close(self) -> None:
        """Wait for what is being read."""
        await asyncio.gather(*self._looking.values(), return_exceptions=True)
        await self._glance.aclose()

    def _start(self, name: str, read: Callable[[], Coroutine[Any, Any, float]]) -> asyncio.Future[None]:
        """Give a reading that is under way, else begin one if it is due: however many ask, there is one."""
        looking = self._looking.get(name)
        if looking is None or (looking.done() and self._clock.monotonic() >= self._due.get(name, 0.0)):
            looking = self._looking[name] = asyncio.create_task(self._read(name, read))
        # Whoever asked may leave, and the others still want it.
        return asyncio.shield(looking)

    async def _read(self, name: str, read: Callable[[], Coroutine[Any, Any, float]]) -> None:
        began = self._clock.monotonic()
        rests = QUEUE_SECONDS
        try:
            rests = await read()
            self._failed.discard(name)
        except Unavailable as away:
            self._failed.add(name)
            log.warning("metrics_unread", what=name, why=str(away))
        except Exception:
            self._failed.add(name)
            log.exception("metrics_crashed", what=name)
        self._due[name] = began + rests

    async def _read_queue(self) -> float:
        now = self._clock.now()
        self._lanes, self._lanes_at = await self._glance.lanes(now), now
        return QUEUE_SECONDS

    async def _count_leases(self) -> float:
        now = self._clock.now()
        ran_out = await self._glance.ran_out(self._counted_till, now)
        self._counted_till = max(now, self._counted_till)
        self._expiries["people"] += ran_out.get(False, 0)
        self._expiries["machines"] += ran_out.get(True, 0)
        return QUEUE_SECONDS

    async def _compare(self) -> float:
        found = await self._glance.comparisons(self._clock.now())
        self._worse = sum(trial.worse for trial in trials(self._house(), found))
        return PROFILE_SECONDS

    async def _add_up(self) -> float:
        now, began = self._clock.now(), self._clock.monotonic()
        self._sums = (now, await self._glance.sums())
        if self._sums[1].drifting:
            log.error("ledger_drift", count=len(self._sums[1].drifting), first=self._sums[1].drifting[0])
        return max(LEDGER_SECONDS, LEDGER_REST * (self._clock.monotonic() - began))

    def _on_shift(self, *, machine: bool) -> list[tuple[str, int]]:
        now = self._clock.now()
        here = [one for one in self._house().solvers if one.machine is machine and one.on_shift(now)]
        return [(kind.value, sum(not one.kinds or kind in one.kinds for one in here)) for kind in WORK_KINDS]


class Metrics:
    """Serves `/metrics`."""

    def __init__(
        self, *, look: Look, own: Callable[[], Mapping[str, Numbers]], render: Render, token: str | None
    ) -> None:
        """Take the numbers that cost something, those the process has, who writes them, and what readers must send."""
        self._look = look
        self._own = own
        self._render = render
        self._token = token

    async def serve(self, scope: Scope) -> Answer:
        """Answer one call."""
        scope[CALLED] = ("metrics", "none", NO_FAULT)
        if (no := self._refusal(scope)) is not None:
            return no
        if scope["method"] not in {"GET", "HEAD"}:
            return Answer(b"this address takes GET", 405, TEXT, ((b"allow", b"GET, HEAD"),))
        numbers = {**self._own(), **await self._look.numbers()}
        text, kind = self._render(numbers, text_header(scope, b"accept"))
        return Answer(b"" if scope["method"] == "HEAD" else text, type=kind.encode("ascii"), headers=_NOT_KEPT)

    def _refusal(self, scope: Scope) -> Answer | None:
        if self._token is None:
            return None if is_local(scope) else Answer(_LOCAL_ONLY.encode(), 403, TEXT)
        if hmac.compare_digest(bearer(scope).encode(), self._token.encode()):
            return None
        return Answer(_UNKNOWN.encode(), 401, TEXT, ((b"www-authenticate", b"Bearer"),))


def is_local(scope: Scope) -> bool:
    """Tell whether a program on this machine speaks for itself: no proxy for others, no page of another site.

    What proxies forward never makes a caller local. A page can reach this machine by a name of its own that leads here.
    """
    client = scope.get("client")
    if not client or not is_loopback(str(client[0])) or any(header(scope, name) for name in _FORWARDED):
        return False
    asked_by_page = header(scope, b"origin") or header(scope, b"sec-fetch-site") not in {b"", b"none"}
    return not asked_by_page and _is_own_name(text_header(scope, b"host"))


def _is_own_name(host: str) -> bool:
    name = host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    if name.lower() in {"", "localhost"}:
        return True
    try:
        return bool(ip_address(name))
    except ValueError:
        return False
