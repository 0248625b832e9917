"""Every kind of task as a client writes it: what becomes of each field, what is left out, and each refusal."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.catalog import CATALOG, TYPES, Served
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.question import Constraints, Kind, Medium, Options
from answerdesk.model.sizes import SizeLimits
from answerdesk.model.talk import Call, Draft
from answerdesk.wire.grammar import read_call, read_draft
from tests.wire.samples import BODY, KEY, PICTURE, SOUND, TASKS, create, draft, draw, refusal, text_of

SMALL = draw("JPEG", (50, 20))
SEEN = Medium(type="image/png", width=60, height=40)
SEEN_SMALL = Medium(type="image/jpeg", width=50, height=20)


def task(name: str, **fields: Any) -> dict[str, Any]:
    """Give a type's smallest task with other fields; one that is None is left out."""
    return {key: value for key, value in {**TASKS[name], **fields}.items() if value is not None}


def complex_task(name: str, /, **metadata: Any) -> dict[str, Any]:
    whole = TASKS[f"ComplexImageTask/{name}"]
    return {**whole, "metadata": {**whole["metadata"], **metadata}}


def pictured(name: str, count: int) -> dict[str, Any]:
    return {**TASKS[f"ComplexImageTask/{name}"], "imagesBase64": [BODY] * count}


@pytest.mark.parametrize("name", TASKS)
def test_the_smallest_task_of_each_type_is_read(name: str) -> None:
    found = draft(create(TASKS[name]))

    assert found.type == name
    assert found.question.kind is CATALOG[name].kind
    assert len(found.blobs) == len(found.question.media)


def test_every_type_that_is_asked_has_a_smallest_task() -> None:
    assert set(TASKS) == {row.name for row in CATALOG.values() if Served.SANDBOX not in row.served}


ONE = Constraints(min_clicks=1)
#: What each type's smallest task asks for where it says nothing.
LEFT_OUT = {
    "TextCaptchaTask": (Constraints(), None),
    "AudioTask": (Constraints(), "en"),
    "GridTask": (Constraints(min_clicks=1, max_clicks=16, rows=4, columns=4), None),
    "CoordinatesTask": (ONE, None),
    "BoundingBoxTask": (Constraints(), None),
    "DrawAroundTask": (Constraints(), None),
    "RotateTask": (Constraints(angle=40), None),
    "DragAndDropTask": (Constraints(), None),
    "ImageToCoordinatesTask/points": (Constraints(min_clicks=1, max_clicks=6), None),
    "ImageToCoordinatesTask/rectangles": (Constraints(min_clicks=1, max_clicks=6), None),
    "ComplexImageTask/grid": (Constraints(min_clicks=1, max_clicks=9, rows=3, columns=3), None),
    "ComplexImageTask/rotate": (Constraints(angle=40), None),
    "ComplexImageTask/coordinates": (ONE, None),
    "ComplexImageTask/text": (Constraints(), None),
    "ComplexImageTask/audio": (Constraints(), None),
}


@pytest.mark.parametrize("case_default", [False, True])
@pytest.mark.parametrize(("name", "left_out"), LEFT_OUT.items())
def test_what_is_left_out_has_its_default(name: str, left_out: tuple, case_default: bool) -> None:
    found = draft(create(TASKS[name]), case_default=case_default).question

    assert (found.constraints, found.lang) == left_out


def test_a_question_in_words_has_no_media() -> None:
    found = draft(create({"type": "TextCaptchaTask", "comment": " Which day comes after Monday? "}, languagePool="rn"))

    assert found.question.text == "Which day comes after Monday?"
    assert (found.question.media, found.blobs, found.question.lang) == ((), (), "ru")


@pytest.mark.parametrize("sound", [b"ID3" + bytes(200), b"RIFF\0\0\0\0WAVE" + bytes(200), b"OggS" * 50, b"fLaC" * 50])
def test_a_sound_of_four_formats_is_read(sound: bytes) -> None:
    found = draft(create(task("AudioTask", body=text_of(sound), lang="PT ")))

    assert found.blobs == (sound,)
    assert found.question.lang == "pt"
    assert (found.question.media[0].width, found.question.media[0].height) == (0, 0)


