"""The operator's use cases over accounts, keys, solvers, prices and rules.
Rule: whatever moves money writes the ledger in the same unit; overrides are rows here, never settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from answerdesk.desk.ports import NO_CHANGES, Changes, Needs, Price, Rows
from answerdesk.desk.work import Free
from answerdesk.model.account import OWN, Account, AccountId, Key, Millis, Purse
from answerdesk.model.callback import host_named
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.judge import Rules
from answerdesk.model.limit import network_of
from answerdesk.model.money import NOTHING, Entry, Micros, Move, show
from answerdesk.model.solver import Solver

replace = msgspec.structs.replace

#: Addresses and hosts registered for one account's callbacks.
MOST_HOSTS: Final = 100


class OpenAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Open an account, with its first key and credit in the same unit: a crash leaves all of it or nothing."""

    account: Account
    #: The key's digest and its last characters.
    key: tuple[bytes, str] | None = None
    credit: Micros = NOTHING
    note: str = ""

    @property
    def needs(self) -> Needs:
        """Whoever has its number."""
        return Needs(accounts=(self.account.id,))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Account]:
        """Write settings, purse and key; another account's are never written over."""
        if self.account.id in rows.accounts:
            msg = f"the account number {self.account.id} is taken; open it under a fresh one"
            raise Refusal(Fault.BAD_PARAMETERS, msg)
        _check_settings(self.account)
        opened = replace(self.account, created=now)
        purse = Purse(account=opened.id, balance=self.credit)
        keys = (Key(digest=self.key[0], account=opened.id, tail=self.key[1], created=now),) if self.key else ()
        entry = Entry(move=Move.TOPUP, amount=self.credit, account=opened.id, note=self.note)
        entries = (entry,) if self.credit else ()
        return Changes(accounts=(opened,), purses=(purse,), keys=keys, entries=entries), opened


class ChangeAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Change some of an account's settings, named as the fields of Account."""

    account: AccountId
    settings: dict[str, Any]
    #: Gives what follows from the settings that stand when it is written: others may have changed them meanwhile.
    also: Callable[[Account], dict[str, Any]] | None = None

    @property
    def needs(self) -> Needs:
        """The settings as they stand, and with its purse the flows of its tasks."""
        return Needs(accounts=(self.account,), purses=(self.account,) if "weight" in self.settings else ())

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Account]:
        """Replace what is named and keep the rest; a new weight counts for the tasks that wait as well."""
        del now
        if self.account not in rows.accounts:
            raise _unknown(self.account)
        account = rows.accounts[self.account]
        changed = replace(account, **self.settings, **(self.also(account) if self.also else {}))
        _check_settings(changed)
        flows = (flow for flow in rows.flows.values() if flow.account == changed.id and "weight" in self.settings)
        weighed = tuple(replace(flow, weight=changed.weight) for flow in flows if flow.weight != changed.weight)
        return Changes(accounts=(changed,), flows=weighed), changed


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """Let an account's callbacks go to further addresses, or no longer to some; gives the account as it then stands."""

    account: AccountId
    #: In the customer's own words, each of which names a host.
    add: tuple[str, ...] = ()
    #: None for all of them.
    drop: tuple[str, ...] | None = ()

    @property
    def needs(self) -> Needs:
        """The settings as they stand."""
        return Needs(accounts=(self.account,))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Account]:
        """Keep the order in which they came; refuse more than a list should hold."""
        del now
        if self.account not in rows.accounts:
            raise _unknown(self.account)
        account = rows.accounts[self.account]
        unwritten = self._unwritten(account)
        hosts = self._kept(account.callback_hosts, unwritten)
        pingbacks = self._kept(account.pingbacks, unwritten)
        new = (text for text in self.add if text not in hosts)
        changed = replace(account, callback_hosts=hosts, pingbacks=tuple(dict.fromkeys((*pingbacks, *new))))
        if self.add and len(hosts) + len(changed.pingbacks) > MOST_HOSTS:
            count = len(hosts) + len(pingbacks)
            msg = f"{count} addresses are registered for callbacks; at most {MOST_HOSTS} can be"
            raise Refusal(Fault.BAD_PARAMETERS, msg)
        return (NO_CHANGES if changed == account else Changes(accounts=(changed,))), changed

    def _unwritten(self, account: Account) -> set[str | None]:
        """Give the hosts of dropped addresses that nobody registered so: they strike all of their host."""
        written = {*account.callback_hosts, *account.pingbacks}
        return {host_named(text) for text in self.drop or () if text not in written}

    def _kept(self, registered: tuple[str, ...], unwritten: set[str | None]) -> tuple[str, ...]:
        drop = self.drop
        if drop is None:
            return ()
        return tuple(text for text in registered if text not in drop and host_named(text) not in unwritten)


