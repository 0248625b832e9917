"""Every test that asks for `desk` or `backend` runs once over each store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from answerdesk.store.database import connect, migrate
from tests.fakes import Clock
from tests.store.backends import BACKENDS, File, Memory
from tests.store.driver import Desk
from tests.store.faulty import Faulty


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.__name__.lower())
def backend(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Memory]:
    opened = request.param(tmp_path, clock)
    yield opened
    opened.close()


@pytest.fixture
def desk(backend: Memory, clock: Clock) -> Desk:
    return Desk(backend.open(), clock)


@pytest.fixture(params=[each for each in BACKENDS if each.shared], ids=lambda backend: backend.__name__.lower())
def shared(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Memory]:
    """A backend whose data several stores work on at once."""
    opened = request.param(tmp_path, clock)
    yield opened
    opened.close()


@pytest.fixture
def file(tmp_path: Path, clock: Clock) -> Iterator[File]:
    """What only SQLite on a file has: a path and a write-ahead log."""
    opened = File(tmp_path, clock)
    yield opened
    opened.close()


@pytest.fixture
def faulty() -> Faulty:
    """A desk in memory behind a connection that fails as told."""
    connection = connect("")
    migrate(connection, lambda: bytes(24))
    return Faulty(connection)


@pytest.fixture
def collected() -> Callable[[Any], None]:
    """A hearer that keeps what it hears in its `heard`."""

    class Hearer:
        def __init__(self) -> None:
            self.heard: list[Any] = []

        def __call__(self, heard: Any) -> None:
            self.heard.append(heard)

    return Hearer()
