"""Writes the reference of the addresses, the headers, the work API and the Python client.

Sentences that no table holds are here; a name in the code without one stops the writing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import declared
from prose import bullets, page, wrapped

from answerdesk.api.app import METRICS
from answerdesk.api.gallery import PATH as PICTURES
from answerdesk.model.person import Role
from answerdesk.model.talk import Method
from answerdesk.pages.guard import ROLES
from answerdesk.pages.site import ROUTES
from answerdesk.wire.grammar import METHODS
from answerdesk.wire.legacy import Action
from answerdesk.wire.native_openapi import openapi as native_openapi
from answerdesk.wire.openapi import openapi

#: How the vendors spell the methods, and what each asks for.
SPELLED: Final = (
    "createTask", "getTaskResult", "getBalance", "reportCorrect", "reportCorrectRecaptcha", "reportIncorrect",
    "reportIncorrectImageCaptcha", "reportIncorrectRecaptcha", "reportIncorrectTokenCaptcha",
    "reportIncorrectHcaptcha", "test", "getQueueStats", "getSpendingStats", "getAppStats",
)  # fmt: skip
ABOUT_METHODS: Final[Mapping[Method, str]] = {
    Method.CREATE: "Store a task and set its price aside; gives its id.",
    Method.RESULT: "Give a task's answer, its failure, or `processing` after the hold.",
    Method.BALANCE: "Give what the account can spend.",
    Method.REPORT_CORRECT: "Say that an answer was right.",
    Method.REPORT_INCORRECT: "Say that an answer was wrong; the price comes back once.",
    Method.QUEUE_STATS: "Anti-Captcha's: how busy a queue is; no key is asked for.",
    Method.SPENDING_STATS: "Anti-Captcha's: what was spent, by the hour of a day.",
    Method.APP_STATS: "Anti-Captcha's: what came by one softId.",
    Method.TEST: "Show what arrived, as text, the key cut to four characters.",
}
ABOUT_ACTIONS: Final[Mapping[Action, str]] = {
    Action.GET: "The answer of `id`, or of several `ids`, or `CAPCHA_NOT_READY`.",
    Action.GET_PRICED: "The answer of `id` and what it cost.",
    Action.BALANCE: "What the account can spend, as a bare number.",
    Action.REPORT_GOOD: "The answer of `id` was right.",
    Action.REPORT_BAD: "The answer of `id` was wrong; the price comes back once.",
    Action.ADD_PINGBACK: "Register the address `addr` for callbacks.",
    Action.GET_PINGBACK: "List the registered addresses.",
    Action.DROP_PINGBACK: "Drop the address `addr`, or `all`.",
}
ABOUT_PATHS: Final[Mapping[str, str]] = {
    "/": "One line of text that says what runs here.",
    "/api/useragent/actual": "One line of text: the browser that CapMonster's clients are told to be.",
    "/ping": "`pong`, as text.",
    "/healthz": "`ok`: the process answers.",
    "/readyz": "`ready`, or HTTP 503 and why the last commit failed.",
}
ABOUT_PICTURES: Final = "With the setting `publish_media` on: the picture of an answered task, for a day."
ABOUT_METRICS: Final = "The [metrics](metrics.md), as text for Prometheus; for this machine alone, or by a token."
ABOUT_REQUEST_HEADERS: Final[Mapping[str, str]] = {
    "accept": "A browser that asks for `text/html` gets errors as pages; everything else gets JSON.",
    "authorization": "`Bearer TOKEN`: the worker's token on the work API.",
    "content-type": "Looked at by in.php and res.php alone, to tell a form from its parts.",
    "cookie": "`__Host-session`: who is signed in, on pages and the work API.",
    "content-length": "A body declared above 8 MiB is refused with 413; what of it is sent all the same is dropped.",
    "expect": "A client that waits for leave to send too big a body is refused without it being read.",
    "last-event-id": "On `/v1/events`: where to resume.",
    "host": "A vendor's host name chooses that vendor's dialect.",
    "idempotency-key": "On createTask: the same key and body within 24 hours are one task. 1 to 128 characters.",
    "origin": "With a session: an unsafe call without `Sec-Fetch-Site` must come from this host.",
    "prefer": "On getTaskResult, `wait=N`: hold this poll for N seconds, at most 60, instead of `hold`.",
    "sec-fetch-site": "With a session: an unsafe call that another site caused is refused.",
    "user-agent": "CapMonster's own clients are spoken to in their dialect, where nothing else was said.",
    "traceparent": "W3C's: the trace that the request's span belongs to, with the setting `trace_endpoint`.",
    "tracestate": "W3C's: what goes with it.",
    "x-request-id": "The request's id, of 1 to 128 letters, digits and `._:=+/@-`: in its log lines and its reply.",
    "x-forwarded-proto": "http or https as the browser spoke it, believed from those proxies alone.",
    "x-forwarded-for": "The caller's address, believed from the proxies of the setting `behind_proxy` alone.",
}
ABOUT_REPLY_HEADERS: Final[Mapping[str, str]] = {
    "access-control-allow-headers": "With the setting `cors` on: the request headers of this page that clients set.",
    "access-control-allow-methods": "With the setting `cors` on: `GET, POST, DELETE, OPTIONS`.",
    "access-control-allow-origin": "With the setting `cors` on: `*`.",
    "access-control-expose-headers": "With the setting `cors` on: the reply headers of this page that programs read.",
    "allow": "With HTTP 405 of the native API: what the address takes instead.",
    "cache-control": "On media: `private, no-store`.",
    "connection": "`close`, after a body that was too big to read.",
    "content-disposition": "On media: `attachment`, since they come from strangers.",
    "content-length": "Always there, so that no reply is chunked but the endless one of `/v1/events`.",
    "content-security-policy": "On media: nothing may run or be loaded.",
    "content-type": "`application/json; charset=utf-8`, `text/plain; charset=utf-8`, or the media's own.",
    "location": "On a created task of the native API: its address.",
    "retry-after": "Seconds to wait, with HTTP 503 and the native API's 429.",
    "www-authenticate": "With HTTP 401 of the native API: `Bearer`.",
    "x-content-type-options": "On media: `nosniff`.",
    "x-request-id": "The id the request came with, or one drawn for it; every reply has one.",
    "x-task-replayed": "`1` when an idempotency key found the task made before.",
}


def described(table: Mapping[Any, str], name: Any) -> str:
    """Give a name's sentence; raises LookupError saying that it has none yet."""
    if name not in table:
        msg = f"{name!r} is new in the code: write its sentence into the tables of {__file__}"
        raise LookupError(msg)
    return table[name]


