"""What the desk asks of the outside world: a store, a clock, and names nobody can guess.
Rule: the store mirrors use cases, not tables; a verb gathers, decides purely, and is applied whole or not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from collections.abc import Sequence as Ordered
from itertools import chain
from typing import Protocol, TypeVar

import msgspec

from answerdesk.desk.elsewhere import QUIET, Elsewhere, Span
from answerdesk.desk.hunt import Hunt
from answerdesk.desk.roll import RollChanges, RollNeeds, RollRows
from answerdesk.model.account import Account, AccountId, Key, Millis, Purse, Sequence
from answerdesk.model.answer import Lease
from answerdesk.model.callback import Attempt, Callback
from answerdesk.model.catalog import CATALOG
from answerdesk.model.fair import Flow, Line, LineName
from answerdesk.model.judge import UNREAD, Rules
from answerdesk.model.money import NOTHING, Entry, Micros, wages_by
from answerdesk.model.question import Kind
from answerdesk.model.solver import Solver, SolverId, Staff, staff_for
from answerdesk.model.standing import Mark
from answerdesk.model.task import State, Task
from answerdesk.model.trust import Comparison

T_co = TypeVar("T_co", covariant=True)

_DEFAULT_RULES = Rules()


class Unavailable(Exception):
    """The store cannot promise anything now; nothing was written. The message says why."""


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """An override of a type's price and pay, for one account or (0) for all."""

    account: AccountId = AccountId(0)
    type: str
    price: Micros
    pay: Micros


