"""Whom a command trusts when it speaks https to a desk.
Rule: the folder's own server is known by its very certificate; any other by an authority, and by its name."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from answerdesk.cli.ends import Misused
from answerdesk.config import ANCHORS

#: The desk's own authority in its data folder.
AUTHORITY: Final = Path("tls", "ca.pem")

ca_option = click.option(
    "--ca",
    type=click.Path(path_type=Path, dir_okay=False),
    help="For https: trust the authorities in this PEM file too. Default: the data folder's tls/ca.pem, if there.",
)


def pinned(anchors: Path) -> ssl.SSLContext | None:
    """Trust whoever shows one of these certificates or one made by them, whatever it is called; None without a file."""
    if not anchors.exists():
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The folder's owner asks at this machine's address, which the operator's certificate need not be for.
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return _with(context, anchors)


def trusted(url: str, data: Path, *, ca: Path | None, found: bool = False) -> ssl.SSLContext | None:
    """Choose whom to trust at an address; `found` says that the data folder told it. None where nothing is special."""
    if urlsplit(url).scheme != "https":
        return None
    if found and ca is None:
        return pinned(data / ANCHORS)
    authority = ca or data / AUTHORITY
    if ca is None and not authority.exists():
        return None
    return _with(ssl.create_default_context(), authority)


def _with(context: ssl.SSLContext, file: Path) -> ssl.SSLContext:
    try:
        context.load_verify_locations(file)
    except (OSError, ssl.SSLError) as error:
        raise Misused(f"{file} holds no certificates in PEM form: {error}") from error
    return context
