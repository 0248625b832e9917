"""No secret reaches the log, whichever way it is brought there; the lines of a request tell its id."""

from __future__ import annotations

import io
import json
import logging

import pytest

from answerdesk.cli import hiding, logs
from answerdesk.model.account import Account, AccountId

KEY = "0123456789abcdef0123456789abcdef"
LINK = "9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a3928"
PASSWORD = "correct horse battery staple"
WORD = "hunter2-and-more"
HOOK = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOTP = "JBSWY3DPEHPK3PXP"


class Written:
    """What one logger wrote, line by line."""

    def __init__(self, *, as_json: bool, request: str | None) -> None:
        self._stream = io.StringIO()
        self._handler = logging.StreamHandler(self._stream)
        self._handler.setFormatter(logs.Lines(as_json=as_json, request=lambda: request))
        self.log = logging.getLogger("answerdesk.leaks")
        self.log.propagate = False
        self.log.handlers = [self._handler]
        self.log.setLevel("DEBUG")

    @property
    def text(self) -> str:
        return self._stream.getvalue()


@pytest.fixture(params=[True, False], ids=["json", "terminal"])
def written(request):
    return Written(as_json=request.param, request="r-1")


#: A text as it may stand in a message, an error or a field, and the secret in it.
LEAKS = [
    (f"no such key {KEY}", KEY),
    (f"no such key {KEY.upper()}", KEY.upper()),
    (f"GET /enter/{LINK} failed", LINK),
    (f"session {KEY}{KEY} has ended", KEY + KEY),
    (f"Authorization: Bearer {WORD}", WORD),
    (f"b'authorization', b'Bearer {WORD}'", WORD),
    (f"[(b'host', b'x'), (b'cookie', b'theme=dark; other={WORD}')]", WORD),
    (f"Cookie: theme=dark; __Host-session={WORD}", WORD),
    (f"Set-Cookie: __Host-session={WORD}; Path=/", WORD),
    (f"sent __Host-session={WORD}", WORD),
    (f"Proxy-Authorization: Basic {WORD}", WORD),
    (f"postgresql://desk:{WORD}@db.example/desk cannot be reached", WORD),
    (f"connection failed: host=db password={WORD} dbname=desk", WORD),
    (f"https://desk:{WORD}@hooks.example/in", WORD),
    (f"POST https://hooks.example/in?t={WORD} answered 500", WORD),
    (f"otpauth://totp/desk?secret={TOTP}&issuer=desk", TOTP),
    (f"the password '{PASSWORD}' is not accepted", PASSWORD),
    (f'the password "{PASSWORD}" is not accepted', PASSWORD),
    (f"{{'name': 'a', 'password': '{PASSWORD}'}}", PASSWORD),
    (json.dumps({"body": json.dumps({"password": PASSWORD})}), PASSWORD),
    (json.dumps({"clientKey": WORD, "task": {}}), WORD),
    (f"Given(password='{PASSWORD}', totp='{TOTP}')", PASSWORD),
    (f"Given(password='{PASSWORD}', totp='{TOTP}')", TOTP),
    (f"in.php?key={WORD}&method=base64", WORD),
    (f"api_key={WORD}", WORD),
    (f"client_key: {WORD}", WORD),
    (f"signed with {HOOK}", HOOK),
    (f"its hash is $argon2id$v=19$m=65536,t=3,p=4${TOTP}$abc", TOTP),
]


@pytest.mark.parametrize(("text", "secret"), LEAKS)
def test_a_secret_in_a_message_is_left_out(written, text, secret) -> None:
    written.log.info("%s", text)

    assert secret not in written.text
    assert hiding.HIDDEN in written.text


@pytest.mark.parametrize(("text", "secret"), LEAKS)
def test_a_secret_in_an_error_and_its_causes_is_left_out_of_the_traceback(written, text, secret) -> None:
    def fail() -> None:
        try:
            raise KeyError(text)  # noqa: TRY301 - it needs a cause
        except KeyError as cause:
            raise ValueError(f"because {text}") from cause

    try:
        fail()
    except ValueError:
        written.log.exception("crashed")

    assert secret not in written.text
    assert "Traceback" in written.text
    assert "ValueError: because" in written.text


@pytest.mark.parametrize(("text", "secret"), LEAKS)
def test_a_secret_inside_a_field_is_left_out(written, text, secret) -> None:
    fields = {"why": text, "error": RuntimeError(text), "tried": [{"answer": (text, 1)}]}
    written.log.warning("failed", extra={"fields": fields})

    assert secret not in written.text


@pytest.mark.parametrize(
    "name", ["key", "clientKey", "client_key", "token", "Set-Cookie", "PASSWORD", "api-key", "totp"]
)
def test_a_field_that_is_secret_by_its_name_is_left_out_whole_however_deep(written, name) -> None:
    written.log.info("heard", extra={"fields": {name: WORD, "body": {"inner": [{name: WORD}], "n": 3}}})

    assert WORD not in written.text
    assert "3" in written.text


def test_an_account_s_callback_secrets_do_not_come_with_it(written) -> None:
    account = Account(id=AccountId(1), name="acme", callback_secrets=(HOOK,))
    written.log.error("odd %s", account, extra={"fields": {"account": account}})

    assert HOOK not in written.text
    assert "acme" in written.text


@pytest.mark.parametrize(
    "text",
    [
        "the key is missing, unknown or revoked",
        "the token must have 32 characters",
        "metrics_token_file: /etc/answerdesk/metrics.token cannot be read",
        "password must be at least 12 characters",
        "POST http://127.0.0.1:8080/createTask answered 200",
        "task 1234567890 of account 17 settled at 1760000400000",
    ],
)
def test_what_tells_of_secrets_without_telling_one_stays(text) -> None:
    assert hiding.hidden(text) == text


def test_a_long_text_is_cut_and_its_secrets_left_out_at_both_ends() -> None:
    text = hiding.hidden(f"key={WORD} {'A' * 1_000_000} key={WORD}")

    assert WORD not in text
    assert len(text) < 2 * hiding.LONGEST


def test_what_was_said_during_a_request_tells_its_id_first() -> None:
    written = Written(as_json=True, request=KEY)
    written.log.info("heard", extra={"fields": {"n": 1}})

    line = json.loads(written.text)
    assert line["request"] == KEY
    assert list(line).index("request") < list(line).index("n")


def test_what_was_said_outside_of_requests_has_no_id() -> None:
    written = Written(as_json=True, request=None)
    written.log.info("started")

    assert "request" not in json.loads(written.text)
