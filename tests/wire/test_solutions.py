"""Solutions of every kind, byte for byte in every dialect, as one line of text, and in callbacks."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.catalog import CATALOG, Form
from answerdesk.model.fault import Fault
from answerdesk.model.question import Kind
from answerdesk.model.talk import Method, Ready, Refused
from answerdesk.model.task import TaskId
from answerdesk.wire import DIALECTS
from answerdesk.wire.solutions import solution_of, text_of
from tests.wire.samples import TASKS, ready

#: type → normal answer, solution in every dialect, line of text.
SOLUTIONS: dict[str, tuple[Any, str, str]] = {
    "ImageToTextTask": ("a b", '{"text":"a b"}', "a b"),
    "TextCaptchaTask": ("Paris", '{"text":"Paris"}', "Paris"),
    "AudioTask": ("seven two", '{"text":"seven two"}', "seven two"),
    "GridTask": ([3, 8, 9], '{"click":[3,8,9]}', "click:3/8/9"),
    "CoordinatesTask": (
        [[39, 59], [252, 72]],
        '{"coordinates":[{"x":39,"y":59},{"x":252,"y":72}]}',
        "coordinates:x=39,y=59;x=252,y=72",
    ),
    "BoundingBoxTask": (
        [[559, 164, 797, 430]],
        '{"bounding_boxes":[{"xMin":559,"xMax":797,"yMin":164,"yMax":430}]}',
        '[{"xMin":559,"xMax":797,"yMin":164,"yMax":430}]',
    ),
    "DrawAroundTask": (
        [[[1, 2], [3, 4], [5, 6]], [[7, 8], [9, 10], [11, 12]]],
        '{"canvas":[[{"x":1,"y":2},{"x":3,"y":4},{"x":5,"y":6}],[{"x":7,"y":8},{"x":9,"y":10},{"x":11,"y":12}]]}',
        "canvas:1,2,3,4,5,6;7,8,9,10,11,12;",
    ),
    "RotateTask": ([130.9], '{"rotate":131}', "131"),
    "DragAndDropTask": (
        [[1, 2], None],
        '{"coordinates":[{"x":1,"y":2},null]}',
        '[{"x":1,"y":2},null]',
    ),
    "ImageToCoordinatesTask/points": ([[1, 2], [3, 4]], '{"coordinates":[[1,2],[3,4]]}', "coordinates:x=1,y=2;x=3,y=4"),
    "ImageToCoordinatesTask/rectangles": (
        [[1, 2, 3, 4]],
        '{"coordinates":[[1,2,3,4]]}',
        '[{"xMin":1,"xMax":3,"yMin":2,"yMax":4}]',
    ),
    "ComplexImageTask/grid": (
        [3],
        '{"answer":[false,false,true,false],"metadata":{"AnswerType":"Grid"}}',
        "click:3",
    ),
    "ComplexImageTask/rotate": (
        [130.9, 40],
        '{"answer":[130.9,40],"metadata":{"AnswerType":"NumericArray"}}',
        "131|40",
    ),
    "ComplexImageTask/coordinates": (
        [[1, 2]],
        '{"answer":[{"X":1,"Y":2}],"metadata":{"AnswerType":"Coordinate"}}',
        "coordinates:x=1,y=2",
    ),
    "ComplexImageTask/text": ("1", '{"answer":"1","metadata":{"AnswerType":"Text"}}', "1"),
    "ComplexImageTask/audio": ("684", '{"answer":"684","metadata":{"AnswerType":"Text"}}', "684"),
}
PRICED = '"cost":"0.00299","ip":"1.2.3.4","createTime":1692863536,"endTime":1692863556,"solveCount":1}'


def of(name: str, value: Any, **fields: Any) -> Ready:
    return ready(value, kind=CATALOG[name].kind, type=name, **{"cells": 4} | fields)


def test_every_type_that_is_asked_has_its_bytes_here() -> None:
    assert set(SOLUTIONS) == set(TASKS)


@pytest.mark.parametrize("dialect", ["2captcha", "anticaptcha"])
@pytest.mark.parametrize(("name", "row"), SOLUTIONS.items())
def test_a_ready_reply_has_its_types_solution_and_the_dialects_rest(name: str, row: tuple, dialect: str) -> None:
    value, solution, _ = row

    said = DIALECTS[dialect].write(of(name, value), Method.RESULT).decode()

    assert said == f'{{"errorId":0,"status":"ready","solution":{solution},{PRICED}'


@pytest.mark.parametrize(("name", "row"), SOLUTIONS.items())
def test_capmonster_adds_nulls_and_a_cost_to_complex_pictures_alone(name: str, row: tuple) -> None:
    value, solution, _ = row
    rest = ',"errorCode":null,"errorDescription":null,"cost":0.00299' if CATALOG[name].form is Form.COMPLEX else ""

    said = DIALECTS["capmonster"].write(of(name, value), Method.RESULT).decode()

    assert said == f'{{"errorId":0,"status":"ready","solution":{solution}{rest}}}'


def test_a_complex_picture_that_cost_nothing_has_no_cost() -> None:
    said = DIALECTS["capmonster"].write(of("ComplexImageTask/text", "1", cost=0), Method.RESULT)

    assert "cost" not in json.loads(said)


@pytest.mark.parametrize(("name", "row"), SOLUTIONS.items())
def test_a_line_of_text_is_what_forms_and_old_clients_get(name: str, row: tuple) -> None:
    value, _, line = row

    assert text_of(of(name, value)) == line


@pytest.mark.parametrize(
    ("name", "solution"),
    [
        ("GridTask", {"click": []}),
        ("BoundingBoxTask", {"bounding_boxes": []}),
        ("DrawAroundTask", {"canvas": []}),
        ("ComplexImageTask/grid", {"answer": [False] * 4, "metadata": {"AnswerType": "Grid"}}),
    ],
)
def test_nothing_that_fits_is_an_empty_answer_and_two_words_in_text(name: str, solution: dict[str, Any]) -> None:
    assert solution_of(of(name, [])) == solution
    assert text_of(of(name, [])) == "No_matching_images"


@pytest.mark.parametrize(
    ("name", "solution"),
    [
        ("GridTask", {"click": "No_matching_images"}),
        ("BoundingBoxTask", {"bounding_boxes": []}),
        ("ComplexImageTask/grid", {"answer": [False] * 4, "metadata": {"AnswerType": "Grid"}}),
    ],
)
def test_nothing_that_fits_is_told_in_words_where_the_account_wants_that(name: str, solution: dict[str, Any]) -> None:
    assert solution_of(msgspec.structs.replace(of(name, []), worded=True)) == solution


@pytest.mark.parametrize(
    ("turns", "rotate", "line"),
    [
        ([0], 0, "0"),
        ([359.6], 0, "0"),
        ([40, 320.4], [40, 320], "40|320"),
        ([0.5], 1, "1"),
        ([1.5], 2, "2"),
        ([359.5], 0, "0"),
    ],
)
def test_2captcha_gets_whole_degrees_below_a_full_turn(turns: list[float], rotate: object, line: str) -> None:
    assert solution_of(of("RotateTask", turns)) == {"rotate": rotate}
    assert text_of(of("RotateTask", turns)) == line


def test_anticaptcha_tells_where_a_published_picture_is() -> None:
    published = of("ImageToTextTask", "a", url="http://desk.example/media/1.png")

    said = {name: json.loads(dialect.write(published, Method.RESULT)) for name, dialect in DIALECTS.items()}
    shown = {name: reply["solution"] for name, reply in said.items()}

    assert shown["anticaptcha"] == {"text": "a", "url": "http://desk.example/media/1.png"}
    assert shown["2captcha"] == shown["capmonster"] == {"text": "a"}
    elsewhere = of("ImageToCoordinatesTask/points", [[1, 2]], url="http://desk.example/media/1.png")
    assert set(json.loads(DIALECTS["anticaptcha"].write(elsewhere, Method.RESULT))["solution"]) == {"coordinates"}


def _read_text(solution: dict[str, Any]) -> Any:
    return solution["text"]


def _read_answer(solution: dict[str, Any]) -> Any:
    answer = solution["answer"]
    match solution["metadata"]["AnswerType"]:
        case "Grid":
            return [cell for cell, chosen in enumerate(answer, 1) if chosen]
        case "Coordinate":
            return [[point["X"], point["Y"]] for point in answer]
        case _:
            return answer


def _read_xy(points: list[Any]) -> list[Any]:
    return [point and [point["x"], point["y"]] for point in points]


READ_BACK = {
    "ImageToTextTask": _read_text,
    "TextCaptchaTask": _read_text,
    "AudioTask": _read_text,
    "GridTask": lambda solution: solution["click"],
    "CoordinatesTask": lambda solution: _read_xy(solution["coordinates"]),
    "BoundingBoxTask": lambda solution: [
        [box["xMin"], box["yMin"], box["xMax"], box["yMax"]] for box in solution["bounding_boxes"]
    ],
    "DrawAroundTask": lambda solution: [_read_xy(outline) for outline in solution["canvas"]],
    "RotateTask": lambda solution: [solution["rotate"]] if type(solution["rotate"]) is int else solution["rotate"],
    "DragAndDropTask": lambda solution: _read_xy(solution["coordinates"]),
    "ImageToCoordinatesTask/points": lambda solution: solution["coordinates"],
    "ImageToCoordinatesTask/rectangles": lambda solution: solution["coordinates"],
}
numbers = st.integers(0, 4_096)
points = st.tuples(numbers, numbers).map(list)
boxes = st.tuples(numbers, numbers, numbers, numbers).map(list)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
ANSWERS = {
    Kind.TEXT: texts,
    Kind.QUESTION: texts,
    Kind.AUDIO: texts,
    Kind.GRID: st.sets(st.integers(1, 25)).map(sorted),
    Kind.POINTS: st.lists(points, min_size=1),
    Kind.BOXES: st.lists(boxes),
    Kind.OUTLINE: st.lists(st.lists(points, min_size=3)),
    Kind.ROTATE: st.lists(st.integers(0, 359), min_size=1),
    Kind.DRAG: st.lists(st.none() | points, min_size=1),
}


@given(data=st.data(), name=st.sampled_from(sorted(TASKS)), dialect=st.sampled_from(sorted(DIALECTS)))
def test_every_answer_reads_back_from_every_dialect(data: st.DataObject, name: str, dialect: str) -> None:
    value = data.draw(ANSWERS[CATALOG[name].kind])
    said = json.loads(DIALECTS[dialect].write(of(name, value, cells=25), Method.RESULT))

    assert READ_BACK.get(name, _read_answer)(said["solution"]) == value


def _read_line(kind: Kind, line: str) -> Any:
    """Read a line as 2captcha's own clients do."""
    if kind in {Kind.TEXT, Kind.QUESTION, Kind.AUDIO}:
        return line
    if line == "No_matching_images":
        return []
    match kind:
        case Kind.GRID:
            return [int(cell) for cell in line.removeprefix("click:").split("/")]
        case Kind.POINTS:
            return [[int(part) for part in re.findall(r"\d+", point)] for point in line.split(";")]
        case Kind.OUTLINE:
            flat = [[int(part) for part in re.findall(r"\d+", outline)] for outline in line.split(";")[:-1]]
            return [[list(pair) for pair in zip(part[::2], part[1::2], strict=True)] for part in flat]
        case Kind.ROTATE:
            return [int(turn) for turn in line.split("|")]
        case Kind.BOXES:
            return [[box["xMin"], box["yMin"], box["xMax"], box["yMax"]] for box in json.loads(line)]
        case _:
            return _read_xy(json.loads(line))


