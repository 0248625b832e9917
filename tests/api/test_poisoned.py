"""Questions that cannot be read any more: a claim ends their tasks and gives the next one."""

from __future__ import annotations

import pytest

from answerdesk.model.task import Permutation, TaskId
from tests.serving import Customer, Serving, awaited
from tests.store.test_poisoned import SPOILT, Plant


def planted(server: Serving, customer: Customer) -> tuple[list[int], int]:
    """Put tasks that nobody can read before one that can be."""
    good = customer.ask()
    with server.store() as store:
        ids = Permutation(store.permutation_key)
        like = ids.find(TaskId(good))
        numbers = [awaited(store.draw()) for _ in SPOILT]
    server.do(
        *(
            Plant(like=like, n=n, wrong={"question": question, "rank": 0})
            for n, question in zip(numbers, SPOILT, strict=True)
        )
    )
    return [ids.show(n) for n in numbers], good


def ended(server: Serving, tasks: list[int]) -> bool:
    shown = [server.cli("tasks", "show", str(task)) for task in tasks]
    return all((task["state"], task["question"]) == ("failed", None) for task in shown)


@pytest.mark.parametrize("most", [1, 2])
def test_a_claim_ends_what_cannot_be_read_and_gives_the_next(server, customer, person, most):
    spoilt, good = planted(server, customer)

    assert [lease["task"] for lease in person.claim(most)] == [good]
    assert ended(server, spoilt)
    assert [customer.poll(task, 0).json["errorId"] for task in spoilt] == [12] * len(spoilt)
    assert "question_unreadable" in server.logged()
    assert server.books_are_right()


def test_so_does_the_claim_that_comes_with_an_answer(server, customer, person):
    customer.ask()
    first = person.take()
    spoilt, good = planted(server, customer)

    reply = person.answer(first, "abc", claim={"kinds": ["text"], "max": 1, "wait": 0}).json

    assert reply["accepted"]
    assert [lease["task"] for lease in reply["leases"]] == [good]
    assert ended(server, spoilt)


def test_where_nothing_can_be_read_a_claim_brings_nothing(server, customer, person):
    spoilt, good = planted(server, customer)
    (lease,) = person.claim()
    person.answer(lease, "abc")

    assert person.claim() == []
    assert lease["task"] == good
    assert ended(server, spoilt)
