"""Periodic work, as bounded units that may run twice or not at all.
Rule: a chore only makes sooner what a claim or a poll would do anyway, or forgets what is past its time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from answerdesk.desk.elsewhere import Span
from answerdesk.desk.orders import Review
from answerdesk.desk.people import Sweep
from answerdesk.desk.ports import Changes, Needs, Rows, Store
from answerdesk.desk.store import DeskStore
from answerdesk.desk.trials import Promote, trials
from answerdesk.model.account import Millis, Sequence
from answerdesk.model.task import State

#: How many tasks one round of a chore looks at.
ROUND = 256
#: What is past its time waits for at most this part of it to be forgotten at once with all of its range: so little
#: longer it is kept. What would have to wait longer is erased by itself.
PATIENCE = 12
#: A range lasts for three quarters of what is waited for; the rest is for the last of its tasks to come and go.
LASTS = PATIENCE * 4 // 3


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long things are kept, in milliseconds from a task's creation."""

    results_ms: int = 86_400_000
    media_ms: int = 86_400_000


class Forget(msgspec.Struct, frozen=True, kw_only=True):
    """Erase tasks whole, and the media of others."""

    whole: tuple[Sequence, ...] = ()
    media: tuple[Sequence, ...] = ()

    @property
    def needs(self) -> Needs:
        """Nothing: who is past its time was found before."""
        return Needs()

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, None]:
        """Erase."""
        del rows, now
        return Changes(erased=self.whole, emptied=self.media), None


async def review(store: Store, now: Millis, retention: Retention) -> int:
    """Judge tasks whose time has come; gives how many, ROUND when there may be more."""
    del retention
    due = await store.due(now, ROUND)
    if due:
        await store.run(Review(numbers=tuple(due)))
    return len(due)


async def forget(store: Store, now: Millis, retention: Retention) -> int:
    """Erase settled tasks past their retention; gives how many, ROUND when there may be more."""
    whole = await _past(store, now, retention, media=False)
    if whole:
        await store.run(Forget(whole=whole))
    return len(whole)


async def empty(store: Store, now: Millis, retention: Retention) -> int:
    """Erase the media of settled tasks past theirs, the answers staying readable."""
    media = await _past(store, now, retention, media=True)
    if media:
        await store.run(Forget(media=media))
    return len(media)


async def promote(store: DeskStore, now: Millis, retention: Retention) -> int:
    """Bring the profiles out of shadow that have earned a threshold; gives how many."""
    del retention
    house = store.house()
    if not any(rules.shadows for rules in house.rules.values()):
        return 0
    fit = [
        Promote(type=trial.type, profile=trial.profile, threshold=threshold)
        for trial in trials(house, await store.comparisons(now))
        if trial.shadow and (threshold := trial.earned) is not None
    ]
    return sum([await store.run(verb) for verb in fit])


async def sign_out(store: Store, now: Millis, retention: Retention) -> int:
    """Erase sessions and links whose time is past; gives how many, ROUND when there may be more."""
    del now, retention
    return await store.run(Sweep(most=ROUND))


async def _past(store: Store, now: Millis, retention: Retention, *, media: bool) -> tuple[Sequence, ...]:
    """Drop the ranges that are wholly past, and find what is past of others and has nothing to wait for."""
    kept_ms = retention.media_ms if media else retention.results_ms
    spans = await store.spans(retention.results_ms // LASTS)
    waiting: list[Span] = []
    for span in spans:
        over = span.closed is not None and now - span.closed > kept_ms
        dropped = over and (span.media or not media) and await store.drop(span, media=media)
        if not dropped and (span.media if media else span.whole):
            waiting.append(span)
    aged = await store.oldest(ROUND, media=media)
    past = ((n, created) for n, created, state in aged if state is not State.OPEN and now - created > kept_ms)
    return tuple(n for n, created in past if not _waits(n, created, waiting, now - kept_ms, kept_ms // PATIENCE))


def _waits(n: Sequence, created: int, spans: list[Span], kept_from: int, bears: int) -> bool:
    """Tell whether a task's whole range is past soon enough."""
    closed = next((span.closed for span in spans if span.first <= n < span.past), None)
    return closed is not None and max(closed, kept_from) - created <= bears


Chore = Callable[[DeskStore, Millis, Retention], Awaitable[int]]

#: Each chore and its period in seconds.
CHORES: tuple[tuple[Chore, float], ...] = (
    (review, 0.25), (forget, 30.0), (empty, 30.0), (promote, 60.0), (sign_out, 300.0),
)  # fmt: skip
