"""The judge's table: what was said, by whom, with whom on shift → what follows (SOLVERS §3)."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.answer import Decline, Lease, Outcome, Verdict, Why
from answerdesk.model.judge import Rules, Settled, Unattended, Unsolvable, judge
from answerdesk.model.question import Kind, Options, Question
from answerdesk.model.solver import SHIFT_MS, Solver, SolverId, Staff, staff_for
from answerdesk.model.task import Cause, Route, Want

CREATED = Millis(1_000_000)
RULES = Rules()
GIVE_UP = Unsolvable(Cause.UNSOLVED)
ACCEPTED = Verdict(accepted=True)

#: Who is there: m/p are granted machines and people, capital letters are on shift.
STAFF = {
    "M": Staff(machines=1, machines_on_shift=1),
    "m": Staff(machines=1),
    "MM": Staff(machines=2, machines_on_shift=2),
    "P": Staff(people=1, people_on_shift=1, people_left=1),
    "p": Staff(people=1),
    "mp": Staff(machines=1, people=1),
    "Mp": Staff(machines=1, machines_on_shift=1, people=1),
    "mP": Staff(machines=1, people=1, people_on_shift=1, people_left=1),
    "MP": Staff(machines=1, machines_on_shift=1, people=1, people_on_shift=1, people_left=1),
    "MPP": Staff(machines=1, machines_on_shift=1, people=2, people_on_shift=2, people_left=2),
    "MPPP": Staff(machines=1, machines_on_shift=1, people=3, people_on_shift=3, people_left=3),
    "MP, who had it": Staff(machines=1, machines_on_shift=1, people=1, people_on_shift=1, people_left=0),
    "PP, one had it": Staff(people=2, people_on_shift=2, people_left=1),
    "PP, both had it": Staff(people=2, people_on_shift=2, people_left=0),
    "nobody": Staff(),
}


def lease(solver: int, *, machine: bool, **fields) -> Lease:
    return Lease(
        token=f"lease {solver}",
        task=Sequence(1),
        account=AccountId(1),
        solver=SolverId(solver),
        machine=machine,
        given=CREATED,
        until=fields.pop("until", Millis(CREATED + 60_000)),
        **fields,
    )


def machine_says(confidence: float | None, solver: int = 1, verdict: Verdict = ACCEPTED) -> Lease:
    said = b'"machine"'
    return lease(solver, machine=True, outcome=Outcome.ANSWERED, said=said, confidence=confidence, verdict=verdict)


def person_says(solver: int = 7, verdict: Verdict = ACCEPTED) -> Lease:
    return lease(solver, machine=False, outcome=Outcome.ANSWERED, said=b'"person"', verdict=verdict)


def gives_back(reason: Decline, solver: int = 8, *, machine: bool = False, verdict: Verdict = ACCEPTED) -> Lease:
    said = msgspec.json.encode(reason)
    return lease(solver, machine=machine, outcome=Outcome.DECLINED, said=said, verdict=verdict)


ABSTAINS = gives_back(Decline.UNREADABLE, 1, machine=True)
PASSES_ON = gives_back(Decline.LANGUAGE, 5)
PERSON_AT_WORK = lease(9, machine=False)
REFUSED = Verdict(accepted=False, why=Why.EXPIRED)


def ask(said=(), staff="MP", *, rules=RULES, threshold=None, after=1_000):
    question = Question(kind=Kind.TEXT, options=Options(threshold=threshold))
    return judge(question, tuple(said), STAFF[staff], rules, (CREATED, Millis(CREATED + after)))


def wants(judgement, route: Route) -> bool:
    return isinstance(judgement, Want) and judgement.route is route and judgement.slots == 1


@pytest.mark.parametrize(
    ("said", "staff", "chosen"),
    [
        # The threshold is met: the machine alone is enough.
        ([machine_says(0.97)], "MP", 0),
        ([machine_says(1.0)], "M", 0),
        ([machine_says(0.5, 1), machine_says(0.98, 2)], "MM", 1),
        # A person's word is enough, whatever machines say.
        ([person_says()], "P", 0),
        ([machine_says(0.96), person_says()], "MP", 1),
        ([person_says(7), person_says(8)], "MPP", 0),
        # Below the threshold and nobody on shift: the best text from one half on.
        ([machine_says(0.96)], "Mp", 0),
        ([machine_says(0.5)], "M", 0),
        ([machine_says(0.5, 1), machine_says(0.7, 2)], "MM", 1),
        # The only person on shift had the task and passed it on: nobody is left to ask.
        ([machine_says(0.8), PASSES_ON], "MP, who had it", 0),
    ],
)
def test_what_is_enough(said, staff, chosen):
    assert ask(said, staff) == Settled(said[chosen])


@pytest.mark.parametrize(
    ("said", "staff", "threshold", "expected"),
    [
        ([machine_says(0.7)], "M", 70, Settled(machine_says(0.7))),
        ([machine_says(0.0)], "M", 0, Settled(machine_says(0.0))),
        # Not met: never the best text, a person when one is on shift, else given up.
        ([machine_says(0.98)], "Mp", 99, GIVE_UP),
        ([machine_says(0.98)], "M", 99, GIVE_UP),
        ([machine_says(None)], "M", 1, GIVE_UP),
        ([ABSTAINS], "Mp", 50, GIVE_UP),
        ([machine_says(0.98), PASSES_ON], "MP, who had it", 99, GIVE_UP),
    ],
)
def test_the_clients_own_threshold(said, staff, threshold, expected):
    assert ask(said, staff, threshold=threshold) == expected


@pytest.mark.parametrize("threshold", [None, 99])
def test_below_the_threshold_a_person_on_shift_is_asked_and_looked_for_again(threshold):
    judgement = ask([machine_says(0.96)], "MP", threshold=threshold)

    assert wants(judgement, Route.PEOPLE)
    assert judgement.until == CREATED + 1_000 + RULES.review_ms


@pytest.mark.parametrize("threshold", [None, 99])
def test_a_person_at_work_on_it_is_waited_for_though_no_claim_was_seen_lately(threshold):
    judgement = ask([machine_says(0.96), PERSON_AT_WORK], "Mp", threshold=threshold)

    assert wants(judgement, Route.PEOPLE)
    assert judgement.until == CREATED + 1_000 + RULES.review_ms


def test_a_persons_lease_that_ran_out_is_not_waited_for():
    over = lease(9, machine=False, until=Millis(CREATED + 500))

    assert ask([machine_says(0.96), over], "Mp") == Settled(machine_says(0.96))


@pytest.mark.parametrize(
    ("unattended", "confidence", "expected"),
    [
        (Unattended.BEST, 0.96, "settled"),
        (Unattended.BEST, 0.49, "waits"),
        (Unattended.BEST, None, "waits"),
        (Unattended.WAIT, 0.96, "waits"),
        (Unattended.FAIL, 0.96, "given up"),
    ],
)
def test_the_operators_choice_while_nobody_is_on_shift(unattended, confidence, expected):
    judgement = ask([machine_says(confidence)], "Mp", rules=Rules(unattended=unattended))

    match judgement:
        case Settled():
            assert expected == "settled"
        case Unsolvable():
            assert expected == "given up"
        case Want():
            assert (expected, judgement.route) == ("waits", Route.EITHER)


@pytest.mark.parametrize(
    ("said", "staff", "route"),
    [
        # Nothing was said yet.
        ([], "MP", Route.MACHINES),
        ([], "M", Route.MACHINES),
        ([], "m", Route.MACHINES),
        ([], "mP", Route.EITHER),
        ([], "mp", Route.EITHER),
        ([], "P", Route.PEOPLE),
        ([], "p", Route.PEOPLE),
        ([], "nobody", Route.PEOPLE),
        # The machine abstained: people, whoever is there later.
        ([ABSTAINS], "MP", Route.PEOPLE),
        ([ABSTAINS], "Mp", Route.EITHER),
        # One of two machines is not good enough, and there is nobody else: the other one.
        ([machine_says(0.3)], "MM", Route.EITHER),
        ([ABSTAINS], "MM", Route.EITHER),
        # A language passes on, and one unreadable of two is not yet enough.
        ([PASSES_ON], "PP, one had it", Route.PEOPLE),
        ([PASSES_ON, gives_back(Decline.LANGUAGE, 6)], "PP, both had it", Route.PEOPLE),
        ([gives_back(Decline.UNREADABLE)], "PP, one had it", Route.PEOPLE),
        ([ABSTAINS, gives_back(Decline.UNREADABLE)], "MPP", Route.PEOPLE),
        ([ABSTAINS, gives_back(Decline.BROKEN)], "MPPP", Route.PEOPLE),
        # What was not accepted, and leases that say nothing, count for nothing.
        ([person_says(7, REFUSED)], "MP", Route.MACHINES),
        ([machine_says(1.0, 1, REFUSED)], "MP", Route.MACHINES),
        ([gives_back(Decline.UNREADABLE, 8, verdict=REFUSED)], "P", Route.PEOPLE),
        ([lease(1, machine=True, outcome=Outcome.REVOKED)], "MP", Route.MACHINES),
        ([lease(1, machine=True)], "MP", Route.MACHINES),
    ],
)
def test_whom_an_unanswered_task_wants(said, staff, route):
    assert wants(ask(said, staff), route)


@pytest.mark.parametrize(
    ("said", "staff", "rules"),
    [
        ([gives_back(Decline.UNREADABLE)], "P", RULES),
        ([gives_back(Decline.REFUSED)], "p", RULES),
        ([gives_back(Decline.UNREADABLE, 7), gives_back(Decline.BROKEN, 8)], "MPP", RULES),
        ([gives_back(Decline.UNREADABLE, 7), gives_back(Decline.REFUSED, 8)], "MPPP", RULES),
        ([gives_back(Decline.UNREADABLE)], "MPPP", Rules(declines=1)),
        # One passed it on, so the other of two decides alone.
        ([PASSES_ON, gives_back(Decline.UNREADABLE)], "MPP", RULES),
        # Nobody but machines, and all of them had their say.
        ([ABSTAINS], "M", RULES),
        ([machine_says(0.49)], "m", RULES),
        ([machine_says(0.3, 1), gives_back(Decline.BROKEN, 2, machine=True)], "MM", RULES),
    ],
)
def test_when_a_task_is_given_up(said, staff, rules):
    assert ask(said, staff, rules=rules) == GIVE_UP


def test_machines_are_asked_alone_until_their_time_is_up():
    judgement = ask((), "MP", after=16_999)

    assert wants(judgement, Route.MACHINES)
    assert judgement.until == CREATED + RULES.machines_first_ms


def test_after_a_silent_machine_people_may_have_it_too():
    assert wants(ask((), "MP", after=RULES.machines_first_ms), Route.EITHER)


def test_without_people_the_machines_are_looked_for_again_and_again():
    late = 100_000

    judgement = ask((), "M", after=late)

    assert wants(judgement, Route.MACHINES)
    assert judgement.until == CREATED + late + RULES.machines_first_ms


leases = st.builds(
    lambda number, machine, outcome, confidence, reason, accepted, until: lease(
        number,
        machine=machine,
        outcome=outcome,
        said=msgspec.json.encode(reason),
        confidence=confidence,
        verdict=Verdict(accepted=accepted) if outcome in {Outcome.ANSWERED, Outcome.DECLINED} else None,
        until=Millis(CREATED + until),
    ),
    st.integers(1, 9),
    st.booleans(),
    st.sampled_from([None, *Outcome]),
    st.none() | st.floats(0, 1),
    st.sampled_from(Decline),
    st.booleans(),
    st.integers(0, 90_000),
)
everybody = st.builds(
    lambda machines, people, on, free: Staff(
        machines=machines,
        machines_on_shift=min(machines, on),
        people=people,
        people_on_shift=min(people, on),
        people_left=min(people, on, free),
    ),
    *[st.integers(0, 3)] * 4,
)
any_rules = st.builds(
    Rules,
    machine_threshold=st.floats(0.5, 1),
    declines=st.integers(1, 4),
    unattended=st.sampled_from(Unattended),
    machines_first_ms=st.integers(1, 60_000),
    review_ms=st.integers(1, 60_000),
)


@given(st.lists(leases, max_size=6), everybody, any_rules, st.none() | st.integers(0, 100), st.integers(0, 90_000))
def test_whatever_was_said_the_judge_decides(said, staff, rules, threshold, after):
    """A solution is an accepted answer good enough for its sayer; a want looks ahead and asks somebody."""
    question = Question(kind=Kind.TEXT, options=Options(threshold=threshold))
    now = Millis(CREATED + after)
    judgement = judge(question, tuple(said), staff, rules, (CREATED, now))

    match judgement:
        case Settled(chosen):
            assert chosen in said
            assert chosen.outcome is Outcome.ANSWERED
            assert chosen.verdict == ACCEPTED
            bar = 0.5 if threshold is None else threshold / 100
            assert not chosen.machine or (chosen.confidence or 0) >= min(bar, rules.machine_threshold)
        case Want(route=route, slots=slots, until=until):
            assert route is not Route.NOBODY
            assert slots >= 1
            assert until > now
        case Unsolvable(cause):
            assert cause is Cause.UNSOLVED
            assert not any(
                each.outcome is Outcome.ANSWERED and each.verdict == ACCEPTED and not each.machine for each in said
            )


def solver(number: int, **fields) -> Solver:
    return Solver(id=SolverId(number), name=f"solver {number}", machine=fields.pop("machine", False), **fields)


@pytest.mark.parametrize(
    ("fields", "may"),
    [
        ({}, True),
        ({"kinds": frozenset({Kind.TEXT})}, True),
        ({"kinds": frozenset({Kind.AUDIO})}, False),
        ({"languages": frozenset({"de"})}, True),
        ({"languages": frozenset({"fr"})}, False),
        ({"enabled": False}, False),
    ],
)
def test_grants_say_what_a_solver_may_have(fields, may):
    assert solver(1, **fields).may_have(Kind.TEXT, "de") is may


def test_a_question_in_no_language_is_for_everybody():
    assert solver(1, languages=frozenset({"fr"})).may_have(Kind.TEXT, None)


def test_the_staff_counts_who_is_granted_who_is_on_shift_and_who_never_had_it():
    now = Millis(CREATED + SHIFT_MS)
    solvers = (
        solver(1, machine=True, seen=CREATED),
        solver(2, machine=True),
        solver(3, seen=CREATED),
        solver(4, seen=Millis(CREATED - 1)),
        solver(5, seen=now, enabled=False),
        solver(6, seen=now, kinds=frozenset({Kind.AUDIO})),
        solver(7, seen=now, languages=frozenset({"fr"})),
        solver(8, seen=now),
    )

    assert staff_for(solvers, Kind.TEXT, "de", now, had={SolverId(8), SolverId(1)}) == Staff(
        machines=2, machines_on_shift=1, people=3, people_on_shift=2, people_left=1
    )


@pytest.mark.parametrize(
    ("profiles", "threshold", "confidence", "enough"),
    [
        ({}, None, 0.96, False),
        ({"meter": 0.9}, None, 0.96, True),
        ({"meter": 0.9}, None, 0.89, False),
        ({"meter": 2.0}, None, 1.0, False),
        ({"meter": 2.0}, 10, 1.0, False),
        ({"meter": 0.9}, 99, 0.96, False),
        ({"other": 0.1}, None, 0.96, False),
    ],
)
def test_a_profile_has_a_threshold_of_its_own(profiles, threshold, confidence, enough):
    question = Question(kind=Kind.TEXT, options=Options(module="meter", threshold=threshold))

    judgement = judge(question, (machine_says(confidence),), STAFF["MP"], Rules(profiles=profiles), (CREATED, CREATED))

    assert isinstance(judgement, Settled) is enough


class TestPeopleMustAgree:
    """With more than one person wanted, the first answers that are alike in number decide."""

    TWO = Rules(agree=2)

    def says(self, text: str, solver: int) -> Lease:
        return msgspec.structs.replace(person_says(solver), said=msgspec.json.encode(text))

    def test_as_many_are_asked_at_once_as_must_agree(self):
        assert ask(staff="P", rules=self.TWO) == Want(route=Route.PEOPLE, slots=2, until=Millis(2**62))

    def test_one_answer_asks_for_one_more(self):
        judgement = ask([self.says("AB", 7)], "PP, one had it", rules=self.TWO)

        assert wants(judgement, Route.PEOPLE)

    def test_two_alike_settle_on_the_earlier(self):
        first, second = self.says("AB", 7), self.says("ab", 8)

        assert ask([first, second], "PP, both had it", rules=self.TWO) == Settled(first)

    def test_two_that_differ_ask_a_third_who_decides(self):
        first, second, third = self.says("AB", 7), self.says("CD", 8), self.says("CD", 9)

        assert wants(ask([first, second], "PP, both had it", rules=self.TWO), Route.PEOPLE)
        assert ask([first, second, third], "PP, both had it", rules=self.TWO) == Settled(second)

    def test_once_agreement_is_out_of_reach_the_task_fails_for_that(self):
        """The vendors' ERROR_BAD_DUPLICATES (PROTOCOL §3.4)."""
        three = [self.says(text, i) for i, text in enumerate(("AB", "CD", "EF"), 7)]

        assert ask(three, "PP, both had it", rules=self.TWO) == Unsolvable(Cause.DISAGREED)

    def test_the_operator_may_have_more_people_asked(self):
        three = [self.says(text, i) for i, text in enumerate(("AB", "CD", "EF"), 7)]

        assert wants(ask(three, "PP, both had it", rules=Rules(agree=2, most_answers=5)), Route.PEOPLE)

    def test_declines_end_it_as_ever(self):
        said = [self.says("AB", 7), gives_back(Decline.UNREADABLE, 8), gives_back(Decline.BROKEN, 9)]

        assert ask(said, "MPPP", rules=self.TWO) == GIVE_UP

    def test_a_sure_machine_needs_nobody(self):
        assert isinstance(ask([machine_says(0.99)], rules=self.TWO), Settled)


