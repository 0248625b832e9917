"""The log on stderr: one JSON object a line, or readable lines on a terminal; those of a request tell its id.
Rule: no secret ever reaches it, whoever logs it."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from answerdesk.cli.hiding import hidden, without_secrets

#: Parts that tell of every request or connection, and from what level on they are listened to. uvicorn warns of
#: each malformed request: strangers could fill the disk with that.
_TALKATIVE: Final = {
    "asyncio": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "uvicorn": logging.ERROR,
}


class Lines(logging.Formatter):
    """One line for each event."""

    def __init__(self, *, as_json: bool, request: Callable[[], str | None] = lambda: None) -> None:
        """Choose JSON, or text for people; `request` gives the id of the request that is being served."""
        super().__init__()
        self._as_json = as_json
        self._request = request

    def format(self, record: logging.LogRecord) -> str:
        """Lay an event out, with what belongs to it."""
        fields: dict[str, Any] = dict(getattr(record, "fields", {}))
        # An id is no secret, though many proxies make theirs look like one.
        request = fields.pop("request", None) or self._request()
        fields = without_secrets(fields)
        if record.exc_info:
            fields["exception"] = hidden(self.formatException(record.exc_info))
        if request is not None:
            fields = {"request": request, **fields}
        at = datetime.fromtimestamp(record.created, UTC)
        event = hidden(record.getMessage())
        if self._as_json:
            line = {"at": at.isoformat(timespec="milliseconds"), "level": record.levelname.lower(), "from": record.name}
            return json.dumps({**line, "event": event, **fields}, default=str)
        exception = fields.pop("exception", "")
        said = " ".join(f"{name}={value}" for name, value in fields.items())
        text = f"{at:%H:%M:%S} {record.levelname.lower():7} {event} {said}".rstrip()
        return f"{text}\n{exception}" if exception else text


def log_lines(level: str, request: Callable[[], str | None] = lambda: None) -> None:
    """Send this process's log to stderr; `request` gives the id of the request that is being served."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(as_json=not sys.stderr.isatty(), request=request))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level != "debug":
        for name, least in _TALKATIVE.items():
            logging.getLogger(name).setLevel(least)


def log_structured(level: str) -> None:
    """The same for a server, whose rooms log through structlog."""
    import structlog

    from answerdesk.api.http import current_id

    log_lines(level, current_id)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, _as_fields],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _as_fields(_logger: object, _method: str, event: Any) -> tuple[tuple[str], dict[str, Any]]:
    """Hand an event on to `logging`, its fields kept together so that none meets a name of the record's own."""
    said = str(event.pop("event", ""))
    return ("%s", said), {"exc_info": event.pop("exc_info", None), "extra": {"fields": event}}  # type: ignore[return-value]
