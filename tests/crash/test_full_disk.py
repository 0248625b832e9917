"""A disk that takes no more: nothing is promised that is not kept, and when there is room again all goes on."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from tests.serving import Serving, wait_until

pytestmark = pytest.mark.slow

NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@pytest.fixture
def server(tmp_path) -> Iterator[Serving]:
    with Serving(tmp_path) as server:
        yield server


def fill_disk(server: Serving) -> None:
    """Let none of the server's files grow any more."""
    written = (server.data / "answerdesk.db-wal").stat().st_size
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (written, resource.RLIM_INFINITY))


def free_disk(server: Serving) -> None:
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, NO_LIMIT)


def test_what_cannot_be_kept_is_not_promised_and_what_was_is_still_served(server):
    customer, person = server.customer(), server.worker()
    answered, open_ = customer.ask(), customer.ask()
    person.answer(person.take(), "abc")
    lease = person.take()
    fill_disk(server)
    created = customer.create()
    read = [customer.poll(answered), customer.poll(open_, 0), customer.call("getBalance")]
    reported = customer.call("reportIncorrect", taskId=answered)
    said = person.answer(lease, "lost")
    ready = server.http.get("/readyz")

    assert created.status == 200
    assert created.json["errorCode"] == "ERROR_NO_SLOT_AVAILABLE"
    assert read[0].json["solution"] == {"text": "abc"}
    assert read[1].json["status"] == "processing"
    assert read[2].json["balance"] == 0.998
    assert (reported.status, reported.headers["retry-after"]) == (503, "5")
    assert (said.status, said.headers["retry-after"]) == (503, "5")
    assert ready.status == 503


def test_when_there_is_room_again_all_goes_on_by_itself(server):
    customer, person = server.customer(), server.worker()
    task = customer.ask()
    lease = person.take()
    fill_disk(server)
    refused = [customer.create(headers={"Idempotency-Key": "once"}).json["errorId"] for _ in range(20)]
    lost = person.answer(lease, "abc").status
    free_disk(server)
    created = wait_until(lambda: customer.create(headers={"Idempotency-Key": "once"}).json.get("taskId"), "it stores")
    said = person.answer(lease, "abc").json

    assert set(refused) == {2}
    assert lost == 503
    assert said["accepted"]
    assert customer.poll(task).json["solution"] == {"text": "abc"}
    assert customer.poll(created, 0).json["status"] == "processing"
    assert customer.balance() == 0.998
    assert server.http.get("/readyz").status == 200
    assert server.books_are_right()
    assert "Traceback" not in server.logged()


def test_a_power_cut_on_a_full_disk_loses_nothing_acknowledged(server):
    customer, person = server.customer(), server.worker()
    task = customer.ask()
    person.answer(person.take(), "abc")
    fill_disk(server)
    customer.create()
    server.kill()
    server.start()

    assert customer.poll(task).json["solution"] == {"text": "abc"}
    assert customer.balance() == 0.999
    assert customer.create().json["errorId"] == 0
    assert server.books_are_right()
