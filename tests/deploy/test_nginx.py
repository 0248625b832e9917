"""deploy/nginx before a real server: what callers, streams and retries meet on the way through."""

from __future__ import annotations

import http.client
import json
import select
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from answerdesk_client import Client
from tests.deploy.fronted import SHIPPED, Front, Mute, free_port, needs_nginx
from tests.serving import Customer, Http, Serving, image_task, picture, wait_until

pytestmark = [pytest.mark.e2e, needs_nginx]

#: Behind it, another node is tried as long as the first cannot be reached.
NOBODY = "max_fails=0"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("node")
    with Serving(folder, behind_proxy="127.0.0.1", hold=15, deadline=60) as serving:
        yield serving
        log = serving.logged()

    assert "Traceback" not in log


@pytest.fixture(scope="module")
def front(server, tmp_path_factory) -> Iterator[Front]:
    with Front(tmp_path_factory.mktemp("nginx") / "front", [f"127.0.0.1:{server.http.port}"]) as front:
        yield front


def body_of(customer: Customer, **fields: Any) -> dict[str, Any]:
    return {"clientKey": customer.key, **fields}


def made(server: Serving, customer: Customer) -> int:
    """Count an account's tasks, asked of the node itself."""
    listed = server.http.get("/v1/tasks?limit=100", {"Authorization": f"Bearer {customer.key}"}).json
    return len(listed["tasks"])


def hold(line: http.client.HTTPSConnection, customer: Customer, task: int) -> None:
    """Poll an open task and see that no reply comes; a first call takes in what TLS itself sends after its start."""
    line.request("POST", "/getBalance", json.dumps(body_of(customer)))
    line.getresponse().read()
    line.request("POST", "/getTaskResult", json.dumps(body_of(customer, taskId=task)))
    assert select.select([line.sock], [], [], 0.5)[0] == [], "it is held"


def test_a_client_is_answered_over_https(server, front):
    customer, worker = server.customer(), server.worker()
    with Client(front.url, customer.key, tls=front.tls) as client, ThreadPoolExecutor(1) as beside:
        solving = beside.submit(client.solve, picture(3))
        worker.answer(worker.take(), "through")

        assert solving.result().text == "through"
    server.tidy()


def test_the_callers_address_is_the_one_nginx_saw_whatever_the_caller_says(server, front):
    customer, worker = server.customer(), server.worker()
    lies = {"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9"}
    asked = body_of(customer, task=image_task())
    task = front.request("POST", "/createTask", asked, lies, caller="127.0.0.5").json["taskId"]
    worker.answer(worker.take(), "seen")

    settled = front.request("POST", "/getTaskResult", body_of(customer, taskId=task), lies, caller="127.0.0.5").json

    assert (settled["status"], settled["ip"]) == ("ready", "127.0.0.5")
    server.tidy()


def test_a_session_begins_since_the_desk_knows_that_it_was_called_by_https(server, front):
    link = server.cli("people", "link", "owner")["link"]
    entered = front.request("GET", "/enter/" + link.rpartition("/")[2], headers={"Accept": "text/html"})
    cookies = entered.headers.get("set-cookie", "")

    assert entered.status in {200, 303}
    assert entered.status == 200 or "Secure" in cookies
    assert entered.headers["strict-transport-security"] == "max-age=31536000"


def test_a_held_poll_is_held_and_released_by_its_answer(server, front):
    customer, worker = server.customer(), server.worker()
    task = customer.ask()
    lease = worker.take()
    with front.line() as line:
        hold(line, customer, task)
        worker.answer(lease, "released")

        assert json.loads(line.getresponse().read())["solution"]["text"] == "released"
    server.tidy()


def test_an_event_stream_flows_while_it_is_open(server, front):
    customer, worker = server.customer(), server.worker()
    with front.line() as line:
        line.request("GET", "/v1/events", headers={"Authorization": f"Bearer {customer.key}"})
        stream = line.getresponse()
        assert stream.readline().startswith(b"id: ")
        for text in ("first", "second"):
            task = customer.ask()
            worker.answer(worker.take(), text)
            event = next(said for said in iter(stream.readline, b"") if said.startswith(b"data: {"))

            assert json.loads(event.removeprefix(b"data: "))["id"] == task
        stream.close()
    server.tidy()


def test_a_body_a_node_would_refuse_is_refused_by_the_node(front):
    reply = front.request("POST", "/createTask", b'{"x":"' + b"a" * (9 * 2**20) + b'"}')

    assert (reply.status, reply.json) == (413, {"error": "the body is larger than 8388608 bytes"})


