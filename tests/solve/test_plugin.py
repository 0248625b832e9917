"""Solvers are found by entry point, hints are read from the work API's question, and a solver is held to its word."""

import subprocess
import sys

import pytest

from answerdesk.solve.plugin import Abstain, Answer, Hints, SolverUnknown, checked, find


def question(constraints=None, options=None, lang=None, text=None):
    return {
        "kind": "text",
        "instruction": {"text": text, "image": None},
        "constraints": constraints or {},
        "options": options or {},
        "lang": lang,
        "media": [],
    }


def test_a_question_that_says_nothing_gives_no_hints():
    assert Hints.from_question(question()) == Hints()
    assert Hints.from_question({"kind": "text"}) == Hints()


def test_every_constraint_becomes_a_hint():
    said = {"phrase": True, "case": True, "numeric": 4, "math": True, "minLength": 2, "maxLength": 9}

    assert Hints.from_question(question(said, {"module": "meter"}, "de", "the red ones")) == Hints(
        phrase=True,
        case=True,
        numeric=4,
        math=True,
        shortest=2,
        longest=9,
        profile="meter",
        lang="de",
        comment="the red ones",
    )


@pytest.mark.parametrize(
    "said", [{"numeric": 7}, {"numeric": "1"}, {"minLength": -2}, {"maxLength": 0}, {"case": None}]
)
def test_what_is_out_of_bounds_is_no_hint(said):
    assert Hints.from_question(question(said)) == Hints()


def test_an_entry_point_of_another_package_is_a_solver(surroundings):
    line = "from answerdesk.solve.plugin import make; s = make('moody'); print(s.name, s.version, s.kinds)"

    said = subprocess.run((sys.executable, "-c", line), env=surroundings, capture_output=True, text=True, check=True)

    assert said.stdout == "moody 1.0 ('text',)\n"


def test_the_shipped_solver_is_found():
    assert find("ocr").value == "answerdesk.solve.ocr:OcrSolver"


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(SolverUnknown, match=r'no solver named "tarot"; installed solvers: .*ocr'):
        find("tarot")


GOOD = Answer(value="a", confidence=0.5)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([GOOD], GOOD),
        ([Answer(value="a", confidence=1)], Answer(value="a", confidence=1)),
        ([Abstain(reason="dark")], Abstain(reason="dark")),
    ],
)
def test_a_proper_outcome_is_kept(outcomes, expected):
    assert checked(outcomes, 1) == [expected]


@pytest.mark.parametrize(
    "outcomes",
    [
        None,
        [],
        [GOOD, GOOD],
        ["a"],
        [Answer(value=None, confidence=0.5)],  # type: ignore[arg-type]
        [Answer(value="a", confidence=1.01)],
        [Answer(value="a", confidence=-0.1)],
        [Answer(value="a", confidence=float("nan"))],
        [Answer(value="a", confidence="high")],  # type: ignore[arg-type]
    ],
)
def test_anything_else_is_an_abstention(outcomes):
    assert [type(outcome) for outcome in checked(outcomes, 1)] == [Abstain]
