"""Dialects: pure bytes ⇄ talk. Which dialect speaks to whom is decided here, by name.
Rule: explicit beats guessed: the host that was called, the account's setting, a hint, the server's default."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from answerdesk.wire import anticaptcha, capmonster, twocaptcha
from answerdesk.wire.dialect import Dialect

__all__ = ["DIALECTS", "Dialect", "choose"]

DIALECTS: Final[Mapping[str, Dialect]] = {
    dialect.name: dialect for dialect in (capmonster.DIALECT, twocaptcha.DIALECT, anticaptcha.DIALECT)
}

#: The names clients have built in, for machines whose hosts file points them here (PROTOCOL T1, T15).
HOSTS: Final[Mapping[str, Dialect]] = {
    "api.capmonster.cloud": capmonster.DIALECT,
    "capmonster.cloud": capmonster.DIALECT,
    "api.2captcha.com": twocaptcha.DIALECT,
    "2captcha.com": twocaptcha.DIALECT,
    "api.rucaptcha.com": twocaptcha.DIALECT,
    "rucaptcha.com": twocaptcha.DIALECT,
    "api.anti-captcha.com": anticaptcha.DIALECT,
    "anti-captcha.com": anticaptcha.DIALECT,
}

#: What CapMonster's own clients call themselves, and the softId they send (PROTOCOL T18).
_AGENT: Final = "Zennolab.CapMonsterCloud.Client"
_SOFT_IDS: Final = (53, 54, 55, "53", "54", "55")


def choose(*, host: str, account: str | None, user_agent: str, soft_id: object, default: str) -> Dialect:
    """Choose the dialect of a call (PROTOCOL §1.2); `default` names one of DIALECTS."""
    named = _called(host)
    if named is None and account is not None:
        named = DIALECTS.get(account)
    if named is None and (user_agent.startswith(_AGENT) or (soft_id is not None and soft_id in _SOFT_IDS)):
        named = capmonster.DIALECT
    return named or DIALECTS[default]


@lru_cache(maxsize=128)
def _called(host: str) -> Dialect | None:
    """Tell who is meant by a Host header, whatever its capitals, port or last dot."""
    return HOSTS.get(host.partition(":")[0].rstrip(".").lower())