def test_every_field_of_a_grid_goes_to_its_place() -> None:
    asked = task(
        "GridTask", comment="boats", rows="2", columns=5, minClicks=2, maxClicks=4, canNoAnswer=1, previousId="77",
        imgInstructions=text_of(SMALL), languagePool="en",
    )  # fmt: skip

    found = draft(create(asked))

    assert found.question.constraints == Constraints(rows=2, columns=5, min_clicks=2, max_clicks=4, can_no_answer=True)
    assert found.question.options == Options(previous="77")
    assert (found.question.text, found.question.lang) == ("boats", "en")
    assert (found.question.media, found.question.picture) == ((SEEN,), SEEN_SMALL)
    assert found.blobs == (PICTURE, SMALL)


@pytest.mark.parametrize("size", [(300, 300), (301, 300)])
def test_a_grids_cells_are_guessed_from_its_size(size: tuple[int, int]) -> None:
    found = draft(create(task("GridTask", body=text_of(draw("JPEG", size))))).question.constraints

    assert (found.rows, found.columns) == ((3, 3) if size == (300, 300) else (4, 4))


def test_pieces_come_after_their_background_in_order() -> None:
    pieces = [draw("PNG", (20 + i, 20)) for i in range(3)]

    found = draft(create(task("DragAndDropTask", images=[text_of(piece) for piece in pieces], comment="fit")))

    assert found.blobs == (PICTURE, *pieces)
    assert [medium.width for medium in found.question.media] == [60, 20, 21, 22]


def test_one_or_several_pictures_are_turned() -> None:
    assert draft(create(task("RotateTask", body=BODY, angle=15))).question.constraints == Constraints(angle=15)
    assert draft(create(task("RotateTask", body=[BODY, text_of(SMALL)]))).question.media == (SEEN, SEEN_SMALL)


def named(name: object, own_names: dict[str, str]) -> Draft:
    """Read a complex picture called so, on a desk with names of its own."""
    call = read_call(create({**TASKS["ComplexImageTask/text"], "metadata": {"Task": name}}))
    return read_draft(call, case_default=False, limits=SizeLimits(), own_names=own_names)


def test_a_name_of_the_operators_own_takes_the_form_it_stands_for() -> None:
    found = named(" Meter ", {"meter": "text", "dial": "rotate"})

    assert (found.type, found.question.options.module) == ("ComplexImageTask/text", "meter")
    assert named("dial", {"meter": "text", "dial": "rotate"}).type == "ComplexImageTask/rotate"
    assert named("text", {"meter": "text"}).question.options.module == "universal"


def test_a_name_nobody_knows_is_refused_with_all_that_are_accepted() -> None:
    with pytest.raises(Refusal, match=r'"gauge" is not served; accepted: grid, .*, audio, meter; ') as refused:
        named("gauge", {"meter": "text"})

    assert refused.value.fault is Fault.TASK_NOT_SUPPORTED


@pytest.mark.parametrize(
    ("mode", "kind"),
    [(None, "points"), ("points", "points"), ("", "points"), (False, "points"), ("Rectangles ", "rectangles")],
)
def test_the_mode_of_coordinates_tells_the_row(mode: object, kind: str) -> None:
    found = draft(create(task("ImageToCoordinatesTask/points", mode=mode)))

    assert found.type == f"ImageToCoordinatesTask/{kind}"


def test_complex_pictures_are_read_from_their_metadata_in_any_capitals() -> None:
    pictures = [text_of(draw("PNG", (20 + i, 20))) for i in range(6)]
    asked = {
        "TYPE": "ComplexImageTask",
        "Class": "Recognition",
        "ImagesBase64": pictures,
        "metaData": {"task": "GRID", "taskargument": "boats", "payloadType": "Image", "grid": "3x2"},
        "websiteURL": "https://statistics.example",
    }

    found = draft(create(asked))

    assert found.type == "ComplexImageTask/grid"
    assert found.question.text == "boats"
    assert found.question.constraints == Constraints(rows=3, columns=2, min_clicks=1, max_clicks=6)
    assert len(found.blobs) == 6


def test_a_complex_sound_is_a_list_of_one() -> None:
    found = draft(create(complex_task("audio", PayloadType="Audio"))).question

    assert found.kind is Kind.AUDIO
    assert found.media == (Medium(type="audio/mpeg"),)


