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
from contextlib import closing
from pathlib import Path
from typing import Final

from answerdesk.desk.ports import Unavailable
from answerdesk.desk.store import DeskStore
from answerdesk.model.account import Millis
from answerdesk.model.database import DatabaseUrl
from answerdesk.store.database import PERMUTATION_KEY_BYTES, backup, connect, migrate, restore
from answerdesk.store.sqlite import BLOCK, SqliteStore

DATABASE: Final = "answerdesk.db"
#: Which database the folder's server has its desk in, where that is none in the folder.
ELSEWHERE: Final = "elsewhere"
LOCK: Final = "lock"
#: Stands in a folder whose desk was moved to another database.
MOVED: Final = "moved"


class Wall:
    """The system's clock and randomness, as the desk's ports want them."""

    def now(self) -> Millis:
        """Milliseconds since the epoch."""
        return Millis(time.time_ns() // 1_000_000)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def secret(self) -> str:
        """32 hex characters: the time, so that rows of new names lie at one end of their table, and 80 random bits."""
        return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


class InUse(RuntimeError):
    """Another server uses the data folder."""


def open_store(data: Path, *, block: int = 1) -> SqliteStore:
    """Open the desk of a data folder; a command takes ids one by one, a server in blocks."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = data / DATABASE
    if moved := read_line(data / MOVED):
        msg = f"the desk in {data} was moved to {moved}: name that with --database, or remove {data / MOVED}"
        raise Unavailable(msg)
    try:
        path.touch(mode=0o600)
        return SqliteStore(str(path), Wall(), block=block)
    except sqlite3.Error as error:
        msg = f"{path} cannot be opened as a desk's database: {error}"
        raise Unavailable(msg) from error


def open_desk(
    data: Path, database: DatabaseUrl | None = None, *, serving: bool = False, make: bool = True
) -> DeskStore:
    """Open the desk of a database, where one is named, else of a folder; raises Unavailable.

    A command takes ids one by one, a server in blocks. Without `make`, a database that holds no desk stays as it is.
    """
    block = BLOCK if serving else 1
    if database is None:
        return open_store(data, block=block)
    try:
        from answerdesk.store.postgres import PostgresStore  # noqa: PLC0415 - needs an extra
    except ImportError as error:
        msg = f"a PostgreSQL database needs one more package: pip install 'answerdesk[postgres]' ({error})"
        raise Unavailable(msg) from error
    try:
        return PostgresStore(database.reveal(), block=block, make=make)
    except Unavailable as error:
        msg = f"{database}: {error}"
        raise Unavailable(msg) from None
    except ValueError:
        # What the driver says of it may quote it.
        msg = f"{database} has an option that PostgreSQL does not know"
        raise Unavailable(msg) from None


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


def save_copy(data: Path, target: Path) -> None:
    """Copy the folder's desk, in use or not, into a file that appears whole; raises Unavailable."""
    part = _fresh(target)
    try:
        backup(str(data / DATABASE), part)
        part.replace(target)
    except (sqlite3.Error, ValueError) as error:
        msg = f"{data / DATABASE} cannot be copied to {target}: {error}"
        raise Unavailable(msg) from error
    finally:
        part.unlink(missing_ok=True)


def put_back(source: Path, data: Path, aside: Path) -> bool:
    """Put a copy in the desk's place, the desk there was being kept aside; gives whether there was one.

    Raises Unavailable, the folder being as it was. The caller holds the folder's lock.
    """
    here = data / DATABASE
    part = _fresh(here)
    try:
        restore(source, part)
        with closing(connect(str(part))) as connection:
            migrate(connection, lambda: os.urandom(PERMUTATION_KEY_BYTES))
        replaced = here.exists()
        for ending in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                here.with_name(here.name + ending).rename(aside.with_name(aside.name + ending))
        part.replace(here)
    except (sqlite3.Error, ValueError) as error:
        msg = f"{source} cannot be restored: {error}"
        raise Unavailable(msg) from error
    finally:
        part.unlink(missing_ok=True)
    return replaced


def _fresh(path: Path) -> Path:
    """Make an empty file beside a path, for its owner only."""
    part = path.with_name(path.name + ".new")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    return part


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