ACCEPTED_BAR = "0 to 1, or 2.0"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"machine_threshold": float("nan")}, f"machine_threshold must be {ACCEPTED_BAR}"),
        ({"machine_threshold": float("inf")}, f"machine_threshold must be {ACCEPTED_BAR}"),
        ({"machine_threshold": -0.1}, f"machine_threshold must be {ACCEPTED_BAR}"),
        ({"profiles": {"meter": 0.5, "seals": float("nan")}}, f"the threshold of seals must be {ACCEPTED_BAR}"),
        ({"profiles": {"seals": 1.5}}, f"the threshold of seals must be {ACCEPTED_BAR}"),
        ({"target": float("nan")}, "target must be 0 to 1"),
        ({"watched": 1.01}, "watched must be 0 to 1"),
        ({"agree": 0}, "agree must be at least 1"),
        ({"declines": 0}, "declines must be at least 1"),
        ({"most_answers": -1}, "most_answers must be at least 0"),
        ({"machines_first_ms": -1}, "machines_first_ms must be at least 0"),
        ({"review_ms": 0}, "review_ms must be at least 1"),
    ],
)
def test_rules_that_say_nothing_are_refused_with_what_is_accepted(wrong, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        Rules(**wrong)
    with pytest.raises(ValueError, match=re.escape(says)):
        msgspec.structs.replace(RULES, **wrong)


def test_rules_at_their_limits_are_accepted():
    low = Rules(machine_threshold=0, profiles={"seals": 2.0}, target=0, watched=0, agree=1, declines=1, review_ms=1)

    assert msgspec.json.decode(msgspec.json.encode(low), type=Rules) == low
    assert Rules(machine_threshold=1, target=1, watched=1).threshold("meter") == 1
