"""Every way the service refuses, named once; each dialect's FAULTS table says what its vendor prints.
Rule: a refusal carries a sentence that says what was wrong, where, and what is accepted."""

from __future__ import annotations

import enum


class Fault(enum.StrEnum):
    """The vendors' error codes without their ``ERROR_`` prefix (PROTOCOL §5.1)."""

    #: The key is missing, malformed, unknown or revoked.
    KEY_DOES_NOT_EXIST = "KEY_DOES_NOT_EXIST"
    #: Nobody is granted the kind, the account's queue is full, or the store is away: try later.
    NO_SLOT_AVAILABLE = "NO_SLOT_AVAILABLE"
    #: The media is missing, not base64, or under 100 bytes.
    ZERO_CAPTCHA_FILESIZE = "ZERO_CAPTCHA_FILESIZE"
    #: The media is over the account's limit of bytes or pixels.
    TOO_BIG_CAPTCHA_FILESIZE = "TOO_BIG_CAPTCHA_FILESIZE"
    #: A token task without a usable page address.
    PAGEURL = "PAGEURL"
    #: The balance does not cover the price.
    ZERO_BALANCE = "ZERO_BALANCE"
    #: The caller's address is not on the account's allow-list.
    IP_NOT_ALLOWED = "IP_NOT_ALLOWED"
    #: Nobody could answer in time; final and free.
    CAPTCHA_UNSOLVABLE = "CAPTCHA_UNSOLVABLE"
    #: The answers never agreed; final and free.
    BAD_DUPLICATES = "BAD_DUPLICATES"
    #: The method does not exist.
    NO_SUCH_METHOD = "NO_SUCH_METHOD"
    #: The bytes are of no accepted picture or sound format.
    IMAGE_TYPE_NOT_SUPPORTED = "IMAGE_TYPE_NOT_SUPPORTED"
    #: The task is unknown, foreign, expired or deleted: always the same words.
    NO_SUCH_CAPCHA_ID = "NO_SUCH_CAPCHA_ID"
    #: A coordinates task without its instruction.
    EMPTY_COMMENT = "EMPTY_COMMENT"
    #: Too many bad requests from one address.
    IP_BLOCKED = "IP_BLOCKED"
    #: Too many polls of one unfinished task: the account is locked for a while.
    TOO_MUCH_REQUESTS = "TOO_MUCH_REQUESTS"
    #: The body is not a JSON object or has no task.
    TASK_ABSENT = "TASK_ABSENT"
    #: The task type is unknown or not served.
    TASK_NOT_SUPPORTED = "TASK_NOT_SUPPORTED"
    #: A token task without a usable site key.
    RECAPTCHA_INVALID_SITEKEY = "RECAPTCHA_INVALID_SITEKEY"
    #: The operator suspended the account.
    ACCOUNT_SUSPENDED = "ACCOUNT_SUSPENDED"
    #: A field is missing or has a value that is not accepted.
    BAD_PARAMETERS = "BAD_PARAMETERS"
    #: The instruction picture is broken or too big.
    BAD_IMGINSTRUCTIONS = "BAD_IMGINSTRUCTIONS"
    #: The service cannot serve this call now; never an error code, always HTTP 503.
    UNAVAILABLE = "UNAVAILABLE"


class Refusal(Exception):
    """The one way out of a call that cannot be served; becomes a reply at the edge."""

    def __init__(self, fault: Fault, detail: str, seconds: int = 0) -> None:
        super().__init__(fault, detail)
        self.fault = fault
        self.detail = detail
        #: How long the same call will be refused, where that is known.
        self.seconds = seconds