def test_a_lone_text_will_do_where_a_list_belongs() -> None:
    assert draft(create({**TASKS["ComplexImageTask/text"], "imagesBase64": BODY})).blobs == (PICTURE,)


SCOPE = "pictures and tokens of third parties' live challenges are not served here"
OUTSIDE = [
    *({"type": name} for name in ("TemuCaptchaTask", "SmartCaptchaTask", "VKCaptchaImageTask", "PazlCaptchaTask")),
    *(task("GridTask", imgType=name) for name in ("recaptcha", "funcaptcha", "funcaptcha_compare", "another", 5)),
    task("GridTask", IMGTYPE="Recaptcha", rows=99),
    *({**TASKS["ComplexImageTask/grid"], "class": name} for name in ("recaptcha", "hcaptcha", "funcaptcha", 1)),
    {"type": "ComplexImageTask", "imagesBase64": [BODY], "metadata": {"Task": "grid"}},
    {"type": "ComplexImageTask", "class": None},
    *(complex_task("grid", Task=name) for name in ("shein", "oocl_rotate_new", "bls_3x3", None, "", 7, ["grid"])),
    {"type": "ComplexImageTask", "class": "recognition", "imagesBase64": [BODY]},
    {"type": "ComplexImageTask", "class": "recognition", "imagesBase64": [BODY], "metadata": "grid"},
]


@pytest.mark.parametrize("asked", OUTSIDE)
def test_what_is_outside_the_scope_is_refused_as_a_type_would_be(asked: dict[str, Any]) -> None:
    refused = refusal(create(asked))

    assert refused.fault is Fault.TASK_NOT_SUPPORTED
    assert SCOPE in refused.detail
    assert len(refused.detail) <= 300


@pytest.mark.parametrize("given", [None, "", False])
def test_a_grid_of_no_challenge_is_none(given: object) -> None:
    assert draft(create({**TASKS["GridTask"], "imgType": given})).type == "GridTask"


@pytest.mark.parametrize("name", ["ComplexImageTask/grid", "ImageToCoordinatesTask/points", "ComplexImageTask/", "/"])
def test_a_rows_own_name_is_no_type(name: str) -> None:
    refused = refusal(create({**TASKS["GridTask"], "type": name}))

    assert refused.fault is Fault.TASK_NOT_SUPPORTED
    assert refused.detail.endswith(f"accepted: {', '.join(TYPES)}")


