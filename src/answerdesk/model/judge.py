"""When are answers enough? One pure function over what was said.
Rule: the judge knows no store and no clock; it is asked again whenever something was said or its time is up."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Final

import msgspec

from answerdesk.model.account import Millis
from answerdesk.model.agreement import agree
from answerdesk.model.answer import Decline, Lease, Outcome
from answerdesk.model.question import Question
from answerdesk.model.solver import Staff
from answerdesk.model.task import Cause, Route, Want

_decode: Final = msgspec.json.Decoder().decode

#: Below this confidence a machine's text is never given out, even with nobody else to ask (SOLVERS §3).
LEAST_CONFIDENCE: Final = 0.5
#: A threshold that no confidence reaches.
NEVER_ENOUGH: Final = 2.0
#: How a question is read that names no profile, or one that is not known (PROTOCOL §6.2).
UNIVERSAL: Final = "universal"
#: The profiles of the shipped recogniser; the operator's rules may name others.
SHIPPED: Final = frozenset({UNIVERSAL, "captcha_math", "meter", "counter"})


class Unattended(enum.StrEnum):
    """What to do with a machine's doubtful answer while no person is on shift."""

    #: Take the machine's best answer if its confidence is at least one half, else wait.
    BEST = "best"
    #: Wait for a person until the deadline.
    WAIT = "wait"
    #: Give up at once.
    FAIL = "fail"


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's rules for one task type."""

    #: From this confidence a machine's answer is enough alone.
    machine_threshold: float = 0.97
    #: The same for single machine profiles by name; above 1 their answers are only compared with people's.
    profiles: dict[str, float] = {}
    #: Profiles in shadow: they are only compared as well, until that earns them a threshold.
    shadows: tuple[str, ...] = ()
    #: How much of what a threshold that was earned lets through must be right.
    target: float = 0.97
    #: The share of machines' accepted answers that people are shown afterwards, to notice when they get worse.
    watched: float = 0.03
    #: How many people must say the same, and how many are asked at most: 0 for as many as a majority can need.
    agree: int = 1
    most_answers: int = 0
    #: How many people must decline before a task is given up.
    declines: int = 2
    unattended: Unattended = Unattended.BEST
    #: How long only machines are asked, while one is on shift.
    machines_first_ms: int = 17_000
    #: How often an unattended task is looked at again.
    review_ms: int = 5_000

    def __post_init__(self) -> None:
        """Refuse what no answer could be measured by: the operator would not learn of it until the next start."""
        for name, bar in (("machine_threshold", self.machine_threshold), *_named(self.profiles)):
            if not (0 <= bar <= 1 or bar == NEVER_ENOUGH):
                msg = f"{name} must be 0 to 1, or {NEVER_ENOUGH} for answers that are only compared (got {bar})"
                raise ValueError(msg)
        for name in ("target", "watched"):
            if not 0 <= getattr(self, name) <= 1:
                msg = f"{name} must be 0 to 1 (got {getattr(self, name)})"
                raise ValueError(msg)
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                msg = f"{name} must be at least {least} (got {getattr(self, name)})"
                raise ValueError(msg)

    def profile(self, module: str) -> str:
        """Give the profile that a question's module is read as."""
        known = module in SHIPPED or module in self.profiles or module in self.shadows
        return module if known else UNIVERSAL

    def threshold(self, profile: str) -> float:
        """Give from which confidence a profile's answers are enough alone."""
        return NEVER_ENOUGH if profile in self.shadows else self.profiles.get(profile, self.machine_threshold)

    def naming(self, profile: str, threshold: float | None) -> Rules:
        """Give a profile a threshold of its own, or with None put it in shadow."""
        others = {name: bar for name, bar in self.profiles.items() if name != profile}
        shadows = tuple(name for name in self.shadows if name != profile)
        if threshold is None:
            return msgspec.structs.replace(self, profiles=others, shadows=(*shadows, profile))
        return msgspec.structs.replace(self, profiles=others | {profile: threshold}, shadows=shadows)


#: The least each count may be.
_LEAST: Final = {"agree": 1, "most_answers": 0, "declines": 1, "machines_first_ms": 0, "review_ms": 1}


def _named(profiles: dict[str, float]) -> Iterator[tuple[str, float]]:
    return ((f"the threshold of {profile}", bar) for profile, bar in profiles.items())


#: What holds where the operator's rules cannot be read: nothing they may have forbidden is done.
UNREAD: Final = Rules(machine_threshold=NEVER_ENOUGH, unattended=Unattended.WAIT)


class Settled(msgspec.Struct, frozen=True):
    """Enough: this lease's answer is the solution."""

    lease: Lease


class Unsolvable(msgspec.Struct, frozen=True):
    """Given up, and why."""

    cause: Cause


Judgement = Want | Settled | Unsolvable


