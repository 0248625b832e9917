"""A callback owed for a settled task: where to, when next, and what came of each try.
Rule: owed from the settling unit on, delivered at least once, given up only after the whole schedule."""

from __future__ import annotations

import enum
import zlib
from typing import Final
from urllib.parse import urlsplit

import msgspec

from answerdesk.model.account import AccountId, Millis, Sequence

#: Seconds from one try to the next: eleven tries over more than a day (PROTOCOL §4.8).
SCHEDULE: Final = (0, 5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200)
#: How far a pause may stray from the schedule, so that many owed at once do not come at once.
JITTER: Final = 0.2
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
    """Give the milliseconds to the next try, strayed by a share that is each task's own."""
    share = zlib.crc32(f"{n}:{tries}".encode()) / 0xFFFFFFFF
    return int(SCHEDULE[tries] * 1000 * (1 + JITTER * (2 * share - 1)))


def host_of(url: str) -> str | None:
    """Give a callback address's host in lower case; None when it is no http or https address we would call."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    plain = parts.scheme in {"http", "https"} and parts.username is None and parts.password is None
    clean = not any(character.isspace() or ord(character) < 32 for character in url) and "\\" not in url
    return host.rstrip(".") if plain and clean and host and port != 0 else None


def is_registered(url: str, hosts: tuple[str, ...]) -> bool:
    """Tell whether a callback address's host, with or without its port, is on a list of registered ones."""
    host = host_of(url)
    if host is None:
        return False
    port = urlsplit(url).port
    return host in hosts or f"{host}:{port}" in hosts
