"""The CapMonster Cloud dialect: errorId is 0 or 1, and a processing reply spells out its two nulls.
Rule: a reply has exactly the keys of the vendor's own examples (PROTOCOL §3.3)."""

from __future__ import annotations

from typing import Any, Final

from answerdesk.model import money
from answerdesk.model.catalog import CATALOG, Form
from answerdesk.model.fault import Fault
from answerdesk.model.talk import Balance, Method, Ready
from answerdesk.model.task import FAILURES, Cause
from answerdesk.wire.dialect import Dialect
from answerdesk.wire.solutions import solution_of

#: Faults the vendor has no code for, and the nearest code (PROTOCOL §3.4, §5.1, §5.4).
_NEAREST: Final = {
    Fault.BAD_DUPLICATES: "ERROR_CAPTCHA_UNSOLVABLE",
    Fault.IP_BLOCKED: "ERROR_IP_BANNED",
    Fault.PAGEURL: "ERROR_BAD_PARAMETERS",
    Fault.EMPTY_COMMENT: "ERROR_BAD_PARAMETERS",
    Fault.BAD_IMGINSTRUCTIONS: "ERROR_BAD_PARAMETERS",
}


#: What a complex picture's reply has besides, as in the vendor's examples (PROTOCOL §3.3).
_NULLS: Final = {"errorCode": None, "errorDescription": None}


def _ready(ready: Ready) -> dict[str, Any]:
    reply = {"errorId": 0, "status": "ready", "solution": solution_of(ready)}
    row = CATALOG.get(ready.type)
    if row is None or row.form is not Form.COMPLEX:
        return reply
    return reply | _NULLS | ({"cost": money.number(ready.cost)} if ready.cost else {})


def _balance(balance: Balance) -> dict[str, Any]:
    return {"errorId": 0, "balance": money.number(balance.amount)}


DIALECT: Final = Dialect(
    name="capmonster",
    case_default=False,
    faults={fault: (1, _NEAREST.get(fault, f"ERROR_{fault}")) for fault in Fault if fault is not Fault.UNAVAILABLE},
    processing=b'{"errorId":0,"errorCode":null,"errorDescription":null,"status":"processing"}',
    ready=_ready,
    balance=_balance,
    descriptions={Fault.BAD_DUPLICATES: FAILURES[Cause.UNSOLVED][1]},
    strict_statuses={
        Fault.ZERO_BALANCE: 402,
        Fault.KEY_DOES_NOT_EXIST: 403,
        Fault.IP_NOT_ALLOWED: 403,
        Fault.TOO_MUCH_REQUESTS: 429,
    },
    strict_faults={Fault.TASK_NOT_SUPPORTED: Fault.NO_SUCH_METHOD},
    on_error={Method.CREATE: {"taskId": 0}},
)
