"""Whatever a server says, a reply becomes a value or an `AnswerdeskError`."""

import json
from contextlib import suppress
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from answerdesk_client import AnswerdeskError, Claim, Lease, Question, TaskId, TextOptions, Verdict
from answerdesk_client._calls import Reply, answer, balance, claim, create, decline, media, report, result

LEASE = Lease(lease="L", task=1, kind="text", until=0.0, question=Question(kind="text"))
CALLS = [
    create("k", b"", TextOptions(), "i"),
    result("k", TaskId(1)),
    balance("k"),
    report("k", TaskId(1), correct=True),
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
        *("errorId", "errorCode", "errorDescription", "taskId", "status", "solution", "cost", "balance"),
        *("createTime", "endTime", "solveCount", "error", "leases", "accepted", "why", "paid"),
        *("lease", "task", "kind", "until", "question", "media", "instruction", "constraints"),
    ]
)
objects = st.dictionaries(names, values | st.dictionaries(names, values), max_size=12)
bodies = st.binary() | (objects | values).map(lambda value: json.dumps(value).encode())


@given(st.sampled_from(CALLS), st.integers(100, 599), bodies)
def test_a_reply_is_a_value_or_an_answerdesk_error(call, status, body):
    with suppress(AnswerdeskError):
        call.parse(Reply(status=status, body=body))


@given(objects.map(lambda said: {"errorId": 0, "status": "ready", "solution": {}} | said))
def test_a_sum_of_money_is_always_a_number(said):
    try:
        solution = result("k", TaskId(1)).parse(Reply(status=200, body=json.dumps(said).encode()))
    except AnswerdeskError:
        return
    assert solution is None or solution.cost is None or solution.cost.is_finite()


@given(st.decimals(allow_nan=False, allow_infinity=False), st.booleans())
def test_what_was_earned_is_read_to_the_last_digit(paid, accepted):
    body = json.dumps({"accepted": accepted, "paid": str(paid), "leases": []}).encode()
    assert answer(LEASE, "a", None, None).parse(Reply(status=200, body=body)) == Verdict(accepted=accepted, paid=paid)


@given(st.integers(0, 10**12))
def test_a_balance_in_micro_units_is_read_exactly(micro):
    body = b'{"errorId":0,"balance":%d.%06d}' % divmod(micro, 10**6)
    assert balance("k").parse(Reply(status=200, body=body)) == Decimal(micro) / 10**6
