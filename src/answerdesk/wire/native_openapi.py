"""The native dialect described in OpenAPI 3.1, built from the types that read and write it.
Rule: one row an operation; no schema is written by hand."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from answerdesk.wire import native

_TYPES: Final = (
    native.TaskAsk,
    native.BatchAsk,
    native.ReportAsk,
    native.TaskJson,
    native.TasksJson,
    native.BatchJson,
    native.BalanceJson,
    native.LedgerJson,
    native.Problem,
)

_ID: Final = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1}}
_WAIT: Final = {
    "name": "wait", "in": "query", "description": "Seconds to wait for the answer.",
    "schema": {"type": "integer", "minimum": 0, "maximum": 60},
}  # fmt: skip
_PREFER: Final = {
    "name": "Prefer", "in": "header", "description": "`wait=N` holds the reply for the answer, up to 60 seconds.",
    "schema": {"type": "string"},
}  # fmt: skip
_KEY: Final = {
    "name": "Idempotency-Key", "in": "header",
    "description": "The same key and body within 24 hours make the same tasks once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
}  # fmt: skip
_LIMIT: Final = {
    "name": "limit", "in": "query", "description": "Rows of a page.",
    "schema": {"type": "integer", "minimum": 1, "maximum": native.MOST_PAGE, "default": 50},
}  # fmt: skip
_BEFORE: Final = {
    "name": "before", "in": "query", "description": "`next` of the page before.",
    "schema": {"type": "integer", "minimum": 1},
}  # fmt: skip
_STATUS: Final = {
    "name": "status", "in": "query", "description": "Only tasks in this state.",
    "schema": {"type": "string", "enum": ["open", "ready", "failed"]},
}  # fmt: skip
_LAST: Final = {
    "name": "Last-Event-ID", "in": "header", "description": "Where to resume; from now on without it.",
    "schema": {"type": "string"},
}  # fmt: skip


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One call."""

    verb: str
    path: str
    name: str
    about: str
    parameters: tuple[dict[str, Any], ...] = ()
    body: str | None = None
    reply: str
    status: int = 200
    refusals: tuple[int, ...] = ()


#: What any call may be refused with: a wrong key, an account or address that may not call, too many calls, no store.
_ALWAYS: Final = (401, 403, 429, 503)

OPERATIONS: Final = (
    Operation(
        verb="post", path="/v1/tasks", name="createTask", about="Create a task; the task is named as in createTask.",
        parameters=(_PREFER, _KEY), body="TaskAsk", reply="TaskJson", status=201, refusals=(400, 402, 413, 415),
    ),
    Operation(
        verb="get", path="/v1/tasks", name="listTasks", about="List the account's tasks, newest first.",
        parameters=(_LIMIT, _BEFORE, _STATUS), reply="TasksJson", refusals=(400, 404),
    ),
    Operation(
        verb="post", path="/v1/tasks/batch", name="createTasks", about="Create up to 1,000 tasks, each by itself.",
        parameters=(_KEY,), body="BatchAsk", reply="BatchJson", refusals=(400, 413),
    ),
    Operation(
        verb="get", path="/v1/tasks/{id}", name="showTask", about="Show a task, waiting for its answer if asked to.",
        parameters=(_ID, _WAIT, _PREFER), reply="TaskJson", refusals=(400, 404),
    ),
    Operation(
        verb="delete", path="/v1/tasks/{id}", name="cancelTask", about="Cancel an open task; its price is released.",
        parameters=(_ID,), reply="TaskJson", refusals=(404, 409),
    ),
    Operation(
        verb="post", path="/v1/tasks/{id}/report", name="reportTask", about="Tell whether an answer was right.",
        parameters=(_ID,), body="ReportAsk", reply="TaskJson", refusals=(400, 404),
    ),
    Operation(
        verb="get", path="/v1/events", name="followTasks", about="Follow settled tasks as server-sent events.",
        parameters=(_LAST,), reply="",
    ),
    Operation(verb="get", path="/v1/balance", name="showBalance", about="Show the balance.", reply="BalanceJson"),
    Operation(
        verb="get", path="/v1/ledger", name="listLedger", about="List the account's ledger, newest first.",
        parameters=(_LIMIT, _BEFORE), reply="LedgerJson", refusals=(400,),
    ),
)  # fmt: skip

_REFUSALS: Final = {
    400: "Something in the request is not accepted; the detail says what and where.",
    401: "The key is missing, unknown or revoked.",
    402: "The balance does not cover the price.",
    403: "The account, or this address, may not call now.",
    404: "The task is unknown, foreign or forgotten.",
    409: "The task is settled.",
    413: "The body or its media is too big.",
    415: "The media is of no accepted type.",
    429: "Too many calls; the detail says how long to wait.",
    503: "Nothing was stored; try again later.",
}


def openapi() -> dict[str, Any]:
    """Build the document."""
    _, schemas = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.verb] = _describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "answerdesk", "version": "1", "description": "The desk's own API for those who ask."},
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}, "schemas": schemas},
    }


def _describe(operation: Operation) -> dict[str, Any]:
    content = _content(operation.reply) if operation.reply else {"text/event-stream": {"schema": {"type": "string"}}}
    responses = {str(operation.status): {"description": operation.about, "content": content}}
    for status in sorted({*operation.refusals, *_ALWAYS}):
        problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        responses[str(status)] = {"description": _REFUSALS[status], "content": problem}
    described: dict[str, Any] = {"operationId": operation.name, "summary": operation.about, "responses": responses}
    if operation.parameters:
        described["parameters"] = list(operation.parameters)
    if operation.body:
        described["requestBody"] = {"required": True, "content": _content(operation.body)}
    return described


def _content(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
