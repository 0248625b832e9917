"""The largest media accepted: the desk's own limits, and the vendors' for accounts that want those.
Rule: a limit is a number in a table; what a vendor does not limit keeps the desk's (PROTOCOL §6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from answerdesk.model.account import Account, Strictness
from answerdesk.model.question import Kind


class SizeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The largest media accepted: bytes of a picture, pixels of its longer side, bytes of an instruction picture."""

    picture: int = 600_000
    #: Bytes of a picture whose characters are to be read, 0 for as many as any picture.
    text: int = 0
    side: int = 4_096
    instruction: int = 100_000
    sound: int = 5_000_000

    def picture_of(self, kind: Kind) -> int:
        """Give the most bytes of a picture that a question of this kind is about."""
        return self.text if self.text and kind is Kind.TEXT else self.picture


SERVER_LIMITS: Final = SizeLimits()
#: The vendors' own numbers (PROTOCOL §6.1, G15, G16); what a vendor does not limit keeps the server's limit.
STRICT_LIMITS: Final[Mapping[str, SizeLimits]] = {
    "capmonster": SizeLimits(picture=51_200, instruction=51_200),
    "2captcha": SizeLimits(text=100_000, side=1_000, sound=1_000_000),
    "legacy": SizeLimits(side=1_000, sound=1_000_000),
    "anticaptcha": SizeLimits(picture=500_000),
}


def limits_for(dialect: str, account: Account) -> SizeLimits:
    """Give the limits of a call: the desk's own, or the vendor's where the account wants them."""
    if account.strict and Strictness.LIMITS in account.strict:
        return STRICT_LIMITS.get(dialect, SERVER_LIMITS)
    return SERVER_LIMITS
