"""Where a desk's database is, when that is not a file: a PostgreSQL URL whose password nobody is shown.
Rule: what is printed, logged or told of it is its text without secrets; the driver alone is handed the whole."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

SCHEMES: Final = ("postgresql", "postgres")
#: Options whose values may be shown; others may be a password, if only by a slip of the pen.
_SHOWN: Final = frozenset(
    {
        *("host", "hostaddr", "port", "dbname", "user", "application_name", "connect_timeout", "options", "service"),
        *("sslmode", "gssencmode", "channel_binding", "require_auth", "target_session_attrs", "load_balance_hosts"),
    }
)
#: One or several servers between commas, each with or without a port; none for a socket named in the options.
_HOST: Final = r"(?:\[[0-9A-Fa-f:.%]+\]|[\w.%-]*)(?::\d{0,5})?"
_HOSTS: Final = re.compile(rf"{_HOST}(?:,{_HOST})*")
_OPTIONS: Final = re.compile(r"(?:\w+=[^&=]*(?:&|\Z))*")
_STARS: Final = "***"


class DatabaseUrl:
    """A URL that shows itself without its secrets."""

    __slots__ = ("_whole",)

    def __init__(self, text: str) -> None:
        """Read a URL; raises ValueError, naming nothing of what may be a password."""
        if not _is_sound(text):
            msg = "not a postgresql:// URL"
            raise ValueError(msg)
        self._whole = text

    def reveal(self) -> str:
        """Give the whole of it, for the driver."""
        return self._whole

    def __str__(self) -> str:
        """Give it as it may be shown."""
        parts = urlsplit(self._whole)
        entry, at, hosts = parts.netloc.rpartition("@")
        user, colon, _ = entry.partition(":")
        shown = f"{user}{colon}{_STARS if colon else ''}{at}{hosts}"
        query = "&".join(map(_shown, parts.query.split("&")))
        return f"{parts.scheme}://{shown}{parts.path}{'?' if query else ''}{query}"

    def __repr__(self) -> str:
        """Give no more than is shown."""
        return f"DatabaseUrl({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        """Tell whether two are the same, secrets and all."""
        return isinstance(other, DatabaseUrl) and self._whole == other._whole

    def __hash__(self) -> int:
        """As equal ones are."""
        return hash(self._whole)


def _shown(option: str) -> str:
    name, sign, value = option.partition("=")
    return f"{name}{sign}{value if name in _SHOWN else _STARS * bool(sign)}"


def _is_sound(text: str) -> bool:
    """Tell whether every part is where it belongs.

    What stands after a password with a / ? or # in it would be taken for a host's name or a path, and shown.
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    placed = _HOSTS.fullmatch(parts.netloc.rpartition("@")[2]) and _OPTIONS.fullmatch(parts.query)
    named = text.startswith(tuple(f"{scheme}://" for scheme in SCHEMES))
    return bool(placed) and named and text.isprintable() and "@" not in parts.path + parts.fragment
