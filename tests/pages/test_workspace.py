"""The workspace's files keep to their rules, and a person's keys and practice to theirs."""

from __future__ import annotations

import graphlib
import hashlib
import json
import re
from importlib import resources
from pathlib import Path

import pytest

from answerdesk.model.person import Role
from answerdesk.model.question import Kind
from answerdesk.pages.assets import lean
from answerdesk.pages.workspace import FIRST_WORDS, KEYS, LESSONS, MODULES, keys_flaw, read_keys
from tests.pages.hall import Hall

PAGES = Path(str(resources.files("answerdesk.pages")))
STATIC = PAGES / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))
LOCALES = {path.stem: json.loads(path.read_text()) for path in (PAGES / "locale").glob("*.json")}
MOST_SCRIPT = 150
MOST_STYLES = 300
#: Markup read from text, code read from text, and a style written as text.
FORBIDDEN = re.compile(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function|style=|\.cssText")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_short_and_makes_no_markup_of_text(path: Path) -> None:
    source = path.read_text()

    assert len(source.splitlines()) <= MOST_SCRIPT
    assert not FORBIDDEN.findall(source)


def test_no_scripts_name_each_other_in_a_circle() -> None:
    names = {path.name: re.findall(r"import\b[^;]*?'\./([\w.-]+\.js)'", path.read_text()) for path in SCRIPTS}
    order = graphlib.TopologicalSorter(names)

    # Raises an error that names the circle.
    assert set(order.static_order()) == set(names)
    assert names["start.js"][-1] == "work.js"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_text_of_a_script_goes_over_several_lines_where_lean_would_change_it(path: Path) -> None:
    for line in path.read_text().splitlines():
        code = re.sub(r"\\.|//.*|'[^']*'", "", line)
        assert code.lstrip().startswith(("*", "/*")) or code.count("`") % 2 == 0, line


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.css")), ids=lambda path: path.name)
def test_styles_are_short_and_sides_have_logical_names(path: Path) -> None:
    source = path.read_text()

    assert len(source.splitlines()) <= MOST_STYLES
    assert not re.findall(
        r"[;{ ](?:(?:margin|padding|border)-(?:left|right)|left|right|text-align: (?:left|right))\b", source
    )


def test_lean_leaves_out_comments_and_what_lines_begin_with() -> None:
    script = b"/** Two\n * lines. */\n// one\nconst a = 'b'; // stays\n\n  if (a) {\n    b(/* c */);\n  }\n/* x */\n"

    assert lean("a.js", script) == b"const a = 'b'; // stays\nif (a) {\nb(/* c */);\n}\n"
    assert lean("a.min.js", script) == script
    assert lean("a.svg", script) == script


def test_what_is_not_ours_is_what_is_written_of_it() -> None:
    rows = re.findall(r"^\| (\S+) \|.*\| ([0-9a-f]{64}) \|", (STATIC / "VENDOR.md").read_text(), re.MULTILINE)

    assert {name for name, _ in rows} >= {"answer.woff2", "OFL.txt"}
    assert rows == [(name, hashlib.sha256((STATIC / name).read_bytes()).hexdigest()) for name, _ in rows]


def test_every_language_says_everything_with_the_same_values_put_in() -> None:
    holes = {
        language: {key: set(re.findall(r"\{\w+\}", said)) for key, said in words.items()}
        for language, words in LOCALES.items()
    }

    assert set(holes) >= {"en", "es"}
    for language, found in holes.items():
        assert found == holes["en"], language
    for words in LOCALES.values():
        assert list(words) == sorted(words)


#: Keys written whole, and those put together, by how they begin.
_WHOLE = re.compile(r"""\bt\(\s*['"]([a-z][\w.]*)['"]\s*[,)]|(?:key|label): '((?:work|key|mode)\.[\w.]+)'""")
_BEGUN = re.compile(r"""\bt\(\s*(?:`([a-z][\w.]*\.)\$\{|'([a-z][\w.]*\.)' ~)""")


def test_every_key_that_a_page_uses_is_there() -> None:
    sources = {path.name: path.read_text() for path in (*SCRIPTS, *(PAGES / "templates").glob("*.html"))}
    whole = {(name, first or second) for name, text in sources.items() for first, second in _WHOLE.findall(text)}
    begun = {(name, first or second) for name, text in sources.items() for first, second in _BEGUN.findall(text)}

    assert len(whole) > 100
    assert len(begun) > 5
    assert not {(name, key) for name, key in whole if key not in LOCALES["en"] and name != "mode.js"}
    assert not {(name, start) for name, start in begun if not any(key.startswith(start) for key in LOCALES["en"])}


def test_the_first_picture_has_its_modules_and_words() -> None:
    assert set(MODULES) <= {path.name for path in SCRIPTS}
    assert all(any(key.startswith(start) for key in LOCALES["en"]) for start in FIRST_WORDS)


def test_every_row_of_the_table_of_keys_is_read_and_has_a_label() -> None:
    source = (STATIC / "keys.js").read_text()

    assert len(KEYS) == source.partition("export const TABLE")[2].partition("];")[0].count("{ id:")
    assert read_keys(source) == KEYS
    assert {f"key.{row.id}" for row in KEYS} <= LOCALES["en"].keys()
    assert len({row.keys for row in KEYS}) == len(KEYS)


def test_the_manual_names_every_key_as_the_table_has_it() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "howto" / "answer-in-the-workspace.md").read_text()
    written = dict(re.findall(r"^\| (.+?) \| `(.+?)` \|$", manual, re.MULTILINE))

    assert written == {LOCALES["en"][f"key.{row.id}"]: printed(row.keys) for row in KEYS}


