"""The values calls take and return: frozen, typed, and tolerant of fields a newer server may add."""

from datetime import datetime
from decimal import Decimal
from os import PathLike
from typing import Any, NewType, TypeAlias, TypedDict

from msgspec import Struct

from answerdesk_client._errors import AnswerdeskError

TaskId = NewType("TaskId", int)

Picture: TypeAlias = bytes | PathLike[str] | str
"""A picture: its bytes, the path of its file (`pathlib.Path`), or a `str` that is already base64."""

Sound: TypeAlias = Picture
"""A recording, given like a picture."""


class TextOptions(TypedDict, total=False):
    """What may be said about a picture to be read (PROTOCOL §6.2); what is left out has the server's default."""

    phrase: bool
    """The answer may contain spaces."""
    case: bool
    """Upper and lower case matter."""
    numeric: int
    """0 anything, 1 digits only, 2 letters only, 3 digits or letters, 4 digits and letters."""
    math: bool
    """The picture shows a sum; the answer is its result."""
    min_length: int
    max_length: int
    comment: str
    """An instruction for the person who reads the picture."""
    img_instructions: Picture
    """The same as a picture."""
    cap_monster_module: str
    """The machine profile to read it with."""
    recognizing_threshold: int
    """0 to 100: an answer a machine is less sure of than this is thrown away, and not charged."""
    website_url: str
    """Where the picture was met; statistics only, never fetched."""
    language_pool: str
    """Which people to ask, as a language code."""


class MarkedOptions(TypedDict, total=False):
    """What may be said about any picture something is marked on."""

    language_pool: str
    """Which people to ask, as a language code."""


class BoxesOptions(MarkedOptions, total=False):
    """What may be said about boxes and outlines."""

    img_instructions: Picture
    """The instruction as a picture."""
    can_no_answer: bool
    """An empty list may be the answer."""


class PointsOptions(MarkedOptions, total=False):
    """What may be said about points."""

    img_instructions: Picture
    """The instruction as a picture."""
    min_clicks: int
    max_clicks: int


class GridOptions(PointsOptions, total=False):
    """What may be said about the cells of a picture."""

    rows: int
    columns: int
    can_no_answer: bool
    """An empty list may be the answer."""
    previous_id: str
    """The earlier task of the same series of pictures."""


class RotateOptions(MarkedOptions, total=False):
    """What may be said about pictures to set upright."""

    img_instructions: Picture
    """The instruction as a picture."""
    angle: int
    """Degrees of one step where people turn it; an answer may be any angle."""


class Solution(Struct, frozen=True, kw_only=True):
    """A finished task's answer: its `value` in the normal form of its kind, and as `text` where it is one."""

    task: TaskId
    value: Any
    """A str for text, question and audio; cells, points, boxes, outlines, degrees or places for the others."""
    text: str = ""
    type: str = ""
    kind: str = ""
    cost: Decimal | None = None
    created: datetime | None = None
    ended: datetime | None = None
    solve_count: int | None = None


class Problem(Struct, frozen=True, kw_only=True):
    """Why a call was refused or a task failed (RFC 9457), with the protocol's code."""

    code: str
    status: int
    detail: str = ""
    title: str = ""


class Task(Struct, frozen=True, kw_only=True, rename="camel"):
    """A task as it stands: `open`, `ready` or `failed`; the rest is there once it is settled."""

    id: TaskId
    status: str
    type: str | None = None
    kind: str | None = None
    answer: Any = None
    cost: Decimal | None = None
    created: datetime | None = None
    ended: datetime | None = None
    solve_count: int | None = None
    error: Problem | None = None


class Event(Struct, frozen=True, kw_only=True):
    """A task that settled, and the name of its place in the stream, to resume from."""

    id: str
    task: Task


class LedgerLine(Struct, frozen=True, kw_only=True):
    """One line of the ledger; `balance` is what it did to the balance."""

    line: int
    at: datetime
    move: str
    amount: Decimal
    balance: Decimal
    task: TaskId | None = None
    note: str = ""


class Progress(Struct, frozen=True, kw_only=True):
    """How far a batch is: the order that came to its end just now, and how many have."""

    done: int
    index: int
    """Its place among the orders, from 0."""
    task: TaskId | None
    """None where no task was made of it."""
    outcome: Solution | AnswerdeskError


class Media(Struct, frozen=True, kw_only=True):
    """One picture or sound of a question; `WorkClient.media(url)` has its bytes."""

    url: str
    type: str
    width: int | None = None
    height: int | None = None


class Instruction(Struct, frozen=True, kw_only=True):
    """What to do, in words, as a picture (a media URL), both or neither."""

    text: str | None = None
    image: str | None = None


class Constraints(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the answer must satisfy; `None` where nothing was asked."""

    phrase: bool | None = None
    case: bool | None = None
    numeric: int | None = None
    math: bool | None = None
    min_length: int | None = None
    max_length: int | None = None
    rows: int | None = None
    columns: int | None = None
    min_clicks: int | None = None
    max_clicks: int | None = None
    can_no_answer: bool | None = None
    angle: int | None = None


class Options(Struct, frozen=True, kw_only=True):
    """Wishes about the machine: which profile, and how sure (0 to 100) it must be."""

    module: str = "universal"
    threshold: int | None = None


class Question(Struct, frozen=True, kw_only=True):
    """What is asked (PROTOCOL §6.14)."""

    kind: str
    instruction: Instruction = Instruction()
    constraints: Constraints = Constraints()
    options: Options = Options()
    lang: str | None = None
    media: tuple[Media, ...] = ()
    earlier: Media | None = None
    """The picture of the earlier task of its series, if there is one to see."""


class Lease(Struct, frozen=True, kw_only=True):
    """Permission to answer one task until a time (`until`, unix seconds on the server's clock).

    While it is `reserved` its own time does not run: that begins when it is shown.
    """

    lease: str
    task: int
    kind: str
    until: float
    question: Question
    reserved: bool = False
    #: For machines of a server that sends traces: the W3C `traceparent` of the request that made the task.
    trace: str = ""


class Claim(Struct, frozen=True, kw_only=True):
    """A wish for work: of which kinds, how many leases at most, and how many seconds (≤ 30) to wait for the first.

    With `reserve` the tasks are set aside for 20 seconds, for somebody who is still busy with another.
    """

    kinds: tuple[str, ...]
    max: int = 1
    wait: float = 25.0
    reserve: bool = False


class Held(Struct, frozen=True, kw_only=True):
    """Until when a lease runs now (unix seconds on the server's clock), or `why` nothing could be done with it."""

    lease: str
    until: float | None = None
    why: str | None = None


class Verdict(Struct, frozen=True, kw_only=True):
    """What became of an answer or a decline: taken or not and `why`, what it earned, and what its claim brought.

    `shown` tells of the lease that was named as shown.
    """

    accepted: bool
    why: str | None = None
    paid: Decimal = Decimal(0)
    leases: list[Lease] = []
    shown: Held | None = None


class Undone(Struct, frozen=True, kw_only=True):
    """Whether an answer was withdrawn: its lease runs again `until` a time, or `why` it stands."""

    reopened: bool
    until: float | None = None
    question: Question | None = None
    why: str | None = None


class Me(Struct, frozen=True, kw_only=True):
    """Who the token is, what it may be asked, and its day (UTC): answers, earnings, and what waits by kind.

    `accuracy` is None until enough answers were judged; what waits is counted up to a thousand a kind.
    """

    name: str
    kinds: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    done: int = 0
    accuracy: float | None = None
    earned: Decimal = Decimal(0)
    waiting: dict[str, int] = {}
