"""The work API described in OpenAPI 3.1, built from the same types that read and write it.
Rule: no schema is written by hand; the examples are read by the readers themselves in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from answerdesk.model.question import Kind
from answerdesk.wire import me, work

_TYPES: Final = (
    work.ClaimCall, work.AnswerCall, work.DeclineCall, work.LeaseCall, work.ReleaseCall, work.LeasesJson,
    work.VerdictJson, work.HeldJson, work.ReleasedJson, work.UndoneJson, me.MeJson, work.ProblemJson,
)  # fmt: skip

_LEASE: Final = "9f2c4e6a8b0d1f3a"
_QUESTION: Final = {
    "kind": "text",
    "instruction": {"text": "the red letters only", "image": None},
    "constraints": {"numeric": 1, "minLength": 4, "maxLength": 6},
    "options": {"module": "universal", "threshold": 70},
    "lang": None,
    "media": [{"url": f"/api/work/media/{_LEASE}/0", "type": "image/png", "width": 120, "height": 40}],
}
_GIVEN: Final = {
    "lease": _LEASE,
    "task": 1837465021,
    "kind": "text",
    "until": 1692863536.5,
    "reserved": False,
    "question": _QUESTION,
}


#: What the value of an answer looks like, by kind: whose the numbers are is said where the kind is.
VALUES: Final[Mapping[Kind, tuple[str, Any]]] = {
    Kind.TEXT: ("The characters in the picture.", "4821"),
    Kind.QUESTION: ("The answer in words.", "Paris"),
    Kind.AUDIO: ("What was said.", "seven two nine"),
    Kind.GRID: ("Cells counted from 1, from the top left row by row.", [1, 3, 9]),
    Kind.POINTS: ("Points in pixels from the top left of the picture set upright.", [[39, 59], [252, 72]]),
    Kind.BOXES: ("Left, top, right and bottom edges in pixels.", [[559, 164, 797, 430]]),
    Kind.OUTLINE: ("Closed outlines, each of at least three points.", [[[10, 10], [90, 12], [50, 80]]]),
    Kind.ROTATE: ("Degrees clockwise, one per picture.", [40, 320.5]),
    Kind.DRAG: ("Centres of the pieces on the background, null for one that belongs nowhere.", [[120, 48], None]),
}


_ME: Final = {
    "name": "bob",
    "kinds": ["text", "grid"],
    "languages": [],
    "done": 128,
    "accuracy": 0.98,
    "earned": "0.0768",
    "waiting": {"text": 14, "grid": 0},
}


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One call: its body's and its reply's types, each with an example; most name a lease and are told of its time."""

    name: str
    about: str
    body: str = "LeaseCall"
    asked: Mapping[str, Any] = msgspec.field(default_factory=lambda: {"lease": _LEASE})
    reply: str = "HeldJson"
    told: Mapping[str, Any]

    @property
    def path(self) -> str:
        """Where it is served."""
        return f"/api/work/{self.name}"


