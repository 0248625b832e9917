"""What in.php and res.php do as time goes by: blocks, the poll lock, reports that come late, a store that is away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from answerdesk.api.front import Front, Terms
from answerdesk.api.hold import Hold
from answerdesk.api.http import Answer, Peers
from answerdesk.api.legacy import Legacy
from answerdesk.api.limits import Floods, Polls
from answerdesk.desk.board import Board
from answerdesk.desk.entrance import Entrance
from answerdesk.desk.ports import Unavailable
from answerdesk.model.account import Account, Sequence, Strictness
from answerdesk.model.task import Permutation, Task
from answerdesk.store.sqlite import SqliteStore
from answerdesk.wire.legacy import Endpoint
from tests.fakes import Clock
from tests.serving import picture
from tests.store.driver import Desk
from tests.wire.samples import KEY

FAR = "203.0.113.9"
HERE = "127.0.0.1"
MINUTE = 60_000


class Recorder(Hold):
    """A hold that tells who waited, and never waits."""

    def __init__(self) -> None:
        super().__init__(Board(), Permutation(bytes(range(24))), most=100)
        self.waited: list[float] = []

    async def wait(self, account: Any, task: Any, seconds: float) -> None:
        self.waited.append(seconds)


class Fragile(SqliteStore):
    """A store that can be away."""

    away = False

    async def run(self, verb: Any) -> Any:
        if self.away:
            raise Unavailable("the disk is full")
        return await super().run(verb)

    async def task(self, n: Sequence) -> Task | None:
        if self.away:
            raise Unavailable("the disk is full")
        return await super().task(n)


class Room:
    """The older API over a store in memory, and a clock set by hand."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = Fragile("", self.clock)
        self.desk = Desk(self.store, self.clock)
        self.hold = Recorder()
        self.front = Front(
            store=self.store, orders=self.desk.orders, entrance=Entrance(self.store), hold=self.hold,
            polls=Polls(3), clock=self.clock, terms=Terms(dialect="2captcha"),
        )  # fmt: skip
        self.legacy = Legacy(self.front, Peers(()), self.store)

    async def open(self, *, balance: int = 1_000_000, **settings: Any) -> Account:
        account = await self.desk.open_account(balance=balance, **settings)
        await self.desk.add_key(account, KEY)
        return account

    async def answer(self, endpoint: Endpoint, fields: dict[str, Any], ip: str, body: bytes = b"") -> Answer:
        query = urlencode({"key": KEY} | fields).encode()
        scope = {"method": "POST", "query_string": query, "headers": [], "client": (ip, 1)}
        return await self.legacy.serve(endpoint, scope, body)

    async def submit(self, ip: str = FAR, **fields: Any) -> str:
        body = (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + picture() + b"\r\n--b--\r\n"
        )
        query = urlencode({"key": KEY, "method": "post"} | fields).encode()
        headers = [(b"content-type", b"multipart/form-data; boundary=b")]
        scope = {"method": "POST", "query_string": query, "headers": headers, "client": (ip, 1)}
        return (await self.legacy.serve(Endpoint.IN, scope, body)).body.decode()

    async def act(self, action: str, ip: str = FAR, **fields: Any) -> str:
        return (await self.answer(Endpoint.RES, {"action": action} | fields, ip)).body.decode()

    async def solve(self, person: Any) -> str:
        """Submit a task and have it answered; gives its id."""
        said = await self.submit()
        (lease,) = await self.desk.claim(person)
        assert (await self.desk.answer(person, lease)).accepted
        return said.removeprefix("OK|")


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.store.close()


async def test_the_fifth_wrong_key_blocks_its_address_for_ten_minutes(room):
    await room.open()
    said = [await room.act("getbalance", key=f"{n:032x}") for n in range(5)]

    assert said == ["ERROR_KEY_DOES_NOT_EXIST"] * 5
    assert await room.act("getbalance") == "ERROR: 1004"
    assert "blocked for 600 more seconds" in json.loads(await room.act("getbalance", json=1))["error_text"]
    assert await room.act("getbalance", "203.0.113.10") == "1"
    room.clock.pass_by(10 * MINUTE)
    assert await room.act("getbalance") == "1"


async def test_a_key_of_the_wrong_length_counts_as_a_wrong_key(room):
    for _ in range(5):
        assert await room.act("getbalance", key="abc") == "ERROR_WRONG_USER_KEY"

    assert await room.act("getbalance", key="abc") == "ERROR: 1004"


