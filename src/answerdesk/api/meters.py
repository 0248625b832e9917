"""What the server counts of itself: the table of its metrics, and the plain numbers behind them.
Rule: to count costs an addition; names, labels and text are put together only when somebody reads (decision 0025)."""

from __future__ import annotations

import enum
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from answerdesk.desk.ports import Heard
from answerdesk.desk.watch import Ran
from answerdesk.model.account import OWN


class Spread:
    """How often something took how much: a count for each bound, and the sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """Take the upper bounds, in order; what is over the last counts as well."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, amount: float) -> None:
        """Count one more."""
        self.counts[bisect_left(self.bounds, amount)] += 1
        self.sum += amount


class Sort(enum.StrEnum):
    """What a metric's numbers mean."""

    #: Only grows, from 0 at each start.
    COUNTER = "counter"
    #: Stands where it stands.
    GAUGE = "gauge"
    #: How often something took how much, since the start.
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    """One row of the table."""

    name: str
    sort: Sort
    labels: tuple[str, ...]
    about: str


#: The numbers of one metric by its labels' values.
Numbers = Mapping[tuple[str, ...], float | Spread]

METRICS: Final[tuple[Metric, ...]] = (
    Metric("answerdesk_info", Sort.GAUGE, ("version",), "1, with the version of the server."),
    Metric("answerdesk_ready", Sort.GAUGE, (), "1 while the desk is ready, 0 while it starts or cannot commit."),
    Metric(
        "answerdesk_requests_total",
        Sort.COUNTER,
        ("method", "dialect", "fault"),
        "Requests that were answered; the fault is `none` where nothing was refused.",
    ),
    Metric("answerdesk_crashes_total", Sort.COUNTER, ("route",), "Requests that met a bug, by what served them."),
    Metric("answerdesk_guesses_total", Sort.COUNTER, (), "Wrong keys and task ids that came, from this machine too."),
    Metric("answerdesk_polls_held", Sort.GAUGE, (), "Polls of unfinished tasks that are held now."),
    Metric(
        "answerdesk_hold_seconds",
        Sort.HISTOGRAM,
        ("ended",),
        "How long polls were held: `answered` by their task's reply, `unanswered` when their time was up.",
    ),
    Metric("answerdesk_claims_waiting", Sort.GAUGE, (), "Claims of people and machines that wait for a task."),
    Metric("answerdesk_writes_waiting", Sort.GAUGE, (), "Verbs that wait for a unit of group commit."),
    Metric("answerdesk_commit_verbs", Sort.HISTOGRAM, (), "Verbs in one unit of group commit."),
    Metric(
        "answerdesk_commit_seconds",
        Sort.HISTOGRAM,
        (),
        "Time from a unit's first statement until it was durable.",
    ),
    Metric("answerdesk_commit_failures_total", Sort.COUNTER, (), "Units that the database did not take."),
    Metric(
        "answerdesk_settle_seconds",
        Sort.HISTOGRAM,
        ("route", "cause"),
        "Time from a task's creation until it settled, by who had something to say of it and by what ended it.",
    ),
    Metric(
        "answerdesk_callbacks_total",
        Sort.COUNTER,
        ("state",),
        "Callbacks posted, by where each stood after it: `owed` ones will be tried again.",
    ),
    Metric(
        "answerdesk_lease_expiries_total",
        Sort.COUNTER,
        ("solver",),
        "Leases whose time ran out before a word was said, of `people` and of `machines`.",
    ),
    Metric(
        "answerdesk_queue_tasks",
        Sort.GAUGE,
        ("kind",),
        "Tasks that wait to be claimed; at most 1000 of a kind are counted.",
    ),
    Metric(
        "answerdesk_queue_age_seconds",
        Sort.GAUGE,
        ("kind",),
        "Age of the task that waits longest, 0 where none waits.",
    ),
    Metric("answerdesk_queue_leases", Sort.GAUGE, ("kind",), "Leases of open tasks that are being worked on."),
    Metric(
        "answerdesk_people_on_shift",
        Sort.GAUGE,
        ("kind",),
        "People granted a kind who claimed or waited within the last minute.",
    ),
    Metric(
        "answerdesk_machines_on_shift",
        Sort.GAUGE,
        ("kind",),
        "Machines granted a kind that claimed or waited within the last minute.",
    ),
    Metric(
        "answerdesk_profiles_worse",
        Sort.GAUGE,
        (),
        "Machine profiles whose answers taken alone are surely less often right than is aimed at.",
    ),
    Metric(
        "answerdesk_ledger_drift",
        Sort.GAUGE,
        (),
        "Accounts and workers whose stored sums differ from the ledger's: 0, or somebody's money is wrong.",
    ),
    Metric("answerdesk_ledger_entries", Sort.GAUGE, (), "Lines of the ledger when it was last added up."),
    Metric(
        "answerdesk_ledger_checked_timestamp_seconds",
        Sort.GAUGE,
        (),
        "When the ledger was last added up, in seconds since 1970.",
    ),
    Metric(
        "answerdesk_unread",
        Sort.GAUGE,
        (),
        "Readings of the queue, the leases or the ledger that failed at the last try.",
    ),
)

VERBS: Final = (1, 2, 4, 8, 16, 32, 64)
COMMIT_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SETTLE_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 1_800.0, 86_400.0)


class Meters:
    """What is counted of commits and of what they changed."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.verbs = Spread(VERBS)
        self.seconds = Spread(COMMIT_SECONDS)
        self.failures = 0
        self.settled: dict[tuple[str, ...], Spread] = {}

    def ran(self, ran: Ran) -> None:
        """Count a unit."""
        if ran.failed:
            self.failures += 1
            return
        self.verbs.add(ran.verbs)
        self.seconds.add(ran.seconds)

    def hear(self, heard: Heard) -> None:
        """Count the tasks that settled: one that is told of again was reported on."""
        for task in heard.tasks:
            if task.settled and task.report is None and task.account != OWN:
                name = (str(task.trail or "nobody"), str(task.cause or ""))
                spread = self.settled.get(name)
                if spread is None:
                    spread = self.settled[name] = Spread(SETTLE_SECONDS)
                spread.add((task.ended - task.created) / 1000)


def counted(numbers: Iterable[tuple[str, float]]) -> dict[tuple[str, ...], float]:
    """Give numbers that have one label."""
    return {(name,): number for name, number in numbers}
