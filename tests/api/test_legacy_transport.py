"""How in.php and res.php are reached: paths, verbs, headers, dumps."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.api.older import BODY, TEXT


def test_any_origin_is_allowed_in_the_very_reply_that_asks(server, strict):
    for path in ("/in.php", "/res.php"):
        assert server.http.get(f"{path}?header_acao=1").headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-origin" not in server.http.get(path).headers
        assert strict.http.get(f"{path}?header_acao=1").headers["access-control-allow-origin"] == "*"


def test_a_dump_stands_before_the_reply(old):
    reply = old.act("getbalance", debug_dump=1, json=1, note="<b>")

    assert reply.headers["content-type"] == TEXT
    assert reply.body.decode() == (
        f"Array\n(\n    [key] => {old.customer.key[:4]}…\n    [action] => getbalance\n    [debug_dump] => 1\n"
        '    [json] => 1\n    [note] => <b>\n)\n{"status":1,"request":"1"}'
    )


@pytest.mark.parametrize("path", ["/res.php/", "/res", "/res/", "/res.php%20", "/RES.PHP"])
def test_paths_may_trail_off(old, path):
    assert old.call(path, action="getbalance").body == b"1"


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_any_verb_is_answered(server, customer, verb):
    reply = server.http.request(verb, f"/res.php?key={customer.key}&action=getbalance")

    assert (reply.status, reply.body) == (200, b"1")


def test_a_look_at_the_head_submits_nothing(server, old, person):
    query = urlencode({"key": old.customer.key, "method": "base64", "body": BODY})

    reply = server.http.request("HEAD", f"/in.php?{query}")

    assert (reply.status, reply.body, old.customer.balance()) == (200, b"", 1)


def test_the_list_of_errors_needs_no_key(server):
    codes = server.http.get("/in.php?method=get_server_errors").body.decode().split("\n")

    assert {"ERROR_WRONG_USER_KEY", "ERROR_ZERO_BALANCE", "ERROR_WRONG_ID_FORMAT"} <= set(codes)
    assert server.http.get("/in.php?method=get_server_errors&json=1").json == {"status": 1, "request": codes}
