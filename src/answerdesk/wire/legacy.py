"""2captcha's older API, in.php and res.php: what is asked, and how replies are written (PROTOCOL §8).
Rule: text without a line break at its end, or JSON with json=1 in that very request; the HTTP status is always 200."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from answerdesk.model import money
from answerdesk.model.account import Account
from answerdesk.model.callback import host_named
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.talk import UNKNOWN_TASK, Ready, Refused, Reply
from answerdesk.model.task import LARGEST_ID, TaskId
from answerdesk.wire.dialect import FORM, LONGEST_DESCRIPTION
from answerdesk.wire.fields import shown, whole
from answerdesk.wire.legacy_form import Form
from answerdesk.wire.legacy_task import UPLOAD, Coded, respell
from answerdesk.wire.solutions import text_of

#: The dialect's name, as tasks keep it.
NAME: Final = "legacy"
KEY_LENGTH: Final = 32
MOST_IDS: Final = 100
#: Digits of the largest id.
LONGEST_ID: Final = len(str(LARGEST_ID))
#: 2captcha takes reports for a quarter of an hour.
REPORT_WINDOW_MS: Final = 900_000
#: Where reports are strict: the share of the last answers that may be reported wrong, from so many answers on.
WRONG_SHARE: Final = 0.4
LEAST_REPORTED: Final = 10
MOST_REPORTED: Final = 1_000
NOT_READY: Final = "CAPCHA_NOT_READY"
REPORT_RECORDED: Final = "OK_REPORT_RECORDED"
PINGBACK_ADDED: Final = "OK_PINGBACK"
PINGBACK_DROPPED: Final = "OK"
EVERY_ADDRESS: Final = "all"
#: What lies between the parts of a text reply.
SEPARATOR: Final = "|"


class Endpoint(enum.StrEnum):
    """Where a call goes."""

    #: in.php: tasks are submitted.
    IN = "in"
    #: res.php: everything else.
    RES = "res"


class Action(enum.StrEnum):
    """What a res.php call asks for."""

    GET = "get"
    GET_PRICED = "get2"
    BALANCE = "getbalance"
    REPORT_GOOD = "reportgood"
    REPORT_BAD = "reportbad"
    ADD_PINGBACK = "add_pingback"
    GET_PINGBACK = "get_pingback"
    DROP_PINGBACK = "del_pingback"


_ENDPOINTS: Final[Mapping[str, Endpoint]] = {
    "in.php": Endpoint.IN,
    "in": Endpoint.IN,
    "res.php": Endpoint.RES,
    "res": Endpoint.RES,
}

#: What in.php prints for each fault; UNAVAILABLE is HTTP 503.
IN_CODES: Final[Mapping[Fault, str]] = {
    Fault.KEY_DOES_NOT_EXIST: "ERROR_KEY_DOES_NOT_EXIST",
    Fault.NO_SLOT_AVAILABLE: "ERROR_NO_SLOT_AVAILABLE",
    Fault.ZERO_CAPTCHA_FILESIZE: "ERROR_ZERO_CAPTCHA_FILESIZE",
    Fault.TOO_BIG_CAPTCHA_FILESIZE: "ERROR_TOO_BIG_CAPTCHA_FILESIZE",
    Fault.PAGEURL: "ERROR_PAGEURL",
    Fault.ZERO_BALANCE: "ERROR_ZERO_BALANCE",
    Fault.IP_NOT_ALLOWED: "ERROR_IP_NOT_ALLOWED",
    Fault.CAPTCHA_UNSOLVABLE: "ERROR_CAPTCHA_UNSOLVABLE",
    Fault.BAD_DUPLICATES: "ERROR_BAD_DUPLICATES",
    Fault.NO_SUCH_METHOD: "ERROR_BAD_PARAMETERS",
    Fault.IMAGE_TYPE_NOT_SUPPORTED: "ERROR_IMAGE_TYPE_NOT_SUPPORTED",
    Fault.NO_SUCH_CAPCHA_ID: "ERROR_WRONG_CAPTCHA_ID",
    Fault.EMPTY_COMMENT: "ERROR_BAD_PARAMETERS",
    Fault.IP_BLOCKED: "IP_BANNED",
    Fault.TOO_MUCH_REQUESTS: "MAX_USER_TURN",
    Fault.TASK_ABSENT: "ERROR_BAD_PARAMETERS",
    Fault.TASK_NOT_SUPPORTED: "ERROR_BAD_PARAMETERS",
    Fault.RECAPTCHA_INVALID_SITEKEY: "ERROR_GOOGLEKEY",
    # The older API has no code of its own for it; the newer one's is sent.
    Fault.ACCOUNT_SUSPENDED: "ERROR_ACCOUNT_SUSPENDED",
    Fault.BAD_PARAMETERS: "ERROR_BAD_PARAMETERS",
    Fault.BAD_IMGINSTRUCTIONS: "ERROR_BAD_PARAMETERS",
}
#: res.php prints the same, but for two: what it does not know to do, and polls of one task without end.
CODES: Final[Mapping[Endpoint, Mapping[Fault, str]]] = {
    Endpoint.IN: IN_CODES,
    Endpoint.RES: {**IN_CODES, Fault.NO_SUCH_METHOD: "ERROR_EMPTY_ACTION", Fault.TOO_MUCH_REQUESTS: "ERROR: 1005"},
}
#: Codes beside the faults' own.
WRONG_USER_KEY: Final = "ERROR_WRONG_USER_KEY"
WRONG_ID_FORMAT: Final = "ERROR_WRONG_ID_FORMAT"
REPORT_NOT_RECORDED: Final = "ERROR_REPORT_NOT_RECORDED"
DUPLICATE_REPORT: Final = "ERROR_DUPLICATE_REPORT"
WRONG_KEYS: Final = "ERROR: 1004"
NO_FUNDS: Final = "ERROR: 1002"
NO_SLOTS: Final = "ERROR: 1001"
MOSTLY_NO_SLOTS: Final = "ERROR: 1003"
TOO_MANY_ASKS: Final = "ERROR: 1005"
IN_A_HURRY: Final = "MAX_USER_TURN"
#: What get_server_errors lists.
SERVER_ERRORS: Final = tuple(
    dict.fromkeys(
        (
            *sorted({code for codes in CODES.values() for code in codes.values()}),
            *(WRONG_USER_KEY, UPLOAD, WRONG_ID_FORMAT, REPORT_NOT_RECORDED, DUPLICATE_REPORT, WRONG_KEYS, NO_FUNDS),
            *(NO_SLOTS, MOSTLY_NO_SLOTS),
        )
    )
)


#: No spelling of an endpoint is longer, and the path of a JSON poll is.
LONGEST_PATH: Final = 13


def endpoint_of(path: str) -> Endpoint | None:
    """Tell where a path leads, with blanks or a slash behind it too (PROTOCOL B3); None for elsewhere."""
    if len(path) > LONGEST_PATH:
        return None
    return _ENDPOINTS.get(path.strip().strip("/").strip().lower())


def read_action(form: Form) -> Action:
    """Read what a res.php call asks for."""
    given = form.text("action").lower()
    try:
        return Action(given)
    except ValueError:
        got = f"action {shown(given)} is not known" if given else "action is missing"
        raise Refusal(Fault.NO_SUCH_METHOD, f"{got}; accepted: {', '.join(Action)}") from None


def read_ids(form: Form) -> list[TaskId | None]:
    """Read the list of `ids`; None for one that no task can have."""
    given = form.text("ids").split(",")
    if len(given) > MOST_IDS:
        text = f"ids has {len(given):,} entries; at most {MOST_IDS} are accepted"
        raise Coded(WRONG_ID_FORMAT, text)
    return [_id(each.strip(), "ids") for each in given]


def read_id(form: Form) -> TaskId:
    """Read the one task a call is about."""
    found = _id(form.text("id"), "id")
    if found is None:
        raise Refusal(Fault.NO_SUCH_CAPCHA_ID, UNKNOWN_TASK)
    return found


def _id(given: str, name: str) -> TaskId | None:
    if not (given.isascii() and given.isdigit()):
        accepted = "digits alone are accepted"
        got = f"is {shown(given)}" if given else "is missing"
        raise Coded(WRONG_ID_FORMAT, f"{name} {got}; {accepted}", Fault.NO_SUCH_CAPCHA_ID)
    number = whole(given)
    return TaskId(number) if number is not None and 1 <= number <= LARGEST_ID else None


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """A poll of one task."""

    key: str
    task: TaskId
    as_json: bool


#: A query in which nothing is escaped.
_PLAIN_QUERY = re.compile(rb"[0-9A-Za-z_=&]{1,200}")


def read_poll(query: bytes) -> Poll | None:
    """Read a poll in its usual spelling, a fifth of the work of reading any form; None for any other call."""
    if not _PLAIN_QUERY.fullmatch(query):
        return None
    given = dict(pair.partition("=")[::2] for pair in query.decode().split("&"))
    flag = given.pop("json", "0")
    if len(given) != 3 or query.count(b"&") != 2 + (b"json=" in query) or given.get("action") != Action.GET:
        return None
    key, task = given.get("key"), given.get("id", "")
    if not key or "__" in key or not task.isdigit() or len(task) > LONGEST_ID or flag not in {"0", "1"}:
        return None
    return Poll(key=key, task=TaskId(int(task)), as_json=flag == "1")


def read_address(form: Form) -> str:
    """Read what is to be registered, in the customer's own words: a URL, a domain or an address."""
    given = form.text("addr").strip()
    if SEPARATOR in given or host_named(given) is None:
        text = f"addr must be a URL, a domain or an IP address (got {shown(given) if given else 'nothing'})"
        raise Refusal(Fault.BAD_PARAMETERS, text)
    return given


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A reply, before it is known whether it is written as text or as JSON."""

    #: The whole reply as text.
    text: str
    #: What JSON has as `request`, the text itself if None.
    request: Any = None
    done: bool = True
    price: str | None = None
    #: Why not, in a sentence.
    error_text: str = ""


_encode = msgspec.json.Encoder().encode


def write(said: Said, *, as_json: bool) -> bytes:
    """Write a reply."""
    if not as_json:
        return said.text.encode("utf-8", "replace")
    reply: dict[str, Any] = {"status": int(said.done), "request": said.text if said.request is None else said.request}
    if said.price is not None:
        reply["price"] = said.price
    if said.error_text:
        reply["error_text"] = said.error_text
    return _encode(reply)


def created(task: TaskId) -> Said:
    """Tell a new task's id, which is a text here."""
    return Said(text=f"OK|{task}", request=str(task))


