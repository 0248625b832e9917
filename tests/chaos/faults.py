"""What befalls the desk: each fault by name, as something that begins, holds for a while and is mended.
Rule: one fault at a time; after it everything must be as it should, by itself.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, NamedTuple

from tests.chaos.desk import Desk

Fault = Callable[[Desk, random.Random], AbstractContextManager[str]]

_HOUR: Final = 3600.0


@contextlib.contextmanager
def node_dies(desk: Desk, dice: random.Random) -> Iterator[str]:
    """Lose an API node at once; it is started again."""
    node = dice.choice(desk.nodes)
    node.kill()
    yield node.name
    desk.start_node(node)


@contextlib.contextmanager
def node_stands_still(desk: Desk, dice: random.Random) -> Iterator[str]:
    """Let an API node miss half a minute."""
    node = dice.choice(desk.nodes)
    with node.frozen():
        yield node.name


@contextlib.contextmanager
def primary_dies(desk: Desk, dice: random.Random) -> Iterator[str]:
    """Lose the host that leads; it comes back as a standby."""
    del dice
    leader = desk.replicated.leader() or desk.replicated.members[0]
    leader.kill()
    yield leader.name
    desk.replicated.start_member(leader)


@contextlib.contextmanager
def line_is_cut(desk: Desk, dice: random.Random) -> Iterator[str]:
    """Lose every packet between two hosts of the desk."""
    hosts = [*desk.nodes, *desk.replicated.members, desk.replicated.etcd]
    one, other = dice.sample(hosts, 2)
    with one.cut_from(other):
        yield f"{one.name} and {other.name}"


@contextlib.contextmanager
def caller_is_cut(desk: Desk, dice: random.Random) -> Iterator[str]:
    """Lose every packet between those who call and a node."""
    one, other = dice.choice(desk.callers), dice.choice(desk.nodes)
    with one.cut_from(other):
        yield f"{one.name} and {other.name}"


@contextlib.contextmanager
def disk_fills(desk: Desk, dice: random.Random) -> Iterator[str]:
    """Leave not a byte on the disk of a PostgreSQL host."""
    member = dice.choice(desk.replicated.members)
    with member.full_disk():
        yield member.name


@contextlib.contextmanager
def clock_jumps(desk: Desk, dice: random.Random) -> Iterator[str]:
    """Set a node's time of day an hour on or back."""
    node, by = dice.choice(desk.nodes), dice.choice((_HOUR, -_HOUR))
    node.set_clock(by)
    yield f"{node.name} by {by:+.0f} s"
    node.set_clock(0)


class Row(NamedTuple):
    """A kind of fault."""

    fault: Fault
    #: How long it holds, in seconds.
    seconds: float
    #: Whether a node may lose sight of the database: it then says of any task that it is under way (PROTOCOL §5.3).
    blinds: bool


FAULTS: Final[dict[str, Row]] = {
    "a node dies": Row(node_dies, 2, blinds=False),
    "a node stands still": Row(node_stands_still, 30, blinds=True),
    "the primary dies": Row(primary_dies, 20, blinds=True),
    "a line is cut": Row(line_is_cut, 12, blinds=True),
    "callers are cut off": Row(caller_is_cut, 5, blinds=False),
    "a disk fills": Row(disk_fills, 10, blinds=True),
    "a clock jumps": Row(clock_jumps, 5, blinds=False),
}


@dataclass(frozen=True)
class Befallen:
    """A fault that happened: what, to whom, from when to when, and how long it took until all was well again."""

    name: str
    whom: str
    begun: float
    mended: float
    healed: float

    @property
    def blind(self) -> tuple[float, float] | None:
        """From when to when a node may not have seen the database."""
        return (self.begun, self.mended + self.healed) if FAULTS[self.name].blinds else None


def befall(desk: Desk, name: str, dice: random.Random) -> Befallen:
    """Let one fault happen, and wait until all is as it should be."""
    row = FAULTS[name]
    begun = time.time()
    with row.fault(desk, dice) as whom:
        time.sleep(max(0.0, begun + row.seconds - time.time()))
    mended = time.time()
    desk.replicated.wait_for_both()
    for node in desk.nodes:
        desk.wait_ready(node)
    return Befallen(name, whom, begun, mended, time.time() - mended)