def routes() -> str:
    """Write every address and header."""
    about = (
        "The methods take a POST with a JSON object, whatever its content type says, with or without a slash at the"
        " end, in any spelling of upper and lower case. Protocol errors are HTTP 200."
    )
    spelled = {name.lower(): name for name in SPELLED}
    methods = [
        f"`POST /{described(spelled, name)}`: {described(ABOUT_METHODS, method)}" for name, method in METHODS.items()
    ]
    other = [
        "Any other single name: the dialect's own error for an unknown method.",
        "A GET of a method explains itself in the dialect's words.",
    ]
    older = [
        "`/in.php`: Submit a task, as a form, in parts, in the query or as JSON; gives `OK|` and its id.",
        *(f"`/res.php?action={action}`: {described(ABOUT_ACTIONS, action)}" for action in Action),
        "With `json=1` the reply is JSON, otherwise text. `/in` and `/res` are the same.",
    ]
    plain = [f"`GET {path}`: {described(ABOUT_PATHS, path)}" for path in sorted(declared.fixed_paths())]
    plain.append(f"`GET {METRICS}`: {ABOUT_METRICS}")
    plain.append(f"`GET {PICTURES}TASK-NAME.png`: {ABOUT_PICTURES}")
    statuses = [
        "404: nothing is served at the address.",
        "413: the body is larger than 8 MiB.",
        "503: the service cannot answer now; `Retry-After` says when to try again.",
    ]
    parts = [
        f"## Methods of the protocols\n\n{bullets([*methods, *other])}",
        f"## 2captcha's older methods\n\n{bullets(older)}",
        f"## The native API\n\n{_addresses(native_openapi(), '/v1/openapi.json')}",
        f"## The work API\n\n{_addresses(openapi(), '/api/work/openapi.json')}",
        f"## Outside the protocols\n\n{bullets(plain)}",
        f"## Pages\n\n{bullets(_pages())}",
        f"## Statuses other than 200\n\n{bullets(statuses)}",
        f"## Request headers\n\n{_headers(declared.request_headers(), ABOUT_REQUEST_HEADERS)}",
        f"## Reply headers\n\n{_headers(declared.reply_headers(), ABOUT_REPLY_HEADERS)}",
    ]
    return page("Addresses and headers", about, parts)


def _pages() -> list[str]:
    """Tell of each page what its endpoint says, and who may see it."""
    rows = []
    for row in ROUTES:
        roles = row.endpoint.__dict__[ROLES]
        about = (row.endpoint.__doc__ or "").strip().split("\n")[0].rstrip(".")
        rows.append(f"`{' '.join(row.methods)} {row.path}`: {about} ({_who(roles)}).")
    return rows


def _who(roles: frozenset[Role] | None) -> str:
    if roles is None:
        return "anybody"
    return "whoever is signed in" if roles == set(Role) else ", ".join(role for role in Role if role in roles)


def _addresses(document: Mapping[str, Any], own: str) -> str:
    rows = [
        f"`{verb.upper()} {path}`: {call['summary']}"
        for path, verbs in document["paths"].items()
        for verb, call in verbs.items()
    ]
    return bullets([*rows, f"`GET {own}`: This API as an OpenAPI 3.1 document."])


