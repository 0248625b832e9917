"""How machines compare with people, over every store: counted in the unit that settles, and added up by profile."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from answerdesk.desk.chores import Forget
from answerdesk.model.account import DAY_MS, Sequence
from answerdesk.model.judge import Rules
from answerdesk.model.question import Options
from answerdesk.model.trust import DAYS
from tests.store.driver import TYPE, Desk, draft

replace = msgspec.structs.replace
SHADOW = Rules(shadows=("seals",))


def seal(module: str = "seals") -> Any:
    made = draft()
    return replace(made, question=replace(made.question, options=Options(module=module)))


class Shadowed:
    """A desk whose machine is compared with its person."""

    async def begin(self, desk: Desk, rules: Rules = SHADOW) -> None:
        self.desk = desk
        await desk.set_rules(rules)
        self.account = await desk.open_account()
        self.person, self.machine = await desk.person(on_shift=True), await desk.machine(on_shift=True)

    async def solve(self, value: str, confidence: float, right: str = "word", module: str = "seals") -> Sequence:
        """Let the machine say a value, and the person another where the task is not settled by it."""
        n = await self.desk.submit(self.account, seal(module))
        (lease,) = await self.desk.claim(self.machine)
        await self.desk.answer(self.machine, lease, value, confidence)
        for lease in await self.desk.claim(self.person):
            await self.desk.answer(self.person, lease, right)
        return n

    async def counted(self) -> list[tuple[str, int, int, int]]:
        found = await self.desk.store.comparisons(self.desk.clock.now())
        assert {(one.type, one.solver) for one in found} <= {(TYPE, self.machine.id)}
        return [(one.profile, one.permille, one.compared, one.agreed) for one in found]


async def test_in_shadow_people_answer_and_the_machine_is_held_against_them(desk):
    shadowed = Shadowed()
    await shadowed.begin(desk)
    for value, confidence in (("word", 0.99), ("ward", 0.99), ("word", 0.5)):
        n = await shadowed.solve(value, confidence)
        assert (await desk.task(n)).solution == b'"word"'

    assert await shadowed.counted() == [("seals", 500, 1, 1), ("seals", 990, 2, 1)]


async def test_what_a_machine_settles_alone_is_no_comparison(desk):
    shadowed = Shadowed()
    await shadowed.begin(desk, Rules())
    await shadowed.solve("word", 0.99, module="meter")

    assert await shadowed.counted() == []


async def test_many_tasks_settled_in_one_unit_are_all_counted(desk):
    shadowed = Shadowed()
    await shadowed.begin(desk)
    for _ in range(20):
        await desk.submit(shadowed.account, seal())
    for solver, confidence in ((shadowed.machine, 0.9), (shadowed.person, None)):
        leases = await desk.claim(solver, 20)
        await asyncio.gather(*(desk.answer(solver, lease, "word", confidence) for lease in leases))

    assert await shadowed.counted() == [("seals", 900, 20, 20)]


async def test_a_report_changes_what_was_counted(desk):
    shadowed = Shadowed()
    await shadowed.begin(desk)
    alike, apart = await shadowed.solve("word", 0.9), await shadowed.solve("ward", 0.8)
    for n in (alike, apart):
        await desk.report(n, shadowed.account, correct=False)

    assert await shadowed.counted() == [("seals", 800, 0, 0), ("seals", 900, 1, 0)]


async def test_a_comparison_outlives_its_task_and_counts_for_some_days(desk):
    shadowed = Shadowed()
    await shadowed.begin(desk)
    n = await shadowed.solve("word", 0.9)
    await desk.store.run(Forget(whole=(n,)))
    desk.clock.pass_by((DAYS - 1) * DAY_MS)
    there = await shadowed.counted()
    for solver in (shadowed.machine, shadowed.person):
        await desk.save_solver(solver, seen=desk.clock.now())
    await shadowed.solve("word", 0.9)
    both = await shadowed.counted()
    then = desk.clock.now()
    desk.clock.pass_by(DAY_MS)
    without = await shadowed.counted()
    for solver in (shadowed.machine, shadowed.person):
        await desk.save_solver(solver, seen=desk.clock.now())
    await shadowed.solve("word", 0.8)

    assert there == [("seals", 900, 1, 1)]
    assert both == [("seals", 900, 2, 2)]
    assert without == [("seals", 900, 1, 1)]
    assert await shadowed.counted() == [("seals", 800, 1, 1), ("seals", 900, 1, 1)]
    # What counts no more is not kept.
    kept = await desk.store.comparisons(then)
    assert [(one.permille, one.compared) for one in kept] == [(800, 1), (900, 1)]


async def test_no_comparisons_are_none(desk):
    assert await desk.store.comparisons(desk.clock.now()) == []
