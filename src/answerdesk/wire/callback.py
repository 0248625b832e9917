"""What a callback posts, in the dialect its task was asked in.
Rule: one table of dialects; each writes its own body (PROTOCOL §4.8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from answerdesk.model.talk import Ready, Refused
from answerdesk.model.task import TaskId
from answerdesk.wire import DIALECTS, legacy, native
from answerdesk.wire.dialect import JSON

#: Gives the content type and the body of a settled task's callback.
Writer = Callable[[Ready | Refused, TaskId], tuple[str, bytes]]


def _native(reply: Ready | Refused, task: TaskId) -> tuple[str, bytes]:
    return JSON, native.write_task(task, reply)


_WRITERS: Final[Mapping[str, Writer]] = {
    **{name: dialect.write_callback for name, dialect in DIALECTS.items()},
    legacy.NAME: legacy.write_callback,
    native.NAME: _native,
}


def write_callback(dialect: str, reply: Ready | Refused, task: TaskId) -> tuple[str, bytes]:
    """Write a settled task's callback: its content type and its body."""
    return _WRITERS.get(dialect, _native)(reply, task)
