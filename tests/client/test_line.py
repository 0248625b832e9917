"""The shells: connections, what is refused before anything is sent, and that both colours are one client."""

import asyncio
import inspect
import os
import pickle
import subprocess
import sys

import pytest

from answerdesk_client import (
    AsyncClient,
    AsyncWorkClient,
    Client,
    Refused,
    TaskId,
    TimedOut,
    Unavailable,
    Unsolvable,
    WorkClient,
)
from answerdesk_client._line import _server
from tests.client.loopback import says

BALANCE = says(balance="1")


def test_calls_share_one_connection(desk, server):
    server.will_say(*[BALANCE] * 5)
    for _ in range(5):
        desk.balance()
    assert len({heard.port for heard in server.heard}) == 1


def test_a_base_url_may_have_a_path_and_a_trailing_slash(opener, server):
    server.will_say(BALANCE)
    opener.open(Client, AsyncClient, f"{server.url}/desk/", "k").balance()
    assert server.heard[0].path == "/desk/v1/balance"


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://host", "http://", "", "http://host/?key=1", "http://host/#a"])
@pytest.mark.parametrize("client", [Client, AsyncClient, WorkClient, AsyncWorkClient])
def test_a_url_of_another_form_is_refused_at_once(client, url):
    with pytest.raises(ValueError, match="not of the form http://host:port"):
        client(url, "k")


@pytest.mark.parametrize("client", [Client, AsyncClient, WorkClient, AsyncWorkClient])
def test_a_token_that_fits_no_header_is_refused_without_being_shown(client):
    with pytest.raises(ValueError, match="header Authorization may only hold") as refusal:
        client("http://127.0.0.1:1", "s3cret\n")
    assert "s3cret" not in str(refusal.value)


def test_a_hundred_tasks_are_awaited_at_once(server):
    server.will_say(*[says(id=1, status="ready", answer="a")] * 100)

    async def all_of_them() -> list[str]:
        async with AsyncClient(server.url, "k") as desk:
            return [done.text for done in await asyncio.gather(*(desk.wait(TaskId(n)) for n in range(1, 101)))]

    assert asyncio.run(all_of_them()) == ["a"] * 100
    assert {heard.path for heard in server.heard} == {f"/v1/tasks/{n}?wait=60" for n in range(1, 101)}


@pytest.mark.parametrize(("blocking", "awaiting"), [(Client, AsyncClient), (WorkClient, AsyncWorkClient)])
def test_both_colours_have_the_same_calls(blocking, awaiting):
    """A parameter added to one colour alone fails here."""
    for name in {name for client in (blocking, awaiting) for name in dir(client) if not name.startswith("_")}:
        one, other = getattr(blocking, name), getattr(awaiting, name)
        assert inspect.signature(one).parameters == inspect.signature(other).parameters
        tells = "AsyncGenerator" in str(inspect.signature(other).return_annotation)
        assert inspect.iscoroutinefunction(other) is not tells
        assert not inspect.iscoroutinefunction(one)


def run(program: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_proxy_of_the_environment_never_stands_before_this_machine(server):
    server.will_say(BALANCE)
    program = f"from answerdesk_client import Client; print(Client({server.url!r}, 'k').balance())"
    nowhere = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), "socks9://127.0.0.1:1")
    assert run(program, **nowhere, NO_PROXY="", no_proxy="") == "1\n"


@pytest.mark.parametrize(
    ("host", "proxies"),
    [
        ("localhost:80", False),
        ("desk.localhost", False),
        ("127.8.9.1:80", False),
        ("[::1]:80", False),
        ("10.0.0.1", True),
        ("desk.example", True),
    ],
)
def test_only_other_machines_are_reached_by_proxy(host, proxies):
    assert _server(f"http://{host}/") == (f"http://{host}", proxies)


def test_a_server_that_cannot_prove_who_it_is_is_unavailable(opener, server):
    desk = opener.open(Client, AsyncClient, server.url.replace("http", "https"), "k", patience=1.0)
    with pytest.raises(Unavailable, match="ConnectError"):
        desk.balance()


def test_importing_the_package_does_not_import_the_http_library():
    assert run("import sys, answerdesk_client; print('httpx' in sys.modules)") == "False\n"


@pytest.mark.parametrize("error", [Refused("C", 1, "d"), Unsolvable("C", 1, "d"), TimedOut(7, 5.0)])
def test_errors_survive_the_way_between_processes(error):
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (type(error), str(error))
