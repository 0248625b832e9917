"""Where a server is and what it tells of itself: printed once, and left in the folder for as long as it runs.
Rule: what is told is for the folder's owner alone; a database is named without its secrets."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from answerdesk.config import ADDRESS, ANCHORS
from answerdesk.model.money import Micros
from answerdesk.store.folder import ELSEWHERE, written_while

if TYPE_CHECKING:
    # What it imports costs a quarter of a second, and serves https alone.
    from answerdesk.api.certificates import Certificate

#: What listens on every address, and by which it is reached from this machine.
ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - named, not listened on


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """What a server that is ready tells: its address, the first account's key, and what is amiss with its machine."""

    url: str
    data: Path
    #: The database, as it may be shown, where it is none in that folder.
    database: str | None = None
    new: bool
    key: str | None
    #: Whose key it is, and what is on that account.
    account: str | None
    balance: Micros
    machine: str | None
    trouble: str | None = None
    #: The certificate of the desk's own authority, which clients must trust.
    authority: Path | None = None
    #: The secret of a link that signs the owner in once, while no owner has a password.
    enter: str | None = None


@contextlib.contextmanager
def told(data: Path, url: str, certificate: Certificate | None, database: str | None = None) -> Iterator[None]:
    """Leave word in the folder, for as long as the server runs, of where it is, what it is known by, and its desk."""
    with contextlib.ExitStack() as written:
        if database is None:
            # One that was killed leaves its word.
            (data / ELSEWHERE).unlink(missing_ok=True)
        else:
            # Its own words, so without the password: commands that are not told of it would take the folder's desk.
            written.enter_context(written_while(data / ELSEWHERE, database))
        if certificate is not None:
            written.enter_context(written_while(data / ANCHORS, certificate.anchors))
        written.enter_context(written_while(data / ADDRESS, url))
        yield


def over_tls(announcement: Announcement, certificate: Certificate, host: str) -> Announcement:
    """Call the desk by a name its certificate is for, and say whom clients must trust."""
    from answerdesk.api import certificates  # noqa: PLC0415 - serves https alone

    shown = ANYWHERE.get(host, host)
    name = certificates.name_for(certificate, shown)
    url = announcement.url if name == shown else announcement.url.replace(bracketed(shown), name, 1)
    return msgspec.structs.replace(announcement, url=url, authority=certificate.authority)


def family(host: str) -> socket.AddressFamily:
    """Give the family of an address to listen on."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def url_of(host: str, listening: socket.socket, *, secure: bool) -> str:
    """Give the address by which this machine reaches what listens."""
    port = listening.getsockname()[1]
    return f"{'https' if secure else 'http'}://{bracketed(ANYWHERE.get(host, host))}:{port}"


def bracketed(host: str) -> str:
    """Write a host as addresses of the web do."""
    return f"[{host}]" if ":" in host else host
