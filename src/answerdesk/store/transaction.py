"""One unit on PostgreSQL: rows gathered under locks, always in one order, and written out in few statements.
Rule: locks are taken on tasks, then accounts, callbacks, solvers; what else is written at once by others is merged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from answerdesk.desk.hunt import Hunt
from answerdesk.desk.ports import Clock, House, Needs
from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.answer import task_of
from answerdesk.model.solver import SolverId
from answerdesk.model.standing import Standing
from answerdesk.model.task import Permutation
from answerdesk.store import people, tables
from answerdesk.store.columns import Columns, Text, Whole
from answerdesk.store.decided import Decided
from answerdesk.store.dialect import CLOCK, postgres
from answerdesk.store.hunting import find
from answerdesk.store.search import ANY, Search
from answerdesk.store.statements import Dirty, Place
from answerdesk.store.tables import FLOW, LEASE, LINE, PURSE, TASK, Asking, Row
from answerdesk.store.tallies import STANDING, standing_from
from answerdesk.store.trips import Asked, Trips
from answerdesk.store.units import house_asked

T = TypeVar("T")

#: Whoever changes what is remembered between units holds the first lock, whoever changes people the second.
HOUSE: Final = 0x616E_7377_0002
ROLL: Final = 0x616E_7377_0003
#: How many tasks one unit may settle, each at a place of its own.
PLACES: Final = 4096
#: How often a hunt looks further down the queue past what others hold.
_LOOKS: Final = 4

_LOCK: Final = "SELECT pg_advisory_xact_lock(%s)"
#: How often the house has changed.
VERSION: Final = "SELECT value FROM facts WHERE name = 'house'"
#: The row of the node is locked until its unit has ended, so that whoever asks afterwards how it ended waits for that.
_BEGUN: Final = (
    f"INSERT INTO nodes (name, unit, seen) VALUES (%s, 1, {CLOCK})"
    " ON CONFLICT (name) DO UPDATE SET unit = nodes.unit + 1, seen = excluded.seen"
    f" RETURNING unit, ({VERSION})"
)
_CHANGED: Final = "UPDATE facts SET value = value + 1 WHERE name = 'house' RETURNING value"
_NUMBERS: Final = f"SELECT n FROM leases WHERE solver = ANY (%s) AND outcome IS NULL AND until > coalesce(%s, {CLOCK})"
_TASKS: Final = f"SELECT {TASK} FROM unnest(%s) AS asked (n) JOIN tasks USING (n) ORDER BY n FOR UPDATE OF tasks"
_LEASES: Final = f"SELECT {LEASE} FROM unnest(%s) AS asked (n) JOIN leases USING (n) ORDER BY given, token"
_PURSES: Final = f"SELECT {PURSE} FROM accounts WHERE id = ANY (%s) ORDER BY id FOR NO KEY UPDATE"
_ACCOUNTS: Final = "SELECT settings FROM accounts WHERE id = ANY (%s)"
_CALLBACKS: Final = f"SELECT {tables.CALLBACK} FROM callbacks WHERE n = ANY (%s) ORDER BY n FOR UPDATE"
_SOLVERS: Final = "SELECT id FROM solvers WHERE id = ANY (%s) ORDER BY id FOR NO KEY UPDATE"
_OWED: Final = (
    "SELECT asked.id, coalesce(sum(earned), 0)::bigint, coalesce(sum(paid), 0)::bigint"
    " FROM unnest(%s) AS asked (id) LEFT JOIN wages ON solver = asked.id GROUP BY 1"
)
_LINES: Final = f"SELECT {LINE} FROM lines"
#: A flow is active as long as a task of it is open.
_FLOW_NOW: Final = FLOW.replace("active", f"active = 1 AND {ANY} IS NOT NULL")
_FLOWS: Final = f"SELECT {_FLOW_NOW} FROM flows WHERE account = ANY (%s)"
_REPLAYS: Final = (
    "SELECT account, key, body, n, at FROM unnest(%s, %s) AS asked (account, key) JOIN replays USING (account, key)"
)
_STOOD: Final = (
    f"INSERT INTO standings ({STANDING}) SELECT id, 0, 0, 0, 0, 0, 0 FROM unnest(%s) AS asked (id)"
    " ON CONFLICT DO NOTHING"
)
_STANDINGS: Final = f"SELECT {STANDING} FROM standings WHERE solver = ANY (%s) ORDER BY solver FOR NO KEY UPDATE"


class Unit(Decided):
    """One transaction's rows: gathered before its verbs decide, written out before a hunt and at its end."""

    def __init__(self, trips: Trips, columns: Columns, house: House, clock: Clock | None, ids: Permutation) -> None:
        """Take the way over the writer's connection, on which nothing is under way."""
        super().__init__(house, Millis(0))
        self._ids = ids
        self._trips = trips
        self._columns = columns
        self._clock = clock
        #: Which of its node's units it is.
        self.number = 0
        #: Which version of the house it found, and which it leaves.
        self.found = self.version = 0
        #: The flows that a hunt found active in the database.
        self._listed: set[Place] = set()
        #: Whether the end may have reached the server.
        self.ending = False
        #: What begins the transaction, until it is sent with whatever is asked first.
        self._opening: list[Asked] = []

    def begin(self, node: str, needs: list[Needs], *, alone: bool) -> None:
        """Begin the transaction; alone among those who change the house, where that is asked."""
        self._opening = [
            ("BEGIN", ()),
            *[(_LOCK, (HOUSE,))] * alone,
            *[(_LOCK, (ROLL,))] * any(need.roll for need in needs),
            (_BEGUN, (node,)),
        ]

    async def gather(self, needs: list[Needs], known: int) -> None:
        """Read what these verbs need, each row under the lock that guards it, and the house unless it is known."""
        numbers = {n for need in needs for n in need.tasks}
        named = {task_of(token) for need in needs for token in need.leases}
        # A lease is read with the task that its token names, or there is none of that name.
        numbers.update(self._ids.find(task) for task in named if task)
        holders = {solver for need in needs for solver in need.leases_of}
        if holders:
            now = self._clock.now() if self._clock else None
            (found,) = await self._ask((_NUMBERS, (Whole(holders), now)))
            numbers.update(n for (n,) in found)
        if numbers:
            (found,) = await self._ask((_TASKS, (Whole(sorted(numbers)),)))
            self.rows.tasks = {task.n: task for task in tables.tasks_from(found)}
        await self._gather_under(needs, numbers)
        if self.found != known:
            self.rows.house = await self._answer(house_asked())
        for need in needs:
            if need.roll:
                await self._answer(people.gather(self.rows.roll, need.roll, self.now))

    async def _gather_under(self, needs: list[Needs], numbers: set[Sequence]) -> None:
        """Lock the accounts, and read what lies under the locks."""
        rows = self.rows
        settings = Whole({account for need in needs for account in need.accounts})
        accounts = {account for need in needs for account in need.purses}
        accounts.update(task.account for task in rows.tasks.values())
        locked = Whole(sorted(accounts.union(settings)))
        owed = Whole(sorted({n for need in needs for n in need.callbacks}))
        paid = Whole(sorted({solver for need in needs for solver in need.wages_of}))
        replays = sorted({need.replay for need in needs if need.replay})
        keys = Whole(account for account, _ in replays), Text(key for _, key in replays)
        settles = rows.tasks or any(need.settles for need in needs)
        lines = accounts or any(need.hunt for need in needs)
        # An empty name for what none of the verbs needs.
        found = await self._ask(
            (_PURSES if locked else "", (locked,)),
            (_CALLBACKS if owed else "", (owed,)),
            (_SOLVERS if paid else "", (paid,)),
            (_LEASES if numbers else "", (Whole(numbers),)),
            (_ACCOUNTS if settings else "", (settings,)),
            (_LINES if lines else "", ()),
            (_FLOWS if accounts else "", (Whole(accounts),)),
            (_REPLAYS if replays else "", keys),
            (_OWED if paid else "", (paid,)),
            ("SELECT nextval('units')" if settles else "", ()),
            (f"SELECT {CLOCK}", ()),
        )
        purses, callbacks, _, leases, told, lined, flows, spent, wages, unit, clock = found
        for row in leases:
            rows.hold(tables.lease_from(row))
        for purse in map(tables.purse_from, purses):
            rows.purses[purse.account] = purse
        for account in (tables.account_from(row[0]) for row in told):
            rows.accounts[account.id] = account
        rows.callbacks = {callback.n: callback for callback in map(tables.callback_from, callbacks)}
        rows.lines = {line.name: line for line in map(tables.line_from, lined)}
        rows.flows = {(flow.account, flow.line): flow for flow in map(tables.flow_from, flows)}
        rows.replays = {(replay.account, replay.key): replay for replay in map(tables.replay_from, spent)}
        rows.wages = {SolverId(solver): (earned, out) for solver, earned, out in wages}
        rows.settled = unit[0][0] * PLACES if unit else 0
        self.now = self._clock.now() if self._clock else clock[0][0]

    async def hunt(self, hunt: Hunt) -> None:
        """Find and lock the best tasks for a solver, after writing out what came before."""
        unwritten = await self._unwritten(listed=self._listed)
        rows = self.rows
        rows.idle.clear()
        rows.found = []
        passed: list[Sequence] = []
        for look in range(_LOOKS):
            search = Search(hunt, rows, self.now, passed, look, self._dirty.turned)
            if search.over:
                break
            *_, flows = await self._ask(*unwritten, search.asked())
            unwritten = []
            search.lay_out(flows)
            self._listed.update(search.listed)
            locks = search.plan(find(search, search.hunt, rows))
            if not locks:
                break
            *locked, leases = await self._ask(*locks, (_LEASES, (search.looked_at,)))
            numbers = [[row[0] for row in found] for found in locked]
            rows.found += search.in_turn([self._hold(found) for found in locked], numbers)
            for row in leases:
                if row[1] in rows.tasks and row[0] not in rows.leases:
                    rows.hold(tables.lease_from(row))
            if not search.missed:
                break
            passed += search.missed
        if unwritten:
            await self._ask(*unwritten)
        if rows.idle:
            await self._recheck_idle()

    def _hold(self, found: list[Row]) -> list[Sequence]:
        """Take in tasks that were locked."""
        tasks = list(tables.tasks_from(found))
        for task in tasks:
            self.rows.tasks.setdefault(task.n, task)
        return [task.n for task in tasks]

    async def _recheck_idle(self) -> None:
        """Keep of the flows without tasks those that stay so: whoever adds one holds the account's lock."""
        rows = self.rows
        accounts = Whole(sorted({account for account, _ in rows.idle}))
        locked, flows = await self._ask(
            ("SELECT id FROM accounts WHERE id = ANY (%s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED", (accounts,)),
            (_FLOWS, (accounts,)),
        )
        mine = {AccountId(row[0]) for row in locked}
        now = {(flow.account, flow.line): flow for flow in map(tables.flow_from, flows)}
        rows.idle = {place for place in rows.idle if place[0] in mine and place in now and not now[place].active}

    async def _unwritten(self, listed: Iterable[Place] | None = None) -> list[Asked]:
        """Give what is to be written still, but before the end no turns that are known here; writes what comes first.

        So the rows of lines and flows, which others write as well, are locked for as short as can be.
        """
        dirty = self._dirty
        self._dirty = Dirty() if listed is None else dirty.later(listed)
        asked: list[Asked] = [self._columns.at_once(each, rows) for each, rows in dirty.statements() if rows]
        last: list[Asked] = [self._columns.at_once(each, rows) for each, rows in dirty.last() if rows]
        if dirty.tallies.solvers:
            solvers = Whole(dirty.tallies.solvers)
            *_, found = await self._ask(*asked, (_STOOD, (solvers,)), (_STANDINGS, (solvers,)))
            stood: dict[SolverId, Standing] = {row[0]: standing_from(row) for row in found}
            asked = [self._columns.at_once(*dirty.tallies.standings(stood))]
        return asked + last

    async def commit(self) -> None:
        """Write out the rest and end the transaction."""
        asked = await self._unwritten()
        if self.touches_house:
            asked.append((_CHANGED, ()))
        self.ending = True
        *rest, _ = await self._ask(*asked, ("COMMIT", ()))
        if self.touches_house:
            self.version = rest[-1][0][0]

    async def _ask(self, *asked: Asked) -> list[list[Row]]:
        """Send statements at once, the opening ones before the first, and give what each found."""
        opening, self._opening = self._opening, []
        found = await self._trips.ask(*opening, *asked)
        if opening:
            ((self.number, self.found),) = found[len(opening) - 1]
            self.version = self.found
        return found[len(opening) :]

    async def _answer(self, asking: Asking[T]) -> T:
        """Do work that asks the database, one statement after the other."""
        try:
            statement, values = next(asking)
            while True:
                (found,) = await self._ask((postgres(statement), values))
                statement, values = asking.send(found)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
