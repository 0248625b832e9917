"""What the judge makes of profiles in shadow, and of what the desk asks for itself: only people's answers count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.account import Millis
from answerdesk.model.judge import NEVER_ENOUGH, Rules, Settled, Unattended, Unsolvable, judge
from answerdesk.model.question import Kind, Options, Question
from answerdesk.model.task import Route, Want
from tests.model.test_judge import CREATED, GIVE_UP, STAFF, everybody, leases, machine_says, person_says

NOW = Millis(CREATED + 1_000)
SHADOW = Rules(shadows=("seals",))
QUESTION = Question(kind=Kind.TEXT, options=Options(module="seals"))
#: Asked by the desk itself, of a profile that is live.
OWN = Question(kind=Kind.TEXT, options=Options(module="meter", compares=True))


def ask(said, staff="MP", *, question=QUESTION, rules=SHADOW):
    return judge(question, tuple(said), STAFF[staff], rules, (CREATED, NOW))


@pytest.mark.parametrize(
    ("question", "rules"), [(QUESTION, SHADOW), (OWN, Rules()), (OWN, Rules(profiles={"meter": 0}))]
)
class TestOnlyPeopleCount:
    def test_the_surest_machine_is_followed_by_a_person(self, question, rules):
        judgement = ask([machine_says(1.0)], question=question, rules=rules)

        assert isinstance(judgement, Want)
        assert judgement.route is Route.PEOPLE

    def test_the_person_decides(self, question, rules):
        said = [machine_says(1.0), person_says()]

        assert ask(said, question=question, rules=rules) == Settled(said[1])

    @pytest.mark.parametrize("staff", ["Mp", "mp", "MP, who had it"])
    def test_with_nobody_on_shift_people_are_waited_for(self, question, rules, staff):
        judgement = ask([machine_says(1.0)], staff, question=question, rules=rules)

        assert isinstance(judgement, Want)
        assert judgement.route is Route.PEOPLE

    def test_a_desk_of_machines_has_no_answer(self, question, rules):
        assert ask([machine_says(1.0)], "MM", question=question, rules=rules) == GIVE_UP

    def test_whoever_wants_it_given_up_at_once_has_that(self, question, rules):
        fail = Rules(profiles=rules.profiles, shadows=rules.shadows, unattended=Unattended.FAIL)

        assert ask([machine_says(1.0)], "Mp", question=question, rules=fail) == GIVE_UP

    @given(st.lists(leases, max_size=6), everybody, st.integers(0, 90_000))
    def test_no_machine_ever_settles(self, question, rules, said, staff, after):
        judgement = judge(question, tuple(said), staff, rules, (CREATED, Millis(CREATED + after)))

        match judgement:
            case Settled(chosen):
                assert not chosen.machine
            case Want() | Unsolvable():
                pass


def test_a_client_that_takes_less_does_not_bring_a_profile_out_of_shadow():
    question = Question(kind=Kind.TEXT, options=Options(module="seals", threshold=10))

    assert isinstance(ask([machine_says(1.0)], question=question), Want)
    assert ask([machine_says(1.0)], "Mp", question=question) == GIVE_UP


def test_a_shadow_falls_on_its_own_profile_alone():
    meter = Question(kind=Kind.TEXT, options=Options(module="meter"))

    assert ask([machine_says(0.98)], question=meter) == Settled(machine_says(0.98))
    assert SHADOW.threshold("seals") == NEVER_ENOUGH
    assert SHADOW.threshold("meter") == SHADOW.machine_threshold


def test_a_module_that_nobody_knows_is_judged_as_universal():
    rules = Rules(profiles={"universal": 0.5})
    question = Question(kind=Kind.TEXT, options=Options(module="what a client made up"))

    assert ask([machine_says(0.6)], question=question, rules=rules) == Settled(machine_says(0.6))
