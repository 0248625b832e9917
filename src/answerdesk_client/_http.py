"""The only module that names httpx: one kept-alive client per colour turns a `Call` into a `Reply` or a `Lost`."""

import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from answerdesk_client._calls import Call, Reply
from answerdesk_client._talk import Lost

GRACE = 10.0
"""Seconds a server may be late before the connection is taken for dead."""

# An idle connection is dropped before servers commonly drop theirs (5 s), so that a call seldom meets a closed one.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=4.0)


class Blocking:
    """Sends and waits."""

    def __init__(self, headers: dict[str, str], tls: ssl.SSLContext, *, proxies: bool) -> None:
        self._client = httpx.Client(headers=headers, verify=tls, trust_env=proxies, limits=_LIMITS)
        self.close = self._client.close

    def send(self, base: str, call: Call[Any]) -> Reply | Lost:
        """One trip; a failure on the way is a value, not an exception."""
        try:
            reply = self._client.send(_request(self._client, base, call))
        except httpx.RequestError as why:
            return _lost(why)
        return _reply(reply)

    def channel(self) -> "BlockingChannel":
        """A place for one stream at a time."""
        return BlockingChannel(self._client)


class BlockingChannel:
    """Opens a stream and reads it."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._reply: httpx.Response | None = None
        self._pieces: Iterator[bytes] = iter(())

    def open(self, base: str, call: Call[Any]) -> Reply | Lost:
        """One trip to where a reply begins; a refusal is read whole."""
        self.close()
        try:
            self._reply = self._client.send(_request(self._client, base, call), stream=True)
            if self._reply.status_code != httpx.codes.OK:
                self._reply.read()
                return _reply(self._reply)
        except httpx.RequestError as why:
            return _lost(why)
        self._pieces = self._reply.iter_bytes()
        return Reply(status=self._reply.status_code, body=b"")

    def read(self) -> bytes | Lost:
        """The next piece, empty at the end."""
        try:
            return next(self._pieces, b"")
        except httpx.RequestError as why:
            return _lost(why)

    def close(self) -> None:
        """Leave the stream."""
        if self._reply is not None:
            self._reply.close()


class Awaiting:
    """Sends and lets others run meanwhile."""

    def __init__(self, headers: dict[str, str], tls: ssl.SSLContext, *, proxies: bool) -> None:
        self._client = httpx.AsyncClient(headers=headers, verify=tls, trust_env=proxies, limits=_LIMITS)
        self.close = self._client.aclose

    async def send(self, base: str, call: Call[Any]) -> Reply | Lost:
        """One trip; a failure on the way is a value, not an exception."""
        try:
            reply = await self._client.send(_request(self._client, base, call))
        except httpx.RequestError as why:
            return _lost(why)
        return _reply(reply)

    def channel(self) -> "AwaitingChannel":
        """A place for one stream at a time."""
        return AwaitingChannel(self._client)


class AwaitingChannel:
    """Opens a stream and reads it, and lets others run meanwhile."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._reply: httpx.Response | None = None
        self._pieces: AsyncIterator[bytes] = _nothing()

    async def open(self, base: str, call: Call[Any]) -> Reply | Lost:
        """One trip to where a reply begins; a refusal is read whole."""
        await self.close()
        try:
            self._reply = await self._client.send(_request(self._client, base, call), stream=True)
            if self._reply.status_code != httpx.codes.OK:
                await self._reply.aread()
                return _reply(self._reply)
        except httpx.RequestError as why:
            return _lost(why)
        self._pieces = self._reply.aiter_bytes()
        return Reply(status=self._reply.status_code, body=b"")

    async def read(self) -> bytes | Lost:
        """The next piece, empty at the end."""
        try:
            return await anext(self._pieces, b"")
        except httpx.RequestError as why:
            return _lost(why)

    async def close(self) -> None:
        """Leave the stream."""
        if self._reply is not None:
            await self._reply.aclose()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield


def _request(client: httpx.Client | httpx.AsyncClient, base: str, call: Call[Any]) -> httpx.Request:
    headers = dict(call.headers)
    return client.build_request(
        call.method, base + call.path, content=call.body or None, headers=headers, timeout=_timeout(call)
    )


def _timeout(call: Call[Any]) -> httpx.Timeout:
    return httpx.Timeout(GRACE, read=call.hold + GRACE)


def _lost(why: httpx.RequestError) -> Lost:
    return Lost(f"{type(why).__name__} {why}".rstrip())


def _reply(reply: httpx.Response) -> Reply:
    return Reply(status=reply.status_code, body=reply.content, retry_after=reply.headers.get("Retry-After"))
