"""Connections whose request never arrives whole: bounded in time by the sweep and in size at once."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator

import pytest
import uvicorn

from answerdesk.api.http import Answer, Gone, TooBig, read_body, send_answer
from answerdesk.api.patience import (
    BODY_SECONDS,
    HEAD_SECONDS,
    MOST_HEAD,
    MOST_MESSAGE,
    PatientProtocol,
    ServerState,
    sweep,
)

WHOLE = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"


class Line:
    """One connection to the protocol, both its ends at hand."""

    def __init__(self, state: ServerState, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.state, self.reader, self.writer = state, reader, writer

    async def say(self, data: bytes) -> None:
        """Send, and let the other end take it in."""
        self.writer.write(data)
        await self.writer.drain()
        await asyncio.sleep(0.02)

    async def hear(self) -> bytes:
        """Read one small reply."""
        return await self.reader.readuntil(b"\r\n\r\nok")

    def swept(self, after: float) -> int:
        """How many connections a sweep closes so many seconds from now."""
        return sweep(self.state.connections, time.monotonic() + after)

    async def is_closed(self) -> bool:
        """Whether the other end hangs up, with or without a word."""
        try:
            async with asyncio.timeout(10):
                while await self.reader.read(65_536):
                    pass
        except ConnectionError:
            pass
        except TimeoutError:
            return False
        return True


async def answer(scope, receive, send) -> None:
    """Say ok to every body that came whole; wait a moment first where asked to."""
    try:
        body = await read_body(scope, receive)
        await asyncio.sleep(0.5 if body == b"zzz" else 0)
        await send_answer(send, Answer(b"ok"))
    except TooBig:
        await send_answer(send, Answer(b"big", 413, headers=((b"connection", b"close"),)))
    except Gone:
        return


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    config = uvicorn.Config(answer, log_config=None, access_log=False, date_header=False, server_header=False)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: PatientProtocol(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    await asyncio.sleep(0.02)
    yield Line(state, reader, writer)
    writer.close()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0)


@pytest.mark.parametrize("said", [b"", b"\r\n", b"P", b"POST / HTTP/1.1\r\nHost: x\r\nX-A: "], ids=range(4))
async def test_a_head_that_does_not_come_is_not_waited_for(line, said):
    await line.say(said)
    early, late = line.swept(HEAD_SECONDS - 2), line.swept(HEAD_SECONDS + 1)

    assert (early, late) == (0, 1)
    assert await line.is_closed()


async def test_a_body_that_does_not_come_is_not_waited_for(line):
    await line.say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
    early, late = line.swept(BODY_SECONDS - 2), line.swept(BODY_SECONDS + 1)

    assert (early, late) == (0, 1)
    assert await line.is_closed()


async def test_a_request_that_came_whole_is_never_swept(line):
    await line.say(WHOLE.replace(b"abc", b"zzz"))
    swept = line.swept(1_000)

    assert swept == 0
    assert (await line.hear()).startswith(b"HTTP/1.1 200")


async def test_an_idle_connection_is_kept_for_a_next_request_and_no_longer(line):
    await line.say(WHOLE)
    await line.hear()
    kept = uvicorn.Config(answer).timeout_keep_alive

    assert (line.swept(kept - 2), line.swept(kept + 1)) == (0, 1)
    assert await line.is_closed()


async def test_a_connection_that_waits_carries_no_container_that_is_heavy_while_empty(line):
    await line.say(WHOLE.replace(b"abc", b"zzz"))
    (held,) = line.state.connections
    carried = [held, held.flow, held.cycle, held.cycle.message_event, *vars(held.flow).values()]
    # The transport is the loop's own: uvloop's, which is served with, is not Python's.
    parts = [part for part in carried if not isinstance(part, asyncio.BaseTransport)]

    assert not [part for part in parts for value in getattr(part, "__dict__", {}).values() if isinstance(value, deque)]
    assert (await line.hear()).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("said", [b"\r\n", b"\r\n\r\n\r\n", b"P"], ids=range(3))
async def test_a_few_bytes_after_a_reply_do_not_keep_a_connection_for_ever(line, said):
    await line.say(WHOLE)
    await line.hear()
    await line.say(said)

    assert line.swept(HEAD_SECONDS + 1) == 1
    assert await line.is_closed()


@pytest.mark.parametrize(
    "beginning",
    [b"POST / HTTP/1.1\r\nX-A: ", b"POST /", b"\r\n", WHOLE + b"POST / HTTP/1.1\r\nX-A: "],
    ids=["header", "address", "blank lines", "after a reply"],
)
async def test_an_endless_head_ends_soon(line, beginning):
    await line.say(beginning)
    filling = b"\r\n" * 8_192 if beginning == b"\r\n" else b"a" * 16_384
    sent = 0
    try:
        while sent < 16 * MOST_HEAD:
            line.writer.write(filling)
            await line.writer.drain()
            await asyncio.sleep(0)
            sent += len(filling)
    except ConnectionError:
        pass

    assert await line.is_closed()
    assert sent < 16 * MOST_HEAD


async def test_a_head_of_many_fields_is_read_while_it_is_below_the_limit(line):
    fields = b"".join(b"X-%d: %s\r\n" % (n, b"v" * 50) for n in range(500))
    await line.say(b"POST / HTTP/1.1\r\n" + fields + b"Content-Length: 0\r\n\r\n")

    assert (await line.hear()).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("filling", [b"1;" + b"x" * 65_000 + b"\r\na\r\n", b"0\r\nX-A: "], ids=["extension", "trailer"])
async def test_endless_framing_of_a_chunked_body_ends_soon(line, filling):
    await line.say(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    sent = 0
    try:
        while sent < 3 * MOST_MESSAGE:
            line.writer.write(filling)
            await line.writer.drain()
            sent += len(filling)
            filling = b"y" * 65_536 if filling.startswith((b"0", b"y")) else filling
    except ConnectionError:
        pass

    assert await line.is_closed()
    assert sent < 3 * MOST_MESSAGE


async def test_pipelined_requests_with_bodies_are_all_answered(line):
    await line.say(WHOLE * 200)
    for _ in range(200):
        assert (await line.hear()).startswith(b"HTTP/1.1 200")


async def test_a_connection_asked_to_become_another_protocol_goes_on_as_it_is(line):
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    await line.say(b"POST / HTTP/1.1\r\nHost: x\r\n" + upgrade + b"Content-Length: 3\r\n\r\nabc")
    first = await line.hear()
    await line.say(WHOLE)

    assert first.startswith(b"HTTP/1.1 200")
    assert (await line.hear()).startswith(b"HTTP/1.1 200")
