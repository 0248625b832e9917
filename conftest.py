"""Runs the documentation: what README.md and docs/ show is executed, so that it cannot rot.

A page's ```python and ```console blocks run in order; its ```json and ```toml blocks must parse; ```sh is only shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser, SkipParser

from tests import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN = {"python": shown.run_python, "console": shown.run_console, "json": shown.parse_json, "toml": shown.parse_toml}

pytest_collect_file = Sybil(
    parsers=[SkipParser(), *(CodeBlockParser(language, run) for language, run in RUN.items())],
    patterns=["README.md", "docs/*.md", "docs/*/*.md"],
    fixtures=["shown_desk"],
).pytest()


@pytest.fixture(scope="session")
def shown_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[shown.ShownDesk]:
    """Give the pages' examples a server that starts when one of them needs it."""
    desk = shown.ShownDesk(tmp_path_factory.mktemp("shown"))
    yield desk
    desk.close()
