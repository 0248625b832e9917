"""What customers and solvers do all the while, each a process on a host of its own: any node takes any call.
Rule: a reply is written down before anything is built on it; a call that got none may have happened or not.

`python -m tests.chaos.calls customer|solver HISTORY SECRET SEED NODE…`
"""

from __future__ import annotations

import base64
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx

from tests.serving import picture

#: How long a call is waited for: a node that stands still must not keep its callers.
PATIENCE: Final = httpx.Timeout(6.0, connect=2.0)
TASK: Final = {"type": "ImageToTextTask", "body": base64.b64encode(picture()).decode()}
#: What a node says while it cannot promise anything; the call may be made again elsewhere.
BUSY: Final = frozenset({500, 502, 503, 504})
#: Reasons of the wire to come back later, which promise nothing either.
LATER: Final = frozenset({"ERROR_SERVICE_UNAVAILABLE", "ERROR_INTERNAL", "ERROR_NO_SLOT_AVAILABLE"})


class Caller:
    """One who calls whichever node answers, and writes down what was said."""

    def __init__(self, history: Path, secret: str, seed: int, nodes: list[str]) -> None:
        self.dice = random.Random(seed)
        self.secret = secret
        self._nodes = nodes
        self._history = history.open("a", encoding="utf-8")
        self._line = httpx.Client(timeout=PATIENCE, trust_env=False)

    def note(self, what: str, **said: Any) -> None:
        """Write down what is known now."""
        self._history.write(json.dumps({"at": time.time(), "what": what, **said}) + "\n")
        self._history.flush()

    def post(self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> httpx.Response | None:
        """Post to a node; None where nothing is known of what came of it."""
        return self.call("POST", path, body, headers)

    def call(
        self, verb: str, path: str, body: dict[str, Any] | None, headers: dict[str, str] | None
    ) -> httpx.Response | None:
        """Call a node; None where nothing is known of what came of it."""
        try:
            reply = self._line.request(verb, self.dice.choice(self._nodes) + path, json=body, headers=headers)
        except httpx.HTTPError:
            return None
        return None if reply.status_code in BUSY else reply

    def insist(self, call: Callable[[], httpx.Response | None]) -> httpx.Response:
        """Make the same call until it is answered."""
        while (reply := call()) is None:
            time.sleep(self.dice.uniform(0.05, 0.4))
        return reply


class Customer(Caller):
    """Creates tasks and reads their results, again and again, also those that are final."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._open: list[int] = []
        self._final: list[int] = []
        self._orders = 0

    def act(self) -> None:
        """Do the next thing."""
        chosen = self.dice.random()
        if chosen < 0.4 or not self._open:
            self._create()
        elif chosen < 0.45:
            self._cancel(self._open.pop(self.dice.randrange(len(self._open))))
        elif chosen < 0.5 and self._final:
            self._report(self.dice.choice(self._final))
        else:
            self._poll(self.dice.choice(self._final if self._final and chosen > 0.85 else self._open))

    def _create(self) -> None:
        self._orders += 1
        key = f"{self.secret[:6]}-{self.dice.getrandbits(40):x}-{self._orders}"
        self.note("trying", key=key)
        body = {"clientKey": self.secret, "task": TASK}
        reply = self.insist(lambda: self.post("/createTask", body, {"Idempotency-Key": key})).json()
        if reply["errorId"] == 0:
            self._open.append(reply["taskId"])
            self.note("created", key=key, task=reply["taskId"])
        elif reply["errorCode"] not in LATER:
            self.note("refused", key=key, reply=reply)

    def _poll(self, task: int) -> None:
        body = {"clientKey": self.secret, "taskId": task}
        reply = self.post("/getTaskResult", body, {"Prefer": f"wait={self.dice.choice((0, 1, 3))}"})
        if reply is None:
            return
        told = reply.json()
        if told.get("errorCode") in LATER:
            return
        self.note("read", task=task, said=reply.text)
        if told.get("status") != "processing" and task in self._open:
            self._open.remove(task)
            self._final.append(task)

    def _cancel(self, task: int) -> None:
        headers = {"Authorization": f"Bearer {self.secret}"}
        reply = self.insist(lambda: self.call("DELETE", f"/v1/tasks/{task}", None, headers))
        self.note("cancelled", task=task, ok=reply.status_code == httpx.codes.OK, said=reply.text)

    def _report(self, task: int) -> None:
        body = {"clientKey": self.secret, "taskId": task}
        reply = self.insist(lambda: self.post("/reportIncorrect", body)).json()
        if reply.get("errorCode") not in LATER:
            self.note("reported", task=task, ok=reply["errorId"] == 0)


class Solver(Caller):
    """Claims and answers; now and then lets a lease run out, answers late, or says the same thing twice."""

    def act(self) -> None:
        """Claim a few tasks and say something of each."""
        claim = {"kinds": ["text"], "max": 4, "wait": 1}
        came = self._work("claim", claim)
        if came is None or came.status_code != httpx.codes.OK:
            time.sleep(0.1)
            return
        for lease in came.json()["leases"]:
            self.note("leased", lease=lease["lease"], task=lease["task"])
            chosen = self.dice.random()
            if chosen < 0.03:
                continue
            if chosen < 0.06:
                self._say("decline", lease, reason="unreadable")
                continue
            for _ in range(2 if chosen < 0.15 else 1):
                self._say("answer", lease, value=f"text of {lease['task']}")

    def _say(self, how: str, lease: dict[str, Any], **said: Any) -> None:
        body = {"lease": lease["lease"], **said}
        reply = self.insist(lambda: self._work(how, body))
        if reply.status_code == httpx.codes.OK:
            self.note(how, lease=lease["lease"], task=lease["task"], reply=reply.json())
        else:
            self.note("unsaid", lease=lease["lease"], task=lease["task"], status=reply.status_code, said=reply.text)

    def _work(self, verb: str, body: dict[str, Any]) -> httpx.Response | None:
        return self.post(f"/api/work/{verb}", body, {"Authorization": f"Bearer {self.secret}"})


def main(role: str, history: str, secret: str, seed: str, *nodes: str) -> None:
    """Go on until the process is ended."""
    caller = {"customer": Customer, "solver": Solver}[role](Path(history), secret, int(seed), list(nodes))
    while True:
        caller.act()


if __name__ == "__main__":
    main(*sys.argv[1:])