def judge(
    question: Question, said: tuple[Lease, ...], staff: Staff, rules: Rules, age: tuple[Millis, Millis]
) -> Judgement:
    """Decide on what was said so far; `age` is (created, now).

    Machines are asked first, people after them; a machine's answer is enough alone from its threshold on, people's
    once as many as the rules want agree.
    """
    created, now = age
    if not said:
        return _ask_machines_first(staff, rules, created, now)
    stands = tuple(lease for lease in said if lease.stands)
    answers = [lease for lease in stands if lease.outcome is Outcome.ANSWERED]
    by_people = [lease for lease in answers if not lease.machine]
    agreed = _most_agreed(question, by_people)
    if len(agreed) >= rules.agree:
        return Settled(agreed[0])
    by_machines = sorted((lease for lease in answers if lease.machine), key=_confidence, reverse=True)
    bar = _bar(question, rules)
    if by_machines and _confidence(by_machines[0]) >= bar:
        return Settled(by_machines[0])
    if _declined(stands) >= _patience(stands, staff, rules):
        return Unsolvable(Cause.UNSOLVED)
    if by_people:
        return _ask_more_people(len(by_people), len(agreed), rules)
    spoken = sum(lease.machine for lease in stands)
    if not spoken:
        return _ask_machines_first(staff, rules, created, now)
    if not staff.people and (bar > 1 or (staff.machines <= spoken and not _good_enough(by_machines))):
        return Unsolvable(Cause.UNSOLVED)
    if staff.people_left or any(not lease.machine and lease.live(now) for lease in said):
        until = Millis(now + rules.review_ms) if by_machines else _NEVER
        return Want(route=Route.PEOPLE, slots=rules.agree, until=until)
    if bar > 1 and rules.unattended is not Unattended.FAIL and question.options.threshold is None:
        return Want(route=Route.PEOPLE, slots=rules.agree, until=_NEVER)
    return _unattended(question, by_machines, rules)


def _confidence(lease: Lease) -> float:
    return lease.confidence or 0.0


def _bar(question: Question, rules: Rules) -> float:
    own = NEVER_ENOUGH if question.options.compares else rules.threshold(rules.profile(question.options.module))
    threshold = question.options.threshold
    # A profile that is only compared stays so, whatever the client would take.
    return own if threshold is None or own > 1 else threshold / 100


def _most_agreed(question: Question, answers: list[Lease]) -> list[Lease]:
    """Give the answer that most others agree with, the earliest of equals, and behind it those others."""
    values = [_decode(lease.said) for lease in answers]
    best: list[Lease] = []
    for lease, value in zip(answers, values, strict=True):
        others = zip(answers, values, strict=True)
        alike = [other for other, said in others if other is not lease and agree(question, value, said)]
        if len(alike) >= len(best):
            best = [lease, *alike]
    return best


def _ask_more_people(answered: int, agreed: int, rules: Rules) -> Judgement:
    """Go on while people have answered but not enough of them alike."""
    left = (rules.most_answers or 2 * rules.agree - 1) - answered
    missing = rules.agree - agreed
    if missing > left:
        return Unsolvable(Cause.DISAGREED)
    return Want(route=Route.PEOPLE, slots=missing, until=_NEVER)


def _declined(said: tuple[Lease, ...]) -> int:
    """Count the people who gave the task back for good; another language only passes it on."""
    return sum(not lease.machine and lease.decline not in {None, Decline.LANGUAGE} for lease in said)


def _patience(said: tuple[Lease, ...], staff: Staff, rules: Rules) -> int:
    passed_on = sum(not lease.machine and lease.decline is Decline.LANGUAGE for lease in said)
    return max(1, min(rules.declines, staff.people_on_shift - passed_on))


def _ask_machines_first(staff: Staff, rules: Rules, created: Millis, now: Millis) -> Want:
    if not staff.machines:
        return Want(route=Route.PEOPLE, slots=rules.agree, until=_NEVER)
    alone_until = Millis(created + rules.machines_first_ms)
    if not staff.people:
        return Want(route=Route.MACHINES, slots=1, until=Millis(max(alone_until, now + rules.machines_first_ms)))
    if staff.machines_on_shift and now < alone_until:
        return Want(route=Route.MACHINES, slots=1, until=alone_until)
    return Want(route=Route.EITHER, slots=1, until=_NEVER)


def _unattended(question: Question, by_machines: list[Lease], rules: Rules) -> Judgement:
    """Go on after the machines had their say without being sure, with no person on shift to ask."""
    if question.options.threshold is not None or rules.unattended is Unattended.FAIL:
        return Unsolvable(Cause.UNSOLVED)
    if rules.unattended is Unattended.BEST and _good_enough(by_machines):
        return Settled(by_machines[0])
    return Want(route=Route.EITHER, slots=1, until=_NEVER)


def _good_enough(by_machines: list[Lease]) -> bool:
    return bool(by_machines) and _confidence(by_machines[0]) >= LEAST_CONFIDENCE


#: Later than any deadline; the deadline itself always ends a task.
_NEVER: Final = Millis(2**62)
