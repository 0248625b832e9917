"""Time on the simulator's loop is what was waited for, and its order is that in which things were asked for."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.simulation.loop import Stalled, VirtualLoop


def lived(coroutine, lag=lambda: (0.0, 0.0)):
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(lag)) as runner:
        return runner.run(coroutine)


def test_a_day_goes_by_without_any_wait() -> None:
    async def life() -> float:
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    assert lived(life()) == 86_400


def test_what_is_due_at_one_moment_comes_in_the_order_in_which_it_was_asked_for() -> None:
    async def life() -> list[int]:
        came: list[int] = []
        for i in range(50):
            asyncio.get_running_loop().call_at(7.0, came.append, i)
        await asyncio.sleep(8)
        return came

    assert lived(life()) == list(range(50))


def test_a_threads_work_is_done_here_once_its_time_has_come_and_heard_of_later() -> None:
    async def life() -> tuple[bool, float, float]:
        loop = asyncio.get_running_loop()
        here, began = await loop.run_in_executor(None, lambda: (threading.get_ident(), loop.time()))
        return here == threading.get_ident(), began, loop.time()

    assert lived(life(), lambda: (2.0, 3.0)) == (True, 2.0, 5.0)


def test_what_a_threads_work_raises_is_raised_where_it_is_awaited() -> None:
    async def life() -> None:
        await asyncio.get_running_loop().run_in_executor(None, lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        lived(life())


def test_waiting_for_what_nobody_will_do_is_told() -> None:
    async def life() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stalled):
        lived(life())
