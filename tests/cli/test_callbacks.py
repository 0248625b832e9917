"""Hosts and secrets of callbacks, as the operator registers and replaces them."""

from __future__ import annotations

import asyncio
import base64
import contextlib

import pytest
from standardwebhooks.webhooks import Webhook

from answerdesk.cli.running import readiness
from answerdesk.cli.trust import pinned, trusted
from answerdesk.desk.books import Register
from answerdesk.model.account import AccountId
from answerdesk.model.task import LARGEST_ID
from answerdesk.store.folder import open_store

MINE = f"whsec_{base64.b64encode(bytes(24)).decode()}"


@pytest.fixture
def acme(desk):
    desk("accounts", "add", "acme")

    def change(*words):
        return desk("accounts", "set", "acme", *words, "--json")

    return change


def test_hosts_are_added_and_struck_off_one_by_one(acme):
    first = acme("--callback-host", "Hooks.Example.COM.", "--callback-host", "[2001:DB8::7]:8443").json
    assert first["callback_hosts"] == ["hooks.example.com", "[2001:db8::7]:8443"]

    second = acme("--callback-host", "10.0.0.7", "--drop-callback-host", "hooks.example.com").json
    assert second["callback_hosts"] == ["[2001:db8::7]:8443", "10.0.0.7"]

    assert acme("--drop-callback-host", "all", "--callback-host", "a.test").json["callback_hosts"] == ["a.test"]
    assert acme("--drop-callback-host", "all").json["callback_hosts"] == []


def test_a_host_struck_off_takes_the_customers_own_addresses_of_it_along(tmp_path, acme):
    number = AccountId(acme("--callback-host", "a.test").json["id"])
    with contextlib.closing(open_store(tmp_path / "data")) as store:
        asyncio.run(store.run(Register(account=number, add=("https://a.test/x", "https://b.test/x", "c.test"))))

    left = acme("--drop-callback-host", "b.test").json
    assert (left["callback_hosts"], left["pingbacks"]) == (["a.test"], ["https://a.test/x", "c.test"])
    assert acme("--drop-callback-host", "all").json["pingbacks"] == []


@pytest.mark.parametrize(
    "host", ["http://a.test/", "a.test/x", "*.a.test", "127.1", "a b", "", "user@a.test", "a.test:0"]
)
def test_what_is_no_host_is_refused_with_what_is(acme, host):
    refused = acme("--callback-host", host)

    assert refused.code == 2
    assert "is not a host, such as hooks.example.com, 192.0.2.7 or [2001:db8::7]:8443" in refused.err


def test_a_secret_is_shown_once_and_signs_beside_the_last_until_that_is_dropped(desk, acme):
    made = [acme("--callback-secret", "new").json for _ in range(3)]
    secrets = [one["callback_secret"] for one in made]

    assert [one["callback_secrets"] for one in made] == [1, 2, 2]
    assert len(set(secrets)) == 3
    for secret in secrets:
        Webhook(secret)
    shown = desk("accounts", "show", "acme", "--json")
    assert "whsec_" not in shown.out
    assert shown.json["callback_secrets"] == 2
    settled = acme("--callback-secret", "only")
    assert settled.json["callback_secrets"] == 1
    assert "callback_secret" not in settled.json
    assert acme("--callback-secret", "none").json["callback_secrets"] == 0


def test_a_secret_of_ones_own_is_taken_in_the_form_of_standard_webhooks(acme):
    assert acme("--callback-secret", MINE).json["callback_secret"] == MINE
    for wrong in ("hello", MINE.removeprefix("whsec_"), "whsec_c2hvcnQ=", "whsec_***", f"whsec_{'A' * 400}"):
        refused = acme("--callback-secret", wrong)
        assert refused.code == 2
        assert "24 to 64 bytes in base64; or say new, only or none" in refused.err


def test_a_task_without_a_callback_is_said_to_have_none(desk, acme):
    shown = desk("callbacks", "show", LARGEST_ID)

    assert (shown.code, shown.out) == (1, "")
    assert f"task {LARGEST_ID}: this task has no callback" in shown.err
    again = desk("callbacks", "redeliver", 1, 2)
    assert again.code == 1
    assert again.out.count("this task has no callback") == 2


def test_nobody_special_is_trusted_over_plain_http_or_without_an_authority(tmp_path):
    assert trusted("http://127.0.0.1:1", tmp_path, ca=None) is None
    assert trusted("https://127.0.0.1:1", tmp_path, ca=None) is None
    assert trusted("https://127.0.0.1:1", tmp_path, ca=None, found=True) is None
    assert pinned(tmp_path / "none.pem") is None


def test_a_file_without_certificates_is_told(desk, tmp_path):
    (tmp_path / "text.pem").write_text("no PEM")

    ended = desk(
        "ask", "samples/label.png", "--url", "https://127.0.0.1:9", "--key", "k", "--ca", tmp_path / "text.pem"
    )

    assert ended.code == 2
    assert ended.err.startswith(f"answerdesk: {tmp_path / 'text.pem'} holds no certificates in PEM form")


def test_readiness_over_https_does_not_trust_strangers(server):
    assert "does not answer" in (readiness(f"https://127.0.0.1:{server.http.port}") or "")
