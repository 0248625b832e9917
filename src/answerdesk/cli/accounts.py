"""The verb `accounts`: those who ask and pay.
Rule: a key is shown once, when it is made; the desk keeps only its digest."""

from __future__ import annotations

import secrets
from typing import Any, Final

import click

from answerdesk.cli import options, out
from answerdesk.cli.ends import Failed, Misused
from answerdesk.cli.home import Home, of_home
from answerdesk.cli.opened import find_account, with_desk
from answerdesk.cli.posting import Posting, posting_options
from answerdesk.desk.books import ChangeAccount, OpenAccount, TopUp
from answerdesk.desk.store import DeskStore
from answerdesk.model.account import Account, AccountId, Millis, Purse, Sequence, Standing, Strictness, digest
from answerdesk.model.fair import MOST_WEIGHT
from answerdesk.model.money import NOTHING, Micros
from answerdesk.model.task import Permutation

#: How many of its last bookings `show` lists.
LAST_BOOKED: Final = 10
#: A line of the ledger after all others.
LATEST: Final = 2**62
#: Callbacks stay as they are.
_AS_IT_IS: Final = Posting()


def _strict(context: click.Context, option: click.Parameter, named: tuple[str, ...]) -> frozenset[Strictness] | None:
    """Read what is named into a set; none for an empty one, nothing for no change."""
    del context, option
    return frozenset(Strictness(name) for name in named if name != "none") if named else None


def _joined(
    context: click.Context, option: click.Parameter, named: tuple[frozenset[str], ...]
) -> frozenset[str] | None:
    """Join what is named into one set; nothing for no change."""
    del context, option
    return frozenset().union(*named) if named else None


_BEFORE_STRICT: Final = ", 0 for the desk's own. It goes before --strict limits."

_SETTINGS: Final = (
    click.option(
        "--dialect",
        type=options.DIALECT,
        help=f"Speak this dialect to the account: {', '.join(options.DIALECTS)}. Default: the server's.",
    ),
    click.option(
        "--allow-ip", "allow_ips", type=options.NETWORK, multiple=True,
        help="An address or network that may use the account's keys; may be given more than once. Default: any.",
    ),
    click.option("--max-open", type=click.IntRange(0), help="Unfinished tasks at once, 0 for no limit."),
    click.option("--requests-per-second", type=click.IntRange(0), help="Calls a second, 0 for no limit."),
    click.option(
        "--strict", type=click.Choice([*map(str, Strictness), "none"]), multiple=True,
        callback=_strict,
        help="A vendor's own ways instead of this desk's: its size limits, its rules of reports, its HTTP statuses, its"
        " fault for unknown types, its blocks; may be repeated.",
    ),
    click.option(
        "--no-match", type=options.NO_MATCH, metavar="[list|words]",
        help="How JSON tells that nothing of a grid fits: list, which is empty, or words, No_matching_images.",
    ),
    click.option(
        "--weight", type=click.IntRange(1, MOST_WEIGHT),
        help="How many turns its tasks have with the workers where an account of weight 1 has one. Default: 1.",
    ),
    click.option(
        "--group", type=options.GROUP,
        help="The group of workers that alone may have its tasks, or none for all workers. Default: none.",
    ),
    click.option(
        "--sandbox/--no-sandbox", default=None,
        help="Whether its tasks cost nothing and are for the workers of its --group alone, which it must have.",
    ),
    click.option("--spend-per-day", type=options.LIMIT, help="The most spent on a day (UTC), 0 for no limit."),
    click.option(
        "--callback-form", type=options.CALLBACK_FORM, metavar="[vendor|json]",
        help="What callbacks post: the vendor's own, or JSON also where that is a form (2captcha). Default: vendor.",
    ),
    click.option(
        "--disable-type", "disabled_types", type=options.TYPES, multiple=True, callback=_joined,
        help="A task type that the account may not send; may be repeated. Names the whole list; none for an empty one.",
    ),
    click.option(
        "--max-picture", type=options.MEDIA_BYTES, help=f"The most bytes of a picture{_BEFORE_STRICT}",
    ),
    click.option(
        "--max-side", type=options.MEDIA_SIDE, help=f"The most pixels of a picture's longer side{_BEFORE_STRICT}",
    ),
    click.option("--max-sound", type=options.MEDIA_BYTES, help=f"The most bytes of a sound{_BEFORE_STRICT}"),
)  # fmt: skip


def _account_settings(command: options.F) -> options.F:
    for option in reversed(_SETTINGS):
        command = option(command)
    return command


@click.group()
def accounts() -> None:
    """Accounts are named by name or id. What is changed counts for a running server at once."""


@accounts.command("add")
@click.argument("name", type=options.NAME, help="What to call it; no other account may be called so.")
@click.option("--balance", type=options.AMOUNT, default="0", show_default=True, help="What the account starts with.")
@_account_settings
@of_home
def add(name: str, balance: Micros, home: Home, as_json: bool, **settings: Any) -> None:
    """Open an account and print its key."""
    if balance < 0:
        raise Misused("--balance must not be negative")
    key = secrets.token_hex(16)

    async def act(store: DeskStore) -> out.Record:
        await _check_free(store, name, "`answerdesk keys add` gives it one more key")
        fresh = Account(id=AccountId(await store.draw()), name=name, **options.given(**settings))
        named = (digest(key), key[-4:])
        account = await store.run(OpenAccount(account=fresh, key=named, credit=balance, note="first credit"))
        purse = Purse(account=account.id, balance=balance)
        return _record(account, purse, key=key)

    out.facts(with_desk(home, act, make=True), as_json=as_json)


