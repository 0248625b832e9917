"""The verbs `prices` and `rules`: on what terms each task type is served.
Rule: what the operator set stands in the store; the catalogue's terms hold where nothing was set."""

from __future__ import annotations

from typing import Any, Final

import click
import msgspec

from answerdesk.cli import options, out
from answerdesk.cli.ends import Misused
from answerdesk.cli.home import Home, of_home
from answerdesk.cli.opened import find_account, with_desk
from answerdesk.desk.books import SavePrice, SaveRules
from answerdesk.desk.ports import House, Price
from answerdesk.desk.store import DeskStore
from answerdesk.desk.trials import Trial, trials
from answerdesk.model.account import AccountId
from answerdesk.model.catalog import CATALOG
from answerdesk.model.judge import NEVER_ENOUGH, Rules, Unattended
from answerdesk.model.money import Micros
from answerdesk.model.solver import Solver, SolverId
from answerdesk.store.folder import Wall

_ALL = AccountId(0)

_account_option = click.option("--account", help="The account they are for, by name or id. Default: all.")


@click.group(cls=options.ListFirst)
def prices() -> None:
    """An account's own price comes before the desk's, which comes before the catalogue's. `list` may be left out."""


@prices.command("list")
@_account_option
@of_home
def list_prices(account: str | None, home: Home, as_json: bool) -> None:
    """List what each task type costs, and where that comes from."""

    async def act(store: DeskStore) -> list[out.Record]:
        who = (await find_account(store, account))[0].id if account else _ALL
        return [_price(store.house(), who, name) for name in CATALOG]

    out.table(with_desk(home, act), ("type", "price", "pay", "from"), as_json=as_json, none="No types.")


@prices.command("set")
@click.argument("type_", metavar="TYPE", type=options.TYPE, help="A task type, as `answerdesk prices` lists them.")
@click.option("--price", type=options.AMOUNT, help="What a task costs its account. Default: as it is.")
@click.option("--pay", type=options.AMOUNT, help="What a person earns for an answer. Default: as it is.")
@_account_option
@of_home
def set_price(
    type_: str, price: Micros | None, pay: Micros | None, account: str | None, home: Home, as_json: bool
) -> None:
    """Set what tasks of a type cost from now on, and what a person earns for one."""
    if price is None and pay is None:
        raise Misused("nothing to set: give --price, --pay or both")
    if min(price or 0, pay or 0) < 0:
        raise Misused("--price and --pay must not be negative")

    async def act(store: DeskStore) -> out.Record:
        who = (await find_account(store, account))[0].id if account else _ALL
        now = store.house().price(who, type_)
        amounts = {"price": now.price if price is None else price, "pay": now.pay if pay is None else pay}
        await store.run(SavePrice(price=Price(account=who, type=type_, **amounts)))
        return _price(store.house(), who, type_)

    out.facts(with_desk(home, act), as_json=as_json)


def _price(house: House, account: AccountId, name: str) -> out.Record:
    source = "account" if account and (account, name) in house.prices else "desk"
    found = house.price(account, name)
    return {
        "type": name,
        "price": out.cost(found.price),
        "pay": out.cost(found.pay),
        "from": source if {(account, name), (_ALL, name)} & house.prices.keys() else "catalogue",
    }


@click.group(cls=options.ListFirst)
def rules() -> None:
    """`list` may be left out."""


@rules.command("list")
@of_home
def list_rules(home: Home, as_json: bool) -> None:
    """List the rules of each task type."""

    async def act(store: DeskStore) -> list[out.Record]:
        return [_rules(store.house(), name) for name in CATALOG]

    columns = ("type", "threshold", "profiles", "agree", "declines", "unattended", "machines_first", "from")
    out.table(with_desk(home, act), columns, as_json=as_json, none="No types.")


@rules.command("compared")
@of_home
def list_compared(home: Home, as_json: bool) -> None:
    """List how machines' answers compared with people's over the last 90 days, by profile and machine."""

    async def act(store: DeskStore) -> list[out.Record]:
        house = store.house()
        found = trials(house, await store.comparisons(Wall().now()))
        machines = {solver.id: solver for solver in house.solvers}
        return [_trial(trial, machines.get(who)) for trial in found for who in trial.solvers or (_NOBODY,)]

    columns = ("type", "profile", "machine", "compared", "agreed", "alone", "right", "threshold", "earned", "state")
    none = "No machine's answer was held against a person's in the last 90 days."
    out.table(with_desk(home, act), columns, as_json=as_json, none=none)


#: No solver has this number.
_NOBODY: Final = SolverId(0)


