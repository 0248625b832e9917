"""A question somebody pays for: its states, the table of moves between them, and its public id.
Rule: everything that changes a task's state is a row of MOVES; a settled task never changes again."""

from __future__ import annotations

import enum
from typing import Final, NewType

import msgspec

from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.fault import Fault
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind, Question

#: The id on the wire: positive, not sequential, below 2^31 for the first 2^31 tasks (PROTOCOL T14).
TaskId = NewType("TaskId", int)

DEADLINE_MS: Final = 300_000
#: The largest id a client may name: beyond it no number reaches a database.
LARGEST_ID: Final = 2**53 - 1


class State(enum.IntEnum):
    """Where a task stands. "In progress" is a live lease, not a state."""

    #: Wants an answer.
    OPEN = 0
    #: Has its solution, charged.
    READY = 1
    #: Ended without one, released.
    FAILED = 2


class Cause(enum.StrEnum):
    """What ends a task."""

    #: The judge found the answers good enough.
    SOLVED = "solved"
    #: Those who looked could not answer.
    UNSOLVED = "unsolved"
    #: The answers never agreed.
    DISAGREED = "disagreed"
    #: Nobody answered before the deadline.
    OVERDUE = "overdue"
    #: The media could not be decoded.
    UNDECODABLE = "undecodable"
    #: The operator gave it up.
    CANCELLED = "cancelled"
    #: The client gave it up.
    WITHDRAWN = "withdrawn"


#: Whoever it was: nobody wants the task answered any more.
GIVEN_UP: Final = frozenset({Cause.CANCELLED, Cause.WITHDRAWN})


#: From a state, for a cause, to a state. What is not here cannot happen.
MOVES: Final[dict[tuple[State, Cause], State]] = {
    (State.OPEN, Cause.SOLVED): State.READY,
    (State.OPEN, Cause.UNSOLVED): State.FAILED,
    (State.OPEN, Cause.DISAGREED): State.FAILED,
    (State.OPEN, Cause.OVERDUE): State.FAILED,
    (State.OPEN, Cause.UNDECODABLE): State.FAILED,
    (State.OPEN, Cause.CANCELLED): State.FAILED,
    (State.OPEN, Cause.WITHDRAWN): State.FAILED,
}

#: Which fault a failed task answers with, and the words (PROTOCOL §3.4).
FAILURES: Final[dict[Cause, tuple[Fault, str]]] = {
    Cause.UNSOLVED: (Fault.CAPTCHA_UNSOLVABLE, "Workers could not solve the Captcha"),
    Cause.DISAGREED: (Fault.BAD_DUPLICATES, "The answers did not agree within the allowed number of tries"),
    Cause.OVERDUE: (Fault.CAPTCHA_UNSOLVABLE, "Workers could not solve the Captcha"),
    Cause.UNDECODABLE: (Fault.CAPTCHA_UNSOLVABLE, "Workers could not solve the Captcha"),
    Cause.CANCELLED: (Fault.CAPTCHA_UNSOLVABLE, "cancelled by operator"),
    Cause.WITHDRAWN: (Fault.CAPTCHA_UNSOLVABLE, "Workers could not solve the Captcha"),
}
#: What the native API says instead, where the vendors have no words for it.
OWN_WORDS: Final[dict[Cause, str]] = {Cause.WITHDRAWN: "cancelled by the client"}


class Route(enum.IntFlag):
    """Whose answer a task wants now."""

    NOBODY = 0
    MACHINES = 1
    PEOPLE = 2
    EITHER = 3


class Trail(enum.StrEnum):
    """Who had something to say of a task by the time it settled, in the order in which they came."""

    #: It ran out, was given up or could not be decoded before anybody had.
    NOBODY = "nobody"
    MACHINE = "machine"
    PEOPLE = "people"
    MACHINE_PEOPLE = "machine-people"
    PEOPLE_MACHINE = "people-machine"
    #: It was answered from the published test keys, or as a sandbox account's script says.
    SANDBOX = "sandbox"


