"""A server that is asked to stop: whoever waits gets a whole answer, and a second one never shares its folder."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import Serving, read_reply, wait_until

pytestmark = pytest.mark.slow

#: How long a stop may take before it counts as hanging; what is asserted is that it ends, and how.
STOP_PATIENCE = 5.0


def begin(server, path, fields, *headers):
    line = server.http.raw()
    body = json.dumps(fields).encode()
    head = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers, "", ""]
    line.sendall("\r\n".join(head).encode() + body)
    return line


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_who_waits_while_the_server_stops_gets_a_whole_answer(tmp_path, sent):
    with Serving(tmp_path) as server, contextlib.ExitStack() as stack:
        customer, person = server.customer(), server.worker()
        fields = {"clientKey": customer.key, "taskId": customer.ask()}
        person.claim()
        token = f"Authorization: {person.headers['Authorization']}"
        held = [stack.enter_context(begin(server, "/getTaskResult", fields, "Prefer: wait=60")) for _ in range(20)]
        waiting = [stack.enter_context(begin(server, "/api/work/claim", {"wait": 30}, token)) for _ in range(20)]
        idle = stack.enter_context(server.http.raw())
        customer.poll(fields["taskId"], 1)
        server.process.send_signal(sent)
        polls, claims = [read_reply(line) for line in held], [read_reply(line) for line in waiting]
        server.process.wait(STOP_PATIENCE)

        assert idle.recv(1) == b""
        assert {reply.body for reply in polls} == {b'{"errorId":0,"status":"processing"}'}
        assert {reply.body for reply in claims} == {b'{"leases":[]}'}
        assert server.process.returncode == 0
        assert "Traceback" not in server.logged()


def test_a_stopped_server_takes_its_machine_and_its_address_with_it(tmp_path):
    with Serving(tmp_path, solver="ocr") as server:
        children = wait_until(lambda: children_of(server.process.pid), "the worker runs")
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(STOP_PATIENCE)

    wait_until(lambda: not any(map(is_running, children)), "the worker has ended too")
    assert not (server.data / "address").exists()


def test_a_killed_server_s_machine_ends_by_itself(tmp_path):
    with Serving(tmp_path, solver="ocr") as server:
        children = wait_until(lambda: children_of(server.process.pid), "the worker runs")
        server.kill()

        wait_until(lambda: not any(map(is_running, children)), "the worker has ended too")


def stat(pid: str | int) -> list[str]:
    """A process's state, its parent and so on; nothing when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def children_of(pid: int) -> list[int]:
    """The children of a process, and theirs."""
    running = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    own = [int(name) for name in running if stat(name)[1:2] == [str(pid)]]
    return own + [grandchild for child in own for grandchild in children_of(child)]


def is_running(pid: int) -> bool:
    return stat(pid)[:1] not in ([], ["Z"])


def test_a_second_server_does_not_share_a_data_folder(tmp_path):
    with Serving(tmp_path) as server:
        second = subprocess.run(
            [sys.executable, "-m", "answerdesk.cli", "serve", "--port", "0", "--data", str(server.data)],
            capture_output=True, check=False, text=True, timeout=30, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        alive = server.http.get("/ping").body

    assert second.returncode != 0
    assert str(server.data) in second.stderr
    assert "Traceback" not in second.stderr
    assert alive == b"pong"


def test_a_killed_server_leaves_the_folder_usable_at_once(tmp_path):
    with Serving(tmp_path) as server:
        customer, person = server.customer(), server.worker()
        task = customer.ask()
        lease = person.take()
        server.kill()
        server.start()
        answered = person.answer(lease, "abc").json["accepted"]
        server.kill()
        server.start()

        assert answered
        assert customer.poll(task).json["solution"] == {"text": "abc"}
        assert server.books_are_right()
