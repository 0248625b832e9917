"""Out of shadow: over every store, a profile earns its threshold by comparisons with people and by nothing else."""

from __future__ import annotations

import msgspec
import pytest

from answerdesk.desk.chores import Retention, promote
from answerdesk.desk.ports import Changes, Needs, Rows
from answerdesk.desk.trials import Promote, Trial, trials
from answerdesk.model.account import DAY_MS, Millis
from answerdesk.model.judge import NEVER_ENOUGH, Rules
from answerdesk.model.solver import Solver
from answerdesk.model.trust import DAYS, ENOUGH, FEW, Comparison
from tests.store.driver import TYPE, Desk

SHADOW = Rules(shadows=("seals", "dials"), target=0.9)


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """Many comparisons at once."""

    comparisons: tuple[Comparison, ...]
    needs = Needs()

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, None]:
        del rows, now
        return Changes(comparisons=self.comparisons), None


async def count(desk: Desk, machine: Solver, *counts: tuple[int, int, int], profile: str = "seals") -> None:
    listed = tuple(
        Comparison(type=TYPE, profile=profile, solver=machine.id, permille=sure, compared=held, agreed=agreed)
        for sure, held, agreed in counts
    )
    await desk.store.run(Counted(comparisons=listed))


async def chore(desk: Desk) -> int:
    return await promote(desk.store, desk.clock.now(), Retention())


def rules(desk: Desk) -> Rules:
    return desk.store.house().rules_for(TYPE)


async def trial(desk: Desk, profile: str = "seals") -> Trial:
    found = trials(desk.store.house(), await desk.store.comparisons(desk.clock.now()))
    return next(one for one in found if one.profile == profile)


async def test_a_profile_comes_out_of_shadow_with_what_it_has_earned_and_no_other_does(desk):
    await desk.set_rules(SHADOW)
    machine = await desk.machine()
    await count(desk, machine, (600, 50, 30), (800, ENOUGH, ENOUGH))
    await count(desk, machine, (990, ENOUGH - 1, ENOUGH - 1), profile="dials")

    promoted = [await chore(desk), await chore(desk)]

    assert promoted == [1, 0]
    assert rules(desk) == Rules(shadows=("dials",), profiles={"seals": 0.8}, target=0.9)
    assert (await trial(desk)).threshold == 0.8


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        ((), "shadow: 0 of 200 comparisons"),
        (((900, 137, 137),), "shadow: 137 of 200 comparisons"),
        (((900, 240, 180),), "shadow: 240 comparisons bear out no threshold"),
    ],
)
async def test_what_is_not_earned_yet_is_told(desk, counts, state):
    await desk.set_rules(SHADOW)
    await count(desk, await desk.machine(), *counts)

    assert await chore(desk) == 0
    assert rules(desk) == SHADOW
    assert str(await trial(desk)) == state


async def test_machines_that_are_switched_off_count_no_more(desk):
    await desk.set_rules(SHADOW)
    machine = await desk.machine()
    await count(desk, machine, (900, ENOUGH, ENOUGH))
    await desk.save_solver(machine, enabled=False)

    assert await chore(desk) == 0
    assert (await trial(desk)).solvers == []


async def test_comparisons_of_long_ago_count_no_more(desk):
    await desk.set_rules(SHADOW)
    await count(desk, await desk.machine(), (900, ENOUGH, ENOUGH))
    desk.clock.pass_by(DAYS * DAY_MS)

    assert await chore(desk) == 0


async def test_what_the_operator_decided_meanwhile_stands(desk):
    await desk.set_rules(SHADOW.naming("seals", NEVER_ENOUGH))

    assert not await desk.store.run(Promote(type=TYPE, profile="seals", threshold=0.5))
    assert rules(desk).threshold("seals") == NEVER_ENOUGH
    assert str(await trial(desk)) == "off"


async def test_a_profile_that_is_put_in_shadow_again_is_in_no_other_list():
    rules = Rules().naming("seals", 0.9).naming("seals", None).naming("seals", None)

    assert (rules.profiles, rules.shadows) == ({}, ("seals",))
    assert rules.naming("seals", 0.8) == Rules(profiles={"seals": 0.8})


async def test_a_live_profile_that_got_worse_is_told_once_it_is_sure(desk):
    await desk.set_rules(Rules(profiles={"seals": 0.8}, target=0.9))
    machine = await desk.machine()
    # What is below the threshold does not matter: people answer that.
    await count(desk, machine, (700, 50, 5), (900, FEW - 1, 10))
    few = str(await trial(desk))
    await count(desk, machine, (900, 81, 77))
    doubtful = str(await trial(desk))
    await count(desk, machine, (900, 20, 5))

    assert (few, doubtful) == ("live", "live")
    assert str(await trial(desk)) == "live, worse than aimed at"
    assert (await trial(desk)).of(machine.id).taken.compared == 120