class House(msgspec.Struct, frozen=True, kw_only=True):
    """The small tables every decision may look at: solvers, prices, rules."""

    solvers: tuple[Solver, ...] = ()
    prices: dict[tuple[AccountId, str], Price] = {}
    rules: dict[str, Rules] = {}

    def price(self, account: AccountId, kind: str) -> Price:
        """Give what a type costs this account: its own price, else the desk's, else the catalogue's."""
        found = self.prices.get((account, kind)) or self.prices.get((AccountId(0), kind))
        if found is None and (row := CATALOG.get(kind)) is not None:
            found = Price(type=kind, price=row.price, pay=row.pay)
        # Tasks outlive the types of a version that is gone.
        return found or Price(type=kind, price=NOTHING, pay=NOTHING)

    def rules_for(self, kind: str) -> Rules:
        """Give the operator's rules for a type."""
        return self.rules.get(kind, _DEFAULT_RULES)

    @property
    def unread(self) -> tuple[str, ...]:
        """The types whose rules cannot be read."""
        return tuple(kind for kind, rules in self.rules.items() if rules is UNREAD)


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """An idempotency key as spent: the task it made, and a digest of the body that made it."""

    account: AccountId
    key: str
    body: bytes
    n: Sequence
    at: Millis


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """The rows a verb looks at. A task brings its leases and its account's purse, a lease its task."""

    accounts: tuple[AccountId, ...] = ()
    purses: tuple[AccountId, ...] = ()
    tasks: tuple[Sequence, ...] = ()
    leases: tuple[str, ...] = ()
    #: Live leases of these solvers, with their tasks.
    leases_of: tuple[SolverId, ...] = ()
    #: What these solvers earned and were paid.
    wages_of: tuple[SolverId, ...] = ()
    replay: tuple[AccountId, str] | None = None
    callbacks: tuple[Sequence, ...] = ()
    hunt: Hunt | None = None
    roll: RollNeeds | None = None
    #: Whether a task may settle that no row above names.
    settles: bool = False
    #: How many sequence numbers to take.
    block: int = 0


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What a verb decided to write; every row is given whole and replaces the one before it."""

    accounts: tuple[Account, ...] = ()
    keys: tuple[Key, ...] = ()
    purses: tuple[Purse, ...] = ()
    #: New tasks with their media, in order.
    created: tuple[tuple[Task, tuple[bytes, ...]], ...] = ()
    tasks: tuple[Task, ...] = ()
    leases: tuple[Lease, ...] = ()
    lines: tuple[Line, ...] = ()
    flows: tuple[Flow, ...] = ()
    entries: tuple[Entry, ...] = ()
    #: What is added to solvers' standings, and to how machines compare with people.
    marks: tuple[Mark, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    replays: tuple[Replay, ...] = ()
    callbacks: tuple[Callback, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    solvers: tuple[Solver, ...] = ()
    #: Solvers of whom only `seen` changed.
    seen: tuple[Solver, ...] = ()
    #: Token digests of new solvers.
    tokens: tuple[tuple[SolverId, bytes], ...] = ()
    prices: tuple[Price, ...] = ()
    rules: tuple[tuple[str, Rules], ...] = ()
    #: What becomes of people, their sessions and links.
    roll: tuple[RollChanges, ...] = ()
    #: The place of the last task settled, where one was.
    settled: int = 0
    #: Tasks to forget: with their leases and media, or the media alone.
    erased: tuple[Sequence, ...] = ()
    emptied: tuple[Sequence, ...] = ()
    #: The first sequence number that is not taken, once some were.
    next: tuple[Sequence, ...] = ()


NO_CHANGES = Changes()


def together(steps: Ordered[Changes]) -> Changes:
    """Join changes in order; of one row the last is the one that stands."""
    if len(steps) == 1:
        return steps[0]
    rows = {}
    for name in _ROWS:
        parts = [part for step in steps if (part := getattr(step, name))]
        if parts:
            rows[name] = parts[0] if len(parts) == 1 else tuple(chain.from_iterable(parts))
    return Changes(settled=max((step.settled for step in steps), default=0), **rows)


_ROWS = tuple(name for name in Changes.__struct_fields__ if name != "settled")


class Rows:
    """The rows a batch of verbs looks at, as they stand after the verbs before."""

    def __init__(self, house: House) -> None:
        """Start with the house's small tables and nothing else."""
        self.house = house
        self.accounts: dict[AccountId, Account] = {}
        self.purses: dict[AccountId, Purse] = {}
        self.tasks: dict[Sequence, Task] = {}
        self.leases: dict[str, Lease] = {}
        self.tokens_of: dict[Sequence, dict[str, None]] = {}
        self.replays: dict[tuple[AccountId, str], Replay] = {}
        self.callbacks: dict[Sequence, Callback] = {}
        #: What solvers earned and were paid in all, of those whose wages were asked for.
        self.wages: dict[SolverId, tuple[Micros, Micros]] = {}
        self.roll = RollRows()
        self._staff: dict[tuple[Kind, str | None, str], Staff] = {}
        #: All lines, and the flows of the accounts above or that a hunt passed.
        self.lines: dict[LineName, Line] = {}
        self.flows: dict[tuple[AccountId, LineName], Flow] = {}
        #: What the last hunt found, best first, and the flows in which it saw no open task.
        self.found: list[Sequence] = []
        self.idle: set[tuple[AccountId, LineName]] = set()
        #: The place of the task that settled last.
        self.settled = 0
        #: The first sequence number not taken yet, where a verb needs some.
        self.next = Sequence(0)

    def staff(self, asked: tuple[Kind, str | None, str], now: Millis, had: Collection[SolverId] = ()) -> Staff:
        """Count who may have a question of this kind, language and group, which some `had` before."""
        found = self._staff.get(asked)
        if found is None:
            found = self._staff[asked] = staff_for(self.house.solvers, *asked[:2], now, group=asked[2])
        if not had:
            return found
        again = (one for one in self.house.solvers if one.id in had and not one.machine and one.may_have(*asked))
        left = found.people_left - sum(one.on_shift(now) for one in again)
        return msgspec.structs.replace(found, people_left=left)

    def said(self, n: Sequence) -> tuple[Lease, ...]:
        """Give every lease of a task, in the order given out."""
        return tuple(self.leases[token] for token in self.tokens_of.get(n, ()))

    def hold(self, lease: Lease) -> None:
        """Take a lease in, new or changed."""
        self.leases[lease.token] = lease
        self.tokens_of.setdefault(Sequence(lease.task), {})[lease.token] = None

    def absorb(self, changes: Changes) -> None:
        """Let the verbs after this one see what it decided."""
        self.settled = max(self.settled, changes.settled)
        for account in changes.accounts:
            self.accounts[account.id] = account
        for purse in changes.purses:
            self.purses[purse.account] = purse
        for task, _ in changes.created:
            self.tasks[task.n] = task
        for task in changes.tasks:
            self.tasks[task.n] = task
        for lease in changes.leases:
            self.hold(lease)
        for line in changes.lines:
            self.lines[line.name] = line
        for flow in changes.flows:
            self.flows[flow.account, flow.line] = flow
        for replay in changes.replays:
            self.replays[replay.account, replay.key] = replay
        for callback in changes.callbacks:
            self.callbacks[callback.n] = callback
        if self.wages:
            self._book(changes.entries)
        self.roll.absorb(*changes.roll)
        self._absorb_house(changes)
        self._forget(changes.erased)

    def _book(self, entries: Ordered[Entry]) -> None:
        """Let payouts after this see what was earned, taken back and paid by it."""
        for entry in entries:
            if (solver := SolverId(entry.solver)) in self.wages:
                (earned, paid), (more, out) = self.wages[solver], wages_by(entry)
                self.wages[solver] = Micros(earned + more), Micros(paid + out)

    def _absorb_house(self, changes: Changes) -> None:
        if changes.solvers or changes.seen:
            solvers = {solver.id: solver for solver in (*self.house.solvers, *changes.solvers, *changes.seen)}
            self.house = msgspec.structs.replace(self.house, solvers=tuple(solvers.values()))
            self._staff.clear()
        if changes.prices:
            prices = self.house.prices | {(price.account, price.type): price for price in changes.prices}
            self.house = msgspec.structs.replace(self.house, prices=prices)
        if changes.rules:
            self.house = msgspec.structs.replace(self.house, rules=self.house.rules | dict(changes.rules))

    def _forget(self, erased: Ordered[Sequence]) -> None:
        """Let the verbs after this one find nothing of erased tasks."""
        for n in erased:
            self.tasks.pop(n, None)
            self.callbacks.pop(n, None)
            for token in self.tokens_of.pop(n, ()):
                del self.leases[token]
        if erased:
            self.replays = {name: replay for name, replay in self.replays.items() if replay.n not in erased}


