"""Callbacks of a running server: refused, posted in each dialect, owed over a power cut, and seen by the operator."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import pytest

from answerdesk.model.account import CallbackForm
from tests.serving import PATIENCE, Serving, image_task, serving, wait_until

CLI = (sys.executable, "-m", "answerdesk.cli")


class Posted(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """A web server that keeps what it is sent; while `silent` it answers nothing."""

    def __init__(self) -> None:
        self.posts: list[Posted] = []
        self.status = 200
        self.silent = False
        self._gone = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.posts.append(Posted(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                if receiver.silent:
                    receiver._gone.wait(PATIENCE)
                    return
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self._gone.set()
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    threading.Thread(target=receiver.server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("callbacks"), callback_private=1) as running:
        yield running


def cli(server: Serving, *words: str) -> Any:
    command = [*CLI, *words, "--data", str(server.data), "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def is_done(server: Serving, task: str) -> bool:
    return bool(cli(server, "callbacks", "show", task)["state"] == "done")


def settle(server: Serving, value: str = "the answer") -> None:
    worker = server.worker()
    assert worker.answer(worker.take(), value).json["accepted"]
    server.retire(worker)


def posted(receiver: Receiver, count: int = 1) -> list[Posted]:
    wait_until(lambda: len(receiver.posts) >= count, "the callback is posted")
    return receiver.posts


def test_a_host_nobody_registered_is_refused_with_the_way_to_register_it(server):
    customer = server.customer()

    reply = customer.create(callbackUrl="https://hooks.example.com/done").json

    assert (reply["errorId"], reply["errorCode"]) == (110, "ERROR_BAD_PARAMETERS")
    found = re.search(r"`answerdesk (accounts set \d+ --callback-host hooks\.example\.com)`", reply["errorDescription"])
    assert found is not None, reply
    assert cli(server, *found[1].split())["callback_hosts"] == ["hooks.example.com"]
    server.notice()
    server.worker()
    assert customer.create(callbackUrl="https://hooks.example.com/done").json["errorId"] == 0
    server.tidy()


BODIES: dict[str, tuple[str, Any]] = {
    "2captcha": (
        "application/x-www-form-urlencoded",
        lambda body: {k: v for k, (v,) in parse_qs(body.decode()).items()},
    ),
    "anticaptcha": ("application/json; charset=utf-8", json.loads),
    "capmonster": ("application/json; charset=utf-8", json.loads),
}


@pytest.mark.parametrize("dialect", BODIES)
def test_a_settled_task_is_posted_as_its_dialect_writes_it(server, receiver, dialect):
    customer = server.customer(dialect=dialect, callback_hosts=("127.0.0.1",))
    server.worker()
    task = customer.create(callbackUrl=f"{receiver.url}/done?mine=1").json["taskId"]
    settle(server)

    (post,) = posted(receiver)
    kind, read = BODIES[dialect]
    assert (post.path, post.headers["content-type"]) == ("/done?mine=1", kind)
    assert post.headers["x-task-id"] == str(task)
    polled = customer.poll(task).json
    if dialect == "2captcha":
        assert read(post.body) == {"id": str(task), "code": "the answer"}
    else:
        assert read(post.body) == {**polled, "taskId": task}
    server.tidy()


def test_an_account_that_wants_json_has_it_for_a_form(server, receiver):
    customer = server.customer(dialect="2captcha", callback_hosts=("127.0.0.1",), callback_form=CallbackForm.JSON)
    server.worker()
    task = customer.create(callbackUrl=receiver.url).json["taskId"]
    settle(server)

    (post,) = posted(receiver)
    assert post.headers["content-type"] == "application/json; charset=utf-8"
    assert json.loads(post.body) == {**customer.poll(task).json, "taskId": task}
    server.tidy()


@pytest.mark.parametrize("delay", [0, 0.5])
def test_what_a_sandbox_script_settles_is_posted_when_it_does(server, receiver, delay):
    customer = server.customer("0", callback_hosts=("127.0.0.1",), sandbox=True, group="shop", dialect="capmonster")
    asked = image_task(comment=f"!answer=abc delay={delay}")
    task = customer.create(asked, callbackUrl=receiver.url).json["taskId"]

    (post,) = posted(receiver)
    told = json.loads(post.body)
    assert (told["taskId"], told["status"], told["solution"]) == (task, "ready", {"text": "abc"})


def test_the_native_dialect_posts_the_task(server, receiver):
    customer = server.customer(callback_hosts=("127.0.0.1",))
    server.worker()
    bearer = {"Authorization": f"Bearer {customer.key}"}
    made = server.http.post("/v1/tasks", {"task": image_task(), "callbackUrl": receiver.url}, bearer).json
    settle(server)

    (post,) = posted(receiver)
    assert json.loads(post.body) == server.http.get(f"/v1/tasks/{made['id']}", bearer).json
    server.tidy()


def test_a_task_nobody_answers_is_posted_too(server, receiver):
    customer = server.customer(callback_hosts=("127.0.0.1",))
    server.worker()
    task = customer.create(callbackUrl=receiver.url).json["taskId"]
    server.tidy()

    (post,) = posted(receiver)
    assert parse_qs(post.body.decode()) == {"id": [str(task)], "code": ["ERROR_CAPTCHA_UNSOLVABLE"]}


def test_the_operator_sees_every_try_and_has_it_posted_anew(server, receiver):
    receiver.status = 503
    customer = server.customer(callback_hosts=("127.0.0.1",))
    server.worker()
    task = str(customer.create(callbackUrl=receiver.url).json["taskId"])
    settle(server)
    wait_until(
        lambda: (cli(server, "callbacks", "show", task) if receiver.posts else {}).get("attempts"), "it is tried"
    )
    shown = cli(server, "callbacks", "show", task)
    assert (shown["state"], shown["tries"], shown["url"]) == ("owed", 1, receiver.url)
    assert [(one["status"], one["detail"]) for one in shown["attempts"]] == [(503, "HTTP 503")]

    receiver.status = 204
    assert cli(server, "callbacks", "redeliver", task) == [{"task": int(task), "owed": True, "why": None}]
    posted(receiver, 2)
    wait_until(partial(is_done, server, task), "it is delivered")
    server.tidy()


def test_what_was_never_owed_cannot_be_owed_anew(server):
    command = [*CLI, "callbacks", "redeliver", "1", "--data", str(server.data)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert ran.returncode == 1
    assert "this task has no callback" in ran.stdout


@pytest.mark.slow
def test_a_power_cut_between_settling_and_posting_loses_no_callback(tmp_path, receiver):
    receiver.silent = True
    with serving(tmp_path, callback_private=1, callback_hosts="127.0.0.1") as server:
        customer = server.customer()
        server.worker()
        tasks = {str(customer.create(callbackUrl=receiver.url).json["taskId"]) for _ in range(6)}
        for _ in tasks:
            settle(server)
        # A host that is not known yet has two places, so two were posted and four were not.
        posted(receiver, 2)
        server.kill()
        receiver.silent = False
        before = [post.headers["x-task-id"] for post in receiver.posts]
        server.start()
        wait_until(lambda: len(receiver.posts) >= len(before) + len(tasks), "all are posted after the restart")

        assert len(before) == 2
        assert {post.headers["x-task-id"] for post in receiver.posts[2:]} == tasks
        for task in tasks:
            wait_until(partial(is_done, server, task), "it is booked")
