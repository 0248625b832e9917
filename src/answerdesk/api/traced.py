"""The application with a span for each of its requests; without traces it is served as it is.
Rule: a span tells the method, the dialect and the fault of a request, and nothing of its address or its caller."""

from __future__ import annotations

import time
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from answerdesk.api.app import App, called
from answerdesk.api.http import CALLED, WHOLE, Answer, Message, Receive, Scope, Send, id_of, text_header

_PROPAGATOR: Final = TraceContextTextMapPropagator()


class Traced:
    """An ASGI application around the service's."""

    def __init__(self, app: App, tracer: Tracer) -> None:
        """Take what is traced, and who makes spans."""
        self._app = app
        self._tracer = tracer

    def at_once(self, scope: Scope, body: bytes) -> Answer | None:
        """Answer what takes no waiting."""
        began = time.time_ns()
        answer = self._app.at_once(scope, body)
        if answer is not None:
            span = self._tracer.start_span(scope["method"], _above(scope), SpanKind.SERVER, start_time=began)
            _tell(span, scope, answer.status)
            span.end()
        return answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sending = _Sending(send)
        span = self._tracer.start_span(scope["method"], _above(scope), SpanKind.SERVER)
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                await self._app(scope, receive, sending)
            finally:
                _tell(span, scope, sending.status)


class _Sending:
    """What a request's reply goes through; whoever needs the connection itself finds it as before."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.__self__: Any = getattr(send, "__self__", None)
        #: 0 where the caller left before there was a reply.
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == WHOLE:
            self.status = message["answer"].status
        elif message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def _above(scope: Scope) -> Context:
    """Give the trace that a request continues, where its W3C headers name one."""
    given = {"traceparent": text_header(scope, b"traceparent"), "tracestate": text_header(scope, b"tracestate")}
    return _PROPAGATOR.extract({name: value for name, value in given.items() if value}, Context())


def _tell(span: Span, scope: Scope, status: int) -> None:
    method, dialect, fault = scope.get(CALLED) or called(scope, status)
    span.update_name(f"{dialect} {method}")
    span.set_attributes(
        {
            "http.request.method": scope["method"],
            "http.response.status_code": status,
            "answerdesk.method": method,
            "answerdesk.dialect": dialect,
            "answerdesk.fault": fault,
            "answerdesk.request": id_of(scope).decode("ascii"),
        }
    )
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))
