"""Passwords as slow hashes, made and compared in threads of their own, and one-time codes.
Rule: a name nobody has costs as much time as a wrong password; no more hashes run at once than memory bears."""

from __future__ import annotations

import asyncio
import hmac
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.profiles import RFC_9106_LOW_MEMORY
from pyotp.totp import TOTP

from answerdesk.model.person import clean_password

#: Hashes made at once: each takes 64 MiB.
AT_ONCE: Final = 2
#: Hashes that may wait for those.
MOST_WAITING: Final = 32
#: Seconds a one-time code holds, and how many steps a clock may be off.
STEP_SECONDS: Final = 30
STEPS_OFF: Final = 1


class Busy(Exception):
    """More passwords wait to be compared than will be in any useful time."""


class Passwords:
    """Hashes passwords, and compares them."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """Begin with idle threads."""
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
        self._waiting = 0
        #: What somebody nobody knows is compared with.
        self._nobody = ""

    async def hash(self, password: str) -> str:
        """Hash a password; raises Busy."""
        return str(await self._run(self.make, password))

    async def matches(self, hashed: str, password: str) -> bool:
        """Compare a password with its hash, or with nobody's where there is none; raises Busy."""
        return bool(await self._run(self._compare, hashed, password))

    def make(self, password: str) -> str:
        """Hash a password here and now."""
        return self._hasher.hash(clean_password(password))

    def _compare(self, hashed: str, password: str) -> bool:
        if not hashed and not self._nobody:
            self._nobody = self.make("nobody at all")
        try:
            self._hasher.verify(hashed or self._nobody, clean_password(password))
            return bool(hashed)
        except (Argon2Error, InvalidHashError):
            return False

    async def _run(self, work: object, *values: str) -> object:
        if self._waiting >= MOST_WAITING:
            raise Busy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *values)  # type: ignore[arg-type]
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(cancel_futures=True)


def fresh_secret() -> str:
    """Give a new secret of one-time codes, in the letters that apps take."""
    return pyotp.random_base32()


def code_link(secret: str, name: str) -> str:
    """Give the address by which apps take a secret over."""
    return TOTP(secret).provisioning_uri(name=name, issuer_name="answerdesk")


def step_of(secret: str, code: str, now_ms: int) -> int:
    """Give the time step whose code this is, 0 for none."""
    code = "".join(code.split())
    step = now_ms // 1000 // STEP_SECONDS
    codes = TOTP(secret)
    for near in range(step - STEPS_OFF, step + STEPS_OFF + 1):
        if hmac.compare_digest(codes.at(near * STEP_SECONDS).encode(), code.encode()):
            return near
    return 0
