"""Traces: spans of requests, of the units they waited for, of callbacks and of what machines solve; none when off."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from answerdesk.api.http import CALLED, WHOLE, Answer
from answerdesk.api.traced import Traced
from answerdesk.config import BadSetting, read_settings
from answerdesk.deliver import Deliverer, Door, Posting
from answerdesk.desk.watch import Ran, Watch
from answerdesk.solve.loop import Worker
from answerdesk.solve.pipe import Abstained, Solved
from answerdesk.store.sqlite import SqliteStore
from answerdesk.tracing import MOST_REMEMBERED, Traces
from answerdesk.watching import traces_to
from answerdesk_client import Lease, Question
from tests.fakes import Clock
from tests.serving import Serving, image_task, wait_until
from tests.store.driver import Desk, draft

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Seen:
    """Traces kept in memory."""

    def __init__(self) -> None:
        self._kept = InMemorySpanExporter()
        self.traces = Traces(SimpleSpanProcessor(self._kept))

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._kept.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def seen() -> Iterator[Seen]:
    made = Seen()
    yield made
    made.traces.close()


class App:
    """The service as far as it matters here: polls are answered at once, all else by a verb of the store."""

    def __init__(self, store: Any = None, status: int = 200) -> None:
        self._store = store
        self._status = status

    def at_once(self, scope: Any, body: bytes) -> Answer | None:
        if body != b"poll":
            return None
        scope[CALLED] = ("result", "2captcha", "none")
        return Answer(b"ready")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope[CALLED] = ("create", "capmonster", "none" if self._status == 200 else "UNAVAILABLE")
        if self._store is not None:
            await self._store
        await send({"type": WHOLE, "answer": Answer(b"", self._status)})


def scope(**headers: str) -> dict[str, Any]:
    named = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "POST", "path": "/createTask", "headers": named}


async def sent(_: Any) -> None:
    """Take a message."""


async def serve(seen: Seen, app: App, asked: dict[str, Any]) -> None:
    await Traced(app, seen.traces.tracer)(asked, sent, sent)  # type: ignore[arg-type]


async def test_a_request_is_a_span_that_tells_what_it_was_and_not_whose(seen):
    asked = scope(**{"x-request-id": "r-7", "authorization": "Bearer secret", "cookie": "a=b"})
    await serve(seen, App(), asked)
    (span,) = seen.spans

    assert (span.name, span.kind, span.parent) == ("capmonster create", SpanKind.SERVER, None)
    assert span.attributes == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "answerdesk.method": "create",
        "answerdesk.dialect": "capmonster",
        "answerdesk.fault": "none",
        "answerdesk.request": "r-7",
    }
    assert span.status.status_code is StatusCode.UNSET


async def test_a_request_that_could_not_be_served_is_an_error(seen):
    await serve(seen, App(status=503), scope())

    assert seen.spans[0].status.status_code is StatusCode.ERROR


def test_what_is_answered_at_once_has_a_span_and_what_is_not_has_none_yet(seen):
    traced = Traced(App(), seen.traces.tracer)  # type: ignore[arg-type]

    assert traced.at_once(scope(), b"other") is None
    assert seen.spans == []
    assert traced.at_once(scope(), b"poll") == Answer(b"ready")
    assert [span.name for span in seen.spans] == ["2captcha result"]


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_request_continues_the_trace_it_came_with(seen, at_once):
    asked = scope(traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="vendor=1")
    if at_once:
        Traced(App(), seen.traces.tracer).at_once(asked, b"poll")  # type: ignore[arg-type]
    else:
        await serve(seen, App(), asked)
    (span,) = seen.spans

    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == PARENT
    assert span.context.trace_state.get("vendor") == "1"


async def test_a_request_whose_caller_records_nothing_is_not_recorded(seen):
    await serve(seen, App(), scope(traceparent=f"00-{TRACE}-{PARENT}-00"))

    assert seen.spans == []


@pytest.mark.parametrize("given", ["", "00-x-y-01", f"00-{'0' * 32}-{PARENT}-01", "a" * 5_000])
async def test_a_traceparent_that_is_none_begins_a_trace(seen, given):
    await serve(seen, App(), scope(traceparent=given))

    assert seen.spans[0].parent is None


async def test_what_is_no_request_is_passed_on(seen):
    await Traced(App(), seen.traces.tracer)({"type": "lifespan"}, sent, sent)  # type: ignore[arg-type]

    assert seen.spans == []


@pytest.fixture
def store(tmp_path, seen):
    opened = SqliteStore(str(tmp_path / "desk.db"), Clock())
    opened.watched_by(Watch(ran=seen.traces.ran, caller=seen.traces.caller))
    yield opened
    opened.close()


async def test_a_unit_with_its_parts_is_below_each_request_that_waited_for_it(seen, store):
    desk = Desk(store, Clock())
    apps = [App(desk.open_account(f"account {n}", balance=0)) for n in range(3)]
    await asyncio.gather(*(serve(seen, app, scope()) for app in apps))
    units = seen.named("unit")
    requests = {span.context.span_id: span for span in seen.named("capmonster create")}

    assert {unit.parent.span_id for unit in units} == requests.keys()
    assert all(unit.attributes == {"answerdesk.verbs": 3} for unit in units)
    for unit in units:
        parts = [span for span in seen.spans if span.parent and span.parent.span_id == unit.context.span_id]
        assert [part.name for part in parts] == ["gather", "decide", "commit"]
        assert [part.end_time for part in parts[:-1]] == [part.start_time for part in parts[1:]]
        assert (parts[0].start_time, parts[-1].end_time) == (unit.start_time, unit.end_time)
        request = requests[unit.parent.span_id]
        assert request.start_time <= unit.start_time <= unit.end_time <= request.end_time + 10_000_000
        assert {part.context.trace_id for part in parts} == {request.context.trace_id}


async def test_a_unit_that_nobody_traces_has_no_span(seen, store):
    await Desk(store, Clock()).open_account()

    assert seen.spans == []


def test_a_unit_that_failed_is_an_error(seen):
    with seen.traces.span("outside", {}):
        caller = seen.traces.caller()
    seen.traces.ran(
        Ran(verbs=1, began=1.0, gathered=1.0, decided=1.0, ended=2.0, failed=True, callers=(caller, None))
    )  # fmt: skip

    assert [unit.status.status_code for unit in seen.named("unit")] == [StatusCode.ERROR]


async def test_a_callback_s_post_is_a_trace_with_what_came_of_it_and_its_booking(seen, store):
    clock = Clock()
    desk = Desk(store, clock)
    account = await desk.open_account(callback_hosts=("receiver.test",))
    person = await desk.person()
    asked = draft()
    await desk.solved(account, person, question=type(asked)(
        type=asked.type, question=asked.question, blobs=asked.blobs, callback="http://receiver.test/hook"
    ))  # fmt: skip

    async def nowhere(_: str) -> list[str]:
        return ["127.0.0.1"]

    deliverer = Deliverer(
        store=store, clock=clock, door=Door(), resolve=nowhere, span=seen.traces.span,
        render=lambda task, _: Posting(task=task.n, body=b"{}", type="application/json"),
    )  # fmt: skip
    booked = asyncio.Event()
    store.listen(lambda _: booked.set())
    running = asyncio.create_task(deliverer.run())
    async with asyncio.timeout(20):
        await booked.wait()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    (callback,) = seen.named("callback")
    (unit,) = seen.named("unit")

    assert callback.attributes == {"answerdesk.tries": 0, "http.response.status_code": 0}
    assert unit.parent.span_id == callback.context.span_id
    assert "receiver.test" not in json.dumps([span.to_json() for span in seen.spans])


class Cell:
    """Solves what it is told to."""

    limits = type("Limits", (), {"soft": 1.0})

    def __init__(self, outcome: Any) -> None:
        self._outcome = outcome

    async def solve(self, job: Any, seconds: float) -> Any:
        return self._outcome


@pytest.mark.parametrize(
    ("outcome", "told"), [(Solved(value="word", confidence=0.9), "solved"), (Abstained(reason="unsure"), "abstained")]
)
async def test_what_a_machine_solves_is_a_span_with_its_kind_and_outcome(seen, outcome, told):
    worker = Worker(None, Cell(outcome), span=seen.traces.span)  # type: ignore[arg-type]
    lease = Lease(lease="l", task=1, until=0.0, kind="text", question=Question(kind="text"))
    assert await worker._solved(lease, 5.0) is outcome  # noqa: SLF001 - the rest of a lane needs a server
    (span,) = seen.spans

    assert (span.name, dict(span.attributes)) == ("solve", {"answerdesk.kind": "text", "answerdesk.outcome": told})


async def test_what_a_machine_solves_is_linked_to_the_request_that_made_its_task(seen):
    with seen.traces.span("create", {}):
        seen.traces.made(7)
    (create,) = seen.spans
    worker = Worker(None, Cell(Abstained(reason="unsure")), span=seen.traces.span)  # type: ignore[arg-type]
    for task in (7, 8):
        trace = seen.traces.origin(task)
        lease = Lease(lease="l", task=1, until=0.0, kind="text", question=Question(kind="text"), trace=trace)
        await worker._solved(lease, 5.0)  # noqa: SLF001 - the rest of a lane needs a server
    known, unknown = seen.named("solve")

    assert [link.context.span_id for link in known.links] == [create.context.span_id]
    assert [link.context.trace_id for link in known.links] == [create.context.trace_id]
    assert known.parent is None
    assert known.context.trace_id != create.context.trace_id
    assert unknown.links == ()


@pytest.mark.parametrize("given", ["x", "00-x-y-01", f"00-{'0' * 32}-{PARENT}-01", "a" * 5_000])
def test_a_cause_that_is_none_is_no_link(seen, given):
    with seen.traces.span("solve", {}, given):
        pass

    assert seen.spans[0].links == ()


def test_what_nobody_records_is_not_remembered_and_no_more_than_so_much(seen):
    seen.traces.made(1)
    with seen.traces.span("create", {}):
        for n in range(2, MOST_REMEMBERED + 3):
            seen.traces.made(n)

    assert seen.traces.origin(1) == seen.traces.origin(2) == ""
    assert seen.traces.origin(3) == seen.traces.origin(MOST_REMEMBERED + 2) != ""


def test_a_piece_of_work_that_fails_is_an_error_without_its_words(seen):
    with pytest.raises(ValueError, match="secret"), seen.traces.span("solve", {}):
        raise ValueError("the secret word")

    assert seen.spans[0].events == ()
    assert seen.spans[0].status.status_code is StatusCode.ERROR
    assert "secret" not in seen.spans[0].to_json()


class Collector:
    """Takes what is sent by OTLP over HTTP."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.bodies.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/traces"


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        collector.server.shutdown()
        collector.server.server_close()
        thread.join()


