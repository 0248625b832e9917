"""Token types answer published test keys alone: every row of the catalogue that the sandbox serves is walked."""

import pytest

from answerdesk.model import sandbox
from answerdesk.model.catalog import CATALOG, Served
from answerdesk.model.fault import Fault, Refusal

TOKENS = [row.name for row in CATALOG.values() if Served.SANDBOX in row.served]
LIVE = "6LfD3PIbAAAAAJs_eEHvoOl75_83eXSqpPSRFJ_u"


def test_every_token_type_is_a_row_that_the_sandbox_alone_serves_for_nothing():
    assert set(TOKENS) == set(sandbox.TOKEN_TYPES)
    assert all(CATALOG[name].served == {Served.SANDBOX} for name in TOKENS)
    assert all(CATALOG[name].price == CATALOG[name].pay == 0 for name in TOKENS)


@pytest.mark.parametrize("name", TOKENS)
def test_a_live_looking_key_is_refused_whatever_the_type(name):
    fields = {"websiteURL": "https://example.com/", sandbox.TOKEN_TYPES[name].key: LIVE}

    with pytest.raises(Refusal) as refused:
        sandbox.answer(name, fields)

    assert refused.value.fault is Fault.TASK_NOT_SUPPORTED


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize("known", sandbox.TEST_KEYS.values(), ids=lambda row: row.key)
def test_a_test_key_is_answered_by_its_own_vendors_types_only(name, known):
    family = sandbox.TOKEN_TYPES[name]
    fields = {"websiteURL": "https://example.com/", family.key: known.key}

    if family.vendor != known.vendor:
        with pytest.raises(Refusal):
            sandbox.answer(name, fields)
        return
    answered = sandbox.answer(name, fields)

    assert set((answered.solution or {}).values()) == ({known.token} if known.token else set())


@pytest.mark.parametrize("url", [None, "", 5, "ftp://example.com", "https://" + "a" * 3000])
def test_a_page_address_is_checked_before_the_key(url):
    with pytest.raises(Refusal) as refused:
        sandbox.answer("TurnstileTask", {"websiteURL": url, "websiteKey": "1x00000000000000000000AA"})

    assert refused.value.fault is Fault.PAGEURL


@pytest.mark.parametrize("key", [None, "", 5, "k" * 201])
def test_a_site_key_is_checked(key):
    with pytest.raises(Refusal) as refused:
        sandbox.answer("HCaptchaTask", {"websiteURL": "https://example.com/", "websiteKey": key})

    assert refused.value.fault is Fault.RECAPTCHA_INVALID_SITEKEY


@pytest.mark.parametrize("wanted", ["cf_clearance", "wait_room"])
def test_nothing_but_a_token_is_given_for_turnstile(wanted):
    fields = {"websiteURL": "https://a.b/", "websiteKey": "1x00000000000000000000AA", "cloudflareTaskType": wanted}

    with pytest.raises(Refusal) as refused:
        sandbox.answer("TurnstileTaskProxyless", fields)

    assert refused.value.fault is Fault.TASK_NOT_SUPPORTED
