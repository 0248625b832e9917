"""Whatever a server says, a reply becomes a value or an `AnswerdeskError`."""

import json
from contextlib import suppress
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from answerdesk_client import AnswerdeskError, Claim, Lease, Order, Question, TaskId, Verdict
from answerdesk_client._calls import Reply, answer, claim, decline, media
from answerdesk_client._native import (
    Lines,
    balance,
    cancel,
    create,
    create_batch,
    ledger,
    report,
    show,
    solution,
    tasks,
)

LEASE = Lease(lease="L", task=1, kind="text", until=0.0, question=Question(kind="text"))
CALLS = [
    create(Order.text(b""), "i"),
    create_batch([b"{}"], "i"),
    show(TaskId(1)),
    cancel(TaskId(1)),
    tasks("open", 5),
    ledger(None),
    balance(),
    report(TaskId(1), correct=True, reason=""),
    claim(Claim(kinds=("text",))),
    answer(LEASE, "a", None, None),
    decline(LEASE, "broken", None),
    media("/m"),
]
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["NaN", "ready", "1e999"])
)
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
names = st.sampled_from(
    [
        *("id", "status", "answer", "cost", "balance", "created", "ended", "solveCount", "error", "code", "detail"),
        *("tasks", "lines", "outcomes", "next", "leases", "accepted", "why", "paid"),
        *("lease", "task", "kind", "until", "question", "media", "instruction", "constraints"),
    ]
)
objects = st.dictionaries(names, values | st.dictionaries(names, values), max_size=12)
bodies = st.binary() | (objects | values).map(lambda value: json.dumps(value).encode())


@given(st.sampled_from(CALLS), st.integers(100, 599), bodies)
def test_a_reply_is_a_value_or_an_answerdesk_error(call, status, body):
    with suppress(AnswerdeskError):
        call.parse(Reply(status=status, body=body))


@given(objects.map(lambda said: said | {"id": 1, "status": "ready"}))
def test_a_sum_of_money_is_always_a_number(said):
    try:
        found = solution(show(TaskId(1)).parse(Reply(status=200, body=json.dumps(said).encode())))
    except AnswerdeskError:
        return
    assert found is None or found.cost is None or found.cost.is_finite()


EVENTS = b"".join(b'id: %d\nevent: settled\ndata: {"id":%d,"status":"open"}\n\n' % (n, n * 10) for n in (1, 2, 3))


@given(st.lists(st.integers(0, len(EVENTS))), st.booleans())
def test_events_are_read_however_the_stream_is_cut(cuts, crlf):
    stream = b"id: 0\n\n: alive\n\n" + EVENTS
    stream = stream.replace(b"\n", b"\r\n") if crlf else stream
    places = [0, *sorted(cuts), len(stream)]
    lines = Lines()
    found = [event for a, b in pairwise(places) for event in lines.feed(stream[a:b])]

    assert [(event.id, event.task.id) for event in found] == [("1", 10), ("2", 20), ("3", 30)]
    assert lines.last == "3"


@given(st.integers(0, len(EVENTS)))
def test_a_place_counts_only_with_its_whole_event(cut):
    """What is resumed from was told."""
    lines = Lines("0")
    told = lines.feed(EVENTS[:cut])

    assert lines.last == str(len(told))


@given(st.lists(st.binary()))
def test_a_stream_of_anything_is_events_or_an_answerdesk_error(pieces):
    lines = Lines()
    with suppress(AnswerdeskError):
        for piece in pieces:
            lines.feed(piece)


@given(st.decimals(allow_nan=False, allow_infinity=False), st.booleans())
def test_what_was_earned_is_read_to_the_last_digit(paid, accepted):
    body = json.dumps({"accepted": accepted, "paid": str(paid), "leases": []}).encode()
    assert answer(LEASE, "a", None, None).parse(Reply(status=200, body=body)) == Verdict(accepted=accepted, paid=paid)


@given(st.integers(0, 10**12))
def test_a_balance_in_micro_units_is_read_exactly(micro):
    body = b'{"balance":"%d.%06d"}' % divmod(micro, 10**6)
    assert balance().parse(Reply(status=200, body=body)) == Decimal(micro) / 10**6
