"""From an in.php call to the createTask of the same meaning (PROTOCOL §8.3, §8.10): which type, which field is which.
Rule: flags decide the type before the method's name does (B14); the values are read where every task's are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from answerdesk.model import media
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.sizes import SizeLimits
from answerdesk.model.talk import Call, Draft
from answerdesk.wire.fields import shown
from answerdesk.wire.grammar import call_of, read_draft
from answerdesk.wire.legacy_form import Form, Value

UPLOAD: Final = "ERROR_UPLOAD"


class Coded(Refusal):
    """A refusal that only this API has a code for."""

    def __init__(self, code: str, detail: str, fault: Fault = Fault.BAD_PARAMETERS) -> None:
        """Keep the nearest fault of the other dialects beside the code."""
        super().__init__(fault, detail)
        self.code = code


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """How one sort of call maps onto a task type."""

    type: str
    #: Parameters that may hold what the task is about, the likeliest first.
    media: tuple[str, ...] = ()
    #: The catalogue's field for each parameter; of several for one field the first that is there counts.
    fields: Mapping[str, str]
    #: Parameters that may hold further pictures of the same task.
    more: tuple[str, ...] = ()
    #: Whether an instruction is needed here though the type does not ask for one.
    instructed: bool = False


_ABOUT: Final = {"textinstructions": "comment", "comment": "comment"}
_INSTRUCTION: Final = "imginstructions"
_FILE: Final = ("file", "body", "image")
_CLICKS: Final = {"min_clicks": "minClicks", "max_clicks": "maxClicks"}
_SERIES: Final = {"previousID": "previousId", "can_no_answer": "canNoAnswer", "img_type": "imgType"}
_SITE: Final = {"pageurl": "websiteURL"}

TEXT: Final = Row(
    type="ImageToTextTask",
    media=_FILE,
    fields={
        "phrase": "phrase",
        "regsense": "case",
        "numeric": "numeric",
        "calc": "math",
        "min_len": "minLength",
        "max_len": "maxLength",
        **_ABOUT,
    },
)
QUESTION: Final = Row(type="TextCaptchaTask", fields={"textcaptcha": "comment"})
AUDIO: Final = Row(type="AudioTask", media=("body", "file"), fields={"lang": "lang", **_ABOUT})
GRID: Final = Row(
    type="GridTask",
    media=_FILE,
    fields={
        "recaptcharows": "rows",
        "rows": "rows",
        "recaptchacols": "columns",
        "cols": "columns",
        "columns": "columns",
        **_CLICKS,
        **_SERIES,
        **_ABOUT,
    },
)
OUTLINE: Final = Row(type="DrawAroundTask", media=_FILE, fields={**_SERIES, **_ABOUT})
POINTS: Final = Row(type="CoordinatesTask", media=_FILE, fields={**_CLICKS, **_ABOUT}, instructed=True)
BOXES: Final = Row(
    type="BoundingBoxTask", media=("image", "body", "file"), fields={"can_no_answer": "canNoAnswer", **_ABOUT}
)
ROTATE: Final = Row(
    type="RotateTask", media=_FILE, more=tuple(f"file_{n}" for n in range(1, 10)), fields={"angle": "angle", **_ABOUT}
)

#: Flags that name a type, in the order they are looked at: the more particular first.
_FLAGS: Final[tuple[tuple[str, Row], ...]] = (
    ("bounding_box", BOXES),
    ("rotatecaptcha", ROTATE),
    ("coordinatescaptcha", POINTS),
    ("canvas", OUTLINE),
    ("recaptcha", GRID),
)
#: Methods that name a type; those of a plain picture leave it to the flags.
_METHODS: Final[Mapping[str, Row]] = {
    "textcaptcha": QUESTION,
    "audio": AUDIO,
    "bounding_box": BOXES,
    "boundingbox": BOXES,
    "rotatecaptcha": ROTATE,
    "coordinatescaptcha": POINTS,
    "canvas": OUTLINE,
}
_PLAIN: Final = frozenset({"", "post", "base64"})
_RECAPTCHA: Final = {"googlekey": "websiteKey", "sitekey": "websiteKey", **_SITE}
_TOKEN: Final = {"sitekey": "websiteKey", **_SITE}
#: Methods of token tasks: of the published test keys some are answered, everything else is refused (PROTOCOL §7).
_TOKENS: Final[Mapping[str, Row]] = {
    "userrecaptcha": Row(type="RecaptchaV2TaskProxyless", fields=_RECAPTCHA),
    "hcaptcha": Row(type="HCaptchaTaskProxyless", fields=_TOKEN),
    "turnstile": Row(type="TurnstileTaskProxyless", fields={"action": "action", **_TOKEN}),
    "funcaptcha": Row(type="FunCaptchaTaskProxyless", fields={"publickey": "websitePublicKey", **_SITE}),
    "geetest": Row(type="GeeTestTaskProxyless", fields={"gt": "gt", **_SITE}),
    "geetest_v4": Row(type="GeeTestTaskProxyless", fields={"captcha_id": "gt", **_SITE}),
    "mt_captcha": Row(type="MtCaptchaTaskProxyless", fields=_TOKEN),
    "amazon_waf": Row(type="AmazonTaskProxyless", fields=_TOKEN),
    "prosopo": Row(type="ProsopoTaskProxyless", fields=_TOKEN),
    "keycaptcha": Row(type="KeyCaptchaTaskProxyless", fields=_SITE),
    "capy": Row(type="CapyTaskProxyless", fields=_SITE),
    "lemin": Row(type="LeminTaskProxyless", fields=_SITE),
    "friendly_captcha": Row(type="FriendlyCaptchaTaskProxyless", fields=_TOKEN),
    "cutcaptcha": Row(type="CutCaptchaTaskProxyless", fields=_SITE),
    "tencent": Row(type="TencentTaskProxyless", fields=_SITE),
    "datadome": Row(type="DataDomeSliderTask", fields=_SITE),
    "yandex": Row(type="YandexSmartCaptchaTaskProxyless", fields=_TOKEN),
}
METHODS: Final = ("post", "base64", *(name for name in _METHODS if name != "boundingbox"))


def read_task(form: Form, *, case_default: bool, limits: SizeLimits, disabled: frozenset[str] = frozenset()) -> Draft:
    """Read an in.php call as the createTask it stands for; a refusal speaks of this API's parameters."""
    row = _row_of(form)
    try:
        return read_draft(_create(form, row), case_default=case_default, limits=limits, disabled=disabled)
    except Coded:
        raise
    except Refusal as refusal:
        raise Refusal(refusal.fault, respell(refusal.detail, row)) from None


