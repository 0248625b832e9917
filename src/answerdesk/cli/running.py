"""The running server of a data folder: where it is, and whether it answers.
Rule: a folder whose server is gone is told at once, without waiting for a connection that nobody takes."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from answerdesk.cli.ends import Failed
from answerdesk.config import ADDRESS

#: Seconds a server on this machine may take to take a connection.
PATIENCE: Final = 5.0


def shown_address(data: Path) -> str | None:
    """Read where the folder's server says it is; None where none serves."""
    try:
        return (data / ADDRESS).read_text("utf-8").strip()
    except OSError:
        return None


def address_of(data: Path) -> str:
    """Give the address of the folder's server; raises Failed when none runs."""
    url = shown_address(data)
    if url is None:
        raise Failed(f"no server runs on {data}: `answerdesk serve --data {data}` starts one, --url names another")
    try:
        _connected(url).close()
    except OSError as error:
        raise Failed(f"the server of {data} is gone from {url} ({error.strerror or error}); start it again") from None
    return url


def readiness(url: str, tls: ssl.SSLContext | None = None) -> str | None:
    """Ask a server whether it is ready; gives what is wrong, None for nothing."""
    try:
        with _secured(url, tls) as talk:
            talk.sendall(f"GET /readyz HTTP/1.0\r\nHost: {urlsplit(url).netloc}\r\n\r\n".encode())
            reply = b"".join(iter(lambda: talk.recv(4096), b""))
    except OSError as error:
        return f"{url} does not answer: {error.strerror or error}"
    head, _, body = reply.partition(b"\r\n\r\n")
    if head.split(b" ")[1:2] == [b"200"]:
        return None
    return f"{url} is not ready: {body.decode(errors='replace')[:200] or head[:100].decode(errors='replace')}"


def _secured(url: str, tls: ssl.SSLContext | None) -> socket.socket:
    talk = _connected(url)
    if urlsplit(url).scheme != "https":
        return talk
    return (tls or ssl.create_default_context()).wrap_socket(talk, server_hostname=urlsplit(url).hostname)


def _connected(url: str) -> socket.socket:
    place = urlsplit(url)
    return socket.create_connection((place.hostname or "", place.port or 80), timeout=PATIENCE)
