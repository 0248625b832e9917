"""Where a browser's request comes from: its cookies, and whether this very site sent it.
Rule: what cannot be told is refused (UX §4); these are headers no page of another site can write."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from answerdesk.model.limit import is_loopback

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def is_own(method: str, site: str, origin: str, host: str) -> bool:
    """Tell whether a request may act with the cookies it came with.

    `site`, `origin` and `host` are Sec-Fetch-Site, Origin and Host, empty where they were not sent.
    """
    if method in SAFE:
        return True
    if site:
        return site in {"same-origin", "none"}
    return bool(host) and _place(origin) == host.lower()


def _place(origin: str) -> str:
    scheme, separator, place = origin.partition("://")
    return place.lower() if separator and scheme in {"http", "https"} else ""


def cookie(header: str, name: str) -> str:
    """Give a cookie's value, the first where there are several; empty when it was not sent."""
    for part in header.split(";"):
        called, _, value = part.strip().partition("=")
        if called == name:
            return value
    return ""


def is_trustworthy(scheme: str, host: str) -> bool:
    """Tell whether a browser keeps secure cookies for this address: https, or a name of its own machine."""
    if scheme == "https":
        return True
    name = _name(host)
    return name == "localhost" or name.endswith(".localhost") or is_loopback(name)


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
