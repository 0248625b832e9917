"""What of a desk can be watched: its metrics put together, and its traces where somebody takes them.
Rule: whatever is watched goes on the same without; nothing here is on the way of a request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from answerdesk.api.app import CRASHING, App
from answerdesk.api.hold import Hold
from answerdesk.api.limits import Guesses
from answerdesk.api.meters import Meters, Numbers, counted
from answerdesk.api.metrics import Look, Metrics
from answerdesk.api.waiting import WaitingRoom
from answerdesk.config import BadSetting, Settings
from answerdesk.deliver import Deliverer
from answerdesk.desk.ports import Clock
from answerdesk.desk.store import DeskStore
from answerdesk.desk.watch import Ran, Span, Watch, unwatched
from answerdesk.model.account import Sequence
from answerdesk.model.callback import Delivery

if TYPE_CHECKING:
    # Takes an extra, and is imported by those who want it.
    from answerdesk.tracing import Traces

#: The shortest token that is taken: nobody is kept from trying others.
LEAST_TOKEN: Final = 16
#: Where a callback can stand after it was posted; all are told from the start, so that the first of each is noticed.
_STATES: Final = (*map(str, Delivery), "forgotten")


def read_token(path: Path | None) -> str | None:
    """Read the token that readers of the metrics send, None where no file is named; raises BadSetting."""
    if path is None:
        return None
    try:
        token = path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise BadSetting(f"metrics_token_file: {path} cannot be read: {error}") from error
    if len(token) < LEAST_TOKEN or not (token.isascii() and token.isprintable()) or " " in token:
        raise BadSetting(
            f"metrics_token_file: {path} must hold one line of at least {LEAST_TOKEN} printable ASCII characters"
        )
    return token


def traces_to(endpoint: str | None) -> Traces | None:
    """Open the traces, None where nobody takes them; raises BadSetting where the extra is missing."""
    if endpoint is None:
        return None
    try:
        from answerdesk.tracing import open_traces
    except ImportError as missing:
        raise BadSetting(
            f"trace_endpoint: traces take the extra otel, and {missing.name} is not installed;"
            " pip install 'answerdesk[otel]'"
        ) from missing
    return open_traces(endpoint)


def _render(numbers: Mapping[str, Numbers], accept: str) -> tuple[bytes, str]:
    # What it imports takes a while, and is wanted by those alone who are watched.
    from answerdesk.api.scrape import render

    return render(numbers, accept)


class Watching:
    """The metrics of one desk."""

    def __init__(self, store: DeskStore, clock: Clock, settings: Settings) -> None:
        """Take what is read; raises BadSetting."""
        token = read_token(settings.metrics_token_file)
        self._traces = traces_to(settings.trace_endpoint)
        self._own: Callable[[], Mapping[str, Numbers]] = dict
        self.meters = Meters()
        self._store = store
        self._look = Look(store.glance(), store.house, clock)
        self.metrics = Metrics(look=self._look, own=self._numbers, render=_render, token=token)

    def watch(
        self, *, app: App, hold: Hold, room: WaitingRoom, guesses: Guesses, deliverer: Deliverer,
        ready: Callable[[], str | None],
    ) -> None:  # fmt: skip
        """Take the parts that count."""
        meters, store = self.meters, self._store
        store.watched_by(self._watch())

        def own() -> dict[str, Numbers]:
            return {
                "answerdesk_info": counted([(version("answerdesk"), 1)]),
                "answerdesk_ready": {(): int(ready() is None)},
                "answerdesk_requests_total": app.requests,
                "answerdesk_crashes_total": counted((route, app.crashes[route]) for route in CRASHING),
                "answerdesk_guesses_total": {(): guesses.counted},
                "answerdesk_polls_held": {(): len(hold)},
                "answerdesk_hold_seconds": {("answered",): hold.held[True], ("unanswered",): hold.held[False]},
                "answerdesk_claims_waiting": {(): len(room)},
                "answerdesk_writes_waiting": {(): store.backlog},
                "answerdesk_commit_verbs": {(): meters.verbs},
                "answerdesk_commit_seconds": {(): meters.seconds},
                "answerdesk_commit_failures_total": {(): meters.failures},
                "answerdesk_settle_seconds": meters.settled,
                "answerdesk_callbacks_total": counted((state, deliverer.outcomes[state]) for state in _STATES),
            }

        self._own = own

    @property
    def span(self) -> Span:
        """What marks a piece of work."""
        return self._traces.span if self._traces else unwatched

    def made(self, n: Sequence) -> None:
        """Remember which request made a task, where somebody takes traces."""
        if self._traces is not None:
            self._traces.made(n)

    def origin(self, n: Sequence) -> str:
        """Give the traceparent of the request that made a task, empty where it is not known."""
        return self._traces.origin(n) if self._traces is not None else ""

    def traced(self, app: App) -> Any:
        """Give the application as it is served: itself, where nobody takes traces."""
        if self._traces is None:
            return app
        from answerdesk.api.traced import Traced

        return Traced(app, self._traces.tracer)

    def _watch(self) -> Watch:
        meters, traces = self.meters, self._traces
        if traces is None:
            return Watch(ran=meters.ran)

        def ran(unit: Ran) -> None:
            meters.ran(unit)
            traces.ran(unit)

        return Watch(ran=ran, caller=traces.caller)

    def _numbers(self) -> Mapping[str, Numbers]:
        return self._own()

    async def close(self) -> None:
        """Wait for what is being read."""
        await self._look.close()
        if self._traces is not None:
            await asyncio.to_thread(self._traces.close)