class Want(msgspec.Struct, frozen=True, kw_only=True):
    """How many more answers a task wants, from whom, and when to judge it anew."""

    route: Route
    slots: int
    until: Millis


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A stored task. `question` is kept encoded until somebody asks for it."""

    n: Sequence
    account: AccountId
    type: str
    kind: Kind
    state: State = State.OPEN
    cause: Cause | None = None
    price: Micros
    question: bytes
    lang: str | None = None
    #: The group of solvers that alone may have it, empty for every solver.
    group: str = ""
    ip: str = ""
    created: Millis
    deadline: Millis
    #: Place among its account's tasks: lower is claimed first.
    rank: int = 0
    route: Route = Route.NOBODY
    slots: int = 0
    #: From when a claim may take a place: 0, or when the last free place's lease runs out.
    free_at: Millis = Millis(0)
    #: When the judge must look again, at the latest the deadline.
    review_at: Millis = Millis(0)
    ended: Millis = Millis(0)
    #: The normal answer as JSON, once ready.
    solution: bytes = b""
    solve_count: int = 0
    #: By whom it was settled, once it is; the cause says how. Before that a sandbox account's task is known by it.
    trail: Trail | None = None
    #: The task's place in the order in which this desk's tasks settled, 0 while it is open.
    place: int = 0
    #: The client's verdict on the answer: None, "correct" or "incorrect".
    report: str | None = None
    report_reason: str = ""
    #: Whether the price was given back after a report.
    refunded: bool = False
    #: Where to post the reply once settled, and in which dialect's body.
    callback: str | None = None
    dialect: str = ""
    #: The program that sent it, for statistics.
    soft_id: int | None = None

    @property
    def settled(self) -> bool:
        """Whether the task has reached its one final state."""
        return self.state is not State.OPEN

    def asked(self) -> Question:
        """Decode the question."""
        return _QUESTION.decode(self.question)

    def legible(self) -> Question | None:
        """Decode the question; None for bytes that were damaged, or that are of another version's kind."""
        try:
            return self.asked()
        except msgspec.MsgspecError:
            return None


_QUESTION = msgspec.json.Decoder(Question)


def moved(state: State, cause: Cause) -> State:
    """Give the state a cause leads to; a move that is not in the table is a bug and raises KeyError."""
    return MOVES[state, cause]


class Permutation:
    """A keyed one-to-one shuffle of sequence numbers into public ids, 31 bits at a time (PROTOCOL T14).

    Each round multiplies by an odd number and folds the high bits down; both can be undone, so nothing is looked up.
    """

    _BITS = 31
    _MASK = 2**31 - 1
    _FOLD = 16

    def __init__(self, key: bytes) -> None:
        """Take a key of at least 24 bytes: three rounds of two 32-bit numbers."""
        words = [int.from_bytes(key[i : i + 4], "big") for i in range(0, 24, 4)]
        self._rounds = [((words[i] | 1) & self._MASK, words[i + 1] & self._MASK) for i in range(0, 6, 2)]
        self._inverse = [(pow(odd, -1, 2**self._BITS), add) for odd, add in reversed(self._rounds)]

    def show(self, n: Sequence) -> TaskId:
        """Give the public id of a sequence number ≥ 1."""
        block, low = n >> self._BITS, n & self._MASK
        shuffled = self._forth(low)
        if not (block or shuffled):
            shuffled = self._forth(0)
        return TaskId(block << self._BITS | shuffled)

    def find(self, task: TaskId) -> Sequence:
        """Give the sequence number behind a public id ≥ 1."""
        block, low = task >> self._BITS, task & self._MASK
        plain = self._back(low)
        if not (block or plain):
            plain = self._back(0)
        return Sequence(block << self._BITS | plain)

    def lot(self, n: Sequence) -> float:
        """Give a number from 0 to below 1 that nobody without the key can tell, the same each time."""
        return (self.show(Sequence(self.show(n))) & self._MASK) / (1 << self._BITS)

    def _forth(self, x: int) -> int:
        mask, fold = self._MASK, self._FOLD
        for odd, add in self._rounds:
            x = (x * odd + add) & mask
            x ^= x >> fold
        return x

    def _back(self, x: int) -> int:
        mask, fold = self._MASK, self._FOLD
        for inverse, add in self._inverse:
            # Folding by more than half the width undoes itself.
            x ^= x >> fold
            x = ((x - add) * inverse) & mask
        return x
