"""Whatever a stranger sends, the readers give a value or a Refusal, and a Refusal never repeats a key or media."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from answerdesk.model.catalog import CATALOG
from answerdesk.model.fault import Refusal
from answerdesk.model.media import PICTURES
from answerdesk.model.sizes import SERVER_LIMITS, SizeLimits
from answerdesk.model.talk import Draft
from answerdesk.model.task import LARGEST_ID
from answerdesk.wire.fields import shown
from answerdesk.wire.grammar import method_of, read_call, read_draft, read_task_id, write_test
from answerdesk.wire.legacy_form import read_form
from answerdesk.wire.native import read_batch, read_task
from answerdesk.wire.work import read_answer, read_claim, read_decline
from tests.wire.samples import BODY, KEY, PICTURE, SMALL_KINDS

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40)
    | st.sampled_from(["true", "0", "1", "7", BODY, BODY[:200], "data:image/png;base64," + BODY, KEY])
)
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6)
spelled = st.sampled_from([field.name for field in CATALOG["ImageToTextTask"].fields]).flatmap(
    lambda name: st.sampled_from([name, name.lower(), name.upper(), name.title()])
)
tasks = st.dictionaries(spelled | st.text(max_size=5), values).map(lambda task: {"type": "ImageToTextTask", **task})
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "clientKey": st.just(KEY) | values,
        "task": tasks | values,
        "taskId": values,
        "callbackUrl": values,
        "languagePool": values,
        "softId": values,
    },
)


#: Bodies of a megabyte that hold more values than anybody needs to say, each of which costs time to decode.
SPRAWLING = [
    b'{"clientKey":"x","lease":"x","value":0,"tasks":[' + b",".join([b"[]"] * 350_000) + b"]}",
    b'{"clientKey":"x","lease":"x","value":0,' + b",".join(b'"%x":1' % i for i in range(110_000)) + b"}",
    b'{"clientKey":"x","tasks":[' + b",".join([b'{"task":{}}'] * 80_000) + b"]}",
]


@pytest.mark.parametrize("body", SPRAWLING, ids=["lists", "names", "objects"])
@pytest.mark.parametrize("read", [read_call, read_task, read_batch])
def test_a_body_of_more_values_than_anybody_needs_is_not_decoded(read, body):
    with pytest.raises(Refusal, match="more than 50,000 values"):
        read(body)


@pytest.mark.parametrize("body", SPRAWLING, ids=["lists", "names", "objects"])
def test_a_form_and_an_echo_of_too_many_values_stay_unread(body):
    assert "more than 50,000 values" in (read_form(b"", "", body).trouble or "")
    assert write_test(body, "Dict").startswith(b"Parsed input JSON:\nnull\n")


def test_a_large_batch_and_a_large_picture_are_read():
    one = {"task": {"type": "ImageToTextTask", "body": BODY, **{f"field{i}": i for i in range(20)}}}
    assert len(read_batch(json.dumps({"tasks": [one] * 1_000}).encode())) == 1_000
    assert read_call(json.dumps({"clientKey": KEY, "task": {"body": "A" * 2**22}}).encode()).key == KEY


def test_a_key_far_longer_than_any_is_not_taken_apart():
    key = KEY + "__module" * 100

    assert read_call(json.dumps({"clientKey": key}).encode()).key == key


def walk(body: bytes) -> list[object]:
    """Run every reader of the client's side over a body; give what came out."""
    found: list[object] = []
    try:
        call = read_call(body)
    except Refusal as refused:
        return [refused]
    for read in (read_task_id, lambda one: read_draft(one, case_default=True, limits=SERVER_LIMITS)):
        try:
            found.append(read(call))
        except Refusal as refused:
            found.append(refused)
    return found


def check(found: list[object]) -> None:
    for each in found:
        match each:
            case Refusal():
                assert 1 <= len(each.detail) <= 300
                assert KEY not in each.detail
                assert BODY[:40] not in each.detail
            case Draft():
                assert len(each.blobs) == len(each.question.media) + (each.question.picture is not None)
                assert all(medium.type in PICTURES for medium in each.question.media)
            case _:
                assert isinstance(each, int)
                assert 1 <= each <= LARGEST_ID