def _trial(trial: Trial, machine: Solver | None) -> out.Record:
    """Give a line: the counts are the machine's own, the rest is the profile's."""
    own = trial.of(machine.id) if machine else trial
    right = own.taken.precision
    return {
        "type": trial.type,
        "profile": trial.profile,
        "machine": machine.name if machine else None,
        "compared": own.held.compared,
        "agreed": own.held.agreed,
        "alone": own.taken.compared,
        "right": None if right is None else round(right, 4),
        "threshold": _bar(trial.rules, trial.profile),
        "earned": trial.earned,
        "state": str(trial),
    }


@rules.command("set")
@click.argument("type_", metavar="TYPE", type=options.TYPE, help="A task type, as `answerdesk prices` lists them.")
@click.option(
    "--threshold",
    "machine_threshold",
    type=options.Number(0, 1),
    help="From this confidence, 0 to 1, a machine's answer is enough alone.",
)
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="NAME[=THRESHOLD]",
    help="The threshold of one machine profile, 0 to 1, or off to let it answer beside people only. Without one the"
    " profile is in shadow: people answer until comparisons with them earn it a threshold; may be repeated.",
)
@click.option(
    "--target", type=options.Number(0.5, 0.999),
    help="How much of what an earned threshold lets through must be right.",
)  # fmt: skip
@click.option(
    "--watched", type=options.Number(0, 1),
    help="The share of answers taken from machines alone that people are asked for afterwards, to see whether they get"
    " worse; 0 for none.",
)  # fmt: skip
@click.option("--agree", type=click.IntRange(1, 25), help="How many people must say the same for it to be the answer.")
@click.option(
    "--most-answers", type=click.IntRange(0, 100),
    help="How many people are asked at most before a task is given up for want of agreement; 0 for one short of twice"
    " as many as must agree.",
)  # fmt: skip
@click.option("--declines", type=click.IntRange(1, 100), help="How many people must decline before a task is given up.")
@click.option(
    "--unattended",
    type=click.Choice([str(one) for one in Unattended]),
    help="What becomes of a machine's doubtful answer while no person is on shift: it is taken as the best there is,"
    " waits for a person, or fails.",
)
@click.option("--machines-first", type=options.Number(0, 3_600), help="Seconds only machines are asked.")
@of_home
def set_rules(type_: str, machines_first: float | None, home: Home, as_json: bool, **said: Any) -> None:
    """Set when answers of a type are enough; what is not named stays."""
    changed = options.given(**said)
    if machines_first is not None:
        changed["machines_first_ms"] = int(machines_first * 1000)
    if not changed:
        raise Misused("nothing to set: name at least one rule; see answerdesk rules set --help")
    if "unattended" in changed:
        changed["unattended"] = Unattended(changed["unattended"])
    profiles = dict(map(_profile, changed.pop("profiles", ())))

    async def act(store: DeskStore) -> out.Record:
        house = store.house()
        found = Rules() if type_ in house.unread else house.rules_for(type_)
        for profile, bar in profiles.items():
            found = found.naming(profile, bar)
        await store.run(SaveRules(type=type_, rules=msgspec.structs.replace(found, **changed)))
        return _rules(store.house(), type_)

    out.facts(with_desk(home, act), as_json=as_json)


#: What is written for a threshold that is none.
_WORDS: Final[dict[str, float | None]] = {"off": NEVER_ENOUGH, "shadow": None, "": None}


def _profile(written: str) -> tuple[str, float | None]:
    """Read NAME=THRESHOLD."""
    name, equals, threshold = written.partition("=")
    try:
        bar = _WORDS[threshold] if threshold in _WORDS else float(threshold)
    except ValueError:
        bar = -1.0
    if not name or (equals and not threshold) or not (bar is None or bar == NEVER_ENOUGH or 0 <= bar <= 1):
        raise Misused(
            f"--profile {written} is not accepted: write NAME=THRESHOLD, such as meter=0.9, meter=off or meter=shadow"
        )
    return name, bar


def _bar(rules: Rules, profile: str) -> float | str:
    """Write the threshold of a profile."""
    bar = rules.threshold(profile)
    return "shadow" if profile in rules.shadows else "off" if bar > 1 else bar


def _rules(house: House, name: str) -> out.Record:
    found: Rules = house.rules_for(name)
    return {
        "type": name,
        "threshold": "off" if found.machine_threshold > 1 else found.machine_threshold,
        "profiles": [f"{profile}={_bar(found, profile)}" for profile in (*found.profiles, *found.shadows)],
        "target": found.target,
        "watched": found.watched,
        "agree": found.agree,
        "most_answers": found.most_answers,
        "declines": found.declines,
        "unattended": str(found.unattended),
        "machines_first": found.machines_first_ms / 1000,
        "from": "unreadable" if name in house.unread else "desk" if name in house.rules else "default",
    }
