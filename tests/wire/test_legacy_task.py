"""An in.php call becomes the task it stands for: by its flags, with every parameter where it belongs."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.question import Kind
from answerdesk.model.sizes import SERVER_LIMITS
from answerdesk.model.talk import Draft
from answerdesk.wire.legacy_form import Form, plain_name
from answerdesk.wire.legacy_task import UPLOAD, Coded, read_task, respell
from tests.wire.samples import BODY, PICTURE, draw

MP3 = b"ID3" + bytes(200)
SOUND = base64.b64encode(MP3).decode()
HINT = "the red ones"


def form(**fields: Any) -> Form:
    values = {plain_name(name): value for name, value in fields.items()}
    return Form(received=(), values=values)


def read(*, case_default: bool = False, **fields: Any) -> Draft:
    return read_task(form(**fields), case_default=case_default, limits=SERVER_LIMITS)


def refused(**fields: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(**fields)

    return caught.value


@pytest.mark.parametrize(
    ("fields", "name", "kind"),
    [
        ({"method": "post", "file": PICTURE}, "ImageToTextTask", Kind.TEXT),
        ({"method": "base64", "body": BODY}, "ImageToTextTask", Kind.TEXT),
        ({"body": BODY}, "ImageToTextTask", Kind.TEXT),
        ({"method": "POST", "body": BODY, "recaptcha": "0"}, "ImageToTextTask", Kind.TEXT),
        ({"textcaptcha": "2+2?"}, "TextCaptchaTask", Kind.QUESTION),
        ({"method": "post", "textcaptcha": "2+2?"}, "TextCaptchaTask", Kind.QUESTION),
        ({"method": "textcaptcha", "textcaptcha": "2+2?"}, "TextCaptchaTask", Kind.QUESTION),
        ({"method": "base64", "body": BODY, "recaptcha": "1", "comment": HINT}, "GridTask", Kind.GRID),
        ({"body": BODY, "recaptcha": 1, "canvas": 1, "textinstructions": HINT}, "DrawAroundTask", Kind.OUTLINE),
        ({"method": "post", "file": PICTURE, "canvas": "1", "comment": HINT}, "DrawAroundTask", Kind.OUTLINE),
        (
            {"method": "post", "file": PICTURE, "coordinatescaptcha": "1", "comment": HINT},
            "CoordinatesTask",
            Kind.POINTS,
        ),
        ({"body": BODY, "recaptcha": 1, "coordinatescaptcha": 1, "comment": HINT}, "CoordinatesTask", Kind.POINTS),
        ({"method": "rotatecaptcha", "file": PICTURE}, "RotateTask", Kind.ROTATE),
        ({"method": "base64", "body": BODY, "rotatecaptcha": "true"}, "RotateTask", Kind.ROTATE),
        ({"method": "bounding_box", "image": BODY, "textinstructions": HINT}, "BoundingBoxTask", Kind.BOXES),
        ({"bounding_box": 1, "image": BODY, "textinstructions": HINT}, "BoundingBoxTask", Kind.BOXES),
        ({"method": "audio", "body": SOUND, "lang": "en"}, "AudioTask", Kind.AUDIO),
        ({"method": "audio", "file": MP3, "lang": "de"}, "AudioTask", Kind.AUDIO),
    ],
)
def test_flags_and_method_tell_the_type(fields, name, kind) -> None:
    draft = read(**fields)

    assert (draft.type, draft.question.kind) == (name, kind)


@pytest.mark.parametrize(
    "fields", [{"file": PICTURE}, {"file": BODY}, {"body": BODY}, {"body": f"data:x;base64,{BODY}"}]
)
def test_a_picture_comes_as_bytes_or_base64(fields) -> None:
    assert read(method="post", **fields).blobs == (PICTURE,)


def test_every_parameter_of_a_picture_arrives() -> None:
    draft = read(
        method="post", file=PICTURE, phrase="1", regsense=1, numeric="4", calc=1, min_len="2", maxLen="20",
        textinstructions=" type it ", imginstructions=BODY, lang="fr", soft_id="4580",
    )  # fmt: skip
    question, limits = draft.question, draft.question.constraints

    assert (limits.phrase, limits.case, limits.numeric, limits.math) == (True, True, 4, True)
    assert (limits.min_length, limits.max_length) == (2, 20)
    assert (question.text, question.lang, draft.soft_id) == ("type it", "fr", 4580)
    assert question.picture is not None
    assert draft.blobs == (PICTURE, PICTURE)


def test_every_parameter_of_a_grid_arrives() -> None:
    limits = read(
        body=BODY, recaptcha=1, recaptcharows=3, recaptchacols="5", min_clicks=2, max_clicks=6, can_no_answer=1,
        previousID="77", imginstructions=PICTURE,
    )  # fmt: skip
    found = limits.question.constraints

    assert (found.rows, found.columns, found.min_clicks, found.max_clicks, found.can_no_answer) == (3, 5, 2, 6, True)
    assert limits.question.options.previous == "77"


@pytest.mark.parametrize(("size", "rows"), [((300, 300), 3), ((60, 40), 4)])
def test_a_grid_without_rows_and_columns_goes_by_its_pixels(size, rows) -> None:
    limits = read(file=draw(size=size), recaptcha=1, textinstructions=HINT).question.constraints

    assert (limits.rows, limits.columns) == (rows, rows)


def test_points_have_their_least_and_most() -> None:
    limits = read(body=BODY, coordinatescaptcha=1, textinstructions=HINT, minClicks=2, maxClicks=4).question.constraints

    assert (limits.min_clicks, limits.max_clicks) == (2, 4)


@pytest.mark.parametrize(("given", "angle"), [({}, 40), ({"angle": "15"}, 15)])
def test_a_turn_has_steps_of_forty_degrees_unless_told_otherwise(given, angle) -> None:
    assert read(method="rotatecaptcha", body=BODY, **given).question.constraints.angle == angle


def test_several_pictures_are_turned_in_one_task() -> None:
    others = [draw(size=(50 + n, 40)) for n in range(1, 10)]
    files: dict[str, Any] = {f"file_{n}": each for n, each in enumerate(others, 1)}

    assert read(method="rotatecaptcha", **files).blobs == tuple(others)
    assert read(method="rotatecaptcha", file=PICTURE, **files).blobs == (PICTURE, *others)
    assert len(read(method="rotatecaptcha", file_1=PICTURE, file_2=BODY).question.media) == 2


@pytest.mark.parametrize(
    ("fields", "lang"),
    [
        ({}, None),
        ({"lang": "pt"}, "pt"),
        ({"language": "0"}, None),
        ({"language": 1}, "ru"),
        ({"language": "2"}, "en"),
        ({"is_russian": "1"}, "ru"),
        ({"lang": "de", "is_russian": 1, "language": 1}, "de"),
        ({"lang": "xx"}, None),
    ],
)
def test_a_language_comes_under_three_names(fields, lang) -> None:
    assert read(textcaptcha="?", **fields).question.lang == lang


@pytest.mark.parametrize(
    ("default", "given", "case"), [(False, {}, False), (True, {}, True), (True, {"regsense": "0"}, False)]
)
def test_letters_case_matters_as_the_dialect_has_it_unless_told(default, given, case) -> None:
    assert read(case_default=default, body=BODY, **given).question.constraints.case is case


def test_a_pingback_is_where_the_reply_goes() -> None:
    assert read(body=BODY, pingback="https://example.com/done").callback == "https://example.com/done"


@pytest.mark.parametrize(
    ("fields", "fault", "says"),
    [
        ({}, Fault.BAD_PARAMETERS, "method is missing"),
        ({"method": "magic"}, Fault.BAD_PARAMETERS, 'method "magic" is not served; accepted: post, base64'),
        ({"method": "post"}, Fault.ZERO_CAPTCHA_FILESIZE, "file or body is missing or empty"),
        ({"method": "bounding_box", "comment": HINT}, Fault.ZERO_CAPTCHA_FILESIZE, "image or body is missing"),
        ({"method": "audio"}, Fault.ZERO_CAPTCHA_FILESIZE, "body or file is missing"),
        ({"method": "textcaptcha"}, Fault.BAD_PARAMETERS, "textcaptcha is missing or empty"),
        ({"file": b"x" * 99}, Fault.ZERO_CAPTCHA_FILESIZE, "file or body is 99 bytes; at least 100"),
        ({"file": b"x" * 600_001}, Fault.TOO_BIG_CAPTCHA_FILESIZE, "file or body is 600,001 bytes"),
        ({"file": b"x" * 200}, Fault.IMAGE_TYPE_NOT_SUPPORTED, "file or body is of a type"),
        ({"body": BODY, "phrase": "2"}, Fault.BAD_PARAMETERS, "phrase must be true, false"),
        ({"body": BODY, "regsense": "x"}, Fault.BAD_PARAMETERS, "regsense must be true, false"),
        ({"body": BODY, "numeric": "5"}, Fault.BAD_PARAMETERS, "numeric must be an integer 0..4"),
        ({"body": BODY, "min_len": "a"}, Fault.BAD_PARAMETERS, "min_len must be an integer"),
        ({"body": BODY, "min_len": 5, "max_len": 4}, Fault.BAD_PARAMETERS, "min_len must not be above max_len"),
        ({"body": BODY, "recaptcha": 1}, Fault.BAD_PARAMETERS, "textinstructions and imginstructions are both missing"),
        ({"body": BODY, "recaptcha": 1, "canvas": 1}, Fault.BAD_PARAMETERS, "textinstructions and imginstructions"),
        ({"body": BODY, "coordinatescaptcha": 1}, Fault.BAD_PARAMETERS, "textinstructions and imginstructions"),
        ({"method": "bounding_box", "image": BODY}, Fault.BAD_PARAMETERS, "textinstructions and imginstructions"),
        ({"body": BODY, "imginstructions": b"x" * 200}, Fault.BAD_IMGINSTRUCTIONS, "imginstructions is of a type"),
        ({"method": "rotatecaptcha", "body": BODY, "angle": "0"}, Fault.BAD_PARAMETERS, "angle must be an integer"),
        ({"body": BODY, "recaptcha": 1, "comment": HINT, "recaptcharows": "x"}, Fault.BAD_PARAMETERS, "recaptcharows"),
        ({"body": BODY, "recaptcha": 1, "comment": HINT, "min_clicks": 99}, Fault.BAD_PARAMETERS, "min_clicks is 99"),
        ({"body": BODY, "recaptcha": 1, "comment": HINT, "imgType": "recaptcha"}, Fault.TASK_NOT_SUPPORTED, "img_type"),
        ({"body": BODY, "pingback": "ftp://x"}, Fault.BAD_PARAMETERS, "pingback must be an http"),
        ({"method": "geetest", "pageurl": "https://a.b"}, Fault.TASK_NOT_SUPPORTED, "published test site keys"),
        ({"method": "userrecaptcha", "googlekey": "k"}, Fault.PAGEURL, "pageurl must be"),
        ({"method": "userrecaptcha", "pageurl": "https://a.b"}, Fault.RECAPTCHA_INVALID_SITEKEY, "googlekey must be"),
        ({"method": "hcaptcha", "pageurl": "https://a.b"}, Fault.RECAPTCHA_INVALID_SITEKEY, "sitekey must be"),
    ],
)  # fmt: skip
def test_a_refusal_speaks_of_this_apis_parameters(fields, fault, says) -> None:
    refusal = refused(**fields)

    assert refusal.fault is fault
    assert says in refusal.detail
    assert "task." not in refusal.detail


@pytest.mark.parametrize("name", ["file", "body", "imginstructions"])
def test_broken_base64_has_a_code_of_its_own(name) -> None:
    fields = {name: "not base64!"} | ({} if name in {"file", "body"} else {"file": PICTURE})

    refusal = refused(method="post", **fields)

    assert isinstance(refusal, Coded)
    assert refusal.code == UPLOAD
    assert refusal.detail.startswith(f"{name} is not base64")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"method": "userrecaptcha", "googlekey": "6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI"}, "RecaptchaV2Task"),
        ({"method": "hcaptcha", "sitekey": "10000000-ffff-ffff-ffff-000000000001"}, "HCaptchaTask"),
        ({"method": "turnstile", "sitekey": "1x00000000000000000000AA"}, "TurnstileTask"),
    ],
)
def test_a_published_test_key_is_taken(fields, name) -> None:
    draft = read(pageurl="https://example.com", **fields)

    assert draft.type.startswith(name)
    assert draft.sandbox is not None


@pytest.mark.parametrize("flags", [{"version": "v3"}, {"enterprise": "1"}])
def test_a_test_key_answers_for_no_other_sort_of_the_same_method(flags) -> None:
    key = "6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI"

    assert (
        refused(method="userrecaptcha", googlekey=key, pageurl="https://a.b", **flags).fault is Fault.TASK_NOT_SUPPORTED
    )


def test_names_are_respelled_and_other_words_stay() -> None:
    assert respell("clientKey is missing; callbackUrl, too; a callbackUrlX is not") == (
        "key is missing; pingback, too; a callbackUrlX is not"
    )


NAMES = (
    "method file body image textcaptcha recaptcha canvas coordinatescaptcha rotatecaptcha bounding_box phrase regsense "
    "numeric calc min_len max_len textinstructions imginstructions recaptcharows recaptchacols min_clicks max_clicks "
    "can_no_answer previousID angle lang language is_russian file_1 file_9 pingback googlekey pageurl sitekey"
)
names = st.sampled_from(NAMES.split())
values = (
    st.text(max_size=20)
    | st.binary(max_size=20)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["1", "post", "audio", "rotatecaptcha", "userrecaptcha", "turnstile", BODY, PICTURE, SOUND])
)


@given(fields=st.dictionaries(names, values))
def test_any_parameters_are_read_or_refused(fields) -> None:
    try:
        found: Draft | Refusal = read(**fields)
    except Refusal as refusal:
        found = refusal

    if isinstance(found, Draft):
        assert len(found.blobs) == len(found.question.media) + (found.question.picture is not None)
    else:
        assert found.detail
        assert BODY not in found.detail
