"""Who is calling: from a key to an account that may call now, from a token to a solver.
Rule: what is remembered here is dropped whenever settings change anywhere, and misses are never remembered."""

from __future__ import annotations

from answerdesk.desk.ports import Heard, Store
from answerdesk.model.account import Account, Millis, Standing, digest
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.limit import is_allowed
from answerdesk.model.solver import Solver

#: More keys than this are not remembered at once; the store finds the others.
MOST_REMEMBERED = 50_000


class Turned(Refusal):
    """A known account that may not call now."""

    def __init__(self, account: Account, fault: Fault, detail: str, seconds: int = 0) -> None:
        """Name the account, whose dialect the refusal is written in."""
        super().__init__(fault, detail, seconds)
        self.account = account


class Entrance:
    """Admits accounts by key and solvers by token."""

    def __init__(self, store: Store) -> None:
        """Listen for changes of settings."""
        self._store = store
        self._accounts: dict[str, Account] = {}
        self._solvers: dict[str, Solver] = {}
        store.listen(self._hear)

    async def admit(self, key: str, ip: str, now: Millis) -> Account:
        """Check key, address and standing in PROTOCOL §2.3's order.

        Raises a Refusal; once the account is known it is a Turned, which names it.
        """
        account = self._accounts.get(key) or await self._find(key)
        self.check(account, ip, now)
        return account

    def known(self, key: str) -> Account | None:
        """Give the account of a key that is remembered; it has still to be checked."""
        return self._accounts.get(key)

    def check(self, account: Account, ip: str, now: Millis) -> None:
        """Refuse a known account that may not call now."""
        if account.allow_ips and not is_allowed(ip, account.allow_ips):
            raise Turned(account, Fault.IP_NOT_ALLOWED, f"the address {ip} is not on this account's allow-list")
        if account.standing is Standing.SUSPENDED:
            raise Turned(account, Fault.ACCOUNT_SUSPENDED, "the operator has suspended this account")
        if account.polls_locked_until > now:
            raise Turned(account, Fault.TOO_MUCH_REQUESTS, *locked_for(account.polls_locked_until - now))

    async def solver(self, token: str) -> Solver | None:
        """Find the enabled solver of a token."""
        solver = self._solvers.get(token)
        if solver is None and token:
            solver = await self._store.solver_by_token(digest(token))
            if solver is not None and len(self._solvers) < MOST_REMEMBERED:
                self._solvers[token] = solver
        return solver

    async def _find(self, key: str) -> Account:
        account = await self._store.account_by_key(digest(key)) if key else None
        if account is None:
            raise Refusal(Fault.KEY_DOES_NOT_EXIST, "clientKey is missing, unknown or revoked; send a key of this desk")
        if len(self._accounts) < MOST_REMEMBERED:
            self._accounts[key] = account
        return account

    def _hear(self, heard: Heard) -> None:
        if heard.settings:
            self._accounts.clear()
            self._solvers.clear()


def locked_for(milliseconds: int) -> tuple[str, int]:
    """Say how long an account stays locked, in a sentence and in seconds."""
    seconds = -(-milliseconds // 1000)
    return f"one unfinished task was polled too often; this account is locked for {seconds} more seconds", seconds