def printed(keys: str) -> str:
    signs = {
        "Mod": "Ctrl", "Escape": "Esc", "ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓", "-": "−",
    }  # fmt: skip
    parts = [keys] if len(keys) == 1 else keys.split("+")
    return "+".join(signs.get(part) or re.sub(r"^(?:Key|Digit)", "", part) for part in parts)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"pause": "KeyK"}, None),
        ({"pause": "Alt+Shift+F2", "help": "KeyP"}, None),
        ({"nothing": "KeyK"}, "nothing is nothing that keys do"),
        ({"pause": "<b>"}, "cannot be the keys of pause"),
        ({"pause": "Mod+KeyW"}, "cannot be the keys of pause"),
        ({"pause": "KeyT"}, "KeyT would do two things"),
        ({"pause": "KeyK", "time": "KeyK"}, "KeyK would do two things"),
    ],
)
def test_keys_are_taken_unless_they_are_none_or_do_two_things(own: dict[str, str], said: str | None) -> None:
    flaw = keys_flaw(own)

    assert flaw is None if said is None else said in str(flaw)


async def test_keys_are_kept_as_far_as_they_differ_and_a_flaw_is_told_on_the_page(hall: Hall) -> None:
    ann = await hall.come("ann", Role.WORKER)
    usual = {row.id: row.keys for row in KEYS}

    kept = await ann.post("/me/keys", {**usual, "pause": "KeyK"})
    refused = await ann.post("/me/keys", {**usual, "pause": "KeyT", "single": "on"})
    page = await ann.get("/work")

    assert (kept.status_code, kept.headers["location"]) == (303, "/me/keys?saved=1")
    assert refused.status_code == 400
    assert "KeyT would do two things" in refused.text
    assert '"keys": {"pause": "KeyK", "single": "off"}' in page.text


async def test_practice_is_the_same_each_time_judged_and_over_after_the_last(hall: Hall) -> None:
    ann = await hall.come("ann", Role.WORKER, kinds=frozenset({Kind.TEXT, Kind.AUDIO}))

    for number in range(1, LESSONS + 1):
        address = f"/work/practice/text/{number}"
        asked = (await ann.get(address)).json()
        drawn = await ann.get(asked["question"]["media"][0]["url"])
        wrong = (await ann.call(address, {"value": "?"})).json()
        right = (await ann.call(address, {"value": wrong["answer"]})).json()

        assert asked["question"]["kind"] == "text"
        assert drawn.headers["content-type"] == "image/png"
        assert (await ann.get(asked["question"]["media"][0]["url"])).content == drawn.content
        assert (wrong["right"], right["right"]) == (False, True)

    assert '"practise": ["audio"]' in (await ann.get("/work")).text


@pytest.mark.parametrize("value", [None, [], {}, [[1]], 3, "x" * 10_000])
@pytest.mark.parametrize("kind", sorted(Kind))
async def test_no_answer_to_practice_breaks_it(hall: Hall, kind: Kind, value: object) -> None:
    ann = await hall.come("ann", Role.WORKER, kinds=frozenset(Kind))

    reply = await ann.call(f"/work/practice/{kind}/1", {"value": value})

    assert reply.status_code == (404 if kind is Kind.TOKEN else 200)
    assert kind is Kind.TOKEN or reply.json()["right"] is False


@pytest.mark.parametrize("path", ["grid/1", "text/0", "text/6", "text/x", "none/1", "text/1/1", "text/1/x", "token/1"])
async def test_no_practice_is_where_there_is_none_for_the_person(hall: Hall, path: str) -> None:
    ann = await hall.come("ann", Role.WORKER, kinds=frozenset({Kind.TEXT}))

    assert (await ann.get(f"/work/practice/{path}")).status_code == 404


async def test_nobody_but_those_who_answer_sees_the_workspace(hall: Hall) -> None:
    viewer = await hall.come("vera", Role.VIEWER)

    for path in ("/work", "/work/words", "/me/keys", "/work/practice/text/1"):
        assert (await viewer.get(path)).status_code == 403
        assert (await hall.visitor().get(path)).status_code == 303
