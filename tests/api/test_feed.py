"""What is poured into many streams at once, and what a stream's own task tells when nothing can be poured into it."""

from __future__ import annotations

import asyncio
from typing import Any

from answerdesk.api.events import MOST_LOOKS, MOST_WAITING, PAGE, Channel, Feed, Stream
from answerdesk.desk import elsewhere
from answerdesk.desk.elsewhere import Elsewhere
from answerdesk.desk.ports import Heard, Unavailable
from answerdesk.model.account import AccountId, Millis, Sequence
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.task import Permutation, State, Task

ONE, OTHER = AccountId(1), AccountId(2)


def settled(place: int, account: AccountId = ONE) -> Task:
    return Task(
        n=Sequence(place), account=account, type="ImageToTextTask", kind=Kind.TEXT, price=Micros(1), question=b"{}",
        ip="", created=Millis(1), deadline=Millis(2), state=State.READY, solution=b'"4821"', place=place,
    )  # fmt: skip


class Settled:
    """Records of what settled, read as the store does; `away` makes reading fail."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.reads = 0
        self.away = False

    async def last_settled(self, account: AccountId) -> int:
        return max((task.place for task in self.tasks if task.account == account), default=0)

    async def settled_after(self, account: AccountId, place: int, most: int) -> list[Task]:
        self.reads += 1
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("gone")
        return [task for task in self.tasks if task.account == account and task.place > place][:most]


class Listening:
    """One who listens: what was poured, and what its own task was given, in the order both came."""

    def __init__(self, feed: Feed, account: AccountId = ONE, *, takes: bool = True, place: int = 0) -> None:
        self.takes = takes
        self.poured: list[bytes] = []
        self.given: list[bytes] = []
        self.said = b""
        self._follow = feed.follow(account, place, self._pour)
        self.listens = asyncio.create_task(self._listen())

    def _pour(self, piece: bytes) -> bool:
        if self.takes:
            self.poured.append(piece)
            self.said += piece
        return self.takes

    async def _listen(self) -> None:
        async for given in self._follow:
            self.given.append(given)
            self.said += given

    @property
    def places(self) -> list[int]:
        """The places it was told, without the one it began at."""
        lines = [line for line in self.said.split(b"\n") if line.startswith(b"id: ")]
        return [int(line[4:]) for line in lines[1:]]


class Hall:
    """A feed, and whoever listens to it."""

    def __init__(self) -> None:
        self.records = Settled()
        self.feed = Feed(self.records, Permutation(b"k" * 16))  # type: ignore[arg-type]

    def settle(self, *places: int, account: AccountId = ONE, told: bool = True) -> None:
        tasks = [settled(place, account) for place in places]
        self.records.tasks += tasks
        if told:
            self.feed.hear(Heard(tasks=tasks))

    async def calm(self) -> None:
        """Let everybody have their turns, until there is no more to tell."""
        while True:
            for _ in range(20):
                await asyncio.sleep(0)
            if not self.feed.telling:
                return
            await asyncio.sleep(0.001)

    async def listen(self, account: AccountId = ONE, **how: Any) -> Listening:
        """Begin to listen, and let it catch up."""
        listening = Listening(self.feed, account, **how)
        await self.calm()
        return listening

    async def close(self, *listening: Listening) -> None:
        self.feed.close()
        await asyncio.gather(*(one.listens for one in listening))


async def test_an_event_is_framed_once_for_all_streams_of_its_account():
    hall = Hall()
    hall.settle(1)
    many = [await hall.listen() for _ in range(5)]
    hall.settle(2)
    await hall.calm()

    assert [one.places for one in many] == [[1, 2]] * 5
    assert [len(one.poured) for one in many] == [1] * 5
    assert len({id(one.poured[0]) for one in many}) == 1
    size, _, rest = many[0].poured[0].partition(b"\r\n")
    assert rest.startswith(b"id: 2\n")
    assert int(size, 16) == len(rest) - 2
    await hall.close(*many)


async def test_what_waits_for_a_commit_has_its_turn_before_the_streams():
    hall = Hall()
    one = await hall.listen()
    order: list[str] = []
    poll = asyncio.get_running_loop().create_future()
    poll.add_done_callback(lambda _: order.append(f"poll, {len(one.poured)} poured"))
    poll.set_result(None)
    hall.settle(1)
    await hall.calm()

    assert order == ["poll, 0 poured"]
    assert len(one.poured) == 1
    await hall.close(one)


async def test_events_that_come_while_others_have_their_turn_are_poured_as_one_piece():
    hall = Hall()
    one = await hall.listen()
    hall.settle(1)
    for _ in range(3):
        await asyncio.sleep(0)
    for place in range(2, 9):
        hall.settle(place)
    await hall.calm()

    assert one.places == list(range(1, 9))
    assert len(one.poured) == 2
    await hall.close(one)


async def test_a_stream_that_takes_nothing_is_told_everything_once_by_its_own_task():
    hall = Hall()
    slow, swift = await hall.listen(takes=False), await hall.listen()
    for place in range(1, 4):
        hall.settle(place)
        await hall.calm()
    slow.takes = True
    hall.settle(4)
    await hall.calm()

    assert slow.places == swift.places == [1, 2, 3, 4]
    assert len(slow.poured) == 1
    await hall.close(slow, swift)


async def test_a_stream_that_is_sending_is_not_poured_into():
    hall = Hall()
    one = Listening(hall.feed)
    # It has not even told its place.
    hall.settle(1)
    await hall.calm()

    assert one.poured == []
    assert one.places == [1]
    await hall.close(one)


async def test_more_events_than_are_kept_are_read_from_the_store():
    hall = Hall()
    hall.settle(1)
    one = await hall.listen()
    before = hall.records.reads
    count = MOST_WAITING + PAGE
    hall.settle(*range(2, count + 2))
    await hall.calm()

    assert one.places == list(range(1, count + 2))
    assert one.poured == []
    assert hall.records.reads > before
    await hall.close(one)


async def test_what_nobody_heard_of_is_read_by_every_stream():
    hall = Hall()
    one, other = await hall.listen(), await hall.listen(OTHER)
    hall.settle(1, told=False)
    hall.settle(2, account=OTHER)
    hall.settle(3)
    await hall.calm()

    assert (one.places, other.places) == ([1, 3], [2])
    await hall.close(one, other)


async def test_places_of_one_account_may_come_after_greater_ones_of_another():
    hall = Hall()
    one, other = await hall.listen(), await hall.listen(OTHER)
    hall.settle(8192, account=OTHER)
    hall.settle(4096, 4097)
    hall.settle(12288)
    await hall.calm()

    assert (one.places, other.places) == ([4096, 4097, 12288], [8192])
    await hall.close(one, other)


async def test_what_is_heard_late_of_another_node_is_told_in_its_place_and_once():
    hall = Hall()
    one = await hall.listen()
    hall.settle(4096, told=False)
    hall.settle(8192)
    await hall.calm()
    hall.feed.hear(Heard(tasks=[settled(4096)]))
    await hall.calm()

    assert one.places == [4096, 8192]
    await hall.close(one)


async def test_what_settled_elsewhere_is_read_by_the_streams_of_its_account_at_once_and_by_no_others():
    hall = Hall()
    one, other = await hall.listen(), await hall.listen(OTHER)
    reads = hall.records.reads
    hall.settle(4096, told=False)
    hall.feed.hear(Heard(elsewhere=Elsewhere(settled=[elsewhere.Settled(n=Sequence(1), account=ONE, place=4096)])))
    await hall.calm()
    hall.settle(8192)
    await hall.calm()

    assert (one.places, other.places) == ([4096, 8192], [])
    assert hall.records.reads == reads + 2
    await hall.close(one, other)


async def test_a_look_finds_what_each_account_settled_elsewhere():
    hall = Hall()
    one, other = await hall.listen(), await hall.listen(OTHER)
    # In flight when the first one was heard of, and committed after it with a smaller place.
    hall.settle(8192)
    await hall.calm()
    hall.settle(4096, account=OTHER, told=False)
    await hall.feed.look()
    await hall.calm()

    assert (one.places, other.places) == ([8192], [4096])
    await hall.close(one, other)


async def test_of_very_many_accounts_each_is_looked_at_in_turn():
    hall = Hall()
    crowd = [await hall.listen(AccountId(100 + i)) for i in range(MOST_LOOKS + 1)]
    for i in range(len(crowd)):
        hall.settle(4096 * (i + 1), account=AccountId(100 + i), told=False)
    await hall.feed.look()
    await hall.feed.look()
    await hall.calm()

    assert [one.places for one in crowd] == [[4096 * (i + 1)] for i in range(len(crowd))]
    await hall.close(*crowd)


async def test_a_place_the_account_has_not_reached_means_from_now_on():
    hall = Hall()
    hall.settle(3)
    hall.settle(4, account=OTHER)

    assert await hall.feed.place_after(ONE, "4") == 3
    assert await hall.feed.place_after(ONE, "2") == 2
    assert await hall.feed.place_after(ONE, "-1") == 3


async def test_what_settled_before_the_first_word_is_read_from_the_place_asked_for():
    hall = Hall()
    hall.settle(1, 2, 3, told=False)
    one = await hall.listen(place=1)

    assert one.places == [2, 3]
    await hall.close(one)


async def test_a_change_of_settings_has_who_listens_looked_at_before_more_is_poured():
    hall = Hall()
    one = await hall.listen()
    given = len(one.given)
    hall.feed.hear(Heard(tasks=[settled(1)], settings=True))
    await hall.calm()

    assert one.given[given] == b""
    assert one.places == [1]
    await hall.close(one)


async def test_nothing_is_poured_into_a_stream_that_could_not_read_what_came_before():
    hall = Hall()
    one = await hall.listen()
    hall.records.away = True
    hall.settle(1, told=False)
    hall.settle(2)
    await hall.calm()
    assert one.places == []
    hall.settle(3)
    await hall.calm()
    assert one.places == []
    hall.records.away = False
    hall.feed.hear(Heard(settings=True))
    await hall.calm()

    assert one.places == [1, 2, 3]
    await hall.close(one)


async def test_what_was_heard_of_and_lost_is_found_by_one_stream_for_all_of_its_account():
    hall = Hall()
    many = [await hall.listen() for _ in range(3)]
    hall.settle(1)
    await hall.calm()
    # As if the event had failed on its way to them.
    hall.settle(2, told=False)
    hall.feed.hear(Heard(tasks=[settled(2, OTHER)]))
    await hall.calm()
    reads = hall.records.reads
    late = await hall.listen(place=1)

    assert [one.places for one in (*many, late)] == [[1, 2]] * 3 + [[2]]
    assert hall.records.reads == reads + 1 + len(many)
    await hall.close(*many, late)


async def test_what_every_stream_was_told_is_not_kept():
    channel, poured = Channel(0), list[bytes]()

    def pour(piece: bytes) -> bool:
        poured.append(piece)
        return True

    streams = [Stream(0, pour) for _ in range(2)]
    channel.streams.update(streams)
    for stream in streams:
        stream.behind = False
    resting = asyncio.gather(*(stream.rest() for stream in streams))
    await asyncio.sleep(0)
    channel.add(1, b"event")
    kept = channel.after(0)
    channel.pour()

    assert kept == (1, b"event")
    assert poured == [b"5\r\nevent\r\n"] * 2
    assert (channel.after(0), channel.after(1)) == (None, (1, b""))
    channel.wake()
    await resting