async def test_four_wrong_keys_in_ten_minutes_block_nobody(room):
    await room.open()
    for _ in range(3):
        for n in range(4):
            assert await room.act("getbalance", key=f"{n:032x}") == "ERROR_KEY_DOES_NOT_EXIST"
        room.clock.pass_by(10 * MINUTE)

    assert await room.act("getbalance") == "1"


async def test_this_machine_is_counted_and_never_blocked(room):
    await room.open(balance=0)
    await room.desk.person()
    for n in range(70):
        assert await room.act("getbalance", HERE, key=f"{n:032x}") == "ERROR_KEY_DOES_NOT_EXIST"
    for _ in range(130):
        assert await room.submit(HERE) == "ERROR_ZERO_BALANCE"

    assert await room.act("getbalance", HERE) == "0"
    assert room.front.guesses.counted == 70


async def test_many_wrong_ids_ban_their_address(room):
    await room.open()
    said = [await room.act("get", id=n) for n in range(1, 70)]

    assert said[:60] == ["ERROR_WRONG_CAPTCHA_ID"] * 60
    assert said[-1] == await room.submit() == "IP_BANNED"
    room.clock.pass_by(10 * MINUTE)
    assert await room.act("getbalance") == "1"


async def test_more_than_sixty_tasks_in_three_seconds_are_too_many(room):
    await room.open()
    await room.desk.person()
    said = [await room.submit() for _ in range(61)]

    assert all(each.startswith("OK|") for each in said[:60])
    assert said[60] == await room.submit() == "MAX_USER_TURN"
    assert (await room.submit("203.0.113.10")).startswith("OK|")
    room.clock.pass_by(10_000)
    assert (await room.submit()).startswith("OK|")


async def test_sixty_tasks_in_every_three_seconds_are_not_too_many(room):
    await room.open()
    await room.desk.person()
    for _ in range(2):
        for _ in range(60):
            assert (await room.submit()).startswith("OK|")
        room.clock.pass_by(3_000)


async def test_who_submits_on_and_on_without_money_is_blocked_for_five_minutes(room):
    account = await room.open(balance=0)
    await room.desk.person()
    for _ in range(120):
        assert await room.submit() == "ERROR_ZERO_BALANCE"
        room.clock.pass_by(400)

    assert await room.submit() == "ERROR: 1002"
    assert await room.act("getbalance") == "0"
    await room.desk.top_up(account, 5_000)
    assert await room.submit() == "ERROR: 1002"
    room.clock.pass_by(5 * MINUTE)
    assert (await room.submit()).startswith("OK|")


async def test_polls_without_end_lock_the_account(room):
    await room.open()
    await room.desk.person()
    task = (await room.submit()).removeprefix("OK|")
    polls = [await room.act("get", id=task) for _ in range(4)]

    assert polls == ["CAPCHA_NOT_READY"] * 3 + ["ERROR: 1005"]
    assert await room.act("getbalance") == "ERROR: 1005"
    assert await room.submit() == "MAX_USER_TURN"
    assert "locked for 60 more seconds" in json.loads(await room.submit(json=1))["error_text"]
    room.clock.pass_by(MINUTE)
    assert await room.act("getbalance") == "0.999"


async def test_one_task_is_waited_for_and_a_list_never(room):
    await room.open()
    await room.desk.person()
    task = (await room.submit()).removeprefix("OK|")

    assert await room.act("get", ids=f"{task},{task}") == "CAPCHA_NOT_READY|CAPCHA_NOT_READY"
    assert room.hold.waited == []
    assert await room.act("get2", id=task) == "CAPCHA_NOT_READY"
    assert room.hold.waited == [3.0]


async def test_a_list_of_unknown_ids_counts_each_of_them(room):
    await room.open()

    assert await room.act("get", ids="1,2,0") == "|".join(["ERROR_WRONG_CAPTCHA_ID"] * 3)
    assert room.front.guesses.counted == 3


async def test_reports_are_taken_for_a_quarter_of_an_hour(room):
    await room.open()
    person = await room.desk.person()
    task = await room.solve(person)
    room.clock.pass_by(15 * MINUTE)
    assert await room.act("reportgood", id=task) == "OK_REPORT_RECORDED"
    room.clock.pass_by(1)

    late = json.loads(await room.act("reportbad", id=task, json=1))

    assert late["request"] == "ERROR_REPORT_NOT_RECORDED"
    assert late["error_text"] == "reports are accepted for 900 seconds after the answer"


