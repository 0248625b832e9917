"""The desk's own certificates are made once, kept, renewed in time and secret; the operator's are checked."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from answerdesk.api.certificates import LOCAL_NAMES, BadCertificate, facts, local, name_for, own


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def pem(leaf: trustme.LeafCert) -> bytes:
    return b"".join(part.bytes() for part in leaf.cert_chain_pems)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tls"


@pytest.fixture
def mine(tmp_path):
    """An operator's certificate for desk.test, as its two files."""
    leaf = trustme.CA().issue_cert("*.desk.test", "192.0.2.7", "desk.test")
    (tmp_path / "chain.pem").write_bytes(pem(leaf))
    (tmp_path / "key.pem").write_bytes(leaf.private_key_pem.bytes())
    return tmp_path / "chain.pem", tmp_path / "key.pem"


def test_a_certificate_is_for_this_machine_and_for_what_else_it_is_called(folder):
    made = local(folder, ("desk.test", "*.inner.test", "10.0.0.9", "localhost"))

    said = facts(made.chain)
    assert said.names == (*LOCAL_NAMES, "desk.test", "*.inner.test", "10.0.0.9")
    assert timedelta(days=300) < said.ends - datetime.now(UTC) < timedelta(days=398)
    assert made.authority == folder / "ca.pem"
    assert made.anchors == (folder / "ca.pem").read_text()


def test_what_lies_in_the_folder_is_its_owners_alone_but_for_whom_to_trust(folder):
    before = os.umask(0o077)
    try:
        local(folder, ())
    finally:
        os.umask(before)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir()} == {
        "ca.key": "0o600", "ca.pem": "0o644", "server.key": "0o600", "server.pem": "0o600",
    }  # fmt: skip


def test_what_was_made_is_kept(folder):
    local(folder, ("desk.test",))
    before = files(folder)

    local(folder, ("desk.test",))
    local(folder, ())

    assert files(folder) == before


def test_a_further_name_takes_a_new_certificate_of_the_same_authority(folder):
    local(folder, ())
    before = files(folder)

    local(folder, ("desk.test",))

    changed = {name for name, data in files(folder).items() if data != before[name]}
    assert changed == {"server.key", "server.pem"}


@pytest.mark.parametrize(("days", "renewed"), [(29, True), (-1, True), (31, False)])
def test_a_certificate_is_renewed_before_it_ends(folder, days, renewed):
    local(folder, ())
    authority = trustme.CA.from_pem((folder / "ca.pem").read_bytes(), (folder / "ca.key").read_bytes())
    now = datetime.now(UTC)
    leaf = authority.issue_cert(*LOCAL_NAMES, not_before=now - timedelta(days=90), not_after=now + timedelta(days=days))
    (folder / "server.pem").write_bytes(pem(leaf))
    (folder / "server.key").write_bytes(leaf.private_key_pem.bytes())

    made = local(folder, ())

    assert (made.chain.read_bytes() != pem(leaf)) is renewed
    assert facts(made.chain).ends > now + timedelta(days=30)


@pytest.mark.parametrize("name", ["server.pem", "server.key"])
@pytest.mark.parametrize("damage", [b"", b"no PEM", None])
def test_a_damaged_certificate_is_made_anew(folder, name, damage):
    local(folder, ())
    authority = (folder / "ca.pem").read_bytes()
    (folder / name).unlink()
    if damage is not None:
        (folder / name).write_bytes(damage)

    own(*(local(folder, ()).chain, folder / "server.key"))

    assert (folder / "ca.pem").read_bytes() == authority


@pytest.mark.parametrize("both", [True, False])
def test_what_is_not_of_this_authority_is_made_anew(folder, both):
    local(folder, ())
    stranger = trustme.CA().issue_cert(*LOCAL_NAMES)
    (folder / "server.pem").write_bytes(pem(stranger))
    if both:
        (folder / "server.key").write_bytes(stranger.private_key_pem.bytes())

    made = local(folder, ())

    assert made.chain.read_bytes() != pem(stranger)
    own(made.chain, made.key)


def test_an_authority_whose_key_is_lost_is_replaced_with_the_next_certificate(folder):
    local(folder, ())
    before = files(folder)
    (folder / "ca.key").unlink()

    local(folder, ())
    assert (folder / "server.pem").read_bytes() == before["server.pem"]

    local(folder, ("desk.test",))
    assert (folder / "ca.pem").read_bytes() != before["ca.pem"]


def test_a_damaged_authority_is_told_and_not_replaced(folder):
    local(folder, ())
    (folder / "ca.key").write_bytes(b"no key")

    with pytest.raises(BadCertificate, match=r"ca\.key is damaged .*; without both, a new authority is made"):
        local(folder, ("desk.test",))
    assert (folder / "ca.key").read_bytes() == b"no key"


def test_the_operators_certificate_is_taken_as_it_is(mine):
    taken = own(*mine)

    assert (taken.chain, taken.key, taken.authority) == (*mine, None)
    assert taken.anchors == mine[0].read_text()


def test_a_desk_is_called_by_a_name_its_certificate_is_for(mine):
    taken = own(*mine)

    assert name_for(taken, "192.0.2.7") == "192.0.2.7"
    assert name_for(taken, "127.0.0.1") == "desk.test"


@pytest.mark.parametrize(
    ("which", "complaint"),
    [
        ((0, None), "tls_cert and tls_key go together: tls_key is missing"),
        ((None, 1), "tls_cert and tls_key go together: tls_cert is missing"),
        ((0, "other.key"), r"other\.key is not the one of the certificate .*chain\.pem"),
        ((0, "none.pem"), r"none\.pem cannot be read: No such file"),
        ((0, "text.pem"), r"chain\.pem or .*text\.pem is not in PEM form|text\.pem is not accepted"),
        (("text.pem", 1), r"text\.pem"),
        ((0, "locked.key"), r"locked\.key is not accepted.*must not be encrypted|locked\.key is not accepted"),
        (("old.pem", "old.key"), r"the certificate .*old\.pem ran out on 20\d\d-\d\d-\d\d"),
    ],
)
def test_a_certificate_nobody_could_use_is_refused_with_the_reason(mine, tmp_path, which, complaint):
    other = trustme.CA().issue_cert("desk.test")
    (tmp_path / "other.key").write_bytes(other.private_key_pem.bytes())
    (tmp_path / "text.pem").write_text("no PEM")
    key = serialization.load_pem_private_key(mine[1].read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"secret")
    (tmp_path / "locked.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    )
    past = datetime.now(UTC) - timedelta(days=1)
    old = trustme.CA().issue_cert("desk.test", not_before=past - timedelta(days=9), not_after=past)
    (tmp_path / "old.pem").write_bytes(pem(old))
    (tmp_path / "old.key").write_bytes(old.private_key_pem.bytes())
    chosen = [mine[one] if isinstance(one, int) else one and tmp_path / one for one in which]

    with pytest.raises(BadCertificate, match=complaint):
        own(*chosen)
