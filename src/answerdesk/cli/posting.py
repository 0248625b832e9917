"""Where an account's callbacks go and what signs them, as `accounts` is told.
Rule: a secret is shown once, when it is made; while one is being replaced both sign."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import click

from answerdesk.cli import options
from answerdesk.model.account import Account
from answerdesk.model.callback import host_named, registrable

PREFIX: Final = "whsec_"
#: Bytes of a secret that is made here, and of one that is taken.
MADE: Final = 32
SHORTEST: Final = 24
LONGEST: Final = 64
NEW: Final = "new"
ONLY: Final = "only"
NONE: Final = "none"
ALL: Final = "all"


class Posting(NamedTuple):
    """What is to change about an account's callbacks."""

    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    secret: str | None = None

    def change(self, account: Account) -> dict[str, Any]:
        """Give the settings as they will be, of those that are named."""
        changed: dict[str, Any] = {}
        if self.add or self.drop:
            kept = [host for host in account.callback_hosts if host not in self.drop and ALL not in self.drop]
            changed["callback_hosts"] = tuple(dict.fromkeys((*kept, *self.add)))
            gone = ALL in self.drop
            changed["pingbacks"] = tuple(
                text for text in account.pingbacks if not gone and host_named(text) not in self.drop
            )
        if self.secret is not None:
            keep = _SECRETS.get(self.secret, self._replaced)
            changed["callback_secrets"] = keep(account.callback_secrets)
        return changed

    @property
    def shown(self) -> str | None:
        """The secret that is shown this once."""
        return None if self.secret in _SECRETS else self.secret

    def _replaced(self, before: tuple[str, ...]) -> tuple[str, ...]:
        """Sign by the new secret and go on signing by the last one."""
        return tuple(dict.fromkeys((self.secret or "", *before)))[:2]


_SECRETS: Final[dict[str, Callable[[tuple[str, ...]], tuple[str, ...]]]] = {
    ONLY: lambda before: before[:1],
    NONE: lambda _: (),
}


def fresh_secret() -> str:
    """Make a secret in the form of Standard Webhooks."""
    return PREFIX + base64.b64encode(secrets.token_bytes(MADE)).decode()


def _host(text: str) -> str:
    host = registrable(text)
    if host is None:
        msg = f"{text!r} is not a host, such as hooks.example.com, 192.0.2.7 or [2001:db8::7]:8443"
        raise ValueError(msg)
    return host


def _dropped(text: str) -> str:
    return ALL if text == ALL else _host(text)


def _secret(text: str) -> str:
    if text in {ONLY, NONE}:
        return text
    if text == NEW:
        return fresh_secret()
    try:
        raw = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raw = b""
    if not text.startswith(PREFIX) or not SHORTEST <= len(raw) <= LONGEST:
        msg = f"a secret is {PREFIX} and {SHORTEST} to {LONGEST} bytes in base64; or say {NEW}, {ONLY} or {NONE}"
        raise ValueError(msg)
    return text


_OPTIONS: Final = (
    click.option(
        "--callback-host", "add", type=options.Read("host", _host), multiple=True,
        help="Register a host, or host:port, that callbacks may go to; may be given more than once.",
    ),
    click.option(
        "--drop-callback-host", "drop", type=options.Read("host", _dropped), multiple=True,
        help=f"Strike a host off that list, or {ALL}.",
    ),
    click.option(
        "--callback-secret", "secret", type=options.Read("secret", _secret),
        help=f"Sign callbacks by this secret ({PREFIX}...) too, or by a {NEW} one, which is shown. The last one signs"
        f" on until {ONLY} the newest is to; {NONE} signs no more.",
    ),
)  # fmt: skip


def posting_options(command: options.F) -> options.F:
    """Give a command the options about callbacks."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
