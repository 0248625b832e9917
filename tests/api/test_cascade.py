"""Who is asked and when it is enough: machines first, people after them, declines and thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from answerdesk.desk.books import SaveRules
from answerdesk.model.judge import Rules
from tests.api.conftest import TYPE, UNWATCHED
from tests.serving import Serving, wait_until


@pytest.fixture
def machine(server: Serving):
    return server.worker(machine=True)


@pytest.fixture
def ruled(server: Serving) -> Iterator[Callable[[Rules], None]]:
    """Rules for this test alone."""

    def rule(rules: Rules) -> None:
        server.do(SaveRules(type=TYPE, rules=rules))
        server.notice()

    yield rule
    rule(UNWATCHED)


def test_a_sure_machine_settles_alone_and_costs_no_wages(server, customer, machine):
    person = server.worker()
    person.claim()
    task = customer.ask()
    lease = machine.take()
    none_for_people = person.claim()
    reply = machine.answer(lease, "19", confidence=0.99).json

    assert none_for_people == []
    assert (reply["accepted"], reply["paid"]) == (True, "0")
    assert customer.poll(task).json["solution"] == {"text": "19"}


def test_a_doubtful_machine_is_followed_by_a_person(server, customer, machine):
    person = server.worker()
    person.claim()
    task = customer.ask()
    machine.answer(machine.take(), "l9", confidence=0.6)
    pending = customer.poll(task, 0).json["status"]
    lease = person.take()
    person.answer(lease, "19")
    ready = customer.poll(task).json

    assert pending == "processing"
    assert ready["solution"] == {"text": "19"}
    assert ready["solveCount"] == 2


def test_without_people_a_doubtful_machine_must_do_and_below_one_half_it_must_not(server, customer, machine):
    replies = []
    for confidence in (0.6, 0.3):
        task = customer.ask()
        machine.answer(machine.take(), "l9", confidence=confidence)
        replies.append(customer.poll(task, 0).json)

    assert replies[0]["solution"] == {"text": "l9"}
    assert replies[1]["errorId"] == 12
    assert customer.balance() == float("0.999")


def test_a_customers_threshold_beats_the_rule(server, customer, machine):
    tasks = []
    for threshold in (50, 99):
        tasks.append(customer.ask(recognizingThreshold=threshold))
        machine.answer(machine.take(), "abc", confidence=0.98)
    replies = [customer.poll(task, 0).json for task in tasks]

    assert replies[0]["solution"] == {"text": "abc"}
    assert replies[1]["errorId"] == 12


def test_a_task_is_given_up_when_two_people_on_shift_declined(server, customer):
    people = [server.worker() for _ in range(3)]
    for person in people:
        person.claim()
    task = customer.ask()
    statuses = []
    for person in people[:2]:
        person.decline(person.take(), "unreadable")
        statuses.append(customer.poll(task, 0).json.get("status"))

    assert statuses == ["processing", None]
    assert people[2].claim() == []
    assert customer.poll(task).json["errorId"] == 12


def test_a_decline_for_language_only_passes_a_task_on(server, customer):
    first, second = server.worker(), server.worker()
    first.claim()
    second.claim()
    task = customer.ask()
    first.decline(first.take(), "language")
    status = customer.poll(task, 0).json["status"]
    second.answer(second.take(), "abc")

    assert status == "processing"
    assert customer.poll(task).json["solution"] == {"text": "abc"}


def compared(server: Serving, worker: Any) -> dict[str, Any]:
    """What is told of one machine."""
    listed = server.cli("rules", "compared")
    return next(row for row in listed if row["machine"] == worker.solver.name)


def test_in_shadow_the_surest_machine_is_followed_by_a_person_who_sees_nothing_of_it(server, customer, machine, ruled):
    ruled(Rules(shadows=("seals",)))
    person = server.worker()
    person.claim()
    task = customer.ask(capMonsterModule="seals", recognizingThreshold=10)
    machine.answer(machine.take(), "l9", confidence=1.0)
    pending = customer.poll(task, 0).json["status"]
    lease = person.take()
    person.answer(lease, "19")

    assert pending == "processing"
    assert "l9" not in str(lease)
    assert customer.poll(task).json["solution"] == {"text": "19"}
    told = compared(server, machine)
    assert (told["profile"], told["compared"], told["agreed"]) == ("seals", 1, 0)
    assert (told["threshold"], told["state"]) == ("shadow", "shadow: 1 of 200 comparisons")


@pytest.mark.slow
def test_a_person_is_asked_afterwards_what_a_machine_settled_alone(server, customer, machine, ruled):
    ruled(Rules(watched=1.0))
    person = server.worker()
    person.claim()
    before = customer.balance()
    task = customer.ask()
    machine.answer(machine.take(), "19", confidence=0.99)
    reply = customer.poll(task).json
    (lease,) = wait_until(person.claim, "the person is asked")
    person.answer(lease, "18")
    told = compared(server, machine)

    assert reply["solution"] == {"text": "19"}
    assert customer.poll(task).json == reply
    assert lease["task"] != task
    assert customer.poll(lease["task"]).json["errorId"] != 0
    assert before - customer.balance() == pytest.approx(0.001)
    assert server.earned(person.solver.id) > 0
    assert (told["alone"], told["right"], told["state"]) == (1, 0.0, "live")
    assert server.books_are_right()
