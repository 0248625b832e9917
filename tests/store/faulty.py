"""A writer's connection that fails as told, verbs that fail where they must not, and waiting that ends."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

from answerdesk.desk.books import OpenAccount
from answerdesk.desk.ports import NO_CHANGES, Changes, Needs
from answerdesk.model.account import Account, AccountId
from answerdesk.model.money import Entry, Micros, Move
from answerdesk.store.group import GroupCommit


def trip(code: int, words: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    return error


class Faulty:
    """A writer's connection whose next statements fail as told, before or after they reach the database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.faults: dict[str, list[Exception]] = {}
        self.done: list[str] = []

    def fail(self, statement: str, *errors: Exception) -> None:
        self.faults.setdefault(statement, []).extend(errors)

    def _pass(self, statement: str) -> None:
        self.done.append(statement)
        for start, errors in self.faults.items():
            if statement.startswith(start) and errors:
                raise errors.pop(0)

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        self._pass(statement)
        return self._connection.execute(statement, *values)

    def executemany(self, statement: str, rows: Any) -> sqlite3.Cursor:
        self._pass(statement)
        return self._connection.executemany(statement, rows)

    def commit(self) -> None:
        self._pass("COMMIT")
        self._connection.commit()

    def rollback(self) -> None:
        self._pass("ROLLBACK")
        self._connection.rollback()

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def close(self) -> None:
        self._connection.close()


class Broken:
    """A verb that fails where it must not."""

    def __init__(self, error: Exception, *, while_asked: bool = False) -> None:
        self._error = error
        self._while_asked = while_asked

    @property
    def needs(self) -> Needs:
        if self._while_asked:
            raise self._error
        return Needs()

    def decide(self, rows, now):
        raise self._error


class Unwritable:
    """A verb that decides on what no column holds."""

    needs = Needs()

    def decide(self, rows, now):
        return Changes(entries=(Entry(move=Move.TOPUP, amount=Micros(2**63)),)), None


class Nothing:
    """A verb that has nothing to write."""

    needs = Needs()

    def decide(self, rows, now):
        return NO_CHANGES, "nothing"


def account(number: int, name: str = "") -> OpenAccount:
    return OpenAccount(account=Account(id=AccountId(number), name=name or f"account {number}"))


def count(group: Faulty) -> int:
    return group.execute("SELECT count(*) FROM accounts").fetchone()[0]


async def run(group: GroupCommit, verb) -> Any:
    return await group.queue(verb)


async def rush(group: GroupCommit, verbs) -> list[Any]:
    return await asyncio.gather(*(run(group, verb) for verb in verbs), return_exceptions=True)


async def reached(faulty: Faulty, statement: str, times: int = 1) -> None:
    """Let the queue go on until it has come to a statement."""
    while faulty.done.count(statement) < times:  # noqa: ASYNC110 - the commit's thread could set no event
        await asyncio.sleep(0)


async def heard_in_time(waiting):
    return await asyncio.wait_for(waiting, 20)
