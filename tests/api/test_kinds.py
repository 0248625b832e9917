"""Every kind of task walks from createTask over a person's claim and answer to getTaskResult, in every dialect."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image

from answerdesk.model.account import NoMatch, Strictness
from answerdesk.model.catalog import CATALOG
from answerdesk.model.question import WORK_KINDS, Kind
from tests.api.test_conformance import HOSTS, in_dialect
from tests.serving import Customer, Serving, Worker
from tests.wire.samples import BODY, PICTURE, SOUND, TASKS, draw, text_of
from tests.wire.test_solutions import SOLUTIONS

#: What a person answers where the documented answer does not fit the small picture of the samples.
ANSWERS: dict[str, Any] = {
    "CoordinatesTask": [[39, 9], [52, 12]],
    "BoundingBoxTask": [[5, 6, 17, 30]],
    "ComplexImageTask/grid": [3],
}
FITTING = {
    "CoordinatesTask": {"coordinates": [{"x": 39, "y": 9}, {"x": 52, "y": 12}]},
    "BoundingBoxTask": {"bounding_boxes": [{"xMin": 5, "xMax": 17, "yMin": 6, "yMax": 30}]},
    "ComplexImageTask/grid": {
        "answer": [False, False, True, False, False, False, False, False, False],
        "metadata": {"AnswerType": "Grid"},
    },
}


@pytest.fixture
def worker(server: Serving) -> Worker:
    """A person who may have every kind."""
    return server.worker(kinds=frozenset(WORK_KINDS))


def take(worker: Worker) -> dict[str, Any]:
    (lease,) = worker.claim(wait=5, kinds=())
    return lease


@pytest.mark.parametrize("dialect", sorted(HOSTS))
@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_asked_answered_and_told(customer: Customer, worker: Worker, name: str, dialect: str) -> None:
    value = ANSWERS.get(name, SOLUTIONS[name][0])
    created = customer.create(TASKS[name], in_dialect(dialect)).json
    lease = take(worker)
    answered = worker.answer(lease, value).json
    first = customer.call("getTaskResult", in_dialect(dialect), taskId=created["taskId"])

    assert (lease["kind"], lease["task"]) == (CATALOG[name].kind, created["taskId"])
    assert answered["accepted"]
    assert first.json["status"] == "ready"
    assert first.json["solution"] == (FITTING.get(name) or json.loads(SOLUTIONS[name][1]))
    assert customer.call("getTaskResult", in_dialect(dialect), taskId=created["taskId"]).body == first.body
    if dialect == "capmonster":
        assert ("cost" in first.json) == name.startswith("ComplexImageTask")
    else:
        assert first.json["cost"] == f"{CATALOG[name].price / 1_000_000:.5f}"


def test_a_grid_without_a_match_is_an_empty_answer(customer: Customer, worker: Worker) -> None:
    task = customer.create({**TASKS["GridTask"], "canNoAnswer": 1}).json["taskId"]
    worker.answer(take(worker), [])

    assert customer.poll(task).json["solution"] == {"click": []}


@pytest.mark.parametrize("dialect", ["2captcha", "capmonster", "anticaptcha"])
def test_an_account_may_have_an_empty_grid_told_in_words(server, worker: Worker, dialect: str) -> None:
    customer = server.customer(dialect=dialect, no_match=NoMatch.WORDS)
    task = customer.create({**TASKS["GridTask"], "canNoAnswer": 1}).json["taskId"]
    other = customer.create({**TASKS["GridTask"], "canNoAnswer": 1}).json["taskId"]
    worker.answer(take(worker), [])
    worker.answer(take(worker), [3])
    first = customer.poll(task)
    customer.change(no_match=NoMatch.LIST)

    assert first.json["solution"] == {"click": "No_matching_images"}
    assert customer.poll(task).body == first.body
    assert customer.poll(other).json["solution"] == {"click": [3]}
    native = server.http.get(f"/v1/tasks/{task}", {"Authorization": f"Bearer {customer.key}"})
    assert native.json["answer"] == []


def test_an_answer_that_does_not_fit_is_refused_and_the_lease_goes_on(customer: Customer, worker: Worker) -> None:
    task = customer.create(TASKS["GridTask"]).json["taskId"]
    lease = take(worker)
    refused = worker.answer(lease, [17])

    assert refused.status == 400
    assert refused.json["error"] == "value must be a list of cell numbers 1..16, counted from the top left row by row"
    assert worker.answer(lease, [16]).json["accepted"]
    assert customer.poll(task).json["solution"] == {"click": [16]}


def test_a_click_on_a_lying_photograph_is_told_in_its_own_pixels(customer: Customer, worker: Worker) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = draw("JPEG", (80, 40), exif=exif)
    task = customer.create({"type": "CoordinatesTask", "body": text_of(lying)}).json["taskId"]
    lease = take(worker)
    medium = lease["question"]["media"][0]
    seen = Image.open(io.BytesIO(worker.media(medium["url"]).body))
    worker.answer(lease, [[0, 0], [39, 79]])

    assert (medium["width"], medium["height"]) == seen.size == (40, 80)
    assert customer.poll(task).json["solution"] == {"coordinates": [{"x": 0, "y": 39}, {"x": 79, "y": 0}]}


def test_all_media_of_a_task_can_be_fetched_and_the_instruction_after_them(server, customer, worker) -> None:
    machine = server.worker(machine=True, kinds=frozenset({Kind.DRAG, Kind.GRID, Kind.AUDIO}))
    pieces = [draw("PNG", (20 + i, 20)) for i in range(3)]
    customer.create({**TASKS["DragAndDropTask"], "images": [text_of(piece) for piece in pieces]})
    drag = take(machine)
    customer.create({**TASKS["GridTask"], "imgInstructions": text_of(pieces[0])})
    grid = take(machine)
    customer.create(TASKS["AudioTask"])
    sound = take(machine)

    assert [machine.media(medium["url"]).body for medium in drag["question"]["media"]] == [PICTURE, *pieces]
    assert machine.media(grid["question"]["instruction"]["image"]).body == pieces[0]
    heard = machine.media(sound["question"]["media"][0]["url"])
    assert (heard.body, heard.headers["content-type"]) == (SOUND, "audio/mpeg")


def test_people_see_an_animation_move_and_machines_get_it_as_sent(server, customer, worker) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "green", "blue")]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=[100, 200, 300])
    machine = server.worker(machine=True)
    customer.create({"type": "ImageToTextTask", "body": text_of(file.getvalue())})
    lease = machine.take()
    original = machine.media(lease["question"]["media"][0]["url"]).body
    machine.decline(lease)
    shown = worker.media(take(worker)["question"]["media"][0]["url"])
    moving: Any = Image.open(io.BytesIO(shown.body))

    assert original == file.getvalue()
    assert (shown.headers["content-type"], moving.format, moving.n_frames) == ("image/png", "PNG", 3)


def test_a_machine_that_finds_a_written_question_broken_only_abstains(server, customer, worker) -> None:
    machine = server.worker(machine=True, kinds=frozenset({Kind.QUESTION}))
    task = customer.create(TASKS["TextCaptchaTask"]).json["taskId"]
    machine.decline(take(machine), "broken")
    worker.answer(take(worker), "Tuesday")

    assert customer.poll(task).json["solution"] == {"text": "Tuesday"}


def test_a_broken_piece_ends_its_task_however_sound_the_background_is(server, customer) -> None:
    machine = server.worker(machine=True, kinds=frozenset({Kind.DRAG}))
    images = [BODY, text_of(PICTURE[:120])]
    task = customer.create({**TASKS["DragAndDropTask"], "images": images}).json["taskId"]
    machine.decline(take(machine), "broken")

    assert customer.poll(task).json["errorCode"] == "ERROR_CAPTCHA_UNSOLVABLE"
    assert customer.balance() == 1


@pytest.mark.parametrize(("dialect", "size"), [("capmonster", 51_200), ("2captcha", 100_000), ("anticaptcha", 500_000)])
def test_an_account_may_have_the_vendors_own_size_limits(server: Serving, dialect: str, size: int) -> None:
    strict, lenient = server.customer(strict=frozenset({Strictness.LIMITS})), server.customer()
    server.worker()
    fits, over = (text_of(PICTURE.ljust(length, b"\0")) for length in (size, size + 1))

    def create(customer: Customer, body: str) -> Any:
        return customer.create({"type": "ImageToTextTask", "body": body}, in_dialect(dialect)).json

    assert create(strict, fits)["errorId"] == create(lenient, over)["errorId"] == 0
    assert create(strict, over)["errorCode"] == "ERROR_TOO_BIG_CAPTCHA_FILESIZE"


def test_a_callbacks_host_must_be_registered(server: Serving, worker: Worker) -> None:
    customer = server.customer(callback_hosts=("receiver.example", "other.example:8080"))
    answers = {
        url: customer.create(callbackUrl=url).json
        for url in (
            "http://receiver.example/x", "https://receiver.example:9/", "http://other.example:8080/",
            "http://other.example/", "http://elsewhere.example/",
        )
    }  # fmt: skip

    assert [answer["errorId"] for answer in answers.values()] == [0, 0, 0, 110, 110]
    refused = answers["http://elsewhere.example/"]
    assert refused["errorCode"] == "ERROR_BAD_PARAMETERS"
    assert refused["errorDescription"].startswith("callbackUrl: the host elsewhere.example is not registered")


def test_the_user_agent_is_one_line_of_plain_text(server: Serving) -> None:
    reply = server.http.get("/api/useragent/actual")

    assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert reply.body.startswith(b"Mozilla/5.0 (")
    assert b"\n" not in reply.body


def test_a_task_may_be_called_by_a_name_of_the_operators_own(strict: Serving) -> None:
    customer, person = strict.customer(), strict.worker()
    task = customer.create({**TASKS["ComplexImageTask/text"], "metadata": {"Task": "meter"}}).json["taskId"]
    person.answer(person.take(), "0421")

    assert customer.poll(task).json["solution"] == {"answer": "0421", "metadata": {"AnswerType": "Text"}}


def test_the_user_agent_is_the_operators_choice(strict: Serving) -> None:
    assert strict.http.get("/api/useragent/actual").body == b"Desk/1.0 (tests)"


@pytest.mark.parametrize("dialect", sorted(HOSTS))
def test_a_queues_numbers_need_no_key(server: Serving, dialect: str) -> None:
    reply = server.http.post("/getQueueStats", {"queueId": 1}, in_dialect(dialect))
    unknown = server.http.post("/getQueueStats", {"queueId": 4}, in_dialect(dialect)).json

    assert reply.json.keys() == {"waiting", "load", "bid", "speed", "total"}
    assert isinstance(reply.json["bid"], str)
    assert (unknown["errorId"], unknown["errorCode"]) == (1 if dialect == "capmonster" else 110, "ERROR_BAD_PARAMETERS")


def test_spending_and_a_programs_chart_need_a_key(server: Serving, customer: Customer, worker: Worker) -> None:
    customer.create(TASKS["TextCaptchaTask"], softId=54)
    worker.answer(take(worker), "Tuesday")
    spent = customer.call("getSpendingStats", queue="TextCaptchaTask").json
    chart = customer.call("getAppStats", softId=54, mode="money").json
    nobodys = server.http.post("/getSpendingStats", {"clientKey": "f" * 32}).json

    assert nobodys["errorCode"] == "ERROR_KEY_DOES_NOT_EXIST"
    assert (spent["errorId"], len(spent["data"])) == (0, 24)
    assert [(hour["volume"], hour["money"]) for hour in spent["data"] if hour["volume"]] == [(1, 0.001)]
    assert [day["y"] for day in chart["chartData"][0]["data"]] == [0] * 29 + [0.001]
