"""deploy/nginx before two nodes on one PostgreSQL: a node is restarted, or dies, and callers go on."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import pytest

from tests.deploy.fronted import Front, needs_nginx
from tests.postgres import Server
from tests.serving import Reply, Serving, image_task, picture, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300), needs_nginx]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory) -> Iterator[list[Serving]]:
    folder, postgres = tmp_path_factory.mktemp("nodes"), Server().start()
    running: list[Serving] = []
    try:
        url = postgres.empty_database()
        for name in ("one", "two"):
            (folder / name).mkdir()
            running.append(Serving(folder / name, database=url, behind_proxy="127.0.0.1", deadline=600))
        yield running
        logs = [node.logged() for node in running]
    finally:
        for node in running:
            node.stop()
        postgres.remove()
    assert [log for log in logs if "Traceback" in log] == []


class Callers:
    """Four who create tasks and poll them, one request after another, until they are told to stop."""

    def __init__(self, front: Front, key: str) -> None:
        self._front = front
        self._key = key
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(4)
        self.creates: list[Reply] = []
        self.polls: list[Reply] = []

    def __enter__(self) -> Self:
        self._running = [self._pool.submit(self._call, seed) for seed in range(4)]
        wait_until(lambda: len(self.polls) > 8, "calls go through")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for one in self._running:
            one.result(60)
        self._pool.shutdown()

    def _call(self, seed: int) -> None:
        while not self._stop.is_set():
            asked = {"clientKey": self._key, "task": image_task(picture(seed))}
            made = self._front.request("POST", "/createTask", asked)
            self.creates.append(made)
            if made.status == 200:
                polled = {"clientKey": self._key, "taskId": made.json["taskId"]}
                self.polls.append(self._front.request("POST", "/getTaskResult", polled, {"Prefer": "wait=0"}))

    def go_on(self, count: int) -> None:
        """Wait until so many more were answered."""
        heard = len(self.polls)
        wait_until(lambda: len(self.polls) > heard + count, "calls go on")

    @property
    def acknowledged(self) -> set[int]:
        return {reply.json["taskId"] for reply in self.creates if reply.status == 200}


def places(nodes: list[Serving], *, out: Serving | None = None) -> list[str]:
    return [f"127.0.0.1:{node.http.port} max_fails=2 fail_timeout=2s{' down' * (node is out)}" for node in nodes]


def ready(node: Serving) -> bool:
    return node.http.get("/readyz").status == 200


def stored(node: Serving, key: str) -> set[int]:
    """List an account's tasks page by page, as a node shows them."""
    found: set[int] = set()
    after = ""
    while True:
        page = node.http.get(f"/v1/tasks?limit=500{after}", {"Authorization": f"Bearer {key}"}).json
        found |= {task["id"] for task in page["tasks"]}
        if not page.get("next"):
            return found
        after = f"&before={page['next']}"


@pytest.fixture
def key(nodes, tmp_path) -> str:
    nodes[0].cli("workers", "add", f"who {tmp_path.name}")
    return str(nodes[0].cli("accounts", "add", f"of {tmp_path.name}", "--balance", "1000")["key"])


def test_restarting_each_node_as_the_page_says_drops_nothing(nodes, key, tmp_path):
    with Front(tmp_path / "front", places(nodes)) as front, Callers(front, key) as callers:
        for node in nodes:
            front.reload_wholly(places(nodes, out=node))
            assert node.stop() == 0
            node.start()
            wait_until(functools.partial(ready, node), "the node is ready")
            front.reload_wholly(places(nodes))
            callers.go_on(8)

    assert {(reply.status, reply.json.get("errorId")) for reply in (*callers.creates, *callers.polls)} == {(200, 0)}
    assert stored(nodes[0], key) == callers.acknowledged


def test_a_node_that_dies_costs_no_poll_and_doubles_no_task(nodes, key, tmp_path):
    with Front(tmp_path / "front", places(nodes)) as front, Callers(front, key) as callers:
        nodes[0].kill()
        callers.go_on(40)

    lost = [reply for reply in callers.creates if reply.status != 200]
    assert {(reply.status, reply.json.get("errorId")) for reply in callers.polls} == {(200, 0)}
    assert {reply.status for reply in lost} <= {503}
    found = stored(nodes[1], key)
    assert callers.acknowledged <= found
    assert len(found - callers.acknowledged) <= len(lost)
