"""Many orders at once, and the stream of events they are heard of by."""

from decimal import Decimal
from typing import Any

import pytest

from answerdesk_client import AsyncClient, Client, Order, Progress, Refused, Solution, TimedOut, Unavailable, Unsolvable
from tests.client.loopback import HANGS_UP, Says, says

PNG = bytes(200)
ORDER = Order.text(PNG)
NOWHERE = says(404, error="no events here")


def task(number, status="open", **more):
    return {"id": number, "status": status, **more}


def ready(number, answer="hello"):
    return task(number, "ready", type="ImageToTextTask", kind="text", answer=answer, cost="0.00100")


def failed(number):
    problem = {"code": "ERROR_CAPTCHA_UNSOLVABLE", "status": 422, "detail": "nobody", "title": "No"}
    return task(number, "failed", error=problem)


def made(*outcomes):
    return says(outcomes=[each if "error" in each and "id" not in each else {"task": each} for each in outcomes])


def stream(place, *settled):
    """A stream that tells its place, then tasks, and breaks off."""
    body = b"id: %d\n\n: alive\n\n" % place
    for number, each in enumerate(settled, place + 1):
        body += b"id: %d\nevent: settled\ndata: %s\n\n" % (number, says(**each).body)
    return Says(body)


def paths(server):
    return [heard.path for heard in server.heard]


def test_a_batch_is_made_in_one_call_and_heard_of_by_events(desk, server):
    server.will_say(stream(5), made(task(1), task(2)), says(**task(1)), stream(5, failed(2), ready(1)))
    first, second = desk.batch([ORDER, Order.question("2 + 2?")])

    assert (first.text, first.cost) == ("hello", Decimal("0.00100"))
    assert isinstance(second, Unsolvable)
    assert paths(server) == ["/v1/events", "/v1/tasks/batch", "/v1/tasks/1?wait=5", "/v1/events"]
    assert server.heard[1].json == {"tasks": [ORDER.ask(), Order.question("2 + 2?").ask()]}
    assert "last-event-id" not in server.heard[0].headers
    assert server.heard[3].headers["last-event-id"] == "5"


def test_what_was_refused_or_settled_at_once_is_not_waited_for(desk, server):
    refused = {"error": {"code": "ERROR_ZERO_BALANCE", "status": 402, "detail": "poor", "title": "No"}}
    server.will_say(stream(0), made(refused, ready(2)))
    first, second = desk.batch([ORDER, ORDER])

    assert (type(first), first.code) == (Refused, "ERROR_ZERO_BALANCE")
    assert second.text == "hello"


def test_progress_is_told_as_each_comes_to_its_end(desk, server):
    told: list[Progress] = []
    server.will_say(stream(0), made(task(1), task(2)), says(**task(1)), stream(0, ready(2), ready(1)))
    outcomes = desk.batch([ORDER, ORDER], progress=told.append)

    assert [(each.done, each.index, each.task) for each in told] == [(1, 1, 2), (2, 0, 1)]
    assert [each.outcome for each in told] == outcomes[::-1]


def test_without_a_stream_tasks_are_polled(desk, server):
    server.will_say(NOWHERE, made(task(1), task(2)), says(**ready(1)), NOWHERE, says(**ready(2)))
    assert [each.text for each in desk.batch([ORDER, ORDER])] == ["hello"] * 2
    assert paths(server)[2:] == ["/v1/tasks/1?wait=5", "/v1/events", "/v1/tasks/2?wait=5"]


def test_a_stream_that_comes_late_hides_nothing(desk, server):
    """What settled before it began is looked at."""
    server.will_say(NOWHERE, made(task(1), task(2)), says(**task(1)), stream(9), says(**ready(1)), says(**ready(2)))
    assert [each.text for each in desk.batch([ORDER, ORDER])] == ["hello"] * 2


