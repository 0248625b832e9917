"""A sandbox account's script: what its task is answered with and when, in the words of its own instruction.
Rule: a script that is not understood whole is refused; nothing of it is ever guessed (PROTOCOL §10)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.question import Kind, Question
from answerdesk.model.sandbox import Answered
from answerdesk.model.task import FAILURES, Cause
from answerdesk.model.values import accept

#: What an instruction begins with that is a script.
MARK: Final = "!"
#: How the vendors' codes begin, and what is left out of them here.
CODE: Final = "ERROR_"
LONGEST_DELAY: Final = 3_600
#: The faults in which a task can end.
ENDS: Final[Mapping[str, Cause]] = {f"{CODE}{FAILURES[cause][0]}": cause for cause in (Cause.UNSOLVED, Cause.DISAGREED)}
ACCEPTED: Final = (
    'accepted are answer=abc, answer="two words" or a value of the work API such as answer=[1,5], or else'
    f" error={' or '.join(ENDS)}, and with either delay=0..{LONGEST_DELAY} in seconds"
)

#: A word and its value: a text in quotes, a list in brackets, or whatever has no space.
_WORD: Final = re.compile(r'\s*([A-Za-z]+)=("(?:[^"\\]|\\.)*"|\[[^="]*\]|\S+)(?=\s|$)')
_SECONDS: Final = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,3})?")
#: Kinds whose answers are texts, which need no quotes.
_TEXTS: Final = frozenset({Kind.TEXT, Kind.QUESTION, Kind.AUDIO})

_decode = msgspec.json.Decoder().decode


def read_script(question: Question) -> Answered | None:
    """Read a question of a sandbox account; None where no script is its instruction. Raises a Refusal."""
    text = question.text
    if text is None or not text.startswith(MARK):
        return None
    words = _words(text)
    if ("answer" in words) is ("error" in words):
        raise _refusal("needs either answer or error")
    read = {name: _READERS[name](question, value) for name, value in words.items()}
    return Answered(solution=read.get("answer"), cause=read.get("error", Cause.UNSOLVED), delay_ms=read.get("delay", 0))


def _words(text: str) -> dict[str, str]:
    words: dict[str, str] = {}
    at = len(MARK)
    while text[at:].strip():
        word = _WORD.match(text, at)
        name = word[1].lower() if word else ""
        if word is None or name not in _READERS:
            raise _refusal("has a word that is not known")
        if name in words:
            raise _refusal(f"says {name} twice")
        words[name], at = word[2], word.end()
    return words


def _read_answer(question: Question, given: str) -> Any:
    """Read what a solver would say, and bring it into the normal form."""
    value: object = given
    if question.kind not in _TEXTS or given.startswith('"'):
        try:
            value = _decode(given)
        except (msgspec.DecodeError, RecursionError):
            raise _refusal("has an answer that is no value in JSON") from None
    try:
        return accept(question, value)
    except Refusal as refused:
        raise _refusal(f"has an answer that is not accepted: {refused.detail}") from None


def _read_delay(_: Question, given: str) -> int:
    seconds = float(given) if _SECONDS.fullmatch(given) else -1.0
    if not 0 <= seconds <= LONGEST_DELAY:
        raise _refusal("has a delay that is no number of seconds")
    return round(seconds * 1_000)


def _read_error(_: Question, given: str) -> Cause:
    cause = ENDS.get(given.upper())
    if cause is None:
        raise _refusal("has an error in which no task ends")
    return cause


_READERS: Final[Mapping[str, Callable[[Question, str], Any]]] = {
    "answer": _read_answer,
    "delay": _read_delay,
    "error": _read_error,
}


def _refusal(flaw: str) -> Refusal:
    return Refusal(Fault.BAD_PARAMETERS, f"the sandbox script in the task's comment {flaw}; {ACCEPTED}")
