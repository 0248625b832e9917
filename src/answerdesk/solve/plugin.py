"""What a machine solver is: the protocol, the values it works on, and how one is found.

Nothing here imports a numerical library, so the resident worker stays small.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec

if TYPE_CHECKING:
    from PIL.Image import Image

GROUP = "answerdesk.solvers"

Question = Mapping[str, Any]


class SolverUnknown(LookupError):
    """No installed package offers a solver of that name."""


class SolverUnavailable(RuntimeError):
    """The solver is installed but cannot run on this machine."""


class Hints(msgspec.Struct, frozen=True, kw_only=True):
    """What the asker said about the answer; every default means "nothing said"."""

    #: 0 anything, 1 digits, 2 letters, 3 only digits or only letters, 4 both digits and letters
    numeric: int = 0
    #: True when "a" and "A" are different answers
    case: bool = False
    #: True when the answer has more than one word
    phrase: bool = False
    #: True when the answer is the value of the arithmetic shown
    math: bool = False
    shortest: int = 0
    #: 0 means no limit
    longest: int = 0
    profile: str = "universal"
    lang: str | None = None
    comment: str | None = None

    @classmethod
    def from_question(cls, question: Question) -> Hints:
        """Read the hints out of the work API's question (PROTOCOL §6.14)."""
        said = question.get("constraints") or {}
        options = question.get("options") or {}
        instruction = question.get("instruction") or {}
        return cls(
            numeric=_class(said.get("numeric")),
            case=bool(said.get("case")),
            phrase=bool(said.get("phrase")),
            math=bool(said.get("math")),
            shortest=_count(said.get("minLength")),
            longest=_count(said.get("maxLength")),
            profile=str(options.get("module") or "universal"),
            lang=question.get("lang") or None,
            comment=instruction.get("text") or None,
        )


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """One medium as posted, and its picture when it is one; already within the size and pixel limits."""

    type: str
    data: bytes
    picture: Image | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One question for a solver."""

    kind: str
    media: tuple[Media, ...]
    hints: Hints


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a solver read; `confidence` is the probability that the whole value is right."""

    value: str
    confidence: float


class Abstain(msgspec.Struct, frozen=True, kw_only=True):
    """A solver's decision to say nothing, which is normal."""

    reason: str


class Solver(Protocol):
    """One recogniser, offered by an entry point in the group `answerdesk.solvers`.

    Importing it and `available` are cheap; `load` may take seconds. `solve` returns one outcome for
    each item, in order, and abstains from what it cannot finish before `deadline` (`time.monotonic`).
    """

    name: str
    version: str
    kinds: tuple[str, ...]
    #: languages it reads; empty means any
    languages: tuple[str, ...]

    def available(self) -> tuple[bool, str]:
        """Tell whether it can run here, and if not, why."""
        ...

    def load(self) -> None:
        """Make ready to solve."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...

    def solve(self, batch: Sequence[Item], deadline: float) -> list[Answer | Abstain]:
        """Answer each item or abstain."""
        ...


def installed() -> dict[str, EntryPoint]:
    """List the solvers that installed packages offer, by name, without importing any."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def find(name: str) -> EntryPoint:
    """Find the entry point of a solver, without importing it."""
    known = installed()
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        message = f'there is no solver named "{name}"; installed solvers: {names}'
        raise SolverUnknown(message)
    return known[name]


def make(name: str) -> Solver:
    """Import a solver by name and make one."""
    return cast("Callable[[], Solver]", find(name).load())()


def checked(outcomes: object, count: int) -> list[Answer | Abstain]:
    """Hold a solver to its word: one outcome an item, confidences between 0 and 1."""
    if not isinstance(outcomes, list) or len(outcomes) != count:
        return [Abstain(reason="the solver did not return one outcome for each item")] * count
    return [_checked(outcome) for outcome in outcomes]


def _checked(outcome: object) -> Answer | Abstain:
    match outcome:
        case Abstain():
            return outcome
        case Answer(value=str(), confidence=float() | int() as share) if 0 <= share <= 1:
            return outcome
        case Answer(confidence=float() as share) if math.isnan(share):
            return Abstain(reason="the solver's confidence is not a number")
    return Abstain(reason="the solver returned neither an answer with a confidence of 0 to 1 nor an abstention")


def _class(said: object) -> int:
    return said if isinstance(said, int) and said in range(5) else 0


def _count(said: object) -> int:
    return said if isinstance(said, int) and said > 0 else 0
