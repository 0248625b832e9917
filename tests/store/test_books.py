"""The operator's side over every store: accounts, keys, solvers, prices, rules, and a ledger that agrees."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from answerdesk.desk.books import ChangeAccount, OpenAccount, RevokeKey, SaveSolver
from answerdesk.desk.ports import Changes, Heard, House, Needs, Price, Unavailable
from answerdesk.model.account import Account, AccountId, Purse, Standing, digest
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.judge import Rules
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.solver import Solver, SolverId
from tests.store.driver import PAY, PRICE, TYPE, Desk


async def test_an_opened_account_has_its_settings_and_an_empty_purse(desk):
    account = await desk.open_account("alice", balance=0, max_open=7, allow_ips=("10.0.0.0/8",), dialect="capmonster")

    assert account.created == desk.clock.now()
    assert await desk.store.accounts() == [(account, Purse(account=account.id))]
    assert await desk.store.purse(account.id) == Purse(account=account.id)


async def test_settings_change_and_money_stays(desk):
    account = await desk.open_account("alice", balance=5_000)

    changed = await desk.change(account, name="bob", max_open=1)

    assert changed == msgspec.structs.replace(account, name="bob", max_open=1)
    assert await desk.store.accounts() == [(changed, Purse(account=account.id, balance=Micros(5_000)))]


async def test_two_changes_at_once_both_stand(desk):
    account = await desk.open_account()

    await asyncio.gather(desk.change(account, max_open=5), desk.change(account, standing=Standing.SUSPENDED))

    ((stored, _),) = await desk.store.accounts()
    assert (stored.max_open, stored.standing) == (5, Standing.SUSPENDED)


async def test_what_follows_from_settings_follows_from_those_that_stand_when_it_is_written(desk):
    account = await desk.open_account(callback_hosts=("a.test",))

    def adding(host):
        def also(stands):
            return {"callback_hosts": (*stands.callback_hosts, host)}

        return desk.store.run(ChangeAccount(account=account.id, settings={"max_open": 5}, also=also))

    await asyncio.gather(*map(adding, ("b.test", "c.test", "d.test")))

    ((stored, _),) = await desk.store.accounts()
    assert (sorted(stored.callback_hosts), stored.max_open) == (["a.test", "b.test", "c.test", "d.test"], 5)


async def test_an_account_is_not_opened_over_another(desk):
    account = await desk.open_account("alice", balance=5_000)

    with pytest.raises(Refusal) as caught:
        await desk.open_account("mallory", id=account.id, balance=0)

    assert caught.value.fault is Fault.BAD_PARAMETERS
    assert await desk.store.accounts() == [(account, Purse(account=account.id, balance=Micros(5_000)))]
    assert (await desk.store.sums()).drifting == ()


async def test_a_name_is_given_once_and_its_refusal_leaves_the_others_of_its_batch_untouched(desk):
    account, _ = await desk.open_account("alice"), await desk.person()
    twin = OpenAccount(account=Account(id=AccountId(99), name="alice"))
    other = OpenAccount(account=Account(id=AccountId(98), name="carol"))

    replies = await asyncio.gather(
        desk.store.run(twin), desk.store.run(other), *(desk.submit(account) for _ in range(5)), return_exceptions=True
    )

    assert isinstance(replies[0], Unavailable)
    assert isinstance(replies[1], Account)
    assert len(set(replies[2:])) == 5
    assert {each.name for each, _ in await desk.store.accounts()} == {"alice", "carol"}
    assert await desk.money(account) == (1_000_000 - 5 * PRICE, 5 * PRICE, 5)


async def test_a_debit_takes_at_most_the_balance(desk):
    account = await desk.open_account(balance=5_000)

    with pytest.raises(Refusal, match=r"0\.00500"):
        await desk.top_up(account, -5_001)
    await desk.top_up(account, -5_000)

    assert await desk.money(account) == (0, 0, 0)
    assert (await desk.store.sums()).drifting == ()


async def test_nobody_tops_up_an_account_that_is_not_there(desk):
    account = await desk.open_account()
    stranger = msgspec.structs.replace(account, id=AccountId(account.id + 1))

    with pytest.raises(Refusal, match="no account"):
        await desk.top_up(stranger, 1)
    with pytest.raises(Refusal, match="no account"):
        await desk.change(stranger, max_open=1)

    assert (await desk.store.sums()).entries == 1


async def test_an_amount_no_column_can_hold_fails_alone_and_the_store_goes_on(desk):
    account, _ = await desk.open_account(balance=1), await desk.person()

    replies = await asyncio.gather(desk.top_up(account, 2**63), desk.top_up(account, PRICE), return_exceptions=True)

    assert isinstance(replies[0], Exception)
    assert replies[1] is None
    assert await desk.submit(account)
    assert (await desk.store.sums()).drifting == ()


class TestKeys:
    async def test_a_key_finds_its_account_until_it_is_revoked(self, desk):
        account = await desk.open_account()
        key = await desk.add_key(account, "secret")
        assert await desk.store.account_by_key(digest("secret")) == account
        desk.clock.pass_by(5)

        revoked = await desk.store.run(RevokeKey(key=key))

        assert revoked.revoked == desk.clock.now()
        assert await desk.store.account_by_key(digest("secret")) is None

    async def test_a_key_revoked_again_keeps_its_first_time(self, desk):
        account = await desk.open_account()
        key = await desk.add_key(account, "secret")
        revoked = await desk.store.run(RevokeKey(key=key))
        desk.clock.pass_by(5)

        assert await desk.store.run(RevokeKey(key=revoked)) == revoked

    async def test_keys_are_listed_by_age_of_one_account_or_all(self, desk):
        account, other = await desk.open_account(), await desk.open_account()
        keys = []
        for who, secret in ((account, "key-one1"), (other, "key-two2"), (account, "key-3333")):
            keys.append(await desk.add_key(who, secret))
            desk.clock.pass_by(1)

        assert await desk.store.keys(None) == keys
        assert await desk.store.keys(account.id) == [keys[0], keys[2]]
        assert [key.tail for key in keys] == ["one1", "two2", "3333"]


class TestSolvers:
    async def test_a_token_finds_its_solver_with_its_grants(self, desk):
        solver = await desk.person("ann", kinds=frozenset({Kind.TEXT}), languages=frozenset({"de"}), host="h")

        assert await desk.store.solver_by_token(digest(f"token {solver.id}")) == solver
        assert solver.created == desk.clock.now()
        assert desk.store.house().solvers == (solver,)

    async def test_a_switched_off_solver_has_no_token_until_it_is_switched_on(self, desk):
        solver = await desk.person()

        off = await desk.save_solver(solver, enabled=False)
        assert await desk.store.solver_by_token(digest(f"token {solver.id}")) is None
        await desk.save_solver(off, enabled=True)

        assert await desk.store.solver_by_token(digest(f"token {solver.id}")) == solver

    async def test_two_solvers_never_share_a_token(self, desk):
        solver = await desk.person()
        thief = SaveSolver(
            solver=Solver(id=SolverId(9), name="thief", machine=False), token=digest(f"token {solver.id}")
        )

        with pytest.raises(Unavailable):
            await desk.store.run(thief)

        assert await desk.store.solver_by_token(digest(f"token {solver.id}")) == solver
        assert desk.store.house().solvers == (solver,)


class TestHouse:
    async def test_prices_and_rules_are_seen_after_they_are_set(self, desk):
        await desk.open_account()
        await desk.set_price(7, 3)
        await desk.set_rules(Rules(declines=3))

        house = desk.store.house()
        assert house.price(AccountId(1), TYPE) == Price(type=TYPE, price=Micros(7), pay=Micros(3))
        assert house.rules_for(TYPE) == Rules(declines=3)

    async def test_a_type_nobody_priced_costs_what_the_catalogue_says(self):
        assert House().price(AccountId(1), TYPE) == Price(type=TYPE, price=Micros(PRICE), pay=Micros(PAY))
        assert House().rules_for(TYPE) == Rules()

    async def test_a_price_set_again_replaces_the_first(self, desk):
        await desk.set_price(7)
        await desk.set_price(8)

        assert [price.price for price in desk.store.house().prices.values()] == [8]


class TestHeard:
    async def test_changed_tasks_are_told_as_they_now_stand(self, desk, collected):
        account, person = await desk.open_account(), await desk.person()
        desk.store.listen(collected)
        n = await desk.solved(account, person)

        told = [task for heard in collected.heard for task in heard.tasks]
        assert [(task.n, task.settled) for task in told] == [(n, False), (n, False), (n, True)]
        assert told[-1] == await desk.task(n)

    @pytest.mark.parametrize("verb", ["open_account", "person", "price", "rules", "key", "grants", "change"])
    async def test_changed_settings_are_told(self, desk, collected, verb):
        account, person = await desk.open_account(), await desk.person()
        desk.store.listen(collected)
        deeds = {
            "open_account": lambda: desk.open_account(balance=0),
            "person": desk.person,
            "price": lambda: desk.set_price(1),
            "rules": lambda: desk.set_rules(Rules()),
            "key": lambda: desk.add_key(account, "secret"),
            "grants": lambda: desk.save_solver(person, enabled=False),
            "change": lambda: desk.change(account, max_open=3),
        }
        await deeds[verb]()

        assert collected.heard == [Heard(settings=True, tasks=[], erased=[])]

    async def test_a_claim_that_only_says_the_solver_is_there_is_no_change_of_settings(self, desk, collected):
        person = await desk.person()
        desk.store.listen(collected)
        await desk.claim(person)

        assert [heard.settings for heard in collected.heard] == [False]

    async def test_what_wrote_nothing_is_not_told(self, desk, collected):
        account = await desk.open_account(balance=0)
        desk.store.listen(collected)
        with pytest.raises(Refusal):
            await desk.submit(account)

        assert [heard.tasks for heard in collected.heard if heard.tasks] == []

    async def test_everybody_listening_is_told(self, desk, collected):
        others: list[Heard] = []
        desk.store.listen(collected)
        desk.store.listen(others.append)
        await desk.open_account(balance=0)

        assert collected.heard == others != []


class TestSums:
    async def test_an_empty_ledger_agrees(self, desk):
        assert (await desk.store.sums()).entries == 0
        assert (await desk.store.sums()).drifting == ()

    async def test_a_balance_written_past_the_ledger_is_named(self, desk: Desk):
        class Forge:
            needs = Needs()

            def decide(self, rows, now):
                return Changes(purses=(Purse(account=AccountId(1), balance=Micros(5)),)), None

        await desk.open_account("alice", balance=0)
        await desk.open_account("bob", balance=9)
        await desk.store.run(Forge())

        assert (await desk.store.sums()).drifting == ("alice",)


@pytest.mark.parametrize("wrong", ["ten dot one", "10.1.2.3/33", ""])
async def test_an_allow_list_that_cannot_be_read_is_refused_when_it_is_set(desk, wrong):
    account = await desk.open_account("alice", allow_ips=("10.0.0.0/8",))

    with pytest.raises(Refusal, match=r"allow_ips: .* is not an address or a network"):
        await desk.change(account, allow_ips=("192.0.2.0/24", wrong))
    with pytest.raises(Refusal, match="allow_ips"):
        await desk.open_account("bob", allow_ips=(wrong,))

    assert [(each.name, each.allow_ips) for each, _ in await desk.store.accounts()] == [("alice", ("10.0.0.0/8",))]
