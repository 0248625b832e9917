"""A site of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.pages.hall import Hall, Visitor
from tests.pages.town import Town


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    """A desk with its site, and nobody in it."""
    opened = Hall()
    yield opened
    await opened.close()


@pytest.fixture
def stranger(hall: Hall) -> Visitor:
    """A browser in which nobody is signed in."""
    return hall.visitor()


@pytest.fixture
def town() -> Iterator[Town]:
    """A desk with its site, where tasks are asked and answered."""
    made = Town()
    yield made
    made.store.close()
