"""Who may see what, as one table: every address of the site, for every role, for a stranger and for a script."""

from __future__ import annotations

import pytest

from answerdesk.model.person import Role
from answerdesk.pages.guard import FORM, Row
from answerdesk.pages.site import ROUTES

EVERYBODY = frozenset(Role)
STAFF = frozenset({Role.OWNER, Role.OPERATOR, Role.VIEWER})
RUN = frozenset({Role.OWNER, Role.OPERATOR})
#: Those whom the test's people grant to answer.
ANSWER = frozenset({Role.OWNER, Role.WORKER})
#: Whom each address lets through once they are signed in; None is open to strangers too.
WHO: dict[str, frozenset[Role] | None] = {
    "/": None,
    "/enter/{secret}": None,
    "/sign-in": None,
    "/sign-out": EVERYBODY,
    "/sessions": EVERYBODY,
    "/sessions/end": EVERYBODY,
    "/sessions/password": EVERYBODY,
    "/sessions/codes": EVERYBODY,
    "/sessions/language": EVERYBODY,
    "/work": ANSWER,
    "/work/words": ANSWER,
    "/work/practice/{kind}/{number}": ANSWER,
    "/work/practice/{kind}/{number}/{index}": ANSWER,
    "/me": EVERYBODY,
    "/me/keys": ANSWER,
    "/me/ledger": ANSWER,
    "/team": STAFF,
    "/team/invite": RUN,
    "/team/{who}": STAFF,
    "/team/{who}/ledger": STAFF,
    "/team/{who}/grants": RUN,
    "/team/{who}/suspend": RUN,
    "/team/{who}/resume": RUN,
    "/team/{who}/role": RUN,
    "/team/{who}/sign-out": RUN,
    "/team/{who}/link": RUN,
    "/team/{who}/payout": RUN,
    "/queue": STAFF,
    "/queue/now": STAFF,
}
#: What stands for the variable parts of an address: real ones where there are, so that nobody is let through by 404.
PLACES = {"secret": "0" * 48, "kind": "text", "number": "1", "index": "0", "who": "p1", "hash": "0", "name": "work.js"}
CALLS = [(row, method) for row in ROUTES for method in row.methods]

each_call = pytest.mark.parametrize(("row", "method"), CALLS, ids=[f"{method} {row.path}" for row, method in CALLS])


def address(row: Row) -> str:
    return row.path.format(**PLACES)


async def send(visitor, row: Row, method: str, **headers: str):
    body = {"headers": {"Content-Type": row.takes[0], **headers}} if method == "POST" else {"headers": headers}
    return await visitor.client.request(method, address(row), content=b"" if method == "POST" else None, **body)


OWN = {"Sec-Fetch-Site": "same-origin"}


def test_every_address_is_in_the_table():
    assert {row.path for row in ROUTES} == set(WHO)


@each_call
async def test_roles_see_what_the_table_says_and_nothing_else(hall, row, method):
    # The worker's is the page that is changed, after everybody who may not change it has tried.
    worker = await hall.come("worker", Role.WORKER)
    assert worker.person.id == 1
    through = set()
    for role in (Role.WORKER, Role.CUSTOMER, Role.VIEWER, Role.OPERATOR, Role.OWNER):
        visitor = worker if role is Role.WORKER else await hall.come(str(role), role)
        reply = await send(visitor, row, method, **OWN)
        assert reply.status_code not in {405, 415, 500} or WHO[row.path] is None, reply.text
        assert (reply.status_code == 401) is (row.path == "/sign-in" and method == "POST")
        if reply.status_code != 403:
            through.add(role)

    allowed = WHO[row.path]
    assert through == (EVERYBODY if allowed is None else allowed)


@each_call
async def test_a_stranger_is_asked_to_sign_in_and_a_strange_script_is_told(hall, stranger, row, method):
    reply = await send(stranger, row, method, **OWN)
    if WHO[row.path] is None:
        assert reply.status_code in {200, 303, 401, 410}
        return
    there = f"/sign-in?next={address(row).replace('/', '%2F')}" if method == "GET" else "/sign-in"
    as_script = await send(stranger, row, method, **OWN, Accept="application/json")

    told = 401 if row.takes == ("application/json",) and method == "POST" else 303
    assert (reply.status_code, reply.headers.get("location")) == (told, there if told == 303 else None)
    assert as_script.status_code == 401


SENT = [
    ({}, True),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"}, True),
    ({"Sec-Fetch-Site": "same-site", "Origin": "https://other.desk.test"}, True),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "https://desk.test"}, True),
    ({"Origin": "https://evil.test"}, True),
    ({"Origin": "null"}, True),
    ({"Origin": "https://desk.test.evil.test"}, True),
    ({"Origin": "https://desk.test:8443"}, True),
    ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, False),
    ({"Sec-Fetch-Site": "none"}, False),
    ({"Origin": "https://desk.test"}, False),
]
UNSAFE = [(row, method) for row, method in CALLS if method not in {"GET", "HEAD"}]


@pytest.mark.parametrize(("headers", "refused"), SENT, ids=str)
async def test_nothing_is_done_for_another_site(hall, headers, refused):
    visitor = await hall.come("owner", Role.OWNER)
    unlike = []
    for row, method in UNSAFE:
        if row.path == "/sign-out":
            continue
        reply = await send(visitor, row, method, **headers)
        if (reply.status_code == 403 and "another page" in reply.text) is not refused:
            unlike.append(row.path)
    out = await visitor.client.post("/sign-out", headers={"Content-Type": FORM[0], **headers})

    assert (unlike, out.status_code) == ([], 403 if refused else 303)


@pytest.mark.parametrize("kind", ["", "text/plain", "multipart/form-data; boundary=x", "application/xml"])
async def test_a_call_is_in_the_form_its_address_takes(hall, kind):
    visitor = await hall.come("owner", Role.OWNER)
    replies = {row.path: await send(visitor, row, method, **OWN, **{"Content-Type": kind}) for row, method in UNSAFE}

    assert {path: reply.status_code for path, reply in replies.items()} == {row.path: 415 for row, _ in UNSAFE}