async def _check_free(store: DeskStore, name: str, advice: str) -> None:
    if any(account.name == name for account, _ in await store.accounts()):
        raise Failed(f"there is an account {name!r} already; {advice}")


@accounts.command("list")
@of_home
def list_(home: Home, as_json: bool) -> None:
    """List all accounts."""

    async def act(store: DeskStore) -> list[out.Record]:
        return [_record(account, purse) for account, purse in await store.accounts()]

    columns = ("id", "name", "standing", "balance", "held", "open_tasks", "dialect")
    out.table(with_desk(home, act), columns, as_json=as_json, none="There are no accounts; `accounts add` opens one.")


@accounts.command("show")
@click.argument("name", help="The account, by name or id.")
@of_home
def show(name: str, home: Home, as_json: bool) -> None:
    """Show an account with its last bookings."""

    async def act(store: DeskStore) -> tuple[out.Record, list[out.Record]]:
        account, purse = await find_account(store, name)
        ids = Permutation(store.permutation_key)
        booked = await store.entries(account.id, LATEST, LAST_BOOKED)
        return _record(account, purse), [
            {
                "at": out.moment(at),
                "move": str(entry.move),
                "amount": out.cost(entry.amount),
                "task": ids.show(Sequence(entry.task)) if entry.task else None,
                "note": entry.note,
            }
            for _, at, entry in booked
        ]

    account, booked = with_desk(home, act)
    if as_json:
        out.document({**account, "ledger": booked})
        return
    out.facts(account, as_json=False)
    click.echo()
    out.table(booked, ("at", "move", "amount", "task", "note"), as_json=False, none="Nothing was booked yet.")


@accounts.command("topup", context_settings={"ignore_unknown_options": True})
@click.argument("name", help="The account, by name or id.")
@click.argument("amount", type=options.AMOUNT, help="How much, such as 12.5 or -2.")
@click.option("--note", default="", help="Why; kept in the ledger.")
@of_home
def topup(name: str, amount: Micros, note: str, home: Home, as_json: bool) -> None:
    """Credit an account; a negative amount debits it."""

    async def act(store: DeskStore) -> out.Record:
        account, _ = await find_account(store, name)
        return _record(account, await store.run(TopUp(account=account.id, amount=amount, note=note)))

    out.facts(with_desk(home, act), as_json=as_json)


def _change(name: str, home: Home, as_json: bool, settings: dict[str, Any], posting: Posting = _AS_IT_IS) -> None:
    async def act(store: DeskStore) -> out.Record:
        account, purse = await find_account(store, name)
        if settings.get("name", account.name) != account.name:
            await _check_free(store, settings["name"], "take another name")
        changed = await store.run(ChangeAccount(account=account.id, settings=settings, also=posting.change))
        return {**_record(changed, purse), **({"callback_secret": posting.shown} if posting.shown else {})}

    out.facts(with_desk(home, act), as_json=as_json)


@accounts.command("lock")
@click.argument("name", help="The account, by name or id.")
@of_home
def lock(name: str, home: Home, as_json: bool) -> None:
    """Refuse every call of an account, until it is unlocked."""
    _change(name, home, as_json, {"standing": Standing.SUSPENDED})


@accounts.command("unlock")
@click.argument("name", help="The account, by name or id.")
@of_home
def unlock(name: str, home: Home, as_json: bool) -> None:
    """Let an account call again, also one that was locked for polling too often."""
    _change(name, home, as_json, {"standing": Standing.ACTIVE, "polls_locked_until": Millis(0)})


@accounts.command("set")
@click.argument("name", help="The account, by name or id.")
@click.option("--name", "new_name", type=options.NAME, help="Call the account this from now on.")
@_account_settings
@posting_options
@click.option("--any-dialect", is_flag=True, help="Speak the server's dialect to the account.")
@click.option("--any-ip", is_flag=True, help="Let any address use the account's keys.")
@of_home
def set_(
    name: str, new_name: str | None, any_dialect: bool, any_ip: bool, home: Home, as_json: bool, **settings: Any
) -> None:
    """Change an account's settings; what is not named stays."""
    posting = Posting(*map(settings.pop, Posting._fields))
    changed = options.given(name=new_name, **settings)
    changed |= {"dialect": None} if any_dialect else {}
    changed |= {"allow_ips": ()} if any_ip else {}
    if not (changed or any(posting)):
        raise Misused("nothing to change: name at least one setting; see answerdesk accounts set --help")
    _change(name, home, as_json, changed, posting)


def _record(account: Account, purse: Purse, *, key: str | None = None) -> out.Record:
    return {
        "id": account.id,
        "name": account.name,
        **({"key": key} if key else {}),
        "balance": out.cost(purse.balance),
        "held": out.cost(purse.held),
        "open_tasks": purse.open_tasks,
        "standing": str(account.standing),
        "polls_locked_until": out.moment(account.polls_locked_until),
        "dialect": account.dialect,
        "allow_ips": list(account.allow_ips),
        "strict": sorted(account.strict),
        "no_match": str(account.no_match),
        "callback_hosts": list(account.callback_hosts),
        "pingbacks": list(account.pingbacks),
        "callback_secrets": len(account.callback_secrets),
        "callback_form": str(account.callback_form),
        "weight": account.weight,
        "group": account.group or None,
        "sandbox": account.sandbox,
        "max_open": account.max_open,
        "requests_per_second": account.requests_per_second,
        "spend_per_day": out.cost(account.spend_per_day) if account.spend_per_day != NOTHING else 0,
        "disabled_types": sorted(account.disabled_types),
        "max_picture": account.max_picture,
        "max_side": account.max_side,
        "max_sound": account.max_sound,
        "created": out.moment(account.created),
    }