@given(body=st.binary(max_size=300))
@example(b'{"clientKey":"a","taskId":' + b"9" * 5000 + b"}")
@example(b"[" * 50_000)
@example(b'{"\\ud800":1}')
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    check(walk(body))
    write_test(body, "Dict")
    for read in (read_claim, read_answer, read_decline):
        try:
            read(body)
        except Refusal as refused:
            check([refused])


@given(fields=envelopes)
def test_any_json_is_read_or_refused(fields: dict[str, Any]) -> None:
    check(walk(json.dumps(fields).encode()))


@given(fields=envelopes, at=st.integers(0, 10_000), instead=st.binary(max_size=3))
def test_any_damaged_json_is_read_or_refused(fields: dict[str, Any], at: int, instead: bytes) -> None:
    body = json.dumps(fields, ensure_ascii=False).encode()
    at %= len(body)

    check(walk(body[:at] + instead + body[at + 1 :]))


@given(task=tasks)
def test_any_task_is_read_or_refused(task: dict[str, Any]) -> None:
    check(walk(json.dumps({"clientKey": KEY, "task": task}).encode()))


@pytest.mark.parametrize("kind", SMALL_KINDS)
def test_a_picture_cut_anywhere_is_read_or_refused(kind: str) -> None:
    data = SMALL_KINDS[kind]
    for length in range(0, len(data), 7):
        task = {"type": "ImageToTextTask", "body": base64.b64encode(data[:length]).decode()}
        check(walk(json.dumps({"clientKey": KEY, "task": task}).encode()))


@given(flags=st.fixed_dictionaries({name: st.booleans() for name in ("phrase", "case", "math")}), data=st.data())
def test_what_was_written_into_a_task_is_read_back(flags: dict[str, bool], data: st.DataObject) -> None:
    lengths = sorted(data.draw(st.tuples(st.integers(1, 100), st.integers(1, 100))))
    fields: dict[str, Any] = {
        **flags,
        "numeric": data.draw(st.integers(0, 4)),
        "minLength": lengths[0],
        "maxLength": lengths[1],
        "recognizingThreshold": data.draw(st.integers(0, 100)),
        "comment": data.draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=50)),
    }
    as_text = data.draw(st.booleans())
    sent = {name: _spelled(value) if as_text else value for name, value in fields.items()}
    task = {"type": "ImageToTextTask", "body": BODY, **sent}

    draft = read_draft(
        read_call(json.dumps({"clientKey": KEY, "task": task}).encode()), case_default=True, limits=SizeLimits()
    )

    question = draft.question
    found = {name: getattr(question.constraints, name) for name in flags}
    assert found == flags
    assert question.constraints.numeric == fields["numeric"]
    assert (question.constraints.min_length, question.constraints.max_length) == tuple(lengths)
    assert question.options.threshold == fields["recognizingThreshold"]
    assert question.text == (fields["comment"].strip() or None)
    assert draft.blobs == (PICTURE,)


def _spelled(value: bool | int | str) -> str:
    """Write a value as the clients that send everything as text do."""
    return json.dumps(value) if isinstance(value, bool) else str(value)


@given(task=st.integers(1, LARGEST_ID))
def test_an_id_reads_back_as_number_and_as_text(task: int) -> None:
    for body in (json.dumps({"taskId": task}), json.dumps({"taskId": str(task)})):
        assert read_task_id(read_call(body.encode())) == task


@given(path=st.text(max_size=30))
def test_any_path_is_a_method_or_none(path: str) -> None:
    assert (method_of(path) is None) == (not path.strip().strip("/").strip() or "/" in path.strip().strip("/").strip())


@given(value=values | st.integers() | st.floats() | st.text(min_size=17))
def test_a_value_is_described_in_few_characters(value: object) -> None:
    said = shown(value)

    assert 0 < len(said) <= 120
    if isinstance(value, str) and len(value) > 16:
        assert value not in said
