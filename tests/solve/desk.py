"""A small, real server of the work API."""

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

from PIL import Image

TOKEN = "a-token-of-some-length"
LEASE = 15.0


def png(picture: Image.Image) -> bytes:
    held = BytesIO()
    picture.save(held, "PNG")
    return held.getvalue()


def blank(colour=(200, 200, 200), size=(40, 20)) -> bytes:
    return png(Image.new("RGB", size, colour))


@dataclass
class Board:
    """The tasks of one server and everything that was said about them."""

    waiting: list = field(default_factory=list)
    media: dict = field(default_factory=dict)
    said: list = field(default_factory=list)
    claims: list = field(default_factory=list)
    refused_values: set = field(default_factory=set)
    changed: threading.Condition = field(default_factory=threading.Condition)
    closing: bool = False
    revoked: bool = False

    def post(self, task, data, constraints=None, module="universal", lang=None):
        with self.changed:
            self.media[task] = data
            question = {
                "kind": "text",
                "instruction": {"text": None, "image": None},
                "constraints": constraints or {},
                "options": {"module": module},
                "lang": lang,
                "media": [{"url": f"/api/work/media/lease-{task}/0", "type": "image/png", "width": 1, "height": 1}],
            }
            self.waiting.append((task, question))
            self.changed.notify_all()

    def lease(self, wish):
        deadline = time.monotonic() + wish["wait"]
        with self.changed:
            self.claims.append(wish)
            self.changed.notify_all()
            while not self.waiting and not self.closing and time.monotonic() < deadline:
                self.changed.wait(min(0.2, max(0.0, deadline - time.monotonic())))
            given, self.waiting = self.waiting[: wish["max"]], self.waiting[wish["max"] :]
        return [
            {"lease": f"lease-{task}", "task": task, "kind": "text", "until": time.time() + LEASE, "question": question}
            for task, question in given
        ]

    def say(self, verb, body):
        with self.changed:
            self.said.append((verb, int(body["lease"].removeprefix("lease-")), body))
            self.changed.notify_all()

    def wait_for(self, count, seconds=60.0):
        """Wait until so many tasks were answered or declined; returns {task: what was said}."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.said) >= count, seconds)
            return {task: body.get("value", body.get("reason")) for _, task, body in self.said}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def log_message(self, *words):
        """Print nothing."""

    def do_POST(self):
        board = self.server.board
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if board.revoked or self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self.reply(401, {"error": "this token is not known"})
        verb = self.path.removeprefix("/api/work/")
        if verb == "claim":
            return self.reply(200, {"leases": board.lease(body)})
        if body.get("value") in board.refused_values:
            return self.reply(400, {"error": "the value does not fit the question"})
        board.say(verb, body)
        leases = board.lease(body["claim"]) if "claim" in body else []
        return self.reply(200, {"accepted": True, "paid": "0.000600", "leases": leases})

    def do_GET(self):
        task = int(self.path.split("/")[-2].removeprefix("lease-"))
        data = self.server.board.media.get(task)
        if data is None:
            return self.reply(404, {"error": "there is no such media"})
        return self.send(200, data)

    def reply(self, status, value):
        self.send(status, json.dumps(value).encode())

    def send(self, status, data):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, board, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.board = board
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A worker that hangs up is no error of the server."""

    def end(self):
        with self.board.changed:
            self.board.closing = True
            self.board.changed.notify_all()
        self.shutdown()
        self.server_close()
        self.thread.join()
