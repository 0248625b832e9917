"""Scripts of a sandbox account: what each says, and what a flawed one is refused with."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.question import Constraints, Kind, Medium, Question
from answerdesk.model.sandbox import Answered
from answerdesk.model.script import ACCEPTED, read_script
from answerdesk.model.task import FAILURES, Cause
from answerdesk.model.values import MOST_CHARACTERS

PICTURE = Medium(type="image/png", width=100, height=50)
ON_ITS_SIDE = Medium(type="image/png", width=100, height=50, orientation=6)
GRID = {"rows": 3, "columns": 3, "max_clicks": 9}


def asked(text: str | None, kind: Kind = Kind.TEXT, *media: Medium, **constraints: Any) -> Question:
    return Question(kind=kind, text=text, media=media or (PICTURE,), constraints=Constraints(**constraints))


SAID = {
    "!answer=abc": Answered(solution="abc"),
    "!answer=abc delay=2": Answered(solution="abc", delay_ms=2_000),
    "!delay=0.25 answer=abc": Answered(solution="abc", delay_ms=250),
    "! \n ANSWER=Abc\tDelay=0": Answered(solution="Abc"),
    "!answer=abc delay=3600": Answered(solution="abc", delay_ms=3_600_000),
    '!answer="two words" delay=1': Answered(solution="two words", delay_ms=1_000),
    '!answer="say \\"delay=2\\"" delay=1': Answered(solution='say "delay=2"', delay_ms=1_000),
    "!answer=12": Answered(solution="12"),
    "!answer=a=b": Answered(solution="a=b"),
    "!answer=[a b]": Answered(solution="[a b]"),
    '!answer="\\u00fc"': Answered(solution="ü"),
    "!error=ERROR_CAPTCHA_UNSOLVABLE delay=5": Answered(solution=None, cause=Cause.UNSOLVED, delay_ms=5_000),
    "!error=error_bad_duplicates": Answered(solution=None, cause=Cause.DISAGREED),
}
VALUES = {
    Kind.GRID: ("[5, 1]", (PICTURE,), [1, 5]),
    Kind.POINTS: ("[[10, 20],\n [30.2, 40]]", (PICTURE,), [[10, 20], [30, 40]]),
    Kind.BOXES: ("[[1,2,30,40]]", (PICTURE,), [[1, 2, 30, 40]]),
    Kind.OUTLINE: ("[[[1,2],[30,2],[3,4]]]", (PICTURE,), [[[1, 2], [30, 2], [3, 4]]]),
    Kind.ROTATE: ("45", (PICTURE,), [45]),
    Kind.DRAG: ("[[1,2], null]", (PICTURE,) * 3, [[1, 2], None]),
    Kind.QUESTION: ("Paris", (), "Paris"),
    Kind.AUDIO: ("seven", (Medium(type="audio/wav"),), "seven"),
}
FLAWED = {
    "!": "needs either answer or error",
    "!delay=2": "needs either answer or error",
    "!answer=a error=ERROR_CAPTCHA_UNSOLVABLE": "needs either answer or error",
    "!important: all the cars": "has a word that is not known",
    "!answer=two words": "has a word that is not known",
    "!answer=abc dealy=2": "has a word that is not known",
    "!answer=abc, delay=2 more": "has a word that is not known",
    "!answer=": "has a word that is not known",
    "!answer=abc answer=abd": "says answer twice",
    "!answer=abc delay=-1": "has a delay that is no number of seconds",
    "!answer=abc delay=3601": "has a delay that is no number of seconds",
    "!answer=abc delay=1e3": "has a delay that is no number of seconds",
    "!answer=abc delay=nan": "has a delay that is no number of seconds",
    "!answer=abc delay=2s": "has a delay that is no number of seconds",
    "!error=ERROR_ZERO_BALANCE": "has an error in which no task ends",
    "!error=CAPTCHA_UNSOLVABLE": "has an error in which no task ends",
    '!answer="abc': "has an answer that is no value in JSON",
    '!answer="\\ud800"': "has an answer that is no value in JSON",
    '!answer=" "': "value must be a text that is not empty",
}


@pytest.mark.parametrize("text", SAID)
def test_a_script_says_what_a_task_is_answered_with_and_when(text: str) -> None:
    assert read_script(asked(text)) == SAID[text]


@pytest.mark.parametrize("kind", VALUES)
def test_an_answer_is_what_a_worker_would_send_for_the_kind(kind: Kind) -> None:
    written, media, normal = VALUES[kind]
    constraints = Constraints(rows=3, columns=3, max_clicks=9) if kind is Kind.GRID else Constraints()
    question = Question(kind=kind, text=f"!answer={written} delay=1", media=media, constraints=constraints)

    assert read_script(question) == Answered(solution=normal, delay_ms=1_000)


def test_an_answer_is_given_as_a_worker_sees_the_picture() -> None:
    assert read_script(asked("!answer=[[0,0]]", Kind.POINTS, ON_ITS_SIDE)) == Answered(solution=[[0, 99]])


@pytest.mark.parametrize("text", [None, "", "abc", "answer=abc", " !answer=abc"])
def test_what_does_not_begin_with_the_mark_is_an_instruction(text: str | None) -> None:
    assert read_script(asked(text)) is None


@pytest.mark.parametrize("text", FLAWED)
def test_a_flawed_script_is_refused_with_what_is_wrong_and_what_is_accepted(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_script(asked(text))

    assert refused.value.fault is Fault.BAD_PARAMETERS
    assert FLAWED[text] in refused.value.detail
    assert refused.value.detail.endswith(ACCEPTED)


@pytest.mark.parametrize(
    ("written", "flaw"),
    [
        ("abc", "no value in JSON"),
        ("[1", "no value in JSON"),
        ("[" * 900, "no value in JSON"),
        ("[10]", "value must be a list of cell numbers 1..9"),
        ("[]", "value must be at least one of the cells"),
        ("9" * 900, "value must be a list of cell numbers 1..9"),
        ('"1"', "value must be a list of cell numbers 1..9"),
    ],
)
def test_an_answer_that_no_worker_could_give_is_refused(written: str, flaw: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_script(asked(f"!answer={written}", Kind.GRID, **GRID))

    assert flaw in refused.value.detail


def test_the_errors_of_scripts_are_those_of_tasks() -> None:
    told = {f"ERROR_{fault}" for fault, _ in FAILURES.values()}

    for code in told:
        read = read_script(asked(f"!error={code}"))
        assert read is not None
        assert f"ERROR_{FAILURES[read.cause][0]}" == code
        assert code in ACCEPTED


@given(text=st.text(min_size=1, max_size=200).filter(str.strip))
def test_any_text_can_be_an_answer_in_quotes(text: str) -> None:
    quoted = msgspec.json.encode(text).decode()

    assert read_script(asked(f"!delay=2 answer={quoted}")) == Answered(solution=text.strip(), delay_ms=2_000)


@given(text=st.text(max_size=MOST_CHARACTERS // 4), kind=st.sampled_from(sorted(VALUES)))
def test_no_script_does_anything_but_be_read_or_refused(text: str, kind: Kind) -> None:
    with contextlib.suppress(Refusal):
        assert read_script(asked(f"!{text}", kind, **GRID)) is not None
