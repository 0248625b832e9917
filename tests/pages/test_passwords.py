"""Passwords are compared in threads, no more at once than memory bears, and a name nobody has costs as much."""

from __future__ import annotations

import asyncio
import threading
from typing import Literal

import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from pyotp.totp import TOTP

from answerdesk.pages.attempts import OF_NAME, Attempts
from answerdesk.pages.passwords import MOST_WAITING, Busy, Passwords, code_link, fresh_secret, step_of

NOW_MS = 1_760_000_400_000


class Watched(PasswordHasher):
    """A quick hasher that waits for leave to compare, and notes who compared."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.leave = threading.Event()
        self.leave.set()
        self.threads: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - the library's
        self.threads.append(threading.current_thread().name)
        self.leave.wait()
        return super().verify(hash, password)


@pytest.fixture
def hasher() -> Watched:
    return Watched()


@pytest.fixture
def passwords(hasher):
    made = Passwords(hasher)
    yield made
    hasher.leave.set()
    made.close()


async def test_a_password_matches_its_own_hash_alone(passwords):
    hashed = await passwords.hash("correct horse")

    assert [await passwords.matches(hashed, given) for given in ("correct horse", "Correct horse", "")] == [
        True, False, False,
    ]  # fmt: skip
    assert await passwords.hash("correct horse") != hashed
    assert not await passwords.matches("not a hash", "correct horse")


async def test_somebody_nobody_knows_is_compared_as_anybody_is(passwords, hasher):
    assert not await passwords.matches("", "nobody at all")
    assert not await passwords.matches("", "anything")

    assert len(hasher.threads) == 2


async def test_the_loop_goes_on_while_passwords_are_compared_and_no_more_wait_than_will_be(passwords, hasher):
    hashed = passwords.make("correct horse")
    hasher.leave.clear()
    waiting = [asyncio.create_task(passwords.matches(hashed, "correct horse")) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await passwords.matches(hashed, "correct horse")
    with pytest.raises(Busy):
        await passwords.hash("another")
    hasher.leave.set()

    assert await asyncio.gather(*waiting) == [True] * MOST_WAITING
    assert await passwords.matches(hashed, "correct horse")
    assert {name.rpartition("_")[0] for name in hasher.threads} == {"password"}


def test_hashes_are_made_as_the_standard_recommends():
    passwords = Passwords()
    made = extract_parameters(passwords.make("correct horse"))
    passwords.close()

    assert (made.type, made.time_cost, made.memory_cost) == (Type.ID, 3, 64 * 1024)


def test_a_secret_is_long_and_its_link_names_the_desk():
    first, second = fresh_secret(), fresh_secret()

    assert len({first, second}) == 2
    assert len(first) == 32
    assert code_link(first, "Ann B") == f"otpauth://totp/answerdesk:Ann%20B?secret={first}&issuer=answerdesk"


@pytest.mark.parametrize("steps", range(-3, 4))
def test_a_code_is_told_by_the_step_it_is_of(steps):
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    code = TOTP(secret).at(NOW_MS // 1000 + 30 * steps)

    assert step_of(secret, f" {code[:3]} {code[3:]} ", NOW_MS) == (NOW_MS // 30_000 + steps if abs(steps) < 2 else 0)


def test_this_machine_is_counted_by_name_alone():
    attempts = Attempts()
    taken = [attempts.take(f"name {n}", "127.0.0.1", 0.0) for n in range(100)]
    named = [attempts.take("ann", "127.0.0.1", 0.0) for _ in range(int(OF_NAME[0]) + 1)]

    assert all(taken)
    assert named == [True] * int(OF_NAME[0]) + [False]
