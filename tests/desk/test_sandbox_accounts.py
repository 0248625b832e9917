"""A sandbox account's tasks cost nothing and are for its own members alone (PROTOCOL §4.9)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from answerdesk.desk.books import ChangeAccount, OpenAccount
from answerdesk.desk.orders import Submit
from answerdesk.desk.ports import Changes, House, Rows
from answerdesk.model.account import Account, AccountId, Millis, Purse, Sequence
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.judge import Rules
from answerdesk.model.question import Kind, Question
from answerdesk.model.solver import Solver, SolverId
from answerdesk.model.talk import Draft

NOW = Millis(1_000_000)
SANDBOX = Account(id=AccountId(1), name="shop", sandbox=True, group="shop")
MEMBER = Solver(id=SolverId(1), name="Ann", machine=False, groups=frozenset({"shop"}), seen=NOW)
STRANGER = Solver(id=SolverId(2), name="Bob", machine=False, seen=NOW)
MACHINE = Solver(id=SolverId(3), name="ocr", machine=True, seen=NOW)
TYPE = "ImageToTextTask"


def submitted(account: Account, *solvers: Solver, **rules: Any) -> Changes:
    rows = Rows(House(solvers=solvers, rules={TYPE: Rules(**rules)}))
    rows.purses[account.id] = Purse(account=account.id)
    draft = Draft(type=TYPE, question=Question(kind=Kind.TEXT))
    changes, _ = Submit(n=Sequence(1), account=account, draft=draft, ip="127.0.0.1").decide(rows, NOW)
    return changes


def test_a_sandbox_task_costs_nothing_and_is_kept_for_the_group():
    changes = submitted(SANDBOX, MEMBER, STRANGER, MACHINE)

    ((task, _),) = changes.created
    assert (task.price, task.group, changes.entries) == (0, "shop", ())


def test_the_same_task_of_another_account_costs_its_price():
    with pytest.raises(Refusal, match="the task costs"):
        submitted(msgspec.structs.replace(SANDBOX, sandbox=False), MEMBER)


def test_a_sandbox_task_without_a_member_is_refused():
    with pytest.raises(Refusal, match="is of the group shop") as refused:
        submitted(SANDBOX, STRANGER, MACHINE)

    assert refused.value.fault is Fault.NO_SLOT_AVAILABLE


def test_a_sandbox_task_cannot_want_several_to_agree():
    with pytest.raises(Refusal, match="2 people to agree") as refused:
        submitted(SANDBOX, MEMBER, agree=2)

    assert refused.value.fault is Fault.BAD_PARAMETERS


def test_a_sandbox_account_needs_a_group():
    alone = msgspec.structs.replace(SANDBOX, group="")
    rows = Rows(House())
    with pytest.raises(Refusal, match="needs a group"):
        OpenAccount(account=alone).decide(rows, NOW)

    rows.accounts[SANDBOX.id] = SANDBOX
    with pytest.raises(Refusal, match="needs a group"):
        ChangeAccount(account=SANDBOX.id, settings={"group": ""}).decide(rows, NOW)
