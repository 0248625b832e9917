"""The two thin shells every client stands on: they act out a `Talk` over one connection pool, blocking or awaiting."""

import ipaddress
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import closing
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from answerdesk_client._calls import Call
from answerdesk_client._talk import Heard, Open, Read, Retry, Talk, Tell, send

T = TypeVar("T")


class Line:
    """A blocking line to one server; safe to share between threads."""

    def __init__(
        self,
        url: str,
        headers: dict[str, str],
        *,
        tls: ssl.SSLContext | None,
        retry: Retry,
        sleep: Callable[[float], None],
    ) -> None:
        from answerdesk_client._http import Blocking  # noqa: PLC0415 - a slow import, wanted only here

        self._base, proxies = _server(url)
        self._retry = retry
        self._sleep = sleep
        self._http = Blocking(_checked(headers), tls or _trust(url), proxies=proxies)

    def _ask(self, call: Call[T]) -> T:
        return self._act(send(call, self._retry))

    def _act(self, talk: Talk[T]) -> T:
        told = self._told(talk)
        try:
            while True:
                next(told)
        except StopIteration as end:
            value: T = end.value
            return value

    def _told(self, talk: Talk[T]) -> Generator[Any, None, T]:
        """Act a talk out, and pass on what it tells."""
        with closing(self._http.channel()) as channel:
            heard: Heard = None
            try:
                while True:
                    wish = talk.send(heard)
                    if isinstance(wish, Tell):
                        heard = None
                        yield wish.value
                    elif isinstance(wish, Read):
                        heard = channel.read()
                    else:
                        if wish.after > 0:
                            self._sleep(wish.after)
                        send = channel.open if isinstance(wish, Open) else self._http.send
                        heard = send(self._base, wish.call)
            except StopIteration as end:
                value: T = end.value
                return value

    def close(self) -> None:
        """Close the connections. `with` does it for you."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncLine:
    """An awaiting line to one server; for one event loop."""

    def __init__(
        self,
        url: str,
        headers: dict[str, str],
        *,
        tls: ssl.SSLContext | None,
        retry: Retry,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        from answerdesk_client._http import Awaiting  # noqa: PLC0415 - a slow import, wanted only here

        self._base, proxies = _server(url)
        self._retry = retry
        self._sleep = sleep
        self._http = Awaiting(_checked(headers), tls or _trust(url), proxies=proxies)

    async def _ask(self, call: Call[T]) -> T:
        return await self._act(send(call, self._retry))

    async def _act(self, talk: Talk[T]) -> T:
        value: list[T] = []
        async for _ in self._told(talk, value):
            pass
        return value[0]

    async def _told(self, talk: Talk[T], value: list[T]) -> AsyncGenerator[Any]:
        """Act a talk out, and pass on what it tells; what it comes to is put into `value`."""
        channel = self._http.channel()
        heard: Heard = None
        try:
            while True:
                wish = talk.send(heard)
                if isinstance(wish, Tell):
                    heard = None
                    yield wish.value
                elif isinstance(wish, Read):
                    heard = await channel.read()
                else:
                    if wish.after > 0:
                        await self._sleep(wish.after)
                    send = channel.open if isinstance(wish, Open) else self._http.send
                    heard = await send(self._base, wish.call)
        except StopIteration as end:
            value.append(end.value)
        finally:
            await channel.close()

    async def close(self) -> None:
        """Close the connections. `async with` does it for you."""
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _server(url: str) -> tuple[str, bool]:
    """The base of every path, and whether the environment's proxy may stand between: never before this very machine."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"server URL {url!r} is not of the form http://host:port or https://host")
    return url.rstrip("/"), not _is_loopback(parts.hostname)


def _trust(url: str) -> ssl.SSLContext:
    """The system's trust store; but reading it takes a while, and over plain HTTP nobody needs to be trusted."""
    return ssl.create_default_context() if urlsplit(url).scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"header {name} may only hold printable ASCII characters; was more pasted than the token?")
    return {
        "User-Agent": "answerdesk-client",
        "Accept": "application/json",
        "Content-Type": "application/json",
    } | headers
