"""A real server in a process of its own, the operator's hand on its data folder, and HTTP by exact bytes.
Rule: settings go in through the environment, writes through the desk's own verbs; nothing is reached around."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import io
import itertools
import json
import os
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

from msgspec import structs
from PIL import Image

from answerdesk.desk.books import AddKey, ChangeAccount, OpenAccount, RevokeKey, SaveSolver, TopUp
from answerdesk.desk.orders import End
from answerdesk.desk.ports import Listing
from answerdesk.desk.store import DeskStore
from answerdesk.model.account import Account, AccountId, Key, Millis, Standing, digest
from answerdesk.model.database import DatabaseUrl
from answerdesk.model.money import Micros, parse
from answerdesk.model.question import Kind
from answerdesk.model.solver import Solver, SolverId
from answerdesk.model.task import Cause, State
from answerdesk.store.folder import open_desk

T = TypeVar("T")

PATIENCE = 30.0
_URL = re.compile(rb"https?://[^\s'\"]+:(\d+)")
#: Far above what the desks themselves draw.
_numbers = itertools.count(2**40)


def wait_until(true: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Look again and again until something holds; gives what it gave."""
    end = time.monotonic() + patience
    while not (found := true()):
        if time.monotonic() > end:
            msg = f"{what}: not so after {patience:.0f} s"
            raise TimeoutError(msg)
        time.sleep(0.01)
    return found


class Reply(NamedTuple):
    """A whole HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def awaited(act: Coroutine[Any, Any, T]) -> T:
    """Run to the end beside whatever loop runs here: the browser's driver keeps one going in its tests' thread."""
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(asyncio.run, act).result()


def picture(seed: int = 0, size: tuple[int, int] = (60, 20), form: str = "PNG") -> bytes:
    """A picture that differs by its seed and is long enough to be taken."""
    noise = Image.frombytes("L", size, bytes((seed * 37 + i * 11) % 251 for i in range(size[0] * size[1])))
    file = io.BytesIO()
    noise.save(file, form)
    return file.getvalue()


def image_task(data: bytes | None = None, **fields: Any) -> dict[str, Any]:
    """A task that asks for the text in a picture."""
    body = base64.b64encode(picture() if data is None else data).decode()
    return {"type": "ImageToTextTask", "body": body, **fields}


class Http:
    """One-request connections to a port of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port

    def request(
        self, verb: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None,
        timeout: float = PATIENCE,
    ) -> Reply:  # fmt: skip
        """Send one request and read the whole reply."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as line:
            line.request(verb, path, body, dict(headers or {}))
            reply = line.getresponse()
            return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())

    def post(self, path: str, body: bytes | Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
        return self.request("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self.request("GET", path, None, headers)

    def raw(self) -> socket.socket:
        """A bare connection, for what no client library would send."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def exchange(self, sent: bytes) -> bytes:
        """Send bytes and give everything that came until the server closed."""
        with self.raw() as line:
            with contextlib.suppress(ConnectionError):
                line.sendall(sent)
            return read_all(line)


def read_all(line: socket.socket) -> bytes:
    """Read until the other end closes, politely or not."""
    came = bytearray()
    with contextlib.suppress(ConnectionError):
        while piece := line.recv(65_536):
            came += piece
    return bytes(came)


def read_reply(line: socket.socket) -> Reply:
    """Read exactly one response off a connection that stays open."""
    reply = http.client.HTTPResponse(line)
    reply.begin()
    return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())


