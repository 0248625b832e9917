"""The certificates of the desk: its own, from an authority of its own, or the operator's.
Rule: the authority is made once and kept; its key never leaves the data folder; certificates are renewed in time."""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import msgspec
import trustme
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes

#: What a local desk is called by, whatever else it is called.
LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")
LASTS: Final = timedelta(days=365)
RENEW_BEFORE: Final = timedelta(days=30)
#: Where the desk's own authority lies in the data folder, and in it the certificate that clients trust.
FOLDER: Final = "tls"
AUTHORITY: Final = "ca.pem"


class BadCertificate(ValueError):
    """A certificate or key that cannot be served with; the message says which, and why."""


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """Where a certificate and its key lie, and the authority that clients must trust if it is ours."""

    chain: Path
    key: Path
    authority: Path | None = None

    @property
    def anchors(self) -> str:
        """What to trust to be sure of this desk: the authority, or the very certificate where it is not ours."""
        return (self.authority or self.chain).read_text("ascii")


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a certificate to those who look at it."""

    names: tuple[str, ...]
    begins: datetime
    ends: datetime
    fingerprint: str


def local(folder: Path, names: tuple[str, ...]) -> Certificate:
    """Give a certificate for localhost and further names, from this folder's authority; makes what is missing."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = tuple(dict.fromkeys((*LOCAL_NAMES, *names)))
    found = Certificate(chain=folder / "server.pem", key=folder / "server.key", authority=folder / AUTHORITY)
    if not _serves(found, wanted):
        leaf = _authority(folder).issue_cert(
            *wanted, not_after=datetime.now(UTC) + LASTS, organization_name="answerdesk", organization_unit_name="desk"
        )
        _write(found.key, leaf.private_key_pem.bytes())
        _write(found.chain, b"".join(part.bytes() for part in leaf.cert_chain_pems))
    return found


def own(chain: Path | None, key: Path | None) -> Certificate:
    """Take the operator's certificate; raises BadCertificate when clients could not be served with it."""
    if chain is None or key is None:
        msg = f"tls_cert and tls_key go together: {'tls_key' if key is None else 'tls_cert'} is missing"
        raise BadCertificate(msg)
    for path in (chain, key):
        try:
            path.read_bytes()
        except OSError as error:
            msg = f"{path} cannot be read: {error.strerror}"
            raise BadCertificate(msg) from error
    taken = Certificate(chain=chain, key=key)
    load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), taken)
    ends = facts(chain).ends
    if ends <= datetime.now(UTC):
        msg = f"the certificate {chain} ran out on {ends:%Y-%m-%d}; no client accepts it"
        raise BadCertificate(msg)
    return taken


def load(context: ssl.SSLContext, certificate: Certificate) -> None:
    """Serve new connections with this certificate; raises BadCertificate."""
    try:
        # A key that asks for a password would ask the terminal.
        context.load_cert_chain(certificate.chain, certificate.key, password=lambda: b"")
    except ssl.SSLError as error:
        reason = {
            "KEY_VALUES_MISMATCH": f"the key {certificate.key} is not the one of the certificate {certificate.chain}",
            "NO_START_LINE": f"{certificate.chain} or {certificate.key} is not in PEM form",
        }.get(error.reason or "", f"{certificate.chain} with {certificate.key} is not accepted: {error}")
        raise BadCertificate(reason) from error
    except (ValueError, OSError) as error:
        msg = f"{certificate.chain} with {certificate.key} is not accepted: {error}; the key must not be encrypted"
        raise BadCertificate(msg) from error


def facts(path: Path) -> Facts:
    """Read what there is to know of the first certificate in a file; raises BadCertificate."""
    try:
        read = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        msg = f"{path} is no certificate in PEM form: {error}"
        raise BadCertificate(msg) from error
    names: tuple[str, ...] = ()
    with suppress(x509.ExtensionNotFound):
        carried = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(str(name.value) for name in carried)
    return Facts(
        names=names,
        begins=read.not_valid_before_utc,
        ends=read.not_valid_after_utc,
        fingerprint=read.fingerprint(hashes.SHA256()).hex(":").upper(),
    )


def name_for(certificate: Certificate, host: str) -> str:
    """Give the name to call a desk by: its address if the certificate is for that, else one the certificate is for."""
    names = facts(certificate.chain).names
    if host in names:
        return host
    return next((name for name in names if not name.startswith("*.") and not _is_address(name)), host)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _authority(folder: Path) -> trustme.CA:
    certificate, key = folder / AUTHORITY, folder / "ca.key"
    if certificate.exists() and key.exists():
        try:
            return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
        except ValueError as error:
            msg = f"{certificate} or {key} is damaged ({error}); without both, a new authority is made"
            raise BadCertificate(msg) from error
    authority = trustme.CA(organization_name="answerdesk", organization_unit_name="local authority of this desk")
    _write(key, authority.private_key_pem.bytes())
    # Whoever is to trust the desk needs this one.
    _write(certificate, authority.cert_pem.bytes(), 0o644)
    return authority


def _serves(found: Certificate, names: tuple[str, ...]) -> bool:
    """Tell whether the certificate there is whole, of this authority, for these names, and lasts a while yet."""
    try:
        load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), found)
        leaf = x509.load_pem_x509_certificate(found.chain.read_bytes())
        leaf.verify_directly_issued_by(x509.load_pem_x509_certificate((found.authority or found.chain).read_bytes()))
        said = facts(found.chain)
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False
    return set(said.names) >= set(names) and said.ends - datetime.now(UTC) > RENEW_BEFORE


def _write(path: Path, data: bytes, mode: int = 0o600) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        # Whatever the umask.
        os.fchmod(file.fileno(), mode)
