"""Anti-Captcha's statistics: what is asked about queues, spending and programs, and the numbers shown.
Rule: all three are answered in every dialect, in the vendor's own form (PROTOCOL §4.4 to §4.6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from answerdesk.model import money
from answerdesk.model.account import Millis
from answerdesk.model.catalog import CATALOG, TYPES
from answerdesk.model.fault import Fault, Refusal
from answerdesk.model.question import Kind
from answerdesk.model.talk import AppAsk, AppStats, Call, Period, QueueAsk, QueueStats, SpendingAsk, SpendingStats
from answerdesk.model.task import LARGEST_ID
from answerdesk.wire.fields import pick, shown, whole

#: The vendor's queues; those of tokens have no solvers here.
QUEUES: Final[Mapping[int, QueueAsk]] = dict.fromkeys(
    (5, 6, 7, 10, 12, 13, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 29), QueueAsk()
) | {
    1: QueueAsk(kinds=(Kind.TEXT,), lang="en"),
    2: QueueAsk(kinds=(Kind.TEXT,), lang="ru"),
    28: QueueAsk(kinds=(Kind.POINTS, Kind.BOXES)),
}

#: What a queue is called when asked about spending: a type's name, a row's, or the vendor's own.
_NAMES: Final[Mapping[str, tuple[str, ...]]] = (
    {name.lower(): tuple(row for row in CATALOG if row.partition("/")[0] == name) for name in TYPES}
    | {name.lower(): (name,) for name in CATALOG}
    | {"english imagetotext": ("ImageToTextTask",), "russian imagetotext": ("ImageToTextTask",)}
)
_MODES: Final = ("errors", "views", "downloads", "users", "money")
_LATEST_SECOND: Final = 32_503_680_000


def read_queue(call: Call) -> QueueAsk:
    """Read which queue is meant."""
    given = pick(call.body, "queueId")
    asked = QUEUES.get(whole(given) or 0)
    if asked is None:
        accepted = ", ".join(map(str, sorted(QUEUES)))
        raise Refusal(Fault.BAD_PARAMETERS, f"queueId must be one of {accepted} (got {shown(given)})")
    return asked


def read_spending(call: Call) -> SpendingAsk:
    """Read which spending is meant; what is null or empty narrows nothing."""
    return SpendingAsk(
        since=_date(pick(call.body, "date")),
        types=_queue(pick(call.body, "queue")),
        soft_id=_number(pick(call.body, "softId"), "softId", LARGEST_ID),
        ip=_text(pick(call.body, "ip"), "ip"),
    )


def read_app(call: Call) -> AppAsk:
    """Read whose chart is meant."""
    soft_id = _number(pick(call.body, "softId"), "softId", LARGEST_ID)
    if soft_id is None:
        raise Refusal(Fault.BAD_PARAMETERS, "softId is missing; it must be the number of a program")
    mode = _text(pick(call.body, "mode"), "mode") or _MODES[0]
    if mode not in _MODES:
        raise Refusal(Fault.BAD_PARAMETERS, f"mode must be one of {', '.join(_MODES)} (got {shown(mode)})")
    return AppAsk(soft_id=soft_id, mode=mode)


def _date(given: object) -> Millis | None:
    second = _number(given, "date", _LATEST_SECOND)
    return None if second is None else Millis(second * 1000)


def _queue(given: object) -> tuple[str, ...]:
    name = _text(given, "queue")
    if name is None:
        return ()
    types = _NAMES.get(name.lower())
    if types is None:
        raise Refusal(Fault.BAD_PARAMETERS, f"queue must be one of {', '.join(TYPES)} (got {shown(given)})")
    return types


def _number(given: object, name: str, most: int) -> int | None:
    if given in (None, "", False):
        return None
    number = whole(given)
    if number is None or not 0 <= number <= most:
        raise Refusal(Fault.BAD_PARAMETERS, f"{name} must be an integer 0..{most} (got {shown(given)})")
    return number


def _text(given: object, name: str) -> str | None:
    if given in (None, False):
        return None
    if not isinstance(given, str):
        raise Refusal(Fault.BAD_PARAMETERS, f"{name} must be a text (got {shown(given)})")
    return given.strip() or None


def show_stats(stats: QueueStats | SpendingStats | AppStats) -> dict[str, Any]:
    """Show statistics as the vendor does; those of a queue have no errorId."""
    match stats:
        case QueueStats():
            return _show_queue(stats)
        case SpendingStats():
            return {"errorId": 0, "data": [_show_hour(hour) for hour in stats.hours]}
        case AppStats():
            return _show_app(stats)


def _show_queue(queue: QueueStats) -> dict[str, Any]:
    busy = queue.total - queue.idle
    return {
        "waiting": queue.idle,
        "load": round(100 * busy / queue.total, 2) if queue.total else 0,
        "bid": money.show(queue.bid),
        "speed": round(queue.seconds, 2),
        "total": queue.total,
    }


def _show_hour(hour: Period) -> dict[str, Any]:
    return {
        "dateFrom": hour.since // 1000,
        "dateTill": hour.till // 1000 - 1,
        "volume": hour.count,
        "money": money.number(hour.amount),
    }


#: The charts there are numbers for, by mode: what each is called. A program's other charts stay empty.
_CHARTS: Final = {"errors": "Accepted (paid)", "money": "Money"}


def _show_app(app: AppStats) -> dict[str, Any]:
    data = [_show_day(day, money.number(day.amount) if app.mode == "money" else day.count) for day in app.days]
    return {
        "errorId": 0,
        "chartData": [{"name": _CHARTS[app.mode], "data": data}] if app.mode in _CHARTS else [],
        "fromDate": _day(app.days[0].since).strftime("%Y-%m-%d"),
        "toDate": _day(app.days[-1].since).strftime("%Y-%m-%d"),
    }


def _show_day(day: Period, value: Any) -> dict[str, Any]:
    begin, date = day.since // 1000, _day(day.since)
    return {
        "date": f"{date.day} {date:%B}",
        "shortdate": f"{date.day} {date:%b}",
        "y": value,
        "beginstamp": begin,
        "endstamp": day.till // 1000 - 1,
        "stamp": begin,
    }


def _day(at: Millis) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)
