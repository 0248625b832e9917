"""Requests and replies on one connection: at once, by a task, in pieces, ahead of their turn; always the same bytes."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator

import pytest
import uvicorn

from answerdesk.api.exchange import head_of
from answerdesk.api.http import Answer, Coming, Gone, read_body, send_answer
from answerdesk.api.patience import PatientProtocol, ServerState

NOW = b"GET /now HTTP/1.1\r\nHost: x\r\n\r\n"
LATER = b"POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
SOON = LATER.replace(b"later", b"soon")
_NUMBER = re.compile(rb"x-request-id: [0-9a-f]{12}")


class Echo:
    """Says back what was asked: /now without waiting, /soon once its outcome is there, all else by a task.

    And /plain as any ASGI application does.
    """

    def __init__(self) -> None:
        self.at_once_answered = 0
        self.outcomes: list[asyncio.Future[bytes]] = []
        self.answered: list[bytes] = []
        self.gone = asyncio.Event()

    def at_once(self, scope, body):
        """Answer what asks for it."""
        if scope["path"] != "/now":
            return None
        self.at_once_answered += 1
        return Answer(b"now" + body, headers=((b"x-way", b"any"),))

    def begin(self, scope, body):
        """Begin what asks for it; its outcome comes soon, or when a test says so."""
        if not scope["path"].startswith("/soon"):
            return None
        outcome = asyncio.get_running_loop().create_future()
        self.outcomes.append(outcome)
        if scope["path"] == "/soon":
            outcome.get_loop().call_later(0.01, outcome.set_result, b"soon" + bytes(body))
        return Coming(outcome, self._answer)

    def _answer(self, outcome):
        self.answered.append(outcome.result())
        return Answer(outcome.result(), headers=((b"x-way", b"any"),))

    async def __call__(self, scope, receive, send):
        """Answer after the others had their turn."""
        try:
            body = await read_body(scope, receive)
        except Gone:
            self.gone.set()
            return
        await asyncio.sleep(0)
        if scope["path"] == "/wait":
            assert (await receive())["type"] == "http.disconnect"
            self.gone.set()
            return
        whole = Answer(scope["path"][1:].encode() + body, headers=((b"x-way", b"any"),))
        await send_answer(send, whole, None if scope["path"] == "/plain" else scope)


class Line:
    """A connection to the protocol."""

    def __init__(self, app: Echo, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.app, self.reader, self.writer = app, reader, writer

    async def say(self, *pieces: bytes) -> None:
        """Send piece after piece, each taken in before the next."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.02)

    async def hear(self) -> tuple[bytes, bytes]:
        """Read a reply: its head, without its number, and its body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        body = await self.reader.readexactly(int(length[1])) if length else b""
        return _NUMBER.sub(b"x-request-id: N", head), body


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    app = Echo()
    config = uvicorn.Config(app, log_config=None, access_log=False, date_header=False, server_header=False)
    config.load()
    config.loaded_app = app
    loop = asyncio.get_running_loop()
    state = ServerState()
    server = await loop.create_server(lambda: PatientProtocol(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    yield Line(app, reader, writer)
    writer.close()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0)


async def test_a_whole_reply_is_the_same_bytes_whichever_way_it_goes(line):
    heads = []
    for path, method in (("now", "GET"), ("tsk", "GET"), ("plain", "POST"), ("soon", "POST")):
        await line.say(f"{method} /{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, body = await line.hear()
        assert body == path.encode()
        heads.append(re.sub(rb"content-length: [45]", b"content-length: 3", head))

    assert line.app.at_once_answered == 1
    assert set(heads) == {
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: 3\r\n"
        b"x-request-id: N\r\nx-way: any\r\n\r\n"
    }


@pytest.mark.parametrize("sent", [*itertools.product((NOW, LATER, SOON), repeat=3)], ids=range(27))
async def test_requests_sent_ahead_of_their_turn_are_answered_in_order(line, sent):
    await line.say(b"".join(sent))
    bodies = [(await line.hear())[1] for _ in range(3)]

    assert bodies == [{NOW: b"now", LATER: b"laterabc", SOON: b"soonabc"}[each] for each in sent]


async def test_what_was_begun_goes_on_when_its_client_leaves(line):
    await line.say(SOON.replace(b"soon", b"soon-if-told"))
    (outcome,) = line.app.outcomes
    line.writer.close()
    await asyncio.sleep(0.05)
    outcome.set_result(b"done")
    await asyncio.sleep(0.05)

    assert line.app.answered == [b"done"]


async def test_a_client_whose_request_was_given_up_is_hung_up_on(line):
    await line.say(SOON.replace(b"soon", b"soon-if-told"))
    line.app.outcomes[0].cancel()

    assert await line.reader.read() == b""


async def test_the_next_request_waits_for_what_was_begun(line):
    await line.say(SOON.replace(b"soon", b"soon-if-told") + NOW)
    assert line.app.at_once_answered == 0
    line.app.outcomes[0].set_result(b"first")

    assert [(await line.hear())[1] for _ in range(2)] == [b"first", b"now"]


async def test_of_many_requests_read_together_one_is_answered_before_others_have_their_turn(line):
    await line.say(NOW * 50)
    bodies = [(await line.hear())[1] for _ in range(50)]

    assert bodies == [b"now"] * 50
    assert line.app.at_once_answered == 1


@pytest.mark.parametrize(
    ("request_line", "more"),
    [("GET /now HTTP/1.0", ""), ("GET /now HTTP/1.1", "Connection: close\r\n"), ("GET /tsk HTTP/1.0", "")],
)
async def test_a_client_that_wants_one_reply_is_told_so_and_hung_up_on(line, request_line, more):
    await line.say(f"{request_line}\r\nHost: x\r\n{more}\r\n".encode())
    head, _ = await line.hear()

    assert head.count(b"connection: close") == 1
    assert await line.reader.read() == b""


async def test_a_head_request_is_answered_without_a_body(line):
    await line.say(b"HEAD /now HTTP/1.1\r\nHost: x\r\n\r\n")
    head = await line.reader.readuntil(b"\r\n\r\n")
    await line.say(NOW)

    assert b"content-length: 3" in head
    assert (await line.hear())[1] == b"now"


async def test_a_request_in_pieces_is_put_together(line):
    request = b"POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabcdef"
    await line.say(*(request[at : at + 7] for at in range(0, len(request), 7)))

    assert (await line.hear())[1] == b"laterabcdef"


async def test_a_body_is_asked_for_where_the_client_waits_for_that(line):
    await line.say(b"POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    asked = await line.reader.readuntil(b"\r\n\r\n")
    await line.say(b"abc")

    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert (await line.hear())[1] == b"laterabc"


@pytest.mark.parametrize("sent", [LATER.replace(b"later", b"wait"), LATER[:-1]], ids=["after its body", "within it"])
async def test_whoever_answers_hears_of_a_client_that_leaves(line, sent):
    await line.say(sent)
    line.writer.close()

    async with asyncio.timeout(10):
        await line.app.gone.wait()


async def test_what_is_no_http_is_refused_once(line):
    await line.say(LATER[:-3] + b"abcNONSENSE\r\n\r\n")
    heard = await line.reader.read()

    assert heard.count(b"HTTP/1.1 400 Bad Request") == 1


def test_a_header_that_would_begin_another_is_never_written():
    with pytest.raises(ValueError, match="x-way"):
        head_of(Answer(b"", headers=((b"x-way", b"a\r\nx-other: b"),)), b"1", keep_alive=True)


def test_a_reply_says_once_that_it_is_the_last():
    ends = Answer(b"", 413, headers=((b"connection", b"close"),))

    assert head_of(ends, b"1", keep_alive=False).count(b"connection: close") == 1
    assert head_of(Answer(b""), b"1", keep_alive=False).count(b"connection: close") == 1
    assert head_of(Answer(b""), b"1", keep_alive=True).count(b"connection") == 0
