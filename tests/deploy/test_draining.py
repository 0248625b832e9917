"""Two nodes behind a load balancer that knows only /readyz: each is stopped and started, and no call is dropped."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from answerdesk.model.question import Kind
from tests.deploy.fronted import free_port
from tests.postgres import LOOSE, Server
from tests.serving import PATIENCE, Customer, Http, Reply, Serving, Worker, wait_until

HAPROXY = shutil.which("haproxy", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed: apt-get install haproxy"),
]

#: Many times what the balancer needs to notice.
DRAIN = 3
BALANCER = """
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout check 2s
    option httpchk GET /readyz
    default-server check inter 100ms fall 1 rise 1
listen desk
    bind 127.0.0.1:{port}
    balance roundrobin
    server one 127.0.0.1:{one}
    server two 127.0.0.1:{two}
"""


class Balancer:
    """One haproxy; stands where a test's customers and workers expect a server."""

    def __init__(self, folder: Path, nodes: list[Serving]) -> None:
        self.http = Http(free_port())
        one, two = (node.http.port for node in nodes)
        (folder / "haproxy.cfg").write_text(BALANCER.format(port=self.http.port, one=one, two=two))
        with (folder / "haproxy.log").open("wb") as log:
            self.process = subprocess.Popen(
                [str(HAPROXY), "-f", str(folder / "haproxy.cfg")], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.http.port), timeout=1):
            return True
        return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[Serving]]:
    postgres = Server(**LOOSE).start()
    running: list[Serving] = []
    try:
        url = postgres.empty_database()
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            port = free_port()
            running.append(Serving(tmp_path / name, database=url, port=port, drain=DRAIN, hold=15, deadline=600))
        yield running
        logs = [node.logged() for node in running]
    finally:
        for node in running:
            node.kill()
        postgres.remove()
    assert [log for log in logs if "Traceback" in log] == []


@pytest.fixture
def balancer(tmp_path: Path, nodes: list[Serving]) -> Iterator[Balancer]:
    made = Balancer(tmp_path, nodes)
    try:
        wait_until(made.listens, "haproxy listens")
        yield made
    finally:
        made.stop()


class Callers:
    """Customers and workers, each calling again and again until told to stop; keeps every reply."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(12)
        self._calling: list[Future[None]] = []
        self.replies: dict[str, list[Reply]] = {"create": [], "poll": [], "claim": [], "answer": []}

    def call(self, act: Callable[[], None]) -> None:
        """Have this done again and again."""
        self._calling.append(self._pool.submit(self._go_on, act))

    def _go_on(self, act: Callable[[], None]) -> None:
        while not self._stop.is_set():
            act()

    def ask(self, customer: Customer) -> None:
        """Create a task and poll until it is answered."""
        made = self.keep("create", customer.create())
        while not self._stop.is_set() and made.status == 200:
            polled = self.keep("poll", customer.poll(made.json["taskId"], 15))
            if polled.status != 200 or polled.json.get("status") == "ready":
                break

    def work(self, worker: Worker) -> None:
        """Wait for a task and answer it."""
        claimed = self.keep("claim", worker.call("claim", kinds=("text",), max=1, wait=15))
        for lease in claimed.json["leases"] if claimed.status == 200 else ():
            self.keep("answer", worker.answer(lease, "4821"))

    def wait_long(self, customer: Customer, task: int) -> None:
        """Poll what nobody answers."""
        self.keep("poll", customer.poll(task, 5))

    def wait_in_vain(self, worker: Worker) -> None:
        """Wait for what nobody asks."""
        self.keep("claim", worker.call("claim", kinds=("grid",), max=1, wait=5))

    def keep(self, verb: str, reply: Reply) -> Reply:
        self.replies[verb].append(reply)
        return reply

    def go_on(self, count: int = 6) -> None:
        """Wait until so many more answers came."""
        heard = len(self.replies["answer"])
        wait_until(lambda: len(self.replies["answer"]) > heard + count, "calls go on")

    def stop(self) -> None:
        self._stop.set()
        for calling in self._calling:
            calling.result(60)
        self._pool.shutdown()


def holds(node: Serving) -> bool:
    """Whether a poll and a claim wait at a node."""
    said = node.http.get("/metrics").body.decode()
    return all(f"\nanswerdesk_{what} 0.0\n" not in said for what in ("polls_held", "claims_waiting"))


def ready(node: Serving) -> bool:
    return node.http.get("/readyz").status == 200


def test_a_rolling_restart_drops_no_call(nodes: list[Serving], balancer: Balancer) -> None:
    first, callers = nodes[0], Callers()

    def through(customer: Customer) -> Customer:
        return Customer(balancer, customer.account, customer.key)  # type: ignore[arg-type]

    def seated(worker: Worker) -> Worker:
        moved = Worker(balancer, worker.solver, "")  # type: ignore[arg-type]
        moved.headers = worker.headers
        return moved

    # Of the group is only somebody who never comes.
    first.worker(groups=frozenset({"away"}))
    patient = through(first.customer(group="away"))
    idle = seated(first.worker(kinds=frozenset({Kind.GRID})))
    task = patient.ask()
    for _ in range(2):
        callers.call(partial(callers.ask, through(first.customer())))
        callers.call(partial(callers.work, seated(first.worker())))
    for _ in range(4):
        callers.call(partial(callers.wait_long, patient, task))
        callers.call(partial(callers.wait_in_vain, idle))
    try:
        callers.go_on()
        for node in nodes:
            wait_until(partial(holds, node), "calls wait at the node")
            assert node.stop() == 0
            callers.go_on()
            node.start()
            wait_until(partial(ready, node), "the node is ready")
            # Before the other one goes, the balancer has to know.
            wait_until(partial(holds, node), "calls wait at the node again")
    finally:
        callers.stop()

    replies = callers.replies
    assert {(verb, reply.status) for verb, came in replies.items() for reply in came} == {
        (verb, 200) for verb in replies
    }
    assert {reply.json["errorId"] for verb in ("create", "poll") for reply in replies[verb]} == {0}
    assert {reply.json["accepted"] for reply in replies["answer"]} == {True}
