"""One life of a desk: set up, left to its weather, calmed, judged, and forgotten.
Rule: a seed alone decides all of it; the parts may be handed in broken, to see that it is noticed."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from structlog.testing import capture_logs

from answerdesk.desk.board import Board
from answerdesk.desk.books import OpenAccount, SaveRules, SaveSolver
from answerdesk.desk.chores import Retention, empty, forget, review
from answerdesk.model.account import DAY_MS, Account, AccountId, digest
from answerdesk.model.judge import Rules
from answerdesk.model.money import Micros
from answerdesk.model.solver import Solver, SolverId
from answerdesk.store.sqlite import SqliteStore
from tests.simulation.audit import Audit
from tests.simulation.checks import check, marks_in, rows_left
from tests.simulation.customers import Customer
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import Network
from tests.simulation.node import Node
from tests.simulation.office import Office
from tests.simulation.store import Disk, same
from tests.simulation.workers import Worker
from tests.simulation.world import HOUR, World

#: Where files cost least.
SHELF = "/dev/shm" if Path("/dev/shm").is_dir() else None
CREDIT = Micros(12_000)


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a desk is made of where it is not as it should be."""

    #: What becomes of a statement, of the store and of the board.
    rewrite: Callable[[str], str] = same
    store: type[SqliteStore] = SqliteStore
    board: type[Board] = Board
    #: Every how manieth commit is lost that was told to be done, 0 for none.
    loses: int = 0


WHOLE = Parts()


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a seed."""

    seed: int
    breaches: list[str]
    #: Calls made, commits durable, and lines of history.
    calls: int
    commits: int
    seconds: float
    digest: str
    history: list[str]


def run(seed: int, parts: Parts = WHOLE) -> Outcome:
    """Live a seed's life to its end."""
    folder = Path(tempfile.mkdtemp(prefix="desk-", dir=SHELF))
    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner, capture_logs():
            loop = runner.get_loop()
            assert isinstance(loop, VirtualLoop)
            life = Life(seed, loop, folder, parts)
            runner.run(life.live())
            return life.outcome()
    finally:
        shutil.rmtree(folder)


