"""Reading a createTask: what is accepted in which spelling, and what is refused in which words."""

from __future__ import annotations

import base64
import json

import pytest

from answerdesk.model.catalog import TaskType
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.fields import LANGUAGES, Field, Sort
from answerdesk.model.money import Micros
from answerdesk.model.question import Constraints, Kind, Medium, Options, Question
from answerdesk.model.sizes import SizeLimits
from answerdesk.model.talk import Call
from answerdesk.wire.draft import Plan, read_fields
from tests.wire.samples import BODY, KEY, PICTURE, asking, create, draft, draw, refusal

PLAIN = Question(kind=Kind.TEXT, media=(Medium(type="image/png", width=60, height=40),))
SMALL = draw("JPEG", (50, 20))
LIMITS = SizeLimits(picture=5_000, side=100, instruction=2_000)


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_picture_alone_is_a_question_without_constraints() -> None:
    found = draft(create())

    assert (found.type, found.question, found.blobs) == ("ImageToTextTask", PLAIN, (PICTURE,))


def test_every_field_goes_where_the_catalogue_says() -> None:
    found = draft(
        asking(
            phrase=True,
            case=True,
            numeric=4,
            math=1,
            minLength="3",
            maxLength=7,
            comment=" only the red ones ",
            imgInstructions=text_of(SMALL),
            capMonsterModule="yandex",
            recognizingThreshold=65,
            languagePool="rn",
            websiteURL="https://statistics.example",
            softId="x",
        )
    )

    assert found.question == Question(
        kind=Kind.TEXT,
        text="only the red ones",
        picture=Medium(type="image/jpeg", width=50, height=20),
        media=PLAIN.media,
        constraints=Constraints(phrase=True, case=True, numeric=4, math=True, min_length=3, max_length=7),
        options=Options(module="yandex", threshold=65),
        lang="ru",
    )
    assert found.blobs == (PICTURE, SMALL)


def test_capmonsters_own_client_is_understood() -> None:
    task = {"type": "ImageToTextTask", "body": BODY, "Case": True, "CapMonsterModule": "amazon", "numeric": True}

    found = draft(create(task, softId=55)).question

    assert found.constraints == Constraints(case=True, numeric=1)
    assert found.options.module == "amazon"


def test_the_exact_spelling_of_a_field_wins_whatever_the_order() -> None:
    assert draft(asking(CASE=True, case=False, Case=True)).question.constraints.case is False
    assert draft(asking(case=True, Case=False)).question.constraints.case is True
    assert draft(asking(comment=None, Comment="no")).question.text is None


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        BODY.rstrip("="),
        f"data:image/png;base64,{BODY}",
        f"data:application/octet-stream;charset=utf-8;base64,{BODY}",
        f" \r\n DATA:;base64,\n{BODY}",
        base64.encodebytes(PICTURE).decode(),
        base64.encodebytes(PICTURE).decode().replace("\n", "\r\n\t "),
        base64.urlsafe_b64encode(PICTURE).decode(),
        base64.urlsafe_b64encode(PICTURE).decode().rstrip("="),
    ],
)
def test_base64_is_taken_in_every_usual_form(body: str) -> None:
    assert draft(asking(body=body)).blobs == (PICTURE,)


@pytest.mark.parametrize(
    ("given", "value"),
    [(True, True), (False, False), (1, True), (0, False), ("1", True), ("0", False), ("true", True), ("false", False)],
    ids=repr,
)
@pytest.mark.parametrize("name", ["phrase", "case", "math"])
def test_flags_come_in_eight_spellings(name: str, given: object, value: bool) -> None:
    assert getattr(draft(asking(**{name: given})).question.constraints, name) is value


@pytest.mark.parametrize("given", ["yes", "", "True", 2, -1, 0.5, [], {}, [True]])
@pytest.mark.parametrize("name", ["phrase", "case", "math"])
def test_another_flag_is_refused_by_name(name: str, given: object) -> None:
    refused = refusal(asking(**{name: given}))

    assert refused.fault is Fault.BAD_PARAMETERS
    assert refused.detail.startswith(f'task.{name} must be true, false, 0, 1, "0", "1", "true" or "false" (got ')


