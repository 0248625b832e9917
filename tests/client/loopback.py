"""A real HTTP server on loopback that says what it was told to, and a time that passes only when it is let."""

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass
class Moment:
    """A clock and both colours of sleep. Sleeping takes no time, but the clock shows it did."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


@dataclass(frozen=True)
class Heard:
    """One request as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Says:
    """One scripted reply; `takes` seconds pass on the moment's clock before it."""

    body: bytes
    status: int = 200
    headers: str = ""
    takes: float = 0.0

    def raw(self) -> bytes:
        head = f"HTTP/1.1 {self.status} X\r\nContent-Type: application/json\r\nContent-Length: {len(self.body)}\r\n"
        return f"{head}{self.headers}\r\n".encode() + self.body


HANGS_UP = Says(b"", status=0)
"""The connection closes without a reply, after the request was read."""

SCRIPT_ENDED = Says(b"the test scripted no further reply", status=500)


def says(http: int = 200, /, *, takes: float = 0.0, **fields: Any) -> Says:
    return Says(json.dumps(fields).encode(), http, takes=takes)


class Listener(ThreadingHTTPServer):
    request_queue_size = 128
    """Many connections at once are what one test is about."""


class Server:
    """Replies from `script` in order and keeps what it `heard`."""

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        self.script: deque[Says] = deque()
        self.heard: list[Heard] = []
        self._http = Listener(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    def will_say(self, *replies: Says) -> None:
        self.script.extend(replies)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.heard.append(
                    Heard(self.command, self.path, headers, self.rfile.read(size), self.client_address[1])
                )
                reply = server.script.popleft() if server.script else SCRIPT_ENDED
                if reply is HANGS_UP:
                    self.close_connection = True
                    return
                server.moment.now += reply.takes
                self.wfile.write(reply.raw())

            do_GET = do_DELETE = do_POST  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        return Handler