def test_orders_are_made_only_as_there_is_room(desk, server):
    taken: list[int | str] = []

    def orders():
        for number in range(4):
            taken.append(number)
            yield ORDER

    def look(progress):
        taken.append(f"done {progress.index}")

    server.will_say(stream(0), made(ready(1), ready(2)), made(ready(3), ready(4)))
    desk.batch(orders(), at_once=2, progress=look)

    assert taken == [0, 1, "done 0", "done 1", 2, 3, "done 2", "done 3"]


def test_a_batch_stays_within_what_a_server_reads(desk, server):
    big = Order(type="ImageToTextTask", fields={"body": "A" * 3_000_000})
    server.will_say(stream(0), made(ready(1), ready(2)), made(ready(3)))
    desk.batch([big] * 3)

    assert [len(heard.json["tasks"]) for heard in server.heard[1:]] == [2, 1]


def test_a_batch_whose_reply_was_lost_is_sent_again_as_the_same(desk, server):
    server.will_say(stream(0), HANGS_UP, made(ready(1)))
    desk.batch([ORDER])

    assert len({(heard.body, heard.headers["idempotency-key"]) for heard in server.heard[1:]}) == 1


def test_a_task_is_late_only_after_a_last_look(desk, server):
    server.will_say(
        stream(0), made(task(1), task(2)), Says(says(**task(1)).body, takes=9.0),
        stream(0), says(**ready(1)), says(**task(2)),
    )  # fmt: skip
    first, second = desk.batch([ORDER, ORDER], timeout=8)

    assert first.text == "hello"
    assert isinstance(second, TimedOut)
    assert (second.task, second.timeout) == (2, 8)


def test_a_key_nobody_knows_is_raised(desk, server):
    problem: dict[str, Any] = {"code": "ERROR_KEY_DOES_NOT_EXIST", "status": 401, "detail": "unknown", "title": "No"}
    server.will_say(says(401, **problem), says(401, **problem))
    with pytest.raises(Refused, match="ERROR_KEY_DOES_NOT_EXIST: unknown"):
        desk.batch([ORDER])


def test_no_orders_are_no_outcomes(desk, server):
    server.will_say(stream(0))
    assert desk.batch([]) == []


def test_events_are_told_through_a_break_without_a_gap(desk, server, moment):
    server.will_say(stream(5, ready(1)), HANGS_UP, Says(b"", status=503), stream(6, ready(2), ready(3)))
    events = desk.events()
    told = [next(events) for _ in range(3)]
    events.close()

    assert [(event.id, event.task.id) for event in told] == [("6", 1), ("7", 2), ("8", 3)]
    assert [heard.headers.get("last-event-id") for heard in server.heard] == [None, "6", "6", "6"]
    assert len(moment.slept) == 3


def test_events_resume_where_the_caller_was(desk, server):
    server.will_say(stream(7, ready(1)))
    events = desk.events("7")

    assert isinstance(next(events).task.answer, str)
    events.close()
    assert server.heard[0].headers["last-event-id"] == "7"


def test_half_an_event_is_told_once_it_is_whole(desk, server):
    whole = stream(5, ready(1))
    server.will_say(Says(whole.body[:-20]), whole)
    events = desk.events()

    assert next(events).id == "6"
    events.close()


def test_events_that_never_come_back_are_given_up(opener, server):
    desk = opener.open(Client, AsyncClient, server.url, "k", patience=1.0)
    server.will_say(*[HANGS_UP] * 20)
    with pytest.raises(Unavailable, match="the stream of events was not there"):
        next(desk.events())


def test_a_refused_stream_is_a_refusal(desk, server):
    server.will_say(says(401, code="ERROR_KEY_DOES_NOT_EXIST", status=401, detail="unknown", title="No"))
    with pytest.raises(Refused, match="unknown"):
        next(desk.events())


def test_an_outcome_is_an_answer_or_an_error(desk, server):
    server.will_say(stream(0), made(ready(1), failed(2)))
    outcomes = desk.batch([ORDER, ORDER])

    assert [isinstance(each, Solution) for each in outcomes] == [True, False]