WHOLES = {"numeric": 4, "minLength": 100, "maxLength": 100, "recognizingThreshold": 100}


@pytest.mark.parametrize(
    "given", [-1, 101, 1.5, "x", "", " 1", "1.0", "-1", [], {}, 10**30, "9" * 400], ids=lambda given: repr(given)[:12]
)
@pytest.mark.parametrize("name", WHOLES)
def test_another_integer_is_refused_with_its_range(name: str, given: object) -> None:
    refused = refusal(asking(**{name: given}))

    assert refused.fault is Fault.BAD_PARAMETERS
    assert refused.detail.startswith(f"task.{name} must be an integer 0..{WHOLES[name]} (got ")
    assert len(refused.detail) < 120


@pytest.mark.parametrize(("given", "value"), [(True, 1), (False, 0), (3, 3), ("4", 4), (2.0, 2)])
def test_numeric_may_be_a_flag(given: object, value: int) -> None:
    assert draft(asking(numeric=given)).question.constraints.numeric == value


@pytest.mark.parametrize("name", ["minLength", "maxLength", "recognizingThreshold"])
def test_no_other_integer_may_be_a_flag(name: str) -> None:
    assert refusal(asking(**{name: True})).detail.endswith("(got true)")


@pytest.mark.parametrize("name", ["comment", "imgInstructions", "capMonsterModule", "languagePool"])
@pytest.mark.parametrize("given", [None, "", False])
def test_null_empty_and_false_count_as_absent_where_a_text_belongs(name: str, given: object) -> None:
    assert draft(asking(**{name: given})).question == PLAIN


@pytest.mark.parametrize("name", ["phrase", *WHOLES])
def test_null_counts_as_absent_everywhere(name: str) -> None:
    assert draft(asking(**{name: None})).question == PLAIN


def test_case_falls_back_on_the_dialects_default() -> None:
    assert draft(create(), case_default=True).question.constraints == Constraints(case=True)
    assert draft(asking(math=True), case_default=True).question.constraints == Constraints(case=True, math=True)
    assert draft(asking(case="0"), case_default=True).question.constraints == Constraints()
    assert draft(asking(case=None), case_default=True).question.constraints == Constraints(case=True)


@pytest.mark.parametrize(
    ("least", "most", "fits"), [(0, 5, True), (5, 0, True), (5, 5, True), (4, 5, True), (6, 5, False)]
)
def test_the_shortest_length_is_not_above_the_longest(least: int, most: int, fits: bool) -> None:
    body = asking(minLength=least, maxLength=most)
    if fits:
        assert draft(body).question.constraints.min_length == least
    else:
        assert refusal(body).detail == (
            "task.minLength is 6 but task.maxLength is 5; minLength must not be above maxLength"
        )


@pytest.mark.parametrize("given", [1, ["x"], {"a": 1}, True])
def test_a_comment_is_a_text(given: object) -> None:
    assert refusal(asking(comment=given)).fault is Fault.BAD_PARAMETERS


def test_a_long_comment_is_refused_with_both_lengths() -> None:
    assert draft(asking(comment="x" * 1_000)).question.text == "x" * 1_000
    assert refusal(asking(comment="x" * 1_001)).detail == (
        "task.comment has 1,001 characters; at most 1,000 are accepted"
    )


@pytest.mark.parametrize("given", ["m" * 101, 5, [], {"a": 1}, True])
def test_a_module_nobody_knows_is_no_fault(given: object) -> None:
    assert draft(asking(capMonsterModule=given)).question.options.module == "universal"


@pytest.mark.parametrize(("given", "lang"), [*LANGUAGES.items(), ("RU", "ru"), (" en ", "en"), ("xx", None), (7, None)])
def test_a_language_is_read_beside_the_task_and_in_it(given: object, lang: str | None) -> None:
    assert draft(asking(languagePool=given)).question.lang == lang
    assert draft(create(languagePool=given)).question.lang == lang


def test_the_tasks_own_language_wins_over_the_envelopes() -> None:
    task = {"type": "ImageToTextTask", "body": BODY, "languagePool": "en"}

    assert draft(create(task, languagePool="rn")).question.lang == "en"


