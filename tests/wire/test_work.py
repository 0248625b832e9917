"""The work API's JSON: what is said, what is told, and the document that describes both."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model import money
from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.answer import Decline, Lapse, Lease, Verdict, Why
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.money import Micros
from answerdesk.model.question import WORK_KINDS, Constraints, Kind, Medium, Options, Question
from answerdesk.model.solver import SolverId
from answerdesk.model.task import TaskId
from answerdesk.model.values import accept
from answerdesk.wire import work
from answerdesk.wire.openapi import OPERATIONS, VALUES, openapi
from answerdesk.wire.work import AnswerCall, ClaimCall, DeclineCall, Given

RICH = Question(
    kind=Kind.TEXT,
    text="only the red ones",
    picture=Medium(type="image/gif", width=9, height=8),
    media=(Medium(type="image/png", width=60, height=40), Medium(type="audio/mpeg")),
    constraints=Constraints(phrase=True, case=True, numeric=4, math=True, min_length=3, max_length=7),
    options=Options(module="yandex", threshold=0),
    lang="ru",
)


def given_lease(question: Question, token: str = "L1", *, reserved: bool = False) -> Given:
    lease = Lease(
        token=token,
        task=Sequence(1),
        account=AccountId(1),
        solver=SolverId(1),
        machine=True,
        given=Millis(1692863536000),
        until=Millis(1692863536500),
        shown=Millis(0 if reserved else 1692863536000),
    )
    return Given(lease=lease, task=TaskId(1837465021), question=question)


def test_a_claim_is_read() -> None:
    assert work.read_claim(b'{"kinds":["text","audio"],"max":16,"wait":2.5,"more":1}') == ClaimCall(
        kinds=(Kind.TEXT, Kind.AUDIO), max=16, wait=2.5
    )


@pytest.mark.parametrize("body", [b"", b"{}", b'{"kinds":[]}'])
def test_a_claim_has_defaults(body: bytes) -> None:
    assert work.read_claim(body) == ClaimCall(kinds=(), max=1, wait=0.0)


def test_an_answer_is_read_with_its_next_claim() -> None:
    body = b'{"lease":"L1","value":"abc","confidence":1,"claim":{"kinds":["text"],"wait":25}}'

    assert work.read_answer(body) == AnswerCall(
        lease="L1", value="abc", confidence=1.0, claim=ClaimCall(kinds=(Kind.TEXT,), wait=25.0)
    )
    assert work.read_answer(b'{"lease":"L1","value":null}') == AnswerCall(lease="L1", value=None)


@pytest.mark.parametrize("reason", list(Decline))
def test_a_decline_is_read_with_its_reason(reason: Decline) -> None:
    body = json.dumps({"lease": "L1", "reason": reason, "claim": None}).encode()

    assert work.read_decline(body) == DeclineCall(lease="L1", reason=reason)


KINDS = "kinds must be a list of text, question, audio, grid, points, boxes, outline, rotate, drag"
LEASE = "the text a claim gave as lease"
MISFITS: list[tuple[Callable[[bytes], object], str, str]] = [
    (work.read_claim, '{"kinds":["txt"]}', KINDS),
    (work.read_claim, '{"kinds":"text"}', KINDS),
    (work.read_claim, '{"kinds":null}', KINDS),
    (work.read_claim, '{"max":0}', "max must be an integer 1..16"),
    (work.read_claim, '{"max":17}', "max must be an integer 1..16"),
    (work.read_claim, '{"max":true}', "max must be an integer 1..16"),
    (work.read_claim, '{"max":"1"}', "max must be an integer 1..16"),
    (work.read_claim, '{"wait":-0.1}', "wait must be a number of seconds 0..30"),
    (work.read_claim, '{"wait":30.5}', "wait must be a number of seconds 0..30"),
    (work.read_claim, '{"wait":1e999}', "wait must be a number of seconds 0..30"),
    (work.read_claim, "[]", "the body is JSON but not an object; a JSON object is accepted"),
    (work.read_claim, "null", "the body is JSON but not an object; a JSON object is accepted"),
    (work.read_answer, "{}", f"lease is missing; it must be {LEASE}"),
    (work.read_answer, '{"lease":"L"}', "value is missing; it must be the answer in the form of the question's kind"),
    (work.read_answer, '{"lease":1,"value":"a"}', f"lease must be {LEASE}"),
    (work.read_answer, '{"lease":"","value":"a"}', f"lease must be {LEASE}"),
    (work.read_answer, '{"lease":"\\u0000","value":"a"}', f"lease must be {LEASE}"),
    (work.read_answer, '{"lease":"' + "L" * 101 + '","value":"a"}', f"lease must be {LEASE}"),
    (work.read_answer, '{"lease":"L","value":"a","confidence":1.01}', "confidence must be a number 0..1 or null"),
    (work.read_answer, '{"lease":"L","value":"a","confidence":"1"}', "confidence must be a number 0..1 or null"),
    (
        work.read_answer,
        '{"lease":"L","value":"a","claim":1}',
        "claim must be an object with kinds, max, wait and reserve, or null",
    ),
    (work.read_answer, '{"lease":"L","value":"a","claim":{"max":99}}', "claim.max must be an integer 1..16"),
    (work.read_answer, '{"lease":"L","value":"a","claim":{"kinds":[1]}}', f"claim.{KINDS}"),
    (work.read_decline, '{"lease":"L"}', "reason is missing; it must be one of unreadable, broken, language, refused"),
    (
        work.read_decline,
        '{"lease":"L","reason":"tired"}',
        "reason must be one of unreadable, broken, language, refused",
    ),
]


@pytest.mark.parametrize(("read", "body", "sentence"), MISFITS, ids=range(len(MISFITS)))
def test_a_misfit_is_refused_by_field_with_what_it_accepts(read, body: str, sentence: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(body.encode())

    assert (refused.value.fault, refused.value.detail) == (Fault.BAD_PARAMETERS, sentence)


@pytest.mark.parametrize("read", [work.read_claim, work.read_answer, work.read_decline])
@pytest.mark.parametrize("body", [b"{", b"NaN", b"\xff", b'{"x":"\\ud800"}', b'{"value":' + b"[" * 40_000])
def test_what_is_not_json_is_refused(read, body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        read(body)

    assert refused.value.detail.startswith("the body is not JSON (")


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (work.read_claim, b'{"kinds":["\xff"]}'),
        (work.read_answer, b'{"lease":"\xff"}'),
        (work.read_answer, b'{"lease":"L","value":"\xed\xa0\x80"}'),
        (work.read_decline, b'{"lease":"L","reason":"\xff"}'),
    ],
)
def test_a_field_that_is_not_utf_8_is_refused(read, body: bytes) -> None:
    with pytest.raises(Refusal):
        read(body)


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["text", "broken"])
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)
names = st.sampled_from(["kinds", "max", "wait", "lease", "value", "confidence", "reason", "claim"])


@given(fields=st.dictionaries(names, values | st.dictionaries(names, values)))
def test_any_json_is_read_or_refused(fields: dict[str, Any]) -> None:
    body = json.dumps(fields).encode()
    for read in (work.read_claim, work.read_answer, work.read_decline):
        try:
            found = read(body)
        except Refusal as refused:
            assert refused.detail.strip()  # noqa: PT017 - whether it is refused depends on the body
        else:
            assert isinstance(found, ClaimCall) or 1 <= len(found.lease) <= 100


@given(
    call=st.builds(
        AnswerCall,
        lease=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=100),
        value=st.text(st.characters(exclude_categories=["Cs"])),
        confidence=st.none() | st.floats(0, 1),
        claim=st.none()
        | st.builds(ClaimCall, kinds=st.just((Kind.TEXT,)), max=st.integers(1, 16), wait=st.floats(0, 30)),
    )
)
def test_an_answer_reads_back_as_written(call: AnswerCall) -> None:
    assert work.read_answer(msgspec.json.encode(call)) == call


def shown(question: Question) -> dict[str, Any]:
    return {**work.question_json(question, "L1")}


def test_a_question_is_shown_with_all_that_applies() -> None:
    assert shown(RICH) == {
        "kind": "text",
        "instruction": {"text": "only the red ones", "image": "/api/work/media/L1/2"},
        "constraints": {
            "phrase": True,
            "case": True,
            "numeric": 4,
            "math": True,
            "minLength": 3,
            "maxLength": 7,
        },
        "options": {"module": "yandex", "threshold": 0},
        "lang": "ru",
        "media": [
            {"url": "/api/work/media/L1/0", "type": "image/png", "width": 60, "height": 40},
            {"url": "/api/work/media/L1/1", "type": "audio/mpeg"},
        ],
    }


def test_what_does_not_apply_is_not_shown() -> None:
    assert shown(Question(kind=Kind.TEXT)) == {
        "kind": "text",
        "instruction": {"text": None, "image": None},
        "constraints": {},
        "options": {"module": "universal"},
        "lang": None,
        "media": [],
    }


def test_leases_are_written_to_the_byte() -> None:
    plain = Question(kind=Kind.TEXT, media=(Medium(type="image/png", width=1, height=1),))

    assert work.write_leases([]) == b'{"leases":[]}'
    assert work.write_leases([given_lease(plain)]).decode() == (
        '{"leases":[{"lease":"L1","task":1837465021,"kind":"text","until":1692863536.5,"reserved":false,'
        '"question":{"kind":"text",'
        '"instruction":{"text":null,"image":null},"constraints":{},"options":{"module":"universal"},"lang":null,'
        '"media":[{"url":"/api/work/media/L1/0","type":"image/png","width":1,"height":1}]}}]}'
    )


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Verdict(accepted=True, paid=Micros(600)), '{"accepted":true,"paid":"0.000600","leases":[]}'),
        (Verdict(accepted=True), '{"accepted":true,"paid":"0","leases":[]}'),
        (Verdict(accepted=True, paid=Micros(12_000_001)), '{"accepted":true,"paid":"12.000001","leases":[]}'),
        *(
            (Verdict(accepted=False, why=why), f'{{"accepted":false,"paid":"0","leases":[],"why":"{why}"}}')
            for why in Why
        ),
    ],
)
def test_a_verdict_is_written_to_the_byte(verdict: Verdict, said: str) -> None:
    assert work.write_verdict(verdict).decode() == said


def test_a_verdict_carries_what_its_claim_brought() -> None:
    given = [given_lease(RICH, "L1"), given_lease(RICH, "L2")]

    said = json.loads(work.write_verdict(Verdict(accepted=True), given))

    assert said["leases"] == json.loads(work.write_leases(given))["leases"]
    assert [lease["lease"] for lease in said["leases"]] == ["L1", "L2"]


@given(paid=st.integers(1, money.MOST).map(Micros))
def test_pay_reads_back_as_printed_with_six_decimals(paid: Micros) -> None:
    said = json.loads(work.write_verdict(Verdict(accepted=True, paid=paid)))["paid"]

    assert money.parse(said) == paid
    assert len(said.partition(".")[2]) == 6


def test_a_problem_is_one_sentence() -> None:
    assert work.write_problem('unknown "lease"') == b'{"error":"unknown \\"lease\\""}'


def test_what_became_of_a_lease_is_written_to_the_byte() -> None:
    held, lapsed = work.held_json("L1", 1692863536500, None), work.held_json("L1", 1692863536500, Lapse.SETTLED)

    assert work.write_held(held) == b'{"lease":"L1","until":1692863536.5}'
    assert work.write_held(lapsed) == b'{"lease":"L1","why":"settled"}'
    assert work.write_verdict(Verdict(accepted=True), (), held).decode() == (
        '{"accepted":true,"paid":"0","leases":[],"shown":{"lease":"L1","until":1692863536.5}}'
    )
    assert work.write_released(2) == b'{"released":2}'


def test_an_undone_answer_brings_its_question_back() -> None:
    again = given_lease(RICH)

    assert json.loads(work.write_undone(again)) == {
        "reopened": True,
        "until": 1692863536.5,
        "question": {**work.question_json(RICH, "L1")},
    }
    assert work.write_undone(Lapse.TAKEN) == b'{"reopened":false,"why":"taken"}'


def test_a_reserved_lease_says_so() -> None:
    said = json.loads(work.write_leases([given_lease(RICH, reserved=True), given_lease(RICH)]))

    assert [lease["reserved"] for lease in said["leases"]] == [True, False]


REPLIES = {
    "LeasesJson": work.LeasesJson,
    "VerdictJson": work.VerdictJson,
    "HeldJson": work.HeldJson,
    "ReleasedJson": work.ReleasedJson,
    "UndoneJson": work.UndoneJson,
}
READERS: dict[str, Callable[[bytes], object]] = {
    "ClaimCall": work.read_claim,
    "AnswerCall": work.read_answer,
    "DeclineCall": work.read_decline,
    "LeaseCall": work.read_lease,
    "ReleaseCall": work.read_release,
}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_documents_examples_are_read_by_the_readers_themselves(operation) -> None:
    documented = openapi()["paths"][operation.path]["post"]
    asked = documented["requestBody"]["content"]["application/json"]
    told = documented["responses"]["200"]["content"]["application/json"]

    examples = [asked["example"]] if "example" in asked else [each["value"] for each in asked["examples"].values()]

    for example in examples:
        call = READERS[operation.body](json.dumps(example).encode())
        assert type(call).__name__ == operation.body == asked["schema"]["$ref"].rpartition("/")[2]
        assert json.loads(msgspec.json.encode(call)).items() >= example.items()
    assert msgspec.convert(told["example"], REPLIES[operation.reply], strict=True) == told["example"]


PAGE = Medium(type="image/png", width=1_000, height=500)


@pytest.mark.parametrize("kind", WORK_KINDS)
def test_the_documented_value_of_each_kind_is_one_that_is_accepted(kind: Kind) -> None:
    pictures = {Kind.ROTATE: 2, Kind.DRAG: 3}.get(kind, 1)
    question = Question(kind=kind, media=(PAGE,) * pictures, constraints=Constraints(rows=3, columns=3))
    _, value = VALUES[kind]

    assert accept(question, value) == value


def asked_of(question: Question) -> dict[str, Any]:
    return json.loads(work.write_leases([given_lease(question, "L")]))["leases"][0]["question"]


def test_a_grid_is_shown_with_what_applies_to_it() -> None:
    question = Question(
        kind=Kind.GRID,
        text="boats",
        picture=PAGE,
        media=(PAGE,),
        constraints=Constraints(rows=3, columns=4, min_clicks=1, max_clicks=12, can_no_answer=True),
        options=Options(previous="77"),
    )

    assert asked_of(question) == {
        "kind": "grid",
        "instruction": {"text": "boats", "image": "/api/work/media/L/1"},
        "constraints": {"rows": 3, "columns": 4, "minClicks": 1, "maxClicks": 12, "canNoAnswer": True},
        "options": {"module": "universal", "previous": "77"},
        "lang": None,
        "media": [{"url": "/api/work/media/L/0", "type": "image/png", "width": 1000, "height": 500}],
    }


def test_a_background_and_its_pieces_are_listed_in_order() -> None:
    piece = Medium(type="image/gif", width=20, height=30)

    shown = asked_of(Question(kind=Kind.DRAG, media=(PAGE, piece, piece)))

    assert [medium["url"] for medium in shown["media"]] == [f"/api/work/media/L/{i}" for i in range(3)]
    assert [medium["width"] for medium in shown["media"]] == [1000, 20, 20]
    assert shown["instruction"] == {"text": None, "image": None}


def test_a_recording_has_no_size_and_a_written_question_no_media() -> None:
    sound = asked_of(Question(kind=Kind.AUDIO, lang="en", media=(Medium(type="audio/mpeg"),)))
    written = asked_of(Question(kind=Kind.QUESTION, text="why?"))

    assert sound["media"] == [{"url": "/api/work/media/L/0", "type": "audio/mpeg"}]
    assert (written["media"], written["instruction"]["text"]) == ([], "why?")


def test_pictures_to_turn_say_their_step() -> None:
    shown = asked_of(Question(kind=Kind.ROTATE, media=(PAGE, PAGE), constraints=Constraints(angle=40)))

    assert shown["constraints"] == {"angle": 40}
    assert len(shown["media"]) == 2


def test_the_documents_example_of_a_lease_is_what_is_written() -> None:
    question = Question(
        kind=Kind.TEXT,
        text="the red letters only",
        media=(Medium(type="image/png", width=120, height=40),),
        constraints=Constraints(numeric=1, min_length=4, max_length=6),
        options=Options(threshold=70),
    )
    documented = openapi()["paths"]["/api/work/claim"]["post"]["responses"]["200"]
    example = documented["content"]["application/json"]["example"]

    assert json.loads(work.write_leases([given_lease(question, example["leases"][0]["lease"])])) == example


def references(part: object) -> list[str]:
    match part:
        case dict():
            inside = [found for each in part.values() for found in references(each)]
            return [part["$ref"], *inside] if "$ref" in part else inside
        case list():
            return [found for each in part for found in references(each)]
    return []


def test_every_schema_is_described_and_every_reference_leads_to_one() -> None:
    document = openapi()
    schemas = document["components"]["schemas"]

    assert {ref.rpartition("/")[2] for ref in references(document)} <= set(schemas)
    assert all(schema["description"] for schema in schemas.values())
    assert set(schemas["ConstraintsJson"]["properties"]) >= set(Constraints.__struct_encode_fields__)


def test_every_call_says_how_it_may_fail() -> None:
    for path, operations in openapi()["paths"].items():
        for operation in operations.values():
            assert {"200", "401", "503"} <= set(operation["responses"])
            assert ("404" in operation["responses"]) is (path != "/api/work/me")


@pytest.mark.parametrize("read", [work.read_claim, work.read_answer, work.read_decline, work.read_lease])
@pytest.mark.parametrize(
    ("value", "says"),
    [(f"[{'0,' * 200_000}0]", "more than"), ("[" * 40_000 + "]" * 40_000, "nested too deeply")],
    ids=["many", "deep"],
)
def test_values_without_end_are_refused_before_they_cost_anything(read, value, says) -> None:
    body = f'{{"lease":"x","reason":"broken","value":{value}}}'.encode()

    with pytest.raises(Refusal, match=says):
        read(body)