def _create(form: Form, row: Row) -> Call:
    """Write the createTask of the same meaning."""
    task: dict[str, Any] = {"type": row.type}
    for name, field in row.fields.items():
        if field not in task and (value := form.text(name)):
            task[field] = value
    pictures = _media(form, row)
    if pictures:
        task["body"] = pictures[0] if len(pictures) == 1 else pictures
    if (instruction := form.get(_INSTRUCTION)) is not None:
        task["imgInstructions"] = _decoded(_INSTRUCTION, instruction)
    if row.instructed and "comment" not in task and "imgInstructions" not in task:
        text = "textinstructions and imginstructions are both missing; one of them must say what to mark"
        raise Refusal(Fault.BAD_PARAMETERS, text)
    return call_of(
        {
            "clientKey": form.text("key"),
            "task": task,
            "languagePool": _language(form),
            "callbackUrl": form.text("pingback"),
            "softId": form.text("soft_id"),
        }
    )


def _row_of(form: Form) -> Row:
    """Tell what sort of task is asked for (B14)."""
    method = form.text("method").lower()
    if method in _TOKENS:
        return _token_row(method, form)
    if method in _METHODS and method != "textcaptcha":
        return _METHODS[method]
    if method not in _PLAIN and method != "textcaptcha":
        accepted = f"accepted: {', '.join(METHODS)}"
        raise Refusal(Fault.BAD_PARAMETERS, f"method {shown(method)} is not served; {accepted}")
    if form.get("textcaptcha") is not None and form.get(*_FILE) is None:
        return QUESTION
    flagged = next((row for flag, row in _FLAGS if form.flag(flag)), None)
    if flagged is not None:
        return flagged
    if not method and form.get(*_FILE) is None:
        accepted = f"accepted: {', '.join(METHODS)}, and no method at all with textcaptcha or a file"
        raise Refusal(Fault.BAD_PARAMETERS, f"method is missing; {accepted}")
    return QUESTION if method == "textcaptcha" else TEXT


#: reCAPTCHA's other sorts have the same method.
_V3: Final = "RecaptchaV3TaskProxyless"
_ENTERPRISE: Final = "RecaptchaV2EnterpriseTaskProxyless"


def _token_row(method: str, form: Form) -> Row:
    row = _TOKENS[method]
    if method == "userrecaptcha":
        if form.text("version").lower() == "v3":
            return msgspec.structs.replace(row, type=_V3)
        if form.flag("enterprise"):
            return msgspec.structs.replace(row, type=_ENTERPRISE)
    return row


def _media(form: Form, row: Row) -> list[bytes]:
    """Give what the task is about, one of the names it may come under and the further pictures."""
    first = [name for name in row.media if form.get(name) is not None][:1]
    names = [*first, *(name for name in row.more if form.get(name) is not None)]
    return [_decoded(name, value) for name in names if (value := form.get(name)) is not None]


def _decoded(name: str, value: Value) -> bytes:
    """Give a medium's bytes: a file part's as they are, else what the base64 says."""
    if isinstance(value, bytes):
        return value
    try:
        return media.decode_base64(str(value), name)
    except Refusal as refusal:
        raise Coded(UPLOAD, refusal.detail, refusal.fault) from None


#: The numbers of `language`, and what Anti-Captcha's own older API calls the Russian pool.
_LANGUAGES: Final = {"1": "ru", "2": "en"}


def _language(form: Form) -> str | None:
    """Tell the language: its code, else Anti-Captcha's flag, else 2captcha's number."""
    if code := form.text("lang"):
        return code
    return "rn" if form.flag("is_russian") else _LANGUAGES.get(form.text("language"))


#: What the parameters that every sort of call has are called in a createTask.
_COMMON: Final[Mapping[str, str]] = {
    "clientKey": "key",
    "callbackUrl": "pingback",
    "languagePool": "lang",
    "imgInstructions": _INSTRUCTION,
}


def respell(detail: str, row: Row | None = None) -> str:
    """Call the fields in a refusal by the names this API has for them."""
    spelled = dict(_COMMON)
    if row is not None:
        spelled |= {field: name for name, field in reversed(tuple(row.fields.items()))}
        spelled["body"] = " or ".join(row.media[:2])
    # A word with a capital inside is no other's than a field's: it is respelled wherever it stands.
    camel = "|".join(name for name in spelled if name != name.lower())
    named = re.compile(rf"\btask\.(\w+)|\b({camel})\b")
    return named.sub(lambda found: spelled.get(found[1] or found[2], found[1] or found[2]), detail)
