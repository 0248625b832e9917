"""What holds for every reply of the site: its headers, its errors as pages, its sizes, its files and its words."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse

from answerdesk.desk.ports import Unavailable
from answerdesk.model.person import Role
from answerdesk.pages.guard import MOST_BODY, Row, anyone
from answerdesk.pages.site import CSP, HEADERS, Site
from answerdesk.pages.words import Words, read_words
from tests.pages.hall import BROWSER

PAGES = Path(str(resources.files("answerdesk.pages")))


@anyone
async def crash(request):
    raise RuntimeError(request)


@anyone
async def away(request):
    raise Unavailable("the disk is full")


@anyone
async def read(request):
    return PlainTextResponse(str(len(await request.body())))


BROKEN = (Row("/crash", crash), Row("/away", away), Row("/read", read, ("GET", "POST")))


async def test_every_reply_carries_the_headers(hall, stranger):
    owner = await hall.come("owner", Role.OWNER)
    replies = [await owner.get(path) for path in ("/", "/team", "/sessions", "/nowhere", "/enter/0", "/s/0/work.js")]
    replies += [await stranger.get("/sign-in"), await owner.client.post("/team/p1/suspend")]

    assert {reply.status_code for reply in replies} == {200, 303, 403, 404, 410}
    for reply in replies:
        assert {name: reply.headers[name] for name, _ in HEADERS} == dict(HEADERS)


def test_nothing_runs_in_a_page_but_its_own_scripts():
    rules = dict(part.strip().partition(" ")[::2] for part in CSP.split(";"))

    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert (rules["require-trusted-types-for"], rules["trusted-types"]) == ("'script'", "'none'")
    assert (rules["frame-ancestors"], rules["base-uri"]) == ("'none'", "'none'")
    assert "unsafe" not in CSP


@pytest.mark.parametrize("path", ["/nowhere", "/team/0", "/work/practice/nothing/1", "/s/0/work.js", "/s/../site.py"])
async def test_a_missing_page_is_a_page_for_people_and_json_for_programs(hall, path):
    owner = await hall.come("owner", Role.OWNER)
    page, told = await owner.get(path), await owner.get(path, Accept="*/*")

    assert (page.status_code, "There is nothing at this address" in page.text) == (404, True)
    assert (told.status_code, told.json()) == (404, {"error": "nothing is served at this address"})


async def test_a_wrong_method_is_told(hall, stranger):
    reply = await stranger.client.delete("/sign-in", headers={"Sec-Fetch-Site": "same-origin"})

    assert (reply.status_code, sorted(reply.headers["allow"].split(", "))) == (405, ["GET", "HEAD", "POST"])


@pytest.mark.parametrize(("path", "status"), [("/crash", 500), ("/away", 503)])
async def test_what_breaks_is_a_page_that_shows_nothing_of_the_inside(hall, stranger, path, status):
    stranger.client._transport.app = Site(hall.parts, BROKEN)  # noqa: SLF001 - the client's one application
    reply = await stranger.get(path)

    assert (reply.status_code, reply.headers["content-security-policy"]) == (status, CSP)
    assert not re.search("Traceback|RuntimeError|disk is full|Unavailable", reply.text)


async def test_a_body_is_read_to_its_limit_and_no_further(hall, stranger):
    stranger.client._transport.app = Site(hall.parts, BROKEN)  # noqa: SLF001 - the client's one application

    async def pieces(count: int):
        for _ in range(count):
            yield b"x" * 1024

    form = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    whole = [b"x" * MOST_BODY, b"x" * (MOST_BODY + 1), pieces(MOST_BODY // 1024), pieces(MOST_BODY // 1024 + 1)]
    replies = [await stranger.client.post("/read", content=body, headers=form) for body in whole]

    assert [reply.status_code for reply in replies] == [200, 413, 200, 413]
    assert replies[0].text == replies[2].text == str(MOST_BODY)


def test_a_page_that_does_not_say_who_may_see_it_is_not_served(hall):
    async def open_to_all(request):
        return PlainTextResponse("secret")

    with pytest.raises(LookupError, match="/secret"):
        Site(hall.parts, (Row("/secret", open_to_all),))


async def test_files_are_served_by_their_hash_for_ever(hall, stranger):
    address = hall.parts.static.address("answer.woff2")
    reply = await stranger.get(address)
    assert reply.content == (PAGES / "static" / "answer.woff2").read_bytes()
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert reply.headers["content-type"] == "font/woff2"
    assert "etag" not in reply.headers

    other = address.replace(hall.parts.static.hash, "0" * 16)
    assert (await stranger.get(other)).status_code == 404


async def test_every_file_has_its_type_and_scripts_are_scripts(hall, stranger):
    names = [path.name for path in (PAGES / "static").iterdir() if path.suffix in {".js", ".css", ".svg", ".woff2"}]
    types = {name: (await stranger.get(hall.parts.static.address(name))).headers["content-type"] for name in names}

    assert {kind for name, kind in types.items() if name.endswith(".js")} == {"text/javascript; charset=utf-8"}
    assert types["base.css"] == "text/css; charset=utf-8"


@pytest.mark.parametrize("name", ["../site.py", "%2e%2e/site.py", ".hidden", "base.css/", "BASE.CSS", ""])
async def test_nothing_but_its_files_is_served_from_the_folder(hall, stranger, name):
    assert (await stranger.get(f"/s/{hall.parts.static.hash}/{name}")).status_code == 404


def test_an_asset_that_is_not_there_is_an_error(hall):
    with pytest.raises(KeyError):
        hall.parts.static.address("nothing.js")


@pytest.mark.parametrize(
    ("own", "accepted", "spoken"),
    [
        ("", "", "en"),
        ("", "es", "es"),
        ("", "es-MX,es;q=0.9,en;q=0.8", "es"),
        ("", "fr;q=0.9, en;q=0.1, es;q=0.5", "es"),
        ("", "de, *;q=0.5", "en"),
        ("", "es;q=0", "en"),
        ("", "es;q=many, en;q=0.1", "en"),
        ("en", "es", "en"),
        ("xx", "es", "es"),
        ("", "es," * 10_000, "es"),
    ],
)
def test_a_page_speaks_the_language_that_is_wanted_most(own, accepted, spoken):
    assert read_words().choose(own, accepted) == spoken


def test_a_language_without_a_sentence_says_it_in_english():
    words = Words({"en": {"a": "A {n}", "b": "B"}, "xx": {"a": "Ä {n}"}, "ar": {}})

    assert [words.say("xx", "a", n=2), words.say("xx", "b"), words.say("ar", "a", n="{n}")] == ["Ä 2", "B", "A {n}"]
    assert words.among("xx", ("a",)) == {"a": "Ä {n}"}
    assert [words.direction(language) for language in ("en", "ar", "he-IL")] == ["ltr", "rtl", "rtl"]
    assert words.languages == ("en", "ar", "xx")
    with pytest.raises(KeyError):
        words.say("en", "c")


KEY = re.compile(r"\bt\('([a-z][\w.-]*)'[,)]")


def test_every_sentence_a_template_says_is_there():
    english = json.loads((PAGES / "locale" / "en.json").read_text("utf-8"))
    said = {key for page in (PAGES / "templates").glob("*.html") for key in KEY.findall(page.read_text("utf-8"))}

    assert len(said) > 50
    assert said - english.keys() == set()


@pytest.mark.parametrize("path", sorted((PAGES / "locale").glob("*.json")), ids=lambda path: path.stem)
def test_a_languages_sentences_are_sorted_and_take_what_english_takes(path):
    english = json.loads((PAGES / "locale" / "en.json").read_text("utf-8"))
    own = json.loads(path.read_text("utf-8"))
    places = re.compile(r"\{\w+\}")

    assert list(own) == sorted(own)
    assert own.keys() == english.keys()
    assert [key for key, said in own.items() if set(places.findall(said)) != set(places.findall(english[key]))] == []


@pytest.mark.parametrize("page", sorted((PAGES / "templates").glob("*.html")), ids=lambda path: path.name)
def test_a_template_has_no_script_style_or_handler_of_its_own(page):
    text = page.read_text("utf-8")

    assert re.findall(r"<script(?![^>]*(?:src=|application/json))|<style|\son\w+=|\sstyle=|javascript:", text) == []
    assert "|safe" not in text.replace(" ", "")


def test_browsers_of_these_tests_ask_for_pages():
    assert BROWSER["Accept"].startswith("text/html")
