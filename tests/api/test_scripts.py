"""Scripts in a sandbox account's tasks over HTTP: every dialect, one server with a file, and two on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.older import Old
from tests.api.streams import call
from tests.postgres import server as postgres
from tests.serving import Customer, Serving, image_task

#: Longer than a test takes.
LATER = 600
FLAW = "has a word that is not known; accepted are answer=abc"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Serving, Serving]]:
    """Two servers that are one desk."""
    url = postgres().empty_database()
    folders = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
    with Serving(folders[0], database=url) as first, Serving(folders[1], database=url) as second:
        yield first, second
        logs = first.logged() + second.logged()

    assert "Traceback" not in logs


@pytest.fixture(params=["file", "postgres"])
def asked_and_polled(request: pytest.FixtureRequest) -> tuple[Customer, Customer]:
    """The same customer of a sandbox account at the server that is asked, and at the one that is polled."""
    if request.param == "file":
        server = request.getfixturevalue("server")
        asked = sandbox(server)
        return asked, asked
    first, second = request.getfixturevalue("pair")
    asked = sandbox(first)
    return asked, Customer(second, asked.account, asked.key)


def sandbox(server: Serving) -> Customer:
    return server.customer("0", sandbox=True, group="shop")


def script(text: str) -> dict[str, Any]:
    return {"task": image_task(comment=text)}


def test_an_answer_without_a_delay_is_there_at_once(asked_and_polled):
    asked, polled = asked_and_polled
    task = asked.ask(comment="!answer=abc")

    told = polled.poll(task, wait=0).json

    assert (told["status"], told["solution"]["text"], float(told["cost"])) == ("ready", "abc", 0)
    assert polled.poll(task, wait=0).json == told


def test_an_answer_with_a_delay_is_processing_until_a_held_poll_is_woken(asked_and_polled):
    asked, polled = asked_and_polled
    later = asked.ask(comment=f"!answer=abc delay={LATER}")
    soon = asked.ask(comment='!answer="a b" delay=0.7')

    assert polled.poll(later, wait=0).json["status"] == "processing"
    assert polled.poll(soon, wait=30).json["solution"]["text"] == "a b"
    assert polled.poll(later, wait=0).json["status"] == "processing"
    assert asked.balance() == 0


def test_an_error_is_what_the_poll_ends_in(asked_and_polled):
    asked, polled = asked_and_polled
    task = asked.ask(comment="!error=ERROR_CAPTCHA_UNSOLVABLE delay=0.5")

    told = polled.poll(task, wait=30).json

    assert (told["errorId"], told["errorCode"]) == (12, "ERROR_CAPTCHA_UNSOLVABLE")


def test_nobody_is_offered_a_scripted_task(server):
    customer = sandbox(server)
    people = [server.worker(groups=frozenset({"shop"}), machine=machine) for machine in (False, True)]
    customer.ask(comment=f"!answer=abc delay={LATER}")

    assert [worker.claim() for worker in people] == [[], []]


@pytest.mark.parametrize("dialect", ["capmonster", "2captcha", "anticaptcha"])
def test_a_flawed_script_is_refused_in_every_dialect(server, dialect):
    customer = server.customer("0", sandbox=True, group="shop", dialect=dialect)

    told = customer.create(image_task(comment="!click the cars")).json

    assert told["errorCode"] == "ERROR_BAD_PARAMETERS"
    assert FLAW in told["errorDescription"]


def test_the_mark_means_nothing_to_any_other_account(server, customer):
    person = server.worker()
    task = customer.ask(comment="!answer=abc")

    lease = person.take()
    person.answer(lease, "xyz")

    assert lease["question"]["instruction"]["text"] == "!answer=abc"
    assert customer.poll(task).json["solution"]["text"] == "xyz"


def test_the_native_api_tells_at_creation_what_is_settled(server):
    customer = sandbox(server)

    ready = call(server, customer, "POST", "tasks", script("!answer=abc"))
    later = call(server, customer, "POST", "tasks", script(f"!answer=abc delay={LATER}"))
    failed = call(server, customer, "POST", "tasks/batch", {"tasks": [script("!error=ERROR_BAD_DUPLICATES")]})
    flawed = call(server, customer, "POST", "tasks", script("!click the cars"))

    assert (ready.status, ready.json["status"], ready.json["answer"]) == (201, "ready", "abc")
    assert ready.json["settledBy"] == "sandbox"
    assert later.json["status"] == "open"
    assert failed.json["outcomes"][0]["task"]["error"]["code"] == "ERROR_BAD_DUPLICATES"
    assert (flawed.status, flawed.json["code"]) == (400, "ERROR_BAD_PARAMETERS")
    assert FLAW in flawed.json["detail"]


def test_the_older_api_takes_scripts_in_its_instruction(server):
    old = Old(sandbox(server), server)
    now, later = old.ask(textinstructions="!answer=abc"), old.ask(textinstructions=f"!answer=abc delay={LATER}")
    question = old.ask(textcaptcha='!answer="in words"')
    points = old.ask(coordinatescaptcha=1, textinstructions="!answer=[[10,12],[3,4]]")

    assert [old.say("get", id=task) for task in (now, later, question, points)] == [
        "OK|abc", "CAPCHA_NOT_READY", "OK|in words", "OK|coordinates:x=10,y=12;x=3,y=4",
    ]  # fmt: skip
    refused = old.submit(textinstructions="!click the cars", json=1).json
    assert refused["request"] == "ERROR_BAD_PARAMETERS"
    assert FLAW in refused["error_text"]


def test_the_operator_sees_by_whom_a_task_was_settled_only_once_it_is(server):
    customer = sandbox(server)
    tasks = customer.ask(comment=f"!answer=abc delay={LATER}"), customer.ask(comment="!answer=abc")

    told = [server.cli("tasks", "show", str(task), "--json") for task in tasks]

    assert [(one["settled_by"], one["answer"]) for one in told] == [(None, None), ("sandbox", "abc")]
