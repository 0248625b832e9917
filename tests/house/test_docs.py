"""The documentation's links lead somewhere, every page can be found, and the examples' runner notices a wrong page."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from sybil import Lexeme

from tests import shown
from tests.house.source import ROOT

LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)|!\[[^\]]*\]\((?P<image>[^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
START = ROOT / "README.md"


def slug(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", ""))
    return kept.replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {slug(line.lstrip("#")) for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("#")}


def links(page: Path) -> list[tuple[Path, str]]:
    """Give the targets inside the project, as (file, anchor)."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [match["target"] or match["image"] for match in LINK.finditer(text)]
    inside = [target.partition("#") for target in targets if not re.match(r"[a-z]+:", target)]
    return [((page.parent / name).resolve() if name else page, anchor) for name, _, anchor in inside]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    dead = [
        f"{target}#{anchor}"
        for target, anchor in links(page)
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target))
    ]

    assert dead == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = {START}, [START]
    while waiting:
        for target, _ in links(waiting.pop()):
            if target.suffix == ".md" and target not in reached and target.exists():
                reached.add(target)
                waiting.append(target)

    lost = {str(page.relative_to(ROOT)) for page in PAGES} - {str(page.relative_to(ROOT)) for page in reached}

    assert lost == {"docs/decisions/0000-template.md"} & lost


@pytest.fixture
def desk(tmp_path):
    return shown.ShownDesk(tmp_path)


def example(desk, text):
    return SimpleNamespace(parsed=Lexeme(text, 0, 0), path="page.md", line=1, namespace={"shown_desk": desk})


@pytest.mark.parametrize(
    "block",
    [
        "$ printf 'one\\ntwo\\n'\none\ntwo\n$ true\n",
        "$ echo one \\\n> two\none two\n",
        "$ echo 12345\n1...5\n",
        "$ echo left > file\n$ cat file\nleft\n",
        "$ x=7; cd samples\n$ echo $x; ls\n7\n...\nlabel.png\n...\n",
        "$ ls samples\n...label.png\n...\n",
    ],
)
def test_a_true_console_block_passes(desk, block) -> None:
    assert shown.run_console(example(desk, block)) is None


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("$ echo one\ntwo\n", "but printed:\none"),
        ("$ false\n", "ended with status 1"),
        ("$ true\n$ echo x >&2; exit 3\n", "ended with status 3:\n"),
        ("$ echo one\n$ echo two\nthree\n", "but printed:\ntwo"),
    ],
)
def test_an_untrue_console_block_is_reported(desk, block, complaint) -> None:
    assert complaint in str(shown.run_console(example(desk, block)))


def test_console_and_python_blocks_share_a_folder(desk) -> None:
    assert shown.run_console(example(desk, "$ echo from the shell > file\n")) is None
    shown.run_python(example(desk, "import os; assert 'file' in os.listdir()"))


def test_python_blocks_share_their_names(desk) -> None:
    page = example(desk, "x = 20")
    shown.run_python(page)
    page.parsed = Lexeme("assert x == 21", 0, 0)

    with pytest.raises(AssertionError):
        shown.run_python(page)
