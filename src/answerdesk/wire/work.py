"""The work API's JSON: what people and machines say to claim, answer and decline, and what they are told.
Rule: a refusal is one sentence naming the field and what it accepts; times are seconds, money is text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, NotRequired, TypedDict, TypeVar

import msgspec

from answerdesk.model import money
from answerdesk.model.answer import Decline, Lapse, Lease, Verdict, Why
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.media import ANEW
from answerdesk.model.question import WORK_KINDS, Kind, Medium, Question
from answerdesk.model.task import TaskId
from answerdesk.wire.fields import SPRAWLING, is_sprawling

MOST_LEASES: Final = 16
LONGEST_WAIT: Final = 30.0
LONGEST_LEASE: Final = 100
MOST_RELEASED: Final = 64

#: Printable ASCII, so that no store ever sees a character it cannot keep.
LeaseToken = Annotated[str, msgspec.Meta(pattern="^[!-~]+$", max_length=LONGEST_LEASE)]


class ClaimCall(msgspec.Struct, frozen=True, kw_only=True):
    """A wish for work: of which kinds, at most how many leases, and how long to wait for the first."""

    #: None named means every kind the solver is granted.
    kinds: tuple[Kind, ...] = ()
    max: Annotated[int, msgspec.Meta(ge=1, le=MOST_LEASES)] = 1
    #: Seconds.
    wait: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_WAIT)] = 0.0
    #: Whether to set the tasks aside only, for somebody still busy with another: their time runs once they are shown.
    reserve: bool = False


class AnswerCall(msgspec.Struct, frozen=True, kw_only=True):
    """An answer under a lease, and perhaps the reserved lease shown after it, and the next claim."""

    lease: LeaseToken
    value: Any
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    shown: LeaseToken | None = None
    claim: ClaimCall | None = None


class DeclineCall(msgspec.Struct, frozen=True, kw_only=True):
    """A task given back, and perhaps the reserved lease shown after it, and the next claim."""

    lease: LeaseToken
    reason: Decline
    shown: LeaseToken | None = None
    claim: ClaimCall | None = None


class LeaseCall(msgspec.Struct, frozen=True, kw_only=True):
    """The lease that something is done with."""

    lease: LeaseToken


class ReleaseCall(msgspec.Struct, frozen=True, kw_only=True):
    """Leases given up without a word."""

    leases: Annotated[tuple[LeaseToken, ...], msgspec.Meta(max_length=MOST_RELEASED)]


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A lease with what its holder has to answer; `task` is the public id."""

    lease: Lease
    task: TaskId
    question: Question
    #: The picture of the earlier task of its series, if the holder may see one.
    earlier: Medium | None = None
    #: The W3C traceparent of the request that made the task, where that is known.
    trace: str = ""


#: What each field accepts, for the refusals.
ACCEPTED: Final[Mapping[str, str]] = {
    "kinds": f"a list of {', '.join(WORK_KINDS)}",
    "max": f"an integer 1..{MOST_LEASES}",
    "wait": f"a number of seconds 0..{LONGEST_WAIT:.0f}",
    "reserve": "true or false",
    "lease": "the text a claim gave as lease",
    "leases": f"a list of at most {MOST_RELEASED} texts that claims gave as lease",
    "shown": "the text a claim gave as lease, or null",
    "value": "the answer in the form of the question's kind",
    "confidence": "a number 0..1 or null",
    "reason": f"one of {', '.join(Decline)}",
    "claim": "an object with kinds, max, wait and reserve, or null",
}

_Read = TypeVar("_Read")
_CLAIM: Final = msgspec.json.Decoder(ClaimCall)
_ANSWER: Final = msgspec.json.Decoder(AnswerCall)
_DECLINE: Final = msgspec.json.Decoder(DeclineCall)
_LEASE: Final = msgspec.json.Decoder(LeaseCall)
_RELEASE: Final = msgspec.json.Decoder(ReleaseCall)


def read_claim(body: bytes) -> ClaimCall:
    """Read a claim; an empty body is a claim with every default."""
    return _read(_CLAIM, body or b"{}")