@pytest.mark.parametrize(
    ("suffix", "fields", "options"),
    [
        ("__recognizingthreshold_70", {}, Options(threshold=70)),
        ("__vk__recognizingthreshold_70", {"capMonsterModule": "sat"}, Options(module="sat", threshold=70)),
        ("__vk__recognizingthreshold_70", {"recognizingThreshold": 0}, Options(module="vk", threshold=0)),
    ],
)
def test_the_request_wins_over_the_keys_suffixes(suffix: str, fields: dict, options: Options) -> None:
    body = json.loads(asking(**fields)) | {"clientKey": KEY + suffix}

    assert draft(json.dumps(body).encode()).question.options == options


def test_a_suffix_out_of_range_is_refused_unless_the_request_says_better() -> None:
    body = json.loads(create()) | {"clientKey": KEY + "__recognizingthreshold_101"}

    assert refusal(json.dumps(body).encode()).detail == ("recognizingthreshold of clientKey must be 0..100 (got 101)")


@pytest.mark.parametrize("given", [None, "", "  ", False])
def test_an_empty_callback_is_none(given: object) -> None:
    assert draft(create(callbackUrl=given)).question == PLAIN


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("ftp://a.example/x", "an http or https address without a user name"),
        ("https://user@a.example/x", "an http or https address without a user name"),
        ("x" * 2_049, "2,049 characters; at most 2,048"),
        (["u"], "a text (got a list)"),
    ],
)
def test_a_callback_is_refused_and_never_dropped(given: object, words: str) -> None:
    refused = refusal(create(callbackUrl=given))

    assert refused.fault is Fault.BAD_PARAMETERS
    assert refused.detail.startswith("callbackUrl")
    assert words in refused.detail


@pytest.mark.parametrize("task", [{"t": 1}, {"task": None}, {"task": "x"}, {"task": []}, {"task": 5}])
def test_without_a_task_object_there_is_no_task(task: dict) -> None:
    refused = refusal(json.dumps({"clientKey": KEY} | task).encode())

    assert refused.fault is Fault.TASK_ABSENT
    assert "an object with a type" in refused.detail


@pytest.mark.parametrize("task", [{}, {"type": None}, {"type": "NoSuchTask"}, {"type": 1}, {"type": []}, {"type": ""}])
def test_an_unknown_type_is_refused_with_the_known_ones(task: dict) -> None:
    refused = refusal(create(task | {"body": "not looked at"}))

    assert refused.fault is Fault.TASK_NOT_SUPPORTED
    assert "accepted: ImageToTextTask" in refused.detail


#: What is wrong with a picture → the fault, and the words.
BROKEN = {
    "absent": (None, Fault.ZERO_CAPTCHA_FILESIZE, "task.body is missing or empty"),
    "empty": ("", Fault.ZERO_CAPTCHA_FILESIZE, "task.body is missing or empty"),
    "no text": ([1], Fault.ZERO_CAPTCHA_FILESIZE, "task.body is no text; it must be a base64 text"),
    "not base64": ("*" * 400, Fault.ZERO_CAPTCHA_FILESIZE, "task.body is not base64"),
    "not ascii": ("ы" * 400, Fault.ZERO_CAPTCHA_FILESIZE, "task.body is not base64"),
    "one letter over": (text_of(PICTURE[:300]) + "A", Fault.ZERO_CAPTCHA_FILESIZE, "task.body is not base64"),
    "99 bytes": (text_of(PICTURE[:99]), Fault.ZERO_CAPTCHA_FILESIZE, "task.body is 99 bytes; at least 100"),
    "a text file": (text_of(b"Dear reader, " * 20), Fault.IMAGE_TYPE_NOT_SUPPORTED, "accepted: image/bmp, image/gif"),
    "a page": (text_of(b"<svg xmlns='http://www.w3.org/2000/svg'>" * 9), Fault.IMAGE_TYPE_NOT_SUPPORTED, "accepted"),
    "a sound": (text_of(b"ID3" + bytes(200)), Fault.IMAGE_TYPE_NOT_SUPPORTED, "task.body is audio/mpeg; accepted: "),
    "5,001 bytes": (
        text_of(SMALL.ljust(5_001, b"\0")),
        Fault.TOO_BIG_CAPTCHA_FILESIZE,
        "task.body is 5,001 bytes; the limit for this account is 5,000",
    ),
    "many letters": (
        "A" * 20_000,
        Fault.TOO_BIG_CAPTCHA_FILESIZE,
        "task.body is 20,000 characters of base64; the limit for this account is 5,000 bytes",
    ),
    "101 pixels": (
        text_of(draw("JPEG", (101, 10))),
        Fault.TOO_BIG_CAPTCHA_FILESIZE,
        "task.body is 101 x 10 pixels; at most 100 on a side",
    ),
}


