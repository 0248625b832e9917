"""The 2captcha (and RuCaptcha) dialect: numbered errors, and ready replies with their price and times.
Rule: error fields are present on errors only (PROTOCOL §1.1)."""

from __future__ import annotations

from typing import Any, Final

from answerdesk.model import money
from answerdesk.model.fault import Fault
from answerdesk.model.question import Kind
from answerdesk.model.talk import Balance, Ready
from answerdesk.wire.dialect import SHARED_NUMBERS, Dialect, numbered, priced


def _balance(balance: Balance) -> dict[str, Any]:
    return {"errorId": 0, "balance": money.number(balance.amount)}


def _ready(ready: Ready) -> dict[str, Any]:
    """Write a ready reply; whatever a token's field is called, this vendor repeats it as `token` (PROTOCOL §7.2)."""
    reply = priced(ready)
    if ready.kind is Kind.TOKEN:
        reply["solution"]["token"] = next(iter(ready.value.values()))
    return reply


DIALECT: Final = Dialect(
    name="2captcha",
    case_default=False,
    faults=numbered(SHARED_NUMBERS)
    | numbered({Fault.PAGEURL: 5, Fault.BAD_PARAMETERS: 110, Fault.BAD_IMGINSTRUCTIONS: 115})
    | {
        # The vendor has no code for these two; the nearest are sent (PROTOCOL §3.5, §5.1).
        Fault.TOO_MUCH_REQUESTS: (21, "ERROR_IP_BLOCKED"),
        Fault.EMPTY_COMMENT: (110, "ERROR_BAD_PARAMETERS"),
    },
    processing=b'{"errorId":0,"status":"processing"}',
    ready=_ready,
    balance=_balance,
    form_callback=True,
)