@given(data=st.data(), name=st.sampled_from(sorted(TASKS)))
def test_every_answer_reads_back_from_its_line_and_from_a_form(data: st.DataObject, name: str) -> None:
    kind = CATALOG[name].kind
    value = data.draw(ANSWERS[kind])
    answered = of(name, value, cells=25)
    sent, body = DIALECTS["2captcha"].write_callback(answered, TaskId(7))

    assert _read_line(kind, text_of(answered)) == value
    assert sent == "application/x-www-form-urlencoded"
    assert {key: values[0] for key, values in parse_qs(body.decode(), strict_parsing=True).items()} == {
        "id": "7",
        "code": text_of(answered),
    }


CALLBACKS = {
    "capmonster": ('{"errorId":0,"status":"ready","solution":{"text":"é&b"},"taskId":7}', "application/json"),
    "2captcha": ("id=7&code=%C3%A9%26b", "application/x-www-form-urlencoded"),
    "anticaptcha": (
        f'{{"errorId":0,"status":"ready","solution":{{"text":"é&b"}},{PRICED[:-1]},"taskId":7}}',
        "application/json",
    ),
}


@pytest.mark.parametrize(("dialect", "posted"), CALLBACKS.items())
def test_a_callback_is_posted_to_the_byte(dialect: str, posted: tuple[str, str]) -> None:
    sent, body = DIALECTS[dialect].write_callback(ready("é&b"), TaskId(7))

    assert body.decode() == posted[0]
    assert sent.partition(";")[0] == posted[1]


FAILURES = {
    "capmonster": '{"errorId":1,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE","errorDescription":"no","taskId":7}',
    "2captcha": "id=7&code=ERROR_CAPTCHA_UNSOLVABLE",
    "anticaptcha": '{"errorId":12,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE","errorDescription":"no","taskId":7}',
}


@pytest.mark.parametrize(("dialect", "posted"), FAILURES.items())
def test_a_failures_callback_has_the_error(dialect: str, posted: str) -> None:
    _, body = DIALECTS[dialect].write_callback(Refused(fault=Fault.CAPTCHA_UNSOLVABLE, detail="no"), TaskId(7))

    assert body.decode() == posted
