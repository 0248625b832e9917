"""A node whose database is away, or takes no writes: every door says so, and nothing counts as a bug."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.postgres import Server
from tests.serving import Customer, Serving, Worker, image_task, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture
def postgres() -> Iterator[Server]:
    made = Server().start()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def node(postgres: Server, tmp_path: Path) -> Iterator[Serving]:
    made = Serving(tmp_path, database=postgres.empty_database(), deadline=600)
    try:
        yield made
    finally:
        made.kill()


def calls(customer: Customer, worker: Worker, task: int, lease: dict[str, Any]) -> list[tuple[str, str, Any, Any]]:
    """One call through each door, and how it is answered: by an HTTP status and words."""
    native, stranger = {"Authorization": f"Bearer {customer.key}"}, {"Authorization": "Bearer nobody-knows-this"}
    named = {"lease": lease["lease"]}
    told: list[tuple[str, str, Any, Any]] = [
        ("POST", "/createTask", {"clientKey": customer.key, "task": image_task()}, {}),
        ("POST", "/getTaskResult", {"clientKey": customer.key, "taskId": task}, {"Prefer": "wait=0"}),
        ("POST", "/getBalance", {"clientKey": "0123456789abcdef0123456789abcdef"}, {}),
        ("POST", "/reportIncorrect", {"clientKey": customer.key, "taskId": task}, {}),
        ("GET", f"/res.php?key={customer.key}&action=get&id={task}", None, {}),
        ("GET", f"/res.php?key={customer.key}&action=getbalance", None, {}),
        ("GET", "/sign-in", None, {}),
        ("GET", "/enter/aaaaaaaaaaaaaaaaaaaaaaaa", None, {}),
    ]
    for headers in (native, stranger):
        told += [
            ("GET", path, None, headers) for path in ("/v1/tasks", f"/v1/tasks/{task}", "/v1/balance", "/v1/events")
        ]
    for headers in (worker.headers, stranger):
        told += [("POST", f"/api/work/{verb}", named, headers) for verb in ("show", "keep", "extend", "undo")]
        told += [
            ("POST", "/api/work/claim", {"kinds": ["text"]}, headers),
            ("POST", "/api/work/answer", {**named, "value": "x"}, headers),
            ("POST", "/api/work/decline", {**named, "reason": "broken"}, headers),
            ("POST", "/api/work/release", {"leases": [lease["lease"]]}, headers),
            ("GET", "/api/work/me", None, headers),
            ("GET", lease["question"]["media"][0]["url"], None, headers),
        ]
    return told


def test_no_call_that_finds_no_database_counts_as_a_bug(node: Serving, postgres: Server) -> None:
    customer, worker = node.customer(), node.worker()
    task = customer.ask()
    lease = worker.take()
    postgres.stop()
    wait_until(lambda: node.http.get("/readyz").status == 503, "the node says that it is not ready")
    said = {}
    for verb, path, body, headers in calls(customer, worker, task, lease):
        if verb == "POST":
            said[path, str(headers)] = node.http.post(path, body, headers)
        else:
            said[path, str(headers)] = node.http.get(path, headers)
    metrics = node.http.get("/metrics").body.decode()

    assert re.findall(r'\nanswerdesk_crashes_total\{route="(\w+)"\} [1-9]', metrics) == []
    assert "Traceback" not in node.logged()
    assert {reply.status for (path, _), reply in said.items() if path.startswith(("/api/work/", "/v1/"))} == {503}
    assert {reply.headers["retry-after"] for reply in said.values() if reply.status == 503} == {"5"}


def test_a_node_is_not_ready_while_its_database_takes_no_writes_though_nobody_calls(
    node: Serving, postgres: Server
) -> None:
    customer, worker = node.customer(), node.worker()
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as keeper:
        keeper.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        keeper.execute("SELECT pg_reload_conf()")
        wait_until(lambda: node.http.get("/readyz").status == 503, "the node says that it is not ready")
        keeper.execute("SET default_transaction_read_only = off")
        keeper.execute("ALTER SYSTEM RESET default_transaction_read_only")
        keeper.execute("SELECT pg_reload_conf()")
    wait_until(lambda: node.http.get("/readyz").status == 200, "the node is ready again")

    task = customer.ask()
    worker.answer(worker.take(), "4821")
    assert customer.poll(task).json["solution"] == {"text": "4821"}
