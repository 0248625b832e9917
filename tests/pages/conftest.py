"""A town for each test: a desk with its site and whoever the test takes in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pages.town import Town


@pytest.fixture
def town() -> Iterator[Town]:
    made = Town()
    yield made
    made.store.close()
