"""Numbers for those who ask how busy the desk is and what was spent.
Rule: a queue's numbers are the same for everybody, and counted at most once in ten seconds."""

from __future__ import annotations

from typing import Final

from answerdesk.desk.ports import Clock, Store
from answerdesk.desk.records import Records
from answerdesk.desk.sums import Spending, Spent
from answerdesk.model.account import DAY_MS, Account, AccountId, Millis
from answerdesk.model.catalog import BY_KIND
from answerdesk.model.money import Micros
from answerdesk.model.solver import SolverId
from answerdesk.model.talk import AppAsk, AppStats, Period, QueueAsk, QueueStats, SpendingAsk, SpendingStats

HOUR_MS: Final = 3_600_000
HOURS: Final = 24
DAYS: Final = 30
KEPT_SECONDS: Final = 10.0


class Stats:
    """Counts for the statistics methods."""

    def __init__(self, *, store: Store, records: Records, clock: Clock) -> None:
        """Take what to count."""
        self._store = store
        self._records = records
        self._clock = clock
        self._queues: dict[QueueAsk, tuple[float, QueueStats]] = {}

    async def queue(self, ask: QueueAsk) -> QueueStats:
        """Tell how busy a queue is, no more than ten seconds ago."""
        now = self._clock.monotonic()
        kept = self._queues.get(ask)
        if kept is None or now - kept[0] >= KEPT_SECONDS:
            kept = self._queues[ask] = (now, await self._count(ask))
        return kept[1]

    async def _count(self, ask: QueueAsk) -> QueueStats:
        if not ask.kinds:
            return QueueStats()
        now, house = self._clock.now(), self._store.house()
        granted = (one for one in house.solvers if any(one.may_have(kind, ask.lang) for kind in ask.kinds))
        on_shift: set[SolverId] = {one.id for one in granted if one.on_shift(now)}
        traffic = await self._records.traffic(ask.kinds, ask.lang, now)
        usual = house.price(AccountId(0), BY_KIND[ask.kinds[0]].name).price
        return QueueStats(
            total=len(on_shift),
            idle=len(on_shift - traffic.busy),
            bid=traffic.price if traffic.count else usual,
            seconds=traffic.milliseconds / 1000,
        )

    async def spending(self, account: Account, ask: SpendingAsk) -> SpendingStats:
        """Add up 24 hours, each from its full hour on."""
        last = self._clock.now() - (HOURS - 1) * HOUR_MS if ask.since is None else ask.since
        since = last // HOUR_MS * HOUR_MS
        filters = Spending(types=ask.types, soft_id=ask.soft_id, ip=ask.ip)
        return SpendingStats(hours=await self._periods(account, since, HOURS, HOUR_MS, filters))

    async def app(self, account: Account, ask: AppAsk) -> AppStats:
        """Add up the last thirty days of one program's tasks of this account."""
        since = (self._clock.now() // DAY_MS - DAYS + 1) * DAY_MS
        days = await self._periods(account, since, DAYS, DAY_MS, Spending(soft_id=ask.soft_id))
        return AppStats(mode=ask.mode, days=days)

    async def _periods(
        self, account: Account, since: int, count: int, length: int, filters: Spending
    ) -> tuple[Period, ...]:
        spent = await self._records.spending(account.id, Millis(since), Millis(since + count * length), filters)
        return tuple(_period(spent, since + i * length, length) for i in range(count))


def _period(spent: list[Spent], since: int, length: int) -> Period:
    within = [each for each in spent if since <= each.hour < since + length]
    return Period(
        since=Millis(since),
        till=Millis(since + length),
        count=sum(each.count for each in within),
        amount=Micros(sum(each.amount for each in within)),
    )
