"""The largest media accepted: the desk's own limits, the vendors' for accounts that want those, and an account's own.
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


#: What an account's own limits may be: as base64 the largest medium still fits in a request's body.
BYTES_BOUNDS: Final = (100, 6_000_000)
SIDE_BOUNDS: Final = (10, 16_384)


def limits_for(dialect: str, account: Account) -> SizeLimits:
    """Give the limits of a call: the desk's, or the vendor's where the account wants them; its own before both."""
    limits = SERVER_LIMITS
    if account.strict and Strictness.LIMITS in account.strict:
        limits = STRICT_LIMITS.get(dialect, SERVER_LIMITS)
    return _own(limits, account) if account.max_picture or account.max_side or account.max_sound else limits


def _own(limits: SizeLimits, account: Account) -> SizeLimits:
    picture = account.max_picture or limits.picture
    return SizeLimits(
        picture=picture,
        text=0 if account.max_picture else limits.text,
        side=account.max_side or limits.side,
        instruction=min(limits.instruction, picture),
        sound=account.max_sound or limits.sound,
    )
