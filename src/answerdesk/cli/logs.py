"""The log on stderr: one JSON object a line, or readable lines on a terminal.
Rule: keys and tokens never reach it, whoever logs them."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, Final

#: Fields that are left out whole, and what a key or token looks like anywhere else.
SECRET: Final = frozenset({"authorization", "clientkey", "cookie", "key", "password", "secret", "token"})
_SECRET_LIKE: Final = re.compile(r"\b[0-9a-fA-F]{28}(?=[0-9a-fA-F]{4}\b)")
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

    def __init__(self, *, as_json: bool) -> None:
        """Choose JSON, or text for people."""
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Lay an event out, with what belongs to it."""
        fields: dict[str, Any] = {
            name: value for name, value in getattr(record, "fields", {}).items() if name.lower() not in SECRET
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        at = datetime.fromtimestamp(record.created, UTC)
        if self._as_json:
            line = {"at": at.isoformat(timespec="milliseconds"), "level": record.levelname.lower(), "from": record.name}
            return hidden(json.dumps({**line, "event": record.getMessage(), **fields}, default=str))
        exception = fields.pop("exception", "")
        said = " ".join(f"{name}={value}" for name, value in fields.items())
        text = f"{at:%H:%M:%S} {record.levelname.lower():7} {record.getMessage()} {said}".rstrip()
        return hidden(f"{text}\n{exception}" if exception else text)


def hidden(text: str) -> str:
    """Leave only the last four characters of what looks like a key or token."""
    return _SECRET_LIKE.sub("***", text)


def log_lines(level: str) -> None:
    """Send this process's log to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(as_json=not sys.stderr.isatty()))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level != "debug":
        for name, least in _TALKATIVE.items():
            logging.getLogger(name).setLevel(least)


def log_structured(level: str) -> None:
    """The same for a server, whose rooms log through structlog."""
    import structlog

    log_lines(level)
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
