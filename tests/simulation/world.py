"""Where a simulated desk lives: what its seed decides, the time, and the history of what everybody was told.
Rule: all that is random comes from dice named after who throws them, so one actor's throws never shift another's."""

from __future__ import annotations

import hashlib
import random

import msgspec

from answerdesk.model.account import Millis
from tests.fakes import MORNING
from tests.simulation.loop import VirtualLoop

HOUR = 3_600.0


class Weather(msgspec.Struct, frozen=True, kw_only=True):
    """What a seed makes of a life: who there is, and what goes wrong how often."""

    accounts: int
    people: int
    machines: int
    #: How many people must say the same.
    agree: int
    #: Orders of each account, and how many seconds go by until the last of them is sent.
    orders: int
    seconds: float
    deadline_ms: int
    results_ms: int
    media_ms: int
    #: Seconds a message takes on average; how many are lost, or come twice.
    lag: float
    lost: float
    twice: float
    #: Seconds a commit takes on average; how many are refused, fail, or are done although they seem to fail.
    disk: float
    refused: float
    failed: float
    unknown: float
    kills: int
    jumps: int
    #: Seconds between rounds of each chore.
    chores: float


def weather_of(seed: int) -> Weather:
    dice = random.Random(f"{seed}/weather")
    rough = dice.random() < 0.75
    forgetful = dice.random() < 0.3
    return Weather(
        accounts=dice.choice([1, 2, 2, 3]),
        people=dice.choice([0, 1, 2, 2, 3]),
        machines=dice.choice([1, 1, 2]),
        agree=dice.choice([1, 1, 1, 2]),
        orders=dice.randint(1, 5),
        seconds=dice.choice([2.0, 10.0, 40.0]),
        deadline_ms=dice.choice([20_000, 60_000, 300_000]),
        results_ms=dice.choice([1_000, 5_000, 30_000]) if forgetful else 86_400_000,
        media_ms=dice.choice([5_000, 30_000, 86_400_000]),
        lag=dice.choice([0.002, 0.02, 0.3]),
        lost=dice.choice([0.0, 0.02, 0.1]) if rough else 0.0,
        twice=dice.choice([0.0, 0.05, 0.15]) if rough else 0.0,
        disk=dice.choice([0.001, 0.01, 0.1, 0.3]),
        refused=dice.choice([0.0, 0.0, 0.02, 0.08]) if rough else 0.0,
        failed=dice.choice([0.0, 0.0, 0.03, 0.08]) if rough else 0.0,
        unknown=dice.choice([0.0, 0.0, 0.03, 0.08]) if rough else 0.0,
        kills=dice.choice([0, 0, 1, 2, 4]) if rough else 0,
        jumps=dice.choice([0, 0, 1, 3]) if rough else 0,
        chores=dice.choice([2.0, 6.0, 20.0]),
    )


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One call as its caller saw it, or one thing that befell the desk."""

    began: float
    ended: float
    who: str
    what: str
    #: Sent as Idempotency-Key.
    key: str = ""
    asked: bytes = b""
    #: None where no reply was heard: whatever was asked may have been done.
    status: int | None = None
    heard: bytes = b""

    def line(self) -> str:
        asked = f" {self.asked[:160].decode('latin-1')}" if self.asked else ""
        asked += f" ({self.key})" if self.key else ""
        reply = "no reply" if self.status is None else f"{self.status} {self.heard[:240].decode('latin-1')}"
        return f"{self.began:9.3f} {self.ended:9.3f} {self.who:12} {self.what}{asked} -> {reply}"


class World:
    """One seed's time, dice, names and history."""

    def __init__(self, seed: int, loop: VirtualLoop) -> None:
        self.seed = seed
        self.loop = loop
        self.weather = weather_of(seed)
        self.history: list[Event] = []
        #: What was seen to break a rule.
        self.breaches: list[str] = []
        #: How far the node's clock is from the world's, in seconds, and the latest it ever told.
        self.offset = 0.0
        self.latest = Millis(0)
        #: Once all that can go wrong has gone wrong.
        self.calm = True
        self._names = self.dice("names")

    def dice(self, name: str) -> random.Random:
        return random.Random(f"{self.seed}/{name}")

    def note(self, who: str, what: str) -> None:
        now = self.loop.time()
        self.history.append(Event(began=now, ended=now, who=who, what=what, status=0))

    def breach(self, rule: str, what: str) -> None:
        self.breaches.append(f"{rule}: {what}")

    def chance(self, dice: random.Random, share: float) -> bool:
        """Throw whether or not it counts, so that the calm shifts nobody's later throws."""
        return dice.random() < share and not self.calm

    # The clock and the names that the desk is handed.

    def now(self) -> Millis:
        now = Millis(int(MORNING + (self.loop.time() + self.offset) * 1000))
        self.latest = max(self.latest, now)
        return now

    def monotonic(self) -> float:
        return self.loop.time()

    def secret(self) -> str:
        return f"{self._names.getrandbits(128):032x}"

    def digest(self, also: bytes) -> str:
        """Tell this history from every other by one word."""
        told = hashlib.sha256(msgspec.msgpack.encode(self.history))
        told.update(msgspec.msgpack.encode(self.breaches))
        told.update(also)
        return told.hexdigest()


def drawn(dice: random.Random, mean: float, seldom: float = 0.0) -> float:
    """A time that is mostly short, and seldom long."""
    return dice.expovariate(1 / mean) * (20 if dice.random() < seldom else 1)
