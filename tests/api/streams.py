"""A client of the event stream by bare lines, and the calls of the native dialect."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from tests.serving import PATIENCE, Customer, Reply, Serving, image_task, wait_until


class Event(NamedTuple):
    id: str
    task: dict[str, Any]


def auth(customer: Customer | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {customer.key}"} if customer else {}


def call(
    server: Serving, customer: Customer | None, verb: str, path: str, body: Any = None, **headers: str
) -> Reply:  # fmt: skip
    """Make one call under /v1; a header's underscores stand for dashes."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    return server.http.request(verb, f"/v1/{path}", data, auth(customer) | sent)


def create(server: Serving, customer: Customer, count: int = 1) -> list[int]:
    """Create tasks that must be accepted, in one batch."""
    reply = call(server, customer, "POST", "tasks/batch", {"tasks": [{"task": image_task()}] * count})
    return [outcome["task"]["id"] for outcome in reply.json["outcomes"]]


class Listener:
    """A stream of events, read by a thread of its own as they come."""

    def __init__(self, server: Serving, customer: Customer, last: str | None = None) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", server.http.port, timeout=PATIENCE)
        headers: Mapping[str, str] = auth(customer) | ({"Last-Event-ID": last} if last is not None else {})
        self._line.request("GET", "/v1/events", headers=headers)
        self.reply = self._line.getresponse()
        assert self.reply.status == 200, self.reply.read()
        self.events: list[Event] = []
        #: What came last as an id, with or without an event.
        self.last = last or ""
        self.lines: list[bytes] = []
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: self.last, "the stream tells its place")
        return self

    def __exit__(self, *_: object) -> None:
        if self._line.sock is not None:
            with contextlib.suppress(OSError):
                self._line.sock.shutdown(2)
        self._thread.join(PATIENCE)
        self.reply.close()
        self._line.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            while line := self.reply.readline():
                self.lines.append(line)
                name, _, value = line.strip().partition(b": ")
                if name == b"id":
                    self.last = value.decode()
                elif name == b"data":
                    self.events.append(Event(self.last, json.loads(value)))
        self.ended.set()

    def tasks(self, count: int, patience: float = PATIENCE) -> list[int]:
        """Wait for so many events; gives the ids of all that came."""
        wait_until(lambda: len(self.events) >= count, f"{count} events came", patience)
        return [event.task["id"] for event in self.events]
