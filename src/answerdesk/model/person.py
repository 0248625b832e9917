"""Who signs in: a person's role, the sessions of their browsers, and the links that let them in once.
Rule: what is secret lies here as a digest or a slow hash; when a session or a link ends is decided here, purely."""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Mapping
from typing import Final, NewType

import msgspec

from answerdesk.model.account import AccountId, Millis
from answerdesk.model.question import Kind
from answerdesk.model.solver import SolverId

PersonId = NewType("PersonId", int)

#: The cookie that carries a session; browsers take it over https and from this machine alone.
COOKIE: Final = "__Host-session"
#: How long a session lives unused, and at most.
IDLE_MS: Final = 12 * 3_600_000
LIFE_MS: Final = 7 * 86_400_000
#: How long after a sign-in somebody may do what wants one that is fresh: pay, keep out, let in.
FRESH_MS: Final = 600_000
#: How often a session in use is written down as seen.
SEEN_EVERY_MS: Final = 300_000
#: How long a link to sign in holds, and an invitation.
ENTER_MS: Final = 600_000
INVITE_MS: Final = 7 * 86_400_000
LONGEST_NAME: Final = 100
LEAST_PASSWORD: Final = 12
MOST_PASSWORD: Final = 1_000
#: Different characters in a password, besides a name and words that everybody tries.
LEAST_DIFFERENT: Final = 5
#: As much of a browser's own description as is kept.
MOST_AGENT: Final = 200


class Role(enum.StrEnum):
    """What a person is to the desk."""

    #: Does everything, and alone appoints operators and owners.
    OWNER = "owner"
    #: Runs the desk: tasks, accounts, prices, and everybody but owners and operators.
    OPERATOR = "operator"
    #: Sees what an operator sees and changes nothing.
    VIEWER = "viewer"
    #: Answers tasks.
    WORKER = "worker"
    #: Asks and pays: sees one account.
    CUSTOMER = "customer"


#: Whom each role may invite, change and suspend.
MANAGES: Final[Mapping[Role, frozenset[Role]]] = {
    Role.OWNER: frozenset(Role),
    Role.OPERATOR: frozenset({Role.VIEWER, Role.WORKER, Role.CUSTOMER}),
    Role.VIEWER: frozenset(),
    Role.WORKER: frozenset(),
    Role.CUSTOMER: frozenset(),
}


class Purpose(enum.StrEnum):
    """What a link is for."""

    #: Signs somebody in who is known.
    ENTER = "enter"
    #: Signs somebody in for the first time.
    INVITE = "invite"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in; with a solver they may answer, with an account they may ask."""

    id: PersonId
    name: str
    role: Role
    solver: SolverId | None = None
    account: AccountId | None = None
    enabled: bool = True
    #: The language of the pages, empty for what the browser asks for.
    language: str = ""
    #: A slow hash of the password, empty while there is none.
    password: str = ""
    #: The secret of one-time codes, empty while none are asked for.
    totp: str = ""
    #: The time step of the last code taken, which no later sign-in may use again.
    totp_step: int = 0
    #: Keys of the workspace chosen by the person, by what they do.
    keys: dict[str, str] = {}
    #: The kinds whose practice tasks are done.
    practised: frozenset[Kind] = frozenset()
    created: Millis = Millis(0)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser in which somebody is signed in, by the digest of its cookie."""

    digest: bytes
    person: PersonId
    created: Millis = Millis(0)
    seen: Millis = Millis(0)
    until: Millis = Millis(0)
    #: What the browser said it is.
    agent: str = ""

    def live(self, now: Millis) -> bool:
        """Tell whether the session still holds."""
        return now < self.until and now - self.seen < IDLE_MS

    def fresh(self, now: Millis) -> bool:
        """Tell whether whoever is there proved who they are just now: each proof opens a session of its own."""
        return now - self.created < FRESH_MS

    @property
    def name(self) -> str:
        """What the session is called in lists: enough of its digest to tell it from others."""
        return self.digest.hex()[:16]


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An address that signs one person in once, by the digest of its secret."""

    digest: bytes
    person: PersonId
    purpose: Purpose
    until: Millis = Millis(0)
    #: When it was opened, 0 for not yet.
    used: Millis = Millis(0)

    def live(self, now: Millis) -> bool:
        """Tell whether the link still lets somebody in."""
        return not self.used and now < self.until


LASTS: Final[Mapping[Purpose, int]] = {Purpose.ENTER: ENTER_MS, Purpose.INVITE: INVITE_MS}


def handle(name: str) -> str:
    """Give the form in which names are told apart: case, width and spaces make no difference."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def name_flaw(name: str) -> str | None:
    """Say what is wrong with a person's name, None for nothing."""
    if not name.strip() or not name.isprintable() or name.strip().isdecimal() or len(name) > LONGEST_NAME:
        most = LONGEST_NAME
        return f"a name has 1 to {most} printable characters and is not a number, which would be taken for an id"
    return None


def clean_password(password: str) -> str:
    """Give a password in the one form it is hashed in, however a keyboard composes its letters."""
    return unicodedata.normalize("NFKC", password)


def password_flaw(password: str, name: str) -> str | None:
    """Say what is wrong with a new password, None for nothing: length counts, what it is made of does not."""
    password = clean_password(password)
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        return f"a password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters (got {len(password)})"
    plain = handle(password).replace(handle(name), "").replace("answerdesk", "").replace("password", "")
    if len(set(plain)) < LEAST_DIFFERENT:
        return "a password is more than a name, one word everybody knows, or the same character again and again"
    return None


def may_manage(role: Role, whom: Role, becomes: Role | None = None) -> bool:
    """Tell whether somebody of a role may change somebody, and make them what they are to become."""
    return {whom, becomes or whom} <= MANAGES[role]
