"""Token task types: validated shapes that answer the vendors' published test keys with their published test tokens.
Rule: nothing is ever fetched or solved; a key that is not published as a test key is refused (PROTOCOL §7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.task import Cause

#: Names ending so mean the same without proxy fields, which are ignored in any case.
PROXYLESS: Final = "Proxyless"

SCOPE: Final = (
    "this server answers token tasks only for the vendors' published test site keys; it solves no live challenge"
)


class TestKey(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor's published test key: the token it answers with, None where it always fails."""

    vendor: str
    key: str
    token: str | None
    about: str
    source: str


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """Task types of one vendor: what they must carry, and what a solution holds."""

    vendor: str
    names: tuple[str, ...]
    required: tuple[str, ...] = ("websiteURL", "websiteKey")
    #: Which field names the site.
    key: str = "websiteKey"
    #: Fields of a solution that carry the token.
    solution: tuple[str, ...] = ()
    #: Refused without a look at the shape.
    unchecked: bool = False


_RECAPTCHA: Final = "Google reCAPTCHA v2"
_HCAPTCHA: Final = "hCaptcha"
_TURNSTILE: Final = "Cloudflare Turnstile"

TEST_KEYS: Final[Mapping[tuple[str, str], TestKey]] = {
    (row.vendor, row.key): row
    for row in (
        TestKey(
            vendor=_RECAPTCHA,
            key="6LeIxAcTAAAAAJcZVRqyHh71UMIEGNQ_MXjiZKhI",
            token="sandbox-recaptcha-v2-test-token",  # noqa: S106 - a constant anybody may know
            about="Always passes; with the published test secret any token verifies.",
            source="developers.google.com/recaptcha/docs/faq",
        ),
        TestKey(
            vendor=_HCAPTCHA,
            key="10000000-ffff-ffff-ffff-000000000001",
            token="10000000-aaaa-bbbb-cccc-000000000001",  # noqa: S106 - published by the vendor
            about="Always passes.",
            source="docs.hcaptcha.com, integration testing: test keys",
        ),
        TestKey(
            vendor=_HCAPTCHA,
            key="20000000-ffff-ffff-ffff-000000000002",
            token="20000000-aaaa-bbbb-cccc-000000000002",  # noqa: S106 - published by the vendor
            about="Enterprise, a safe visitor: passes.",
            source="docs.hcaptcha.com, integration testing: test keys",
        ),
        TestKey(
            vendor=_HCAPTCHA,
            key="30000000-ffff-ffff-ffff-000000000003",
            token="30000000-aaaa-bbbb-cccc-000000000003",  # noqa: S106 - published by the vendor
            about="Enterprise, a bot detected.",
            source="docs.hcaptcha.com, integration testing: test keys",
        ),
        *(
            TestKey(
                vendor=_TURNSTILE,
                key=key,
                token=token,
                about=about,
                source="developers.cloudflare.com/turnstile/troubleshooting/testing",
            )
            for key, token, about in (
                ("1x00000000000000000000AA", "XXXX.DUMMY.TOKEN.XXXX", "Visible, always passes."),
                ("1x00000000000000000000BB", "XXXX.DUMMY.TOKEN.XXXX", "Invisible, always passes."),
                ("2x00000000000000000000AB", None, "Visible, always blocks: the task fails."),
                ("2x00000000000000000000BB", None, "Invisible, always blocks: the task fails."),
                ("3x00000000000000000000FF", "XXXX.DUMMY.TOKEN.XXXX", "Forces an interactive challenge."),
            )
        ),
    )
}

FAMILIES: Final = (
    Family(
        vendor=_RECAPTCHA,
        names=("RecaptchaV2Task", "NoCaptchaTask"),
        solution=("gRecaptchaResponse",),
    ),
    Family(vendor="Google reCAPTCHA v2 Enterprise", names=("RecaptchaV2EnterpriseTask",)),
    Family(vendor="Google reCAPTCHA v3", names=("RecaptchaV3Task", "RecaptchaV3EnterpriseTask")),
    Family(vendor=_HCAPTCHA, names=("HCaptchaTask",), solution=("gRecaptchaResponse", "respKey")),
    Family(vendor=_TURNSTILE, names=("TurnstileTask",), solution=("token",)),
    Family(vendor="Prosopo", names=("ProsopoTask",)),
    Family(
        vendor="FunCaptcha", names=("FunCaptchaTask",), required=("websiteURL", "websitePublicKey"),
        key="websitePublicKey",
    ),
    Family(vendor="GeeTest", names=("GeeTestTask",), required=("websiteURL",), key="gt"),
    Family(vendor="MTCaptcha", names=("MTCaptchaTask", "MtCaptchaTask")),
    Family(vendor="Amazon", names=("AmazonTask",)),
    Family(
        vendor="other vendors", unchecked=True, required=(),
        names=(
            "AlibabaTask", "AltchaTask", "AntiCyberSiAraTask", "AntiGateTask", "AtbCaptchaTask", "BasiliskTask",
            "BinanceTask", "CaptchaFoxTask", "CapyTask", "CustomTask", "CutCaptchaTask", "DataDomeSliderTask",
            "FriendlyCaptchaTask", "HuntTask", "IncapsulaTask", "KeyCaptchaTask", "LeminTask", "TencentTask",
            "TspdTask", "VKCaptchaTask", "YandexSmartCaptchaTask", "YidunTask",
        ),
    ),
)  # fmt: skip

#: Every token task type by name, with and without its suffix.
TOKEN_TYPES: Final[Mapping[str, Family]] = {
    name + suffix: family for family in FAMILIES for name in family.names for suffix in ("", PROXYLESS)
}


#: Every field the sandbox looks at.
FIELDS: Final = tuple({"websiteURL", "cloudflareTaskType"} | {family.key for family in FAMILIES})


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What nobody is asked for, a published test key's answer or a script's: the solution, None where it fails."""

    solution: Any | None
    #: Why it fails.
    cause: Cause = Cause.UNSOLVED
    #: How long after its creation the task settles.
    delay_ms: int = 0


def answer(name: str, fields: Mapping[str, Any]) -> Answered:
    """Answer a token task as its vendor's test keys do; raises a Refusal for anything else.

    `fields` are the task's own, under their documented names.
    """
    family = TOKEN_TYPES[name]
    if family.unchecked:
        raise Refusal(Fault.TASK_NOT_SUPPORTED, f"{name}: {SCOPE}")
    if "websiteURL" in family.required and not _is_page(fields.get("websiteURL")):
        raise Refusal(Fault.PAGEURL, "task.websiteURL must be an http or https address")
    key = fields.get(family.key)
    if family.key in family.required and not (isinstance(key, str) and 0 < len(key) <= 200):
        raise Refusal(Fault.RECAPTCHA_INVALID_SITEKEY, f"task.{family.key} must be a text of 1..200 characters")
    known = TEST_KEYS.get((family.vendor, key)) if isinstance(key, str) else None
    plain = fields.get("cloudflareTaskType") in {None, "", "token"}
    if known is None or not plain:
        raise Refusal(Fault.TASK_NOT_SUPPORTED, f"{name}: {SCOPE}")
    if known.token is None:
        return Answered(solution=None)
    return Answered(solution=dict.fromkeys(family.solution, known.token))


def _is_page(url: object) -> bool:
    return isinstance(url, str) and url.lower().startswith(("http://", "https://")) and len(url) <= 2_048
