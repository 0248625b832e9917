"""The reference says what the code says: nothing declared is missing from it, and no page of it is out of date."""

from __future__ import annotations

import shutil

import declared
import pytest
import reference
import reference_apis

from answerdesk.api.meters import METRICS
from answerdesk.cli import VERBS, describe
from answerdesk.config import SETTINGS
from answerdesk.model.answer import Decline, Outcome, Why
from answerdesk.model.catalog import CATALOG, Served
from answerdesk.model.fault import Fault
from answerdesk.model.judge import Unattended
from answerdesk.model.money import BOOKS, Book, Move
from answerdesk.model.sandbox import PROXYLESS, TEST_KEYS
from answerdesk.model.task import MOVES
from answerdesk.pages.site import ROUTES
from answerdesk.wire import DIALECTS
from answerdesk.wire.native_openapi import openapi as native_openapi
from answerdesk.wire.openapi import openapi
from tests.house.source import ROOT

DOCS = ROOT / "docs"


def text(page: str) -> str:
    return (DOCS / page).read_text("utf-8")


def test_no_page_of_the_reference_is_out_of_date() -> None:
    assert reference.stale() == [], "run python scripts/reference.py"


def test_every_command_has_a_heading_of_its_own() -> None:
    headings = [line for line in text("reference/command-line.md").splitlines() if line.startswith("## `")]

    assert len(set(headings)) == len(headings) == len(describe())
    assert "## `answerdesk people revoke-sessions`" in headings


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(DOCS, tmp_path / "docs")
    for page, said in reference.fresh(tmp_path / "docs").items():
        page.write_text(said, "utf-8")
    return tmp_path / "docs"


def test_a_page_that_differs_or_is_missing_is_noticed(copy) -> None:
    for name in [*reference.PAGES, *reference.DRAWN]:
        said = (copy / name).read_text("utf-8")
        drawn = said.replace("<!-- end -->", "more\n\n<!-- end -->")
        (copy / name).write_text(drawn if name in reference.DRAWN else said + "more", "utf-8")
    (copy / "reference/faults.md").unlink()

    assert reference.stale(copy) == [*reference.PAGES, *reference.DRAWN]


def test_what_is_drawn_into_a_page_leaves_the_rest_alone(copy) -> None:
    page = copy / "howto/tune-the-machine.md"
    page.write_text(page.read_text("utf-8") + "An afterthought.\n", "utf-8")

    assert reference.stale(copy) == []


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_documented(setting) -> None:
    page = text("reference/settings.md")

    assert f"## `{setting.name}`\n" in page
    assert f"`ANSWERDESK_{setting.name.upper()}`" in page


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_is_documented_with_its_meaning_and_each_dialects_number(fault) -> None:
    section = text("reference/faults.md").partition(f"## `{fault}`\n")[2].partition("\n## ")[0]
    lines = section.strip().splitlines()
    printed = [dialect.faults[fault] for dialect in DIALECTS.values() if fault in dialect.faults]

    assert lines[0]
    assert [f"`errorId` {number}, `errorCode` `{code}`" for number, code in printed] == [
        line.partition(": ")[2] for line in lines if "`errorId`" in line
    ]


ASKED = [row for row in CATALOG.values() if Served.SANDBOX not in row.served]


@pytest.mark.parametrize("row", ASKED, ids=lambda row: row.name)
def test_every_task_type_is_documented_with_its_fields(row) -> None:
    section = text("reference/task-types.md").partition(f"## `{row.name}`\n")[2].partition("\n## ")[0]

    assert [field.name for field in row.fields if f"- `{field.name}` " not in section] == []
    assert section


def test_every_token_type_and_test_key_is_documented() -> None:
    section = text("reference/task-types.md").partition("## Token types\n")[2]
    names = {row.name.removesuffix(PROXYLESS) for row in CATALOG.values() if Served.SANDBOX in row.served}

    assert [name for name in [*names, *(key.key for key in TEST_KEYS.values())] if f"`{name}`" not in section] == []


@pytest.mark.parametrize("command", describe(), ids=lambda command: command.command)
def test_every_command_is_documented_with_its_options(command) -> None:
    page = text("reference/command-line.md")

    assert f"```text\n{command.command}\n```" in page
    assert [option.written for option in command.options if f"- `{option.written}`" not in page] == []