class Verb(Protocol[T_co]):
    """One use case that writes: says what it needs, then decides on it. May be decided again after a failed batch."""

    @property
    def needs(self) -> Needs:
        """The rows to gather."""

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, T_co]:
        """Decide purely; raises Refusal to write nothing."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What a commit changed, told after it is durable."""

    #: Tasks as a commit of this process left them.
    tasks: Ordered[Task] = ()
    #: What commits of other processes did.
    elsewhere: Elsewhere = QUIET
    #: Accounts, keys, solvers, prices or rules changed, here or in another process.
    settings: bool = False
    #: Tasks that were forgotten.
    erased: Ordered[Sequence] = ()
    #: Ranges all of whose tasks were forgotten; what is still kept of them is read again.
    dropped: Ordered[Span] = ()
    #: Whether more may have happened than was heard of: what is remembered of tasks may have been forgotten since.
    missed: bool = False


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """Which tasks to list: newest first, before a sequence number."""

    account: AccountId | None = None
    state: State | None = None
    before: Sequence | None = None
    most: int = 50


class Store(Protocol):
    """Durable state. Everything acknowledged by `run` survives a crash."""

    async def run(self, verb: Verb[T_co]) -> T_co:
        """Run a verb in a unit; returns once it is durable. Raises its Refusal, or Unavailable."""

    def queue(self, verb: Verb[T_co]) -> Awaitable[T_co]:
        """Run a verb in a unit, as `run` does, for whoever is called back; raises Unavailable where none can be run."""

    async def draw(self) -> Sequence:
        """Draw a sequence number that was never drawn before."""

    def drawn(self) -> Sequence | None:
        """Draw such a number if there is one at hand."""

    def listen(self, hearer: Callable[[Heard], None]) -> None:
        """Be told after each commit, in this process."""

    def house(self) -> House:
        """Give the small tables as of the last commit seen."""

    def duty(self) -> bool:
        """Tell whether this process is the one that does chores and deliveries now; twice costs work, no more."""

    async def account_by_key(self, key: bytes) -> Account | None:
        """Find the account of a key that is not revoked, by the key's digest."""

    async def solver_by_token(self, token: bytes) -> Solver | None:
        """Find an enabled solver by its token's digest."""

    async def purse(self, account: AccountId) -> Purse | None:
        """Read an account's money."""

    async def task(self, n: Sequence) -> Task | None:
        """Read one task."""

    async def settled_among(self, numbers: Iterable[Sequence]) -> list[Task]:
        """Read those of these tasks that are final."""

    async def lease(self, token: str) -> Lease | None:
        """Read one lease."""

    async def content(self, n: Sequence, index: int) -> bytes | None:
        """Read one medium of a task."""

    async def due(self, now: Millis, most: int) -> list[Sequence]:
        """Find open tasks whose review time has come, earliest first."""

    async def oldest(self, most: int, *, media: bool) -> list[tuple[Sequence, Millis, State]]:
        """Find the first tasks kept, or the first whose media are kept, with their time of creation."""

    async def spans(self, lasting: int) -> list[Span]:
        """Give the ranges of numbers that were drawn and can be forgotten at once, first to last; none is an answer.

        Of those that are made from now on each should last about so many milliseconds.
        """

    async def drop(self, span: Span, *, media: bool) -> bool:
        """Forget a closed range's tasks at once, or their media alone; what is open stays, and what owes a callback.

        False, and nothing is forgotten, where too much would stay, or others do not let go of the tables at once.
        """

    async def account(self, account: AccountId) -> Account | None:
        """Read an account's settings."""

    async def reported(self, account: AccountId, among: int) -> tuple[int, int]:
        """Count the answered tasks among an account's last settled ones, and those of them reported wrong."""

    async def callbacks_due(
        self, now: Millis, most: int, *, each: int, among: tuple[str, ...] | None = None, but: tuple[str, ...] = ()
    ) -> list[Callback]:
        """Find owed callbacks whose time has come, earliest first and at most `each` of one host.

        They are of the hosts `among`, or with None of all but some. What it costs grows with the hosts alone.
        """


class Clock(Protocol):
    """The time; a unit's own time comes from the store."""

    def now(self) -> Millis:
        """Milliseconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


class Names(Protocol):
    """Names nobody can guess."""

    def secret(self) -> str:
        """Give 32 hex characters of fresh randomness."""
