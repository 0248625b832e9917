"""The ASGI application: which path goes where, and what happens when something breaks.
Rule: every request gets one whole answer; a crash is logged and counted, never shown."""

from __future__ import annotations

from asyncio import Future
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

import structlog

from answerdesk.api import native
from answerdesk.api.budget import Budget, Crowded
from answerdesk.api.gallery import PATH as PICTURES
from answerdesk.api.gallery import Gallery
from answerdesk.api.http import (
    CALLED,
    NO_FAULT,
    TEXT,
    Answer,
    Coming,
    Gone,
    Message,
    Receive,
    Scope,
    Send,
    TooBig,
    begin,
    header,
    id_of,
    read_body,
    request_id,
    send_answer,
)
from answerdesk.api.legacy import Legacy
from answerdesk.api.methods import UNAVAILABLE, Methods
from answerdesk.api.metrics import Metrics
from answerdesk.api.native import Native
from answerdesk.api.work import WorkApi
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.talk import Method
from answerdesk.wire.grammar import PATHS, method_of
from answerdesk.wire.legacy import Endpoint, endpoint_of

log = structlog.get_logger()

WORK: Final = "/api/work/"
NATIVE: Final = "/v1/"
EVENTS: Final = "/v1/events"
#: Where one task is shown.
SHOWN: Final = "/v1/tasks/"
METRICS: Final = "/metrics"
NOT_FOUND: Final = Answer(b'{"error":"nothing is served at this address"}', 404)
TOO_BIG: Final = Answer(b'{"error":"the body is larger than 8388608 bytes"}', 413, headers=((b"connection", b"close"),))
_CORS: Final = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, idempotency-key, last-event-id, prefer"),
    (b"access-control-expose-headers", b"location, retry-after, x-request-id, x-task-replayed"),
)


#: Whatever serves a request, as crashes are counted.
CRASHING: Final = ("work", "v1", "pictures", "pages", *map(str, Endpoint), *map(str, Method))
#: The faults of those replies whose door names none, by status.
FAULTS: Final = {
    401: Fault.KEY_DOES_NOT_EXIST,
    403: Fault.KEY_DOES_NOT_EXIST,
    404: Fault.NO_SUCH_METHOD,
    405: Fault.NO_SUCH_METHOD,
    413: Fault.TOO_BIG_CAPTCHA_FILESIZE,
}


