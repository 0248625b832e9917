"""What is said between a dialect and the desk: requests and replies as values.
Rule: every dialect reads its bytes into these and writes these into its bytes; the desk never sees JSON."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from answerdesk.model.account import Millis
from answerdesk.model.fault import Fault
from answerdesk.model.money import NOTHING, Micros
from answerdesk.model.question import Kind, Question
from answerdesk.model.sandbox import Answered
from answerdesk.model.task import TaskId, Trail

#: The words for a task that is unknown, foreign, expired or deleted, or named by no number: always the same
#: (PROTOCOL §3.4).
UNKNOWN_TASK: Final = "no task of this account has this id: it is unknown, expired or was deleted"


class Method(enum.StrEnum):
    """What a call of a dialect's family asks for."""

    CREATE = "create"
    RESULT = "result"
    BALANCE = "balance"
    REPORT_CORRECT = "correct"
    REPORT_INCORRECT = "incorrect"
    TEST = "test"
    QUEUE_STATS = "queue"
    SPENDING_STATS = "spending"
    APP_STATS = "app"
    UNKNOWN = "unknown"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request before anyone knows whose it is: the key without its suffixes, and the parsed body."""

    key: str
    #: Key suffixes of PROTOCOL §2.5: a module's name and a threshold.
    module: str | None = None
    threshold: int | None = None
    body: Mapping[str, Any]


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A task as read from a request, not yet paid for or stored."""

    #: The catalogue row's name.
    type: str
    question: Question
    #: The submitted bytes: one per entry of ``question.media``, then the instruction picture if there is one.
    blobs: tuple[bytes, ...] = ()
    #: Where the client wants the reply posted.
    callback: str | None = None
    #: What a published test key or a sandbox account's script answers: free, and nobody is asked.
    sandbox: Answered | None = None
    soft_id: int | None = None


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """The task is stored and paid for."""

    task: TaskId


class Processing(msgspec.Struct, frozen=True):
    """Not finished."""


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Finished; the same value for every poll until retention ends."""

    #: The catalogue row's name, and its kind of answer.
    type: str
    kind: Kind
    #: The normal answer of PROTOCOL §6.14.
    value: Any
    cost: Micros
    ip: str
    created: Millis
    ended: Millis
    solve_count: int
    #: By whom it was settled.
    trail: Trail | None = None
    #: How many cells a grid had.
    cells: int = 0
    #: Whether a grid of which nothing fits is told in words.
    worded: bool = False
    #: Where the picture can be seen, if it is published.
    url: str | None = None


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The call, or the task it asks for, ended in a fault."""

    fault: Fault
    detail: str
    #: What the native API says instead; empty for the same.
    own: str = ""


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What the account can spend."""

    amount: Micros


class Reported(msgspec.Struct, frozen=True):
    """The report is booked, once, however often it is sent."""


class QueueAsk(msgspec.Struct, frozen=True, kw_only=True):
    """Which queue somebody asks about: the kinds of its questions, none for one not served, and its language."""

    kinds: tuple[Kind, ...] = ()
    lang: str | None = None


class QueueStats(msgspec.Struct, frozen=True, kw_only=True):
    """How busy a queue's solvers are."""

    #: Solvers on shift, and those of them who hold no task.
    total: int = 0
    idle: int = 0
    #: What a task costs, and the seconds one takes, on average of late.
    bid: Micros = NOTHING
    seconds: float = 0.0


class SpendingAsk(msgspec.Struct, frozen=True, kw_only=True):
    """Which day of spending: from an hour on, None for the last 24 hours; narrowed to types, a program, an address."""

    since: Millis | None = None
    types: tuple[str, ...] = ()
    soft_id: int | None = None
    ip: str | None = None


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """What was charged from one time to another: how many tasks, how much."""

    since: Millis
    till: Millis
    count: int = 0
    amount: Micros = NOTHING


class SpendingStats(msgspec.Struct, frozen=True, kw_only=True):
    """Spending by hour."""

    hours: tuple[Period, ...]


class AppAsk(msgspec.Struct, frozen=True, kw_only=True):
    """Whose chart, by the program's number, and of what: errors, views, downloads, users or money."""

    soft_id: int
    mode: str


class AppStats(msgspec.Struct, frozen=True, kw_only=True):
    """What a program's tasks came to by day."""

    mode: str
    days: tuple[Period, ...]


Reply = Created | Processing | Ready | Refused | Balance | Reported | QueueStats | SpendingStats | AppStats
