"""The entrance admits in the order of PROTOCOL §2.3, and remembers nothing longer than it is true."""

from __future__ import annotations

from typing import Any

import pytest

from answerdesk.desk.entrance import Entrance, Turned
from answerdesk.desk.ports import Heard
from answerdesk.model.account import Account, AccountId, Millis, Standing, digest
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.solver import Solver, SolverId

ACCOUNT = Account(id=AccountId(1), name="alice")
SOLVER = Solver(id=SolverId(1), name="ann", machine=False)
NOW = Millis(1_000_000)


class Door:
    """The part of a store the entrance asks, counting how often."""

    def __init__(self, account: Account | None = ACCOUNT, solver: Solver | None = SOLVER) -> None:
        self.account = account
        self.found = solver
        self.asked: list[bytes] = []
        self.tell: Any = None

    def listen(self, hearer) -> None:
        self.tell = hearer

    async def account_by_key(self, key: bytes) -> Account | None:
        self.asked.append(key)
        return self.account

    async def solver_by_token(self, token: bytes) -> Solver | None:
        self.asked.append(token)
        return self.found


def entrance(door: Door) -> Entrance:
    return Entrance(door)  # type: ignore[arg-type]


async def test_a_known_key_is_admitted_and_looked_up_once():
    door = Door()
    hall = entrance(door)

    assert [await hall.admit("key", "192.0.2.1", NOW) for _ in range(3)] == [ACCOUNT] * 3
    assert door.asked == [digest("key")]


async def test_changed_settings_are_looked_up_anew_and_settled_tasks_are_no_change():
    door = Door()
    hall = entrance(door)
    await hall.admit("key", "192.0.2.1", NOW)
    await hall.solver("token")
    door.tell(Heard())
    await hall.admit("key", "192.0.2.1", NOW)
    assert len(door.asked) == 2
    door.account, door.found = None, None
    door.tell(Heard(settings=True))

    with pytest.raises(Refusal):
        await hall.admit("key", "192.0.2.1", NOW)
    assert await hall.solver("token") is None


@pytest.mark.parametrize("key", ["", "unknown"])
async def test_a_key_nobody_has_is_refused_each_time(key):
    door = Door(account=None)
    hall = entrance(door)
    for _ in range(2):
        with pytest.raises(Refusal) as caught:
            await hall.admit(key, "192.0.2.1", NOW)
        assert caught.value.fault is Fault.KEY_DOES_NOT_EXIST
        assert not isinstance(caught.value, Turned)

    assert len(door.asked) == (2 if key else 0)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"allow_ips": ("10.0.0.0/8",), "standing": Standing.SUSPENDED}, Fault.IP_NOT_ALLOWED),
        ({"standing": Standing.SUSPENDED, "polls_locked_until": Millis(NOW + 1)}, Fault.ACCOUNT_SUSPENDED),
        ({"polls_locked_until": Millis(NOW + 1)}, Fault.TOO_MUCH_REQUESTS),
    ],
)
async def test_who_may_not_call_now_is_turned_away_by_name(settings, fault):
    account = Account(id=AccountId(1), name="alice", **settings)
    with pytest.raises(Turned) as caught:
        await entrance(Door(account)).admit("key", "192.0.2.1", NOW)

    assert (caught.value.fault, caught.value.account) == (fault, account)


async def test_a_lock_says_the_seconds_left_rounded_up_and_ends_by_itself():
    hall = entrance(Door(Account(id=AccountId(1), name="alice", polls_locked_until=Millis(NOW + 1_001))))
    with pytest.raises(Turned, match="2 more seconds"):
        await hall.admit("key", "192.0.2.1", NOW)

    assert (await hall.admit("key", "192.0.2.1", Millis(NOW + 1_001))).name == "alice"


async def test_an_allowed_address_is_admitted():
    account = Account(id=AccountId(1), name="alice", allow_ips=("192.0.2.0/24",))

    assert await entrance(Door(account)).admit("key", "192.0.2.1", NOW) == account


async def test_a_solvers_token_is_looked_up_once_and_a_miss_each_time():
    door = Door()
    hall = entrance(door)
    assert [await hall.solver("token") for _ in range(2)] == [SOLVER] * 2
    assert await hall.solver("") is None
    assert len(door.asked) == 1
    door.found = None
    assert [await hall.solver("other") for _ in range(2)] == [None] * 2

    assert len(door.asked) == 3
