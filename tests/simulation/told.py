"""What a history told whom: facts that the desk has acknowledged, read from nothing but the replies that were heard.
Rule: a call without a reply is no fact; one with a reply is one for ever."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.simulation.world import Event

_TASK = re.compile(r"/v1/tasks/(\d+)")
_decode = msgspec.json.decode


@dataclass
class Order:
    """A task that was acknowledged."""

    task: int
    account: int
    key: str
    body: bytes
    began: float
    told: float


@dataclass
class Word:
    """Something said under a lease, and the reply that was heard."""

    at: float
    began: float
    solver: int
    lease: str
    words: str
    accepted: bool
    paid: str
    why: str | None


@dataclass
class Told:
    """All that was acknowledged, in the order in which it was heard."""

    orders: list[Order] = field(default_factory=list)
    #: How often an order was sent, by account and body.
    sent: dict[tuple[int, bytes], int] = field(default_factory=lambda: defaultdict(int))
    #: Replies to whoever asked how a task stands: (event, account, task).
    stands: list[tuple[Event, int, int]] = field(default_factory=list)
    #: Leases heard of: token to (solver, task, when the claim began, when it was heard, reserved).
    leases: dict[str, tuple[int, int, float, float, bool]] = field(default_factory=dict)
    words: list[Word] = field(default_factory=list)
    #: When an undo was heard to have reopened a lease, or may have.
    undone: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    #: Reports heard to be taken: (task, correct, when).
    reports: list[tuple[int, bool, float]] = field(default_factory=list)
    #: Cancels heard to be done.
    cancelled: list[tuple[int, float]] = field(default_factory=list)
    notes: dict[str, int | None] = field(default_factory=dict)
    office: list[Event] = field(default_factory=list)


def told_by(history: Iterable[Event]) -> Told:
    told = Told()
    for event in history:
        who, _, number = event.who.partition("-")
        if who == "customer":
            _customer(told, event, int(number))
        elif who == "worker":
            _worker(told, event, int(number))
        elif who == "office":
            told.office.append(event)
            if event.what == "top-up":
                told.notes[event.asked.decode()] = event.status
    return told


def _customer(told: Told, event: Event, account: int) -> None:
    verb, _, path = event.what.partition(" ")
    if (verb, path) == ("POST", "/v1/tasks"):
        told.sent[account, event.asked] += 1
        if event.status == 201:
            task = _decode(event.heard)["id"]
            told.orders.append(Order(task, account, event.key, event.asked, event.began, event.ended))
            told.stands.append((event, account, task))
        return
    named = _TASK.match(path)
    if named is None or event.status is None:
        return
    task = int(named[1])
    told.stands.append((event, account, task))
    if event.status == 200 and path.endswith("/report"):
        told.reports.append((task, _decode(event.asked)["correct"], event.ended))
    elif event.status == 200 and verb == "DELETE":
        told.cancelled.append((task, event.ended))


def _worker(told: Told, event: Event, solver: int) -> None:
    verb = event.what.removeprefix("POST /api/work/")
    asked = _decode(event.asked) if event.asked else {}
    if verb == "undo" and (event.status is None or _is_reopened(event)):
        told.undone[asked["lease"]].append(event.ended)
    if event.status != 200 or verb.startswith("GET"):
        return
    reply = _decode(event.heard)
    for lease in reply.get("leases", ()):
        told.leases[lease["lease"]] = (solver, lease["task"], event.began, event.ended, lease["reserved"])
    if verb in {"answer", "decline"}:
        words = _words(verb, asked)
        told.words.append(
            Word(
                event.ended,
                event.began,
                solver,
                asked["lease"],
                words,
                reply["accepted"],
                reply["paid"],
                reply.get("why"),
            )
        )


def _is_reopened(event: Event) -> bool:
    return event.status == 200 and bool(_decode(event.heard)["reopened"])


def _words(verb: str, asked: dict[str, Any]) -> str:
    return f"{verb} {asked.get('value', asked.get('reason'))}"
