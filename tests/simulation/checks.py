"""Holds a whole history, and the file as it lies at its end, against the invariants I1 to I8.
Rule: pure of the desk: facts come from replies, rows from SQL of its own, sums from the table of moves."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from answerdesk.model.account import DAY_MS, OWN, Sequence
from answerdesk.model.money import BOOKS, Book, Micros, Move, show
from answerdesk.model.task import Permutation, TaskId
from tests.simulation.readings import Readings
from tests.simulation.store import LONGEST, PERMUTATION_KEY
from tests.simulation.told import Told, told_by
from tests.simulation.workers import MARK
from tests.simulation.world import World

#: How long after it was told that somebody may not call a server may still let them in.
NOTICE = 20.0
_IDS = Permutation(PERMUTATION_KEY)
_decode = msgspec.json.decode
Rows = list[tuple[Any, ...]]


def number(task: int) -> Sequence:
    """Give the number a public id is stored under."""
    return _IDS.find(TaskId(task))


@dataclass
class Case:
    """What there is to judge by."""

    world: World
    told: Told
    database: sqlite3.Connection
    #: When tasks were erased.
    gone: dict[int, float]

    def __post_init__(self) -> None:
        self.tasks = {
            row[0]: row[1:]
            for row in self.rows("SELECT n, account, state, solution, price, refunded, created FROM tasks")
        }
        self.leases = {
            row[0]: row[1:] for row in self.rows("SELECT token, n, solver, outcome, said, verdict, pay FROM leases")
        }

    def rows(self, select: str) -> Rows:
        return self.database.execute(select).fetchall()

    @property
    def keeps(self) -> bool:
        """Whether nothing can have been forgotten yet."""
        return self.world.weather.results_ms >= DAY_MS


def check(world: World, database: sqlite3.Connection, gone: dict[int, float]) -> None:
    """Note every breach in the world."""
    case = Case(world, told_by(world.history), database, gone)
    for rule, found in CHECKS:
        for breach in found(case):
            world.breach(rule, breach)


def acknowledged_orders_are_kept(case: Case) -> Iterator[str]:
    owners: dict[int, int] = {}
    for order in case.told.orders:
        if owners.setdefault(order.task, order.account) != order.account:
            yield f"task {order.task} was given to two accounts"
        row = case.tasks.get(number(order.task))
        if row is None:
            if case.keeps:
                yield f"order {order} was acknowledged and is not there"
        elif row[0] != order.account:
            yield f"order {order} belongs to account {row[0]}"


def one_order_makes_one_task(case: Case) -> Iterator[str]:
    by_key: dict[tuple[int, str], set[int]] = defaultdict(set)
    bodies: dict[int, bytes] = {}
    for order in case.told.orders:
        if order.key:
            by_key[order.account, order.key].add(order.task)
        if bodies.setdefault(order.task, order.body) != order.body:
            yield f"task {order.task} was given for two orders"
    if not case.keeps:
        return
    for (account, key), tasks in by_key.items():
        if len(tasks) > 1:
            yield f"account {account}, {key}: told of {sorted(tasks)}"
    # What the desk asks for itself has the question of another task.
    kept = Counter(_mark_of(row[0]) for row in case.rows(f"SELECT question FROM tasks WHERE account <> {OWN:d}"))
    twice = 2 if case.world.weather.twice else 1
    for (_, body), times in case.told.sent.items():
        mark = _mark_of(body)
        keyed = any(order.key for order in case.told.orders if order.body == body) or _is_keyed(case, body)
        most = 1 if keyed else times * twice
        if kept[mark] > most:
            yield f"{mark} was stored {kept[mark]} times, and sent {times} times"


def _is_keyed(case: Case, body: bytes) -> bool:
    return any(event.key for event in case.world.history if event.asked == body)


def _mark_of(body: bytes) -> str:
    found = MARK.search(body.decode("latin-1"))
    return found[0] if found else ""


def replies_never_go_back(case: Case) -> Iterator[str]:
    owners: dict[int, int] = {}
    readings: dict[int, Readings] = {}
    for order in case.told.orders:
        if owners.setdefault(order.task, order.account) == order.account and order.task not in readings:
            readings[order.task] = Readings(order.task, order.told, keeps=case.keeps)
    for event, account, task in sorted(case.told.stands, key=lambda each: each[0].ended):
        if owners.get(task) == account and event.status in {200, 201, 404}:
            yield from readings[task].take(event)


def answers_are_what_somebody_said(case: Case) -> Iterator[str]:
    """A solution was said and accepted under a lease of that very task, and its customer reads just that."""
    accepted: dict[int, set[bytes]] = defaultdict(set)
    for n, _, outcome, said, verdict, _ in case.leases.values():
        if outcome == "answered" and verdict and _decode(verdict)["accepted"]:
            accepted[n].add(said)
    for n, (_, state, solution, *_) in case.tasks.items():
        if state == 1 and solution not in accepted[n]:
            yield f"task {n} has the solution {solution!r}, which nobody said"
    for event, _, task in case.told.stands:
        if event.status in {200, 201} and _decode(event.heard).get("status") == "ready":
            row = case.tasks.get(number(task))
            if row is not None and (row[1] != 1 or _decode(row[2]) != _decode(event.heard)["answer"]):
                yield f"{event.line()}: stored is {row[2]!r}"


def verdicts_stand(case: Case) -> Iterator[str]:
    """The first reply to what was said under a lease is the last, until it is undone; and it is what is stored."""
    first: dict[tuple[str, str], Any] = {}
    for word in sorted(case.told.words, key=lambda each: each.at):
        undone = case.told.undone[word.lease]
        before = first.get((word.lease, word.words))
        if before is not None and not undone and _verdict(before) != _verdict(word):
            yield f"{word}: before it was {before}"
        if before is None or (undone and word.began > min(undone)):
            first[word.lease, word.words] = word
        lease = case.leases.get(word.lease)
        if lease is None or not word.accepted or undone:
            if lease is None and word.accepted and case.keeps:
                yield f"{word}: the lease is not there"
            continue
        stored = _decode(lease[4]) if lease[4] else {}
        paid = show(Micros(stored["paid"]), least=6) if stored.get("paid") else word.paid
        if not stored.get("accepted") or paid != word.paid:
            yield f"{word}: stored is {stored}"


def _verdict(word: Any) -> tuple[bool, str, str | None]:
    return word.accepted, word.paid, word.why


def nobody_gets_a_task_twice(case: Case) -> Iterator[str]:
    """Who said something of a task never gets it again, and a person never sees one twice."""
    said: dict[tuple[int, int], float] = {}
    for word in case.told.words:
        lease = case.told.leases.get(word.lease)
        if lease is not None and word.accepted and not case.told.undone[word.lease]:
            place = word.solver, lease[1]
            said[place] = min(said.get(place, word.at), word.at)
    for token, (solver, task, began, _, _) in case.told.leases.items():
        if said.get((solver, task), began) < began:
            yield f"solver {solver} was given task {task} by {token} after it had answered it"
    # Who lets a reservation lapse may get the task anew; to speak under the old one, too late, is not to see it twice.
    late = "ended = shown AND NOT json_extract(verdict, '$.accepted')"
    seen = f"machine = 0 AND shown > 0 AND (outcome IS NULL OR verdict IS NULL OR NOT ({late}))"
    shown = Counter((n, solver) for n, solver in case.rows(f"SELECT n, solver FROM leases WHERE {seen}"))
    people = case.world.weather.people
    given = Counter(
        (solver, task)
        for solver, task, _, _, reserved in case.told.leases.values()
        if solver <= people and not reserved
    )
    for (solver, task), times in given.items():
        if times > 1:
            yield f"person {solver} was given task {task} {times} times"
    for (n, solver), times in shown.items():
        if times > 1:
            yield f"person {solver} was shown task {n} {times} times"
    stands = "outcome IN ('answered', 'declined') AND json_extract(verdict, '$.accepted')"
    for n, solver, times in case.rows(f"SELECT n, solver, count(*) FROM leases WHERE {stands} GROUP BY n, solver"):
        if times > 1:
            yield f"solver {solver} answered task {n} {times} times"


def nobody_sees_others_answers(case: Case) -> Iterator[str]:
    for event in case.world.history:
        if event.who.startswith("worker") and b"answer c" in event.heard:
            yield event.line()


def money_adds_up(case: Case) -> Iterator[str]:
    """The ledger sums to zero and says what purses and wages hold."""
    books: Counter[tuple[Book, int]] = Counter()
    for move, amount, account, solver in case.rows("SELECT move, amount, account, solver FROM entries"):
        for book, sign in zip(BOOKS[Move(move)], (-1, 1), strict=True):
            owner = {Book.BALANCE: account, Book.HELD: account, Book.EARNED: solver}.get(book, 0)
            books[book, owner] += sign * amount
    if sum(books.values()):
        yield f"the ledger sums to {sum(books.values())}"
    is_open: Counter[int] = Counter()
    held: Counter[int] = Counter()
    for account, state, _, price, _, _ in case.tasks.values():
        is_open[account] += state == 0
        held[account] += price if state == 0 else 0
    for account, balance, set_aside, count in case.rows("SELECT id, balance, held, open_tasks FROM accounts"):
        if (balance, set_aside) != (books[Book.BALANCE, account], books[Book.HELD, account]):
            yield f"account {account} holds {balance} and {set_aside}, its books {books}"
        if (set_aside, count) != (held[account], is_open[account]) or balance < 0:
            yield f"account {account} has {set_aside} set aside for {count} tasks, not {held[account]}"
    for solver, owed in case.rows("SELECT solver, sum(earned - paid) FROM wages GROUP BY solver"):
        if owed != books[Book.EARNED, solver] or owed < 0:
            yield f"solver {solver} is owed {owed}, by the books {books[Book.EARNED, solver]}"


def everything_is_booked_once(case: Case) -> Iterator[str]:
    """Held once, charged or released once, refunded at most once and only when reported; answers paid once."""
    booked: dict[int, Counter[tuple[str, int]]] = defaultdict(Counter)
    earned: Counter[tuple[int, int]] = Counter()
    for n, move, amount, solver in case.rows("SELECT n, move, amount, solver FROM entries WHERE n > 0"):
        if solver:
            earned[n, solver] += amount if move == Move.PAY else -amount
        else:
            booked[n][move, amount] += 1
    after = {0: [Move.HOLD], 1: [Move.HOLD, Move.CHARGE], 2: [Move.HOLD, Move.RELEASE]}
    for n, (_, state, _, price, refunded, _) in case.tasks.items():
        moves = [*after[state], *([Move.REFUND] if refunded else [])] if price else []
        if booked.pop(n, Counter()) != Counter((str(move), price) for move in moves):
            yield f"task {n} (state {state}, price {price}, refunded {refunded}) is booked otherwise"
    for n, moves_of in booked.items():
        if case.keeps or max(moves_of.values()) > 1:
            yield f"task {n} is gone, and booked {moves_of}"
    promised: Counter[tuple[int, int]] = Counter()
    for n, solver, _, _, verdict, _ in case.leases.values():
        promised[n, solver] += _decode(verdict).get("paid", 0) if verdict else 0
    for place, amount in earned.items():
        if amount < 0 or (place[0] in case.tasks and amount != promised[place]):
            yield f"task {place[0]}, solver {place[1]}: earned {amount}, promised {promised[place]}"
    for place in promised.keys() - earned.keys():
        if promised[place]:
            yield f"task {place[0]}, solver {place[1]}: promised {promised[place]}, earned nothing"


def acknowledged_moves_are_booked(case: Case) -> Iterator[str]:
    noted = Counter(note for (note,) in case.rows("SELECT note FROM entries WHERE note <> ''"))
    for note, status in case.told.notes.items():
        least, most = {200: (1, 1), 400: (0, 0)}.get(status or 0, (0, 1))
        if not least <= noted[note] <= most:
            yield f"{note} was told as {status} and is booked {noted[note]} times"
    refunded = {n for n, row in case.tasks.items() if row[4] or not row[3]}
    for task, correct, at in case.told.reports:
        n = number(task)
        if not correct and n in case.tasks and n not in refunded:
            yield f"task {task} was reported wrong at {at:.3f} and not refunded"
    for task, at in case.told.cancelled:
        row = case.tasks.get(number(task))
        if row is not None and row[1] != 2:
            yield f"task {task} was cancelled at {at:.3f} and has the state {row[1]}"


def nothing_of_others_is_visible(case: Case) -> Iterator[str]:
    """No reply carries another account's mark, and a stranger's task and none read the same."""
    own: dict[int, set[int]] = defaultdict(set)
    for order in case.told.orders:
        own[order.account].add(order.task)
    for event in case.world.history:
        if not event.who.startswith("customer"):
            continue
        account = int(event.who.partition("-")[2])
        if any(int(found) != account for found, _ in MARK.findall(event.heard.decode("latin-1"))):
            yield f"{event.line()}: another account's"
    unknown: dict[str, bytes] = {}
    for event, account, task in case.told.stands:
        others = {each for owner, tasks in own.items() if owner != account for each in tasks}
        if event.status in {403, 503} or task in own[account]:
            continue
        if event.status != 404:
            if task in others:
                yield f"{event.line()}: another account's task"
            continue
        shape = re.sub(r"\d+", "", event.what)
        if unknown.setdefault(shape, event.heard) != event.heard:
            yield f"{event.line()}: others read {unknown[shape]!r}"


def what_is_erased_is_told_no_more(case: Case) -> Iterator[str]:
    """From when its commit was told of; until then the board may still show it."""
    for event, _, task in case.told.stands:
        since = case.gone.get(number(task), float("inf"))
        if event.status == 200 and event.began > since + 2 * LONGEST:
            yield f"{event.line()}: it was erased at {since:.3f}"


def who_may_not_call_is_turned_away(case: Case) -> Iterator[str]:
    """From when it was told that an account is suspended, or a solver switched off, and until that may have ended."""
    spells = {"suspended": ("active", 403), "disabled": ("enabled", 401)}
    for began in case.told.office:
        if began.what not in spells or began.status != 200:
            continue
        ends, status = spells[began.what]
        later = (e for e in case.told.office if (e.what, e.asked) == (ends, began.asked) and e.began >= began.ended)
        until = next((event.began for event in later), float("inf"))
        who = began.asked.decode()
        for event in case.world.history:
            concerns = event.who == who and event.began > began.ended + NOTICE and event.ended < until
            if concerns and event.status not in {status, 503, None}:
                yield f"{event.line()}: {who} was {began.what} at {began.ended:.3f}"


CHECKS = (
    ("I1", acknowledged_orders_are_kept),
    ("I1", one_order_makes_one_task),
    ("I6", replies_never_go_back),
    ("I2", answers_are_what_somebody_said),
    ("I1", verdicts_stand),
    ("I4", nobody_gets_a_task_twice),
    ("I4", nobody_sees_others_answers),
    ("I5", money_adds_up),
    ("I5", everything_is_booked_once),
    ("I1", acknowledged_moves_are_booked),
    ("I7", nothing_of_others_is_visible),
    ("I7", who_may_not_call_is_turned_away),
    ("I8", what_is_erased_is_told_no_more),
)


def rows_left(database: sqlite3.Connection) -> Iterator[str]:
    """What still lies where nothing must, once every task is past its time."""
    for table in ("tasks", "contents", "leases", "replays", "callbacks", "attempts"):
        (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()
        if count:
            yield f"{count} rows are left in {table}"


def marks_in(data: bytes) -> set[str]:
    return {found.group().decode() for found in re.finditer(rb"c\d+o\d+x", data)}
