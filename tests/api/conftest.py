"""Running servers that the tests of this folder share; each test finds an idle desk and opens its own accounts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from answerdesk.desk.books import SaveRules
from answerdesk.model.judge import Rules
from answerdesk.model.question import WORK_KINDS
from tests.api.older import Old
from tests.serving import Customer, Serving, Worker

TYPE = "ImageToTextTask"
UNWATCHED = Rules(watched=0.0)


def _run(factory: pytest.TempPathFactory, name: str, **settings: Any) -> Iterator[Serving]:
    with Serving(factory.mktemp(name), **settings) as server:
        # What a machine settles alone is asked again by lot, and would be asked of the people of a later test.
        server.do(SaveRules(type=TYPE, rules=UNWATCHED))
        server.notice()
        yield server
        log = server.logged()

    assert "Traceback" not in log


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    yield from _run(tmp_path_factory, "server")


@pytest.fixture(scope="session")
def shared_strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    yield from _run(
        tmp_path_factory,
        "strict",
        hold=0,
        poll_lock=1,
        dialect="capmonster",
        cors="true",
        user_agent=" Desk/1.0 (tests) ",
        complex_names="Meter=text, dial=rotate",
    )


@pytest.fixture(scope="session")
def shared_fronted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    yield from _run(tmp_path_factory, "fronted", behind_proxy="127.0.0.1, 10.0.0.0/8", hold=0)


@pytest.fixture
def server(shared_server: Serving) -> Iterator[Serving]:
    """A server with every setting at its default, and no machine of its own."""
    yield shared_server
    shared_server.tidy()


@pytest.fixture
def strict(shared_strict: Serving) -> Iterator[Serving]:
    """A server that holds no polls, locks for a second, and speaks CapMonster's dialect by default."""
    yield shared_strict
    shared_strict.tidy()


@pytest.fixture
def fronted(shared_fronted: Serving) -> Iterator[Serving]:
    """A server that believes what proxies on this machine and in 10.0.0.0/8 forward."""
    yield shared_fronted
    shared_fronted.tidy()


@pytest.fixture
def customer(server: Serving) -> Customer:
    return server.customer()


@pytest.fixture
def person(server: Serving) -> Worker:
    return server.worker()


@pytest.fixture
def old(server: Serving, customer: Customer) -> Old:
    """The same customer, by way of the older API."""
    return Old(customer, server)


@pytest.fixture
def machine(server: Serving) -> Worker:
    """A machine that is granted every kind there is."""
    return server.worker(machine=True, kinds=frozenset(WORK_KINDS))
