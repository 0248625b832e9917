"""What is said between a dialect and the desk: requests and replies as values.
Rule: every dialect reads its bytes into these and writes these into its bytes; the desk never sees JSON."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from answerdesk.model.account import Millis
from answerdesk.model.fault import Fault
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind, Question
from answerdesk.model.task import TaskId

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
    #: How many cells a grid had.
    cells: int = 0
    #: Where the picture can be seen, if it is published.
    url: str | None = None


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The call, or the task it asks for, ended in a fault."""

    fault: Fault
    detail: str


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What the account can spend."""

    amount: Micros


class Reported(msgspec.Struct, frozen=True):
    """The report is booked, once, however often it is sent."""


Reply = Created | Processing | Ready | Refused | Balance | Reported