class AddKey(msgspec.Struct, frozen=True, kw_only=True):
    """Give an account one more key, by its digest."""

    account: AccountId
    digest: bytes
    tail: str

    @property
    def needs(self) -> Needs:
        """Nothing."""
        return Needs()

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Key]:
        """Write it; nobody is to ask in the desk's own name."""
        del rows
        if self.account == OWN:
            msg = "the desk's own account takes no keys; name a customer's account"
            raise Refusal(Fault.BAD_PARAMETERS, msg)
        key = Key(digest=self.digest, account=self.account, tail=self.tail, created=now)
        return Changes(keys=(key,)), key


class RevokeKey(msgspec.Struct, frozen=True, kw_only=True):
    """End a key; calls with it are refused from then on."""

    key: Key

    @property
    def needs(self) -> Needs:
        """Nothing."""
        return Needs()

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Key]:
        """Keep the time of the first revocation."""
        del rows
        revoked = replace(self.key, revoked=self.key.revoked or now)
        return Changes(keys=(revoked,)), revoked


class TopUp(msgspec.Struct, frozen=True, kw_only=True):
    """Credit an account, or with a negative amount debit it; gives the purse as it then stands."""

    account: AccountId
    amount: Micros
    note: str = ""

    @property
    def needs(self) -> Needs:
        """The purse."""
        return Needs(purses=(self.account,))

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Purse]:
        """Refuse a debit below zero."""
        del now
        if self.account not in rows.purses:
            raise _unknown(self.account)
        purse = rows.purses[self.account]
        if purse.balance + self.amount < 0:
            msg = f"the balance is {show(purse.balance)}; at most that can be taken"
            raise Refusal(Fault.ZERO_BALANCE, msg)
        purse = replace(purse, balance=Micros(purse.balance + self.amount))
        entry = Entry(move=Move.TOPUP, amount=self.amount, account=self.account, note=self.note)
        return Changes(purses=(purse,), entries=(entry,)), purse


class SaveSolver(msgspec.Struct, frozen=True, kw_only=True):
    """Enrol a solver with its token's digest, or change its grants."""

    solver: Solver
    token: bytes | None = None

    @property
    def needs(self) -> Needs:
        """Its live leases, which a solver that is switched off loses."""
        return Needs() if self.solver.enabled else self._freed.needs

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Solver]:
        """Write it."""
        solver = replace(self.solver, created=self.solver.created or now)
        freed = NO_CHANGES if solver.enabled else self._freed.decide(rows, now)[0]
        return replace(freed, solvers=(solver,), tokens=((solver.id, self.token),) if self.token else ()), solver

    @property
    def _freed(self) -> Free:
        return Free(solvers=(self.solver.id,))


class SavePrice(msgspec.Struct, frozen=True, kw_only=True):
    """Override a type's price and pay, for one account or all."""

    price: Price

    @property
    def needs(self) -> Needs:
        """Nothing."""
        return Needs()

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Price]:
        """Write it."""
        del rows, now
        return Changes(prices=(self.price,)), self.price


class SaveRules(msgspec.Struct, frozen=True, kw_only=True):
    """Set the operator's rules for a type."""

    type: str
    rules: Rules

    @property
    def needs(self) -> Needs:
        """Nothing."""
        return Needs()

    def decide(self, rows: Rows, now: Millis) -> tuple[Changes, Rules]:
        """Write them."""
        del rows, now
        return Changes(rules=((self.type, self.rules),)), self.rules


def _check_settings(account: Account) -> None:
    """Refuse an allow-list that would let nobody in, or somebody else, and a sandbox that would be everybody's."""
    if account.sandbox and not account.group:
        msg = "a sandbox account needs a group, whose workers alone have its tasks; give it one, or end its sandbox"
        raise Refusal(Fault.BAD_PARAMETERS, msg)
    wrong = next((text for text in account.allow_ips if network_of(text) is None), None)
    if wrong is not None:
        msg = f"allow_ips: {wrong!r} is not an address or a network, such as 192.0.2.7 or 10.0.0.0/8"
        raise Refusal(Fault.BAD_PARAMETERS, msg)


def _unknown(account: AccountId) -> Refusal:
    return Refusal(Fault.BAD_PARAMETERS, f"no account has the number {account}")
