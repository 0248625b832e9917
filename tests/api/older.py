"""A customer of in.php and res.php, and what the tests of both send."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode

from tests.serving import Customer, Reply, Serving, Worker, picture

TEXT = "text/plain; charset=utf-8"
JSON = "application/json; charset=utf-8"
AT_ONCE = {"Prefer": "wait=0"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PICTURE = picture()
BODY = base64.b64encode(PICTURE).decode()
UNKNOWN_KEY = "f" * 32


class Old:
    """A customer of the older API."""

    def __init__(self, customer: Customer, server: Serving) -> None:
        self.customer = customer
        self.http = server.http

    def call(self, path: str, headers: dict[str, str] | None = None, **fields: Any) -> Reply:
        fields = {"key": self.customer.key} | fields
        return self.http.request("POST", path, urlencode(fields).encode(), {**FORM, **(headers or {})})

    def submit(self, **fields: Any) -> Reply:
        return self.call(
            "/in.php", **({"method": "base64", "body": BODY} if not fields.get("textcaptcha") else {}) | fields
        )

    def ask(self, **fields: Any) -> str:
        """Submit a task that must be accepted; gives its id."""
        said = self.submit(**fields).body.decode()

        assert said.startswith("OK|"), said
        return said[3:]

    def act(self, action: str, **fields: Any) -> Reply:
        return self.call("/res.php", AT_ONCE, action=action, **fields)

    def say(self, action: str, **fields: Any) -> str:
        return self.act(action, **fields).body.decode()


def answer(worker: Worker, value: object, kind: str = "text") -> dict[str, Any]:
    """Answer the one task there is; gives its lease."""
    (lease,) = worker.claim(wait=5, kinds=(kind,))

    assert worker.answer(lease, value).json["accepted"]
    return lease
