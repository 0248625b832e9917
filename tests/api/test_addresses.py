"""Whose address a call came from: forwarded chains, allow-lists, and bans of who guesses (PROTOCOL §3.5)."""

from __future__ import annotations

import itertools
import json

import pytest

from tests.serving import image_task, read_reply

UNKNOWN_KEY = "c" * 32
_hosts = itertools.count(1)


@pytest.fixture
def address() -> str:
    """An address nobody used before."""
    return f"198.51.100.{next(_hosts)}"


def via(*chain: str) -> dict[str, str]:
    return {"X-Forwarded-For": ", ".join(chain)}


@pytest.mark.parametrize(
    ("chain", "seen"),
    [
        (("203.0.113.9",), "203.0.113.9"),
        (("1.1.1.1", "203.0.113.9"), "203.0.113.9"),
        (("127.0.0.1", "203.0.113.9"), "203.0.113.9"),
        (("203.0.113.9", "10.1.2.3"), "203.0.113.9"),
        (("1.1.1.1", "203.0.113.9", "10.1.2.3", "10.9.9.9"), "203.0.113.9"),
        (("garbage", "203.0.113.9", "10.1.2.3"), "203.0.113.9"),
        (("2001:db8::7", "10.1.2.3"), "2001:db8::7"),
        (("10.1.2.3", "10.4.4.4"), "10.1.2.3"),
        ((), "127.0.0.1"),
        (("",), "127.0.0.1"),
        (("not an address",), "127.0.0.1"),
    ],
)
def test_the_nearest_address_that_is_no_proxy_of_ours_is_the_caller_s(fronted, chain, seen):
    person, customer = fronted.worker(), fronted.customer()
    task = customer.create(headers=via(*chain)).json["taskId"]
    person.answer(person.take(), "abc")

    assert customer.poll(task).json["ip"] == seen


def test_what_a_client_wrote_before_the_proxy_s_own_line_is_not_believed(fronted):
    """Some proxies add a header of their own below the one that came; all of them are one list (RFC 9110 §5.3)."""
    person, customer = fronted.worker(), fronted.customer()
    body = json.dumps({"clientKey": customer.key, "task": image_task()}).encode()
    head = b"POST /createTask HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 203.0.113.77\r\n"
    with fronted.http.raw() as line:
        line.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        task = read_reply(line).json["taskId"]
    person.answer(person.take(), "abc")

    assert customer.poll(task).json["ip"] == "203.0.113.77"


def test_nobody_is_believed_without_a_proxy_being_named(server, person):
    customer = server.customer()
    task = customer.create(headers=via("203.0.113.9")).json["taskId"]
    person.answer(person.take(), "abc")

    assert customer.poll(task).json["ip"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("allowed", "caller", "number"),
    [
        (("203.0.113.7",), "203.0.113.7", 0),
        (("203.0.113.7",), "203.0.113.8", 11),
        (("203.0.113.0/24", "2001:db8::/32"), "203.0.113.255", 0),
        (("203.0.113.0/24", "2001:db8::/32"), "2001:db8::1", 0),
        (("203.0.113.0/24", "2001:db8::/32"), "2001:db9::1", 11),
        (("203.0.113.7",), "::ffff:203.0.113.7", 0),
        (("127.0.0.1",), "203.0.113.7", 11),
    ],
)
def test_a_key_s_allow_list_goes_by_the_caller_s_address(fronted, allowed, caller, number):
    customer = fronted.customer(allow_ips=allowed)
    replies = [customer.call(name, via(caller), taskId=1).json["errorId"] for name in ("getBalance", "getTaskResult")]

    assert replies == [number, number or 16]


def guess(fronted, address, times, **fields):
    """Send wrong calls from an address; gives the error numbers."""
    return [fronted.http.post("/getTaskResult", fields, via(address)).json["errorId"] for _ in range(times)]


def test_who_guesses_keys_is_banned_and_nobody_else(fronted, address):
    customer = fronted.customer()
    numbers = guess(fronted, address, 120, clientKey=UNKNOWN_KEY, taskId=5)
    banned = customer.call("getBalance", via(address))
    as_capmonster = customer.call("getBalance", via(address) | {"Host": "api.capmonster.cloud"}).json
    elsewhere = customer.call("getBalance", via("198.51.100.250")).json

    assert numbers[:60] == [1] * 60
    assert numbers[-1] == 21
    assert banned.status == 200
    assert banned.json["errorCode"] == "ERROR_IP_BLOCKED"
    assert "more seconds" in banned.json["errorDescription"]
    assert (as_capmonster["errorId"], as_capmonster["errorCode"]) == (1, "ERROR_IP_BANNED")
    assert elsewhere["errorId"] == 0


def test_who_guesses_ids_is_banned_even_with_a_good_key(fronted, address):
    customer = fronted.customer()
    numbers = guess(fronted, address, 120, clientKey=customer.key, taskId=5)

    assert numbers[:60] == [16] * 60
    assert numbers[-1] == 21
    assert customer.call("getBalance", via("198.51.100.250")).json["errorId"] == 0


def test_a_ban_comes_before_everything_else(fronted, address):
    guess(fronted, address, 120, clientKey=UNKNOWN_KEY)
    replies = [
        fronted.http.post("/createTask", body, via(address)).json["errorId"]
        for body in (b"{", b"", b"{}", json.dumps({"clientKey": UNKNOWN_KEY}).encode())
    ]

    assert replies == [21] * 4


@pytest.mark.parametrize("own", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine_s_own_addresses_are_never_banned(fronted, own):
    numbers = guess(fronted, own, 150, clientKey=UNKNOWN_KEY)

    assert set(numbers) == {1}


def test_honest_mistakes_are_no_guesses(fronted, address):
    """Calls that fail for other reasons, and reports of one's own unfinished task, ban nobody."""
    fronted.worker()
    customer = fronted.customer()
    task = customer.ask()
    for _ in range(40):
        customer.create({"type": "X"}, via(address))
        customer.call("nothing", via(address))
        customer.call("reportIncorrect", via(address), taskId=task)
        customer.call("reportCorrect", via(address), taskId=task)

    assert customer.call("getBalance", via(address)).json["errorId"] == 0
