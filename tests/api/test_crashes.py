"""A mistake of our own: it is logged and counted, it looks like no answer of the protocol, and it shows nothing."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from answerdesk.api.app import App


class Broken:
    """A door behind which everything is wrong."""

    def __getattr__(self, name: str) -> Any:
        msg = "the secret of the house"
        raise RuntimeError(msg)


@pytest.fixture
def app() -> App:
    broken: Any = Broken()
    return App(
        methods=broken, legacy=broken, native=broken, work=broken, gallery=None, ready=lambda: None, cross_origin=False,
        user_agent="x",
    )  # fmt: skip


async def ask(app: App, path: str) -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app({"type": "http", "path": path, "method": "POST", "headers": []}, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


@pytest.mark.parametrize("path", ["/getTaskResult", "/getBalance", "/createTask", "/api/work/claim"])
async def test_a_crash_is_a_503_that_is_logged_and_counted(app, path):
    with structlog.testing.capture_logs() as logged:
        status, headers, body = await ask(app, path)

    assert status == 503
    assert headers[b"retry-after"] == b"5"
    assert b"secret" not in body
    assert [line["event"] for line in logged] == ["crashed"]
    assert app.crashes.total() == 1


async def test_crashes_are_counted_by_route_however_many_addresses_are_asked_for(app):
    for path in ("/createTask", *(f"/v1/tasks/{number}" for number in range(9)), *(f"/api/work/{n}" for n in "abc")):
        await ask(app, path)

    assert app.crashes == {"create": 1, "v1": 9, "work": 3}


async def test_where_nothing_is_wrong_nothing_is_counted(app):
    status, _, _ = await ask(app, "/a/b/c")

    assert status == 404
    assert app.crashes.total() == 0