BAD = Fault.BAD_PARAMETERS
NEEDS_ONE = "task.comment and task.imgInstructions are both missing; every {} needs one of them"
REFUSED: list[tuple[dict[str, Any], Fault, str]] = [
    (task("TextCaptchaTask", comment=""), BAD, "task.comment is missing or empty; every TextCaptchaTask needs it"),
    (task("TextCaptchaTask", comment="x" * 1_001), BAD, "task.comment has 1,001 characters; at most 1,000"),
    *(
        ({**TASKS[name], "comment": given}, BAD, NEEDS_ONE.format(name))
        for name in ("GridTask", "BoundingBoxTask", "DrawAroundTask")
        for given in ("", None, False)
    ),
    *(
        (task(name, comment=""), Fault.EMPTY_COMMENT, "task.comment is missing or empty")
        for name in ("ImageToCoordinatesTask/points", "ImageToCoordinatesTask/rectangles")
    ),
    (task("ImageToCoordinatesTask/points", mode="x"), BAD, 'task.mode "x" is not served; accepted: points, rectangles'),
    (task("ImageToCoordinatesTask/points", mode=1), BAD, "task.mode 1 is not served; accepted: points, rectangles"),
    (task("AudioTask", lang="xx"), BAD, "task.lang must be one of rn, en, ru, "),
    (task("AudioTask", lang=5), BAD, "task.lang must be one of "),
    (task("GridTask", rows=0), BAD, "task.rows must be an integer 1..20 (got 0)"),
    (task("GridTask", columns=21), BAD, "task.columns must be an integer 1..20 (got 21)"),
    (task("GridTask", rows="x"), BAD, 'task.rows must be an integer 1..20 (got "x")'),
    (task("GridTask", minClicks=401), BAD, "task.minClicks must be an integer 0..400 (got 401)"),
    (task("GridTask", minClicks=3, maxClicks=2), BAD, "task.minClicks is 3 but task.maxClicks is 2; "),
    (task("GridTask", minClicks=17), BAD, "task.minClicks is 17 but the grid has 16 cells; 0..16 are accepted"),
    (task("GridTask", canNoAnswer=2), BAD, "task.canNoAnswer must be true, false, 0, 1"),
    (task("GridTask", previousId="a"), BAD, "task.previousId must be the id of an earlier task"),
    (task("GridTask", previousId=2**53), BAD, "task.previousId must be the id of an earlier task"),
    (task("CoordinatesTask", minClicks=2, maxClicks=1), BAD, "task.minClicks is 2 but task.maxClicks is 1; "),
    (task("RotateTask", angle=0), BAD, "task.angle must be an integer 1..180 (got 0)"),
    (task("RotateTask", angle=181), BAD, "task.angle must be an integer 1..180 (got 181)"),
    (task("RotateTask", body=[BODY] * 11), BAD, "task.body has 11 entries; at most 10 are accepted"),
    (task("DragAndDropTask", images=[BODY] * 21), BAD, "task.images has 21 entries; at most 20 are accepted"),
    (
        {**TASKS["ComplexImageTask/text"], "imagesBase64": [BODY] * 2},
        BAD,
        "task.imagesBase64 has 2 entries; at most 1 is",
    ),
    (
        {**TASKS["ComplexImageTask/grid"], "imagesBase64": [BODY] * 26},
        BAD,
        "task.imagesBase64 has 26 entries; at most 25",
    ),
    (complex_task("grid", Grid="4x4"), BAD, "a grid of 4x4 needs 16 pictures, or a single one of all cells (got 9)"),
    *(
        (complex_task("grid", Grid=given), BAD, "task.metadata.Grid must be rows and columns of 1..20 such as")
        for given in ("x", "0x3", "3x21", 3, [3, 3])
    ),
    (complex_task("text", PayloadType="Audio"), BAD, "task.metadata.PayloadType must be one of image"),
    (complex_task("audio", PayloadType="Image"), BAD, "task.metadata.PayloadType must be one of audio"),
    (complex_task("text", TaskArgument=7), BAD, "task.metadata.TaskArgument must be a text (got 7)"),
    (task("AudioTask", body=BODY), Fault.IMAGE_TYPE_NOT_SUPPORTED, "task.body is image/png; accepted: audio/flac, "),
    (task("AudioTask", body=None), Fault.ZERO_CAPTCHA_FILESIZE, "task.body is missing or empty"),
    (task("GridTask", body=text_of(SOUND)), Fault.IMAGE_TYPE_NOT_SUPPORTED, "task.body is audio/mpeg; accepted: "),
    (task("GridTask", body=[BODY]), Fault.ZERO_CAPTCHA_FILESIZE, "task.body is no text; it must be a base64 text"),
    (task("GridTask", comment=None, imgInstructions="*"), Fault.BAD_IMGINSTRUCTIONS, "task.imgInstructions is not"),
    (task("DragAndDropTask", background=None), Fault.ZERO_CAPTCHA_FILESIZE, "task.background is missing or empty"),
    (task("DragAndDropTask", images=[]), Fault.ZERO_CAPTCHA_FILESIZE, "task.images is missing or empty"),
    (task("DragAndDropTask", images=[BODY, 5]), Fault.ZERO_CAPTCHA_FILESIZE, "task.images[1] is no text"),
    (task("DragAndDropTask", images=[BODY, "AAAA"]), Fault.ZERO_CAPTCHA_FILESIZE, "task.images[1] is 3 bytes"),
]


@pytest.mark.parametrize(("asked", "fault", "words"), REFUSED)
def test_a_task_that_does_not_fit_is_refused_by_field(asked: dict[str, Any], fault: Fault, words: str) -> None:
    refused = refusal(create(asked))

    assert refused.fault is fault
    assert refused.detail.startswith(words)
    assert len(refused.detail) <= 300