def test_a_body_past_20_mib_is_refused_by_nginx_in_words_a_program_can_read(front):
    reply = front.request("POST", "/createTask", b"a" * 1024, {"Content-Length": str(21 * 2**20)})

    assert (reply.status, reply.json) == (413, {"error": "the body is larger than 20 MiB; 8 MiB are accepted"})


def test_http_leads_to_https_and_the_figures_of_the_desk_stay_inside(front):
    plain = Http(front.plain).get("/res.php?action=get", {"Host": "answers.example.org"})

    assert (plain.status, plain.headers["location"]) == (308, "https://answers.example.org/res.php?action=get")
    assert front.request("GET", "/metrics").status == 404


def test_neither_a_key_nor_a_links_secret_is_logged(server, front):
    customer = server.customer()
    front.request("GET", f"/res.php?key={customer.key}&action=getbalance")
    front.request("GET", "/enter/" + "5ec2e7" * 8)

    wait_until(lambda: "/enter/..." in front.logged() and "/res.php" in front.logged(), "both are logged")
    assert customer.key not in front.logged()
    assert "5ec2e7" not in front.logged()


@pytest.fixture
def halved(server, tmp_path) -> Iterator[tuple[Front, Mute]]:
    """Half of what comes goes to a node that breaks off."""
    with (
        Mute() as mute,
        Front(tmp_path / "front", [f"{mute.place} {NOBODY}", f"127.0.0.1:{server.http.port} {NOBODY}"]) as front,
    ):
        yield front, mute
    server.tidy()


def test_a_task_that_was_sent_is_never_sent_again(server, halved):
    front, mute = halved
    customer = server.customer()

    replies = [front.request("POST", "/createTask", body_of(customer, task=image_task())) for _ in range(6)]

    taken = [reply for reply in replies if reply.status == 200]
    lost = [reply for reply in replies if reply.status == 503]
    assert len(taken) == made(server, customer)
    assert len(lost) == len(mute.heard) > 0
    assert len(taken) + len(lost) == 6
    assert lost[0].headers["retry-after"] == "5"
    assert lost[0].json == {"error": "no node can be reached; try again in some seconds"}


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_a_task_of_the_older_way_is_never_sent_twice_either(server, halved, verb):
    front, mute = halved
    customer = server.customer()
    asked = urlencode({"key": customer.key, "textcaptcha": "What is two and two?", "json": 1})
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    replies = [
        front.request("GET", f"/in.php?{asked}") if verb == "GET" else
        front.request("POST", "/in.php", asked.encode(), form)
        for _ in range(6)
    ]  # fmt: skip

    assert sum(reply.status == 200 for reply in replies) == made(server, customer)
    assert sum(reply.status == 503 for reply in replies) == len(mute.heard) > 0


def test_a_poll_goes_to_another_node_when_one_breaks_off(server, halved):
    front, mute = halved
    customer = server.customer()

    replies = [front.request("POST", "/getBalance", body_of(customer)) for _ in range(6)]

    assert [reply.json["errorId"] for reply in replies] == [0] * 6
    assert mute.heard


def test_a_node_that_is_down_costs_nobody_anything(server, tmp_path):
    customer = server.customer()
    nodes = [f"127.0.0.1:{free_port()} {NOBODY}", f"127.0.0.1:{server.http.port} {NOBODY}"]
    with Front(tmp_path / "front", nodes) as front:
        replies = [front.request("POST", "/createTask", body_of(customer, task=image_task())) for _ in range(6)]

    assert [reply.json["errorId"] for reply in replies] == [0] * 6
    assert made(server, customer) == 6
    server.tidy()


def test_a_reload_that_takes_a_node_out_lets_what_it_holds_end(server, tmp_path):
    customer, worker = server.customer(), server.worker()
    here, other, asked = f"127.0.0.1:{server.http.port}", f"127.0.0.1:{free_port()}", body_of(customer)
    task = customer.ask()
    lease = worker.take()
    with Front(tmp_path / "front", [here, f"{other} down"]) as front, front.line() as line:
        hold(line, customer, task)
        front.reload([f"{here} down", other])
        wait_until(lambda: front.request("POST", "/getBalance", asked).status == 503, "the node is out")
        worker.answer(lease, "kept")

        assert json.loads(line.getresponse().read())["solution"]["text"] == "kept"
        front.reload([here, f"{other} down"])
        wait_until(lambda: front.request("POST", "/getBalance", asked).status == 200, "the node is back")
    server.tidy()


def test_the_shipped_list_of_nodes_is_one_that_nginx_takes(tmp_path):
    lines = (SHIPPED / "nodes.conf").read_text("utf-8").splitlines()
    servers = [line.removeprefix("server ").removesuffix(";") for line in lines if not line.startswith("#")]
    with Front(Path(tmp_path) / "front", servers):
        assert len(servers) == 2