def read_answer(body: bytes) -> AnswerCall:
    """Read an answer; whether its value fits the question is judged where the question is known."""
    return _read(_ANSWER, body)


def read_decline(body: bytes) -> DeclineCall:
    """Read a decline."""
    return _read(_DECLINE, body)


def read_lease(body: bytes) -> LeaseCall:
    """Read a call that names one lease: show, keep, extend or undo."""
    return _read(_LEASE, body)


def read_release(body: bytes) -> ReleaseCall:
    """Read which leases are given up."""
    return _read(_RELEASE, body)


def _read(decoder: msgspec.json.Decoder[_Read], body: bytes) -> _Read:
    if is_sprawling(body):
        raise Refusal(Fault.BAD_PARAMETERS, SPRAWLING)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        sentence = _misfit(str(error))
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, msgspec.DecodeError) else "not UTF-8, or nested too deeply"
        sentence = f"the body is not JSON ({reason}); a JSON object in UTF-8 is accepted"
    raise Refusal(Fault.BAD_PARAMETERS, sentence) from None


_MISSING = re.compile(r"missing required field `(\w+)`")
_PLACE = re.compile(r" - at `\$((?:\.\w+)*)")


def _misfit(said: str) -> str:
    """Turn the decoder's complaint into the field's name and what it accepts."""
    place = _PLACE.search(said)
    path = place[1].lstrip(".") if place else ""
    if missing := _MISSING.search(said):
        path = f"{path}.{missing[1]}".lstrip(".")
    if not path:
        return "the body is JSON but not an object; a JSON object is accepted"
    verb = "is missing; it must be" if missing else "must be"
    return f"{path} {verb} {ACCEPTED.get(path.rpartition('.')[2], 'a value this field accepts')}"


class InstructionJson(TypedDict):
    """What to do, in words, as a picture, both or neither."""

    text: str | None
    image: str | None


class ConstraintsJson(TypedDict, total=False):
    """What the answer must satisfy; only what applies is present."""

    phrase: bool
    case: bool
    numeric: int
    math: bool
    minLength: int
    maxLength: int
    rows: int
    columns: int
    minClicks: int
    maxClicks: int
    canNoAnswer: bool
    angle: int


class OptionsJson(TypedDict):
    """What steers machines: a profile's name, the least confidence (0..100) the client takes, and an earlier task."""

    module: str
    threshold: NotRequired[int]
    #: The id of an earlier task of the same series of pictures.
    previous: NotRequired[str]


class MediumJson(TypedDict):
    """A picture or sound: where it is, and what it is there: made anew for people, as it was sent for machines."""

    url: str
    type: str
    width: NotRequired[int]
    height: NotRequired[int]


class QuestionJson(TypedDict):
    """What is asked; `media` holds what the answer is about, never the instruction picture."""

    kind: Kind
    instruction: InstructionJson
    constraints: ConstraintsJson
    options: OptionsJson
    lang: str | None
    media: list[MediumJson]
    #: The first picture of the earlier task that `options.previous` names, while it is kept and the lease runs.
    earlier: NotRequired[MediumJson]


class LeaseJson(TypedDict):
    """Permission to answer one task until a time, in seconds since the Unix epoch."""

    lease: str
    task: int
    kind: Kind
    until: float
    #: Whether it is only set aside: its time runs once it is shown.
    reserved: bool
    question: QuestionJson
    #: Told to machines where traces are taken: the W3C traceparent of the request that made the task.
    trace: NotRequired[str]


class LeasesJson(TypedDict):
    """What a claim brought; an empty list when nothing came in time."""

    leases: list[LeaseJson]


class HeldJson(TypedDict):
    """Until when a lease runs now, or why nothing could be done with it."""

    lease: str
    until: NotRequired[float]
    why: NotRequired[Lapse]


class VerdictJson(TypedDict):
    """Whether an answer or decline was taken, why not, what it earned, what was shown, and what its claim brought."""

    accepted: bool
    why: NotRequired[Why]
    paid: str
    leases: list[LeaseJson]
    shown: NotRequired[HeldJson]


class ReleasedJson(TypedDict):
    """How many of the leases were live."""

    released: int


