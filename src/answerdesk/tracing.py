"""Traces by OpenTelemetry, for whoever named an address to send them to; takes the extra `otel`.
Rule: imported only where they are wanted, and a span never says whose work it is."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from answerdesk.desk.watch import Ran
from answerdesk.model.account import Sequence

NAME: Final = "answerdesk"
#: Tasks made here of which it is remembered which request made them: as long as they wait for a machine, as a rule.
MOST_REMEMBERED: Final = 10_000

_PROPAGATOR: Final = TraceContextTextMapPropagator()


def open_traces(endpoint: str, part: str = NAME) -> Traces:
    """Send spans to an address, in batches and by a thread of their own."""
    return Traces(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)), part)


class Traces:
    """One process's spans; nothing global is set, so that nobody else's code is traced by it."""

    def __init__(self, processor: SpanProcessor, part: str = NAME) -> None:
        """Take what is done with ended spans, and the name of this part of the service."""
        told = {"service.name": part, "service.version": version(NAME)}
        self._provider = TracerProvider(resource=Resource.create(told), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self.tracer = self._provider.get_tracer(NAME, version(NAME))
        self._made: OrderedDict[Sequence, str] = OrderedDict()

    def made(self, n: Sequence) -> None:
        """Remember that the request that is being served made a task, where that is recorded."""
        if self.caller() is None:
            return
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        self._made[n] = carrier["traceparent"]
        if len(self._made) > MOST_REMEMBERED:
            self._made.popitem(last=False)

    def origin(self, n: Sequence) -> str:
        """Give the W3C traceparent of the request that made a task here, empty where that is not known."""
        return self._made.get(n, "")

    @contextmanager
    def span(self, name: str, known: Mapping[str, str | int], cause: str = "") -> Iterator[None]:
        """Mark a piece of work, linked to its cause by a traceparent; what is `known` is looked at when it ends."""
        above = get_current_span(_PROPAGATOR.extract({"traceparent": cause}, Context())).get_span_context()
        links = [Link(above)] if above.is_valid else None
        # What an error says may be anything; here it is enough that there was one.
        with self.tracer.start_as_current_span(
            name, links=links, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException:
                span.set_status(Status(StatusCode.ERROR))
                raise
            finally:
                span.set_attributes(dict(known))

    def caller(self) -> SpanContext | None:
        """Give the span that is being worked on here, None where nobody records it."""
        here = get_current_span().get_span_context()
        return here if here.is_valid and here.trace_flags.sampled else None

    def ran(self, ran: Ran) -> None:
        """Show a unit, with its three parts, below each span that waited for it."""
        callers = [caller for caller in ran.callers if isinstance(caller, SpanContext)]
        if not callers:
            return
        # What was measured by the one clock is told by the other.
        ahead = time.time_ns() - time.monotonic_ns()
        began, gathered, decided, ended = (
            round(moment * 1e9) + ahead for moment in (ran.began, ran.gathered, ran.decided, ran.ended)
        )
        parts = (("gather", began, gathered), ("decide", gathered, decided), ("commit", decided, ended))
        for caller in callers:
            above = set_span_in_context(NonRecordingSpan(caller), Context())
            unit = self.tracer.start_span(
                "unit", above, attributes={"answerdesk.verbs": ran.verbs}, start_time=began, record_exception=False
            )
            if ran.failed:
                unit.set_status(Status(StatusCode.ERROR))
            inside = set_span_in_context(unit, Context())
            for name, start, end in parts:
                self.tracer.start_span(name, inside, start_time=start).end(end)
            unit.end(ended)

    def close(self) -> None:
        """Send what is left; waits for it, but not for ever."""
        self._provider.shutdown()
