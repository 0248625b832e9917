"""Whether a request comes from this very site, and whether browsers keep a secure cookie for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model.origin import cookie, is_own, is_trustworthy

HOST = "desk.test:8080"
ORIGIN = "https://desk.test:8080"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_changes_nothing_may_come_from_anywhere(method):
    assert is_own(method, "cross-site", "https://evil.test", HOST)


@pytest.mark.parametrize(
    ("site", "origin", "host", "own"),
    [
        ("same-origin", "", HOST, True),
        ("same-origin", "null", HOST, True),
        ("none", "", HOST, True),
        ("same-site", ORIGIN, HOST, False),
        ("cross-site", ORIGIN, HOST, False),
        ("anything", ORIGIN, HOST, False),
        ("", ORIGIN, HOST, True),
        ("", "HTTPS://DESK.test:8080", HOST, False),
        ("", "https://DESK.test:8080", "Desk.Test:8080", True),
        ("", "http://desk.test:8080", HOST, True),
        ("", "https://desk.test", HOST, False),
        ("", "https://desk.test:8080.evil.test", HOST, False),
        ("", "null", HOST, False),
        ("", "ftp://desk.test:8080", HOST, False),
        ("", "desk.test:8080", HOST, False),
        ("", "", HOST, False),
        ("", "", "", False),
        ("", "https://", "", False),
    ],
)
def test_what_cannot_be_told_is_not_our_own(site, origin, host, own):
    assert is_own("POST", site, origin, host) is own


@given(st.sampled_from(["POST", "PUT", "DELETE", "PATCH", "BREW"]), st.text(), st.text())
def test_nothing_without_both_headers_is_our_own(method, host, other):
    assert not is_own(method, "", "", host)
    assert not is_own(method, "cross-site", other, host)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("__Host-s=abc", "abc"),
        ("a=b; __Host-s=abc; c=d", "abc"),
        ("__Host-s=abc; __Host-s=def", "abc"),
        ("__host-s=abc", ""),
        ("x__Host-s=abc", ""),
        ("__Host-s", ""),
        ("__Host-s=a=b", "a=b"),
        ("", ""),
        (";;;", ""),
    ],
)
def test_a_cookie_is_found_by_its_whole_name(header, value):
    assert cookie(header, "__Host-s") == value


@pytest.mark.parametrize(
    ("scheme", "host", "safe"),
    [
        ("https", "desk.test", True),
        ("https", "", True),
        ("http", "localhost", True),
        ("http", "LOCALHOST:8080", True),
        ("http", "desk.localhost:1", True),
        ("http", "127.0.0.1", True),
        ("http", "127.9.9.9:80", True),
        ("http", "[::1]:8080", True),
        ("http", "desk.test", False),
        ("http", "192.168.1.5:8080", False),
        ("http", "localhost.evil.test", False),
        ("http", "evillocalhost", False),
        ("http", "127.0.0.1.evil.test", False),
        ("http", "[::1", False),
        ("http", "", False),
        ("ws", "desk.test", False),
    ],
)
def test_only_https_and_this_machine_are_trusted_with_a_cookie(scheme, host, safe):
    assert is_trustworthy(scheme, host) is safe
