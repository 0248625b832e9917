"""`people` invites, changes, suspends and lets in those who sign in; the first owner comes by what `serve` prints."""

from __future__ import annotations

import re

import pytest
from argon2 import PasswordHasher

from answerdesk.model.person import COOKIE
from tests.serving import Http, Serving, serving, wait_until

LINK = re.compile(r"http://127\.0\.0\.1:\d+/enter/([0-9a-f]{48})")
OWN = {"Sec-Fetch-Site": "same-origin"}
JSON = {**OWN, "Content-Type": "application/json"}
PASSWORD = "correct horse battery staple"


def enter(server: Serving, link: str) -> dict[str, str]:
    """Open a link as a browser does; gives the header that its session sends."""
    reply = server.http.get(link.removeprefix(server.url))

    assert reply.status == 303, reply.body
    return {"Cookie": reply.headers["set-cookie"].partition(";")[0]}


def claim(server: Serving, session: dict[str, str], **headers: str):
    return server.http.post("/api/work/claim", {"max": 1}, {**session, **JSON, **headers})


def test_an_invitation_gives_a_link_that_signs_in_once_with_what_was_granted(server):
    told = server.cli("people", "invite", "Ann", "--kinds", "text,grid", "--lang", "en,de")
    assert LINK.fullmatch(told["link"])
    assert told["link"].startswith(server.url)
    session = enter(server, told["link"])
    shown = server.cli("people", "show", "ann")

    assert server.http.get(told["link"].removeprefix(server.url)).status == 410
    assert (shown["role"], shown["kinds"], shown["languages"]) == ("worker", ["grid", "text"], ["de", "en"])
    assert (shown["sessions"], len(shown["signed_in"]), shown["password"]) == (1, 1, False)
    assert claim(server, session).json == {"leases": []}


def test_a_person_belongs_to_groups(beside):
    told = beside("people", "invite", "gus", "--groups", "team-1, team-2", "--json").json
    changed = beside("people", "set", "gus", "--groups", "team-3", "--json").json
    kept = beside("people", "set", "gus", "--kinds", "text", "--json").json

    assert [one["groups"] for one in (told, changed, kept)] == [["team-1", "team-2"], ["team-3"], ["team-3"]]
    assert (kept["kinds"], changed["languages"]) == (["text"], [])
    assert beside("people", "set", "gus", "--groups", "none", "--json").json["groups"] == []
    refused = beside("people", "set", "gus", "--groups", "a b")
    assert (refused.code, "is not a group" in refused.err) == (2, True)


@pytest.mark.parametrize("grant", [("--groups", "vault"), ("--groups", "none"), ("--lang", "de")], ids=str)
def test_grants_for_somebody_who_does_not_answer_are_refused_and_not_dropped(beside, grant):
    name = "-".join(grant).strip("-")
    beside("people", "invite", name, "--role", "viewer")
    refused = beside("people", "set", name, *grant)
    together = beside("people", "set", name, *grant, "--kinds", "grid", "--json").json

    assert (refused.code, refused.out) == (1, "")
    assert f"{name} answers no tasks" in refused.err
    assert "--kinds" in refused.err
    assert (together["kinds"], together["languages"] or together["groups"] or ["none"]) == (["grid"], [grant[1]])


def test_everybody_is_listed_and_named_by_name_or_id(server):
    made = [
        server.cli("people", "invite", f"lister {n}", "--role", role) for n, role in enumerate(("worker", "viewer"))
    ]
    listed = {one["id"]: one for one in server.cli("people")}

    assert [listed[one["id"]]["role"] for one in made] == ["worker", "viewer"]
    assert [bool(listed[one["id"]]["kinds"]) for one in made] == [True, False]
    assert server.cli("people", "show", str(made[0]["id"]))["name"] == "lister 0"


def test_what_ends_a_session_ends_it_within_a_tenth_of_a_second_in_a_running_server(server):
    server.cli("people", "invite", "eve")
    for verb in ("revoke-sessions", "suspend"):
        session = enter(server, server.cli("people", "link", "eve")["link"])
        assert claim(server, session).status == 200
        server.cli("people", verb, "eve")

        assert wait_until(lambda: claim(server, session).status == 401, "the session has ended", patience=5)  # noqa: B023
    assert server.cli("people", "resume", "eve")["enabled"]
    assert claim(server, enter(server, server.cli("people", "link", "eve")["link"])).status == 200


def test_a_session_acts_for_this_desks_pages_alone(server):
    session = enter(server, server.cli("people", "invite", "bea")["link"])
    host = server.url.removeprefix("http://")
    plain = {**session, "Content-Type": "application/json"}

    def status(**headers: str) -> int:
        return server.http.post("/api/work/claim", {"max": 1}, {**plain, **headers}).status

    assert status() == 403
    assert [status(**{"Sec-Fetch-Site": site}) for site in ("cross-site", "same-site")] == [403, 403]
    assert [status(**{"Sec-Fetch-Site": site}) for site in ("same-origin", "none")] == [200, 200]
    assert [status(Origin=origin) for origin in (f"http://{host}", "http://evil.test", "null")] == [200, 403, 403]
    assert status(**{**OWN, "Content-Type": "text/plain"}) == 415
    assert server.http.get("/api/work/me", session).status == 200
    # A token that is sent is what counts, whatever cookie comes along.
    assert status(**{**OWN, "Authorization": "Bearer nobody"}) == 401


