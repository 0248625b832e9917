"""The page where people answer, their own keys, and practice, where nothing is at stake.
Rule: real tasks come and go by the work API alone; here is only what stands around them."""

from __future__ import annotations

import re
from importlib import resources
from random import Random
from typing import Any, Final, NamedTuple

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from answerdesk.desk.people import SaveOwn
from answerdesk.model.question import WORK_KINDS, Kind, Medium
from answerdesk.pages.guard import FORM, JSON, Row, answers
from answerdesk.pages.parts import messages, parts, render, say
from answerdesk.pages.samples import Sample, draw
from answerdesk.wire.work import question_json

#: What a first picture needs, in the order it is needed; every other module comes later.
MODULES: Final = (
    "dom.js", "first.js", "api.js", "keys.js", "prepare.js", "load.js", "left.js", "show.js", "rules.js", "text.js",
    "field.js", "wanted.js",
)  # fmt: skip
#: The messages a first picture needs, and those that come after it.
FIRST_WORDS: Final = ("work.answer", "work.ask.text", "work.look", "work.rule.")
LATER_WORDS: Final = ("work.", "key.", "mode.", "help.", "alerts.", "again.", "practice.")
#: How many practice tasks there are of each kind.
LESSONS: Final = 5
#: The switch for bare characters, kept among a person's keys.
SINGLE: Final = "single"
_ROW: Final = re.compile(r"\{ id: '([a-z.0-9]+)', keys: '([^']+)' \}")
_PRESSED: Final = re.compile(r"(?:Mod\+)?(?:Alt\+)?(?:Shift\+)?(?:[A-Z][A-Za-z0-9]{1,19}|[!-~])")
#: What browsers and systems keep for themselves.
_BROWSERS: Final = frozenset(
    {f"Mod+Key{letter}" for letter in "ACLNOPQRTVWX"} | {"Tab", "Shift+Tab", "F5", "F6", "F11", "F12", "Alt+F4"}
)


class KeyRow(NamedTuple):
    """One row of the table of keys: what it does and the keys for it."""

    id: str
    keys: str


def read_keys(source: str) -> tuple[KeyRow, ...]:
    """Read the table of keys, which lies where keys are pressed."""
    return tuple(KeyRow(*found) for found in _ROW.findall(source))


KEYS: Final = read_keys((resources.files("answerdesk.pages") / "static" / "keys.js").read_text("utf-8"))


@answers
async def show(request: Request) -> Response:
    """Show the workspace; its first task comes by the work API."""
    person, solver = request.state.person, request.state.solver
    kinds = [kind for kind in WORK_KINDS if solver.may_have(kind, None)]
    given = {
        "now": parts(request).clock.now() / 1000,
        "words": "/work/words",
        "keys": person.keys,
        "name": person.name,
        "practise": [kind for kind in kinds if kind not in person.practised],
        "kinds": kinds,
    }
    return render(request, "work.html", given=given, messages=messages(request, *FIRST_WORDS), modules=MODULES)


@answers
async def words(request: Request) -> Response:
    """Give the messages that no first task needs."""
    return JSONResponse(messages(request, *LATER_WORDS))


@answers
async def keys(request: Request) -> Response:
    """Show a person's keys, or keep them."""
    if request.method != "POST":
        return _keys_page(request, 200, request.state.person.keys)
    form = await request.form()
    own = {name: value for name, value in form.items() if isinstance(value, str)}
    single = own.pop(SINGLE, "")
    if flaw := keys_flaw(own):
        return _keys_page(request, 400, request.state.person.keys, flaw)
    usual = dict(KEYS)
    chosen = {name: pressed for name, pressed in own.items() if usual[name] != pressed}
    if not single:
        chosen[SINGLE] = "off"
    await parts(request).store.run(SaveOwn(person=request.state.person.id, keys=chosen))
    return RedirectResponse("/me/keys?saved=1", 303)


def _keys_page(request: Request, status: int, own: dict[str, str], flaw: str = "") -> Response:
    told = messages(request, "key.", "keys.")
    saved = "saved" in request.query_params
    given = {"words": "/work/words", "keys": own}
    return render(request, "keys.html", status, given=given, messages=told, rows=KEYS, saved=saved, flaw=flaw)


def keys_flaw(own: dict[str, str]) -> str | None:
    """Say what is wrong with somebody's keys, None for nothing."""
    usual = dict(KEYS)
    for name, pressed in own.items():
        if name not in usual:
            return f"{name[:40]} is nothing that keys do; the rows are {', '.join(usual)}"
        if not _PRESSED.fullmatch(pressed) or pressed in _BROWSERS:
            return f"{pressed[:40]} cannot be the keys of {name}; name keys such as KeyP, Alt+Digit1 or Mod+Space"
    together = [*{**usual, **own}.values()]
    double = next((pressed for pressed in together if together.count(pressed) > 1), None)
    return f"{double} would do two things; give every row keys of its own" if double else None


def _lesson(request: Request) -> tuple[Kind, int, Sample]:
    """Draw a person's lesson, the same each time it is asked for."""
    try:
        kind, number = Kind(request.path_params["kind"]), int(request.path_params["number"])
    except ValueError:
        raise HTTPException(404) from None
    person, solver = request.state.person, request.state.solver
    if kind not in WORK_KINDS or not solver.may_have(kind, None) or not 1 <= number <= LESSONS:
        raise HTTPException(404)
    random = Random(f"{person.id} {kind} {number}")  # noqa: S311 - lessons, not secrets
    return kind, number, draw(kind, random, lambda key, **values: say(request, key, **values))


@answers
async def lesson(request: Request) -> Response:
    """Ask a practice question in the form of the work API, or judge what was answered."""
    kind, number, sample = _lesson(request)
    if request.method == "POST":
        return await _judged(request, kind, number, sample)
    address = f"/work/practice/{kind}/{number}"
    question = question_json(sample.question, "practice")
    for i, medium in enumerate(question["media"]):
        medium["url"] = f"{address}/{i}"
    return JSONResponse({"lease": address, "task": number, "kind": kind, "until": 0, "question": question})


async def _judged(request: Request, kind: Kind, number: int, sample: Sample) -> Response:
    """Tell whether an answer is right; the last lesson of a kind ends its practice."""
    try:
        value = msgspec.json.decode(await request.body(), type=dict[str, Any]).get("value")
    except msgspec.MsgspecError:
        raise HTTPException(400) from None
    try:
        right = value is not None and sample.fits(value)
    except (TypeError, ValueError, IndexError, KeyError, AttributeError):
        # Not of the kind's form at all.
        right = False
    if number == LESSONS:
        await parts(request).store.run(SaveOwn(person=request.state.person.id, practised=frozenset({kind})))
    return JSONResponse({"right": right, "answer": sample.answer, "of": LESSONS})


@answers
async def lesson_medium(request: Request) -> Response:
    """Give a practice question's picture or sound."""
    _, _, sample = _lesson(request)
    index = request.path_params["index"]
    if not index.isdecimal() or int(index) >= len(sample.media):
        raise HTTPException(404)
    medium: Medium = sample.question.media[int(index)]
    return Response(sample.media[int(index)], headers={"Content-Type": medium.type})


ROUTES: Final = (
    Row("/work", show),
    Row("/work/words", words),
    Row("/work/practice/{kind}/{number}", lesson, ("GET", "POST"), JSON),
    Row("/work/practice/{kind}/{number}/{index}", lesson_medium),
    Row("/me/keys", keys, ("GET", "POST"), FORM),
)
