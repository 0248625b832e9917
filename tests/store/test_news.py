"""What nodes tell each other arrives whole and in order, in texts that the server takes, however much there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.desk.ports import Heard, Span
from answerdesk.model.account import Sequence
from answerdesk.store.news import ANYTHING, MOST_BYTES, Gathering, News, pack, unpack

NUMBERS = st.lists(st.integers(0, 2**63 - 1), unique=True).map(tuple)
#: As nodes draw them: near each other, thousands at once.
RUNS = st.tuples(st.integers(1, 2**62), st.integers(1, 4_500), st.sampled_from([1, 7_919])).map(
    lambda run: tuple(range(run[0], run[0] + run[1] * run[2], run[2]))
)
EDGES = st.integers(0, 2**63 - 1).map(Sequence)
SPANS = st.lists(st.builds(Span, first=EDGES, past=EDGES), unique=True, max_size=400).map(tuple)
NEWS = st.builds(
    News, settled=NUMBERS, opened=NUMBERS | RUNS, erased=NUMBERS, dropped=SPANS, settings=st.booleans(),
    missed=st.booleans(),
)  # fmt: skip
NODES = st.text(st.characters(codec="utf-8"), max_size=40)


def joined(payloads: list[str]) -> News:
    told = [unpack(payload)[1] for payload in payloads]
    return News(
        settled=sum((each.settled for each in told), ()),
        opened=sum((each.opened for each in told), ()),
        erased=sum((each.erased for each in told), ()),
        dropped=sum((each.dropped for each in told), ()),
        settings=any(each.settings for each in told),
        missed=any(each.missed for each in told),
    )


@given(NODES, NEWS)
def test_nothing_is_lost_and_the_order_kept(node, news) -> None:
    payloads = pack(node, news)

    assert joined(payloads) == news
    assert {unpack(payload)[0] for payload in payloads} <= {node}


@given(NODES, NEWS)
def test_every_payload_is_within_the_servers_bound_and_no_more_are_sent_than_needed(node, news) -> None:
    payloads = pack(node, news)

    assert all(len(payload.encode()) <= MOST_BYTES for payload in payloads)
    # Numbers of another kind may be written whole where a payload begins: no other room is left.
    assert all(len(payload.encode()) > MOST_BYTES - 44 for payload in payloads[:-1])


def test_a_thousand_new_tasks_fit_into_one_payload() -> None:
    assert len(pack("node", News(opened=tuple(range(2**40, 2**40 + 3_000))))) == 1


def test_nothing_to_tell_is_not_told() -> None:
    assert pack("node", News()) == []
    assert len(pack("node", News(settings=True))) == 1


@pytest.mark.parametrize(
    "payload", ["", "hello", "[]", "{}", '[1,"a",0,[1]]', '[1,"a",0,["x"],[],[]]', '[2,"a",0,[],[],[]]']
)
def test_what_cannot_be_read_may_tell_of_anything(payload) -> None:
    assert unpack(payload)[1] == ANYTHING


@given(st.lists(NEWS, max_size=4))
def test_gathered_news_name_each_number_once_in_the_order_it_came(several) -> None:
    gathering = Gathering(10**6)
    for news in several:
        gathering.add(news)
    taken = gathering.take()

    assert taken.settled == tuple(dict.fromkeys(n for news in several for n in news.settled))
    assert taken.settings is any(news.settings for news in several)
    assert gathering.take() == News()


def test_too_much_to_remember_is_told_as_missed() -> None:
    gathering = Gathering(most=3)
    gathering.add(News(settled=(1, 2)))
    gathering.add(News(opened=(3, 4)))

    assert gathering.take() == ANYTHING
    assert gathering.take() == News()


def test_a_commit_that_changed_nothing_others_wait_for_is_no_news() -> None:
    gathering = Gathering()
    gathering.hear(Heard())

    assert not gathering
    assert gathering.take() == News()
    gathering.hear(Heard(settings=True, erased=[Sequence(7)]))
    assert gathering.take() == News(settings=True, erased=(7,))
