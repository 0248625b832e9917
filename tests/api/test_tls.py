"""A server that speaks TLS, asked by clients that check it."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import sys

import httpx
import pytest
import trustme

from answerdesk_client import AsyncClient
from tests.serving import PATIENCE, Serving, serving, wait_until

CLI = (sys.executable, "-m", "answerdesk.cli")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("tls"), tls=1, tls_names="desk.test,10.0.0.9") as running:
        yield running


def authority(server: Serving) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.data / "tls" / "ca.pem")


def handshake(server: Serving, name: str, context: ssl.SSLContext) -> str | None:
    with server.http.raw() as line, context.wrap_socket(line, server_hostname=name) as secured:
        return secured.version()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "desk.test", "10.0.0.9"])
def test_a_client_that_trusts_the_authority_accepts_every_name_of_the_desk(server, name):
    assert handshake(server, name, authority(server)) == "TLSv1.3"


@pytest.mark.parametrize("name", ["other.test", "10.0.0.8", "api.desk.test"])
def test_another_name_is_refused(server, name):
    with pytest.raises(ssl.SSLCertVerificationError, match="match"):
        handshake(server, name, authority(server))


def test_a_client_that_does_not_trust_the_authority_refuses_the_desk(server):
    with pytest.raises(ssl.SSLCertVerificationError, match=r"self-signed|unable to get local issuer"):
        handshake(server, "localhost", ssl.create_default_context())


def test_who_speaks_plain_http_gets_no_answer(server):
    with contextlib.suppress(ConnectionError):
        assert b"200" not in server.http.exchange(b"GET /ping HTTP/1.0\r\n\r\n")


def test_http_is_the_same_over_tls(server):
    url = f"https://127.0.0.1:{server.http.port}"
    with httpx.Client(base_url=url, verify=authority(server)) as line:
        assert line.get("/readyz").text == "ready"
        assert line.post("/getBalance", json={"clientKey": server.first_key}).json() == {"errorId": 0, "balance": 10.0}


async def test_the_sdk_takes_the_authority(server):
    async with AsyncClient(f"https://localhost:{server.http.port}", server.first_key, tls=authority(server)) as desk:
        assert await desk.balance() == 10


def test_the_server_says_whom_to_trust(server):
    ca = server.data / "tls" / "ca.pem"

    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        assert f"export {name}={ca}" in server.logged()
    assert f"API       https://127.0.0.1:{server.http.port} " in server.logged()


def cli(server: Serving, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*CLI, *words, "--data", str(server.data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_the_folders_owner_finds_the_server_ready(server):
    checks = {check["check"]: check for check in json.loads(cli(server, "doctor", "--json").stdout)}

    assert checks["server"]["found"] == f"ready at https://127.0.0.1:{server.http.port}"


def test_tls_show_tells_names_and_fingerprints(server):
    shown = json.loads(cli(server, "tls", "show", "--json").stdout)

    assert shown["certificate"]["names"] == ["localhost", "127.0.0.1", "::1", "desk.test", "10.0.0.9"]
    assert shown["authority"]["file"] == str(server.data / "tls" / "ca.pem")
    assert len(shown["authority"]["sha256"]) == 95
    assert shown["serves_at"] == f"https://127.0.0.1:{server.http.port}"


def test_tls_trust_names_every_system_and_changes_none(server):
    told = cli(server, "tls", "trust").stdout

    for system in ("Debian", "Fedora", "macOS", "Windows", "Python", "Node"):
        assert system in told
    assert told.count(str(server.data / "tls" / "ca.pem")) == 8


def test_without_an_authority_tls_says_how_to_make_one(tmp_path):
    command = [*CLI, "tls", "trust", "--data", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert ran.returncode == 1
    assert f"`answerdesk serve --tls --data {tmp_path}` makes it" in ran.stderr


@pytest.mark.slow
def test_over_a_restart_clients_go_on_trusting(tmp_path):
    with serving(tmp_path, tls=1) as server:
        trust = authority(server)
        assert (server.data / "address.pem").exists()
        server.stop()
        assert not (server.data / "address.pem").exists()
        server.start()
        assert handshake(server, "localhost", trust) == "TLSv1.3"


@pytest.fixture
def operators(tmp_path):
    """An operator's certificate, for a name this machine does not know."""
    leaf = trustme.CA().issue_cert("desk.test")
    leaf.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    return {"tls_cert": tmp_path / "both.pem", "tls_key": tmp_path / "both.pem"}


@pytest.mark.slow
def test_with_the_operators_certificate_the_machine_and_ask_still_find_the_desk(tmp_path, operators):
    with serving(tmp_path, solver="ocr", **operators) as server:
        wait_until(lambda: f"https://desk.test:{server.http.port}" in server.logged(), "the desk's name is told")
        asked = cli(server, "ask", "samples/label.png")

    assert "SN-4827-K19" in asked.stdout, asked.stderr + server.logged()
    assert not (server.data / "tls").exists()


def test_a_certificate_and_a_key_that_do_not_belong_together_are_refused(tmp_path, operators):
    key = trustme.CA().issue_cert("desk.test").private_key_pem
    key.write_to_path(str(tmp_path / "other.key"))
    command = [*CLI, "serve", "--data", str(tmp_path / "data"), "--port", "0", "--tls-cert", str(operators["tls_cert"])]
    mismatched = [*command, "--tls-key", str(tmp_path / "other.key")]

    alone, other = (
        subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
        for words in (command, mismatched)
    )

    assert (alone.returncode, other.returncode) == (2, 2)
    assert alone.stderr == "answerdesk: tls_cert and tls_key go together: tls_key is missing\n"
    assert other.stderr.startswith(f"answerdesk: the key {tmp_path / 'other.key'} is not the one of the certificate")


def test_a_client_that_never_shakes_hands_keeps_nobody_waiting(server):
    with contextlib.ExitStack() as lines:
        for _ in range(50):
            lines.enter_context(socket.create_connection(("127.0.0.1", server.http.port)))
        assert handshake(server, "localhost", authority(server)) == "TLSv1.3"
