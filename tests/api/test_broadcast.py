"""Writing to a connection without its task's turn: the same bytes as its task would send, and none it does not take."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn

from answerdesk.api.broadcast import framed, pour_of
from answerdesk.api.http import Receive, Scope, Send
from answerdesk.api.patience import PatientProtocol, ServerState

BEGINNING = {"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]}
MIB = 2**20


async def told_by(app: Any) -> tuple[asyncio.Server, asyncio.StreamReader, asyncio.StreamWriter]:
    """Serve one request, and give both ends of its connection."""
    config = uvicorn.Config(app, log_config=None, access_log=False, date_header=False, server_header=False)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: PatientProtocol(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return server, reader, writer


async def test_what_is_poured_stands_between_what_the_task_sends_and_nothing_after_the_end():
    taken = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(BEGINNING)
        pour = pour_of(scope, send)
        assert pour is not None
        taken.append(pour(framed(b"one")))
        await send({"type": "http.response.body", "body": b"two", "more_body": True})
        taken.append(pour(framed(b"a third")))
        await send({"type": "http.response.body", "body": b""})
        taken.append(pour(framed(b"four")))

    server, reader, writer = await told_by(app)
    _, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    server.close()

    assert body == b"3\r\none\r\n3\r\ntwo\r\n7\r\na third\r\n0\r\n\r\n"
    assert taken == [True, True, False]


async def test_nothing_is_poured_into_a_connection_that_does_not_keep_up():
    poured = asyncio.get_running_loop().create_future()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(BEGINNING)
        pour = pour_of(scope, send)
        assert pour is not None
        piece, count = framed(b"x" * MIB), 0
        while count < 64 and pour(piece):
            count += 1
        poured.set_result(count)
        await send({"type": "http.response.body", "body": b"on"})

    server, reader, writer = await told_by(app)
    count = await poured
    _, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    server.close()

    assert count < 64
    assert body.count(b"x") == count * MIB
    assert body.endswith(b"\r\n2\r\non\r\n0\r\n\r\n")


async def test_a_server_that_does_not_offer_it_is_not_asked():
    async def send(_: Any) -> None: ...

    assert pour_of({"type": "http"}, send) is None
    assert pour_of({"type": "http", "extensions": {"tls": {}}}, send) is None