class Customer:
    """An account with one key, and its calls."""

    def __init__(self, serving: Serving, account: Account, key: str) -> None:
        self._serving = serving
        self.account = account
        self.key = key
        #: Sent with every call.
        self.headers: dict[str, str] = {}

    def call(self, method: str, headers: Mapping[str, str] | None = None, **fields: Any) -> Reply:
        body = {"clientKey": self.key, **fields}
        return self._serving.http.post(f"/{method}", body, {**self.headers, **(headers or {})})

    def create(self, task: Any = None, headers: Mapping[str, str] | None = None, **fields: Any) -> Reply:
        return self.call("createTask", headers, task=image_task() if task is None else task, **fields)

    def ask(self, **fields: Any) -> int:
        """Create a task that must be accepted; gives its id."""
        reply = self.create(image_task(**fields)).json

        assert reply.get("errorId") == 0, reply
        return int(reply["taskId"])

    def poll(self, task: Any, wait: float | None = None) -> Reply:
        """Ask for a result; `wait` seconds at most, None for as long as the server holds."""
        return self.call("getTaskResult", {} if wait is None else {"Prefer": f"wait={wait:.0f}"}, taskId=task)

    def balance(self) -> float:
        return float(self.call("getBalance").json["balance"])

    def change(self, **settings: Any) -> None:
        """Change this account's settings, and return once the server knows."""
        self._serving.change(self.account.id, **settings)


class Worker:
    """A solver with its token, and its calls."""

    def __init__(self, serving: Serving, solver: Solver, token: str) -> None:
        self._serving = serving
        self.solver = solver
        self.headers = {"Authorization": f"Bearer {token}"}

    def call(self, verb: str, **fields: Any) -> Reply:
        return self._serving.http.post(f"/api/work/{verb}", fields, self.headers)

    def claim(self, most: int = 1, wait: float = 0, kinds: tuple[str, ...] = ("text",)) -> list[dict[str, Any]]:
        leases: list[dict[str, Any]] = self.call("claim", kinds=kinds, max=most, wait=wait).json["leases"]
        return leases

    def take(self) -> dict[str, Any]:
        """Claim one task that must be there."""
        leases = self.claim(wait=5)

        assert len(leases) == 1
        return leases[0]

    def answer(self, lease: Mapping[str, Any], value: object, **fields: Any) -> Reply:
        return self.call("answer", lease=lease["lease"], value=value, **fields)

    def decline(self, lease: Mapping[str, Any], reason: str = "unreadable", **fields: Any) -> Reply:
        return self.call("decline", lease=lease["lease"], reason=reason, **fields)

    def media(self, url: str) -> Reply:
        return self._serving.http.get(url, self.headers)