@pytest.mark.parametrize(("body", "fault", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_picture_has_its_fault_and_its_words(body: object, fault: Fault, words: str) -> None:
    refused = refusal(asking(body=body), LIMITS)

    assert refused.fault is fault
    assert words in refused.detail


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("*", "task.imgInstructions is not base64"),
        (text_of(b"x" * 99), "task.imgInstructions is 99 bytes"),
        (text_of(b"x" * 200), "task.imgInstructions is of a type"),
        (text_of(SMALL.ljust(2_001)), "task.imgInstructions is 2,001 bytes; the limit for this account is 2,000"),
        (text_of(draw("GIF", (10, 101))[:1_500]), "task.imgInstructions is 10 x 101 pixels"),
        ([1], "task.imgInstructions is no text"),
    ],
)
def test_a_broken_instruction_picture_has_a_fault_of_its_own(body: object, words: str) -> None:
    refused = refusal(asking(body=text_of(SMALL), imgInstructions=body), LIMITS)

    assert refused.fault is Fault.BAD_IMGINSTRUCTIONS
    assert refused.detail.startswith(words)


def test_pictures_are_bounded_in_all_pixels_too() -> None:
    huge = PICTURE[:16] + (6_000).to_bytes(4) * 2 + PICTURE[24:]

    assert "25,000,000 in all" in refusal(asking(body=text_of(huge)), SizeLimits(side=10_000)).detail


def test_exactly_at_every_limit_is_accepted() -> None:
    edge = draw("JPEG", (100, 100))[:5_000].ljust(5_000, b"\0")

    assert draft(asking(body=text_of(edge)), limits=LIMITS).question.media == (
        Medium(type="image/jpeg", width=100, height=100),
    )
    assert draft(asking(body=text_of(PICTURE[:100]))).blobs == (PICTURE[:100],)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_all_five_picture_formats_are_accepted_whatever_is_declared(kind: str) -> None:
    data = draw(kind)

    found = draft(asking(body=f"data:text/html;base64,{text_of(data)}"))

    assert found.question.media == (Medium(type=f"image/{kind.lower()}", width=60, height=40),)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (create({"type": "X", "body": ""}, callbackUrl="x"), Fault.TASK_NOT_SUPPORTED),
        (create({"type": "ImageToTextTask", "body": "", "numeric": 9}, callbackUrl="x"), Fault.BAD_PARAMETERS),
        (asking(body="", numeric=9), Fault.BAD_PARAMETERS),
        (asking(body="", imgInstructions="*"), Fault.ZERO_CAPTCHA_FILESIZE),
    ],
)
def test_checks_run_in_the_contracts_order(body: bytes, fault: Fault) -> None:
    assert refusal(body).fault is fault


def test_a_field_a_row_requires_is_missed_by_name() -> None:
    row = TaskType(
        name="AskedTask",
        kind=Kind.QUESTION,
        price=Micros(1),
        pay=Micros(1),
        about="A question in words.",
        fields=(Field(name="comment", sort=Sort.WORDS, to="text", required=True, most=9, about="The question."),),
    )
    call = Call(key=KEY, body={})

    assert read_fields(Plan(row), {"comment": "why?"}, call)[""] == {"text": "why?"}
    for given in ({}, {"comment": " "}):
        with pytest.raises(Refusal) as refused:
            read_fields(Plan(row), given, call)
        assert refused.value.detail == "task.comment is missing or empty; every AskedTask needs it"