def test_a_server_that_is_told_an_address_sends_its_traces_there(tmp_path):
    with collecting() as collector:
        with Serving(tmp_path, trace_endpoint=collector.url) as server:
            person, customer = server.worker(), server.customer()
            task = customer.ask()
            (lease,) = person.claim(wait=5)
            person.answer(lease, "W9H5K")
            assert customer.poll(task).json["solution"] == {"text": "W9H5K"}
            customer.poll(task)
            stream = server.http.get(f"/v1/tasks/{task}", {"Authorization": f"Bearer {customer.key}"})
            assert stream.status == 200
        wait_until(lambda: collector.bodies, "spans arrive")
    told = b"".join(collector.bodies)

    for name in (b"2captcha create", b"2captcha result", b"work claim", b"unit", b"gather", b"decide", b"commit"):
        assert name in told
    for secret in (customer.key.encode(), lease["lease"].encode(), b"W9H5K", image_task()["body"].encode()[:40]):
        assert secret not in told


def test_a_machine_is_told_which_request_made_its_task_and_a_person_is_not(tmp_path):
    with collecting() as collector, Serving(tmp_path, trace_endpoint=collector.url) as server:
        machine, customer = server.worker(machine=True), server.customer()
        customer.create(headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        (lease,) = machine.claim(wait=5)
        person = server.worker()
        machine.decline(lease)
        (later,) = person.claim(wait=5)

    kind, trace, span, flags = lease["trace"].split("-")
    assert (kind, trace, flags) == ("00", TRACE, "01")
    assert span != PARENT
    assert "trace" not in later


def test_a_server_that_is_told_none_loads_nothing_of_it():
    script = (
        "import sys, answerdesk.main\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
    )  # fmt: skip
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True, timeout=60)

    assert done.stdout.strip() == "[]"
    assert traces_to(None) is None


def test_without_the_extra_an_address_is_refused_with_a_sentence():
    script = (
        "import sys\nsys.modules['opentelemetry'] = None\n"
        "from answerdesk.watching import traces_to\ntraces_to('http://127.0.0.1:4318/v1/traces')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, text=True, timeout=60)

    assert done.stderr.strip().endswith("pip install 'answerdesk[otel]'")
    assert "BadSetting: trace_endpoint: traces take the extra otel" in done.stderr


@pytest.mark.parametrize(
    "given", ["127.0.0.1:4318", "ftp://x", "http://user:word@127.0.0.1:4318/v1/traces", "http:///x"]
)
def test_an_address_for_traces_that_is_none_is_refused(given):
    with pytest.raises(BadSetting, match="an http or https address without a user's name or password"):
        read_settings({"trace_endpoint": given}, {})
