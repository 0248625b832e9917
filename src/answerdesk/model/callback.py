"""A callback owed for a settled task: where to, when next, and what came of each try.
Rule: owed from the settling unit on, delivered at least once, given up only after the whole schedule."""

from __future__ import annotations

import enum
import re
import zlib
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import msgspec

from answerdesk.model.account import Account, AccountId, Millis, Sequence

#: Seconds from one try to the next: eleven tries over more than a day (PROTOCOL §4.8).
SCHEDULE: Final = (0, 5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200)
#: By which share a pause may be longer than the schedule's, so that many owed at once do not come at once.
JITTER: Final = 0.2
#: Characters of an address that is still called.
LONGEST_URL: Final = 2_048
#: What a receiver answers that wants no more.
GONE: Final = 410


class Delivery(enum.StrEnum):
    """Where a callback stands."""

    #: Will be tried at its time.
    OWED = "owed"
    #: A receiver answered 2xx.
    DONE = "done"
    #: The receiver answered 410: never again.
    REFUSED = "refused"
    #: Every try of the schedule failed, or the address is not allowed.
    GIVEN_UP = "given up"


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """One callback, keyed by its task."""

    n: Sequence
    account: AccountId
    url: str
    host: str
    state: Delivery = Delivery.OWED
    tries: int = 0
    due: Millis


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try and what came of it; status 0 where no answer came."""

    n: Sequence
    account: AccountId
    at: Millis
    status: int
    detail: str
    milliseconds: int


def after(callback: Callback, attempt: Attempt) -> Callback:
    """Give the callback as it stands after a try."""
    tries = callback.tries + 1
    if 200 <= attempt.status < 300:
        state = Delivery.DONE
    elif attempt.status == GONE:
        state = Delivery.REFUSED
    elif tries >= len(SCHEDULE):
        state = Delivery.GIVEN_UP
    else:
        state = Delivery.OWED
    pause = _pause(callback.n, tries) if state is Delivery.OWED else 0
    return msgspec.structs.replace(callback, state=state, tries=tries, due=Millis(attempt.at + pause))


def _pause(n: Sequence, tries: int) -> int:
    """Give the milliseconds to the next try: the plan and a share of it that is each task's own."""
    share = zlib.crc32(f"{n}:{tries}".encode()) / 0xFFFFFFFF
    return int(SCHEDULE[tries] * 1000 * (1 + JITTER * share))


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An address as it is called: read once, by one grammar, so that nobody later reads another host out of it."""

    secure: bool
    #: A name in lower case without its last dot, or an IP address in its shortest form, without brackets.
    host: str
    port: int
    #: The path and query to ask for.
    target: str

    @property
    def header(self) -> str:
        """The host as HTTP names it, with a port that is not the scheme's own."""
        return _bracketed(self.host) if self.port == _PORTS[self.secure] else self.named

    @property
    def named(self) -> str:
        """The host with its port, whichever that is."""
        return f"{_bracketed(self.host)}:{self.port}"

    def within(self, hosts: tuple[str, ...]) -> bool:
        """Tell whether a list of registered hosts has this one, with or without its port."""
        return self.host in hosts or self.named in hosts


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


_PORTS: Final = {False: 80, True: 443}
#: Plain printable ASCII and no user name, backslash, space or fragment: what two readers might read in two ways.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>(?:/[!-~]*)?(?:\?[!-~]*)?)",
    re.ASCII | re.IGNORECASE,
)
_NAME: Final = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)
#: A last label that some resolver takes for a number, and so for an IP address in a form that is not checked here.
_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


def place_of(url: str) -> Place | None:
    """Read a callback address; None when it is not plainly an http or https address that can be called."""
    found = _URL.fullmatch(url) if len(url) <= LONGEST_URL and "#" not in url and "\\" not in url else None
    host = clean_host(found["host"]) if found else None
    if found is None or host is None:
        return None
    secure = found["scheme"].lower() == "https"
    port = int(found["port"]) if found["port"] else _PORTS[secure]
    if not 0 < port < 65_536:
        return None
    target = found["target"]
    return Place(secure=secure, host=host, port=port, target=target if target.startswith("/") else f"/{target}")


def clean_host(text: str) -> str | None:
    """Give a name or IP address as it is compared; None for what is neither in its usual form."""
    text = text.lower()
    try:
        if text.startswith("[") and text.endswith("]"):
            return str(IPv6Address(text[1:-1]))
        if ":" in text:
            return str(IPv6Address(text))
        text = text.removesuffix(".")
        if _NUMBER.fullmatch(text):
            return str(IPv4Address(text))
    except ValueError:
        return None
    return text if _NAME.fullmatch(text) else None


def host_of(url: str) -> str | None:
    """Give a callback address's host in lower case; None when it is no http or https address we would call."""
    place = place_of(url)
    return place.host if place else None


def registrable(text: str) -> str | None:
    """Give a host, or host:port, as a list of registered ones holds it; None for what cannot be registered."""
    text = text.strip()
    if (host := clean_host(text)) is not None:
        return host
    place = place_of(f"https://{text}/")
    return place.named if place and place.target == "/" and text.endswith(f":{place.port}") else None


def host_named(text: str) -> str | None:
    """Give the host, with its port where that is not its scheme's own, of a URL, a domain or an address to register."""
    if "://" not in text:
        return registrable(text)
    place = place_of(text)
    if place is None:
        return None
    return place.named if place.header == place.named else place.host


def hosts_of(account: Account) -> tuple[str, ...]:
    """List the hosts that an account's callbacks may go to."""
    if not account.pingbacks:
        return account.callback_hosts
    named = (host_named(text) for text in account.pingbacks)
    return tuple(dict.fromkeys((*account.callback_hosts, *(host for host in named if host is not None))))


def is_registered(url: str, hosts: tuple[str, ...]) -> bool:
    """Tell whether a callback address's host, with or without its port, is on a list of registered ones."""
    place = place_of(url)
    return place is not None and place.within(hosts)
