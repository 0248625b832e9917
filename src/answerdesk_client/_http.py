"""The only module that names httpx: one kept-alive client per colour turns a `Call` into a `Reply` or a `Lost`."""

import ssl
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
            reply = self._client.request(
                call.method,
                base + call.path,
                content=call.body or None,
                headers=dict(call.headers),
                timeout=_timeout(call),
            )
        except httpx.RequestError as why:
            return _lost(why)
        return _reply(reply)


class Awaiting:
    """Sends and lets others run meanwhile."""

    def __init__(self, headers: dict[str, str], tls: ssl.SSLContext, *, proxies: bool) -> None:
        self._client = httpx.AsyncClient(headers=headers, verify=tls, trust_env=proxies, limits=_LIMITS)
        self.close = self._client.aclose

    async def send(self, base: str, call: Call[Any]) -> Reply | Lost:
        """One trip; a failure on the way is a value, not an exception."""
        try:
            reply = await self._client.request(
                call.method,
                base + call.path,
                content=call.body or None,
                headers=dict(call.headers),
                timeout=_timeout(call),
            )
        except httpx.RequestError as why:
            return _lost(why)
        return _reply(reply)


def _timeout(call: Call[Any]) -> httpx.Timeout:
    return httpx.Timeout(GRACE, read=call.hold + GRACE)


def _lost(why: httpx.RequestError) -> Lost:
    return Lost(f"{type(why).__name__} {why}".rstrip())


def _reply(reply: httpx.Response) -> Reply:
    return Reply(status=reply.status_code, body=reply.content, retry_after=reply.headers.get("Retry-After"))