async def test_a_store_that_is_away_reads_as_not_ready_for_half_a_minute(room):
    await room.open()
    await room.desk.person()
    task = (await room.submit()).removeprefix("OK|")
    room.store.away = True
    assert await room.act("get", id=task) == "CAPCHA_NOT_READY"
    assert await room.submit() == "ERROR_NO_SLOT_AVAILABLE"
    report = await room.answer(Endpoint.RES, {"action": "reportgood", "id": task}, FAR)
    room.clock.pass_by(30_001)
    poll = await room.answer(Endpoint.RES, {"action": "get", "id": task}, FAR)
    room.store.away = False

    assert (report.status, poll.status) == (503, 503)
    assert await room.act("get", id=task) == "CAPCHA_NOT_READY"
    room.store.away = True
    assert await room.act("get", id=task) == "CAPCHA_NOT_READY"


def test_a_flood_is_counted_by_name_and_forgotten_with_its_time():
    floods = Floods(3, within=10, lasts=5)
    for at in (0, 9, 10, 19):
        floods.count("one", at)
    assert floods.blocked_for("one", 19) == 0
    floods.count("one", 19.5)

    assert floods.blocked_for("one", 19.5) == 5
    assert floods.blocked_for("two", 19.5) == 0
    assert floods.blocked_for("one", 24.4) == 1
    assert floods.blocked_for("one", 24.5) == 0


BLOCKS = frozenset({Strictness.BLOCKS})


async def test_a_strict_account_that_finds_nobody_on_and_on_is_blocked_for_ten_minutes(room):
    await room.open(strict=BLOCKS)
    for _ in range(120):
        assert await room.submit(HERE) == "ERROR_NO_SLOT_AVAILABLE"
        room.clock.pass_by(400)
    await room.desk.person()

    assert await room.submit(HERE) == "ERROR: 1001"
    assert "wait 600 more seconds" in json.loads(await room.submit(HERE, json=1))["error_text"]
    assert await room.act("getbalance", HERE) == "1"
    room.clock.pass_by(10 * MINUTE)
    assert (await room.submit(HERE)).startswith("OK|")


@pytest.mark.parametrize(("made", "said"), [(40, "ERROR: 1003"), (41, "ERROR_NO_SLOT_AVAILABLE")])
async def test_a_strict_account_that_mostly_finds_nobody_is_blocked_for_half_a_minute(room, made, said):
    await room.open(strict=BLOCKS)
    person = await room.desk.person()
    for _ in range(made):
        assert (await room.submit(HERE)).startswith("OK|")
    await room.desk.save_solver(person, enabled=False)
    for _ in range(121):
        assert await room.submit(HERE) == "ERROR_NO_SLOT_AVAILABLE"
        room.clock.pass_by(1_000)

    assert await room.submit(HERE) == said
    room.clock.pass_by(30_000)
    assert await room.submit(HERE) == "ERROR_NO_SLOT_AVAILABLE"


async def test_a_strict_account_that_asks_too_much_for_what_it_submits_is_blocked_for_five_minutes(room):
    await room.open(strict=BLOCKS)
    await room.desk.person()
    await room.submit(HERE)
    said = {await room.act("getbalance", HERE) for _ in range(1_220)}

    assert said == {"0.999"}
    assert await room.act("getbalance", HERE) == await room.act("get", HERE, id=1) == "ERROR: 1005"
    assert (await room.submit(HERE)).startswith("OK|")
    room.clock.pass_by(5 * MINUTE)
    assert await room.act("getbalance", HERE) == "0.998"


async def test_an_account_that_is_not_strict_meets_none_of_these_blocks(room):
    await room.open()
    for _ in range(130):
        assert await room.submit(HERE) == "ERROR_NO_SLOT_AVAILABLE"

    assert {await room.act("getbalance", HERE) for _ in range(1_300)} == {"1"}


@pytest.mark.parametrize(("strict", "said"), [({"reports"}, "ERROR_REPORT_NOT_RECORDED"), ((), "OK_REPORT_RECORDED")])
async def test_a_strict_account_that_reports_more_than_two_fifths_wrong_is_not_believed(room, strict, said):
    await room.open(strict=frozenset(map(Strictness, strict)))
    person = await room.desk.person()
    tasks = [await room.solve(person) for _ in range(12)]
    for task in tasks[:5]:
        assert await room.act("reportbad", HERE, id=task) == "OK_REPORT_RECORDED"

    assert await room.act("reportbad", HERE, id=tasks[5]) == said
    assert await room.act("reportgood", HERE, id=tasks[6]) == "OK_REPORT_RECORDED"


async def test_the_first_reports_of_a_strict_account_are_taken(room):
    await room.open(strict=frozenset({Strictness.REPORTS}))
    person = await room.desk.person()
    tasks = [await room.solve(person) for _ in range(9)]

    assert {await room.act("reportbad", HERE, id=task) for task in tasks} == {"OK_REPORT_RECORDED"}
