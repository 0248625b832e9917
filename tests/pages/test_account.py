"""One's own page: where one is signed in, password, codes, language; to secure an account ends other sessions."""

from __future__ import annotations

import dataclasses
import re

import pytest
from pyotp.totp import TOTP

from answerdesk.desk.people import Secure
from answerdesk.model.account import digest
from answerdesk.model.person import Role
from answerdesk.pages.account import browser_of
from answerdesk.pages.once import SHOWN_MS
from answerdesk.pages.passwords import Busy, Passwords

PASSWORD = "correct horse battery staple"
OTHER = "another horse, another staple"


@pytest.fixture
async def ann(hall):
    """Somebody signed in, without a password."""
    return await hall.come("ann", Role.WORKER)


async def set_password(visitor, new=PASSWORD, present=""):
    return await visitor.post("/sessions/password", {"new": new, "present": present})


async def begin_codes(visitor) -> str:
    """Have a secret shown; gives it."""
    assert (await visitor.post("/sessions/codes", {"act": "begin"})).headers["location"] == "/sessions#codes"
    found = re.search(r'id="secret">([A-Z2-7 ]+)<', (await visitor.get("/sessions")).text)

    assert found
    return found[1].replace(" ", "")


async def test_sessions_are_listed_with_what_browsers_say_they_are(hall, ann):
    other = hall.visitor(ann.person)
    other.client.headers["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
    await other.enter(await hall.link(ann.person))
    page = (await ann.get("/sessions")).text

    assert all(name in page for name in ("Firefox, Linux", "Chrome, Windows"))
    assert page.count("this one") == 1


async def test_one_session_is_ended_by_its_name(hall, ann):
    other, third = await hall.again(ann.person), await hall.again(ann.person)
    reply = await ann.post("/sessions/end", {"session": digest(other.token).hex()[:16]})

    assert reply.headers["location"] == "/sessions?done=ended"
    assert [(await one.get("/work")).status_code for one in (ann, other, third)] == [200, 303, 200]


async def test_all_other_sessions_are_ended_at_once(hall, ann):
    other, third = await hall.again(ann.person), await hall.again(ann.person)
    await ann.post("/sessions/end")

    assert [(await one.get("/work")).status_code for one in (ann, other, third)] == [200, 303, 303]


async def test_nobody_ends_somebody_elses_session(hall, ann):
    bob = await hall.come("bob", Role.WORKER)
    await ann.post("/sessions/end", {"session": digest(bob.token).hex()[:16]})

    assert (await bob.get("/work")).status_code == 200


async def test_a_first_password_is_set_and_every_other_browser_is_signed_out(hall, ann, stranger):
    other, before = await hall.again(ann.person), ann.token
    reply = await set_password(ann)

    assert (reply.status_code, reply.headers["location"]) == (303, "/sessions?done=password")
    assert ann.token not in {"", before}
    assert [(await one.get("/work")).status_code for one in (ann, other)] == [200, 303]
    assert (await stranger.post("/sign-in", {"name": "ann", "password": PASSWORD})).status_code == 303


async def test_a_password_is_changed_by_whoever_knows_the_present_one(ann, hall, stranger):
    await set_password(ann)
    wrong = await set_password(ann, OTHER, "not it, not it, not it")
    assert (wrong.status_code, "not right" in wrong.text) == (422, True)
    assert (await set_password(ann, OTHER, PASSWORD)).status_code == 303

    answers = [await stranger.post("/sign-in", {"name": "ann", "password": given}) for given in (PASSWORD, OTHER)]
    assert [answer.status_code for answer in answers] == [401, 303]


@pytest.mark.parametrize("flawed", ["", "short", "a" * 11, "a" * 12, "ann" * 6, "password1234", "x" * 1001])
async def test_a_poor_password_is_refused(ann, hall, flawed):
    reply = await set_password(ann, flawed)
    person = await hall.store.person(ann.person.id)

    assert (reply.status_code, person.password) == (422, "")


async def test_the_present_password_cannot_be_guessed_without_end(ann):
    await set_password(ann)
    replies = [await set_password(ann, OTHER, "not it, not it, not it") for _ in range(12)]

    assert sum("Too many tries" in reply.text for reply in replies) == 2


async def test_codes_are_asked_for_once_the_app_shows_them(ann, hall, stranger):
    await set_password(ann)
    secret = await begin_codes(ann)
    wrong = await ann.post("/sessions/codes", {"act": "confirm", "code": "000000"})
    assert (wrong.status_code, (await hall.store.person(ann.person.id)).totp) == (422, "")
    now = TOTP(secret).at(hall.clock.now() // 1000)
    reply = await ann.post("/sessions/codes", {"act": "confirm", "code": now})

    assert reply.headers["location"] == "/sessions?done=codes"
    assert (await hall.store.person(ann.person.id)).totp == secret
    assert secret not in (await ann.get("/sessions")).text.replace(" ", "")
    again = await stranger.post("/sign-in", {"name": "ann", "password": PASSWORD, "code": now})
    assert (again.status_code, "used before" in again.text) == (401, True)


async def test_a_secret_that_was_not_confirmed_in_time_is_forgotten(ann, hall):
    await set_password(ann)
    secret = await begin_codes(ann)
    hall.clock.pass_by(SHOWN_MS)
    code = TOTP(secret).at(hall.clock.now() // 1000)
    reply = await ann.post("/sessions/codes", {"act": "confirm", "code": code})

    assert (reply.status_code, "Begin again" in reply.text) == (422, True)


async def test_codes_are_given_up_by_whoever_knows_the_password(ann, hall):
    await set_password(ann)
    await hall.store.run(Secure(person=await hall.store.person(ann.person.id), settings={"totp": "A" * 32}))
    ann = await hall.again(ann.person)
    assert (await ann.post("/sessions/codes", {"act": "stop", "present": "wrong"})).status_code == 422
    done = await ann.post("/sessions/codes", {"act": "stop", "present": PASSWORD})

    assert done.headers["location"] == "/sessions?done=codes-off"
    assert (await hall.store.person(ann.person.id)).totp == ""


@pytest.mark.parametrize("form", [{"act": "begin"}, {"act": "stop"}, {"act": "dance"}, {}], ids=str)
async def test_codes_need_a_password_first(ann, form):
    assert (await ann.post("/sessions/codes", form)).status_code == 400


async def test_a_language_is_kept_and_spoken(ann):
    assert '<html lang="en" dir="ltr">' in (await ann.get("/sessions")).text
    await ann.post("/sessions/language", {"language": "es"})
    assert '<html lang="es" dir="ltr">' in (await ann.get("/sessions")).text
    assert (await ann.post("/sessions/language", {"language": "xx"})).status_code == 400
    await ann.post("/sessions/language", {"language": ""})

    assert '<html lang="es" dir="ltr">' in (await ann.get("/sessions", **{"Accept-Language": "fr, es;q=0.9"})).text


@pytest.mark.parametrize(
    ("agent", "called"),
    [
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605 Version/18 Safari/605", "Safari, macOS"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", ""),
    ],
)
def test_a_browser_is_called_as_people_call_it(agent, called):
    assert browser_of(agent) == called


async def test_what_was_changed_elsewhere_meanwhile_is_not_written_over(ann, hall):
    class Elsewhere:
        """A store in which somebody else is a moment sooner."""

        def __getattr__(self, name):
            return getattr(hall.store, name)

        async def run(self, verb):
            if isinstance(verb, Secure):
                await hall.store.run(Secure(person=verb.person, settings={"password": "other"}))
            return await hall.store.run(verb)

    hall.site._app.state.parts = dataclasses.replace(hall.parts, store=Elsewhere())  # noqa: SLF001 - handed in
    reply = await set_password(ann)

    assert (reply.status_code, "changed elsewhere" in reply.text) == (409, True)
    assert (await hall.store.person(ann.person.id)).password == "other"


async def test_while_too_many_sign_in_nothing_is_changed_and_no_try_is_lost(ann, hall):
    await set_password(ann)

    class Full(Passwords):
        async def matches(self, hashed, password):
            raise Busy

        async def hash(self, password):
            raise Busy

    full = Full()
    hall.site._app.state.parts = dataclasses.replace(hall.parts, passwords=full)  # noqa: SLF001 - handed in
    replies = [await set_password(ann, OTHER, PASSWORD) for _ in range(12)]
    signed = [await hall.visitor().post("/sign-in", {"name": "ann", "password": PASSWORD}) for _ in range(12)]
    full.close()

    assert {(reply.status_code, "Many people sign in" in reply.text) for reply in replies} == {(422, True)}
    assert {reply.status_code for reply in signed} == {503}