class Life:
    """A desk and those who use it."""

    def __init__(self, seed: int, loop: VirtualLoop, folder: Path, parts: Parts) -> None:
        self.world = World(seed, loop)
        self.disk = Disk(self.world, folder, parts.rewrite, parts.store)
        dice = self.world.dice("disk")
        loop.lag = lambda: self.disk.lag(dice)
        self.audit = Audit(self.world)
        self.disk.watchers.append(self.audit)
        self._loses = parts.loses
        self.node = Node(self.world, self.disk, parts.board)
        self.network = Network(self.world, self.node)
        self.rows = b""
        loop.set_exception_handler(self._crashed)

    def _crashed(self, _: Any, context: dict[str, Any]) -> None:
        self.world.breach("crash", f"{context.get('message')}: {context.get('exception')!r}")

    async def live(self) -> None:
        """Live, and note what nobody caught."""
        try:
            await self._live()
        except Exception as error:  # noqa: BLE001 - a life that cannot be ended has broken a rule
            self.world.breach("crash", repr(error))

    async def _live(self) -> None:
        await self.node.start()
        await self._set_up()
        if self._loses:
            losing = self.world.dice("losing")
            self.disk.loses = lambda: losing.random() < 1 / self._loses
        self.world.calm = False
        fate = asyncio.ensure_future(self._fate())
        office = asyncio.ensure_future(Office(self.world, self.disk, self.solvers).live())
        working = [asyncio.ensure_future(worker.live()) for worker in self.workers]
        await asyncio.gather(*(customer.live() for customer in self.customers))
        for worker in self.workers:
            worker.over = True
        await asyncio.gather(fate, office, *working)
        self.world.calm = True
        self.disk.loses = lambda: False
        await self.network.quiet()
        await self._judge()
        await self._forget()

    async def _set_up(self) -> None:
        weather, store = self.world.weather, self.node.store
        rules = Rules(agree=weather.agree, watched=0.7)
        await store.run(SaveRules(type="ImageToTextTask", rules=rules))
        await store.run(SaveRules(type="TextCaptchaTask", rules=rules))
        known: dict[int, list[int]] = {}
        self.customers, self.workers, self.solvers = [], [], []
        for number in range(1, weather.accounts + 1):
            secret = self.world.secret()
            account = Account(id=AccountId(number), name=f"account {number}", weight=number)
            await store.run(OpenAccount(account=account, key=(digest(secret), secret[-4:]), credit=CREDIT))
            known[number] = []
            self.customers.append(Customer(self.world, self.network, number, secret, known))
        for number in range(1, weather.people + weather.machines + 1):
            machine, token = number > weather.people, self.world.secret()
            solver = Solver(id=SolverId(number), name=f"solver {number}", machine=machine)
            self.solvers.append(await store.run(SaveSolver(solver=solver, token=digest(token))))
            self.workers.append(Worker(self.world, self.network, number, token, machine=machine))

    async def _fate(self) -> None:
        """Kill the server and set its clock, when the seed says so."""
        dice, weather = self.world.dice("fate"), self.world.weather
        blows = ["kill"] * weather.kills + ["jump"] * weather.jumps
        dice.shuffle(blows)
        for blow in blows:
            await asyncio.sleep(dice.random() * weather.seconds / 2)
            if blow == "kill":
                self.world.note("fate", "the server is killed")
                self.node.kill()
                await asyncio.sleep(dice.random() * 6)
                await self.node.start()
                self.world.note("fate", "the server is up again")
            else:
                self.world.offset += dice.choice([-1, 1]) * dice.choice([0.5, 20.0, 90.0, HOUR])
                self.world.note("fate", f"the clock is off by {self.world.offset}")

    async def _judge(self) -> None:
        """Read once more what was acknowledged, from this server and from one that remembers nothing; then judge."""
        if self.world.weather.results_ms < DAY_MS:
            await self._read_all("last")
        self.node.kill()
        await self.node.start()
        await self._read_all("very last")
        with closing(sqlite3.connect(self.disk.path)) as database:
            check(self.world, database, self.audit.gone)
            self.rows = _dump(database)

    async def _read_all(self, when: str) -> None:
        for customer in self.customers:
            dice = self.world.dice(f"{customer.name}/{when}")
            for task in dict.fromkeys(customer.known[customer.account]):
                await customer.ask(dice, "GET", f"/v1/tasks/{task}")

    async def _forget(self) -> None:
        """Let every task end, then every task's time be past: nothing of them may be left anywhere."""
        weather, node = self.world.weather, self.node
        # Past whatever was promised by the furthest that the clock ever was ahead.
        self.world.offset += (self.world.latest - self.world.now()) / 1000 + 2 * HOUR
        await review(node.store, self.world.now(), Retention())
        for account in self.customers:
            purse = await node.store.purse(AccountId(account.account))
            if purse is None or purse.held or purse.open_tasks:
                self.world.breach("I2", f"past every deadline {purse}")
        retention = Retention(results_ms=weather.results_ms, media_ms=weather.media_ms)
        self.world.offset += 25 * HOUR
        await empty(node.store, self.world.now(), retention)
        await forget(node.store, self.world.now(), retention)
        for customer in self.customers:
            dice = self.world.dice(f"{customer.name}/gone")
            for task in customer.known[customer.account][:3]:
                reply = await customer.ask(dice, "GET", f"/v1/tasks/{task}")
                if reply is None or reply.status not in {403, 404}:
                    self.world.breach("I8", f"task {task} was forgotten and still reads {reply}")
        await node.stop()
        with closing(sqlite3.connect(self.disk.path)) as database:
            for left in rows_left(database):
                self.world.breach("I8", left)
        for path in sorted(self.disk.path.parent.iterdir()):
            if marks := marks_in(path.read_bytes()):
                self.world.breach("I8", f"{path.suffix} still holds {sorted(marks)}")

    def outcome(self) -> Outcome:
        return Outcome(
            seed=self.world.seed,
            breaches=self.world.breaches,
            calls=self.network.calls,
            commits=self.audit.commits,
            seconds=self.world.loop.time(),
            digest=self.world.digest(self.rows),
            history=[event.line() for event in self.world.history],
        )


def _dump(database: sqlite3.Connection) -> bytes:
    tables = ("tasks", "contents", "leases", "entries", "replays", "wages", "standings", "lines", "flows", "prices")
    rows = [database.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall() for table in tables]
    return repr(rows).encode()