@pytest.mark.parametrize("given", ["", False])
@pytest.mark.parametrize(("name", "field"), [("GridTask", "previousId"), ("AudioTask", "lang")])
def test_empty_is_absent_for_choices_and_ids(name: str, field: str, given: object) -> None:
    assert draft(create({**TASKS[name], field: given})) == draft(create(TASKS[name]))


@pytest.mark.parametrize("given", ["", False, None])
def test_an_empty_layout_is_none(given: object) -> None:
    assert draft(create(complex_task("grid", Grid=given))) == draft(create(complex_task("grid")))


LIMITS = SizeLimits(picture=2_000, text=1_000, side=200, sound=500)


def test_a_text_may_have_a_limit_of_its_own() -> None:
    middling = text_of(draw("JPEG", (8, 8)).ljust(1_001, b"\0"))

    assert draft(create(task("GridTask", body=middling)), limits=LIMITS).type == "GridTask"
    for name in ("ImageToTextTask", "ComplexImageTask/text"):
        asked = TASKS[name] | ({"body": middling} if name == "ImageToTextTask" else {"imagesBase64": [middling]})
        assert "is 1,001 bytes; the limit for this account is 1,000" in refusal(create(asked), LIMITS).detail


@pytest.mark.parametrize(
    ("length", "fault"), [(500, None), (501, Fault.TOO_BIG_CAPTCHA_FILESIZE), (99, Fault.ZERO_CAPTCHA_FILESIZE)]
)
def test_a_sound_has_limits_of_its_own(length: int, fault: Fault | None) -> None:
    body = create(task("AudioTask", body=text_of(SOUND[:3].ljust(length, b"\0"))))

    if fault is None:
        assert draft(body, limits=LIMITS).type == "AudioTask"
    else:
        assert refusal(body, LIMITS).fault is fault


def test_a_sound_may_be_far_bigger_than_a_picture() -> None:
    long = b"ID3" + bytes(4_999_997)

    assert len(draft(create(task("AudioTask", body=text_of(long)))).blobs[0]) == 5_000_000


def test_every_piece_is_held_to_the_limits_by_its_place() -> None:
    body = create(
        task("DragAndDropTask", background=text_of(SMALL), images=[text_of(SMALL), text_of(draw("JPEG", (201, 9)))])
    )

    assert refusal(body, LIMITS).detail.startswith("task.images[1] is 201 x 9 pixels; at most 200 on a side")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (create(task("GridTask", imgType="recaptcha", rows=99)), Fault.TASK_NOT_SUPPORTED),
        (create(task("GridTask", rows=99, body="")), BAD),
        (create(task("GridTask", comment="", body="")), BAD),
        (create(task("GridTask", body="", imgInstructions="*")), Fault.ZERO_CAPTCHA_FILESIZE),
        (create(task("ImageToCoordinatesTask/points", comment="", body="")), Fault.EMPTY_COMMENT),
        (create(task("GridTask", minClicks=17, body="")), Fault.ZERO_CAPTCHA_FILESIZE),
    ],
)
def test_checks_run_in_the_contracts_order(body: bytes, fault: Fault) -> None:
    assert refusal(body).fault is fault


leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
    | st.sampled_from([BODY, "points", "grid", "3x3", "recognition", "en", "https://a.example"])
)  # fmt: skip
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = sorted({field.name.partition(".")[0] for row in CATALOG.values() for field in row.fields} | {"metadata"})


def outcome(call: Call) -> Draft | Refusal:
    try:
        return read_draft(call, case_default=False, limits=SizeLimits())
    except Refusal as refused:
        return refused


@given(name=st.sampled_from(sorted(TASKS)), fields=st.dictionaries(st.sampled_from(NAMES), anything, max_size=6))
def test_any_task_of_any_type_is_read_or_refused(name: str, fields: dict[str, Any]) -> None:
    call = read_call(json.dumps({"clientKey": KEY, "task": TASKS[name] | fields}).encode())
    found = outcome(call)

    if isinstance(found, Refusal):
        assert found.detail
        assert BODY not in found.detail
    else:
        assert found.type in TASKS


def test_bytes_need_no_decoding() -> None:
    call = read_call(create(TASKS["GridTask"]))
    call.body["task"]["body"] = base64.b64decode(BODY)

    assert read_draft(call, case_default=False, limits=SizeLimits()).blobs == (PICTURE,)
