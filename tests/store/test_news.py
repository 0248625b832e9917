"""What nodes tell each other arrives whole and in order, in texts that the server takes, however much there is."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from answerdesk.desk.elsewhere import Elsewhere, Opening, Settled, Span
from answerdesk.desk.ports import Heard
from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.task import Route, State, Task
from answerdesk.store.news import ANYTHING, MOST_BYTES, Gathering, pack, unpack

NUMBERS = st.integers(0, 2**63 - 1)
SETTLED = st.builds(Settled, n=NUMBERS.map(Sequence), account=NUMBERS.map(AccountId), place=NUMBERS)
#: As they settle: near each other, thousands at once.
RUNS = st.tuples(st.integers(1, 2**62), st.integers(1, 1_500)).map(
    lambda run: tuple(Settled(n=Sequence(run[0] + 7 * i), account=AccountId(i % 3), place=i) for i in range(run[1]))
)
OPENINGS = st.builds(
    Opening, st.sampled_from(Kind), st.sampled_from((*Route, Route.NOBODY, Route.EITHER)),
    st.none() | st.text(max_size=3), st.text(max_size=64),
)  # fmt: skip
SPANS = st.lists(st.builds(Span, first=NUMBERS.map(Sequence), past=NUMBERS.map(Sequence)), unique=True, max_size=300)
NEWS = st.builds(
    Heard,
    elsewhere=st.builds(
        Elsewhere,
        settled=st.lists(SETTLED, unique=True, max_size=200).map(tuple) | RUNS,
        opened=st.dictionaries(OPENINGS, st.integers(1, 5_000), max_size=200),
        owed=st.booleans(),
    ),
    erased=st.lists(NUMBERS.map(Sequence), unique=True, max_size=600).map(tuple),
    dropped=SPANS.map(tuple),
    settings=st.booleans(),
    missed=st.booleans(),
)
NODES = st.text(st.characters(codec="utf-8"), max_size=40)
OPEN = Task(
    n=Sequence(1), account=AccountId(5), type="ImageToTextTask", kind=Kind.TEXT, price=Micros(1), question=b"{}",
    created=Millis(1), deadline=Millis(2), route=Route.MACHINES, slots=1, lang="en", group="g",
)  # fmt: skip


def task(**fields) -> Task:
    return msgspec.structs.replace(OPEN, **fields)


def solved(n: int, **fields) -> Task:
    return task(n=Sequence(n), state=State.READY, slots=0, place=n + 4_096, **fields)


def joined(payloads: list[str]) -> Heard:
    told = [unpack(payload)[1] for payload in payloads]
    return Heard(
        elsewhere=Elsewhere(
            settled=tuple(task for each in told for task in each.elsewhere.settled),
            opened=dict(pair for each in told for pair in each.elsewhere.opened.items()),
            owed=any(each.elsewhere.owed for each in told),
        ),
        erased=tuple(n for each in told for n in each.erased),
        dropped=tuple(span for each in told for span in each.dropped),
        settings=any(each.settings for each in told),
        missed=any(each.missed for each in told),
    )


@settings(max_examples=40)
@given(NODES, NEWS)
def test_nothing_is_lost_and_the_order_kept(node, news) -> None:
    payloads = pack(node, news)

    assert joined(payloads) == news
    assert {unpack(payload)[0] for payload in payloads} <= {node}


@settings(max_examples=40)
@given(NODES, NEWS)
def test_every_payload_is_within_the_servers_bound_and_no_more_are_sent_than_needed(node, news) -> None:
    payloads = pack(node, news)

    assert all(len(payload.encode()) <= MOST_BYTES for payload in payloads)
    # Where a payload begins numbers are written whole, and the next opening may be a long one: no other room is left.
    assert all(len(payload.encode()) > MOST_BYTES - 440 for payload in payloads[:-1])


def test_a_thousand_settled_tasks_fit_into_two_payloads() -> None:
    settled = tuple(Settled(n=Sequence(2**40 + i), account=AccountId(7), place=2**50 + i) for i in range(1_000))

    assert len(pack("node", Heard(elsewhere=Elsewhere(settled=settled)))) <= 2


def test_nothing_to_tell_is_not_told() -> None:
    assert pack("node", Heard()) == []
    assert len(pack("node", Heard(settings=True))) == 1


@pytest.mark.parametrize(
    "payload",
    [
        "", "hello", "[]", "{}", '[2,"a",0,[1]]', '[2,"a",0,["x"],[],[],[]]', '[1,"a",0,[],[],[],[]]',
        '[2,"a",0,[],[],[],[[["no such kind",1,null,""],1]]]',
    ],
)  # fmt: skip
def test_what_cannot_be_read_may_tell_of_anything(payload) -> None:
    assert unpack(payload)[1] == ANYTHING


def test_of_a_commit_is_told_what_settled_and_how_many_places_came_free_for_whom() -> None:
    gathering = Gathering()
    gathering.hear(Heard(tasks=[task(), solved(9), task(n=Sequence(2)), task(kind=Kind.GRID)]))
    gathering.hear(Heard(tasks=[solved(3), solved(9)], erased=[Sequence(7)], settings=True))
    taken = gathering.take()

    assert taken.elsewhere == Elsewhere(
        settled=tuple(Settled(n=Sequence(n), account=AccountId(5), place=n + 4_096) for n in (9, 3)),
        opened=Counter(
            {
                Opening(Kind.TEXT, Route.MACHINES, "en", "g"): 2,
                Opening(Kind.GRID, Route.MACHINES, "en", "g"): 1,
            }
        ),
    )
    assert (taken.erased, taken.settings, taken.missed) == ((7,), True, False)
    assert gathering.take() == Heard()


def test_of_tasks_that_nobody_elsewhere_waits_for_nothing_is_told() -> None:
    gathering = Gathering()
    gathering.hear(Heard(tasks=[task(slots=0), task(free_at=Millis(9)), solved(1, report="correct")]))

    assert not gathering
    assert gathering.take() == Heard()


@pytest.mark.parametrize("callback", [None, "https://example.org/"])
def test_a_settled_task_tells_whether_a_callback_is_owed(callback) -> None:
    gathering = Gathering()
    gathering.hear(Heard(tasks=[solved(1, callback=callback)]))

    assert gathering.take().elsewhere.owed is (callback is not None)
    assert not gathering.take().elsewhere.owed


def test_too_much_to_remember_is_told_as_missed() -> None:
    gathering = Gathering(most=3)
    gathering.hear(Heard(tasks=[solved(1), solved(2)]))
    gathering.hear(Heard(tasks=[task()], erased=[Sequence(4)]))

    assert gathering.take() == ANYTHING
    assert gathering.take() == Heard()