def test_a_person_who_may_not_answer_is_told_so(server):
    session = enter(server, server.cli("people", "invite", "vera", "--role", "viewer")["link"])
    refused = claim(server, session)

    assert (refused.status, "may not answer" in refused.json["error"]) == (403, True)
    assert claim(server, {"Cookie": f"{COOKIE}={'0' * 64}"}).status == 401
    assert server.cli("people", "set", "vera", "--kinds", "text")["kinds"] == ["text"]
    wait_until(lambda: claim(server, session).status == 200, "the server knows that she may")


def test_a_customer_has_an_account_and_nobody_else(beside):
    assert beside("accounts", "add", "acme").code == 0
    assert (
        beside("people", "invite", "cleo", "--role", "customer", "--account", "acme", "--json").json["account"]
        == "acme"
    )
    lacking = beside("people", "invite", "dan", "--role", "customer")
    needless = beside("people", "invite", "dan", "--account", "acme")
    became = beside("people", "set", "cleo", "--role", "worker", "--json").json

    assert [(one.code, "go together" in one.err) for one in (lacking, needless)] == [(2, True)] * 2
    assert (became["account"], became["role"]) == (None, "worker")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("show", "nobody at all"), 1, "there is nobody called 'nobody at all'"),
        (("invite", "12"), 2, "is not a number"),
        (("invite", "x", "--kinds", "poems"), 2, "unknown kind 'poems'"),
        (("invite", "x", "--role", "king"), 2, "king"),
        (("suspend", "owner"), 1, "last owner"),
        (("set", "owner", "--role", "worker"), 1, "last owner"),
        (("invite", "OWNER"), 1, "somebody called 'owner' already"),
        (
            ("invite", "x", "--role", "viewer", "--groups", "vault"),
            2,
            "--groups is for people who answer: give --kinds",
        ),
        (("invite", "x", "--role", "viewer", "--lang", "de"), 2, "--lang is for people who answer: give --kinds, too"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_in_one_sentence(beside, words, code, says):
    ended = beside("people", *words)

    assert (ended.code, ended.out, says in ended.err, ended.err.count("\n")) == (code, "", True, 1)


def test_a_password_is_read_from_the_input_and_signs_in(program, tmp_path):
    data = tmp_path / "data"
    short = program("people", "password", "owner", "--data", data, stdin=b"short\n")
    none = program("people", "password", "owner", "--data", data, stdin=b"")
    done = program("people", "password", "owner", "--data", data, "--json", stdin=PASSWORD.encode() + b"\n")
    assert [(one.code, one.out) for one in (short, none)] == [(2, "")] * 2
    assert done.json["password"] is True

    with serving(tmp_path) as running:
        said = running.http.post(
            "/sign-in", {"name": "owner", "password": PASSWORD}, {**JSON, "Accept": "application/json"}
        )
        assert said.json == {"name": "owner", "role": "owner", "home": "/team"}
        assert "/enter/" not in running.logged()
        removed = running.cli("people", "password", "owner", "--remove")
        assert (removed["password"], removed["sessions"]) == (False, 0)
        with running.store() as store:
            assert store.trouble is None


def test_the_desk_keeps_no_password_and_no_secret_of_links_and_sessions(tmp_path):
    with serving(tmp_path) as running:
        link = LINK.search(running.logged())
        assert link
        session = enter(running, link[0])["Cookie"].partition("=")[2]
        running.cli("people", "invite", "ann")
    written = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir() if path.is_file())

    for secret in (link[1], session):
        assert secret.encode() not in written
        assert bytes.fromhex(secret) not in written
    assert PasswordHasher().hash(PASSWORD).startswith("$argon2id$")


def test_the_owners_link_is_printed_at_each_start_until_there_is_a_password(tmp_path):
    with serving(tmp_path) as running:
        first = LINK.search(running.logged())
        assert first
        enter(running, first[0])
        running.stop()
        running.start()
        links = LINK.findall(
            wait_until(lambda: running.logged() if running.logged().count("/enter/") > 1 else "", "two")
        )
        assert len(set(links)) == 2
        session = enter(running, f"{running.url}/enter/{links[1]}")
        running.stop()
        running.start()

        # The session outlives the server.
        assert running.http.get("/team", session).status == 200


def test_beyond_this_machine_the_desk_is_served_only_when_it_is_safe(program, tmp_path):
    data = tmp_path / "data"
    serve = ("serve", "--data", data, "--host", "0.0.0.0", "--port", "0", "--solver", "none")
    bare, over_tls = program(*serve), program(*serve, "--tls")
    program("people", "password", "owner", "--data", data, stdin=PASSWORD.encode())
    known = program(*serve)

    assert [(one.code, one.out, one.err.count("\n")) for one in (bare, over_tls, known)] == [(2, "", 1)] * 3
    assert all(word in bare.err for word in ("--tls", "--behind-proxy", "answerdesk people password owner"))
    assert ("--tls" in over_tls.err, "password" in over_tls.err) == (False, True)
    assert ("--tls" in known.err, "password" in known.err) == (True, False)


def test_a_safe_desk_is_served_beyond_this_machine(program, tmp_path):
    program("people", "password", "owner", "--data", tmp_path / "data", stdin=PASSWORD.encode())
    with serving(tmp_path, host="0.0.0.0", behind_proxy="127.0.0.1", public_url="https://desk.test") as running:
        link = running.cli("people", "invite", "ann")["link"].removeprefix("https://desk.test")
        open_line = running.http.get(link, {"Host": "desk.test", "X-Forwarded-Proto": "http"})
        unsaid = running.http.get(link, {"Host": "desk.test"})
        safe = running.http.get(link, {"Host": "desk.test", "X-Forwarded-Proto": "https"})

    assert [open_line.status, unsaid.status, safe.status] == [403, 403, 303]
    assert isinstance(running.http, Http)
