"""A desk of two API nodes and two solver hosts over a replicated PostgreSQL, with customers on a host of their own.
Rule: every part is started as an operator starts it, by the command line; a part that died is started again as it was.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.chaos.checker import Stored, contradictions, history_of
from tests.chaos.network import SUBNET, Host, Network
from tests.chaos.replicated import PASSWORD, Replicated

_ROOT: Final = Path(__file__).parents[2]
_PORT: Final = 8080
_SOLVERS: Final = 6
_CUSTOMERS: Final = 6
#: How long the desk may take to be quiet again after the last fault: the longest deadline, and a failover.
_QUIET_SECONDS: Final = 120.0


class Desk:
    """All hosts of it, and who is calling."""

    def __init__(self, network: Network, seed: int) -> None:
        """Start everything and wait until both nodes are ready."""
        self.seed = seed
        self.replicated = Replicated(network)
        self.nodes = [network.host("node1"), network.host("node2")]
        self.callers = [network.host("work1"), network.host("work2"), network.host("shop")]
        self.replicated.make_database(self.replicated.wait_for_both())
        self._commands = network.host("office")
        # A node listens for other machines once its owner has a password.
        self._cli("people", "password", "owner", said=f"{PASSWORD}\n")
        for node in self.nodes:
            self.start_node(node)
        for node in self.nodes:
            self.wait_ready(node)

    def _environment(self, host: Host) -> dict[str, str]:
        return {
            "ANSWERDESK_DATABASE": self.replicated.url, "ANSWERDESK_DATA": str(host.folder / "data"),
            "ANSWERDESK_HOST": host.address, "ANSWERDESK_PORT": str(_PORT), "ANSWERDESK_SOLVER": "none",
            "ANSWERDESK_BEHIND_PROXY": SUBNET, "ANSWERDESK_POLL_LIMIT": "0", "ANSWERDESK_DEADLINE": "45",
            "PYTHONPATH": str(_ROOT),
        }  # fmt: skip

    def _cli(self, *arguments: str, said: str | None = None) -> Any:
        argv = (
            "ip", "netns", "exec", self._commands.space, "env",
            *(f"{name}={value}" for name, value in self._environment(self._commands).items()),
            sys.executable, "-m", "answerdesk.cli", *arguments, "--json",
        )  # fmt: skip
        done = subprocess.run(argv, input=said, capture_output=True, text=True, timeout=60, check=False)

        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def start_node(self, node: Host) -> None:
        """Start an API node as it was; its time of day is its host's."""
        node.start((sys.executable, "-m", "answerdesk.cli", "serve"), clock=True, env=self._environment(node))

    def ready(self, node: Host) -> bool:
        """Ask a node whether it takes calls."""
        try:
            self.callers[-1].ask("curl", "-sf", "-m", "2", f"http://{node.address}:{_PORT}/readyz")
        except subprocess.SubprocessError:
            return False
        return True

    def wait_ready(self, node: Host, seconds: float = 60) -> None:
        """Wait until a node takes calls."""
        self._wait(lambda: self.ready(node), f"{node.name} is ready", seconds)

    def _wait(self, holds: Callable[[], bool], what: str, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > until:
                said = "\n".join(f"--- {node.name}\n{node.log()[-3000:]}" for node in self.nodes)
                msg = f"not within {seconds:.0f} s: {what}\n{said}"
                raise AssertionError(msg)
            time.sleep(0.1)

    def begin(self) -> None:
        """Let customers and solvers call, on and on, each node by chance."""
        addresses = [f"http://{node.address}:{_PORT}" for node in self.nodes]
        keys = [self._cli("accounts", "add", f"customer {i}", "--balance", "1000")["key"] for i in range(_CUSTOMERS)]
        tokens = [self._cli("workers", "add", f"solver {i}", "--kinds", "text")["token"] for i in range(_SOLVERS)]
        parts = [("customer", self.callers[-1], key) for key in keys]
        parts += [("solver", self.callers[i % 2], token) for i, token in enumerate(tokens)]
        for i, (role, host, secret) in enumerate(parts):
            history = str(host.folder / f"{role}-{i}.jsonl")
            argv = (sys.executable, "-m", "tests.chaos.calls", role, history, secret, str(self.seed + i), *addresses)
            host.start(argv, env={"PYTHONPATH": str(_ROOT)})

    def end(self, blind: list[tuple[float, float]]) -> tuple[list[dict[str, Any]], list[str]]:
        """Stop those who call, wait until every task has its end; gives the history and what contradicts it.

        `blind` is from when to when a node may not have seen the database.
        """
        for host in self.callers:
            host.kill()
        self._wait(self._is_quiet, "every task has its end", _QUIET_SECONDS)
        history = history_of(path for host in self.callers for path in host.folder.glob("*.jsonl"))
        return history, contradictions(history, self._stored(), blind)

    def _is_quiet(self) -> bool:
        try:
            return all(state for _, state, _ in self._stored().tasks.values())
        except (subprocess.SubprocessError, OSError):
            return False

    def _stored(self) -> Stored:
        return Stored(lambda select: self._commands.ask("psql", self.replicated.url, "-AtqXc", select, timeout=30))
