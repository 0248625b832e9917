"""Who may read the metrics: programs on the machine itself, or whoever has the token; never a stranger."""

from __future__ import annotations

import pytest

from answerdesk.api.metrics import is_local
from answerdesk.config import BadSetting
from answerdesk.watching import LEAST_TOKEN, read_token
from tests.serving import Serving, wait_until

TOKEN = "a-token-for-those-who-watch"


def scope(peer, **headers):
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"client": peer and (peer, 40_000), "headers": named}


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST:8080", "[::1]:8080", "192.0.2.7", ""])
def test_a_program_on_this_machine_is_local(peer, host):
    assert is_local(scope(peer, host=host))


@pytest.mark.parametrize("peer", [None, "", "192.0.2.7", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.7", "localhost"])
def test_a_peer_elsewhere_is_not_local_whatever_it_says(peer):
    for name in ("forwarded", "x_forwarded_for", "x_real_ip"):
        assert not is_local(scope(peer, host="127.0.0.1", **{name: "127.0.0.1"}))
    assert not is_local(scope(peer, host="127.0.0.1"))


@pytest.mark.parametrize("name", ["forwarded", "via", "x_forwarded_for", "x_real_ip"])
def test_what_a_proxy_on_this_machine_passes_on_is_not_local(name):
    assert not is_local(scope("127.0.0.1", host="127.0.0.1", **{name: "127.0.0.1"}))


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1", "origin": "https://elsewhere.example"},
        {"host": "127.0.0.1", "sec_fetch_site": "cross-site"},
        {"host": "127.0.0.1", "sec_fetch_site": "same-origin"},
        {"host": "rebound.example:8080"},
        {"host": "127.0.0.1.rebound.example"},
    ],
)
def test_what_a_page_in_a_browser_here_asks_for_is_not_local(headers):
    assert not is_local(scope("127.0.0.1", **headers))


def test_a_browser_that_is_pointed_at_it_is_local():
    assert is_local(scope("127.0.0.1", host="127.0.0.1:8080", sec_fetch_site="none"))


def test_a_server_tells_its_own_machine_alone(server):
    assert server.http.get("/metrics").status == 200
    for headers in ({"X-Forwarded-For": "127.0.0.1"}, {"Host": "desk.example"}, {"Origin": "http://127.0.0.1"}):
        refused = server.http.get("/metrics", headers)

        assert refused.status == 403
        assert b"metrics_token_file" in refused.body
        assert b"answerdesk_" not in refused.body


def test_behind_a_proxy_nobody_becomes_local_by_what_it_forwards(fronted):
    assert fronted.http.get("/metrics", {"X-Forwarded-For": "127.0.0.1"}).status == 403


@pytest.mark.parametrize("name", ["/metrics/", "/Metrics", "//metrics", "/metrics/x"])
def test_no_other_address_tells_them(server, name):
    assert b"answerdesk_ready" not in server.http.get(name).body


def test_it_takes_get_and_head_alone(server):
    whole, head = server.http.get("/metrics"), server.http.request("HEAD", "/metrics")

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert whole.headers["cache-control"] == "no-store"
    posted = server.http.post("/metrics", {})
    assert (posted.status, posted.headers["allow"]) == (405, "GET, HEAD")


def test_with_a_token_whoever_has_it_may_read_and_nobody_else(tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    with Serving(tmp_path, metrics_token_file=tmp_path / "token", cors="true") as server:
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": TOKEN},
            {"Authorization": "Bearer \xe9"},
        ):
            refused = server.http.get("/metrics", headers)

            assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert b"answerdesk_" not in refused.body
        forwarded = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "192.0.2.7", "Host": "desk.example"}

        # It tells its address before it calls itself ready.
        wait_until(lambda: b"answerdesk_ready 1.0" in server.http.get("/metrics", forwarded).body, "the desk is ready")
        assert TOKEN not in server.logged()


def test_a_token_file_is_read_without_its_line_s_end(tmp_path):
    (tmp_path / "token").write_text(f"  {TOKEN}\n\n")

    assert read_token(tmp_path / "token") == TOKEN
    assert read_token(None) is None


@pytest.mark.parametrize(
    "text", ["", "short", "x" * (LEAST_TOKEN - 1), "two words in a line", f"{TOKEN}\n{TOKEN}", "\xe9" * 20]
)
def test_a_token_that_protects_nothing_is_refused_without_being_told(tmp_path, text):
    (tmp_path / "token").write_text(text, "utf-8")
    with pytest.raises(BadSetting, match="at least 16") as refused:
        read_token(tmp_path / "token")

    assert not text or text not in str(refused.value)


def test_a_token_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadSetting, match=r"metrics_token_file: .*missing cannot be read"):
        read_token(tmp_path / "missing")