def _headers(names: set[str], about: Mapping[str, str]) -> str:
    return bullets(f"`{name.title()}`: {described(about, name)}" for name in sorted(names))


def work_api() -> str:
    """Write the work API from its OpenAPI document."""
    about = "Every call carries `Authorization: Bearer TOKEN`."
    return _api("Work API", about, "/api/work/openapi.json", openapi())


def native_api() -> str:
    """Write the native API from its OpenAPI document."""
    about = "Every call carries `Authorization: Bearer KEY`, with a key of the account."
    return _api("Native API", about, "/v1/openapi.json", native_openapi())


def _api(title: str, about: str, address: str, document: Mapping[str, Any]) -> str:
    about = (
        f"{document['info']['description']} {about} A running server has this description at `{address}`; it asks for"
        " no token there."
    )
    calls = [_call(path, verb, call) for path, verbs in document["paths"].items() for verb, call in verbs.items()]
    shapes = [_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]
    return page(title, about, [*calls, "## Shapes", *shapes])


def _call(path: str, verb: str, call: Mapping[str, Any]) -> str:
    parts = [f"## `{verb.upper()} {path}`", wrapped(call["summary"])]
    if given := call.get("parameters"):
        parts.append(bullets(map(_parameter, given)))
    if body := call.get("requestBody"):
        parts += _content("Takes", body["content"])
    replies = call["responses"]
    done = next(status for status in replies if status.startswith("2"))
    parts += _content("Gives", replies[done].get("content", {}))
    statuses = [f"{status}: {reply['description']}" for status, reply in replies.items() if status != "200"]
    return "\n\n".join([*parts, "Other statuses:", bullets(statuses)])


def _parameter(given: Mapping[str, Any]) -> str:
    about = f" {given['description']}" if "description" in given else ""
    return f"`{given['name']}`, in the {given['in']}: {_type(given['schema'])}.{about}"


def _content(word: str, content: Mapping[str, Any]) -> list[str]:
    """Say what a body is, by a link to its shape, with its example where there is one."""
    for kind, media in content.items():
        schema = media.get("schema", {})
        if "$ref" not in schema:
            return [f"{word} `{kind}`."]
        if "example" not in media:
            return [f"{word} {_link(schema)}."]
        return [f"{word} {_link(schema)}:", f"```json\n{json.dumps(media['example'], indent=2)}\n```"]
    return []


def _link(schema: Mapping[str, Any]) -> str:
    name = schema["$ref"].rpartition("/")[2]
    return f"[{name}](#{name.lower()})"


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    parts = [f"### {name}"]
    if about := schema.get("description"):
        parts.append(wrapped(" ".join(about.split())))
    if values := schema.get("enum"):
        parts.append(f"One of {', '.join(f'`{value}`' for value in values)}.")
    required = set(schema.get("required", ()))
    rows = [
        f"`{field}`: {_type(shape)}{'' if field in required else ', optional'}"
        for field, shape in schema.get("properties", {}).items()
    ]
    return "\n\n".join([*parts, *([bullets(rows)] if rows else [])])


def _type(shape: Mapping[str, Any]) -> str:
    if "$ref" in shape:
        return _link(shape)
    if "anyOf" in shape:
        return " or ".join(map(_type, shape["anyOf"]))
    if shape.get("type") == "array":
        return f"list of {_type(shape['items'])}" if isinstance(shape.get("items"), dict) else "list"
    if "enum" in shape:
        return f"one of {', '.join(f'`{value}`' for value in shape['enum'])}"
    bounds = [f"{word} {shape[key]:g}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in shape]
    bounds += [f"at most {shape['maxLength']} characters"] if "maxLength" in shape else []
    return " ".join([str(shape.get("type", "anything")), *bounds])


def client() -> str:
    """Write the public names of the Python client."""
    about = (
        "The package `answerdesk_client` comes with the server and imports nothing of it. Clients are context managers;"
        " the async ones have the same calls, awaited. Every failure is an `AnswerdeskError`; wrong arguments raise"
        " `TypeError` or `ValueError`."
    )
    names = declared.exported("answerdesk_client")
    return page("Python client", about, [_name(name, value) for name, value in names.items()])


def _name(name: str, value: Any) -> str:
    if not isinstance(value, type):
        return f"## `{name}`\n\nA name for `{getattr(value, '__supertype__', value)}`." if name != "Picture" else (
            "## `Picture`\n\nA picture: its bytes, the path of its file (`pathlib.Path`), or a `str` that is base64."
        )  # fmt: skip
    parts = [f"## `{name}`", wrapped(declared.first_sentence(value.__doc__ or ""))]
    if name.endswith("Client"):
        parts.append(f"```text\n{declared.constructor(value)}\n```")
    rows = [f"`{call.signature}`: {call.about}" for call in declared.calls(value)]
    rows += [f"`{field}: {shape}`" + (f": {text}" if text else "") for field, shape, text in declared.fields(value)]
    return "\n\n".join([*parts, *([bullets(rows)] if rows else [])])