def result(reply: Reply, *, priced: bool = False) -> Said:
    """Tell a task's answer, or that it is not there yet, or why there will be none."""
    match reply:
        case Ready():
            answer = text_of(reply)
            request = _points(reply) if reply.kind is Kind.POINTS and reply.value else answer
            price = money.show(reply.cost) if priced else None
            return Said(text=f"OK|{answer}" + (f"|{price}" if price else ""), request=request, price=price)
        case Refused():
            return refused(reply, Endpoint.RES)
    return Said(text=NOT_READY, done=False)


def _points(ready: Ready) -> list[dict[str, str]]:
    """Write points as the clients that read JSON expect them: numbers are texts (PROTOCOL B15)."""
    return [{"x": str(x), "y": str(y)} for x, y in ready.value]


def results(replies: Iterable[Reply]) -> Said:
    """Tell several tasks' answers in the order they were asked for."""
    return Said(text="|".join(_bare(reply) for reply in replies))


def _bare(reply: Reply) -> str:
    match reply:
        case Ready():
            return text_of(reply)
        case Refused():
            return CODES[Endpoint.RES][reply.fault]
    return NOT_READY


def balance(amount: Micros) -> Said:
    """Tell what the account can spend: a bare number."""
    return Said(text=money.show(amount, least=0))


