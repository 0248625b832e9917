"""A site of its own for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.pages.hall import Hall, Visitor


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