class Serving:
    """One running server over a data folder."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        """Start it; settings as in the settings table, with `solver` none unless said otherwise."""
        self.data = folder / "data"
        self._database = DatabaseUrl(settings["database"]) if "database" in settings else None
        self._workers: list[Solver] = []
        self.customers: list[Customer] = []
        self.log = folder / "serve.log"
        chosen = {"solver": "none", "port": 0, "data": self.data, **settings}
        self._environ = {name: value for name, value in os.environ.items() if not name.startswith("ANSWERDESK_")}
        self._environ |= {f"ANSWERDESK_{name.upper()}": str(value) for name, value in chosen.items()}
        self.start()

    def start(self) -> None:
        """Start the process and wait for its address."""
        with self.log.open("ab") as log:
            begins = log.tell()
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environ
            )
        try:
            self.http = Http(int(wait_until(lambda: self._address(begins), "the server tells its address")))
        except BaseException:
            # One that came too late is not left running behind the test that gave up on it.
            self.process.kill()
            self.process.wait()
            raise

    def command(self) -> list[str]:
        return [sys.executable, "-m", "answerdesk.cli", "serve"]

    def _address(self, begins: int) -> bytes | None:
        written = self.log.read_bytes()[begins:]
        if self.process.poll() is not None:
            msg = f"the server ended with {self.process.returncode}: {written.decode()[-2000:]}"
            raise RuntimeError(msg)
        found = _URL.search(written)
        return found[1] if found else None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.port}"

    @property
    def first_key(self) -> str:
        return (self.data / "first.key").read_text().strip()

    def cli(self, *arguments: str) -> Any:
        """Run a verb on this desk as a script does; gives the JSON it prints."""
        command = [sys.executable, "-m", "answerdesk.cli", *arguments, "--data", str(self.data), "--json"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=self._environ, check=False)

        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    @contextlib.contextmanager
    def store(self) -> Iterator[DeskStore]:
        """The desk as another process sees it, as the command line does."""
        store = open_desk(self.data, self._database)
        try:
            yield store
        finally:
            awaited(store.aclose())

    def do(self, *verbs: Any) -> None:
        """Run the desk's own verbs from this process."""

        async def run() -> None:
            async with contextlib.aclosing(open_desk(self.data, self._database)) as store:
                await asyncio.gather(*map(store.run, verbs))

        awaited(run())

    def customer(self, balance: str = "1", **settings: Any) -> Customer:
        """Open an account with a key of its own."""
        number = AccountId(next(_numbers))
        account = Account(id=number, name=f"customer {number}", **settings)
        key = secrets.token_hex(16)
        self.do(
            OpenAccount(account=account),
            AddKey(account=number, digest=digest(key), tail=key[-4:]),
            TopUp(account=number, amount=parse(balance)),
        )
        self.customers.append(Customer(self, account, key))
        return self.customers[-1]

    def worker(self, *, machine: bool = False, **grants: Any) -> Worker:
        """Enrol a solver with a token of its own, granted text unless said otherwise."""
        token = secrets.token_hex(16)
        number = SolverId(next(_numbers))
        solver = Solver(
            id=number, name=f"solver {number}", machine=machine, **{"kinds": frozenset({Kind.TEXT})} | grants
        )
        self.do(SaveSolver(solver=solver, token=digest(token)))
        self._workers.append(solver)
        return Worker(self, solver, token)

    def tidy(self) -> None:
        """Cancel what is open and switch every worker off, so that the next test finds an idle desk."""
        with self.store() as store:
            left = awaited(store.tasks(Listing(state=State.OPEN, most=10_000)))
        off = [SaveSolver(solver=structs.replace(worker, enabled=False)) for worker in self._workers]
        self._workers.clear()
        self.do(*off, *(End(n=task.n, cause=Cause.CANCELLED) for task in left))

    def change(self, account: AccountId, **settings: Any) -> None:
        """Change settings and return once the running server has noticed."""
        self.do(ChangeAccount(account=account, settings=settings))
        self.notice()

    def revoke(self, key: str, account: AccountId) -> None:
        self.do(RevokeKey(key=Key(digest=digest(key), account=account, tail=key[-4:], created=Millis(0))))
        self.notice()

    def retire(self, worker: Worker) -> None:
        """Switch a worker off and return once the running server has noticed."""
        self.do(SaveSolver(solver=structs.replace(worker.solver, enabled=False)))
        self.notice()

    def notice(self) -> None:
        """Wait until the server has taken in what was written before."""
        probe = self.customer()
        assert probe.call("getBalance").json["errorId"] == 0
        self.do(ChangeAccount(account=probe.account.id, settings={"standing": Standing.SUSPENDED}))
        wait_until(lambda: probe.call("getBalance").json["errorId"], "the server notices a change")

    def balance_of(self, account: AccountId) -> tuple[Micros, Micros]:
        """What an account has and what is set aside, as stored."""
        with self.store() as store:
            purse = awaited(store.purse(account))

        assert purse is not None
        return purse.balance, purse.held

    def earned(self, solver: SolverId) -> Micros:
        """What the ledger says a solver has earned."""
        with contextlib.closing(sqlite3.connect(self.data / "answerdesk.db")) as database:
            select = "SELECT coalesce(sum(amount), 0) FROM entries WHERE move = 'pay' AND solver = ?"
            return Micros(database.execute(select, (solver,)).fetchone()[0])

    def books_are_right(self) -> bool:
        """Whether the stored balances are what the ledger adds up to."""
        with self.store() as store:
            return not awaited(store.sums()).drifting

    def logged(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self) -> int:
        """Ask it to stop; gives its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return int(self.process.returncode)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@contextlib.contextmanager
def serving(folder: Path, **settings: Any) -> Iterator[Serving]:
    """Run a server for the length of a with-block."""
    with Serving(folder, **settings) as server:
        yield server
