"""The real recogniser on real pictures: hints are honoured, confidence means something, time is kept."""

import time
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from answerdesk.solve.ocr import OcrSolver
from answerdesk.solve.picture import decode
from answerdesk.solve.plugin import Abstain, Answer, Hints, Item, Media
from answerdesk.solve.weights import RECOGNISER, Weights, WeightsMissing, locate, read

FIT, WHY = OcrSolver().available()
needs_weights = pytest.mark.skipif(not FIT, reason=WHY)
SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def solver():
    solver = OcrSolver()
    solver.load()
    yield solver
    solver.close()


def drawn(text, size=40, ink="black", paper="white"):
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(text)
    picture = Image.new("RGB", (int(right - left) + 24, int(bottom - top) + 20), paper)
    ImageDraw.Draw(picture).text((12 - left, 10 - top), text, fill=ink, font=font)
    return picture


def item(picture, kind="text", **hints):
    return Item(kind=kind, media=(Media(type="image/png", data=b"", picture=picture),), hints=Hints(**hints))


def read_one(solver, picture, **hints):
    return solver.solve([item(picture, **hints)], time.monotonic() + 60)[0]


@needs_weights
@pytest.mark.parametrize(
    ("name", "hints", "expected"),
    [
        ("label", {}, "SN-4827-K19"),
        ("word", {}, "harbour"),
        ("sum", {"math": True}, "19"),
        ("sum", {"profile": "captcha_math"}, "19"),
    ],
)
def test_the_samples_are_read_with_confidence(solver, name, hints, expected):
    answer = read_one(solver, decode((SAMPLES / f"{name}.png").read_bytes()), **hints)

    assert isinstance(answer, Answer)
    assert answer.value == expected
    assert answer.confidence >= 0.97


@needs_weights
@pytest.mark.parametrize(
    ("text", "hints", "expected"),
    [
        ("OO7O", {"numeric": 1}, "0070"),
        ("SOLO", {"numeric": 2}, "SOLO"),
        ("K47", {"numeric": 4}, "K47"),
        ("red fox", {"phrase": True}, "red fox"),
        ("Rotterdam", {"case": True}, "Rotterdam"),
        ("4711", {"shortest": 4, "longest": 4}, "4711"),
        ("60 / 4 =", {"math": True}, "15"),
        ("8-11", {"math": True}, "-3"),
        ("3+4", {}, "3+4"),
        ("0391.7", {"profile": "meter"}, "0391.7"),
        ("harbour", {"profile": "no such profile"}, "harbour"),
    ],
)
def test_hints_are_honoured(solver, text, hints, expected):
    answer = read_one(solver, drawn(text), **hints)

    assert isinstance(answer, Answer)
    assert answer.value == expected


@needs_weights
@pytest.mark.parametrize(
    ("text", "hints"),
    [
        ("harbour", {"numeric": 1}),
        ("harbour", {"numeric": 4}),
        ("harbour", {"shortest": 12}),
        ("harbour", {"longest": 4}),
        ("4711", {"numeric": 2}),
        ("K47", {"numeric": 3}),
        ("harbour", {"math": True}),
        ("3-9", {"math": True, "numeric": 1}),
    ],
)
def test_a_picture_that_contradicts_its_hints_is_abstained_from(solver, text, hints):
    assert isinstance(read_one(solver, drawn(text), **hints), Abstain)


@needs_weights
def test_one_word_where_several_were_promised_is_told_with_doubt(solver):
    plain = read_one(solver, drawn("harbour"))
    promised = read_one(solver, drawn("harbour"), phrase=True)

    assert promised.value == plain.value == "harbour"
    assert promised.confidence < 0.97 <= plain.confidence


@needs_weights
def test_light_on_dark_is_read_too(solver):
    assert read_one(solver, drawn("AX-3051", ink="white", paper="#203040")).value == "AX-3051"


@needs_weights
def test_a_tilted_meter_in_its_surroundings_is_read_by_the_second_reading(solver):
    scene = Image.new("RGB", (420, 260), "#c8c4b8")
    scene.paste(drawn("48213", size=48), (120, 90))

    assert read_one(solver, scene.rotate(7, fillcolor="#c8c4b8"), profile="meter").value == "48213"


@needs_weights
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (3000, 1), (300, 100)])
def test_a_picture_without_text_is_abstained_from(solver, size):
    assert isinstance(read_one(solver, Image.new("RGB", size, "white")), Abstain)


@needs_weights
def test_a_batch_is_answered_in_order_and_late_items_are_abstained_from(solver):
    times = iter([0.0, 0.0, 0.0, 9.0, 9.0, 9.0])
    hurried = OcrSolver(clock=lambda: next(times, 9.0))
    hurried.load()

    said = hurried.solve([item(drawn("first")), item(drawn("second"))], deadline=5.0)

    assert isinstance(said[0], Answer)
    assert said[0].value == "first"
    assert [type(outcome) for outcome in hurried.solve([item(drawn("third"))] * 2, deadline=5.0)] == [Abstain] * 2
    hurried.close()


@needs_weights
def test_what_is_no_single_picture_is_abstained_from(solver):
    one = Media(type="image/png", data=b"", picture=drawn("a"))
    sound = Media(type="audio/mpeg", data=b"")
    odd = [
        Item(kind="text", media=(), hints=Hints()),
        Item(kind="text", media=(one, one), hints=Hints()),
        Item(kind="text", media=(sound,), hints=Hints()),
        item(drawn("a"), kind="grid"),
    ]

    assert [type(outcome) for outcome in solver.solve(odd, time.monotonic() + 60)] == [Abstain] * 4


def test_an_unloaded_solver_abstains():
    assert isinstance(read_one(OcrSolver(), drawn("a")), Abstain)


def test_weights_that_are_not_installed_are_named():
    absent = Weights(package="no_such_package", file="a.onnx", sha256="")

    with pytest.raises(WeightsMissing, match=r'no_such_package does not hold a\.onnx; install the extra "ocr"'):
        locate(absent)


@needs_weights
def test_weights_of_another_sum_are_not_used():
    other = Weights(package=RECOGNISER.package, file=RECOGNISER.file, sha256="0" * 64)

    with pytest.raises(WeightsMissing, match="accepted is 0000"):
        read(other)
