"""Holds what everybody was told against what is stored, once all is quiet: the invariants of the design.
Rule: rows are read by their own SQL and not by the store's; each contradiction is a sentence."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from answerdesk.model.account import Sequence
from answerdesk.model.money import BOOKS, Book, Move
from answerdesk.model.task import Permutation

#: What is booked once the price is held, by a task's state.
_AFTER = {0: [], 1: [Move.CHARGE], 2: [Move.RELEASE]}
_FAILED = 2


def history_of(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Read what was written down; a last line that was cut off was never acknowledged to anybody."""
    lines = [json.loads(line) for path in paths for line in path.read_text("utf-8").split("\n")[:-1]]
    return sorted(lines, key=lambda line: float(line["at"]))


class Stored:
    """What the database holds at the end."""

    def __init__(self, ask: Callable[[str], str]) -> None:
        """Read every table that promises something; `ask` runs a select and gives its one value."""

        def rows(columns: str, rest: str) -> list[Any]:
            lines = f"SELECT json_build_array({columns}) AS line FROM {rest}"
            listed: list[Any] = json.loads(ask(f"SELECT coalesce(json_agg(line), '[]') FROM ({lines}) AS l"))
            return listed

        key = bytes.fromhex(ask("SELECT encode(value, 'hex') FROM secrets WHERE name = 'permutation'"))
        self.shown = Permutation(key)
        self.tasks = {
            self.shown.show(n): (account, state, refunded)
            for n, account, state, refunded in rows("n, account, state, refunded", "tasks")
        }
        self.keys = dict(rows("key, n", "replays"))
        self.entries = rows("move, amount, account, solver, n", "entries")
        self.accounts = rows("id, balance, held, open_tasks", "accounts")
        self.leases = rows("token, n, solver, outcome, shown, convert_from(verdict, 'UTF8')", "leases")
        self.wages = rows("solver, sum(earned), sum(paid)", "wages GROUP BY solver")


def contradictions(history: list[dict[str, Any]], stored: Stored, blind: list[tuple[float, float]]) -> list[str]:
    """Give every sentence in which what is stored contradicts what was told, or itself.

    `blind` is from when to when a node may have said of a task that it is under way because it could not look.
    """
    return [
        *_lost(history, stored),
        *_not_monotone(history, blind),
        *_answers(history, stored),
        *_ended(history, stored),
        *_twice(stored),
        *_money(stored),
    ]


def _lost(history: list[dict[str, Any]], stored: Stored) -> Iterator[str]:
    created: dict[str, int] = {}
    for line in history:
        if line["what"] == "created":
            if created.setdefault(line["key"], line["task"]) != line["task"]:
                yield f"order {line['key']} made the tasks {created[line['key']]} and {line['task']}"
            if line["task"] not in stored.tasks:
                yield f"task {line['task']} was acknowledged and is not there"
            elif stored.keys.get(line["key"]) != stored.shown.find(line["task"]):
                yield f"order {line['key']} is not the one of task {line['task']}"
    tried = {line["key"] for line in history if line["what"] == "trying"}
    if len(stored.tasks) > len(tried):
        yield f"{len(stored.tasks)} tasks are there, for {len(tried)} orders"
    for task, (_, state, _) in stored.tasks.items():
        if state == 0:
            yield f"task {task} never reached an end"


def _not_monotone(history: list[dict[str, Any]], blind: list[tuple[float, float]]) -> Iterator[str]:
    final: dict[int, str] = {}
    for line in history:
        if line["what"] != "read":
            continue
        told = json.loads(line["said"])
        if told.get("status") == "processing":
            if line["task"] in final and not any(begun <= line["at"] <= over for begun, over in blind):
                yield f"task {line['task']} was final, then processing"
        elif final.setdefault(line["task"], line["said"]) != line["said"]:
            yield f"task {line['task']} was answered {final[line['task']]}, then {line['said']}"


def _answers(history: list[dict[str, Any]], stored: Stored) -> Iterator[str]:
    said = {lease[0]: lease for lease in stored.leases}
    for line in history:
        if line["what"] in {"answer", "decline"} and line["reply"]["accepted"]:
            lease = said.get(line["lease"])
            if lease is None:
                yield f"what was accepted of lease {line['lease']} is not there"
            elif lease[3] != ("answered" if line["what"] == "answer" else "declined"):
                yield f"lease {line['lease']} was accepted as {line['what']} and is stored as {lease[3]}"
    read = {line["task"]: json.loads(line["said"]) for line in history if line["what"] == "read"}
    for task, told in read.items():
        if told.get("status") == "ready" and told["solution"]["text"] != f"text of {task}":
            yield f"task {task} was told the answer of another: {told['solution']}"


def _ended(history: list[dict[str, Any]], stored: Stored) -> Iterator[str]:
    for line in history:
        _, state, refunded = stored.tasks.get(line.get("task", 0), (0, 0, False))
        if line["what"] == "cancelled" and line["ok"] and state != _FAILED:
            yield f"task {line['task']} was given up by its client and is stored in state {state}"
        if line["what"] == "reported" and line["ok"] and not refunded:
            yield f"task {line['task']} was reported and its price was not given back"


def _twice(stored: Stored) -> Iterator[str]:
    accepted: Counter[Sequence] = Counter()
    had: Counter[tuple[Sequence, int]] = Counter()
    for _, n, solver, outcome, shown, verdict in stored.leases:
        had[n, solver] += bool(shown)
        accepted[n] += outcome == "answered" and json.loads(verdict)["accepted"]
    yield from (f"task {stored.shown.show(n)} was answered {count} times" for n, count in accepted.items() if count > 1)
    for (n, solver), count in had.items():
        if count > 1:
            yield f"solver {solver} was shown task {stored.shown.show(n)} {count} times"


def _money(stored: Stored) -> Iterator[str]:
    books: Counter[tuple[Book, int]] = Counter()
    moves: dict[int, Counter[Move]] = defaultdict(Counter)
    paid: Counter[tuple[int, int]] = Counter()
    for name, amount, account, solver, n in stored.entries:
        move = Move(name)
        for book, sign in zip(BOOKS[move], (-1, 1), strict=True):
            owner = {Book.BALANCE: account, Book.HELD: account, Book.EARNED: solver}.get(book, 0)
            books[book, owner] += sign * amount
        if n and move is Move.PAY:
            paid[n, solver] += 1
        elif n:
            moves[n][move] += 1
    if sum(books.values()):
        yield f"the ledger sums to {sum(books.values())}"
    yield from (f"solver {solver} was paid {count} times for {n}" for (n, solver), count in paid.items() if count > 1)
    for account, balance, held, open_tasks in stored.accounts:
        own = sum(owner == account and state == 0 for owner, state, _ in stored.tasks.values())
        if (balance, held, open_tasks) != (books[Book.BALANCE, account], books[Book.HELD, account], own):
            yield f"account {account} has {balance}, {held}, {open_tasks} and its ledger says otherwise"
    for solver, earned, out in stored.wages:
        if books[Book.EARNED, solver] != earned - out:
            yield f"solver {solver} is owed {earned - out} and the ledger says {books[Book.EARNED, solver]}"
    for task, (_, state, refunded) in stored.tasks.items():
        expected = [Move.HOLD, *_AFTER[state], *([Move.REFUND] if refunded else [])]
        if moves[stored.shown.find(task)] != Counter(expected):
            yield f"task {task} in state {state} was booked {dict(moves[stored.shown.find(task)])}"