class UndoneJson(TypedDict):
    """Whether the lease is open again, until when and with which question, or why not."""

    reopened: bool
    until: NotRequired[float]
    question: NotRequired[QuestionJson]
    why: NotRequired[Lapse]


class ProblemJson(TypedDict):
    """Why a call could not be served, in one sentence."""

    error: str


_encode = msgspec.json.Encoder().encode


def write_leases(given: Iterable[Given]) -> bytes:
    """Write the reply to a claim."""
    return _encode(LeasesJson(leases=_leases(given)))


def write_verdict(verdict: Verdict, given: Iterable[Given] = (), shown: HeldJson | None = None) -> bytes:
    """Write the reply to an answer or a decline; without a claim in the call its leases are an empty list."""
    reply = VerdictJson(accepted=verdict.accepted, paid=_paid(verdict.paid), leases=_leases(given))
    if verdict.why is not None:
        reply["why"] = verdict.why
    if shown is not None:
        reply["shown"] = shown
    return _encode(reply)


def held_json(token: str, until: int, why: Lapse | None) -> HeldJson:
    """Tell until when (in milliseconds) a lease runs, or why nothing could be done with it."""
    return HeldJson(lease=token, until=until / 1000) if why is None else HeldJson(lease=token, why=why)


def write_held(held: HeldJson) -> bytes:
    """Write the reply to a lease that is shown, kept or extended."""
    return _encode(held)


def write_released(count: int) -> bytes:
    """Write the reply to leases given up."""
    return _encode(ReleasedJson(released=count))


def write_undone(again: Given | Lapse) -> bytes:
    """Write the reply to what was to be undone: the lease as it is open again, or why it is not."""
    if isinstance(again, Lapse):
        return _encode(UndoneJson(reopened=False, why=again))
    (lease,) = _leases((again,))
    return _encode(UndoneJson(reopened=True, until=lease["until"], question=lease["question"]))


def write_problem(text: str) -> bytes:
    """Write the body of a 4xx or 503."""
    return _encode(ProblemJson(error=text))


def _paid(amount: money.Micros) -> str:
    return money.show(amount, least=6) if amount else "0"


def _leases(given: Iterable[Given]) -> list[LeaseJson]:
    return [_lease(each) for each in given]


def _lease(given: Given) -> LeaseJson:
    shown = LeaseJson(
        lease=given.lease.token,
        task=given.task,
        kind=given.question.kind,
        until=given.lease.until / 1000,
        reserved=given.lease.reserved,
        question=_asked(given),
    )
    if given.trace:
        shown["trace"] = given.trace
    return shown


def _asked(given: Given) -> QuestionJson:
    token, redrawn = given.lease.token, not given.lease.machine
    shown = question_json(given.question, token, redrawn=redrawn)
    if given.earlier is not None:
        shown["earlier"] = _medium(given.earlier, f"/api/work/media/{token}/earlier", redrawn=redrawn)
    return shown


def question_json(question: Question, lease_token: str, *, redrawn: bool = False) -> QuestionJson:
    """Show a question to the holder of a lease; the instruction picture's address comes after those of the media.

    Media are named by the type that their address gives: what is made anew for people is PNG or WAV.
    """
    picture = None if question.picture is None else _address(lease_token, len(question.media))
    options = OptionsJson(module=question.options.module)
    if question.options.threshold is not None:
        options["threshold"] = question.options.threshold
    if question.options.previous is not None:
        options["previous"] = question.options.previous
    return QuestionJson(
        kind=question.kind,
        instruction=InstructionJson(text=question.text, image=picture),
        constraints=msgspec.to_builtins(question.constraints),
        options=options,
        lang=question.lang,
        media=[_medium(medium, _address(lease_token, i), redrawn=redrawn) for i, medium in enumerate(question.media)],
    )


def _address(lease_token: str, index: int) -> str:
    return f"/api/work/media/{lease_token}/{index}"


def _medium(medium: Medium, url: str, *, redrawn: bool) -> MediumJson:
    shown = MediumJson(url=url, type=ANEW[medium.type] if redrawn else medium.type)
    if medium.width and medium.height:
        shown["width"], shown["height"] = medium.width, medium.height
    return shown