def test_every_verb_of_the_command_line_describes_itself() -> None:
    told = {command.command.split()[1] for command in describe() if len(command.command.split()) > 1}

    assert set(VERBS) <= told


def test_every_address_is_documented() -> None:
    page = text("reference/routes.md")
    methods = [f"`POST /{name}`" for name in reference_apis.SPELLED]
    plain = [f"`GET {path}`" for path in declared.fixed_paths()]
    described = [
        f"`{verb.upper()} {path}`"
        for document in (openapi(), native_openapi())
        for path, verbs in document["paths"].items()
        for verb in verbs
    ]

    assert len(plain) >= 4
    assert [address for address in [*methods, *plain, *described] if address not in page] == []


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_documented_with_its_sentence_and_labels(metric) -> None:
    section = text("reference/metrics.md").partition(f"## `{metric.name}`\n")[2].partition("\n## ")[0]

    assert metric.about in " ".join(section.split())
    assert f"- A {metric.sort}" in section
    assert [label for label in metric.labels if f"`{label}`" not in section] == []


def test_every_page_is_documented() -> None:
    documented = text("reference/routes.md")
    addresses = [f"`{' '.join(row.methods)} {row.path}`" for row in ROUTES]

    assert "`GET /team`" in addresses
    assert [address for address in addresses if address not in documented] == []


def test_every_header_the_code_reads_or_sends_is_documented() -> None:
    page = text("reference/routes.md")
    names = declared.request_headers() | declared.reply_headers()

    assert {"prefer", "idempotency-key", "x-request-id", "retry-after"} <= names
    assert [name for name in names if f"`{name.title()}`" not in page] == []


@pytest.mark.parametrize(
    ("page", "document"),
    [("reference/work-api.md", openapi()), ("reference/native-api.md", native_openapi())],
    ids=["work", "native"],
)
def test_every_call_and_shape_of_the_apis_is_documented(page, document) -> None:
    said = text(page)
    calls = [f"## `{verb.upper()} {path}`\n" for path, verbs in document["paths"].items() for verb in verbs]
    shapes = [f"### {name}\n" for name in document["components"]["schemas"]]

    assert [name for name in [*calls, *shapes] if name not in said] == []


def test_every_name_of_the_client_is_documented() -> None:
    page = text("reference/client.md")

    assert [name for name in declared.exported("answerdesk_client") if f"## `{name}`\n" not in page] == []


def test_the_life_of_a_task_shows_every_move() -> None:
    page = text("explanation/life-of-a-task.md")
    arrows = [f"{start.name} --> {end.name}: {cause.value}" for (start, cause), end in MOVES.items()]

    assert [arrow for arrow in arrows if arrow not in page] == []


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("explanation/life-of-a-lease.md", [*Outcome, *Why, *Decline]),
        ("explanation/money.md", [*Move, *Book]),
        ("explanation/judge.md", list(Unattended)),
    ],
    ids=["lease", "money", "judge"],
)
def test_pages_written_by_hand_name_every_word_of_their_tables(page, words) -> None:
    said = text(page)

    assert [word for word in words if str(word) not in said] == []


def test_the_money_page_shows_every_move_between_its_books() -> None:
    rows = [[cell.strip(" `") for cell in line.split("|")] for line in text("explanation/money.md").splitlines()]
    shown = {row[1]: (row[2], row[3]) for row in rows if len(row) > 4 and row[1] in set(Move)}

    assert shown == {move.value: (giver.value, taker.value) for move, (giver, taker) in BOOKS.items()}


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_a_page_fits_in_120_columns_tables_and_signatures_aside(page) -> None:
    lines = page.read_text("utf-8").splitlines()

    assert [line for line in lines if len(line) > 120 and not line.startswith(("|", "answerdesk "))] == []


def test_a_comment_above_a_member_is_its_meaning_and_no_member_is_without() -> None:
    meanings = declared.meanings(Fault)

    assert meanings["ZERO_BALANCE"] == "The balance does not cover the price."
    assert [fault for fault in Fault if not meanings.get(fault)] == []


def test_headers_are_read_from_the_code(tmp_path) -> None:
    (tmp_path / "some.py").write_text(
        'def f(scope):\n    header(scope, b"x-asked")\n    return [(b"x-told", b"1"), (b"Not A Header", b"1")]\n'
    )

    assert declared.request_headers(tmp_path) == {"x-asked"}
    assert declared.reply_headers(tmp_path) == {"x-told"}