def pingbacks(account: Account) -> Said:
    """List what callbacks may go to, as it was registered: by the operator, then by the customer."""
    return Said(text=SEPARATOR.join(("OK", *account.callback_hosts, *account.pingbacks)))


def server_errors() -> Said:
    """List every code there is, one a line."""
    return Said(text="\n".join(SERVER_ERRORS), request=list(SERVER_ERRORS))


def refused(refusal: Refused, endpoint: Endpoint, code: str | None = None) -> Said:
    """Tell why not, by the endpoint's code and a sentence."""
    text = respell(refusal.detail)
    if len(text) > LONGEST_DESCRIPTION:
        text = text[: LONGEST_DESCRIPTION - 1] + "…"
    return Said(text=code or CODES[endpoint][refusal.fault], done=False, error_text=text)


def refusal(raised: Refusal, endpoint: Endpoint) -> Said:
    """Tell a refusal as it was raised."""
    code = raised.code if isinstance(raised, Coded) else None
    return refused(Refused(fault=raised.fault, detail=raised.detail), endpoint, code)


def wrong_key(key: str, refusal: Refusal) -> Refusal:
    """Tell a key that cannot be one from a key that nobody has; other refusals stay as they are."""
    if refusal.fault is not Fault.KEY_DOES_NOT_EXIST or len(key) == KEY_LENGTH:
        return refusal
    text = f"key has {len(key)} characters; a key of this desk has {KEY_LENGTH}"
    return Coded(WRONG_USER_KEY, text, Fault.KEY_DOES_NOT_EXIST)


def write_callback(reply: Ready | Refused, task: TaskId) -> tuple[str, bytes]:
    """Write what a pingback posts: its content type and its body (PROTOCOL §8.6)."""
    code = text_of(reply) if isinstance(reply, Ready) else CODES[Endpoint.RES][reply.fault]
    return FORM, urlencode({"id": task, "code": code}).encode()
