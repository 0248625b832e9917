"""A certificate authority of the desk's own, for clients that insist on TLS.
Rule: the authority is made once and kept; its key never leaves the data folder; certificates are renewed in time."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
import trustme
from cryptography import x509

#: What a local desk is called by, whatever else it is called.
LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")
LASTS: Final = timedelta(days=365)
RENEW_BEFORE: Final = timedelta(days=30)


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """Where a certificate and its key lie, and the authority that clients must trust if it is ours."""

    chain: Path
    key: Path
    authority: Path | None = None


def local(folder: Path, names: tuple[str, ...]) -> Certificate:
    """Give a certificate for localhost and further names, from this folder's authority; makes what is missing."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = tuple(dict.fromkeys((*LOCAL_NAMES, *names)))
    found = Certificate(chain=folder / "server.pem", key=folder / "server.key", authority=folder / "ca.pem")
    if not _serves(found, wanted):
        leaf = _authority(folder).issue_cert(*wanted, not_after=datetime.now(UTC) + LASTS)
        _write(found.key, leaf.private_key_pem.bytes())
        _write(found.chain, b"".join(part.bytes() for part in leaf.cert_chain_pems))
    return found


def _authority(folder: Path) -> trustme.CA:
    certificate, key = folder / "ca.pem", folder / "ca.key"
    if certificate.exists() and key.exists():
        return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    authority = trustme.CA(organization_name="answerdesk", organization_unit_name="local authority of this desk")
    _write(key, authority.private_key_pem.bytes())
    _write(certificate, authority.cert_pem.bytes())
    return authority


def _serves(found: Certificate, names: tuple[str, ...]) -> bool:
    """Tell whether the certificate there is for these names and lasts a while yet."""
    if not (found.chain.exists() and found.key.exists() and found.authority and found.authority.exists()):
        return False
    leaf = x509.load_pem_x509_certificate(found.chain.read_bytes())
    carried = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    said = {str(name.value) for name in carried}
    return said >= set(names) and leaf.not_valid_after_utc - datetime.now(UTC) > RENEW_BEFORE


def _write(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
