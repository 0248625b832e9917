"""How a dialect writes replies: one shape, filled by each vendor's tables and its ready and balance replies.
Rule: only documented fields go into a body, and an error always carries both of its strings (PROTOCOL T10, §1.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from answerdesk.model import money
from answerdesk.model.fault import Fault
from answerdesk.model.talk import (
    AppStats,
    Balance,
    Created,
    Method,
    Processing,
    QueueStats,
    Ready,
    Refused,
    Reply,
    Reported,
    SpendingStats,
)
from answerdesk.model.task import TaskId
from answerdesk.wire.solutions import solution_of, text_of
from answerdesk.wire.stats import show_stats

LONGEST_DESCRIPTION: Final = 300
JSON: Final = "application/json; charset=utf-8"
FORM: Final = "application/x-www-form-urlencoded"

_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One vendor's way of writing: what differs is data."""

    name: str
    #: What `case` means when a task does not say (PROTOCOL G7).
    case_default: bool
    #: errorId and errorCode of every fault but UNAVAILABLE, which is HTTP 503.
    faults: Mapping[Fault, tuple[int, str]]
    processing: bytes
    ready: Callable[[Ready], Mapping[str, Any]]
    balance: Callable[[Balance], Mapping[str, Any]]
    #: Descriptions that replace the fault's own, where the vendor's code means something wider.
    descriptions: Mapping[Fault, str] = field(default_factory=dict)
    #: Fields an error reply of a method has besides the three of every error.
    on_error: Mapping[Method, Mapping[str, Any]] = field(default_factory=dict)
    #: Whether a callback is a form of the id and one line of text; else it is the result's JSON and the id.
    form_callback: bool = False

    #: The vendor's own ways, for accounts that ask for them: HTTP statuses, other faults, and its report window.
    strict_statuses: Mapping[Fault, int] = field(default_factory=dict)
    strict_faults: Mapping[Fault, Fault] = field(default_factory=dict)
    strict_report_ms: int | None = None

    def write(self, reply: Reply, method: Method) -> bytes:
        """Write a reply as the body of an HTTP response."""
        match reply:
            case Processing():
                return self.processing
            case Ready():
                return _encode(self.ready(reply))
            case Created():
                return b'{"errorId":0,"taskId":%d}' % reply.task
            case Refused():
                return _encode(self._error(reply, method))
            case Balance():
                return _encode(self.balance(reply))
            case Reported():
                return b'{"errorId":0,"status":"success"}'
            case QueueStats() | SpendingStats() | AppStats():
                return _encode(show_stats(reply))

    def write_callback(self, reply: Ready | Refused, task: TaskId) -> tuple[str, bytes]:
        """Write what a callback posts: its content type and its body (PROTOCOL §4.8)."""
        if self.form_callback:
            code = text_of(reply) if isinstance(reply, Ready) else self.faults[reply.fault][1]
            return FORM, urlencode({"id": task, "code": code}).encode()
        return self.write_json_callback(reply, task)

    def write_json_callback(self, reply: Ready | Refused, task: TaskId) -> tuple[str, bytes]:
        """Write what a callback posts as JSON: the reply of getTaskResult, and the task."""
        told = self.ready(reply) if isinstance(reply, Ready) else self._error(reply, Method.RESULT)
        return JSON, _encode({**told, "taskId": task})

    def _error(self, refused: Refused, method: Method) -> dict[str, Any]:
        number, code = self.faults[refused.fault]
        text = self.descriptions.get(refused.fault) or refused.detail or code
        if len(text) > LONGEST_DESCRIPTION:
            text = text[: LONGEST_DESCRIPTION - 1] + "…"
        return {"errorId": number, "errorCode": code, "errorDescription": text, **self.on_error.get(method, {})}


def numbered(numbers: Mapping[Fault, int]) -> dict[Fault, tuple[int, str]]:
    """Give each fault its number and the code the vendors made its name from."""
    return {fault: (number, f"ERROR_{fault}") for fault, number in numbers.items()}


#: The numbers 2captcha took over from Anti-Captcha, with the faults both have (PROTOCOL §5.1).
SHARED_NUMBERS: Final[Mapping[Fault, int]] = {
    Fault.KEY_DOES_NOT_EXIST: 1,
    Fault.NO_SLOT_AVAILABLE: 2,
    Fault.ZERO_CAPTCHA_FILESIZE: 3,
    Fault.TOO_BIG_CAPTCHA_FILESIZE: 4,
    Fault.ZERO_BALANCE: 10,
    Fault.IP_NOT_ALLOWED: 11,
    Fault.CAPTCHA_UNSOLVABLE: 12,
    Fault.BAD_DUPLICATES: 13,
    Fault.NO_SUCH_METHOD: 14,
    Fault.IMAGE_TYPE_NOT_SUPPORTED: 15,
    Fault.NO_SUCH_CAPCHA_ID: 16,
    Fault.IP_BLOCKED: 21,
    Fault.TASK_ABSENT: 22,
    Fault.TASK_NOT_SUPPORTED: 23,
    Fault.RECAPTCHA_INVALID_SITEKEY: 31,
    Fault.ACCOUNT_SUSPENDED: 55,
}


def priced(ready: Ready) -> dict[str, Any]:
    """Write a ready reply with its price and times, as 2captcha and Anti-Captcha do (PROTOCOL §3.3)."""
    return {
        "errorId": 0,
        "status": "ready",
        "solution": solution_of(ready),
        "cost": money.show(ready.cost),
        "ip": ready.ip,
        "createTime": ready.created // 1000,
        "endTime": ready.ended // 1000,
        "solveCount": ready.solve_count,
    }
