"""Every test that asks for `desk` or `work` runs twice: once blocking, once async."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from answerdesk_client import AsyncClient, AsyncWorkClient, Client, Retry, WorkClient
from tests.client.loopback import Moment, Server


class Blocked:
    """An async client played like a blocking one: each call runs to its end."""

    def __init__(self, runner: asyncio.Runner, client: Any) -> None:
        self._runner = runner
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def played(*args: Any, **kwargs: Any) -> Any:
            called = method(*args, **kwargs)
            return self._told(called) if inspect.isasyncgen(called) else self._runner.run(called)

        return played

    def _told(self, told: AsyncGenerator[Any, Any]) -> Iterator[Any]:
        try:
            while True:
                try:
                    yield self._runner.run(told.__anext__())
                except StopAsyncIteration:
                    return
        finally:
            self._runner.run(told.aclose())


class Opener:
    """Opens clients of one colour on one moment's time, and closes them all."""

    def __init__(self, colour: str, moment: Moment, stack: ExitStack) -> None:
        self.colour = colour
        self._moment = moment
        self._stack = stack
        self._runner = stack.enter_context(asyncio.Runner()) if colour == "async" else None

    def open(self, blocking: type, awaiting: type, url: str, secret: str, **retry: Any) -> Any:
        patience = Retry(clock=self._moment.clock, jitter=lambda: 1.0, **retry)
        if self._runner is None:
            client = blocking(url, secret, retry=patience, sleep=self._moment.sleep)
            return self._stack.enter_context(client)
        client = awaiting(url, secret, retry=patience, sleep=self._moment.sleep_async)
        self._runner.run(client.__aenter__())
        self._stack.callback(lambda: self._runner and self._runner.run(client.__aexit__(None, None, None)))
        return Blocked(self._runner, client)


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
def server(moment: Moment) -> Iterator[Server]:
    with Server(moment) as server:
        yield server


@pytest.fixture(params=["blocking", "async"])
def opener(request: pytest.FixtureRequest, moment: Moment) -> Iterator[Opener]:
    with ExitStack() as stack:
        yield Opener(request.param, moment, stack)


@pytest.fixture
def desk(opener: Opener, server: Server) -> Any:
    return opener.open(Client, AsyncClient, server.url, "key-1")


@pytest.fixture
def work(opener: Opener, server: Server) -> Any:
    return opener.open(WorkClient, AsyncWorkClient, server.url, "token-1")
