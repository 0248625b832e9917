"""Weights and groups as the operator sets them, and by whom a task was settled as he sees it."""

from __future__ import annotations

import pytest


def test_an_account_has_a_weight_and_a_group(desk):
    opened = desk("accounts", "add", "acme", "--weight", "3", "--group", "team-1", "--json").json
    assert (opened["weight"], opened["group"]) == (3, "team-1")

    changed = desk("accounts", "set", "acme", "--group", "none", "--json").json
    assert (changed["weight"], changed["group"]) == (3, None)
    assert desk("accounts", "show", "acme", "--json").json["group"] is None


@pytest.mark.parametrize("words", [("--weight", "0"), ("--weight", "101"), ("--group", "a b"), ("--group", "")])
def test_what_is_no_weight_or_group_is_refused(desk, words):
    desk("accounts", "add", "acme")
    refused = desk("accounts", "set", "acme", *words)

    assert refused.code == 2
    assert words[0] in refused.err


def test_a_worker_belongs_to_groups(desk):
    added = desk("workers", "add", "ann", "--groups", "team-1, team-2", "--json").json
    assert added["groups"] == ["team-1", "team-2"]

    assert desk("workers", "set", "ann", "--groups", "none", "--json").json["groups"] == []
    assert desk("workers", "add", "bob", "--json").json["groups"] == []


def test_a_workers_grants_change_one_by_one(desk):
    desk("workers", "add", "ann", "--kinds", "text", "--lang", "de")

    changed = desk("workers", "set", "ann", "--kinds", "text,grid", "--json").json
    assert (changed["kinds"], changed["languages"]) == (["grid", "text"], ["de"])
    assert desk("workers", "set", "ann", "--any-lang", "--json").json["languages"] == []
    nothing = desk("workers", "set", "ann")
    assert nothing.code == 2
    assert "nothing to change" in nothing.err


def test_a_settled_task_tells_by_whom(server):
    customer, person, machine = server.customer(), server.worker(), server.worker(machine=True)
    person.claim()
    machine.claim()
    passed_on, waiting = customer.ask(), customer.ask()
    machine.decline(machine.take())
    person.answer(person.take(), "abc")
    server.cli("tasks", "cancel", str(waiting))
    told = {task: server.cli("tasks", "show", str(task), "--json")["settled_by"] for task in (passed_on, waiting)}

    assert told == {passed_on: "machine-people", waiting: "nobody"}