class Pages(Protocol):
    """What people look at, as an ASGI application."""

    def owns(self, path: str) -> bool:
        """Tell whether an address is one of a page."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""


class App:
    """The service as one ASGI callable."""

    def __init__(  # noqa: PLR0913 - one argument a door
        self, *, methods: Methods, legacy: Legacy, native: Native, work: WorkApi, gallery: Gallery | None,
        ready: Callable[[], str | None], cross_origin: bool, user_agent: str,
        pages: Pages | None = None, bodies: Budget | None = None, metrics: Metrics | None = None,
    ) -> None:  # fmt: skip
        """Take the doors; `ready` says what keeps the service from being ready, None for nothing.

        `user_agent` is what CapMonster's clients are told before tasks of types not served here (PROTOCOL §4.7),
        `bodies` what large bodies may take up together while they arrive.
        """
        self._methods = methods
        self._legacy = legacy
        self._native = native
        self._work = work
        self._gallery = gallery
        self._ready = ready
        self._cross_origin = cross_origin
        self._pages = pages
        self._bodies = bodies
        self._metrics = metrics
        self._user_agent = Answer(user_agent.encode("ascii"), type=TEXT)
        #: How often what failed, by route.
        self.crashes: Counter[str] = Counter()
        #: How many requests were answered, by method, dialect and fault.
        self.requests: defaultdict[tuple[str, ...], int] = defaultdict(int)

    def at_once(self, scope: Scope, body: bytes) -> Answer | None:
        """Answer what takes no waiting, which is what comes most: polls of tasks on the board; None for all else."""
        try:
            answer = self._found(scope, body)
        except Refusal:
            # Whoever is asked again counts it.
            return None
        except Exception:
            log.exception("crashed", path=scope["path"][:200], request=id_of(scope).decode("ascii"))
            answer = self._crashed(scope)
        return None if answer is None else self._counted(scope, answer)

    def begin(self, scope: Scope, body: bytes) -> Coming | None:
        """Begin what waits for nothing but to be durable, which is a createTask; None for all else."""
        if PATHS.get(scope["path"]) is not Method.CREATE or scope["method"] != "POST":
            return None
        try:
            coming = self._methods.begin(scope, body)
        except Exception:  # noqa: BLE001 - nothing was begun, and whoever is asked again tells what is wrong
            return None
        return None if coming is None else Coming(coming.outcome, partial(self._came, scope, coming.answer))

    def _came(self, scope: Scope, answer: Callable[[Future[Any]], Answer], outcome: Future[Any]) -> Answer:
        begin(scope)
        try:
            return self._counted(scope, answer(outcome))
        except Exception:
            log.exception("crashed", path=scope["path"][:200])
            return self._counted(scope, self._crashed(scope))

    def _counted(self, scope: Scope, answer: Answer) -> Answer:
        """Count a request by what it was, or failed as, and give its answer as it is sent."""
        told = scope.get(CALLED)
        if told is None or (answer.status >= 400 and told[2] == NO_FAULT):
            told = called(scope, answer.status)
        self.requests[told] += 1
        return self._dressed(answer) if self._cross_origin else answer

    def _found(self, scope: Scope, body: bytes) -> Answer | None:
        path, verb = scope["path"], scope["method"]
        if verb == "POST":
            return self._methods.at_once(scope, body) if PATHS.get(path) is Method.RESULT else None
        if verb != "GET" or body:
            return None
        if path.startswith(SHOWN):
            return self._native.at_once(path[len(SHOWN) :], scope)
        return self._legacy.at_once(scope) if endpoint_of(path) is Endpoint.RES else None

    def _crashed(self, scope: Scope) -> Answer:
        self.crashes[_route(scope["path"])] += 1
        return native.UNAVAILABLE if scope["path"].startswith(NATIVE) else UNAVAILABLE

    def _crowded(self, scope: Scope) -> Answer:
        """Tell to come again, as each dialect does (PROTOCOL §5.3)."""
        path = scope["path"]
        if path.startswith(NATIVE):
            return native.UNAVAILABLE
        if (endpoint := endpoint_of(path)) is not None:
            return self._legacy.crowded(endpoint, scope)
        return UNAVAILABLE if path.startswith(WORK) else self._methods.crowded(method_of(path), scope)

    def _dressed(self, answer: Answer) -> Answer:
        return Answer(answer.body, answer.status, answer.type, (*answer.headers, *_CORS))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        begin(scope)
        try:
            if scope["method"] == "GET" and scope["path"].rstrip("/") == EVENTS:
                answer = await self._native.stream(scope, receive, send, _CORS if self._cross_origin else ())
            else:
                answer = await self._answer(scope, receive)
                # The bare address is a page's to those who look at it; to others it says what is here.
                unclaimed = answer is NOT_FOUND and (scope["path"] != "/" or scope["method"] in {"GET", "HEAD"})
                if unclaimed and self._pages is not None:
                    await self._pages(scope, receive, self._naming(scope, send))
                    return
        except TooBig:
            answer = native.TOO_BIG if scope["path"].startswith(NATIVE) else TOO_BIG
        except Crowded:
            log.warning("crowded", path=scope["path"][:200])
            answer = self._crowded(scope)
        except Gone:
            return
        except Exception:
            log.exception("crashed", path=scope["path"][:200])
            answer = self._crashed(scope)
        if answer is None:
            self.requests[scope.get(CALLED) or called(scope, 200)] += 1
            return
        await send_answer(send, self._counted(scope, answer), scope)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        return await read_body(scope, receive, self._bodies)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        path, verb = scope["path"], scope["method"]
        if verb == "POST" and (method := PATHS.get(path)) is not None:
            # What comes most is found first.
            return await self._methods.serve(method, scope, await self._body(scope, receive))
        if verb == "OPTIONS":
            return Answer(b"", type=TEXT)
        if path.startswith(WORK):
            return await self._work.serve(path[len(WORK) :], scope, await self._body(scope, receive), receive)
        if path.startswith(NATIVE):
            return await self._native.serve(path[len(NATIVE) :], scope, await self._body(scope, receive))
        if (endpoint := endpoint_of(path)) is not None:
            return await self._legacy.serve(endpoint, scope, await self._body(scope, receive))
        if path == "/" and self._has_page(path, scope):
            return NOT_FOUND
        if verb in {"GET", "HEAD"} and (plain := self._plain(path.rstrip("/") or "/")) is not None:
            return plain if verb == "GET" else Answer(b"", plain.status, plain.type)
        if self._metrics is not None and path == METRICS:
            return await self._metrics.serve(scope)
        if self._gallery is not None and verb == "GET" and path.startswith(PICTURES):
            return await self._gallery.show(path[len(PICTURES) :])
        if (method := method_of(path)) is None or self._has_page(path, scope):
            return NOT_FOUND
        if verb in {"GET", "HEAD"} and header(scope, b"content-length") in {b"", b"0"}:
            return self._methods.explain(method, scope)
        return await self._methods.serve(method, scope, await self._body(scope, receive))

    def _naming(self, scope: Scope, send: Send) -> Send:
        """Have a page's replies name their request like all others, and count it."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope[CALLED] = ("page", "pages", NO_FAULT)
                self.requests[called(scope, message["status"])] += 1
                message = {**message, "headers": [*message["headers"], request_id(scope)]}
            await send(message)

        return sending

    def _has_page(self, path: str, scope: Scope) -> bool:
        """Tell whether an address is a page's, or a browser asks for a page at a single name that is no method."""
        if self._pages is None or path in PATHS:
            return False
        looked_at = scope["method"] in {"GET", "HEAD"} and b"text/html" in header(scope, b"accept")
        return self._pages.owns(path) or (looked_at and method_of(path) in {None, Method.UNKNOWN})

    def _plain(self, path: str) -> Answer | None:
        """Answer the addresses outside the protocols."""
        match path:
            case "/":
                return Answer(
                    b"answerdesk: POST /createTask, /getTaskResult, /getBalance; workers: /api/work/", type=TEXT
                )
            case "/api/useragent/actual":
                return self._user_agent
            case "/ping":
                return Answer(b"pong", type=TEXT)
            case "/healthz":
                return Answer(b"ok", type=TEXT)
            case "/readyz":
                trouble = self._ready()
                return Answer(b"ready", type=TEXT) if trouble is None else Answer(trouble.encode(), 503, TEXT)
            case _:
                return None


def _route(path: str) -> str:
    """Name what serves a path; there are few such names, however many paths are asked for."""
    for beginning, name in ((WORK, "work"), (NATIVE, "v1"), (PICTURES, "pictures")):
        if path.startswith(beginning):
            return name
    return str(endpoint_of(path) or method_of(path) or "pages")


def called(scope: Scope, status: int) -> tuple[str, str, str]:
    """Say by its path and status what a request was that its door said nothing of, or that the store failed."""
    method, dialect, _ = scope.get(CALLED) or (_route(scope["path"]), "none", NO_FAULT)
    if status < 400:
        return method, dialect, NO_FAULT
    return method, dialect, str(Fault.UNAVAILABLE if status >= 500 else FAULTS.get(status, Fault.BAD_PARAMETERS))
