"""The verb `keys`: what accounts are known by.
Rule: a key is shown once, when it is made; after that its last four characters tell it from others."""

from __future__ import annotations

import secrets
from typing import Final

import click

from answerdesk.cli import out
from answerdesk.cli.ends import Failed
from answerdesk.cli.home import Home, of_home
from answerdesk.cli.opened import find_account, with_desk
from answerdesk.desk.books import AddKey, RevokeKey
from answerdesk.desk.store import DeskStore
from answerdesk.model.account import AccountId, Key, digest

TAIL: Final = 4


@click.group()
def keys() -> None:
    """What is changed counts for a running server at once."""


@keys.command("add")
@click.argument("account", help="The account, by name or id.")
@of_home
def add(account: str, home: Home, as_json: bool) -> None:
    """Give an account one more key and print it."""
    key = secrets.token_hex(16)

    async def act(store: DeskStore) -> out.Record:
        owner, _ = await find_account(store, account)
        made = await store.run(AddKey(account=owner.id, digest=digest(key), tail=key[-TAIL:]))
        return {"key": key, **_record(made, owner.name)}

    out.facts(with_desk(home, act), as_json=as_json)


@keys.command("list")
@click.argument("account", required=False, help="Only the keys of this account, by name or id.")
@of_home
def list_(account: str | None, home: Home, as_json: bool) -> None:
    """List the keys of one account or all, by their last four characters, revoked ones too."""

    async def act(store: DeskStore) -> list[out.Record]:
        owner = (await find_account(store, account))[0].id if account else None
        names = await _names(store)
        return [_record(key, names[key.account]) for key in await store.keys(owner)]

    out.table(with_desk(home, act), ("ends_in", "account", "created", "revoked"), as_json=as_json, none="No keys.")


@keys.command("revoke")
@click.argument("key", help="The key, or its last four characters.")
@click.option("--account", help="Whose key it is, where several end alike.")
@of_home
def revoke(key: str, account: str | None, home: Home, as_json: bool) -> None:
    """End a key, named by its last four characters or whole; calls with it are refused from then on."""

    async def act(store: DeskStore) -> out.Record:
        owner = (await find_account(store, account))[0].id if account else None
        names = await _names(store)
        meant = _meant(key, await store.keys(owner), names)
        return _record(await store.run(RevokeKey(key=meant)), names[meant.account])

    out.facts(with_desk(home, act), as_json=as_json)


def _meant(given: str, known: list[Key], names: dict[AccountId, str]) -> Key:
    """Find the one key that is meant, one in force before a revoked one; raises Failed."""
    if len(given) > TAIL:
        found = [key for key in known if key.digest == digest(given)]
    else:
        found = [key for key in known if key.tail == given]
        found = [key for key in found if key.revoked is None] or found[-1:]
    if not found:
        raise Failed(f"no key is or ends in {given[-TAIL:]!r}; `answerdesk keys list` lists how they end")
    if len(found) > 1:
        owners = ", ".join(sorted({names[key.account] for key in found}))
        raise Failed(
            f"{len(found)} keys end in {given!r}, of {owners}: give the whole key, or its account by --account"
        )
    return found[0]


async def _names(store: DeskStore) -> dict[AccountId, str]:
    return {account.id: account.name for account, _ in await store.accounts()}


def _record(key: Key, owner: str) -> out.Record:
    return {
        "ends_in": key.tail,
        "account": owner,
        "created": out.moment(key.created),
        "revoked": out.moment(key.revoked),
    }
