"""What the JSON dialects have in common: reading a call, its key, its method, a task and a task's id.
Rule: whatever the bytes are, the way out is a value or a Refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.fields import LONGEST_MODULE
from answerdesk.model.talk import UNKNOWN_TASK, Call, Method
from answerdesk.model.task import LARGEST_ID, TaskId
from answerdesk.wire.draft import read_draft
from answerdesk.wire.echo import write_test
from answerdesk.wire.fields import SPRAWLING, is_sprawling, pick, whole

__all__ = [
    "PATHS", "UNKNOWN_TASK", "call_of", "method_of", "read_call", "read_draft", "read_poll", "read_task_id",
    "write_test",
]  # fmt: skip

#: A key with its options; what is longer is no key of any desk, and is not taken apart.
LONGEST_KEY: Final = 512
#: Every method name of PROTOCOL §4 this server knows, in lower case, and what it asks for.
METHODS: Final[Mapping[str, Method]] = {
    "createtask": Method.CREATE,
    "gettaskresult": Method.RESULT,
    "getbalance": Method.BALANCE,
    "reportcorrect": Method.REPORT_CORRECT,
    "reportcorrectrecaptcha": Method.REPORT_CORRECT,
    "reportincorrect": Method.REPORT_INCORRECT,
    "reportincorrectimagecaptcha": Method.REPORT_INCORRECT,
    "reportincorrectrecaptcha": Method.REPORT_INCORRECT,
    "reportincorrecttokencaptcha": Method.REPORT_INCORRECT,
    "reportincorrecthcaptcha": Method.REPORT_INCORRECT,
    "test": Method.TEST,
    "getqueuestats": Method.QUEUE_STATS,
    "getspendingstats": Method.SPENDING_STATS,
    "getappstats": Method.APP_STATS,
}
#: The spellings every client but the odd one sends, so that nothing is trimmed on the way of a poll.
PATHS: Final[Mapping[str, Method]] = {
    "/createTask": Method.CREATE,
    "/getTaskResult": Method.RESULT,
    "/getBalance": Method.BALANCE,
}


def method_of(path: str) -> Method | None:
    """Tell what a path asks for: UNKNOWN for another single name, None for the root and for deeper paths."""
    found = PATHS.get(path)
    if found is not None:
        return found
    name = path.strip().strip("/").strip()
    if not name:
        return None
    return METHODS.get(name.lower()) or (None if "/" in name else Method.UNKNOWN)


_BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = b" \t\r\n\v\f\0"
_decode = msgspec.json.Decoder().decode


def read_call(body: bytes) -> Call:
    """Read any request: a JSON object, whatever its content type says (PROTOCOL T7)."""
    if is_sprawling(body):
        raise Refusal(Fault.TASK_ABSENT, SPRAWLING)
    try:
        parsed = _decode(body)
    except (ValueError, RecursionError):
        parsed = _decode_leniently(body)
    if type(parsed) is not dict:
        raise Refusal(Fault.TASK_ABSENT, "the body is JSON but not an object; an object with clientKey is accepted")
    return call_of(parsed)


class Poll(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A getTaskResult as nearly every client spells it."""

    clientKey: str  # noqa: N815 - the wire's name
    taskId: int  # noqa: N815 - the wire's name
    softId: Any = None  # noqa: N815 - the wire's name


_decode_poll = msgspec.json.Decoder(Poll).decode


def read_poll(body: bytes) -> Poll | None:
    """Read a poll in its usual spelling, a third of the work of reading any call; None for any other."""
    try:
        return _decode_poll(body)
    except (ValueError, RecursionError):
        return None


def call_of(body: Mapping[str, Any]) -> Call:
    """Take the key and its suffixes out of a request that is parsed already."""
    key = body.get("clientKey")
    if type(key) is not str:
        key = pick(body, "clientKey")
        if not isinstance(key, str):
            return Call(key="", body=body)
    if "__" in key and len(key) <= LONGEST_KEY:
        return _split_key(key, body)
    return Call(key=key, body=body)


def _decode_leniently(body: bytes) -> Any:
    """Decode after a byte order mark and blanks of any sort were taken off."""
    try:
        return _decode(body.strip(_BLANK).removeprefix(_BOM).strip(_BLANK))
    except RecursionError:
        raise Refusal(Fault.TASK_ABSENT, "the body is nested too deeply; a JSON object is accepted") from None
    except ValueError as error:
        text = f"the body is not JSON ({_reason(error)}); a JSON object in UTF-8 is accepted"
        raise Refusal(Fault.TASK_ABSENT, text) from None


def _reason(error: ValueError) -> str:
    """Say what the decoder disliked, without anything of the body."""
    return "it is not UTF-8" if isinstance(error, UnicodeError) else str(error).partition(" - at ")[0]


_THRESHOLD = re.compile(r"recognizingthreshold_([0-9]{1,3})", re.IGNORECASE)


def _split_key(key: str, body: Mapping[str, Any]) -> Call:
    """Split CapMonster's options off a key (PROTOCOL §2.5)."""
    key, *parts = key.split("__")
    module, threshold = None, None
    for part in parts:
        if match := _THRESHOLD.fullmatch(part):
            threshold = int(match[1])
        elif part and part.lower() != "nocache" and len(part) <= LONGEST_MODULE:
            module = part
    return Call(key=key, module=module, threshold=threshold, body=body)


def read_task_id(call: Call) -> TaskId:
    """Read the task a call is about: an integer, an integral float or a text of digits (PROTOCOL T13)."""
    given = call.body.get("taskId")
    if given is None:
        given = pick(call.body, "taskId")
    if type(given) is not int:
        given = whole(given)
    if given is None or not 1 <= given <= LARGEST_ID:
        raise Refusal(Fault.NO_SUCH_CAPCHA_ID, UNKNOWN_TASK)
    return TaskId(given)
