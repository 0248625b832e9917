"""The earlier picture of a series: for whoever holds the task that continues it, and for nobody else."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image

from answerdesk.desk.work import Free
from answerdesk.model.question import Kind
from tests.api.test_media import broken_png
from tests.serving import Customer, Serving, Worker

KINDS = frozenset({Kind.GRID, Kind.AUDIO, Kind.QUESTION})


def drawn(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (300, 300), colour).save(file, "PNG")
    return file.getvalue().ljust(200, b"\0")


def ask(customer: Customer, data: bytes | None = None, **fields: Any) -> int:
    """Create a task for cells of a picture; gives its public id."""
    body = base64.b64encode(data or drawn("green")).decode()
    created = customer.create({"type": "GridTask", "body": body, "comment": "boats", **fields}).json

    assert created["errorId"] == 0, created
    return int(created["taskId"])


def take(worker: Worker) -> dict[str, Any]:
    (lease,) = worker.claim(kinds=("grid",), wait=5)
    return lease


def follow(customer: Customer, worker: Worker, earlier: object) -> dict[str, Any]:
    """Ask a task that continues an earlier one, and claim it; what lay before was claimed by nobody."""
    ask(customer, drawn("red"), previousId=str(earlier))
    return take(worker)


def colour(data: bytes) -> tuple[int, ...]:
    with Image.open(io.BytesIO(data)) as image:
        found = image.convert("RGB").getpixel((9, 9))
    assert isinstance(found, tuple)
    return found


@pytest.mark.parametrize("machine", [True, False])
def test_whoever_holds_the_next_task_sees_the_earlier_picture_whoever_answered_that_one(
    server: Serving, customer: Customer, *, machine: bool
) -> None:
    first, second = server.worker(kinds=KINDS), server.worker(kinds=KINDS, machine=machine)
    earlier = ask(customer)
    first.answer(take(first), [1])
    question = follow(customer, second, earlier)["question"]
    seen = second.media(question["earlier"]["url"])

    assert question["options"]["previous"] == str(earlier)
    assert (question["earlier"]["width"], question["earlier"]["type"]) == (300, "image/png")
    assert colour(seen.body) == (0, 128, 0)
    assert (seen.body == drawn("green")) is machine
    assert "sandbox" in seen.headers["content-security-policy"]
    assert "no-store" in seen.headers["cache-control"]


def test_no_other_accounts_picture_is_seen_whatever_id_is_named(server: Serving, customer: Customer) -> None:
    worker, other = server.worker(kinds=KINDS), server.customer()
    foreign = ask(other)
    worker.answer(take(worker), [1])
    lease = follow(customer, worker, foreign)

    assert "earlier" not in lease["question"]
    assert worker.media(f"/api/work/media/{lease['lease']}/earlier").status == 404


@pytest.mark.parametrize("named", ["1", "999", str(2**53 - 1)])
def test_an_id_of_nothing_shows_nothing(server: Serving, customer: Customer, named: str) -> None:
    worker = server.worker(kinds=KINDS)
    lease = follow(customer, worker, named)

    assert "earlier" not in lease["question"]
    assert worker.media(f"/api/work/media/{lease['lease']}/earlier").status == 404


def test_the_earlier_picture_is_seen_by_nobody_else_and_only_while_the_lease_runs(
    server: Serving, customer: Customer
) -> None:
    worker, stranger = server.worker(kinds=KINDS), server.worker(kinds=KINDS)
    earlier = ask(customer)
    worker.answer(take(worker), [1])
    lease = follow(customer, worker, earlier)
    address = lease["question"]["earlier"]["url"]

    assert stranger.media(address).status == 404
    assert worker.media(address.replace("/earlier", "/later")).status == 404
    assert worker.media(address).status == 200
    server.do(Free(solvers=(worker.solver.id,)))
    assert worker.media(address).status == 404


def test_who_could_not_have_been_asked_the_earlier_task_does_not_see_it(server: Serving) -> None:
    """A task for a group of solvers alone stays theirs, also as the past of another."""
    customer = server.customer(group="ours")
    ours, anyone = server.worker(kinds=KINDS, groups=frozenset({"ours"})), server.worker(kinds=KINDS)
    earlier = ask(customer)
    ours.answer(take(ours), [1])
    server.change(customer.account.id, group="")

    assert "earlier" not in follow(customer, anyone, earlier)["question"]
    assert "earlier" in follow(customer, ours, earlier)["question"]


def test_what_is_no_picture_is_no_earlier_picture(server: Serving, customer: Customer) -> None:
    worker = server.worker(kinds=KINDS)
    words = customer.create({"type": "TextCaptchaTask", "comment": "How many?"}).json["taskId"]

    assert "earlier" not in follow(customer, worker, words)["question"]


def test_an_earlier_picture_that_cannot_be_decoded_ends_no_task(server: Serving, customer: Customer) -> None:
    worker, machine = server.worker(kinds=KINDS), server.worker(kinds=KINDS, machine=True)
    earlier = ask(customer, broken_png(), rows=2, columns=2)
    machine.answer(take(machine), [1])
    server.retire(machine)
    lease = follow(customer, worker, earlier)

    assert worker.media(lease["question"]["earlier"]["url"]).status == 404
    assert worker.answer(lease, [2]).json["accepted"]
