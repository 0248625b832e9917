"""The Anti-Captcha dialect: its error numbers, `case` on by default, and credits beside the balance.
Rule: error fields are present on errors only (PROTOCOL §1.1)."""

from __future__ import annotations

from typing import Any, Final

from answerdesk.model import money
from answerdesk.model.fault import Fault
from answerdesk.model.question import Kind
from answerdesk.model.talk import Balance, Ready
from answerdesk.wire.dialect import SHARED_NUMBERS, Dialect, numbered, priced


def _ready(ready: Ready) -> dict[str, Any]:
    """Add where the picture can be seen, if it is published (PROTOCOL §3.3)."""
    reply = priced(ready)
    if ready.url is not None and ready.kind is Kind.TEXT:
        reply["solution"]["url"] = ready.url
    return reply


def _balance(balance: Balance) -> dict[str, Any]:
    return {"errorId": 0, "balance": money.number(balance.amount), "captchaCredits": 0}


DIALECT: Final = Dialect(
    name="anticaptcha",
    strict_report_ms=60_000,
    case_default=True,
    faults=numbered(SHARED_NUMBERS)
    | numbered({Fault.EMPTY_COMMENT: 20, Fault.BAD_PARAMETERS: 110})
    | {
        # The vendor has no code for these; the nearest are sent (PROTOCOL §3.5, §5.1).
        Fault.TOO_MUCH_REQUESTS: (21, "ERROR_IP_BLOCKED"),
        Fault.PAGEURL: (110, "ERROR_BAD_PARAMETERS"),
        Fault.BAD_IMGINSTRUCTIONS: (110, "ERROR_BAD_PARAMETERS"),
    },
    processing=b'{"errorId":0,"status":"processing"}',
    ready=_ready,
    balance=_balance,
)
