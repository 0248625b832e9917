"""Signing in by name and password, and a code where one is asked for; guessing is slow and tells nothing."""

from __future__ import annotations

import pytest
from pyotp.totp import TOTP

from answerdesk.desk.people import Change, Secure
from answerdesk.model.account import digest
from answerdesk.model.person import Role
from answerdesk.pages.attempts import OF_ADDRESS, OF_NAME
from answerdesk.pages.passwords import STEP_SECONDS
from tests.pages.hall import Visitor

PASSWORD = "correct horse battery staple"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
async def ann(hall):
    """Somebody with a password, signed in nowhere."""
    person = await hall.enrol("Ann Ü", Role.WORKER)
    hashed = await hall.parts.passwords.hash(PASSWORD)
    return await hall.store.run(Secure(person=person, settings={"password": hashed}))


@pytest.fixture
async def coded(hall, ann):
    """The same, with one-time codes."""
    return await hall.store.run(Secure(person=ann, settings={"totp": SECRET}))


def code(hall, steps: int = 0) -> str:
    return TOTP(SECRET).at(hall.clock.now() // 1000 + steps * STEP_SECONDS)


async def sign_in(visitor: Visitor, name: str = "Ann Ü", password: str = PASSWORD, **fields: str):
    return await visitor.post("/sign-in", {"name": name, "password": password, **fields})


async def test_the_right_password_opens_a_session(hall, ann, stranger):
    reply = await sign_in(stranger)

    assert (reply.status_code, reply.headers["location"]) == (303, "/work")
    assert (await stranger.get("/work")).status_code == 200


@pytest.mark.parametrize("name", ["ann ü", "  ANN   Ü ", "Ann U\u0308", "Ａｎｎ Ü"])
async def test_a_name_is_found_however_it_is_written(ann, stranger, name):
    assert (await sign_in(stranger, name)).status_code == 303


async def test_a_password_is_the_same_however_a_keyboard_composes_it(hall, ann, stranger):
    hashed = await hall.parts.passwords.hash("schön ist die Welt")
    await hall.store.run(Secure(person=ann, settings={"password": hashed}))

    assert (await sign_in(stranger, password="scho\u0308n ist die Welt")).status_code == 303


@pytest.mark.parametrize(
    ("name", "password"),
    [("Ann Ü", "wrong"), ("nobody", PASSWORD), ("", ""), ("Ann Ü", ""), ("bob", ""), ("Ann Ü", PASSWORD + " ")],
)
async def test_a_wrong_name_and_a_wrong_password_look_the_same(hall, ann, stranger, name, password):
    await hall.enrol("bob", Role.WORKER)
    reply = await sign_in(stranger, name, password)

    assert reply.status_code == 401
    assert "do not belong together" in reply.text
    assert await hall.store.sessions(None) == []


async def test_a_suspended_person_is_told_no_more_than_a_stranger(hall, ann, stranger):
    await hall.store.run(Change(person=ann, settings={"enabled": False}))

    assert "do not belong together" in (await sign_in(stranger)).text


async def test_signing_in_again_is_a_fresh_session_and_ends_the_one_before(ann, stranger, hall):
    await sign_in(stranger)
    before = stranger.token
    await sign_in(stranger)

    assert stranger.token != before
    assert [one.digest for one in await hall.store.sessions(None)] == [digest(stranger.token)]


@pytest.mark.parametrize(
    ("asked", "led"),
    [
        ("/sessions?done=codes", "/sessions?done=codes"),
        ("", "/work"),
        ("https://evil.example/", "/work"),
        ("//evil.example/", "/work"),
        ("/\\evil.example", "/work"),
        ("/\t/evil.example", "/work"),
        ("/work\r\nSet-Cookie: a=b", "/work"),
        ("/enter/0123", "/work"),
        ("/sign-in?next=/sign-in", "/work"),
        ("javascript:alert(1)", "/work"),
    ],
)
async def test_one_is_led_on_within_this_site_alone(ann, stranger, asked, led):
    reply = await sign_in(stranger, next=asked)

    assert (reply.status_code, reply.headers["location"]) == (303, led)


async def test_somebody_signed_in_is_not_asked_again(ann, stranger):
    await sign_in(stranger)

    assert (await stranger.get("/sign-in?next=/sessions")).headers["location"] == "/sessions"


async def test_the_form_is_what_password_stores_expect(stranger):
    page = (await stranger.get("/sign-in")).text

    assert 'autocomplete="username"' in page
    assert 'type="password" autocomplete="current-password"' in page
    assert "one-time-code" not in page


async def test_guesses_of_a_name_are_slowed_and_right_ones_cost_nothing(hall, ann):
    guesser = hall.visitor()
    most = int(OF_NAME[0])
    for _ in range(most + 2):
        assert (await sign_in(hall.visitor())).status_code == 303
    answers = [(await sign_in(guesser, password="wrong")).status_code for _ in range(most + 2)]
    assert answers == [401] * most + [429] * 2
    assert (await sign_in(hall.visitor())).status_code == 429
    hall.clock.pass_by(int(1000 / OF_NAME[1]))

    assert (await sign_in(hall.visitor())).status_code == 303


@pytest.mark.parametrize("as_json", [False, True])
async def test_whoever_is_slowed_is_told_when_to_come_back(hall, ann, as_json):
    guesser = hall.visitor()
    for _ in range(int(OF_NAME[0])):
        await sign_in(guesser, password="wrong")
    hall.clock.pass_by(500)
    given = {"name": "Ann Ü", "password": "wrong"}
    slowed = await (guesser.call if as_json else guesser.post)("/sign-in", given)
    wait = int(slowed.headers["Retry-After"])
    assert (slowed.status_code, wait) == (429, 60)

    hall.clock.pass_by((wait - 1) * 1000 - 500)
    assert (await sign_in(hall.visitor())).status_code == 429
    hall.clock.pass_by(1_000)
    assert (await sign_in(hall.visitor())).status_code == 303


async def test_guesses_from_an_address_are_slowed_whatever_the_name(hall, ann, stranger):
    most = int(OF_ADDRESS[0])
    answers = [(await sign_in(stranger, f"name {n}", "wrong")).status_code for n in range(most + 2)]

    assert answers == [401] * most + [429] * 2


async def test_a_code_is_asked_for_and_lets_in(hall, coded, stranger):
    asked = await sign_in(stranger)
    assert (asked.status_code, 'autocomplete="one-time-code"' in asked.text) == (401, True)
    assert await hall.store.sessions(None) == []

    assert (await sign_in(stranger, code=code(hall))).status_code == 303


@pytest.mark.parametrize("steps", [-1, 0, 1])
async def test_a_clock_may_be_off_by_a_step(hall, coded, stranger, steps):
    assert (await sign_in(stranger, code=code(hall, steps))).status_code == 303


@pytest.mark.parametrize("steps", [-2, 2])
async def test_a_code_of_another_time_lets_nobody_in(hall, coded, stranger, steps):
    assert (await sign_in(stranger, code=code(hall, steps))).status_code == 401


@pytest.mark.parametrize("given", ["000000", "1", "abcdef", "１２３４５６"])
async def test_a_wrong_code_lets_nobody_in(coded, stranger, given):
    reply = await sign_in(stranger, code=given)

    assert (reply.status_code, "not right" in reply.text) == (401, True)


async def test_a_code_lets_in_once(hall, coded):
    given = code(hall)
    answers = [(await sign_in(hall.visitor(), code=said)).status_code for said in (given, given, code(hall, -1))]

    assert answers == [303, 401, 401]


async def test_a_code_without_the_password_is_worth_nothing(hall, coded, stranger):
    reply = await sign_in(stranger, password="wrong", code=code(hall))

    assert (reply.status_code, "do not belong together" in reply.text) == (401, True)


async def test_a_script_signs_in_by_json(hall, coded, stranger):
    said = {"name": "ann ü", "password": PASSWORD}
    asked = await stranger.call("/sign-in", said)
    assert (asked.status_code, asked.json()["why"]) == (401, "code")
    wrong = await stranger.call("/sign-in", said | {"password": "wrong"})
    assert (wrong.status_code, wrong.json()["why"]) == (401, "wrong")
    done = await stranger.call("/sign-in", said | {"code": code(hall)})

    assert done.json() == {"name": "Ann Ü", "role": "worker", "home": "/work"}
    assert (await stranger.get("/work")).status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"name": 1, "password": 2}', b'{"name": "' + b"a" * 2000 + b'"}'])
async def test_what_is_no_sign_in_is_refused(stranger, body):
    headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin", "Accept": "application/json"}

    assert (await stranger.client.post("/sign-in", content=body, headers=headers)).status_code == 400


async def test_signing_out_ends_this_session_alone(hall, ann):
    here, there = await hall.again(ann), await hall.again(ann)
    reply = await here.post("/sign-out")

    assert (reply.status_code, reply.headers["location"], here.token) == (303, "/sign-in", "")
    assert [(await one.get("/work")).status_code for one in (here, there)] == [303, 200]


async def test_signing_out_everywhere_ends_all(hall, ann):
    here, there, other = await hall.again(ann), await hall.again(ann), await hall.come("bob", Role.WORKER)
    await here.post("/sign-out", {"everywhere": "yes"})

    assert [(await one.get("/work")).status_code for one in (here, there, other)] == [303, 303, 200]


async def test_a_page_asked_for_is_shown_after_signing_in(ann, stranger):
    asked = (await stranger.get("/work?a=b&c=d")).headers["location"]
    assert asked == "/sign-in?next=%2Fwork%3Fa%3Db%26c%3Dd"

    assert 'name="next" value="/work?a=b&amp;c=d"' in (await stranger.get(asked)).text
