"""What a running desk tells at /metrics: every row of the table moves when its thing happens, nothing else is told."""

from __future__ import annotations

import contextlib
import math
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from answerdesk.api.app import CRASHING
from answerdesk.api.meters import METRICS, Sort
from answerdesk.model.fault import Fault
from tests.api.older import answer
from tests.api.test_look import LOOKED_AT
from tests.serving import Serving, wait_until

LABELS = {metric.name: set(metric.labels) for metric in METRICS}
#: A label's value is a word of ours: no key, id, address or name of anybody.
WORD = re.compile(r"(GET|POST|DELETE) /v1/[a-z./*]+|[a-zA-Z0-9][a-z_0-9. -]{0,40}|[A-Z_]{4,40}")


class Watched:
    """A running server, and somebody who reads its metrics."""

    def __init__(self, server: Serving) -> None:
        self.server = server
        self.person = server.worker()
        self.customer = server.customer()

    def read(self) -> str:
        reply = self.server.http.get("/metrics")
        assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        return reply.body.decode()

    def samples(self, name: str) -> list[Any]:
        families = text_string_to_metric_families(self.read())
        found = {family.name: family.samples for family in families}
        return found.get(name.removesuffix("_total"), [])

    def value(self, name: str, **labels: str) -> float:
        """Add up what a metric tells; of histograms, how often."""
        chosen = [
            sample for sample in self.samples(name)
            if sample.name.removesuffix("_count") in {name, name.removesuffix("_total")}
            and labels.items() <= sample.labels.items()
        ]  # fmt: skip
        return math.fsum(sample.value for sample in chosen)

    @contextmanager
    def beside(self, act: Callable[[], object]) -> Iterator[None]:
        """Do something that takes a while, until the with-block is over."""
        thread = threading.Thread(target=act)
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def database(self) -> contextlib.closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self.server.data / "answerdesk.db", timeout=10, isolation_level=None))


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A server of these tests alone, since some of them break it."""
    with Serving(tmp_path_factory.mktemp("watched")) as server:
        yield server


@pytest.fixture
def watched(own):
    yield Watched(own)
    own.tidy()


@contextmanager
def a_request(watched: Watched) -> Iterator[None]:
    watched.customer.balance()
    yield


@contextmanager
def a_crash(watched: Watched) -> Iterator[None]:
    broken = watched.server.customer()
    with watched.database() as database:
        (settings,) = database.execute("SELECT settings FROM accounts WHERE id = ?", (broken.account.id,)).fetchone()
        database.execute("UPDATE accounts SET settings = x'00' WHERE id = ?", (broken.account.id,))
        assert broken.call("getBalance").status == 503
        database.execute("UPDATE accounts SET settings = ? WHERE id = ?", (settings, broken.account.id))
    yield


@contextmanager
def a_guess(watched: Watched) -> Iterator[None]:
    watched.server.http.post("/getBalance", {"clientKey": "0" * 32})
    yield


@contextmanager
def a_held_poll(watched: Watched) -> Iterator[None]:
    task = watched.customer.ask()
    with watched.beside(lambda: watched.customer.poll(task, wait=20)):
        yield
        answer(watched.person, "W9H5K")


@contextmanager
def a_poll_that_was_held(watched: Watched) -> Iterator[None]:
    watched.customer.poll(watched.customer.ask(), wait=1)
    yield


@contextmanager
def a_waiting_claim(watched: Watched) -> Iterator[None]:
    with watched.beside(lambda: watched.person.claim(wait=20)):
        yield
        watched.customer.ask()


@contextmanager
def a_task(watched: Watched) -> Iterator[None]:
    watched.customer.ask()
    yield


@contextmanager
def a_waiting_write(watched: Watched) -> Iterator[None]:
    with watched.database() as database:
        database.execute("BEGIN IMMEDIATE")
        with contextlib.ExitStack() as beside:
            # Those who come while a unit waits for the file's lock wait for the next one.
            for _ in range(6):
                beside.enter_context(watched.beside(watched.customer.create))
                time.sleep(0.05)
            yield
            database.execute("ROLLBACK")


@contextmanager
def a_refused_unit(watched: Watched) -> Iterator[None]:
    with watched.database() as database:
        database.execute("CREATE TRIGGER full BEFORE INSERT ON tasks BEGIN SELECT RAISE(ABORT, 'full'); END")
        assert watched.customer.create().json["errorCode"] == "ERROR_NO_SLOT_AVAILABLE"
        database.execute("DROP TRIGGER full")
    yield


@contextmanager
def a_settled_task(watched: Watched) -> Iterator[None]:
    watched.customer.ask()
    answer(watched.person, "W9H5K")
    yield


@contextmanager
def a_callback(watched: Watched) -> Iterator[None]:
    watched.customer.change(callback_hosts=("127.0.0.1:9",))
    watched.customer.create(callbackUrl="http://127.0.0.1:9/in")
    answer(watched.person, "W9H5K")
    yield


MOVED: dict[str, Callable[[Watched], contextlib.AbstractContextManager[None]]] = {
    "answerdesk_requests_total": a_request,
    "answerdesk_crashes_total": a_crash,
    "answerdesk_guesses_total": a_guess,
    "answerdesk_polls_held": a_held_poll,
    "answerdesk_hold_seconds": a_poll_that_was_held,
    "answerdesk_claims_waiting": a_waiting_claim,
    "answerdesk_writes_waiting": a_waiting_write,
    "answerdesk_commit_verbs": a_task,
    "answerdesk_commit_seconds": a_task,
    "answerdesk_commit_failures_total": a_refused_unit,
    "answerdesk_settle_seconds": a_settled_task,
    "answerdesk_callbacks_total": a_callback,
}
#: What stands still while a server runs well, and has a test of its own.
STILL = {"answerdesk_info", "answerdesk_ready"}


@pytest.mark.parametrize("name", MOVED)
def test_a_metric_moves_when_its_thing_happens(watched, name):
    before = watched.value(name)
    with MOVED[name](watched):
        wait_until(lambda: watched.value(name) > before, f"{name} moves from {before}")


def test_every_row_of_the_table_is_moved_by_a_test():
    assert {metric.name for metric in METRICS} == MOVED.keys() | LOOKED_AT.keys() | STILL


def test_every_row_of_the_table_is_told_with_its_labels_and_sentence(watched):
    for act in (a_settled_task, a_callback, a_crash, a_guess):
        with act(watched):
            pass
    wait_until(lambda: watched.samples("answerdesk_ledger_drift"), "the ledger was added up")
    families = {family.name: family for family in text_string_to_metric_families(watched.read())}
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total")]

        assert (family.type, family.documentation) == (str(metric.sort), metric.about)
        assert [sample.labels.keys() - {"le"} for sample in family.samples] == [LABELS[metric.name]] * len(
            family.samples
        )
        assert family.samples


def test_nothing_of_anybody_is_in_a_label(watched):
    for act in (a_settled_task, a_callback, a_crash, a_guess, a_request):
        with act(watched):
            pass
    for path in (
        "/no/such",
        "/api/work/claim/x",
        "/v1/tasks/77",
        "/v1/strange/",
        f"/{watched.customer.key}",
        "/enter/x",
    ):
        watched.server.http.get(path, {"Authorization": f"Bearer {watched.customer.key}", "Host": "desk.example"})
    families = [each for each in text_string_to_metric_families(watched.read()) if each.name.startswith("answerdesk")]
    values = {value for family in families for each in family.samples for value in each.labels.values()}
    bounds = {each.labels["le"] for family in families for each in family.samples if "le" in each.labels}

    assert [value for value in values - bounds if not WORD.fullmatch(value)] == []
    assert watched.customer.account.name not in values


def test_requests_are_told_apart_by_method_dialect_and_fault(watched):
    customer, http = watched.customer, watched.server.http
    bearer, vendor = {"Authorization": f"Bearer {customer.key}"}, {"Host": "api.capmonster.cloud"}
    task = customer.ask()
    answer(watched.person, "W9H5K")
    customer.poll(task)
    ok, unknown = "none", str(Fault.KEY_DOES_NOT_EXIST)
    asked: list[tuple[tuple[str, str, str], Callable[[], object]]] = [
        (("result", "2captcha", ok), lambda: customer.poll(task)),
        (("result", "capmonster", ok), lambda: customer.call("getTaskResult", vendor, taskId=task)),
        (("result", "2captcha", "NO_SUCH_CAPCHA_ID"), lambda: customer.poll(77)),
        (("create", "2captcha", "TASK_ABSENT"), lambda: customer.call("createTask")),
        (("balance", "2captcha", unknown), lambda: http.post("/getBalance", {"clientKey": "0" * 32})),
        (("unknown", "2captcha", "NO_SUCH_METHOD"), lambda: customer.call("getSecrets")),
        (("res", "legacy", ok), lambda: http.get(f"/res.php?key={customer.key}&action=get&id={task}")),
        (("in", "legacy", unknown), lambda: http.get(f"/in.php?key={'0' * 32}")),
        (("GET /v1/tasks/*", "native", ok), lambda: http.get(f"/v1/tasks/{task}", bearer)),
        (
            ("DELETE /v1/tasks/*", "native", "BAD_PARAMETERS"),
            lambda: http.request("DELETE", f"/v1/tasks/{task}", None, bearer),
        ),
        (("v1", "native", unknown), lambda: http.get("/v1/balance")),
        (("me", "work", ok), lambda: http.get("/api/work/me", watched.person.headers)),
        (("claim", "work", unknown), lambda: http.post("/api/work/claim", {})),
        (("page", "pages", ok), lambda: http.get("/sign-in", {"Accept": "text/html"})),
        (("page", "pages", "NO_SUCH_METHOD"), lambda: http.get("/no/such")),
        (("metrics", "none", ok), lambda: http.get("/metrics")),
    ]  # fmt: skip
    for called, ask in asked:
        labels = dict(zip(("method", "dialect", "fault"), called, strict=True))
        before = watched.value("answerdesk_requests_total", **labels)
        ask()

        grown = watched.value("answerdesk_requests_total", **labels) - before
        # Reading is a request as well.
        assert grown == (2 if called[0] == "metrics" else 1), called


def test_a_task_is_counted_once_by_who_answered_it_whatever_is_reported_later(watched):
    labels = {"route": "people", "cause": "solved"}
    task = watched.customer.ask()
    before = watched.value("answerdesk_settle_seconds", **labels)
    answer(watched.person, "W9H5K")
    watched.customer.call("reportIncorrectImageCaptcha", taskId=task)

    assert watched.value("answerdesk_settle_seconds", **labels) == before + 1


def test_a_poll_that_learned_its_answer_is_told_from_one_that_did_not(watched):
    before = {ended: watched.value("answerdesk_hold_seconds", ended=ended) for ended in ("answered", "unanswered")}
    with a_held_poll(watched):
        wait_until(lambda: watched.value("answerdesk_polls_held"), "a poll is held")

    assert watched.value("answerdesk_hold_seconds", ended="answered") == before["answered"] + 1
    assert watched.value("answerdesk_hold_seconds", ended="unanswered") == before["unanswered"]


def test_it_is_ready_and_tells_its_version_its_process_and_what_has_not_happened_yet(watched):
    assert watched.value("answerdesk_ready") == 1
    assert {sample.labels["route"] for sample in watched.samples("answerdesk_crashes_total")} == set(CRASHING)
    assert watched.value("answerdesk_info") == 1
    assert watched.value("process_resident_memory_bytes") > 0


def test_a_histogram_s_buckets_add_up(watched):
    with a_settled_task(watched):
        pass
    for metric in METRICS:
        if metric.sort is not Sort.HISTOGRAM:
            continue
        rows: dict[tuple[str, ...], list[Any]] = {}
        for sample in watched.samples(metric.name):
            rows.setdefault(tuple(sample.labels[label] for label in metric.labels), []).append(sample)
        for row in rows.values():
            buckets = [each.value for each in row if each.name.endswith("_bucket")]
            (count,) = [each.value for each in row if each.name.endswith("_count")]

            assert buckets == sorted(buckets)
            assert buckets[-1] == count


def test_who_asks_for_openmetrics_gets_it(watched):
    reply = watched.server.http.get("/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"})

    assert reply.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert reply.body.endswith(b"# EOF\n")
