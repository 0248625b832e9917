"""The darkroom's hands: what is quick is done beside what takes long, and no more is taken in than can be kept."""

from __future__ import annotations

import asyncio
import io

import pytest
from PIL import Image

from answerdesk.api.pictures import Child, Darkroom, Undecodable, is_slow
from answerdesk.desk.ports import Unavailable
from tests.serving import picture


def drawn(size: tuple[int, int], form: str = "PNG", frames: int = 1) -> bytes:
    file = io.BytesIO()
    first, *others = (Image.new("RGB", size, (40 * i, 0, 0)) for i in range(frames))
    moving = {"save_all": True, "append_images": others} if others else {}
    first.save(file, form, **moving)
    return file.getvalue()


LARGE = drawn((2_000, 1_000))
SMALL = picture()


class Hand:
    """Makes nothing anew until it is told to."""

    def __init__(self) -> None:
        self.begun: list[bytes] = []
        self.go = asyncio.Event()
        self.closed = False

    async def redraw(self, data: bytes) -> tuple[bytes, str]:
        self.begun.append(data)
        await self.go.wait()
        return data, "image/png"

    async def close(self) -> None:
        self.closed = True


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_is_quick_never_waits_for_the_hand_of_what_takes_long():
    hands = Hand(), Hand()
    room = Darkroom(hands)
    long = [asyncio.create_task(room.redraw(LARGE)) for _ in range(5)]
    await settle()
    quick = asyncio.create_task(room.redraw(SMALL))
    await settle()

    assert sorted(hand.begun for hand in hands) == sorted([[LARGE], [SMALL]])
    for hand in hands:
        hand.go.set()
    assert (await quick)[0] == SMALL
    assert [reply[0] for reply in await asyncio.gather(*long)] == [LARGE] * 5


async def test_what_takes_long_uses_every_other_hand():
    hands = tuple(Hand() for _ in range(4))
    room = Darkroom(hands)
    long = [asyncio.create_task(room.redraw(LARGE)) for _ in range(5)]
    await settle()

    assert sum(len(hand.begun) for hand in hands) == 3
    for hand in hands:
        hand.go.set()
    await asyncio.gather(*long)


async def test_one_hand_is_used_while_one_is_enough():
    hands = Hand(), Hand()
    room = Darkroom(hands)
    for hand in hands:
        hand.go.set()
    for _ in range(3):
        await room.redraw(SMALL)

    assert [len(hand.begun) for hand in hands] == [3, 0]


@pytest.mark.parametrize("bounds", [{"most": 2}, {"most_bytes": 2 * len(SMALL)}])
async def test_more_than_can_wait_is_turned_away_and_has_room_later(bounds):
    hands = Hand(), Hand()
    room = Darkroom(hands, **bounds)
    waiting = [asyncio.create_task(room.redraw(SMALL)) for _ in range(2)]
    await settle()
    with pytest.raises(Unavailable, match="2 pictures and sounds wait"):
        await room.redraw(SMALL)
    for hand in hands:
        hand.go.set()
    await asyncio.gather(*waiting)

    assert await room.redraw(SMALL)


async def test_who_leaves_the_queue_leaves_the_hands_to_others():
    hands = Hand(), Hand()
    room = Darkroom(hands)
    waiting = [asyncio.create_task(room.redraw(LARGE)) for _ in range(3)]
    await settle()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for hand in hands:
        hand.go.set()

    assert [reply[0] for reply in await asyncio.gather(*(room.redraw(LARGE) for _ in range(3)))] == [LARGE] * 3
    await room.close()
    assert all(hand.closed for hand in hands)


@pytest.mark.parametrize(
    ("data", "slow"),
    [
        (SMALL, False),
        (LARGE, True),
        (SMALL + bytes(300_000), True),
        (b"no picture at all", False),
        (drawn((20, 20), "GIF"), False),
        (drawn((20, 20), "GIF", 3), True),
        (drawn((20, 20), "WEBP", 3), True),
        (drawn((20, 20), "PNG", 3), True),
    ],
    ids=["small", "large", "long", "nothing", "still", "gif", "webp", "png"],
)
def test_what_takes_long_is_told_by_its_header(data, slow):
    assert is_slow(data) is slow


async def test_children_draw_side_by_side_and_a_broken_picture_costs_no_other():
    room = Darkroom()
    try:
        broken = SMALL[: len(SMALL) // 2]
        replies = await asyncio.gather(
            *(room.redraw(data) for data in (LARGE, SMALL, broken, LARGE, SMALL)), return_exceptions=True
        )
    finally:
        await room.close()

    assert isinstance(replies[2], Undecodable)
    assert [Image.open(io.BytesIO(reply[0])).size for reply in replies if isinstance(reply, tuple)] == [
        (2_000, 1_000), (60, 20), (2_000, 1_000), (60, 20),
    ]  # fmt: skip


async def test_a_child_that_takes_too_long_is_ended_and_replaced():
    child = Child(seconds=0)
    try:
        with pytest.raises(Undecodable, match="it took too long"):
            await child.redraw(SMALL)
    finally:
        await child.close()
