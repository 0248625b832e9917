"""When a call is sent again, how long the pauses are, and when it is given up."""

import socket

import pytest

from answerdesk_client import AnswerdeskError, AsyncClient, Client, Retry, Unavailable
from tests.client.loopback import HANGS_UP, Says, says

PNG = bytes(200)
BUSY = Says(b"", status=503)


@pytest.mark.parametrize("trouble", [HANGS_UP, BUSY, Says(b"", status=502), Says(b"", status=504)])
def test_a_create_is_sent_again_as_the_same_order(desk, server, trouble):
    server.will_say(trouble, trouble, says(201, id=7, status="open"))
    assert desk.create(PNG) == 7
    assert len(server.heard) == 3
    assert len({(heard.body, heard.headers["idempotency-key"]) for heard in server.heard}) == 1


def test_pauses_double_up_to_the_longest(opener, server, moment):
    desk = opener.open(Client, AsyncClient, server.url, "k", first=1.0, longest=5.0)
    server.will_say(*[BUSY] * 5, says(balance="1"))
    desk.balance()
    assert moment.slept == [1.0, 2.0, 4.0, 5.0, 5.0]


@pytest.mark.parametrize(("lot", "pause"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
def test_half_of_each_pause_is_drawn_by_lot(lot, pause):
    assert Retry(first=1.0, jitter=lambda: lot).pause(0, None) == pause


def test_the_server_may_name_the_pause(desk, server, moment):
    server.will_say(Says(b"", status=503, headers="Retry-After: 7\r\n"), says(balance="1"))
    desk.balance()
    assert moment.slept == [7.0]


@pytest.mark.parametrize("asked", ["soon", "-5", "", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "٣"])
def test_a_pause_named_in_no_whole_seconds_is_as_if_unnamed(asked):
    assert Retry(first=1.0, jitter=lambda: 1.0).pause(0, asked) == 1.0


def test_a_pause_beyond_patience_is_not_slept(desk, server, moment):
    server.will_say(Says(b"", status=503, headers="Retry-After: 99999999999999\r\n"))
    with pytest.raises(Unavailable, match="GET /v1/balance went unanswered 1 times, the last for: HTTP status 503"):
        desk.balance()
    assert moment.slept == []


def test_patience_ends(opener, server, moment):
    desk = opener.open(Client, AsyncClient, server.url, "k", patience=10.0, first=4.0, longest=4.0)
    server.will_say(*[BUSY] * 3)
    with pytest.raises(Unavailable, match="unanswered 3 times"):
        desk.balance()
    assert moment.now == 1008.0


def test_a_wait_that_is_due_is_not_held_against_patience(work, server, moment):
    server.will_say(Says(b"", status=503, takes=40.0), says(leases=[]))
    assert work.claim(["text"], wait=25) == []


def test_nobody_listening_is_unavailable_and_says_so(opener, moment):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        desk = opener.open(Client, AsyncClient, f"http://127.0.0.1:{taken.getsockname()[1]}", "k", patience=1.0)
        with pytest.raises(Unavailable, match="ConnectError"):
            desk.balance()
    assert len(moment.slept) > 1
    assert moment.now <= 1001.0


@pytest.mark.parametrize("status", [400, 429, 500])
def test_what_a_second_try_would_not_mend_is_not_tried_again(desk, server, status):
    server.will_say(Says(b"{}", status=status))
    with pytest.raises(AnswerdeskError, match=str(status)):
        desk.balance()
    assert len(server.heard) == 1
