"""Who asks and pays: an account's settings, its purse, and the keys that name it.
Rule: settings may be a moment old; the purse is only ever read and written inside a unit."""

from __future__ import annotations

import enum
import hashlib
from typing import Final, NewType

import msgspec

from answerdesk.model.money import NOTHING, Micros

AccountId = NewType("AccountId", int)
#: Milliseconds since the Unix epoch.
Millis = NewType("Millis", int)
#: The number a task is stored under; the wire shows its permutation (PROTOCOL T14).
Sequence = NewType("Sequence", int)

DAY_MS: Final = 86_400_000
#: The desk's own account, under which it asks for itself: nobody's key, in no list, its number never drawn.
OWN: Final = AccountId(2**53 - 1)


class Standing(enum.StrEnum):
    """Whether an account may call."""

    ACTIVE = "active"
    #: Locked by the operator: every call is refused with ACCOUNT_SUSPENDED.
    SUSPENDED = "suspended"


class Strictness(enum.StrEnum):
    """Where an account wants a vendor's own ways, all off by default."""

    #: The vendor's size limits (PROTOCOL §6.1).
    LIMITS = "limits"
    #: The vendor's report window, and its share of bad reports (PROTOCOL §4.2, §8.5).
    REPORTS = "reports"
    #: The HTTP statuses CapMonster's live service was seen answering (PROTOCOL T4).
    HTTP = "http"
    #: NO_SUCH_METHOD for an unknown task type (PROTOCOL G13).
    TYPES = "types"
    #: The older API's blocks of accounts that ask too much for what they submit (PROTOCOL §8.8).
    BLOCKS = "blocks"


class NoMatch(enum.StrEnum):
    """How JSON tells that nothing of a grid fits (PROTOCOL §6.5)."""

    #: An empty list, which typed clients survive.
    LIST = "list"
    #: The words the vendor's pages name.
    WORDS = "words"


class CallbackForm(enum.StrEnum):
    """What is posted of a task whose vendor posts a form (PROTOCOL §4.8)."""

    #: The vendor's form.
    VENDOR = "vendor"
    #: The JSON that getTaskResult replies, with the task's id.
    JSON = "json"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account's settings; 0 in a limit means no limit."""

    id: AccountId
    name: str
    standing: Standing = Standing.ACTIVE
    #: The dialect spoken to this account whatever the server's default, None for the default.
    dialect: str | None = None
    #: Addresses or networks that may use the account's keys; empty means any.
    allow_ips: tuple[str, ...] = ()
    max_open: int = 10_000
    requests_per_second: int = 0
    #: How many turns its tasks have where an account of weight 1 has one.
    weight: int = 1
    #: The group of solvers that alone may serve its tasks, empty for every solver.
    group: str = ""
    #: Its tasks cost nothing and are for its group alone, which it must have (PROTOCOL §4.9).
    sandbox: bool = False
    #: Hosts (or host:port) that callbacks may go to.
    callback_hosts: tuple[str, ...] = ()
    #: URLs, domains and addresses whose hosts callbacks may go to as well, in the customer's own words.
    pingbacks: tuple[str, ...] = ()
    #: What signs callbacks; two while one is being replaced, the new one first.
    callback_secrets: tuple[str, ...] = ()
    #: What callbacks post from now on, also those of tasks that are asked already.
    callback_form: CallbackForm = CallbackForm.VENDOR
    #: The vendors' own limits and habits instead of this desk's generous ones.
    strict: frozenset[Strictness] = frozenset()
    #: How an empty grid is told in the JSON of tasks created from now on.
    no_match: NoMatch = NoMatch.LIST
    spend_per_day: Micros = NOTHING
    #: Bytes of a picture, pixels of its longer side and bytes of a sound; 0 for those of the desk (PROTOCOL §6.1).
    max_picture: int = 0
    max_side: int = 0
    max_sound: int = 0
    #: Task types, as the catalogue names them, that it may not send (PROTOCOL §5.1).
    disabled_types: frozenset[str] = frozenset()
    #: Until when every call is answered with TOO_MUCH_REQUESTS (PROTOCOL §3.5), 0 for not at all.
    polls_locked_until: Millis = Millis(0)
    created: Millis = Millis(0)


class Purse(msgspec.Struct, frozen=True, kw_only=True):
    """An account's money and open work, as the unit that holds it sees them."""

    account: AccountId
    balance: Micros = NOTHING
    held: Micros = NOTHING
    open_tasks: int = 0
    #: The UTC day number that `spent` counts for.
    day: int = 0
    spent: Micros = NOTHING


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A client key as kept: its digest, and the last four characters to tell keys apart."""

    digest: bytes
    account: AccountId
    tail: str
    created: Millis
    revoked: Millis | None = None


def digest(secret: str) -> bytes:
    """Digest a key or token. They are 128 random bits, so one fast hash keeps them safe at rest."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
