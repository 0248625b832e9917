"""Whatever strangers send: a protocol's error or a closed connection, never a traceback, and nothing grows."""

from __future__ import annotations

import contextlib
import io
import json
import re
import socket
import struct
import zipfile
import zlib
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from tests.serving import Serving, image_task, picture, read_all, read_reply, wait_until

#: What a refusal may look like: an answer of the protocol, or HTTP's own word for what is wrong with the request.
STATUSES = {200, 400, 401, 404, 405, 411, 413, 414, 431, 501, 505}


def post(path: str, body: bytes, *fields: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


def statuses(came: bytes) -> set[int]:
    return {int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", came)}


def is_alive(server: Serving) -> bool:
    return server.http.get("/ping").body == b"pong"


DEEP = 200_000
KEY = b'"clientKey":"KEY"'
BODIES = {
    "deep lists": b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep and open": b'{"clientKey":' + b"[" * DEEP,
    "huge integer": b'{"clientKey":' + b"9" * 100_000 + b"}",
    "huge exponent": b'{"clientKey":1e999999999}',
    "infinity": b'{"clientKey":Infinity}',
    "nan": b'{"clientKey":NaN}',
    "lone surrogate": b'{"clientKey":"\\ud800"}',
    "surrogates reversed": b'{"clientKey":"\\udc00\\ud800"}',
    "half an escape": b'{"clientKey":"\\u12',
    "not utf-8": b'{"clientKey":"\xff\xfe\xfd"}',
    "utf-16": '{"clientKey":"x"}'.encode("utf-16"),
    "overlong utf-8": b'{"clientKey":"\xc0\xaf"}',
    "nothing": b"",
    "nul bytes": bytes(1_000),
    "only a mark": b"\xef\xbb\xbf",
    "a number": b"1",
    "a text": b'"text"',
    "null": b"null",
    "two documents": b"{}{}",
    "one key often": b"{" + b'"clientKey":"x",' * 10_000 + b'"clientKey":"y"}',
    "many keys": b"{" + b",".join(b'"%d":0' % n for n in range(50_000)) + b"}",
    "control characters": b'{"clientKey":"a\x00\x1fb"}',
    "a long key": b'{"clientKey":"' + b"k" * 1_000_000 + b'"}',
    "many suffixes": b'{"clientKey":"' + b"__" * 100_000 + b'"}',
    "form": b"clientKey=abc&taskId=1",
    "xml": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    "id deep": b"{" + KEY + b',"taskId":' + b"[" * 500 + b"]" * 500 + b"}",
    "id huge": b"{" + KEY + b',"taskId":' + b"9" * 5_000 + b"}",
    "id tiny float": b"{" + KEY + b',"taskId":1e-320}',
    "id text of digits": b"{" + KEY + b',"taskId":"' + b"9" * 100_000 + b'"}',
    "task of lists": b"{" + KEY + b',"task":{"type":[],"body":{}}}',
    "type of a text with nul": b"{" + KEY + b',"task":{"type":"ImageToTextTask\\u0000"}}',
    "soft id a list": b"{" + KEY + b',"softId":[1,{}],"task":{}}',
    "callback to here": b"{" + KEY + b',"callbackUrl":"file:///etc/passwd","task":{"type":"ImageToTextTask"}}',
}


@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_body_is_an_ordinary_refusal_on_every_method(server, customer, name):
    body = BODIES[name].replace(b"KEY", customer.key.encode())
    for method in ("createTask", "getTaskResult", "getBalance", "reportIncorrect", "nothing"):
        reply = server.http.post(f"/{method}", body)
        assert reply.status == 200
        assert isinstance(reply.json["errorId"], int)
        if reply.json["errorId"]:
            assert reply.json["errorCode"].startswith("ERROR_")
            assert len(reply.json["errorDescription"]) <= 300

    assert server.http.post("/test", body).status == 200
    assert server.http.post("/api/work/claim", body).status == 401
    assert is_alive(server)


@pytest.mark.parametrize(
    "fields",
    [
        {"comment": "\x00\x01\x02 nul"},
        {"comment": "\u202e reversed \u200b \U0001f600 \u2028"},
        {"comment": "<script>alert(1)</script>' OR 1=1 --"},
        {"comment": "x" * 1_001},
        {"comment": ["a"]},
        {"minLength": 1e400},
        {"minLength": -1},
        {"minLength": 2**70},
        {"maxLength": "9" * 5_000},
        {"numeric": True, "math": "yes"},
        {"case": 2},
        {"capMonsterModule": "../../etc/passwd"},
        {"capMonsterModule": {"a": 1}},
        {"languagePool": ["en"]},
        {"recognizingThreshold": 101},
        {"imgInstructions": "AAAA"},
        {"imgInstructions": 7},
        {"body": 5},
        {"body": ["AAAA"]},
        {"body": "data:" + "," * 1_000},
        {"body": "A" * 5_000_000},
        {"body": "=" * 1_000},
        {"body": "é" * 1_000},
    ],
    ids=range(23),
)
def test_hostile_fields_are_taken_or_refused_by_name(server, customer, person, fields):
    """json.dumps writes what has no JSON as Infinity; msgspec refuses that as no JSON at all."""
    reply = customer.create(image_task() | fields)

    assert reply.status == 200
    assert reply.json["errorId"] in {0, 3, 4, 15, 22, 110, 115}
    if not reply.json["errorId"]:
        lease = person.take()
        shown = lease["question"]["instruction"]["text"]
        assert shown == fields.get("comment", shown or "").strip() or shown is None
        assert person.answer(lease, "\x00 ok").json["accepted"]
        assert customer.poll(reply.json["taskId"]).json["solution"] == {"text": "\x00 ok"}


def png(width: int, height: int, *chunks: bytes) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return (start + b"".join(chunks)).ljust(200, b"\0")


def bomb() -> bytes:
    """A picture of 25 million pixels in a few kilobytes."""
    file = io.BytesIO()
    Image.new("1", (4_000, 4_000)).save(file, "PNG", optimize=True)
    return file.getvalue()


def archive(data: bytes) -> bytes:
    file = io.BytesIO(data)
    file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file, "a") as zipped:
        zipped.writestr("evil.js", "alert(1)")
    return file.getvalue()


SCRIPT = b"<script>alert(document.domain)</script>"
PICTURES = {
    "30,000 pixels wide": (png(30_000, 30_000), 4),
    "2^32 - 1 wide": (png(2**32 - 1, 2**32 - 1), 4),
    "4,097 high": (png(10, 4_097), 4),
    "no pixels": (png(0, 0), 15),
    "truncated header": (b"\x89PNG\r\n\x1a\n" + bytes(100), 15),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'>" + SCRIPT * 3 + b"</svg>", 15),
    "html": (b"<html>" + SCRIPT * 4, 15),
    "pdf": (b"%PDF-1.7" + bytes(200), 15),
    "sound": (b"ID3" + bytes(200), 15),
    "jpeg of segments without end": (b"\xff\xd8\xff" + b"\xe0\x00\x02\xff" * 50_000, 15),
    "truncated": (picture()[:-40].ljust(120, b"\0"), None),
    "half a jpeg": (picture(size=(200, 200), form="JPEG")[:700], None),
    "empty data": (png(10, 10), None),
    "bomb": (bomb(), "PNG"),
    "gif that is a script": (b"GIF89a/\x01*\0*/=1;" + SCRIPT * 4, None),
    "png with a script behind": (picture() + SCRIPT * 3, "PNG"),
    "png with an archive behind": (archive(picture(size=(80, 80))), "PNG"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_hostile_picture_is_refused_redrawn_or_its_task_ends_free(server, customer, person, name):
    data, outcome = PICTURES[name]
    reply = customer.create({"type": "ImageToTextTask", "body": b64encode(data).decode()}).json
    if isinstance(outcome, int):
        assert reply["errorId"] == outcome
        assert customer.balance() == 1
        return
    lease = person.take()
    seen = person.media(lease["question"]["media"][0]["url"])

    assert reply["errorId"] == 0
    assert b"<script" not in seen.body
    if outcome:
        assert Image.open(io.BytesIO(seen.body)).format == outcome
        assert person.answer(lease, "abc").json["accepted"]
    else:
        assert seen.status == 410
        assert customer.poll(reply["taskId"]).json["errorId"] == 12
        assert customer.balance() == 1


@pytest.mark.parametrize("declared", [True, False], ids=["length", "chunked"])
@pytest.mark.parametrize("path", ["/createTask", "/test", "/api/work/answer", "/nothing"])
def test_ten_megabytes_are_too_much_on_every_route(server, path, declared):
    body = b'{"clientKey":"' + b"k" * 10_000_000
    chunks = b"".join(
        b"10000\r\n" + body[n : n + 65_536].ljust(65_536, b"k") + b"\r\n" for n in range(0, len(body), 65_536)
    )
    framed = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunks + b"0\r\n\r\n"
    came = server.http.exchange(post(path, body) if declared else framed)

    assert statuses(came) == {413}
    assert b"connection: close" in came.lower()


def test_who_asks_before_sending_too_much_is_told_not_to(server):
    head = b"POST /createTask HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\nExpect: 100-continue\r\n\r\n"

    assert statuses(server.http.exchange(head)) == {413}


def test_who_asks_before_sending_is_told_to_go_on(server, customer, person):
    body = json.dumps({"clientKey": customer.key, "task": image_task()}).encode()
    with server.http.raw() as line:
        line.sendall(post("/createTask", body, "Expect: 100-continue")[: -len(body)])
        go_on = line.recv(100)
        line.sendall(body)
        reply = read_reply(line)

    assert go_on == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert reply.json["errorId"] == 0


LAST = b"HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
EMPTY = b"HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
TEST = b"POST /test HTTP/1.1\r\nHost: x\r\n"
TWO = b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"
REQUESTS = {
    "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "http/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "http/0.9": b"GET /\r\n\r\n",
    "http/3.7": b"GET / HTTP/3.7\r\n\r\n",
    "no path": b"GET  HTTP/1.1\r\n\r\n",
    "star": b"OPTIONS * " + LAST,
    "connect": b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n",
    "absolute address": b"GET http://example.com/ping HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n",
    "unknown verb": b"BREW /ping HTTP/1.1\r\nHost: x\r\n\r\n",
    "nul in the path": b"GET /pi\x00ng HTTP/1.1\r\nHost: x\r\n\r\n",
    "escaped nul": b"POST /createTask%00 " + EMPTY,
    "bytes above ascii in the path": b"POST /\xff\xfe\xfd " + EMPTY,
    "bad escapes": b"POST /%zz%f " + EMPTY,
    "climbing": b"GET /../../../etc/passwd " + LAST,
    "escaped climbing": b"GET /api/work/media/%2e%2e%2f%2e%2e%2fetc%2fpasswd/0 " + LAST,
    "line breaks escaped": b"GET /%0d%0aSet-Cookie:%20a=b " + LAST,
    "length and chunks": TEST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": TEST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "negative length": TEST + b"Content-Length: -5\r\n\r\n",
    "length beyond numbers": TEST + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n",
    "length in words": TEST + b"Content-Length: five\r\n\r\n",
    "chunk size beyond numbers": TEST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 100 + b"\r\n",
    "chunk size in words": TEST + b"Transfer-Encoding: chunked\r\n\r\nhello\r\n",
    "unknown coding": TEST + b"Transfer-Encoding: gzip\r\n\r\n",
    "folded header": b"GET /ping HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n folded\r\nConnection: close\r\n\r\n",
    "header without a colon": b"GET /ping HTTP/1.1\r\nHost x\r\n\r\n",
    "header of control bytes": b"GET /ping HTTP/1.1\r\nHost: \x01\x02\r\nConnection: close\r\n\r\n",
    "bare carriage return": b"GET /ping HTTP/1.1\r\nHost: x\rX: y\r\n\r\n",
    "no host": b"POST /createTask HTTP/1.1\r\n" + TWO,
    "long host": b"POST /createTask HTTP/1.1\r\nHost: " + b"h" * 60_000 + b"\r\n" + TWO,
    "ten thousand headers": b"GET /ping HTTP/1.1\r\n" + b"A: b\r\n" * 10_000 + b"Connection: close\r\n\r\n",
    "long address": b"GET /" + b"a" * 60_000 + b" " + LAST,
    "websocket": b"GET /createTask HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "half a request": b"POST /createTask HTTP/1.1\r\nHost: x\r\nContent-Le",
    "half a body": b"POST /createTask HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    "http/1.0": b"POST /createTask HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}",
    "prefers oddly": b"POST /createTask HTTP/1.1\r\nPrefer: wait=\xd9\xa3, wait=-1, wait=1e9\r\nContent-Length: 2\r\n"
    b"Connection: close\r\n\r\n{}",
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_a_malformed_request_gets_a_word_or_a_closed_door(server, name):
    with server.http.raw() as line:
        line.sendall(REQUESTS[name])
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_WR)
        came = read_all(line)

    assert statuses(came) <= STATUSES
    assert b"Set-Cookie" not in came.split(b"\r\n\r\n")[0]
    assert b"root:" not in came
    assert is_alive(server)


ROUTES = [
    *(
        "/",
        "/ping",
        "/healthz",
        "/createTask",
        "/getTaskResult",
        "/getBalance",
        "/test",
        "/reportCorrect",
        "/x",
        "/x/y",
    ),
    *(f"/api/work/{name}" for name in ("claim", "answer", "media/x/0", "openapi.json", "")),
]


@pytest.mark.parametrize("verb", ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "GET", "POST"])
def test_every_verb_on_every_route_is_answered_whole(server, verb):
    replies = {route: server.http.request(verb, route, b"{}" if verb == "PUT" else None) for route in ROUTES}

    assert {reply.status for reply in replies.values()} <= {200, 401, 404}
    assert all(reply.body == b"" for reply in replies.values()) is (verb == "HEAD") or verb == "OPTIONS"
    for route in ("/createTask", "/getTaskResult", "/x"):
        assert replies[route].status == 200


def test_pipelined_requests_are_answered_in_order(server, customer):
    calls = [
        post(f"/{name}", json.dumps({"clientKey": customer.key, "taskId": 1}).encode())
        for name in ("getBalance", "getTaskResult")
    ]
    with server.http.raw() as line:
        line.sendall(b"".join(calls * 100))
        came = bytearray()
        while came.count(b"HTTP/1.1 200 OK") < 200 or not came.endswith(b"}"):
            came += line.recv(65_536)
    bodies = re.findall(rb'\{"errorId":(\d+)', bytes(came))

    assert bodies == [b"0", b"16"] * 100


def test_ids_asked_for_one_after_another_tell_nothing(server, person):
    owner, stranger = server.customer(), server.customer()
    task = owner.ask()
    replies = {stranger.poll(guess, 0).body for guess in range(task - 25, task + 25)}

    assert len(replies) == 1


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server nobody else talks to."""
    with Serving(tmp_path_factory.mktemp("alone")) as server:
        yield server
        log = server.logged()

    assert "Traceback" not in log


def resident_kb(server: Serving) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]


def open_files(server: Serving) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def attack(server: Serving, times: int) -> None:
    """Send every hostile thing again and again, and hang up at once or read to the end."""
    small = [body for body in BODIES.values() if len(body) < 100_000]
    sent = [*REQUESTS.values(), *(post("/createTask", body, "Connection: close") for body in small)]

    def one(number: int) -> None:
        with server.http.raw() as line, contextlib.suppress(OSError):
            line.sendall(sent[number % len(sent)])
            if number % 3:
                line.shutdown(socket.SHUT_WR)
                read_all(line)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(times)))


@pytest.mark.slow
def test_five_thousand_hostile_requests_leave_nothing_behind(alone):
    files = open_files(alone)
    attack(alone, 1_500)
    before = resident_kb(alone)
    attack(alone, 5_000)
    after = resident_kb(alone)

    assert is_alive(alone)
    assert after - before < 12_000
    assert wait_until(lambda: open_files(alone) <= files + 2, "the connections are gone")
    assert alone.log.stat().st_size < 10_000, "strangers must not be able to fill the disk"