OPERATIONS: Final = (
    Operation(
        name="claim",
        about="Ask for questions to answer; waits up to `wait` seconds for the first. With `reserve` they are set aside"
        " for 20 seconds, and their own time runs once they are shown.",
        body="ClaimCall",
        asked={"kinds": ["text"], "max": 1, "wait": 25},
        reply="LeasesJson",
        told={"leases": [_GIVEN]},
    ),
    Operation(
        name="answer",
        about="Answer under a lease, and in the same call tell which reserved lease is `shown` now, and claim again."
        " The same answer again gets the same reply.",
        body="AnswerCall",
        asked={
            "lease": _LEASE,
            "value": "4821",
            "confidence": 0.97,
            "claim": {"kinds": ["text"], "max": 1, "wait": 25, "reserve": False},
        },
        reply="VerdictJson",
        told={"accepted": True, "paid": "0.000600", "leases": []},
    ),
    Operation(
        name="decline",
        about="Give a question back, and claim again in the same call.",
        body="DeclineCall",
        asked={"lease": _LEASE, "reason": "unreadable"},
        reply="VerdictJson",
        told={"accepted": False, "why": "settled", "paid": "0", "leases": []},
    ),
    Operation(
        name="show",
        about="Tell that a reserved question is seen now: its time runs from here. Again changes nothing.",
        told={"lease": _LEASE, "until": 1692863536.5},
    ),
    Operation(
        name="keep",
        about="Set a reserved question aside for 20 seconds more, up to two minutes in all.",
        told={"lease": _LEASE, "why": "expired"},
    ),
    Operation(
        name="extend",
        about="Take 30 seconds more for a question that is shown: once, and within the task's own time. Again changes"
        " nothing.",
        told={"lease": _LEASE, "until": 1692863566.5},
    ),
    Operation(
        name="release",
        about="Give leases up without a word. What was never shown may be given to the same solver again.",
        body="ReleaseCall",
        asked={"leases": [_LEASE]},
        reply="ReleasedJson",
        told={"released": 1},
    ),
    Operation(
        name="undo",
        about="Withdraw an answer or a decline while its task is open: its pay is taken back and the lease runs again.",
        reply="UndoneJson",
        told={"reopened": False, "why": "settled"},
    ),
)

#: The statuses a call may end in besides 200.
PROBLEMS: Final[Mapping[int, str]] = {
    400: "The body is not what is accepted, or the value does not fit the question.",
    401: "The token is missing, unknown or revoked.",
    404: "The lease or the media is unknown.",
    413: "The body is too big.",
    503: "The service cannot take the call now; Retry-After says when to try again.",
}


def openapi() -> dict[str, Any]:
    """Build the document."""
    _, schemas = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {operation.path: {"post": _operation(operation)} for operation in OPERATIONS}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "answerdesk work API",
            "version": "1",
            "description": "People and machines claim questions and answer them with the same calls.",
        },
        "security": [{"bearer": []}],
        "paths": paths | {"/api/work/me": {"get": _about_me()}, "/api/work/media/{lease}/{index}": {"get": _media()}},
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    reply = {"description": "Done.", "content": _json(operation.reply, operation.told)}
    return {
        "operationId": operation.name,
        "summary": operation.about,
        "requestBody": {"required": True, "content": _asked(operation)},
        "responses": {"200": reply} | _problems(*PROBLEMS),
    }


def _asked(operation: Operation) -> dict[str, Any]:
    """Show a call's body; an answer's once for every kind of question."""
    content = _json(operation.body, operation.asked)
    if operation.name == "answer":
        del content["application/json"]["example"]
        content["application/json"]["examples"] = {
            kind: {"summary": about, "value": {**operation.asked, "value": value}}
            for kind, (about, value) in VALUES.items()
        }
    return content


def _about_me() -> dict[str, Any]:
    return {
        "operationId": "me",
        "summary": "Who the token is, what they may be asked, how their day went, and how much waits for them.",
        "responses": {"200": {"description": "Done.", "content": _json("MeJson", _ME)}} | _problems(401, 503),
    }


_INDEX: Final = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "enum": ["earlier"]}]}


def _media() -> dict[str, Any]:
    return {
        "operationId": "media",
        "summary": "A question's picture or sound, for the holder of its lease: as it was sent for a machine, and for a"
        " person made anew; under `earlier` instead of a number the earlier picture of its series, while the lease"
        " runs.",
        "parameters": [
            {"name": "lease", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "index", "in": "path", "required": True, "schema": _INDEX},
        ],
        "responses": {"200": {"description": "The picture or sound.", "content": {"*/*": {}}}}
        | _problems(401, 404, 503),
    }


def _problems(*statuses: int) -> dict[str, Any]:
    return {str(status): {"description": PROBLEMS[status], "content": _json("ProblemJson")} for status in statuses}


def _json(name: str, example: Any = None) -> dict[str, Any]:
    schema = {"schema": {"$ref": f"#/components/schemas/{name}"}}
    return {"application/json": schema if example is None else schema | {"example": example}}
