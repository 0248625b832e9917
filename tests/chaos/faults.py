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
from typing import Final

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


#: Each with how long it holds, in seconds.
FAULTS: Final[dict[str, tuple[Fault, float]]] = {
    "a node dies": (node_dies, 2),
    "a node stands still": (node_stands_still, 30),
    "the primary dies": (primary_dies, 20),
    "a line is cut": (line_is_cut, 12),
    "callers are cut off": (caller_is_cut, 5),
    "a disk fills": (disk_fills, 10),
    "a clock jumps": (clock_jumps, 5),
}


@dataclass(frozen=True)
class Befallen:
    """A fault that happened: what, to whom, from when to when, and how long it took until all was well again."""

    name: str
    whom: str
    begun: float
    mended: float
    healed: float


def befall(desk: Desk, name: str, dice: random.Random) -> Befallen:
    """Let one fault happen, and wait until all is as it should be."""
    fault, seconds = FAULTS[name]
    begun = time.time()
    with fault(desk, dice) as whom:
        time.sleep(max(0.0, begun + seconds - time.time()))
    mended = time.time()
    desk.replicated.wait_for_both()
    for node in desk.nodes:
        desk.wait_ready(node)
    return Befallen(name, whom, begun, mended, time.time() - mended)
