"""The data folder: which files lie in it, how its desk is opened, and that one server at most serves it.
Rule: whoever knows the folder is the desk's owner; what is secret in it is readable by its owner alone."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from answerdesk.desk.ports import Unavailable
from answerdesk.model.account import Millis
from answerdesk.store.sqlite import SqliteStore

DATABASE: Final = "answerdesk.db"
LOCK: Final = "lock"


class Wall:
    """The system's clock and randomness, as the desk's ports want them."""

    def now(self) -> Millis:
        """Milliseconds since the epoch."""
        return Millis(time.time_ns() // 1_000_000)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def secret(self) -> str:
        """32 hex characters."""
        return secrets.token_hex(16)


class InUse(RuntimeError):
    """Another server uses the data folder."""


def open_store(data: Path, *, block: int = 1) -> SqliteStore:
    """Open the desk of a data folder; a command takes ids one by one, a server in blocks."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = data / DATABASE
    try:
        path.touch(mode=0o600)
        return SqliteStore(str(path), Wall(), block=block)
    except sqlite3.Error as error:
        msg = f"{path} cannot be opened as a desk's database: {error}"
        raise Unavailable(msg) from error


@contextlib.contextmanager
def only_server(data: Path) -> Iterator[None]:
    """Hold the folder's lock; raises InUse when another server does."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            msg = f"another answerdesk serves the data folder {data}"
            raise InUse(msg) from None
        yield


@contextlib.contextmanager
def written_while(path: Path, text: str) -> Iterator[None]:
    """Keep a file only its owner can read for as long as something goes on."""
    write_secret(path, text)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def read_line(path: Path) -> str | None:
    """Read what `write_secret` wrote; None where there is no such file."""
    try:
        return path.read_text("utf-8").strip() or None
    except FileNotFoundError:
        return None


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
    fresh.replace(path)
