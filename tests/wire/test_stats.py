"""Anti-Captcha's statistics: what may be asked, and what is shown to the byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from answerdesk.model.account import DAY_MS, Millis
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.talk import (
    AppAsk,
    AppStats,
    Call,
    Method,
    Period,
    QueueAsk,
    QueueStats,
    SpendingAsk,
    SpendingStats,
)
from answerdesk.wire import DIALECTS
from answerdesk.wire.grammar import method_of
from answerdesk.wire.stats import QUEUES, read_app, read_queue, read_spending
from tests.wire.samples import KEY


def call(**fields: Any) -> Call:
    return Call(key=KEY, body=fields)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("getQueueStats", Method.QUEUE_STATS),
        ("GETSPENDINGSTATS", Method.SPENDING_STATS),
        ("getAppStats/", Method.APP_STATS),
    ],
)
def test_the_methods_have_their_names(name: str, method: Method) -> None:
    assert method_of(f"/{name}") is method


def test_a_queue_is_named_by_its_number() -> None:
    assert read_queue(call(queueId=1)) == QueueAsk(kinds=(Kind.TEXT,), lang="en")
    assert read_queue(call(QueueID="2")) == QueueAsk(kinds=(Kind.TEXT,), lang="ru")
    assert read_queue(call(queueId=28.0)) == QueueAsk(kinds=(Kind.POINTS, Kind.BOXES))
    assert {number for number, ask in QUEUES.items() if not ask.kinds} == {
        *(5, 6, 7, 10, 12, 13, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 29),
    }


@pytest.mark.parametrize("given", [None, 3, 0, -1, "x", [], True, 1.5])
def test_no_other_queue_is_known(given: object) -> None:
    with pytest.raises(Refusal) as refused:
        read_queue(call(queueId=given))

    assert refused.value.fault is Fault.BAD_PARAMETERS
    assert refused.value.detail.startswith("queueId must be one of 1, 2, 5, 6, ")


@pytest.mark.parametrize(
    ("fields", "ask"),
    [
        ({}, SpendingAsk()),
        ({"date": None, "queue": "", "softId": "", "ip": False}, SpendingAsk()),
        ({"date": 1672185600}, SpendingAsk(since=Millis(1672185600000))),
        ({"date": "1672185600"}, SpendingAsk(since=Millis(1672185600000))),
        ({"queue": "English ImageToText"}, SpendingAsk(types=("ImageToTextTask",))),
        ({"queue": "gridtask"}, SpendingAsk(types=("GridTask",))),
        ({"queue": "ImageToCoordinatesTask/points"}, SpendingAsk(types=("ImageToCoordinatesTask/points",))),
        (
            {"queue": "ImageToCoordinatesTask"},
            SpendingAsk(types=("ImageToCoordinatesTask/points", "ImageToCoordinatesTask/rectangles")),
        ),
        ({"softId": 54, "ip": "1.2.3.4"}, SpendingAsk(soft_id=54, ip="1.2.3.4")),
    ],
)
def test_spending_is_narrowed_by_what_is_said(fields: dict[str, Any], ask: SpendingAsk) -> None:
    assert read_spending(call(**fields)) == ask


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"date": "yesterday"}, "date must be an integer 0..32503680000"),
        ({"date": 10**12}, "date must be an integer"),
        ({"queue": "no such"}, "queue must be one of ImageToTextTask, "),
        ({"queue": 5}, "queue must be a text (got 5)"),
        ({"softId": "x"}, "softId must be an integer"),
        ({"ip": 5}, "ip must be a text (got 5)"),
    ],
)
def test_what_narrows_nothing_we_know_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_spending(call(**fields))

    assert refused.value.fault is Fault.BAD_PARAMETERS
    assert refused.value.detail.startswith(words)


def test_a_programs_chart_is_of_errors_unless_said() -> None:
    assert read_app(call(softId="54")) == AppAsk(soft_id=54, mode="errors")
    assert read_app(call(softId=54, mode="money")) == AppAsk(soft_id=54, mode="money")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "softId is missing"),
        ({"softId": -1}, "softId must be an integer"),
        ({"softId": 1, "mode": "x"}, "mode must be one of errors, views, downloads, users, money"),
    ],
)
def test_a_chart_nobody_draws_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_app(call(**fields))

    assert refused.value.detail.startswith(words)


SHOWN = {
    "a queue": (
        QueueStats(total=3, idle=2, bid=Micros(860), seconds=10.774),
        '{"waiting":2,"load":33.33,"bid":"0.00086","speed":10.77,"total":3}',
    ),
    "a queue nobody serves": (QueueStats(), '{"waiting":0,"load":0,"bid":"0.00000","speed":0.0,"total":0}'),
    "spending": (
        SpendingStats(
            hours=(Period(since=Millis(3_600_000), till=Millis(7_200_000), count=2, amount=Micros(1_500)),),
        ),
        '{"errorId":0,"data":[{"dateFrom":3600,"dateTill":7199,"volume":2,"money":0.0015}]}',
    ),
}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize(("stats", "said"), SHOWN.values(), ids=SHOWN)
def test_statistics_are_the_same_in_every_dialect(stats: QueueStats | SpendingStats, said: str, dialect) -> None:
    assert dialect.write(stats, Method.QUEUE_STATS).decode() == said


DAYS = (
    Period(since=Millis(0), till=Millis(DAY_MS), count=7, amount=Micros(2_500_000)),
    Period(since=Millis(DAY_MS), till=Millis(2 * DAY_MS)),
)


@pytest.mark.parametrize(
    ("mode", "name", "values"), [("errors", "Accepted (paid)", ["7", "0"]), ("money", "Money", ["2.5", "0"])]
)
def test_a_chart_has_a_value_a_day(mode: str, name: str, values: list[str]) -> None:
    said = DIALECTS["anticaptcha"].write(AppStats(mode=mode, days=DAYS), Method.APP_STATS).decode()

    assert said == (
        f'{{"errorId":0,"chartData":[{{"name":"{name}","data":['
        f'{{"date":"1 January","shortdate":"1 Jan","y":{values[0]},"beginstamp":0,"endstamp":86399,"stamp":0}},'
        f'{{"date":"2 January","shortdate":"2 Jan","y":{values[1]},"beginstamp":86400,"endstamp":172799,"stamp":86400}}'
        ']}],"fromDate":"1970-01-01","toDate":"1970-01-02"}'
    )


@pytest.mark.parametrize("mode", ["views", "downloads", "users"])
def test_charts_without_numbers_are_empty(mode: str) -> None:
    said = json.loads(DIALECTS["anticaptcha"].write(AppStats(mode=mode, days=DAYS), Method.APP_STATS))

    assert said == {"errorId": 0, "chartData": [], "fromDate": "1970-01-01", "toDate": "1970-01-02"}
